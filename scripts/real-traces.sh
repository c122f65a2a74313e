#!/usr/bin/env bash
# The whole pipeline on public recorded traces: ingest, inspect, replay, tune, train one policy for all, evaluate, export,
# plot. It prints README's table of recorded traces.
#
#   scripts/real-traces.sh DIRECTORY [OUT]
#
# DIRECTORY holds the downloads (azure_functions_2019, huawei_2023, web_requests, cloud_cluster_capacity_2024), which are
# not ours to ship; OUT is out/real by default.
set -euo pipefail

traces=$(realpath "${1:?"name the directory of the traces"}")
out=$(realpath -m "${2:-out/real}")
cd "$(dirname "$0")/.."
cargo build --release
hpatune=target/release/hpatune
config=configs/real-traces.toml
mkdir -p "$out"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
pool() {
    "$hpatune" ingest "$traces/cloud_cluster_capacity_2024/cluster$1"/cluster*.csv.gz --no-header --interval 60s --keep 8d \
        --map function=1 --map t=2 --map cpu=4:cores --map memory=5:GiB -o "$out/pool$1.parquet"
}
web() {
    local file=$1 name=$2
    shift 2
    "$hpatune" ingest "$traces/web_requests/$file" --map t=minute --map requests=count --missing zero --keep 8d "$@" \
        -o "$out/$name.parquet"
}

say "Ingest"
pool 4
pool 6
"$hpatune" ingest "$traces"/huawei_2023/private_dataset/requests_minute/*.csv --select 28 -o "$out/huawei.parquet"
web worldcup_1998/worldcup98_requests_per_minute.csv.gz worldcup --skip 35d
web nasa_http_1995/nasa_requests_per_minute.csv.gz nasa
"$hpatune" ingest "$traces"/azure_functions_2019/window_0480_0959/*.csv* --top 1 -o "$out/azure.parquet"

names=(pool4 pool6 huawei worldcup nasa)
learned=()
for name in "${names[@]}"; do learned+=(--trace "$out/$name.parquet"); done

say "Train one policy on the training time of ${names[*]}"
"$hpatune" train -c "$config" "${learned[@]}" -o "$out/train"

for name in "${names[@]}" azure; do
    say "$name"
    trace=$out/$name.parquet
    "$hpatune" inspect "$trace"
    "$hpatune" replay "$trace" -c "$config"
    "$hpatune" tune "$trace" -c "$config" -o "$out/$name.toml" | sed -n 1,4p
    # Azure's eight hours were not learned from.
    "$hpatune" evaluate -c "$config" --trace "$trace" --policy "$out/train/policy.safetensors" --baseline stock-80 \
        --baseline linear --seeds 3 -o "$out/$name"
    "$hpatune" export --tuned "$out/$name.toml" --target deployment/web -o "$out/$name/hpa.yaml"
    "$hpatune" export --policy "$out/train/policy.safetensors" --trace "$trace" --target deployment/web \
        -o "$out/$name/hpa-recommended.yaml"
    "$hpatune" plot "$out/$name" -o "$out/$name"
done
"$hpatune" plot "$out/train" -o "$out/train"
