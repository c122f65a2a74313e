"""README's table of baselines, from `hpatune evaluate --json` on one trace each.

Run by baselines.sh as `baselines.py EVALUATION...`. A trace may have several functions: objectives add up, and late requests
are a share of all.
"""

import json
import pathlib
import sys

names, columns = [], []
for path in sys.argv[1:]:
    figures = {}
    for run in json.load(open(path))["runs"]:
        if run["policy"] not in names:
            names.append(run["policy"])
        objective, late, requests = figures.get(run["policy"], (0, 0, 0))
        offered = run["requests"]["offered"]
        figures[run["policy"]] = (
            objective + run["objective"],
            late + run["slo"]["violation_rate"] * offered,
            requests + offered,
        )
    columns.append(figures)

print("| baseline |", " | ".join(pathlib.Path(path).stem for path in sys.argv[1:]), "|")
print("|---|" + "---:|" * len(columns))
for name in names:
    cells = []
    for figures in columns:
        objective, late, requests = figures[name]
        late *= 100 / requests
        cells.append(f"{objective:,.0f} ({late:.2f})" if late < 1 else f"{objective:,.0f} ({late:.2g})")
    print(f"| `{name}` |", " | ".join(cells), "|")
