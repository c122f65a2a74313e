"""README's table of recorded traces from `hpatune evaluate --json`: each seed's policy beside the baseline `linear`.

Share of the gap closed: (tuned - policy) / (tuned - optimum) in the objective, 0 is the tuned static HPA, 1 the clairvoyant
optimum. The intervals resample traces, then seeds, 20,000 times.
"""

import json
import random
import statistics
import sys

result = json.load(open(sys.argv[1]))
runs, optimum = {}, {it["trace"]: it["lower"] for it in result["optimum"]}
for run in result["runs"]:
    runs.setdefault(run["trace"], {})[run["policy"]] = run
seeds = sorted({run["policy"] for run in result["runs"] if run["policy"].startswith("seed-")})


def gap(trace, policy):
    of = lambda name: runs[trace][name]["objective"]
    return (of("tuned") - of(policy)) / (of("tuned") - optimum[trace])


def ratio(trace, policy, *path):
    value = lambda name: [run := runs[trace][name], *(run := run[key] for key in path)][-1]
    return value(policy) / value("tuned")


def late(trace, policy):
    return 100 * runs[trace][policy]["slo"]["violation_rate"]


def mean(values):
    return statistics.fmean(values)


def interval(of, among):
    """95 % interval of the mean over traces of the mean over seeds of `of(trace, seed)`."""
    rng, means = random.Random(0), []
    for _ in range(20_000):
        drawn = [rng.choice(among) for _ in among]
        means.append(mean([of(trace, rng.choice(seeds)) for trace in drawn for _ in seeds]))
    means.sort()
    return means[500], means[19_499]


print("| trace | optimum / tuned | gap closed, policy (least, most of the seeds) | `linear` | objective / tuned | cost / tuned | late %, tuned → policy | `linear` | stock-80 |")
print("|---|---:|---|---:|---:|---:|---|---:|---:|")
for trace in runs:
    gaps = [gap(trace, seed) for seed in seeds]
    print(
        f"| {trace} | {optimum[trace] / runs[trace]['tuned']['objective']:.2f} "
        f"| {mean(gaps):.2f} ({min(gaps):.2f}, {max(gaps):.2f}) | {gap(trace, 'linear'):.2f} "
        f"| {mean([ratio(trace, seed, 'objective') for seed in seeds]):.3f} "
        f"| {mean([ratio(trace, seed, 'cost', 'usd') for seed in seeds]):.3f} "
        f"| {late(trace, 'tuned'):.2f} → {mean([late(trace, seed) for seed in seeds]):.2f} "
        f"| {late(trace, 'linear'):.2f} | {late(trace, 'stock-80'):.2f} |"
    )
figures = [
    ("gap closed", gap),
    ("gap closed beyond `linear`", lambda trace, seed: gap(trace, seed) - gap(trace, "linear")),
    ("objective / tuned", lambda trace, seed: ratio(trace, seed, "objective")),
    ("cost / tuned", lambda trace, seed: ratio(trace, seed, "cost", "usd")),
    ("late % less the tuned HPA's", lambda trace, seed: late(trace, seed) - late(trace, "tuned")),
]
pools = [trace for trace in runs if trace.startswith("pool")]
for title, among in [("all", list(runs)), ("CPU of pools", pools), ("requests", [it for it in runs if it not in pools])]:
    print(f"\n{title}: gap closed by `linear` {mean([gap(trace, 'linear') for trace in among]):.3f}")
    for name, of in figures:
        low, high = interval(of, among)
        print(f"  {name}: {mean([of(trace, seed) for trace in among for seed in seeds]):.3f} [{low:.3f}, {high:.3f}]")
