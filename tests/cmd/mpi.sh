# A run that mpirun starts is the run of one process, bit by bit, and its ranks fail together. tests/mpi has the long matrix.
# shellcheck disable=SC2154 # make_training sets shape
need tok-train tok-encode lm-train

# Without the module a launch is refused by its first process; a plain run, or a launch of one, does not ask for it.
make_training --layers 2 --channels 48 --heads 2 --context 32 --batch 8 --micro-batch 1 --threads 1
mkdir alone
cp "$LM_BIN/lm-train" alone/
OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2 expect_exit 1 alone/lm-train -t tok.json "${shape[@]}" --steps 2 -o model train.tok
expect_one_line_stderr "cannot share a run among the 2 processes of this launch"
OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 expect_exit 1 alone/lm-train -t tok.json "${shape[@]}" --steps 2 -o model train.tok
expect_silence
OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=1 expect_exit 0 alone/lm-train -t tok.json "${shape[@]}" --steps 2 -o model train.tok
PMIX_RANK=0 SLURM_STEP_NUM_TASKS=1 expect_exit 0 alone/lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o model train.tok
alone/lm-train --version | grep -q '^mpi: none (no ' || fail "--version does not say that there is no MPI"

# What a run of ranks would take and send.
expect_exit 0 lm-train -t tok.json "${shape[@]}" --dry-run --json train.tok
mv stdout one.json
expect_exit 0 lm-train -t tok.json "${shape[@]}" --dry-run --ranks 2 --json train.tok
number() { grep -o "\"$2\":[0-9]*" "$1" | cut -d: -f2; }
[ "$(number one.json sent_bytes)" = 0 ] || fail "one process sends nothing"
moments=$(number stdout memory_moments)
[ $((100 * moments)) -lt $((56 * $(number one.json memory_moments))) ] || fail "two ranks have $moments bytes of moments each"
[ $((10 * $(number stdout sent_gradients))) -lt $((45 * $(number stdout parameters))) ] || fail "a rank sends more than its half"
expect_exit 0 lm-train -t tok.json "${shape[@]}" --dry-run --ranks 4 train.tok
grep -q '^sent a step ' stdout || fail "no bytes in: $(cat stdout)"
expect_exit 2 lm-train -t tok.json "${shape[@]}" --dry-run --ranks 3 train.tok
expect_one_line_stderr "3 ranks cannot share a run: their number must be a power of two"
expect_exit 2 lm-train -t tok.json "${shape[@]}" --micro-batch 3 --dry-run --ranks 4 train.tok
expect_one_line_stderr "give --micro-batch 2 or 1, or start 1 rank"
expect_exit 2 lm-train -t tok.json "${shape[@]}" --steps 2 --ranks 2 -o model train.tok
expect_one_line_stderr "mpirun -n 2 lm-train"

need_mpi

# same_bits NAME OPTION...: 1, 2 and 4 ranks give the model of one process.
same_bits() {
  local count
  rm -f plain* ranks*
  train --steps 12 "$@" -o plain train.tok 2>stderr || fail "$(cat stderr)"
  for count in 1 2 4; do
    rm -f ranks.state
    ranks $count lm-train -t tok.json "${shape[@]}" --steps 12 "$@" -o ranks train.tok </dev/null
    expect_same plain ranks
  done
}
same_bits --dropout 0.1 --valid-fraction 0.1 --valid-every 4 --ema 0.9
# The last of the formats that there are: which one mixed takes depends on how busy the machine is.
precision=$(lm-train --version | sed -n 's/^precision: .* //p')
same_bits --optimizer adamw --objective causal:0.5,fim:0.5 --precision "${precision:-fp32}"
ranks 2 lm-train -t tok.json "${shape[@]}" --precision mixed --steps 2 --overwrite -o ranks train.tok </dev/null

