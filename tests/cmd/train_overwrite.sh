# A forgotten --resume costs no work: the state of an interrupted run, and a file that is no state, are not replaced unasked.
# shellcheck disable=SC2154 # make_training sets shape
need tok-train tok-encode lm-train

make_training
# interrupt NAME [OPTION...]: leaves the state of a run that was stopped after some steps.
interrupt() {
  make_gate
  lm-train -t tok.json "${shape[@]}" --metrics gate -o "$@" train.tok 2>/dev/null &
  pid=$!
  open_gate
  for _ in $(seq 5); do read -r -u 9 _; done
  kill -TERM $pid
  cat <&9 >/dev/null
  exec 9<&-
  wait $pid || true
}
# refused TEXT STATE OPTION...: such a run does not begin, and the state stays as it was.
refused() {
  local text=$1 state=$2
  shift 2
  cp "$state" before
  expect_exit 1 lm-train -t tok.json "${shape[@]}" "$@" train.tok
  expect_one_line_stderr "$text"
  expect_same "$state" before
}

# At MODEL.state, DIR.state and --checkpoint's place.
train --steps 90 -o whole train.tok
interrupt model --steps 90
refused "--resume" model.state --steps 30 -o model
refused "--overwrite" model.state --steps 30 -o model
grep -Eq "'model.state' is the state of an unfinished run, at step [0-9]+;" stderr || fail "the step is not said: $(cat stderr)"
[ ! -e model ] || fail "a model"
refused "model.state" model.state --steps 30 -o other --checkpoint model.state
refused "model.state" model.state --steps 30 -o model/
refused "model.state" model.state --steps 30 -o - --checkpoint ./model.state
# What only looks writes nothing, and may be asked at any time.
train --steps 30 --dry-run -o model train.tok >report
train --steps 30 --show-examples 1 -o model train.tok >examples
# --resume and --resume auto resume it; a finished run may be started again, or resumed.
cp model.state again.state
train --steps 90 --resume -o model train.tok
expect_same model whole
train --steps 90 --resume auto -o again train.tok
expect_same again whole
train --steps 30 -o model train.tok
train --steps 60 --resume -o model train.tok
train --steps 90 -o model train.tok
expect_same model whole

# A finished run that is resumed is unfinished from its next save on.
interrupt again --resume --steps 100k --checkpoint-every 0s
refused "unfinished" again.state --steps 90 -o again
# --overwrite starts anew, and only then.
expect_exit 2 train --steps 90 --overwrite --resume -o again train.tok
train --steps 90 --overwrite -o again train.tok
expect_same again whole
train --steps 90 --overwrite -o fresh train.tok
expect_same fresh whole

# Patience, the end of a stream and a budget in time end a run too.
for _ in 1 2; do
  train --steps 1000 --lr 0 --valid-fraction 0.2 --valid-every 1 --patience 2 -o patient train.tok
  train --one-pass --schedule constant --time 1h -o stream train.tok
  train --time 0.2s -o timed train.tok
  train --steps 3 -o - --checkpoint out.state train.tok >streamed
done
# A run whose model could not be written is unfinished: its work is only in the state.
expect_exit 1 train --steps 20 --checkpoint full.state -o /dev/full train.tok
refused "at step 20" full.state --steps 20 -o model --checkpoint full.state

# A state of an earlier version, which does not say how it ended, is unfinished and can be resumed.
train --steps 20 -o old train.tok
perl -0pe 's/,?\\"ended\\":\\"budget\\"(,?)/ " " x (length($&) - length($1)) . $1/e; s/"lm.checksum"/"no.checksum"/' old.state >without
{ cmp -s without old.state && fail "no record of the end"; } || true
mv without old.state
refused "at step 20" old.state --steps 20 -o old
train --steps 90 --resume -o old train.tok

# What is no state is never replaced; an empty file holds nothing.
echo "my notes" >notes
cp whole a.model
refused "notes" notes --steps 1 -o new --checkpoint notes
refused "notes" notes --steps 1 -o new --checkpoint notes --overwrite
refused "a.model" a.model --steps 1 -o new --checkpoint a.model --overwrite
head -c 5000 model.state >cut.state
refused "cut.state" cut.state --steps 1 -o cut --overwrite
{ [ ! -e new ] && [ ! -e cut ]; } || fail "a model"
: >empty.state
train --steps 1 -o empty train.tok
