#!/usr/bin/env bash
# The whole pipeline on public recorded traces: ingest, inspect, replay, tune, train, evaluate, export, plot.
#
#   scripts/real-traces.sh DIRECTORY [OUT] [NAME...]
#
# DIRECTORY holds the downloads (azure_functions_2019, huawei_2023, web_requests, cloud_cluster_capacity_2024); OUT is
# out/real by default. NAMEs choose among azure, huawei, nasa and pool6; without one, all are run.
set -euo pipefail

traces=$(realpath "${1:?"name the directory of the traces"}")
out=$(realpath -m "${2:-out/real}")
shift $(($# > 2 ? 2 : $#))
names=("$@")
((${#names[@]})) || names=(azure huawei nasa pool6)
cd "$(dirname "$0")/.."
hpatune=${HPATUNE:-target/release/hpatune}
config=configs/real-traces.toml
[[ -x $hpatune ]] || cargo build --release

# The functions that are judged: the largest, since every one of them is replayed hundreds of times in a search.
ingest() {
    local trace=$1
    case $2 in
    azure) "$hpatune" ingest "$traces"/azure_functions_2019/window_0480_0959/*.csv* --top 4 -o "$trace" ;;
    huawei)
        "$hpatune" ingest "$traces"/huawei_2023/private_dataset/requests_minute/*.csv --top 4 -o "$trace"
        ;;
    nasa)
        "$hpatune" ingest "$traces"/web_requests/nasa_http_1995/nasa_requests_per_minute.csv.gz \
            --map t=minute --map requests=count --missing zero -o "$trace"
        ;;
    pool6)
        "$hpatune" ingest "$traces"/cloud_cluster_capacity_2024/cluster6/*.csv.gz --no-header \
            --map function=1 --map t=2 --map cpu=4:cores --map memory=5:GiB -o "$trace"
        ;;
    *) printf 'error: %s is none of azure, huawei, nasa and pool6\n' "$2" >&2 && exit 2 ;;
    esac
}

for name in "${names[@]}"; do
    printf '\n\033[1m%s\033[0m\n' "$name"
    to=$out/$name
    mkdir -p "$to"
    trace=$to/trace.parquet
    ingest "$trace" "$name"
    "$hpatune" inspect "$trace"
    "$hpatune" replay "$trace" -c "$config"
    function=$("$hpatune" inspect "$trace" --json | sed -n 's/^ *"function": "\(.*\)",\{0,1\}$/\1/p' | sed -n 1p)
    "$hpatune" tune "$trace" -c "$config" --function "$function" -o "$to/best.toml"
    "$hpatune" train -c "$config" --trace "$trace" -o "$to/train"
    "$hpatune" evaluate -c "$config" --trace "$trace" --policy "$to/train/policy.safetensors" --seeds 5 \
        -o "$to/evaluation"
    "$hpatune" export --tuned "$to/best.toml" --mode static --target deployment/web -o "$to/hpa.yaml"
    "$hpatune" export --policy "$to/train/policy.safetensors" --trace "$trace" --function "$function" \
        --mode recommended --target deployment/web -o "$to/hpa-recommended.yaml"
    "$hpatune" plot "$to/train" "$to/evaluation" -o "$to/plots"
done
