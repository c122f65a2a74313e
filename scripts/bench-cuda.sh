#!/usr/bin/env bash
# The CPU beside an NVIDIA GPU: losses and gradients of every kind of head, returns from the same seeds, and steps a second by
# minibatch and network width. It takes about five minutes.
#
#   scripts/bench-cuda.sh                      builds benches/devices.rs, for which it needs nvcc
#   scripts/bench-cuda.sh PROGRAM [PART...]    runs one that was built elsewhere; PART is check, learn or speed
#
# Where the machine that builds has no GPU, CUDA_COMPUTE_CAP names the one that will run it (90 is an H100 or H200).
set -euo pipefail
program=
if [ $# -gt 0 ]; then
    program=$(realpath -e -- "$1")
    shift
fi
cd "$(dirname "$0")/.."

if command -v nvidia-smi > /dev/null; then
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
fi
echo "$(nproc) CPU cores: $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)"
if [ -n "$program" ]; then
    exec "$program" cuda "$@"
fi
exec cargo bench -q --no-default-features --features train,cuda --bench devices -- cuda
