# Looking at a model while it trains: lm-sample takes the training state, SIGUSR1 writes the model too, and no other program
# mistakes a state for a model or tokenizer.
# shellcheck disable=SC2154 # make_training sets shape
need tok-train tok-encode tok-decode lm-train lm-sample lm-eval-ppl lm-fim

make_training
sample() { lm-sample -p 'The ' -n 20 --seed 3 "$@"; }

# A state gives the text of the model that the run would give: the last weights, their average or the best.
train --steps 60 -o last train.tok
train --steps 60 --ema 0.9 -o average train.tok
train --steps 60 --lr 0.01 --schedule constant --valid-fraction 0.2 --valid-every 20 --keep best -o best train.tok
train --steps 60 --lr 0.01 --schedule constant --valid-fraction 0.2 --valid-every 20 --ema 0.9 --keep best -o both train.tok
train --steps 60 --family gpt2 -o old-family train.tok
train --steps 60 --objective masked --keep best --valid-fraction 0.2 -o masked train.tok
for name in last average best both old-family; do
  sample $name >expected
  sample $name.state >out
  expect_same out expected
done
lm-sample masked -p 'The <|mask|> of' >expected
lm-sample masked.state -p 'The <|mask|> of' >out
expect_same out expected
! cmp -s <(sample last) <(sample average) || fail "the average is not the last weights"

# While it trains, and after SIGUSR1 the model, whose run continues to the same bits; a folder likewise.
train --steps 90 -o whole train.tok
mkdir folder
for output in model folder; do
  make_gate
  lm-train -t tok.json "${shape[@]}" --steps 90 --metrics gate -o $output train.tok &
  pid=$!
  open_gate
  for _ in $(seq 5); do read -r -u 9 _; done
  { [ ! -f $output ] && [ ! -e $output/model.safetensors ]; } || fail "a model before it was asked for"
  kill -USR1 $pid
  for _ in $(seq 50); do read -r -u 9 _; done
  sample $output >now
  sample $output.state >out
  expect_same out now
  lm-eval-ppl $output corpus.txt >report
  cat <&9 >/dev/null
  exec 9<&-
  wait $pid
done
expect_same model whole
expect_same folder/model.safetensors whole

# Standard output and a device get one model, at the end.
make_gate
lm-train -t tok.json "${shape[@]}" --steps 90 --metrics gate --checkpoint out.state -o - train.tok >streamed &
pid=$!
open_gate
kill -USR1 $pid
cat <&9 >/dev/null
exec 9<&-
wait $pid
expect_same streamed whole
sample out.state >out
sample whole >expected
expect_same out expected

# Nothing else takes a state for a model: it is named, with what makes a model.
state=last.state
refused() {
  expect_exit 1 "$@"
  expect_one_line_stderr "$state"
  grep -q "training state" stderr || fail "not named: $(cat stderr)"
  grep -q -- "--resume" stderr || fail "no way out: $(cat stderr)"
}
refused lm-eval-ppl $state corpus.txt
echo 'The [FIM] of' >text
refused lm-fim $state text
refused lm-train -t tok.json --init-from $state --steps 1 -o new train.tok
refused lm-train --init-from $state --steps 1 -o new train.tok
refused lm-train -t $state "${shape[@]}" --steps 1 -o new train.tok
refused tok-encode -t $state corpus.txt
refused tok-decode -t $state train.tok
[ ! -e new ] || fail "a model"

# A state without a tokenizer, as earlier versions wrote it, is resumed, and then has one.
perl -0pe 's/"train.tokenizer"/"other.tokenizer"/; s/"lm.checksum"/"no.checksum"/' last.state >earlier.state
expect_exit 1 sample earlier.state
expect_one_line_stderr "--resume"
train --steps 80 --resume -o earlier train.tok
sample earlier.state >out
sample earlier >expected
expect_same out expected
