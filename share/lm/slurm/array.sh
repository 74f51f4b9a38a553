#!/bin/bash
# Runs a command for each file of a list, divided among the tasks of a job array: tokens, counts and reports of a text in parts.
#
#   sbatch --array=0-15 array.sh LIST COMMAND...
#
# LIST has a file on each line. In the command, {} is the file, and {#} its number in the list, from 000001: outputs that are
# named by it, such as tokens/{#}.tok, are in the order of the list. A file that fails does not keep the others from being
# done, but the task from exiting 0. To run some tasks again, such as 3 and 5 of those 16:
#
#   PARTS=16 sbatch --array=3,5 array.sh LIST COMMAND...
#
# A task that the scheduler starts again leaves out what it has done.
#SBATCH --job-name=lm-array
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=4:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

fail() { echo "array: $*" >&2; exit 1; }

[ $# -ge 2 ] || { echo "usage: sbatch --array=0-LAST array.sh LIST COMMAND..." >&2; exit 2; }
list=$1
shift
[ -r "$list" ] || fail "cannot read '$list'"
task=${SLURM_ARRAY_TASK_ID:?"is not set: submit it with sbatch --array=0-LAST"}
parts=${PARTS:-$SLURM_ARRAY_TASK_COUNT}
# Of an array with gaps, the number of tasks does not say which of them each file belongs to.
if [ -z "${PARTS:-}" ] && { [ "$SLURM_ARRAY_TASK_MIN" != 0 ] || [ "$SLURM_ARRAY_TASK_MAX" != $((parts - 1)) ]; }; then
  fail "tasks $SLURM_ARRAY_TASK_MIN to $SLURM_ARRAY_TASK_MAX are not 0 to $((parts - 1)); give an array without gaps, or PARTS=N, of how many they are some"
fi
[ "$task" -lt "$parts" ] || fail "task $task of $parts; the last one is $((parts - 1))"

finished=$list.$SLURM_ARRAY_JOB_ID.$task.done
touch "$finished"
status=0 number=0
while IFS= read -r file || [ -n "$file" ]; do
  number=$((number + 1))
  [ $(((number - 1) % parts)) = "$task" ] || continue
  printf -v name %06d $number
  ! grep -qx "$name" "$finished" || continue
  command=("${@//\{#\}/"$name"}")
  if "${command[@]//\{\}/"$file"}" </dev/null; then
    echo "$name" >>"$finished"
  else
    echo "array: exit $? for '$file', line $number of '$list'" >&2
    status=1
  fi
done <"$list"
rm "$finished"
exit $status
