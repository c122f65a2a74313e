#!/usr/bin/env bash
# A report on twelve public recorded traces: the policy that ships and strong baselines against the tuned static HPA and
# the clairvoyant bounds, request by request, on time that neither search nor learning saw (but for the clairvoyants).
#
# The policy that ships has learned and chosen on the first 60 % of some of these recordings. Windows of them begin after that
# here; huawei28 is as short as it was there, and its test is the last 40 %.
#
#   scripts/report.sh DIRECTORY [OUT]
#
# DIRECTORY holds the downloads (cloud_cluster_capacity_2024, huawei_2023, web_requests, nab_tweets, nab_aws_cloudwatch,
# azure_functions_2019), which are not ours to ship; OUT is out/report by default. OUT/report/report.html is the report;
# it prints the table, and what `tune` finds for each trace. SEEDS=10 makes its intervals narrower, and the run longer.
set -euo pipefail

traces=$(realpath "${1:?"name the directory of the traces"}")
out=$(realpath -m "${2:-out/report}")
cd "$(dirname "$0")/.."
cargo build --release
hpatune=$PWD/target/release/hpatune
mkdir -p "$out"
# Validation time decides whether the policy flies.
sed '/^# Defaults were chosen/d; /^\[split\]/,/^$/d' configs/real-traces.toml > "$out/experiment.toml"
source scripts/public-traces.sh
cd "$out"

# Past the days on which the policy that ships has learned: 13.6 of pools, 16.6 of NASA.
unseen=(--skip 17d --keep 4d)

say "Ingest"
for number in 4 6 9 28 37; do pool "$number" --interval 60s "${unseen[@]}"; done
ingest huawei28 "$traces"/huawei_2023/private_dataset/requests_minute/*.csv --select 28
# Learned on: days 35 to 44.6.
web worldcup worldcup_1998/worldcup98_requests_per_minute.csv.gz --skip 45d --keep 4d
web nasa nasa_http_1995/nasa_requests_per_minute.csv.gz "${unseen[@]}"
nab tweets-aapl nab_tweets/Twitter_volume_AAPL.csv --keep 4d
nab tweets-amzn nab_tweets/Twitter_volume_AMZN.csv --keep 4d
nab elb nab_aws_cloudwatch/elb_request_count_8c0756.csv --keep 4d
ingest azure "$traces"/azure_functions_2019/window_0480_0959/*.csv* --top 1

say "Tune"
all=()
for name in pool{4,6,9,28,37} huawei28 worldcup nasa tweets-{aapl,amzn} elb azure; do
    "$hpatune" tune "$name.parquet" -c experiment.toml -o "$name.toml" | sed -n 1,4p
    all+=(--trace "$name.parquet")
done

say "Evaluate"
baselines=()
for name in stock-80 stock-50 tuned linear predictive-load knative schedule clairvoyant clairvoyant-hpa \
    clairvoyant-static; do
    baselines+=(--baseline "$name")
done
"$hpatune" evaluate "${all[@]}" -c experiment.toml --policy shipped "${baselines[@]}" --seeds "${SEEDS:-3}" -o report
echo "$out/report/report.html"
