# A file that another program cuts short while it is read is an error with a sentence, and what was learned is kept.
# shellcheck disable=SC2154 # make_training sets shape
need tok-train tok-encode lm-train

make_training
tail -c 9000 pages.txt | tok-encode -t tok.json -o valid.tok -
start() {
  make_gate
  lm-train -t tok.json "${shape[@]}" --metrics gate "$@" 2>stderr &
  pid=$!
  open_gate
  for _ in $(seq 5); do read -r -u 9 _; done
}
ends_with_error() {
  status=0
  cat <&9 >/dev/null
  exec 9<&-
  wait $pid || status=$?
  [ $status = 1 ] || fail "exit $status: $(cat stderr)"
  expect_one_line_stderr "$1"
  grep -q "became shorter" stderr || fail "$(cat stderr)"
}

# Tokens to train on, whole and to the last window; the state is that of the last whole step.
lm-train -t tok.json "${shape[@]}" --steps 100 -o whole train.tok
for size in 0 5000; do
  cp train.tok a.tok
  rm -f model model.state
  start --steps 100k -o model a.tok
  truncate -s $size a.tok
  ends_with_error "a.tok"
  [ ! -e model ] || fail "a model"
  [ -e model.state ] || fail "no state"
  cp train.tok a.tok
  step=$(head -c 20000 model.state | grep -ao '\\"step\\":[0-9]*' | head -n 1 | grep -o '[0-9]*$')
  [ "$step" -ge 6 ] || fail "the state is at step $step"
done

# A model without a state stays as it was.
echo "older" >kept
start --steps 100k --checkpoint /dev/null -o kept a.tok
: >a.tok
ends_with_error "a.tok"
[ "$(cat kept)" = older ] || fail "the model was replaced"

# Held-out tokens, of an objective that reads them at each validation: the validation is made up for when the run is resumed.
objective=(--objective masked --valid-every 40 --steps 120 --keep best --patience 20)
lm-train -t tok.json "${shape[@]}" "${objective[@]}" --valid valid.tok -o whole train.tok
cp valid.tok v.tok
start "${objective[@]}" --valid v.tok -o model --overwrite train.tok
truncate -s 4000 v.tok
ends_with_error "v.tok"
lm-train -t tok.json "${objective[@]}" --valid valid.tok --resume -o model train.tok
expect_same model whole
