"""README's tables of recorded traces from `hpatune evaluate --json`: each training seed's policy beside the baseline `linear`.

The intervals resample traces and training seeds.
"""

import sys

from judged import Judged, mean, signed, told

judged = Judged(sys.argv[1])
result, runs, optimum, figure = judged.result, judged.runs, judged.optimum, judged.figure
gap, beyond, objective, cost, late, later = (
    judged.gap, judged.beyond, judged.objective, judged.cost, judged.late, judged.later
)
# One network for all functions, and those of the functions by themselves that went on from it.
seeds, own = ([name for name in judged.policies if name.startswith(kind)] for kind in ("seed-", "own-"))


def by_trace():
    print("| trace | optimum / tuned | gap closed, policy (least, most of the seeds) | `linear` | objective / tuned | cost / tuned | late %, tuned → policy | `linear` | stock-80 |")
    print("|---|---:|---|---:|---:|---:|---|---:|---:|")
    for trace in runs:
        gaps = [gap(trace, seed) for seed in seeds]
        print(
            f"| {trace} | {optimum[trace] / figure(trace, 'tuned', 'objective'):.2f} "
            f"| {mean(gaps):.2f} ({min(gaps):.2f}, {max(gaps):.2f}) | {gap(trace, 'linear'):.2f} "
            f"| {mean([objective(trace, seed) for seed in seeds]):.3f} | {mean([cost(trace, seed) for seed in seeds]):.3f} "
            f"| {late(trace, 'tuned'):.2f} → {mean([late(trace, seed) for seed in seeds]):.2f} "
            f"| {late(trace, 'linear'):.2f} | {late(trace, 'stock-80'):.2f} |"
        )


def means():
    pools = [trace for trace in runs if trace.startswith("pool")]
    others = [trace for trace in runs if trace not in pools]
    print("\n| mean | networks | gap closed | by `linear` | beyond `linear` | cost / tuned | late %, less the tuned HPA's |")
    print("|---|---|---|---:|---|---|---|")
    kinds = [("all {}", list(runs)), ("CPU of {} pools", pools), ("requests of {} services", others)]
    for networks, names in [("one for all", seeds), ("one each", own)]:
        for title, among in kinds if names else []:
            if among:
                print(
                    f"| {title.format(len(among))} | {networks} | {told(gap, among, names, 2)} "
                    f"| {mean([gap(trace, 'linear') for trace in among]):.2f} | {told(beyond, among, names, 2, True)} "
                    f"| {told(cost, among, names, 3)} | {told(later, among, names, 2, True)} |"
                )


def pooled():
    """As `evaluate` pools functions, with its own intervals; a cell of several policies goes from the least to the most."""
    summaries = {it["policy"]: it for it in result["summary"]}
    known = lambda values: [value for value in values if value is not None]

    def cell(among, key, text):
        figures = [it[key] for it in among if key in it]
        middle, ends = known([it["mean"] for it in figures]), known([it[end] for it in figures for end in ("lower", "upper")])
        if not middle:
            return "–"
        from_to = " to ".join(dict.fromkeys([text(min(middle)), text(max(middle))]))
        return f"{from_to} [{text(min(ends))}, {text(max(ends))}]" if len(ends) == 2 * len(figures) else from_to

    change = lambda ratio: f"{signed(100 * (ratio - 1), 1, True)} %"
    print("\n| policy | cost against tuned [95 %] | late or lost % | cost at equal lateness [95 %] | gap closed, as `evaluate` pools it [95 %] |")
    print("|---|---|---:|---|---|")
    for title, names in [(f"policies of {len(seeds)} seeds", seeds), *((f"`{name}`", [name]) for name in ("linear", "tuned", "stock-80"))]:
        among = [summaries[name] for name in names if name in summaries]
        rates = [100 * it["mean"]["slo"]["violation_rate"] for it in among]
        if among:
            own = names == ["tuned"]
            print(
                f"| {title} | {'' if own else cell(among, 'cost_vs_tuned', change)} "
                f"| {' to '.join(dict.fromkeys([f'{min(rates):.2f}', f'{max(rates):.2f}']))} "
                f"| {cell(among, 'cost_at_equal_violations', change)} "
                f"| {'' if own else cell(among, 'gap_closed', lambda value: signed(value, 2))} |"
            )


by_trace()
means()
pooled()
