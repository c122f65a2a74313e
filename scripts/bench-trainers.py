"""Stable-Baselines3 and sbx on the synthetic environment of src/env/synthetic.rs, and a table of all trainers.

Run by bench-trainers.sh as `bench-trainers.py STEPS SEEDS ROWS`; ROWS holds hpatune's own lines.
"""

import importlib
import json
import sys
import time

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

ENVIRONMENTS, STEPS = 16, 256


class Synthetic(VecEnv):
    """All environments in one NumPy array: the best case for the library."""

    def __init__(self, seed):
        box = spaces.Box(-np.inf, np.inf, (24,), np.float32)
        super().__init__(ENVIRONMENTS, box, spaces.Discrete(9))
        self.rng = np.random.default_rng(seed)
        self.returns, self.finished = np.zeros(ENVIRONMENTS), []

    def noise(self):
        return self.rng.uniform(-1, 1, (ENVIRONMENTS, 24)).astype(np.float32)

    def reset(self):
        self.x, self.t = self.noise(), 0
        return self.x.copy()

    def step_async(self, actions):
        self.actions = actions

    def step_wait(self):
        best = np.minimum(np.floor(4.5 * (1 + np.tanh(2 * self.x[:, 0]))), 8)
        rewards = 1 - np.abs(self.actions - best) / 8
        self.x = 0.9 * self.x + 0.3 * self.noise()
        self.t += 1
        self.returns += rewards
        done = self.t >= STEPS
        infos = [{} for _ in range(ENVIRONMENTS)]
        if done:
            self.finished.append(self.returns.mean())
            self.returns = np.zeros(ENVIRONMENTS)
            for info, last in zip(infos, self.x):
                info.update({"terminal_observation": last.copy(), "TimeLimit.truncated": True})
            self.reset()
        return self.x.copy(), rewards.astype(np.float32), np.full(ENVIRONMENTS, done), infos

    def close(self):
        pass

    def get_attr(self, name, indices=None):
        return [None] * ENVIRONMENTS

    def set_attr(self, name, value, indices=None):
        pass

    def env_method(self, name, *args, indices=None, **kwargs):
        return [None] * ENVIRONMENTS

    def env_is_wrapped(self, wrapper, indices=None):
        return [False] * ENVIRONMENTS


def rate(updates):
    """The step size falls linearly from 3e-4 at the first update to a share of 1 / updates of it at the last.

    Stable-Baselines3 gives what is left after the update's steps, which is 0 at the last one, and in the warm-up.
    """
    return lambda left: 3e-4 * min(left + 1 / updates, 1)


def train(library, epochs, minibatch, steps, seed):
    """Steps a second, and the mean return of the last update's episodes."""
    env = Synthetic(seed)
    updates = -(-steps // (ENVIRONMENTS * STEPS))
    network = dict(net_arch=dict(pi=[64, 64], vf=[64, 64]))
    model = importlib.import_module(library).PPO(
        "MlpPolicy", env, n_steps=STEPS, batch_size=minibatch, n_epochs=epochs, learning_rate=rate(updates),
        ent_coef=0.0, vf_coef=0.5, policy_kwargs=network, seed=seed,
        **({"device": "cpu"} if library == "stable_baselines3" else {}),
    )
    model.learn(ENVIRONMENTS * STEPS)  # compiles and warms up, and learns next to nothing: see rate
    start = time.perf_counter()
    model.learn(updates * ENVIRONMENTS * STEPS)
    return updates * ENVIRONMENTS * STEPS / (time.perf_counter() - start), env.finished[-1]


def main():
    steps, seeds, rows = int(sys.argv[1]), int(sys.argv[2]), [json.loads(line) for line in open(sys.argv[3])]
    timed, compared = rows[:4], rows[4:]
    table = [(f"hpatune, {row['threads']} threads, {row['isa']}", row["steps_per_s"], "4/1024" if i % 2 else "10/256")
             for i, row in enumerate(timed)]
    returns = {"hpatune": [row["return"] for row in compared]}
    for library in ("stable_baselines3", "sbx"):
        try:
            importlib.import_module(library)
        except ImportError:
            continue
        if library == "stable_baselines3":
            import torch
            torch.set_num_threads(1)
        for epochs, minibatch in ((10, 256), (4, 1024)):
            table.append((library, train(library, epochs, minibatch, steps, 0)[0], f"{epochs}/{minibatch}"))
        returns[library] = [train(library, 10, 256, 94208, seed)[1] for seed in range(seeds)]
    best = {work: max(rate for name, rate, kind in table if name.startswith("hpatune") and kind == work)
            for work in ("10/256", "4/1024")}
    print(f"{'trainer':32} {'epochs/minibatch':>17} {'steps/s':>9} {'hpatune is':>11}")
    for name, rate, work in table:
        ratio = "" if name.startswith("hpatune") else f"{best[work] / rate:.1f} times"
        print(f"{name:32} {work:>17} {rate:9,.0f} {ratio:>11}")
    print("\nmean episode return after 94,208 steps (the best policy earns 256), seed by seed")
    for name, values in returns.items():
        print(f"{name:32} {np.mean(values):7.1f}   " + " ".join(f"{value:.1f}" for value in values))


if __name__ == "__main__":
    main()
