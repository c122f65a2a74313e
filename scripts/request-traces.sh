#!/usr/bin/env bash
# Every public trace of requests, ingested and replayed request by request under the stock HPA: what came in, how long it
# took, and in how much memory. It prints README's table of request traces.
#
#   scripts/request-traces.sh DIRECTORY [OUT]
#
# DIRECTORY holds the downloads, which are not ours to ship; OUT is out/requests by default. Traces are replayed as they
# are, but for those marked ×N, which are scaled so that the busiest half per cent of each function fills 25 pods.
set -euo pipefail

traces=$(realpath "${1:?"name the directory of the traces"}")
out=$(realpath -m "${2:-out/requests}")
cd "$(dirname "$0")/.."
cargo build --release --quiet
hpatune=$PWD/target/release/hpatune
mkdir -p "$out"
cd "$out"
printf '[hpa]\nmax_replicas = 1000\n' > as-is.toml
printf '[workload]\nfit_pods = 25\n[hpa]\nmax_replicas = 1000\n' > fitted.toml

printf '%-34s %9s %12s %8s %9s %8s %7s\n' trace functions requests 'wall s' 'M req/s' 'RSS MB' 'late %'
# trace NAME CONFIG INPUT... OPTION...
trace() {
    local name=$1 config=$2
    shift 2
    "$hpatune" ingest "$@" -o "$name.parquet" 2> "$name.log"
    /usr/bin/env time -f '%e %M' -o "$name.time" \
        "$hpatune" replay "$name.parquet" -c "$config.toml" --level requests --json > "$name.json" 2>> "$name.log"
    read -r wall rss < "$name.time"
    figures=$(jq -r '[(.runs | length), .total.requests.offered, 100 * .total.slo.violation_rate] | @tsv' "$name.json")
    read -r functions offered late <<< "$figures"
    awk -v name="$name$([ "$config" = fitted ] && echo ' ×N')" -v f="$functions" -v n="$offered" -v w="$wall" -v r="$rss" \
        -v l="$late" 'BEGIN { printf "%-34s %9d %12.0f %8.1f %9.2f %8.0f %7.2f\n", name, f, n, w, n / (w > 0.01 ? w : 0.01) / 1e6, r / 1024, l }'
}

azure=$traces/azure_functions_2019
trace azure-2019 as-is "$azure"/window_0480_0959/*.csv*
trace azure-2019-days as-is "$azure"/whole_days/*.csv
trace azure-2021 as-is "$traces"/azure_functions_2021/*.txt --interval 60s --map t=end_timestamp --map function=func \
    --map 'requests=*' --map duration=duration:s
trace huawei-private as-is "$traces"/huawei_2023/private_dataset/requests_minute/*.csv
trace huawei-public as-is "$traces"/huawei_2023/public_dataset/requests_minute/*.csv
web=$traces/web_requests
trace worldcup-1998 as-is "$web"/worldcup_1998/*.csv.gz --map t=minute --map requests=count --missing zero
trace nasa-1995 fitted "$web"/nasa_http_1995/*.csv.gz --map t=minute --map requests=count --missing zero
trace autothrottle as-is "$web"/autothrottle_rps/*.txt --no-header --interval 1s --map requests=1
trace tweets fitted "$traces"/nab_tweets/*.csv --interval 5m --map t=timestamp --map requests=value
trace aws-elb fitted "$traces"/nab_aws_cloudwatch/elb_request_count_*.csv --interval 5m --map t=timestamp --map requests=value
trace alibaba-genai-qps fitted "$traces"/alibaba_genai_2026/qps.csv.gz --interval 60s --map t=timestamp_anon \
    --map function=request_type --map requests=value:rps --duplicates sum
trace alibaba-genai-requests as-is "$traces"/alibaba_genai_2026/lora_request_trace.csv.gz --interval 60s --map t=gmt_create \
    --map function=predict_type --map 'requests=*' --map duration=exec_time_seconds:s
trace alibaba-microservices-calls as-is "$traces"/alibaba_microservices_2021/Callgraph.csv --interval 1s --map t=timestamp:ms \
    --map function=dm --map 'requests=*'
