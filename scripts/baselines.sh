#!/usr/bin/env bash
# Every baseline but `clairvoyant-hpa`, whose search takes long, on the four synthetic traces that ship, request by request on
# time that search did not see: the objective in pod-hours, and late requests in percent. It prints the figures of README's
# table of baselines, in minutes.
#
#   scripts/baselines.sh [OUT]
#
# OUT is out/baselines by default.
set -euo pipefail

out=$(realpath -m "${1:-out/baselines}")
cd "$(dirname "$0")/.."
cargo build --release
mkdir -p "$out"

baselines=()
for name in clairvoyant predictive-load tuned clairvoyant-static linear knative knative-zero wpa predictive \
    predictive-holt-winters predictive-linear lcp stock-70 stock-80 stock-50 keda schedule vpa step-8020 constant-peak random \
    pid; do
    baselines+=(--baseline "$name")
done

evaluations=()
for name in diurnal bursty flash weekly; do
    target/release/hpatune evaluate --trace "traces/$name.parquet" --level requests --seeds 1 "${baselines[@]}" -o "$out/$name" \
        --json > "$out/$name.json"
    evaluations+=("$out/$name.json")
done
python3 scripts/baselines.py "${evaluations[@]}"
