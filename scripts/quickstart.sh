#!/usr/bin/env bash
# The whole pipeline on the shipped traces: inspect, replay the stock HPA, search the best static HPA, train a policy,
# judge all of them on time none of them has seen, write the manifest and the plots into out/quickstart/.
set -euo pipefail
cd "$(dirname "$0")/.."

out=out/quickstart
config=configs/quickstart.toml
traces=(traces/weekly.parquet traces/bursty.parquet)
mkdir -p "$out"

cargo build --release
hpatune=target/release/hpatune
traced=()
for trace in "${traces[@]}"; do traced+=(--trace "$trace"); done

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1/6 What the traces hold"
"$hpatune" inspect "${traces[0]}"

say "2/6 The stock HPA, replayed"
"$hpatune" replay "${traces[0]}" -c "$config" --timeline "$out/stock.csv" --plot "$out"

say "3/6 The best static HPA, searched on training time"
"$hpatune" tune "${traces[0]}" -c "$config" -o "$out/best.toml"

say "4/6 A policy, trained on the same time"
"$hpatune" train -c "$config" "${traced[@]}" -o "$out/train"

say "5/6 All of them, judged on time none of them has seen"
"$hpatune" evaluate -c "$config" "${traced[@]}" --policy "$out/train/policy.safetensors" --seeds 5 -o "$out/evaluation"
"$hpatune" plot "$out/train" "$out/evaluation" -o "$out/plots" --format png

say "6/6 The manifest"
"$hpatune" export --tuned "$out/best.toml" --mode static --target deployment/web -o "$out/hpa.yaml"
"$hpatune" export --policy "$out/train/policy.safetensors" --trace "${traces[0]}" --mode recommended \
    --target deployment/web -o "$out/hpa-recommended.yaml"

printf '\nmanifests  %s\n           %s\nplots      %s\n' "$out/hpa.yaml" "$out/hpa-recommended.yaml" "$out/plots"
