#!/usr/bin/env bash
# Cost against late requests: PPO-Lagrangian under several limits (percent of requests, the arguments or 0.25 0.5 1 2),
# all judged on time none of them has seen. The table and out/pareto/evaluation/ show the front.
set -euo pipefail
cd "$(dirname "$0")/.."

limits=("$@")
[ ${#limits[@]} -gt 0 ] || limits=(0.25 0.5 1 2)
out=out/pareto
trace=traces/weekly.parquet
mkdir -p "$out"

cargo build --release
hpatune=target/release/hpatune
policies=()
for limit in "${limits[@]}"; do
    sed "s/^limit = .*/limit = $limit/" configs/ppo-lagrangian.toml > "$out/limit-$limit.toml"
    "$hpatune" train -c "$out/limit-$limit.toml" -o "$out/limit-$limit"
    cp "$out/limit-$limit/policy.safetensors" "$out/limit-$limit.safetensors"
    policies+=(--policy "$out/limit-$limit.safetensors")
done
"$hpatune" evaluate --trace "$trace" "${policies[@]}" -o "$out/evaluation"
