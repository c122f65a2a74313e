#!/usr/bin/env bash
# Recorded runs of real HPAs beside the simulator's, request by request: the recorded requests and CPU go in, and pods,
# CPU and response times come out. It prints README's table of recorded runs.
#
#   scripts/recorded-runs.sh DIRECTORY [OUT]
#
# DIRECTORY holds the folders of the recordings (hpa80_12h_1min), which are not ours to ship; OUT is out/recorded by
# default. The request of a pod, the resolution and lag of its metrics and its start-up time are fitted on the first half
# of each run. CPU limits (of sidecars too) were not recorded, nor was the time that requests wait for other services.
set -euo pipefail

runs=$(realpath "${1:?"name the directory of the recordings"}")
out=$(realpath -m "${2:-out/recorded}")
cd "$(dirname "$0")/.."
cargo build --release --quiet
hpatune=$PWD/target/release/hpatune
mkdir -p "$out"
cd "$out"
printf '[hpa]\ntarget_cpu = 80\nmax_replicas = 10\n' > hpa.toml

# Means of named columns of a CSV file; the second column of each pair weighs the first.
means() {
    local file=$1
    shift
    awk -F, -v pairs="$*" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; n = split(pairs, pair, " "); next }
        { for (p = 1; p <= n; p++) {
              split(pair[p], of, "/"); w = (of[2] == "") ? 1 : $(at[of[2]])
              if ($(at[of[1]]) != "") { sum[p] += w * $(at[of[1]]); weight[p] += w } } }
        END { for (p = 1; p <= n; p++) printf "%s ", (weight[p] > 0) ? sum[p] / weight[p] : 0 }' "$file"
}

printf '%-24s %13s %13s %13s %25s\n' '' 'requests/s' 'pods' 'CPU, cores' 'mean response, ms'
for folder in "$runs"/hpa80_12h_1min/*/; do
    name=$(basename "$folder")
    "$hpatune" ingest "$folder/train.csv" --interval 60s --map t=Time --map requests=tp:rps --map cpu=cpu:cores \
        --map replicas=pods -o "$name.parquet" 2> "$name.log"
    "$hpatune" calibrate "$name.parquet" -c hpa.toml -o "$name.toml" >> "$name.log"
    request=$(sed -n 's/^cpu_request = "\(.*\)"/\1/p' "$name.toml")
    most=$(awk -F, -v least="${request%m}" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $(at["pods"]) > 0 { used = 1000 * $(at["cpu"]) / $(at["pods"]); if (used > most) most = used }
        END { printf "%d", (most > least) ? most + 1 : least }' "$folder/train.csv")
    for times in 1 2; do
        sed "s/^cpu_request = .*/&\ncpu_limit = \"$((times * most))m\"/" "$name.toml" > "$name-$times.toml"
        "$hpatune" replay "$name.parquet" -c "$name-$times.toml" --level requests --timeline "$name-$times.csv" > "$name.txt"
    done
    read -r rps pods cpu response <<< "$(means "$folder/train.csv" tp pods cpu rt/tp)"
    read -r _ _ _ slow <<< "$(means "$name-1.csv" requests_per_s replicas utilization/ready latency_ms/requests_per_s)"
    read -r rps2 pods2 used fast <<< "$(means "$name-2.csv" requests_per_s replicas utilization/ready latency_ms/requests_per_s)"
    awk -v name="$name" -v request="$request" -v a="$rps" -v b="$rps2" -v c="$pods" -v d="$pods2" -v e="$cpu" -v u="$used" \
        -v g="$response" -v h="$slow" -v i="$fast" 'BEGIN {
        cores = request ~ /m$/ ? request / 1000 : request + 0
        printf "%-24s %6.1f %6.1f %6.2f %6.2f %6.2f %6.2f %9.1f %7.1f %7.1f\n", name, a, b, c, d, e, u / 100 * d * cores, 1000 * g, h, i }'
done
echo 'Recorded, then simulated; response times with the most CPU that a pod was seen to use in a minute as its limit, and twice that.'
