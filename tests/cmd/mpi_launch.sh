# What lm-train does with the launcher's part of a launch: its variables, its binding, its terminal and its signals.
# shellcheck disable=SC2154 # make_training sets shape
need tok-train tok-encode lm-train pgrep
need_mpi

make_training --layers 1 --channels 32 --heads 2 --context 32 --batch 8 --micro-batch 1 --threads 1
expect_message() {
  [ "$(grep -c '^lm-train: ' stderr)" = 1 ] || fail "not one message: $(cat stderr)"
  grep -q "^lm-train: .*$1" stderr || fail "'$1' is not in: $(cat stderr)"
}

# Processes of another launcher, which this MPI does not see, would each make the whole run. One of them says so.
foreign() { # RANK VARIABLE=VALUE...
  expect_exit 1 env "${@:2}" lm-train -t tok.json "${shape[@]}" --steps 2 -o model train.tok
  [ ! -e model ] || fail "a model of one of two processes"
  if [ "$1" = 0 ]; then expect_one_line_stderr "the launcher started 2 processes, but the MPI of lm-train, Open MPI"; else expect_silence; fi
}
for rank in 0 1; do
  foreign $rank PMI_RANK=$rank PMI_SIZE=2
  foreign $rank SLURM_PROCID=$rank SLURM_NTASKS=2 SLURM_STEP_NUM_TASKS=2
  foreign $rank PMIX_RANK=$rank SLURM_STEP_NUM_TASKS=2
done
# The tasks of one srun may make a run each, as the message says.
alone=$(PMI_RANK=0 PMI_SIZE=2 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 lm-train -t tok.json "${shape[@]}" --steps 2 -o model train.tok 2>&1) &&
  fail "one of two processes makes a run"
