"""README's table of ablations from the trials.csv of scripts/ablations.sh: means over seeds, on validation time."""

import csv
import statistics
import sys

from judged import signed

variants = {}
for row in csv.DictReader(open(sys.argv[1])):
    name = "default" if row["name"] == "as it stands" else row["name"].rsplit(", seed ", 1)[0]
    figures = [row["cost_vs_reference"], row["violation_rate"]]
    variants.setdefault(name, []).append([100 * float(it) if it else float("nan") for it in figures])

default = statistics.fmean(cost for cost, _ in variants["default"])
print("| variant | cost, % of the tuned HPA's (least, most of the seeds) | against the default, points | late % |")
print("|---|---|---:|---:|")
for name, runs in variants.items():
    costs, late = [cost for cost, _ in runs], statistics.fmean(late for _, late in runs)
    cost = statistics.fmean(costs)
    print(f"| {name} | {cost:.1f} ({min(costs):.1f}, {max(costs):.1f}) | {signed(cost - default, 1, plus=True)} | {late:.2f} |")
