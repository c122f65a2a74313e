# The usual chores. `just --list` shows them.

# Lints and types, the fastest answer
check:
    cargo clippy --release --all-targets -- -D warnings

# Everything that must pass
ci:
    .ci/run

test *args:
    cargo test --release {{args}}

# Layers 0 to 4 without Polars, Candle, Plotters and k8s-openapi, in seconds
core:
    cargo test --release --no-default-features --lib

bench *args:
    cargo bench {{args}}

# Review changed snapshots
snap:
    cargo insta review

# Remake traces/ from the synthesiser
traces:
    scripts/make-traces.sh

quickstart:
    scripts/quickstart.sh
