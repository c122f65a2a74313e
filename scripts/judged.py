"""What tables take from `hpatune evaluate --json`: runs against the tuned static HPA and the clairvoyant optimum.

Share of the gap closed: (tuned - policy) / (tuned - optimum) in the objective, 0 is the tuned static HPA, 1 the clairvoyant
optimum. A trace has one function; its figures are means over simulator seeds.
"""

import json
import random
import statistics

RESAMPLES = 20_000
mean = statistics.fmean


class Judged:
    """A comparison, by trace and policy."""

    def __init__(self, path):
        self.result = json.load(open(path))
        self.runs, functions = {}, {}
        for run in self.result["runs"]:
            functions.setdefault(run["trace"], set()).add(run["function"])
            self.runs.setdefault(run["trace"], {}).setdefault(run["policy"], []).append(run)
        several = [trace for trace, names in functions.items() if len(names) > 1]
        assert not several, f"a trace is to have one function: {', '.join(several)}"
        self.optimum = {it["trace"]: it["lower"] for it in self.result["optimum"]}
        self.policies = sorted({run["policy"] for run in self.result["runs"]})

    def figure(self, trace, policy, *path):
        """Mean over simulator seeds of a figure of the runs."""

        def of(run):
            for key in path:
                run = run[key]
            return run

        return mean([of(run) for run in self.runs[trace][policy]])

    def gap(self, trace, policy):
        tuned = self.figure(trace, "tuned", "objective")
        return (tuned - self.figure(trace, policy, "objective")) / (tuned - self.optimum[trace])

    def beyond(self, trace, policy):
        return self.gap(trace, policy) - self.gap(trace, "linear")

    def objective(self, trace, policy):
        return self.figure(trace, policy, "objective") / self.figure(trace, "tuned", "objective")

    def cost(self, trace, policy):
        return self.figure(trace, policy, "cost", "usd") / self.figure(trace, "tuned", "cost", "usd")

    def late(self, trace, policy):
        return 100 * self.figure(trace, policy, "slo", "violation_rate")

    def later(self, trace, policy):
        return self.late(trace, policy) - self.late(trace, "tuned")


def interval(of, among, seeds):
    """Mean over traces and training seeds, and its 95 % interval: a training seed is one policy for all traces, so a resample
    draws its seeds once, for all traces."""
    values = [[of(trace, seed) for seed in seeds] for trace in among]
    rng, means = random.Random(0), []
    for _ in range(RESAMPLES):
        drawn = [rng.randrange(len(seeds)) for _ in seeds]
        rows = [rng.choice(values) for _ in values]
        means.append(mean([row[seed] for row in rows for seed in drawn]))
    means.sort()
    return mean([value for row in values for value in row]), means[RESAMPLES // 40], means[-1 - RESAMPLES // 40]


def signed(value, decimals, plus=False):
    text = f"{value:{'+' if plus else ''}.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("+-")


def told(of, among, seeds, decimals, plus=False):
    value, low, high = (signed(it, decimals, plus) for it in interval(of, among, seeds))
    return f"{value} [{low}, {high}]"
