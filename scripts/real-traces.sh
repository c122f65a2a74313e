#!/usr/bin/env bash
# The whole pipeline on ten public recorded traces: ingest, train one policy for all with several seeds, judge every seed's
# policy request by request on time that nothing has seen. It prints README's tables of recorded traces.
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
cd "$out"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
web() {
    local file=$1 name=$2
    shift 2
    "$hpatune" ingest -q "$traces/web_requests/$file" --map t=minute --map requests=count --missing zero "$@" -o "$name.parquet"
}

say "Ingest"
for pool in 4 6 9 19 20 28; do
    "$hpatune" ingest -q "$traces/cloud_cluster_capacity_2024/cluster$pool"/cluster*.csv.gz --no-header --interval 30s \
        --keep 14d --map function=1 --map t=2 --map cpu=4:cores --map memory=5:GiB -o "pool$pool.parquet"
done
web worldcup_1998/worldcup98_requests_per_minute.csv.gz worldcup --skip 35d --keep 16d
web nasa_http_1995/nasa_requests_per_minute.csv.gz nasa --keep 14d
"$hpatune" ingest -q "$traces"/huawei_2023/private_dataset/requests_minute/*.csv --select 28 -o huawei28.parquet
"$hpatune" ingest -q "$traces"/huawei_2023/public_dataset/requests_minute/*.csv -o huawei4.parquet

traced=()
for name in pool4 pool6 pool9 pool19 pool20 pool28 worldcup nasa huawei28 huawei4; do
    traced+=(--trace "$name.parquet")
done

say "Train one policy for all, $seeds seeds"
"$hpatune" train -c "$config" "${traced[@]}" --seeds "$seeds" -o train

policies=()
for seed in $(seq 1 "$seeds"); do
    cp "train/seed-$seed/policy.safetensors" "seed-$seed.safetensors"
    policies+=(--policy "seed-$seed.safetensors")
done

say "Judge them on the last part of each trace"
"$hpatune" evaluate -c "$config" "${traced[@]}" "${policies[@]}" --baseline linear --baseline stock-80 --seeds 3 \
    -o evaluation --json > evaluation.json
python3 "$table" evaluation.json
