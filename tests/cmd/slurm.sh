# The job scripts of share/lm/slurm under a stand-in for the scheduler: the whole pipeline has the bytes of one process; a training
# that is warned, ended, killed and queued again ends in the bytes of one that was not; parts that failed can be done again.
# shellcheck disable=SC2154 # make_training sets shape
need tok-train tok-encode lm-train lm-eval-ppl setsid mkfifo pgrep perl

PATH=$LM_SOURCE/tests/support/slurm:$PATH
unset "${!SLURM_@}" 2>/dev/null || true
export SLURM_STAND_IN=$PWD/jobs
scripts=$LM_SOURCE/share/lm/slurm
job() { cat "$SLURM_STAND_IN/$1"; }
submit() { sbatch --wait --parsable --cpus-per-task=1 "$@" >/dev/null; }

# The pipeline, from a folder with a blank in its name.
make_training
tail -c 20000 pages.txt | sed 1d >held-out.txt
mkdir 'some text'
split -n l/5 -d --additional-suffix=.txt corpus.txt 'some text/'
split -n l/2 -d --additional-suffix=.txt held-out.txt 'some text/held-out'
printf '%s\n' 'some text'/0* >train.list
printf '%s\n' 'some text'/h* >held-out.list
PARTS=3 VOCABULARY=400 "$scripts/pipeline.sh" 'a run' train.list held-out.list "${shape[@]}" --steps 20 >submitted
grep -qx 'counts 1, tokenizer 2, tokens 3, training 4, scores 5, report 6' submitted || fail "$(cat submitted)"
[ "$(job 3_2/status)" = 0 ] || fail "no third task"
{ [ ! -e jobs/3_3 ] && [ -e jobs/5_1 ] && [ ! -e jobs/5_2 ]; } || fail "tasks: $(echo jobs/*)"
tok-train --documents line --vocab-size 400 -o whole.json corpus.txt
expect_same whole.json 'a run/tok.json'
tok-encode -t whole.json --documents line -o whole.tok corpus.txt
lm-train -t whole.json "${shape[@]}" --steps 20 -o whole whole.tok
expect_same whole 'a run/model.safetensors'
lm-eval-ppl whole --documents line -o report.txt held-out.txt
expect_same report.txt 'a run/report.txt'
expect_exit 1 "$scripts/pipeline.sh" 'a run' train.list held-out.list --steps 20

# A stage that fails keeps those after it from running.
gzip -c 'some text/01.txt' | head -c 1000 >cut.gz
printf '%s\n' 'some text/00.txt' cut.gz 'some text/02.txt' >broken.list
PARTS=2 VOCABULARY=400 "$scripts/pipeline.sh" broken broken.list held-out.list --steps 20 >submitted
[ "$(job 7_0/status) $(job 7_1/status) $(job 8/status) $(job 12/status)" = '0 1 cancelled cancelled' ] || fail "$(cat submitted)"
grep -q "tok-train: .*cut.gz" broken/counts-7_1.log || fail "no reason in the log"
grep -qx "array: exit 1 for 'cut.gz', line 2 of 'broken.list'" broken/counts-7_1.log || fail "no part in the log"