# A pipe is read by rank 0 and dealt out, spooled or in one pass, to its end inside a step.
train --steps 12 -o plain --overwrite train.tok
ranks 4 lm-train -t tok.json "${shape[@]}" --steps 12 --overwrite -o ranks - <train.tok
expect_same plain ranks
train --one-pass --schedule constant --steps 10k --overwrite -o plain train.tok
ranks 4 lm-train -t tok.json "${shape[@]}" --one-pass --schedule constant --steps 10k --overwrite -o ranks - <train.tok
expect_same plain ranks

# The largest of equal parts that fit is chosen and said; one process with it gives the same.
rm -f plain* ranks*
expect_exit 0 ranks 2 lm-train -t tok.json --layers 1 --channels 32 --context 32 --batch 8 --steps 4 -o ranks train.tok
grep -q 'lm-train: 2 ranks take --micro-batch 4' stderr || fail "the micro-batch is not named: $(cat stderr)"
lm-train -t tok.json --layers 1 --channels 32 --context 32 --batch 8 --micro-batch 4 --steps 4 -o plain train.tok
expect_same plain ranks

# Any number of ranks resumes a state, if its micro-batches are for that many.
rm -f plain* ranks*
train --steps 12 -o plain train.tok
ranks 4 lm-train -t tok.json "${shape[@]}" --steps 5 --schedule constant -o ranks train.tok </dev/null
train --steps 12 --schedule constant --overwrite -o plain train.tok
ranks 2 lm-train -t tok.json "${shape[@]}" --steps 8 --resume -o ranks train.tok </dev/null
train --steps 10 --resume -o ranks train.tok
ranks 8 lm-train -t tok.json "${shape[@]}" --steps 12 --resume auto -o ranks train.tok </dev/null
expect_same plain ranks
expect_exit 1 ranks 16 lm-train -t tok.json --steps 20 --threads 1 --resume -o ranks train.tok
grep -q "are for 1, 2, 4 or 8 ranks" stderr || fail "no other numbers of ranks in: $(cat stderr)"

# One message, from the first rank, for what all meet.
expect_message() {
  [ "$(grep -c '^lm-train: ' stderr)" = 1 ] || fail "not one message: $(cat stderr)"
  grep -q "^lm-train: .*$1" stderr || fail "'$1' is not in: $(cat stderr)"
}
expect_exit 2 ranks 2 lm-train -t tok.json --nonsense
expect_message "unknown option '--nonsense'"
expect_exit 1 ranks 2 lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o ranks missing.tok
expect_message "missing.tok"

LM_MESSAGE_DELAY=1s expect_exit 1 ranks 2 lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o ranks train.tok
expect_message "cannot use LM_MESSAGE_DELAY '1s'"
rm -f plain* ranks ranks.state
train --steps 2 -o plain train.tok
LM_MESSAGE_DELAY=0.001,1e9 ranks 2 lm-train -t tok.json "${shape[@]}" --steps 2 -o ranks train.tok </dev/null
expect_same plain ranks

# What ranks other than the first lack, or fail at, is one message too: the lowest one's.
mkdir -p elsewhere
cp tok.json elsewhere/
expect_exit 1 mpirun --quiet --oversubscribe -n 1 lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o ranks train.tok \
  : -n 3 env -C elsewhere lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o ranks train.tok
expect_message "rank 1: cannot open 'train.tok': .*(2 other ranks fail too)"
cp train.tok elsewhere/
expect_exit 1 mpirun --quiet --oversubscribe -n 1 lm-train -t tok.json "${shape[@]}" --steps 4 --resume auto -o ranks train.tok \
  : -n 3 env -C elsewhere lm-train -t tok.json "${shape[@]}" --steps 4 --resume auto -o ranks train.tok
expect_message "rank 1: there is no state 'ranks.state' here, .*(2 other ranks fail too)"

