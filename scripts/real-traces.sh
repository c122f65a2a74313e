#!/usr/bin/env bash
# The whole pipeline on ten public recorded traces: ingest, train one network for all with several seeds, go on from it on
# every function by itself, judge both request by request on time that nothing has seen. It prints README's tables of recorded
# traces.
#
#   scripts/real-traces.sh DIRECTORY [OUT] [SEEDS]
#
# DIRECTORY holds the downloads (cloud_cluster_capacity_2024, huawei_2023, web_requests), which are not ours to ship; OUT is
# out/real by default, SEEDS 5.
set -euo pipefail

traces=$(realpath "${1:?"name the directory of the traces"}")
out=$(realpath -m "${2:-out/real}")
seeds=${3:-5}
cd "$(dirname "$0")/.."
cargo build --release
hpatune=$PWD/target/release/hpatune
config=$PWD/configs/real-traces.toml
table=$PWD/scripts/real-traces.py
mkdir -p "$out"
source scripts/public-traces.sh
cd "$out"

say "Ingest"
ingest_ten

say "Train one network for all, $seeds seeds"
"$hpatune" train -c "$config" "${traced[@]}" --seeds "$seeds" -o train

say "Go on from each seed's on every function by itself"
policies=()
for seed in $(seq 1 "$seeds"); do
    cp "train/seed-$seed/policy.safetensors" "seed-$seed.safetensors"
    rm -rf "own/$seed"
    "$hpatune" train -c "$config" "${traced[@]}" --from "seed-$seed.safetensors" --each --steps 100000 -o "own/$seed"
    cp "own/$seed/policy.safetensors" "own-$seed.safetensors"
    policies+=(--policy "seed-$seed.safetensors" --policy "own-$seed.safetensors")
done

say "Judge them on the last part of each trace"
"$hpatune" evaluate -c "$config" "${traced[@]}" "${policies[@]}" --baseline linear --baseline stock-80 --seeds 3 \
    -o evaluation --json > evaluation.json
python3 "$table" evaluation.json
