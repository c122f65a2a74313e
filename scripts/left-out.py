"""README's lines on one policy for all, and on functions left out, from `hpatune evaluate --json`.

Run by left-out.sh as `left-out.py EVALUATION TRACE...`, the traces that half-a learned on; half-b learned on the others. The
intervals resample traces.
"""

import sys

from judged import Judged, told

judged = Judged(sys.argv[1])


def left_out(trace):
    """The policy that has not learned on it."""
    return "half-b" if trace in sys.argv[2:] else "half-a"


print("| trace | gap closed, one for all | left out | its cost / tuned |")
print("|---|---:|---:|---:|")
for trace in judged.runs:
    out = left_out(trace)
    print(f"| {trace} | {judged.gap(trace, 'all'):.2f} | {judged.gap(trace, out):.2f} | {judged.cost(trace, out):.3f} |")
for title, policy in [("one for all", lambda _: "all"), ("left out", left_out)]:
    gap, cost = (told(lambda trace, _, of=of: of(trace, policy(trace)), judged.runs, [None], 2) for of in (judged.gap, judged.cost))
    print(f"{title}: gap closed {gap}, cost / tuned {cost}")
