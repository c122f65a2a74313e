#!/usr/bin/env bash
# One policy for all, with one linear start for all, on the ten public recorded traces; and what such a policy is worth on
# functions that it has not learned on: two, each of one half of the traces, judged on the other half. It prints README's
# lines on both, in a quarter of an hour on 2 cores.
#
#   scripts/left-out.sh DIRECTORY [OUT]
#
# DIRECTORY holds the downloads (cloud_cluster_capacity_2024, huawei_2023, web_requests), which are not ours to ship; OUT is
# out/left-out by default.
set -euo pipefail

traces=$(realpath "${1:?"name the directory of the traces"}")
out=$(realpath -m "${2:-out/left-out}")
cd "$(dirname "$0")/.."
cargo build --release
hpatune=$PWD/target/release/hpatune
table=$PWD/scripts/left-out.py
mkdir -p "$out"
{
    sed 's/^steps = .*/steps = 300_000\nstart = "shared"/' configs/real-traces.toml
    printf '\n[tune]\nlinear_steps = 1_000_000\n'
} > "$out/experiment.toml"
source scripts/public-traces.sh
cd "$out"

say "Ingest"
ingest_ten

# learn NAME TRACE...: NAME.safetensors, of these traces.
learn() {
    local name=$1 its=()
    for trace in "${@:2}"; do its+=(--trace "$trace.parquet"); done
    "$hpatune" train -c experiment.toml "${its[@]}" -o "$name"
    cp "$name/policy.safetensors" "$name.safetensors"
}

say "Learn on all, and on each half"
learn all "${ten[@]}"
half=(pool{4,9,20} worldcup huawei28)
learn half-a "${half[@]}"
learn half-b pool{6,19,28} nasa huawei4

say "Judge all on the last part of each trace"
"$hpatune" evaluate -c experiment.toml "${traced[@]}" --policy all.safetensors --policy half-a.safetensors \
    --policy half-b.safetensors --baseline stock-80 --seeds 1 -o evaluation --json > evaluation.json
python3 "$table" evaluation.json "${half[@]}"
