#!/usr/bin/env bash
# What the policy that ships is worth on seven public recorded functions that it never saw: as it is, and after it went on
# learning on each by itself. It prints the comparisons with the tuned static HPA, request by request on time that nothing has
# seen, and how long learning took.
#
#   scripts/unseen-functions.sh DIRECTORY [OUT]
#
# DIRECTORY holds the downloads (cloud_cluster_capacity_2024, nab_tweets, nab_aws_cloudwatch, azure_functions_2019), which are
# not ours to ship; OUT is out/unseen by default.
set -euo pipefail

traces=$(realpath "${1:?"name the directory of the traces"}")
out=$(realpath -m "${2:-out/unseen}")
cd "$(dirname "$0")/.."
cargo build --release
hpatune=$PWD/target/release/hpatune
mkdir -p "$out"
# Validation time decides whether the policy flies.
sed '/^# Defaults were chosen/d; /^\[split\]/,/^$/d' configs/real-traces.toml > "$out/experiment.toml"
cd "$out"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
ingest() { "$hpatune" ingest -q "${@:2}" -o "$1.parquet"; }
nab() { ingest "$1" "$traces/$2" --interval 5m --map t=timestamp --map requests=value --keep 8d; }

say "Ingest"
ingest pool37 "$traces"/cloud_cluster_capacity_2024/cluster37/cluster*.csv.gz --no-header --interval 30s --keep 14d \
    --map function=1 --map t=2 --map cpu=4:cores --map memory=5:GiB
nab tweets-aapl nab_tweets/Twitter_volume_AAPL.csv
nab tweets-amzn nab_tweets/Twitter_volume_AMZN.csv
nab elb nab_aws_cloudwatch/elb_request_count_8c0756.csv
ingest azure "$traces"/azure_functions_2019/window_0480_0959/*.csv* --top 3

functions=()
for name in pool37 tweets-{aapl,amzn} elb azure; do
    functions+=(--trace "$name.parquet")
done

say "Go on from it on each function"
rm -rf own
time "$hpatune" train -c experiment.toml "${functions[@]}" --from shipped --each --steps 100000 -o own
cp own/policy.safetensors fine-tuned.safetensors

say "Judge both"
"$hpatune" evaluate -c experiment.toml "${functions[@]}" --policy shipped --policy fine-tuned.safetensors --baseline linear \
    --seeds 3 -o evaluation
