#!/usr/bin/env bash
# What each part of the recipe is worth: the default and variants that lack one part each, all with the same seeds, on the
# validation time of ten public recorded traces. It prints README's table of ablations.
#
#   scripts/ablations.sh DIRECTORY [SEEDS] [STEPS]
#
# DIRECTORY holds the traces as scripts/real-traces.sh leaves them (out/real); SEEDS is 3 by default, STEPS 1000000.
set -euo pipefail

traces=$(realpath "${1:?"name the directory in which scripts/real-traces.sh left its traces"}")
seeds=${2:-3}
steps=${3:-1000000}
cd "$(dirname "$0")/.."
cargo build --release
hpatune=$PWD/target/release/hpatune
whole=$PWD/configs/real-traces.toml
table=$PWD/scripts/ablations.py
source scripts/public-traces.sh
cd "$traces"

# A line of keys for each variant; trial 0 of a sweep is the default with the first seed.
variants='default|
no counterfactuals: PPO alone|train.counterfactual.decisions = 0
counterfactuals alone: PPO with a step size of 1e-12|train.learning_rate = 1e-12
no forecaster, start and agent|train.forecast = false
start: the tuned HPA|train.start = "tuned"
start: the tuned HPA; CPU target and stabilisation in place of minReplicas|train.start = "tuned"; env.action.head = "discrete"; env.action.min_base = []; env.action.min_safety = []; env.action.target_cpu = [30, 45, 60, 75, 90]; env.action.stabilize_down = ["0s", "1m", "5m"]
start: the tuned HPA; choices of four knobs|train.start = "tuned"; env.action.head = "discrete"; env.action.target_cpu = [30, 45, 60, 75, 90]; env.action.min_base = ["start", "level", "highest"]; env.action.min_safety = [0, 0.5, 1, 2]; env.action.stabilize_down = ["0s", "1m", "5m"]
a discrete head|env.action.head = "discrete"; env.action.min_safety = [-0.8, -0.4, 0, 0.4, 0.8]
the classic sixteen values observed|env.observation.profile = "classic"
no input-dependent baseline|train.group = 1
a critic that does not see the load to come|train.critic = "plain"
no randomisation of start-up times|env.randomize.startup = [1, 1]
observations not normalised|train.normalize_observations = false
rewards not normalised|train.normalize_rewards = false'

# Variants are compared on validation time, which the judgement on test time learns on.
config=ablations-config.toml
sed '/^# Defaults were chosen/,/^$/d' "$whole" > "$config"

sweep=ablations.toml
: > "$sweep"
while IFS='|' read -r name keys; do
    for seed in $(seq 1 "$seeds"); do
        if [ "$name" = default ] && [ "$seed" = 1 ]; then continue; fi
        printf '[[trials]]\nname = "%s, seed %s"\nset.train.seed = %s\n' "$name" "$seed" "$seed"
        IFS=';' read -ra parts <<< "$keys"
        for part in "${parts[@]}"; do printf 'set.%s\n' "${part# }"; done
    done
done <<< "$variants" >> "$sweep"

rm -rf ablations
"$hpatune" train -c "$config" "${traced[@]}" --steps "$steps" --seed 1 --sweep "$sweep" -o ablations > ablations.txt
python3 "$table" ablations/trials.csv
