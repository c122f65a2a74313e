#!/bin/sh
# Makes the traces in traces/ anew. The same version of hpatune makes the same bytes.
# HPATUNE names the program; left out, the release build is taken.
set -eu
cd "$(dirname "$0")/.."
hpatune=${HPATUNE:-target/release/hpatune}

synth() {
    name=$1
    shift
    "$hpatune" synth "$@" -o "traces/$name.parquet"
}

# 30 requests a second in the mean, of 100 ms CPU each: 6 pods of 500m at full use.
synth diurnal --profile diurnal --duration 7d --seed 1
synth bursty --profile bursty --duration 7d --seed 2
synth flash --profile flash-crowd --duration 7d --seed 3
synth weekly --profile weekly --duration 14d --seed 4
synth fleet --profile weekly --duration 7d --functions 6 --seed 5
