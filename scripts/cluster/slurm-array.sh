#!/usr/bin/env bash
# A comparison in parts as a Slurm array, and their union when all have ended. The directory must be one that all nodes see.
#   sbatch --array=0-7 scripts/cluster/slurm-array.sh DIRECTORY ARGUMENTS-OF-EVALUATE...
#   sbatch --dependency=afterok:JOB --wrap "hpatune merge DIRECTORY/parts -o DIRECTORY/report"
# A part that was cut off skips what it had finished when it is submitted again.
#SBATCH --job-name=hpatune
#SBATCH --output=%x-%A_%a.out
set -euo pipefail
directory=$1
shift
# The part and their number are SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT.
"${HPATUNE:-hpatune}" evaluate "$@" --shard auto --threads "${SLURM_CPUS_PER_TASK:-1}" -o "$directory/parts"
