#!/usr/bin/env bash
# `hpatune train` on the CPU beside a GPU, whole runs on a shipped trace: three seeds of PPO with choices for four knobs, one run
# of a network that is wide enough for a GPU, and one that is interrupted on the GPU and resumed, whose bytes must be those of
# one that was not. It takes about three minutes.
#
#   scripts/train-devices.sh [DEVICE]            builds the program for it, cuda or metal; cuda needs nvcc
#   scripts/train-devices.sh DEVICE PROGRAM      runs one that was built elsewhere
set -euo pipefail
device=${1:-cuda}
case $device in
    cuda | metal) ;;
    *)
        echo "$device is no GPU: write cuda or metal" >&2
        exit 2
        ;;
esac
program=
if [ $# -gt 1 ]; then program=$(realpath -e -- "$2"); fi
cd "$(dirname "$0")/.."
if [ -z "$program" ]; then cargo build --release --features "$device"; fi
hpatune=${program:-$PWD/target/release/hpatune}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

cat > "$out/experiment.toml" << 'TOML'
[env]
control_interval = "1m"

[env.action]
head = "discrete"
target_cpu = [30, 45, 60, 75, 90]
min_base = ["start", "level", "highest"]
min_safety = [0, 0.5, 1, 2]
stabilize_down = ["0s", "1m", "5m"]

[train]
traces = ["traces/weekly.parquet"]
start = "tuned"
forecast = false

[train.counterfactual]
decisions = 0
TOML
sed 's/^start = .*/&\nhidden = [1024, 1024]\nminibatch = 8192/' "$out/experiment.toml" > "$out/wide.toml"

# learn NAME CONFIG DEVICE OPTION...: a run, and the seconds it took.
learn() {
    printf '\n\033[1m%s, %s\033[0m\n' "$1" "$3"
    TIMEFORMAT='seconds     %1R'
    time "$hpatune" train -q -c "$out/$2.toml" --device "$3" "${@:4}" -o "$out/$1-$3"
}

echo "$(nproc) CPU cores: $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)"
for its in cpu "$device"; do learn three-seeds experiment "$its" --seeds 3 --steps 655360; done
for its in cpu "$device"; do learn wide wide "$its" --steps 200000; done

learn whole experiment "$device" --steps 655360
printf '\n\033[1minterrupted, %s\033[0m\n' "$device"
"$hpatune" train -q -c "$out/experiment.toml" --device "$device" --steps 655360 -o "$out/interrupted" &
run=$!
until [ -s "$out/interrupted/metrics.jsonl" ] || ! kill -0 "$run" 2> /dev/null; do sleep 0.2; done
kill -INT "$run" 2> /dev/null || true
if wait "$run"; then
    echo 'it ended before it was interrupted' >&2
    exit 1
fi
"$hpatune" train -q --device "$device" --resume "$out/interrupted"
cmp "$out/whole-$device/policy.safetensors" "$out/interrupted/policy.safetensors"
cmp "$out/whole-$device/checkpoint.safetensors" "$out/interrupted/checkpoint.safetensors"
echo 'resumed: the same bytes as uninterrupted'
