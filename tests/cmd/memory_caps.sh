# A stranger's file takes no more memory than its kind may: devices and pipes without end are refused by name, in every reader.
need tok-train tok-encode tok-decode lm-train lm-eval-ppl lm-sample lm-fim

cat "$LM_SOURCE"/man/*.1 >pages.txt
head -c 40000 pages.txt >c.txt
tok-train --vocab-size 400 -o t.json c.txt
tok-encode -t t.json -o c.tok c.txt
shape=(--layers 1 --channels 32 --context 32 --batch 2 --steps 1)
lm-train -t t.json "${shape[@]}" --objective "causal:0.5,fim:0.5" -o m.st c.tok
ldd "$(command -v lm-sample)" | grep -qE 'lib[at]san' && skip "sanitizers take addresses of their own"

# refused KILOBYTES TEXT COMMAND...: exit 1 or 2 with one line that has TEXT, in so much memory.
refused() {
  local limit=$1 text=$2 status=0
  shift 2
  (ulimit -v "$limit" && exec timeout 120 "$@") >stdout 2>stderr </dev/null || status=$?
  [ "$status" = 1 ] || [ "$status" = 2 ] || fail "exit $status: $* (stderr: $(head -c 500 stderr))"
  expect_one_line_stderr "$text"
}

# Empty documents end a block as text does.
head -c 20000000 /dev/zero | tr '\0' '\n' >newlines
(ulimit -v 700000 && tok-encode -q --threads 1 -t t.json --documents line --format raw -o newlines.bin newlines) 2>stderr || fail "$(cat stderr)"
[ "$(wc -c <newlines.bin)" = 40000000 ] || fail "$(wc -c newlines.bin)"

# A tokenizer: 256 MiB at most.
endless() { yes '{"model":' 2>/dev/null || true; }
for program in "tok-encode -t %" "tok-decode -t %" "lm-train -t % ${shape[*]} -o m2.st c.tok"; do
  for source in /dev/zero pipe; do
    mkfifo pipe
    if [ $source = pipe ]; then endless >pipe & else true & fi
    # shellcheck disable=SC2086 # words
    refused 1000000 "'$source' as a tokenizer: it is larger than 256 MiB" ${program//%/$source}
    rm pipe
    wait || true
  done
done
mkdir folder tiktoken
for name in tokenizer.json vocab.json; do
  ln -sfn /dev/zero folder/$name
  refused 1000000 "folder/$name' as a tokenizer: it is larger than 256 MiB" tok-encode -t folder c.txt
  rm folder/$name
done
echo '{"a":0}' >folder/vocab.json
ln -s /dev/zero folder/merges.txt
refused 1000000 "folder/merges.txt' as a tokenizer: it is larger than 256 MiB" tok-encode -t folder --pattern gpt2 c.txt
ln -s /dev/zero tiktoken/gpt2.tiktoken
refused 1000000 "gpt2.tiktoken' as a tokenizer: it is larger than 256 MiB" tok-encode -t tiktoken/gpt2.tiktoken c.txt

# A model from a pipe: its header says how much there is to come.
mkfifo pipe
feed() { { "$@" >pipe 2>/dev/null || true; } & }
for program in "lm-sample % -p x -n 1" "lm-eval-ppl % c.txt" "lm-fim % --prefix-file c.txt -n 1" \
  "lm-train -t t.json --init-from % ${shape[*]} -o m2.st c.tok"; do
  # shellcheck disable=SC2086 # words
  {
    refused 150000 "/dev/zero" ${program//%//dev/zero}
    feed yes
    refused 150000 "'pipe'" ${program//%/pipe}
    wait || true
    feed cat m.st /dev/zero
    refused 150000 "it has too many bytes" ${program//%/pipe}
    wait || true
    feed cat m.st
    expect_exit 0 ${program//%/pipe}
    wait || true
  }
done
rm pipe
mkdir model
cp "$LM_SOURCE"/tests/golden/model_llama/model.safetensors model
ln -s /dev/zero model/config.json
refused 150000 "model/config.json' as a configuration: it is larger than 1 MiB" lm-sample model -p x -n 1

# A configuration: 1 MiB at most.
our_programs >programs
while read -r program; do
  refused 150000 "'/dev/zero' as a configuration: it is larger than 1 MiB" "$program" --config /dev/zero
done <programs

# Counts are read line by line.
refused 150000 "cannot use '/dev/zero' as counts" tok-train --from-counts /dev/zero -o t2.json
tok-train --dump-counts counts c.txt
mkfifo pipe
feed cat counts /dev/zero
refused 300000 "'pipe'" tok-train --from-counts pipe -o t2.json
wait || true
feed cat counts
tok-train --vocab-size 400 --from-counts pipe -o t2.json
expect_same t.json t2.json
wait || true
rm pipe

# A text that can be cut nowhere: 1 GiB of it at most, in what encodes and in what counts.
endless_text() { # COMMAND...
  local status=0
  (ulimit -v 4000000 && exec timeout 300 "$@") 2>"$1.stderr" || status=$?
  [ $status = 1 ] || fail "exit $status: $* (stderr: $(head -c 500 "$1.stderr"))"
  grep -q "cannot use '/dev/zero' as a text: more than 1024 MiB of it have no place to cut them" "$1.stderr" || fail "$(cat "$1.stderr")"
}
endless_text tok-encode -t t.json -o endless.tok /dev/zero &
endless_text tok-train --memory 8G --vocab-size 400 -o endless.json /dev/zero
wait $!
{ [ ! -e endless.tok ] && [ ! -e endless.json ]; } || fail "something was written of a text without end"
