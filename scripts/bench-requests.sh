#!/usr/bin/env bash
# What a simulated request costs over pods, requests in flight and load: runs the bench, writes out/bench/requests.csv and
# draws it.
set -euo pipefail
cd "$(dirname "$0")/.."

out=out/bench
mkdir -p "$out"
cargo bench --bench sim --no-default-features -- --noplot 'a million requests' | tee "$out/requests.txt"
# a million requests/pods/10
#                         time:   [161.30 ms 167.80 ms 169.42 ms]
awk '
    BEGIN { print "sweep,x,us"; of["s"] = 1; of["ms"] = 1e-3; of["µs"] = 1e-6 }
    /^a million requests\// { name = $0; sub(/ +time:.*/, "", name); split(name, part, "/") }
    /time: +\[/ && !/%/ {
        sub(/.*\[/, "")
        printf "%s,%s,%.4f\n", part[2], part[3], $3 * of[$4]
    }' "$out/requests.txt" > "$out/requests.csv"
cargo build --release
target/release/hpatune plot "$out/requests.csv" -o "$out"
