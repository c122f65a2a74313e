#!/usr/bin/env bash
# Runs an array under a real Slurm on this machine alone, and compares its union with a run in one piece, byte for byte.
# Needs root, and slurmctld, slurmd and sbatch (Debian: slurm-wlm). Nothing of an installed Slurm is touched: daemons,
# ports, state and log are its own, and end with it.
#   HPATUNE=target/release/hpatune scripts/cluster/slurm-here.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
hpatune=$(realpath "${HPATUNE:-target/release/hpatune}")
array=$(realpath scripts/cluster/slurm-array.sh)
for needed in slurmctld slurmd sbatch scontrol squeue; do
    command -v "$needed" > /dev/null || { echo "error: $needed is not there; install slurm-wlm" >&2; exit 2; }
done
place=$(mktemp -d)
host=$(hostname -s)
export SLURM_CONF=$place/slurm.conf
mkdir "$place/state" "$place/spool"
cat > "$SLURM_CONF" << CONF
ClusterName=here
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
AuthType=auth/none
CredType=cred/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/spool
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/slurmd.pid
SlurmctldLogFile=$place/slurmctld.log
SlurmdLogFile=$place/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld -D > "$place/slurmctld.out" 2>&1 &
controller=$!
slurmd -D > "$place/slurmd.out" 2>&1 &
daemon=$!
trap 'kill "$daemon" "$controller" 2> /dev/null || true; wait; rm -rf "$place"' EXIT

"$hpatune" synth --profile diurnal --functions 5 --seed 4 -o "$place/trace.parquet"
printf '[workload]\nfit_pods = 8.0\n[tune]\ntargets = [50, 70, 90]\nmin_replicas = [1, 3]\n' > "$place/experiment.toml"
arguments=(--trace "$place/trace.parquet" --config "$place/experiment.toml" --seeds 2)
for _ in $(seq 30); do
    scontrol show node "$host" 2> /dev/null | grep -q 'State=IDLE' && break
    sleep 1
done
job=$(cd "$place" && HPATUNE=$hpatune sbatch --parsable --array=0-2 "$array" "$place" "${arguments[@]}")
echo "job $job"
while [ -n "$(squeue --noheader --jobs "$job" 2> /dev/null)" ]; do sleep 1; done
cat "$place"/hpatune-*.out
"$hpatune" merge "$place/parts" -o "$place/merged" > "$place/merged.txt"
"$hpatune" evaluate "${arguments[@]}" -o "$place/whole" > "$place/whole.txt"
diff -r "$place/whole" "$place/merged"
diff "$place/whole.txt" "$place/merged.txt"
echo "the union of the array's parts is the run in one piece, byte for byte: $(ls "$place/whole" | wc -l) files"
