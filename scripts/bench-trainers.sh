#!/usr/bin/env bash
# hpatune's trainer beside other libraries' PPO on the synthetic environment of src/env/synthetic.rs: environment steps a
# second, and mean returns after equal numbers of steps. Packages are installed into a virtual environment of its own.
#
#   scripts/bench-trainers.sh [STEPS] [SEEDS]      200,000 steps to time, and 5 seeds of 94,208 steps to compare returns
set -euo pipefail
cd "$(dirname "$0")/.."
steps=${1:-200000} seeds=${2:-5}
venv=${BENCH_VENV:-target/bench-venv}
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

cargo bench --no-default-features --features train --bench trainers --no-run
ours() { cargo bench -q --no-default-features --features train --bench trainers -- "$@" >> "$rows"; }
for threads in 1 "$(nproc)"; do
    RAYON_NUM_THREADS=$threads ours discrete 10 256 "$steps"
    RAYON_NUM_THREADS=$threads ours discrete 4 1024 "$steps"
done
ours discrete 10 256 94208 "$seeds"

if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
for package in stable-baselines3 sbx-rl; do
    "$venv/bin/pip" install -q "$package" || echo "no $package: it is left out" >&2
done
"$venv/bin/python" scripts/bench-trainers.py "$steps" "$seeds" "$rows"
