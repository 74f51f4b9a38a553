#!/bin/bash
# Trains until the budget is reached, in as many jobs one after another as that takes, with the model of one that was never
# interrupted.
#
#   sbatch train.sh -t tok.json -o model.safetensors --steps 100k tokens/*.tok
#   sbatch --ntasks=8 --cpus-per-task=16 train.sh ...
#
# The arguments are those of lm-train, which gets --resume auto and the threads of a task. More than one task are ranks of
# mpirun; LM_MPIRUN is the command that starts them, if not 'mpirun --map-by slot:PE=CPUS'.
#
# Before its time is over, the scheduler sends USR1 to this script (--signal). lm-train then saves its state and trains on;
# LM_STOP_AFTER seconds later (60) it is ended, saves again, and the job is queued again. mpirun gives its ranks LM_SAVE_SECONDS (25)
# for that, and takes twice as long itself. For larger models raise all three: --signal to more than LM_STOP_AFTER + 2 *
# LM_SAVE_SECONDS. A job that was killed, or lost a rank, is queued again too, at most LM_RESTARTS times (100) in all; one that fails
# with an error is not.
#SBATCH --job-name=lm-train
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --time=12:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -u

tasks=${SLURM_NTASKS:-1} cpus=${SLURM_CPUS_PER_TASK:-1} restarts=${SLURM_RESTART_COUNT:-0}
say() { echo "train: job ${SLURM_JOB_ID:?}, start $((restarts + 1)): $*" >&2; }

# mpirun kills ranks that have not ended so many seconds after TERM; its own figure, 1, is too short to save. It waits for all of
# them even if the ranks have ended. The first name is that of Open MPI 4, the second that of 5.
export OMPI_MCA_odls_base_sigkill_timeout=${LM_SAVE_SECONDS:-25}
export PRTE_MCA_odls_base_sigkill_timeout=$OMPI_MCA_odls_base_sigkill_timeout

launch=()
if [ "$tasks" -gt 1 ]; then
  read -ra launch <<<"${LM_MPIRUN:-mpirun --map-by slot:PE=$cpus}"
  launch+=(-n "$tasks")
fi

training='' stopper='' warned=no stopped=no signalled=no
stop() {
  signalled=yes
  [ $stopped = no ] || return
  stopped=yes
  say "ending"
  kill -TERM "$training" 2>/dev/null
}
on_warning() {
  signalled=yes
  [ $warned = no ] || return
  warned=yes
  say "the time is nearly over: saving"
  kill -USR1 "$training" 2>/dev/null
  { trap 'kill $!' TERM; sleep "${LM_STOP_AFTER:-60}" & wait $! && kill -ALRM $$; } &
  stopper=$!
}
trap on_warning USR1
trap stop TERM ALRM

"${launch[@]}" lm-train --resume auto --threads "$cpus" "$@" &
training=$!
[ $stopped = no ] || kill -TERM "$training"
# A signal ends wait early; what has been waited for cannot be once more (127).
while :; do
  signalled=no code=0
  wait "$training" || code=$?
  [ $code = 127 ] || status=$code
  [ $signalled = yes ] || break
done
[ -z "$stopper" ] || kill "$stopper" 2>/dev/null

[ "$status" != 0 ] || exit 0
# Ended by somebody else (scancel, or a scheduler that will queue it again by itself).
if [ $warned = no ] && [ $stopped = yes ]; then exit "$status"; fi
# An error. mpirun has such a status also if it was ended.
if [ "$status" -lt 128 ] && { [ $stopped = no ] || [ "$tasks" = 1 ]; }; then exit "$status"; fi
if [ "$restarts" -ge "${LM_RESTARTS:-100}" ]; then
  say "exit $status, and it has been queued again $restarts times, which is as often as LM_RESTARTS allows"
  exit "$status"
fi
say "exit $status: queued again"
scontrol requeue "$SLURM_JOB_ID"
