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
hpatune=$PWD/target/release/hpatune
mkdir -p "$out" policies

cp traces/{bursty,diurnal,flash,weekly}.parquet "$out"
source scripts/public-traces.sh
cd "$out"
ingest_ten
for name in bursty diurnal flash weekly; do traced+=(--trace "$name.parquet"); done
"$hpatune" train -c "$OLDPWD/configs/default-policy.toml" "${traced[@]}" -o train
cp train/policy.safetensors "$OLDPWD/policies/default.safetensors"
