#!/usr/bin/env bash
# Every algorithm on one trace, 3 seeds each: cost on validation time over the start's, both over the static HPA's.
# The on-policy ones and Q-learning take 300,000 environment steps; CQL and BCQ take as many passes as their files say over
# one log of 100,000 transitions.
set -euo pipefail
cd "$(dirname "$0")/.."

out=out/algorithms
mkdir -p "$out" out
cargo build --release
hpatune=target/release/hpatune

# All start from the best static HPA of one search, a short one, and not from a fit to counterfactuals.
tune=$'\n[tune]\ntargets = [40, 50, 60, 70, 80]\nstabilize_down = ["1m", "5m"]\nscale_up = ["default"]\nscale_down = ["default"]\n'
nothing_fitted=$'\n[train.counterfactual]\ndecisions = 0\n'
choices=$(sed -n '/^\[env.action\]/,/^$/p' configs/cql.toml)$'\n\n'
for algorithm in ppo reinforce actor-critic grpo ppo-lagrangian q-learning cql bcq; do
    if [ "$algorithm" = ppo ]; then
        config="$choices"$'[train]\ntraces = ["traces/weekly.parquet"]\n'
    else
        config=$(cat "configs/$algorithm.toml")
        # All move the same knobs by the same choices, but for Q-learning, whose table needs few.
        grep -q '^\[env.action\]' <<< "$config" || config="$choices$config"
    fi
    printf '%s\n%s%s' "${config/\[train\]/$'[train]\nstart = "tuned"'}" "$tune" "$nothing_fitted" > "$out/$algorithm.toml"
done
"$hpatune" collect -c "$out/cql.toml" -o out/log.safetensors > /dev/null

printf '%-16s %8s %8s %8s   %s\n' algorithm 'seed 1' 'seed 2' 'seed 3' 'start'
for algorithm in ppo reinforce actor-critic grpo ppo-lagrangian q-learning cql bcq; do
    steps=(--steps 300000)
    case $algorithm in cql | bcq) steps=() ;; esac
    costs=()
    for seed in 1 2 3; do
        run="$out/$algorithm-$seed"
        "$hpatune" train -c "$out/$algorithm.toml" --seed "$seed" "${steps[@]}" -o "$run" > "$run.txt"
        costs+=("$(sed -n "s/^validation  cost \([0-9.]*\) %.*start's \([0-9.]*\) %.*/\1 \2/p" "$run.txt")")
    done
    printf '%-16s' "$algorithm"
    for cost in "${costs[@]}"; do printf ' %6s %%' "${cost% *}"; done
    printf '   %s %%\n' "${costs[0]#* }"
done