# A rank with another program, option, file or library is refused at the start, and named.
expect_refusal() {
  local text=$1
  shift
  expect_exit 1 mpirun --quiet --oversubscribe -n 1 lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o ranks train.tok \
    : -n 1 "$@"
  expect_message "rank 1 has $text that differs"
}
# refuse_option NAME VALUES OPTION...: rank 1 is given options that rank 0 is not.
refuse_option() {
  local text="an option $1 that differs from rank 0's ($2)"
  shift 2
  expect_exit 1 mpirun --quiet --oversubscribe -n 1 lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o ranks train.tok \
    : -n 1 lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o ranks "$@" train.tok
  expect_message "rank 1 has $text"
}
refuse_option --lr "'0.5' and none" --lr 0.5
refuse_option --batch "'16' and '8'" --batch 16
refuse_option --valid "'train.tok' and none" --valid train.tok
refuse_option --precision "'mixed' and none" --precision mixed
refuse_option --dry-run "'true' and none" --dry-run
refuse_option --simd "'portable' and none" --simd portable
expect_refusal "a list of TOKENS" lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o ranks train.tok train.tok
ranks 1 lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o ranks train.tok </dev/null
rm -f ranks.state
mpirun --quiet --oversubscribe -n 1 lm-train -t tok.json "${shape[@]}" --threads 2 --steps 2 -o ranks train.tok \
  : -n 1 lm-train -t tok.json "${shape[@]}" --steps 2 -v -o ranks train.tok </dev/null || fail "--threads and -v are each rank's own"

# swap_bytes FILE: exchanges two pairs of bytes that differ, far from both ends; a stream keeps its size, trailer and ids.
swap_bytes() {
  local middle other
  middle=$(($(stat -c %s "$1") / 4))
  middle=$((middle * 2))
  other=$((middle + 200))
  while cmp -s -n 2 -i $middle:$other "$1" "$1"; do other=$((other + 2)); done
  dd if="$1" of=one bs=1 skip=$middle count=2 status=none
  dd if="$1" of=two bs=1 skip=$other count=2 status=none
  dd if=two of="$1" bs=1 seek=$middle conv=notrunc status=none
  dd if=one of="$1" bs=1 seek=$other conv=notrunc status=none
}
# elsewhere STATUS OPTION...: rank 1 works in a folder that has its own files of the same names.
elsewhere() {
  local status=$1
  shift
  expect_exit "$status" mpirun --quiet --oversubscribe -n 1 lm-train "$@" : -n 1 env -C elsewhere lm-train "$@"
}
fresh=(-t tok.json "${shape[@]}" --steps 2 --overwrite -o ranks)
head -c 30000 corpus.txt | tok-encode -t tok.json -o valid.tok -
cp train.tok valid.tok elsewhere/
elsewhere 0 "${fresh[@]}" --valid valid.tok train.tok
swap_bytes elsewhere/valid.tok
elsewhere 1 "${fresh[@]}" --valid valid.tok train.tok
expect_message "rank 1: cannot use 'valid.tok': it is damaged"
swap_bytes elsewhere/train.tok
elsewhere 1 "${fresh[@]}" train.tok
expect_message "rank 1: cannot use 'train.tok': it is damaged"
cp valid.tok elsewhere/train.tok
elsewhere 1 "${fresh[@]}" train.tok
expect_message "rank 1 has training data that differs"
cp train.tok elsewhere/
tok-train --vocab-size 390 -o elsewhere/tok.json corpus.txt
elsewhere 1 "${fresh[@]}" train.tok
expect_message "rank 1 has a tokenizer that differs"
cp tok.json elsewhere/

# Likewise the model to train further, and the state.
lm-train "${fresh[@]}" train.tok && mv ranks first && mv ranks.state first.state
(cd elsewhere && lm-train "${fresh[@]}" --seed 5 train.tok && mv ranks first && mv ranks.state first.state)
further=(--init-from first --context 32 --batch 8 --micro-batch 1 --threads 1 --steps 2 --overwrite -o ranks train.tok)
elsewhere 1 "${further[@]}"
expect_message "rank 1 has a model to begin with that differs"
cp first elsewhere/
elsewhere 0 "${further[@]}"
resumed=(-t tok.json --threads 1 --steps 4 --resume --checkpoint first.state -o ranks train.tok)
elsewhere 1 "${resumed[@]}"
expect_message "rank 1 has a state to resume that differs"
cp first.state elsewhere/
swap_bytes elsewhere/first.state
elsewhere 1 "${resumed[@]}"
expect_message "rank 1: cannot use 'first.state': it is damaged"
cp first.state elsewhere/
elsewhere 0 "${resumed[@]}"

