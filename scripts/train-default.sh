#!/usr/bin/env bash
# Trains the policy that ships, policies/default.safetensors, on public recorded traces, which are not ours to ship, and
# on the synthetic ones of traces/.
#
#   scripts/train-default.sh DIRECTORY [OUT]
#
# DIRECTORY holds the downloads (cloud_cluster_capacity_2024, huawei_2023, web_requests); OUT is out/default by default.
# Its card (`hpatune inspect policies/default.safetensors`) names the traces with their checksums.
set -euo pipefail

traces=$(realpath "${1:?"name the directory of the traces"}")
out=$(realpath -m "${2:-out/default}")
cd "$(dirname "$0")/.."
cargo build --release
hpatune=target/release/hpatune
mkdir -p "$out" policies

for pool in 4 6 9 19 20 28; do
    "$hpatune" ingest "$traces/cloud_cluster_capacity_2024/cluster$pool"/cluster*.csv.gz --no-header --interval 30s \
        --keep 14d --map function=1 --map t=2 --map cpu=4:cores --map memory=5:GiB -o "$out/pool$pool.parquet"
done
web() {
    local file=$1 name=$2
    shift 2
    "$hpatune" ingest "$traces/web_requests/$file" --map t=minute --map requests=count --missing zero "$@" \
        -o "$out/$name.parquet"
}
web worldcup_1998/worldcup98_requests_per_minute.csv.gz worldcup --skip 35d --keep 16d
web nasa_http_1995/nasa_requests_per_minute.csv.gz nasa --keep 14d
"$hpatune" ingest "$traces"/huawei_2023/private_dataset/requests_minute/*.csv --select 28 -o "$out/huawei28.parquet"
"$hpatune" ingest "$traces"/huawei_2023/public_dataset/requests_minute/*.csv -o "$out/huawei4.parquet"

cp traces/{bursty,diurnal,flash,weekly}.parquet "$out"
cd "$out"
learned=()
for name in pool4 pool6 pool9 pool19 pool20 pool28 worldcup nasa huawei28 huawei4 bursty diurnal flash \
    weekly; do
    learned+=(--trace "$name.parquet")
done
"$OLDPWD/$hpatune" train -c "$OLDPWD/configs/default-policy.toml" "${learned[@]}" -o train
cp train/policy.safetensors "$OLDPWD/policies/default.safetensors"
