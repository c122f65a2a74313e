"""Share of the gap closed by one policy for all, and on functions left out, from `hpatune evaluate --json`.

Run by left-out.sh as `left-out.py EVALUATION half-a=TRACE,...`, which names what half-a learned on; half-b learned on the rest.
The intervals resample traces, 20,000 times.
"""

import json
import random
import statistics
import sys

result = json.load(open(sys.argv[1]))
name, learned = sys.argv[2].split("=")
learned = learned.split(",")
runs, optimum = {}, {it["trace"]: it["lower"] for it in result["optimum"]}
for run in result["runs"]:
    runs.setdefault(run["trace"], {})[run["policy"]] = run


def gap(trace, policy):
    of = lambda name: runs[trace][name]["objective"]
    return (of("tuned") - of(policy)) / (of("tuned") - optimum[trace])


def left_out(trace):
    return "half-b" if trace in learned else name


def cost(trace, policy):
    return runs[trace][policy]["cost"]["usd"] / runs[trace]["tuned"]["cost"]["usd"]


def interval(values):
    rng = random.Random(0)
    means = sorted(statistics.fmean(rng.choices(values, k=len(values))) for _ in range(20_000))
    return f"{statistics.fmean(values):.2f} [{means[500]:.2f}, {means[19_499]:.2f}]"


print("| trace | one for all | left out | its cost / tuned |")
print("|---|---:|---:|---:|")
for trace in runs:
    out = left_out(trace)
    print(f"| {trace} | {gap(trace, 'all'):.2f} | {gap(trace, out):.2f} | {cost(trace, out):.3f} |")
for title, policy in [("one for all", lambda _: "all"), ("left out", left_out)]:
    print(f"{title}: gap closed {interval([gap(t, policy(t)) for t in runs])}, cost / tuned "
          f"{interval([cost(t, policy(t)) for t in runs])}")