# Another build of OpenBLAS matters if it computes.
blas=$(ldconfig -p | sed -n 's/.*libopenblas.so.0 .*=> //p' | head -n 1)
if [ -n "$blas" ]; then
  mkdir blas
  { cat "$blas" && echo; } >blas/libopenblas.so.0
  expect_exit 1 mpirun --quiet --oversubscribe -n 1 lm-train "${fresh[@]}" --simd portable train.tok \
    : -n 1 env LD_LIBRARY_PATH="$PWD/blas" lm-train "${fresh[@]}" --simd portable train.tok
  expect_message "rank 1 has an OpenBLAS that differs"
fi
mkdir -p other/bin
ln -s "$LM_BIN/../lib" other/lib
{ cat "$LM_BIN/lm-train" && echo; } >other/bin/lm-train
chmod +x other/bin/lm-train
expect_refusal "a program" other/bin/lm-train -t tok.json "${shape[@]}" --steps 2 --overwrite -o ranks train.tok

# Saving that takes longer than the launcher waits is noticed, once.
OMPI_MCA_odls_base_sigkill_timeout=0 expect_exit 0 ranks 2 lm-train -t tok.json "${shape[@]}" --steps 3 --checkpoint-every 0s \
  --overwrite -o ranks train.tok
expect_message "saving took .* s, but mpirun kills its processes 0 s after SIGTERM; give it --mca odls_base_sigkill_timeout 1"

# begin_ranks OPTION...: starts a long run of 4 ranks, and returns when it has made 10 steps.
begin_ranks() {
  rm -f ranks ranks.state
  make_gate
  mpirun --quiet --oversubscribe -n 4 lm-train -t tok.json "${shape[@]}" --steps 200 --metrics gate "$@" -o ranks train.tok </dev/null 2>stderr 8>&- &
  pid=$!
  open_gate
  for _ in $(seq 10); do read -r -u 9 _; done
}
# end_ranks LIMIT: reads what is left, and waits; the run must end within so many seconds.
end_ranks() {
  SECONDS=0
  cat <&9 >/dev/null
  exec 9<&-
  status=0
  wait $pid || status=$?
  [ $SECONDS -le "$1" ] || fail "the run ended only after $SECONDS s"
}
rm -f plain*
train --steps 200 -o plain train.tok

# A rank that dies ends the run within seconds; the state goes on where it was.
begin_ranks --checkpoint-every 0s
kill -9 "$(pgrep -P $pid lm-train | sed -n 3p)"
end_ranks 10
[ $status != 0 ] || fail "a dead rank is no success"
[ ! -e ranks ] || fail "a model before the end"
ranks 2 lm-train -t tok.json "${shape[@]}" --steps 200 --resume -o ranks train.tok </dev/null
expect_same plain ranks

# SIGTERM to the launcher, or to any rank, saves and ends; SIGUSR1 saves state and model and continues.
begin_ranks
kill -TERM $pid
end_ranks 10
[ -e ranks.state ] || fail "nothing was saved: $(cat stderr)"
train --steps 200 --resume -o ranks train.tok
expect_same plain ranks
begin_ranks
kill -TERM "$(pgrep -P $pid lm-train | sed -n 4p)"
end_ranks 10
[ $status = 143 ] || fail "exit $status instead of 143"
grep -q "^lm-train: stopped by a signal after step" stderr || fail "no message: $(cat stderr)"
ranks 8 lm-train -t tok.json "${shape[@]}" --steps 200 --resume -o ranks train.tok </dev/null
expect_same plain ranks
begin_ranks
kill -USR1 $pid
for _ in $(seq 100); do
  [ ! -e ranks ] || break
  read -r -u 9 _ || break
done
if [ ! -e ranks.state ] || [ ! -e ranks ]; then fail "SIGUSR1 saved nothing: $(cat stderr)"; fi
end_ranks 30
[ $status = 0 ] || fail "exit $status: $(cat stderr)"
expect_same plain ranks