# Parts. The tasks of an array have each file once, also if it has no line's end; some of them can be run again.
printf 'a\nb b\nc\n{#}\ne' >list
mkdir out
submit --array=0-2 "$scripts/array.sh" list cp '{}' 'out/{#}' && fail "a job array whose files are not there ended well"
seq 5 >a && seq 6 >'b b' && seq 7 >c && seq 8 >'{#}' && seq 9 >e
submit --array=0-2 "$scripts/array.sh" list cp '{}' 'out/{#}'
[ "$(echo out/*)" = 'out/000001 out/000002 out/000003 out/000004 out/000005' ] || fail "parts: $(echo out/*)"
for pair in 1:a '2:b b' 3:c '4:{#}' 5:e; do expect_same "out/00000${pair%%:*}" "${pair#*:}"; done
rm out/*
PARTS=3 submit --array=0,2 "$scripts/array.sh" list cp '{}' 'out/{#}'
[ "$(echo out/*)" = 'out/000001 out/000003 out/000004' ] || fail "parts of two tasks of three: $(echo out/*)"
submit --array=0,2 --output=log "$scripts/array.sh" list cp '{}' 'out/{#}' && fail "an array with gaps was accepted"
grep -q 'PARTS=N' log || fail "$(cat log)"
[ -z "$(ls -- *.done 2>/dev/null)" ] || fail "left: $(ls -- *.done)"
# A task that is started again leaves out what it has done.
cat >once <<'END'
#!/bin/bash
echo "$1" >>seen
[ "$(grep -cx c seen)" != 1 ] || [ "$1" != c ] || scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
END
chmod +x once
submit --array=0-0 "$scripts/array.sh" list ./once '{}'
[ "$(tr '\n' , <seen)" = 'a,b b,c,c,{#},e,' ] || fail "started again: $(cat seen)"

# Training that is interrupted.
steps=90
train --steps $steps -o uninterrupted train.tok
# begin NAME TASKS OPTION...: submits a training whose metrics come through the gate, and reads the first of them.
begin() {
  rm -f model model.state
  export SLURM_STAND_IN=$PWD/$1
  make_gate
  { submit --output="$1.log" --ntasks="$2" "$scripts/train.sh" -t tok.json "${shape[@]}" --steps $steps --metrics gate "${@:3}" \
    -o model train.tok 8>&- || exit $?; } &
  batch=$!
  open_gate
  for _ in $(seq 5); do read -r -u 9 _; done
}
# drain: reads what this start and the next ones write.
drain() {
  exec 8<>gate
  cat <&8 >/dev/null &
  drainer=$!
}
ended() { # CODE TEXT: the job ended so, having said that
  local code=0
  wait $batch || code=$?
  kill $drainer
  exec 8>&- 9<&-
  [ $code = "$1" ] || fail "exit $code instead of $1: $(cat "$SLURM_STAND_IN.log")"
  grep -qF "$2" "$SLURM_STAND_IN.log" || fail "not '$2': $(cat "$SLURM_STAND_IN.log")"
}

# The scheduler's warning, to the script only: the state is saved, and training continues until LM_STOP_AFTER, when the script ends
# it. The job is queued again, and the next start resumes.
LM_STOP_AFTER=2 begin warned 1
[ "$(job 1/warning)" = USR1 ] || fail "no warning is asked for"
kill -USR1 "$(job 1/pid)"
for _ in $(seq 45); do read -r -u 9 _; done
[ -e model.state ] || fail "no state after the warning"
until grep -q 'start 1: ending' warned.log; do :; done
drain
ended 0 'start 1: exit 143: queued again'
expect_same uninterrupted model

# The end of the time, or a scheduler that needs the machines, sends TERM to all processes, warned or not.
LM_STOP_AFTER=600 begin limited 1
kill -USR1 "$(job 1/pid)"
until grep -q saving limited.log; do :; done
kill -TERM -- "-$(job 1/pid)"
drain
ended 0 'start 1: exit 143: queued again'
expect_same uninterrupted model

begin preempted 1
kill -TERM -- "-$(job 1/pid)"
drain
ended 143 'stopped by a signal'
[ ! -e jobs/1/requeued ] || fail "queued again by the script as well as by the scheduler"
train --steps $steps --resume -o model train.tok
expect_same uninterrupted model

# Killed, as by the system when memory is short, and then more often than it may be.
kill_training() {
  kill -KILL "$(pgrep -P "$(job 1/pid)" -x lm-train)"
}
begin killed 1 --checkpoint-every 0s
kill_training
drain
ended 0 'start 1: exit 137: queued again'
expect_same uninterrupted model
LM_RESTARTS=1 begin killed_twice 1 --checkpoint-every 0s
first=$(job 1/pid)
kill_training
until [ "$(job 1/pid)" != "$first" ] && pgrep -P "$(job 1/pid)" -x lm-train >/dev/null; do :; done
kill_training
drain
ended 137 'start 2: exit 137, and it has been queued again 1 times'
train --steps $steps --resume -o model train.tok
expect_same uninterrupted model

# What fails with an error would fail again, and is not queued again.
export SLURM_STAND_IN=$PWD/failed
expect_exit 1 submit --output=failed.log "$scripts/train.sh" -t tok.json "${shape[@]}" --steps 3 -o model nothing.tok
grep -q "lm-train: .*nothing.tok" failed.log || fail "$(cat failed.log)"
! grep -q 'queued again' failed.log || fail "an error was repeated: $(cat failed.log)"

# Nor if it fails after the warning, by which it was to save.
mkdir failing
cat >failing/lm-train <<'END'
#!/bin/bash
trap 'echo "lm-train: cannot write the state" >&2; exit 1' USR1
touch waits
while :; do sleep 0.05; done
END
chmod +x failing/lm-train
export SLURM_STAND_IN=$PWD/failed_late
{ PATH=$PWD/failing:$PATH submit --output=failed_late.log "$scripts/train.sh" -o model train.tok || exit $?; } &
until [ -e waits ]; do sleep 0.05; done
kill -USR1 "$(job 1/pid)"
status=0
wait $! || status=$?
[ $status = 1 ] || fail "exit $status: $(cat failed_late.log)"
! grep -q 'queued again' failed_late.log || fail "an error after the warning was repeated: $(cat failed_late.log)"

# More tasks than one are ranks of mpirun. A stand-in for it shows how it is called.
mkdir bin
cat >bin/mpirun <<'END'
#!/bin/sh
echo "$OMPI_MCA_odls_base_sigkill_timeout $PRTE_MCA_odls_base_sigkill_timeout $*" >arguments
while [ "$1" != lm-train ]; do shift; done
exec "$@"
END
chmod +x bin/mpirun
export SLURM_STAND_IN=$PWD/ranks
PATH=$PWD/bin:$PATH submit --ntasks=2 "$scripts/train.sh" -t tok.json "${shape[@]}" --steps $steps -o ranks.model train.tok
expect_same uninterrupted ranks.model
grep -q '^25 25 --map-by slot:PE=1 -n 2 lm-train --resume auto --threads 1 -t tok.json ' arguments || fail "mpirun: $(cat arguments)"

# And the real one, where lm-train has its module: warned and ended on all ranks, the run has the bytes of one process.
version=$(lm-train --version)
if ! command -v mpirun >/dev/null || [[ $version != *'mpi: '* || $version == *'mpi: none'* ]]; then
  echo "no MPI: ranks were not started" >&2
  exit 0
fi
export LM_MPIRUN='mpirun --oversubscribe' OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 LM_SAVE_SECONDS=1
LM_STOP_AFTER=0 begin mpi 2 --micro-batch 2
kill -USR1 "$(job 1/pid)"
until grep -q 'start 1: ending' mpi.log; do sleep 0.1; done
drain
ended 0 'start 1: exit'
[ "$(grep -c 'queued again' mpi.log)" = 1 ] || fail "$(cat mpi.log)"
train --steps $steps --micro-batch 2 -o alone train.tok
expect_same alone model
# A rank that dies takes the others with it.
begin mpi_killed 2 --micro-batch 2 --checkpoint-every 0s
kill -KILL "$(pgrep -P "$(pgrep -P "$(job 1/pid)" -x mpirun)" -x lm-train | tail -n 1)"
drain
ended 0 'start 1: exit 137: queued again'
expect_same alone model