alone=${alone##*"start 'env "}
alone=${alone%" lm-train ...'"}
[ "$alone" = "-u PMI_RANK -u SLURM_PROCID" ] || fail "advice: $alone"
# shellcheck disable=SC2086 # several words
PMI_RANK=0 PMI_SIZE=2 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 expect_exit 0 env $alone lm-train -t tok.json "${shape[@]}" --steps 2 -o model train.tok
rm model
# A batch script of several tasks is no step of them, and a step may have one.
SLURM_PROCID=0 SLURM_NTASKS=2 expect_exit 0 lm-train -t tok.json "${shape[@]}" --steps 2 -o model train.tok
SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1 expect_exit 0 lm-train -t tok.json "${shape[@]}" --steps 2 -o model train.tok

# What all would print, one prints.
for option in --version --help; do
  lm-train $option >plain
  ranks 2 lm-train $option </dev/null >shared
  expect_same plain shared
done
lm-train -t tok.json "${shape[@]}" --steps 2 -o model train.tok --dump-config >plain
ranks 2 lm-train -t tok.json "${shape[@]}" --steps 2 -o model train.tok --dump-config </dev/null >shared
expect_same plain shared

# Standard output goes through mpirun, which is no terminal: examples with tabs, and a model byte by byte, into a file and a pipe.
train --show-examples 2 train.tok >plain
ranks 2 lm-train -t tok.json "${shape[@]}" --show-examples 2 train.tok </dev/null >shared
expect_same plain shared
train --channels 128 --steps 2 -o plain train.tok
ranks 2 lm-train -t tok.json "${shape[@]}" --channels 128 --steps 2 -o - train.tok </dev/null >shared
expect_same plain shared
ranks 2 lm-train -t tok.json "${shape[@]}" --channels 128 --steps 2 -o - train.tok </dev/null | cat >shared
expect_same plain shared

# A forecast is of the ranks that there are.
expect_exit 2 ranks 2 lm-train -t tok.json "${shape[@]}" --dry-run --ranks 4 train.tok
expect_message "--ranks 4 is not what the launcher started, 2 ranks"
# Made by one process or by the ranks, it is of the same memory, to 10 % of a tiny model's.
expect_exit 0 ranks 2 lm-train -t tok.json "${shape[@]}" --dry-run --ranks 2 --json train.tok
memory() { grep -o '"memory_bytes":[0-9]*' "$1" | cut -d: -f2; }
shared=$(memory stdout)
train --dry-run --ranks 2 --json train.tok >alone
apart=$(($(memory alone) - shared))
[ $((10 * ${apart#-})) -lt "$shared" ] || fail "$(memory alone) bytes of ranks, which say $shared"

# A rank that is bound to a core, with more threads: mpirun's default for two ranks. Bound to nothing there is nothing to say.
if [ "$(nproc)" -gt 1 ]; then
  bound=(lm-train -t tok.json "${shape[@]}" --threads 2 --steps 2 --overwrite -o model train.tok)
  expect_exit 0 mpirun --quiet --bind-to core -n 1 "${bound[@]}"
  expect_message "binds a rank to 1 core, which its 2 threads share; give mpirun --map-by slot:PE=2 or --bind-to none"
  expect_exit 0 mpirun --quiet --bind-to none -n 1 "${bound[@]}"
  expect_silence
fi

# The time that mpirun leaves for a save may be in its file of parameters.
mkdir -p home/.openmpi
printf '# seconds\nodls_base_sigkill_timeout = 0 \n' >home/.openmpi/mca-params.conf
HOME=$PWD/home expect_exit 0 ranks 2 lm-train -t tok.json "${shape[@]}" --steps 3 --checkpoint-every 0s --overwrite -o model train.tok
expect_message "saving took .* s, but mpirun kills its processes 0 s after SIGTERM"

# begin_ranks: starts a long run of 4 ranks, and returns when it has made 5 steps.
begin_ranks() {
  rm -f model model.state
  make_gate
  mpirun --quiet --oversubscribe -n 4 lm-train -t tok.json "${shape[@]}" --steps 300 --metrics gate -o model train.tok </dev/null 2>stderr 8>&- &
  pid=$!
  open_gate
  for _ in $(seq 5); do read -r -u 9 _; done
}
end_ranks() {
  cat <&9 >/dev/null
  exec 9<&-
  status=0
  wait $pid || status=$?
}
rank() { pgrep -P $pid lm-train | sed -n "$(($1 + 1))p"; }

# Any rank may have a signal: SIGUSR1 saves state and model and the run continues; what stops it is in the exit status.
begin_ranks
kill -USR1 "$(rank 2)"
for _ in $(seq 200); do
  [ ! -e model ] || break
  read -r -u 9 _ || break
done
if [ ! -e model.state ] || [ ! -e model ]; then fail "SIGUSR1 to rank 2 saved nothing: $(cat stderr)"; fi
kill -INT "$(rank 3)"
end_ranks
[ $status = 130 ] || fail "exit $status instead of 130"
expect_message "stopped by a signal after step"

# mpirun that is ended while a stream comes closes it first; that is no error of the stream. In one pass, the run that has begun
# says how far it came.
mkfifo stream
end_while_reading() { # COMMAND OPTION...: the command's output is the beginning of the stream
  rm -f model model.state begun
  { $1; exec sleep 60; } >stream &
  writer=$!
  mpirun --quiet --oversubscribe -n 2 sh -c 'touch begun; exec "$@"' sh lm-train -t tok.json "${shape[@]}" --steps 10k "${@:2}" -o model - \
    <stream 2>stderr &
  pid=$!
  until [ -e begun ] && [ -n "$(pgrep -P $pid lm-train)" ]; do sleep 0.05; done
  sleep 1.5
  kill -TERM $pid
  wait $pid && fail "a run that was ended succeeded"
  kill $writer
}
end_while_reading true
! grep '^lm-train: ' stderr || fail "an error of the stream"
end_while_reading 'head -c 20000 train.tok' --one-pass --schedule constant
expect_message "stopped by a signal after step"
[ -e model.state ] || fail "no state"
# One that is cut short is.
head -c 1000 train.tok >cut.tok
expect_exit 1 mpirun --quiet --oversubscribe -n 2 lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o model - <cut.tok
expect_message "without the trailer"

# An error at the end leaves no locks, though it ends all ranks.
rm -f model model.state
expect_exit 1 ranks 2 sh -c 'ulimit -f 100; exec "$@"' sh lm-train -t tok.json "${shape[@]}" --channels 128 --steps 2 -o model train.tok
expect_message "cannot write 'model"
[ -z "$(find . -name '*.lock')" ] || fail "left: $(find . -name '*.lock')"
