# A program that a signal ends leaves no temporary file beside its output, and ends by that signal.
need tok-train tok-encode tok-decode lm-train lm-sample lm-eval-ppl lm-fim

head -c 20000 "$LM_SOURCE/man/lm-train.1" >text
tok-train --vocab-size 370 -o tok.json text
tok-encode -t tok.json -o text.tok text
lm-train -q -t tok.json --objective causal:0.5,fim:0.5 --layers 1 --channels 32 --heads 2 --context 32 --batch 4 --steps 2 -o model text.tok
mkfifo input
ulimit -c 0

# ended SIGNAL PROGRAM...: runs it on an input that does not end, with -o output, and ends it once it writes.
ended() {
  local signal=$1 temporary='' status=0 process
  shift
  # Bash starts background jobs with SIGINT ignored.
  perl -e '$SIG{INT} = $SIG{QUIT} = "DEFAULT"; exec @ARGV or die' "$@" -o output <input 2>stderr &
  process=$!
  exec 7>input
  while [ -z "$temporary" ]; do
    temporary=$(find . -name '.output.*')
    kill -0 "$process" || fail "$* ended: $(cat stderr)"
    sleep 0.01
  done
  kill -s "$signal" "$process"
  wait "$process" || status=$?
  exec 7>&-
  [ "$status" = $((128 + $(kill -l "$signal"))) ] || fail "$* ended with $status after SIG$signal: $(cat stderr)"
  [ -z "$(find . -name '.output.*')" ] || fail "$* leaves $(find . -name '.output.*') after SIG$signal"
  [ ! -e output ] || fail "$* leaves an output after SIG$signal"
}

for signal in INT TERM HUP QUIT; do ended $signal tok-encode -t tok.json; done
ended INT tok-decode -t tok.json --format ids
ended INT lm-sample model -n 2 --documents line
ended INT lm-eval-ppl model
ended INT lm-fim model --jsonl
ended INT lm-train -q -t tok.json --layers 1 --channels 32 --steps 5 -

# A reader that goes away ends the program quietly, and the other output's temporary file with it.
seq 20000 >lines
status=0
lm-eval-ppl model --documents line --level document --tsv --max-perplexity 1e9 --rejected rejected lines 2>stderr | head -n 1 >first ||
  status=${PIPESTATUS[0]}
[ "$status" = 141 ] || fail "a closed pipe: exit $status: $(cat stderr)"
[ -z "$(find . -name '.rejected.*')" ] || fail "a closed pipe leaves $(find . -name '.rejected.*')"

# What was to be ignored stays ignored.
perl -e '$SIG{HUP} = "IGNORE"; exec @ARGV or die' tok-encode -t tok.json -o output <input &
process=$!
exec 7>input
while [ -z "$(find . -name '.output.*.tmp')" ]; do sleep 0.01; done
kill -s HUP $process
printf 'text' >&7
exec 7>&-
wait $process || fail "SIGHUP ended what nohup started: $?"
[ -s output ] || fail "no output after an ignored signal"
