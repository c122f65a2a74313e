#!/usr/bin/env bash
# How far the simulated HPA is from recorded runs of real ones: mean absolute error in pods on the second half of each run,
# beside a naive ceil rule's. The first half is what is fitted.
#   scripts/calibrate.sh DIR
# DIR holds, at any depth, the recordings as they were published:
#   hpa80_12h_1min/SERVICE/train.csv        six services of 12 hours, HPA at 80 % of CPU, 1 to 10 replicas
#                                           (github.com/gfads/univariate-multivariate-prediction)
#   fastapi_cpu30_gpl3/hpa_data_exp*.csv    two runs of 20 minutes, HPA at 30 % of CPU, 1 to 12 replicas, requests of 100m
#                                           (github.com/Diegorpp/TCC_resilience); `kubectl get hpa` polled every 3 s
set -euo pipefail
[ $# -eq 1 ] && [ -d "$1" ] || { echo "usage: scripts/calibrate.sh DIR" >&2; exit 2; }
recordings=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
cargo build --release --quiet
hpatune=$PWD/target/release/hpatune
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
found=0

# ingest and calibrate the CSV files of a folder; a function is called as its file
calibrate() {
    local runs=$1 config=$2
    shift 2
    "$hpatune" ingest "$runs"/*.csv "$@" -o "$runs.parquet"
    "$hpatune" calibrate "$runs.parquet" -c "$config"
    found=1
}

mkdir "$work/hpa80"
find "$recordings" -path '*/hpa80_12h_1min/*/train.csv' | while read -r file; do
    ln -s "$file" "$work/hpa80/$(basename "$(dirname "$file")").csv"
done
if [ -n "$(ls "$work/hpa80")" ]; then
    printf '[hpa]\ntarget_cpu = 80\nmax_replicas = 10\n' > "$work/hpa80.toml"
    calibrate "$work/hpa80" "$work/hpa80.toml" --interval 60s \
        --map t=Time --map cpu=cpu:cores --map replicas=pods
fi

mkdir "$work/fastapi"
find "$recordings" -path '*/fastapi_cpu30_gpl3/hpa_data_exp*.csv' -exec ln -s {} "$work/fastapi/" ';'
if [ -n "$(ls "$work/fastapi")" ]; then
    # The object's status changes once a minute, so the controller looked once a minute. What was recorded is the mean per
    # pod in percent of 100m, with a percent sign; --map makes the CPU of all pods of it.
    printf '[hpa]\ntarget_cpu = 30\nmax_replicas = 12\nsync_period = "60s"\n' > "$work/fastapi.toml"
    calibrate "$work/fastapi" "$work/fastapi.toml" --interval 15s \
        --map t=Time --map 'cpu=consumo atual:percent-of-0.1-per-replica' --map 'replicas=Instâncias atuais'
fi

[ "$found" -eq 1 ] || { echo "no recordings under $recordings" >&2; exit 1; }
