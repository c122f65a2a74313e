#!/usr/bin/env bash
# What a simulated request costs over pods, requests in flight and load: runs the bench, writes out/bench/requests.csv and
# draws it.
set -euo pipefail
cd "$(dirname "$0")/.."

out=out/bench
mkdir -p "$out"
cargo bench --bench sim --no-default-features -- --output-format bencher 'a million requests' | tee "$out/requests.txt"
# test a million requests/pods/10 ... bench:   123456789 ns/iter (+/- 1234)
awk -F'[/ ]' '
    BEGIN { print "sweep,x,us" }
    /^test a million requests\// {
        split($0, part, "/"); split(part[3], rest, " ")
        for (i = 1; i <= NF; i++) if ($i == "ns") nanoseconds = $(i - 1)
        gsub(",", "", nanoseconds)
        printf "%s,%s,%.4f\n", part[2], rest[1], nanoseconds / 1e9
    }' "$out/requests.txt" > "$out/requests.csv"
cargo build --release
target/release/hpatune plot "$out/requests.csv" -o "$out"
