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
sed '/^# Defaults were chosen/d; /^\[split\]/,/^$/d; /^# All that/d; /^\[train.counterfactual\]/,$d' configs/real-traces.toml > "$out/experiment.toml"
source scripts/public-traces.sh
cd "$out"

say "Ingest"
pool 37 --interval 30s --keep 14d
nab tweets-aapl nab_tweets/Twitter_volume_AAPL.csv --keep 8d
nab tweets-amzn nab_tweets/Twitter_volume_AMZN.csv --keep 8d
nab elb nab_aws_cloudwatch/elb_request_count_8c0756.csv --keep 8d
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
