# SIGTERM, SIGINT, SIGHUP, SIGPIPE and SIGXCPU save and exit with 128 + n, SIGUSR1 saves and continues; one-pass runs survive a stream that breaks off.
# shellcheck disable=SC2154 # make_training sets shape
need tok-train tok-encode lm-train

make_training
train --steps 90 -o whole train.tok

# The run's metrics go through a pipe of one page, so it is never more than some 30 steps ahead of what was read from it.
for signal in TERM:143 INT:130 HUP:129; do
  rm -f model model.state
  # Background jobs of a script ignore SIGINT; setsid and a default disposition give it back.
  make_gate
  env --default-signal=INT,HUP lm-train -t tok.json "${shape[@]}" --steps 90 --metrics gate -o model train.tok 2>stderr &
  pid=$!
  open_gate
  for _ in $(seq 5); do read -r -u 9 _; done
  kill -"${signal%:*}" $pid
  status=0
  cat <&9 >/dev/null
  exec 9<&-
  wait $pid || status=$?
  [ $status = "${signal#*:}" ] || fail "exit $status after SIG${signal%:*}"
  expect_one_line_stderr "stopped by a signal"
  [ ! -e model ] || fail "a model after SIG${signal%:*}"
  train --steps 90 --resume -o model train.tok
  expect_same model whole
done

# Whoever reads the metrics or the messages goes away, or processor time runs out: the state is saved too.
rm -f model model.state
make_gate
lm-train -t tok.json "${shape[@]}" --steps 90 --metrics gate -o model train.tok 2>stderr 8>&- &
pid=$!
open_gate
for _ in $(seq 5); do read -r -u 9 _; done
exec 9<&-
status=0
wait $pid || status=$?
[ $status = 141 ] || fail "exit $status without a reader of the metrics"
expect_one_line_stderr "stopped by a signal"
[ ! -e model ] || fail "a model without a reader of the metrics"
train --steps 90 --resume -o model train.tok
expect_same model whole
rm -f model model.state
status=0
(ulimit -St 1 && train --time 1h --threads 1 -o model train.tok 2>stderr) || status=$?
[ $status = 152 ] || fail "exit $status after SIGXCPU"
expect_one_line_stderr "stopped by a signal"
[ -e model.state ] || fail "no state after SIGXCPU"
# A result that nobody reads ends the program without a word.
status=0
{ train --steps 3 -o - train.tok 2>stderr || echo $? >exited; } | true
[ "$(cat exited)" = 141 ] || fail "exit $(cat exited) without a reader of the model"
[ ! -s stderr ] || fail "$(cat stderr)"

# Started under nohup, it outlives the terminal.
rm -f model model.state
make_gate
nohup lm-train -t tok.json "${shape[@]}" --steps 90 --metrics gate -o model train.tok 2>/dev/null &
pid=$!
open_gate
kill -HUP $pid
cat <&9 >/dev/null
exec 9<&-
wait $pid
expect_same model whole

rm -f model model.state
make_gate
lm-train -t tok.json "${shape[@]}" --steps 90 --metrics gate -o model train.tok &
pid=$!
open_gate
for _ in $(seq 5); do read -r -u 9 _; done
[ ! -e model.state ] || fail "a state before it was asked for"
kill -USR1 $pid
for _ in $(seq 50); do read -r -u 9 _; done
[ -e model.state ] || fail "no state after SIGUSR1"
cat <&9 >/dev/null
exec 9<&-
wait $pid
expect_same model whole

# SIGUSR1 while the tokens still come waits for the first step.
rm -f model model.state
mkfifo tokens
exec 8<>tokens
lm-train -t tok.json "${shape[@]}" --steps 90 -o model - <tokens 8>&- &
pid=$!
until [ -e .model.lock ]; do kill -0 $pid; done
kill -USR1 $pid
cat train.tok >&8
exec 8>&-
wait $pid
expect_same model whole

# One pass over a stream: same bits from file and pipe, and after an interruption.
pass() { train --one-pass --schedule constant --steps 30 "$@"; }
pass -o passed train.tok
tok-encode -t tok.json corpus.txt | pass -o piped -
expect_same passed piped
size=$(stat -c %s train.tok)
head -c $((size - 32)) train.tok >cut.tok
cp passed broken
expect_exit 1 lm-train -t tok.json "${shape[@]}" --one-pass --schedule constant --steps 100k -o broken cut.tok
expect_one_line_stderr
expect_same broken passed
[ -e broken.state ] || fail "no state after the stream broke off"
train --one-pass --schedule constant --steps 100k -o longest train.tok
train --one-pass --steps 100k --resume -o broken train.tok
expect_same broken longest
head -c 300 train.tok >first.tok
expect_exit 1 lm-train -t tok.json "${shape[@]}" --one-pass --schedule constant --steps 100k -o broken first.tok
train --one-pass --steps 100k --resume -o broken train.tok
expect_same broken longest
rm broken.state
expect_exit 1 lm-train -t tok.json "${shape[@]}" --one-pass --schedule constant --steps 100k -o broken - <cut.tok
tr '[:lower:]' '[:upper:]' <corpus.txt | tok-encode -t tok.json -o upper.tok -
expect_exit 1 lm-train -t tok.json --one-pass --steps 100k --resume -o broken upper.tok
expect_one_line_stderr "differs"

# Without a trailer nothing is trained, and nothing written.
expect_exit 1 lm-train -t tok.json "${shape[@]}" --steps 5 -o never - <cut.tok
expect_one_line_stderr
{ [ ! -e never ] && [ ! -e never.state ]; } || fail "something was written"
cat train.tok train.tok >joined.tok
expect_exit 1 lm-train -t tok.json "${shape[@]}" --steps 5 -o never joined.tok
expect_one_line_stderr "tok-encode"
