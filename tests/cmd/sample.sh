# lm-sample on real files and pipes: the same text for the same seed, whole characters, and every way to give a prompt.
need tok-train tok-encode tok-decode lm-train lm-sample

# A text of many characters of two to four bytes, so that a byte model is often inside one.
for ((i = 0; i < 400; ++i)); do printf 'na\xc3\xafve \xe2\x82\xac%d \xf0\x9f\x98\x80 caf\xc3\xa9. ' $i; done >corpus
tok-train --vocab-size 257 --no-reserved --pattern none -o tok.json corpus
tok-encode -t tok.json -o train.tok corpus
lm-train -q -t tok.json --layers 2 --channels 32 --heads 2 --context 32 --batch 4 --lr 0.01 --steps 100 -o model train.tok

# utf8 FILE: fails if it is not UTF-8.
utf8() {
  iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || fail "'$1' is not UTF-8"
}

# The same seed, the same text: any number of threads, any number of samples beside it.
lm-sample model -p 'na' -n 100 >text
lm-sample model -p 'na' -n 100 --threads 1 | cmp - text
lm-sample model -p 'na' -n 100 --threads 2 | cmp - text
lm-sample model -p 'na' -n 100 --samples 3 --json | sed -n 1p >json
lm-sample model -p 'na' -n 100 --json | cmp - json
lm-sample model -p 'na' -n 100 --seed 1 | cmp -s - text && fail "the seed does not matter"
lm-sample model -p 'na' -n 20 --greedy | cmp - <(lm-sample model -p 'na' -n 20 --greedy --seed 7)
lm-sample model -p 'na' -n 20 --greedy | cmp - <(lm-sample model -p 'na' -n 20 --temperature 0)
lm-sample model -p 'na' -n 20 --greedy | cmp - <(lm-sample model -p 'na' -n 20 --top-k 1)

# Never half a character, wherever the text ends and whatever the prompt is.
for n in 1 2 3 4 5 6 7 8 9 50; do
  lm-sample model -p $'\xf0\x9f' -n $n >out
  utf8 out
  lm-sample model -p $'caf\xc3' --echo -n $n --temperature 2 --seed $n >out
  utf8 out
done
lm-sample model -p $'bad \xff byte' --echo -n 0 >out
[ "$(cat out)" = $'bad \xff byte' ] || fail "--echo changes the prompt: $(od -c out)"

# Prompts from -p, a file, standard input: the same, less one newline.
lm-sample model -n 30 -p 'one two' >expected
echo 'one two' | lm-sample model -n 30 | cmp - expected
echo 'one two' | lm-sample model -n 30 - | cmp - expected
echo 'one two' >prompt
lm-sample model -n 30 prompt | cmp - expected
lm-sample model -n 30 --keep-newline prompt | cmp - <(lm-sample model -n 30 -p $'one two\n')
# A carriage return before the newline belongs to it.
printf 'one two\r\n' >prompt
lm-sample model -n 30 prompt | cmp - expected
lm-sample model -n 30 --echo --keep-newline prompt >out
head -c 9 out | cmp - prompt
lm-sample model -n 30 </dev/null | cmp - <(lm-sample model -n 30 -p '')
printf 'one two\nthree\n' | lm-sample model -n 30 --documents line --json >lines
{ [ "$(wc -l <lines)" = 2 ] && sed -n 2p lines | grep -q '"prompt":"three"'; } || fail "prompts by line: $(cat lines)"
printf '\xff\xfe\x00' | lm-sample model -n 5 >out
utf8 out
printf 'one\r\nthree\n\n' | lm-sample model -n 0 --documents 'separator:\r\n' --json >lines
{ [ "$(wc -l <lines)" = 2 ] && sed -n 1p lines | grep -q '"prompt":"one"'; } || fail "prompts by separator: $(cat lines)"
printf 'one\r\nthree\r\n' | lm-sample model -n 0 --documents line --json | grep -c 'prompt":"[a-z]*"' | grep -qx 2 ||
  fail "prompts on lines that end in a carriage return"
printf 'one\r\n' | lm-sample model -n 0 --documents line --keep-newline --json | grep -qF '"prompt":"one\r"' ||
  fail "--keep-newline drops a carriage return"
expect_exit 2 lm-sample -- model -n 3
expect_one_line_stderr "unexpected argument '3': after --, '-n' is a file's name; give options before --"
expect_exit 2 lm-sample -n 3 -- model prompt other
expect_one_line_stderr "unexpected argument 'other'; see --help"
expect_exit 1 lm-sample model <&-
expect_one_line_stderr "standard input"

# The shape of the output: a newline after each sample, a blank line between.
lm-sample model -p 'x' -n 0 --samples 2 | cmp - <(printf '\n\n\n')
lm-sample model -p 'x' -n 0 --samples 2 --echo | cmp - <(printf 'x\n\nx\n')
lm-sample model -p 'x' -n 7 --samples 2 --format ids >drawn
[ "$(wc -l <drawn)" = 2 ] || fail "a line of ids for each sample: $(cat drawn)"

# A token stream decodes to the text; with --echo the prompt is in it.
lm-sample model -p 'caf' -n 40 --format lm --echo | tok-decode -t tok.json >decoded
lm-sample model -p 'caf' -n 40 --format ids --echo | tok-decode -t tok.json --format ids - | cmp - decoded
head -c 3 decoded | grep -qx caf || fail "no prompt in the token stream"

# Stop strings end the text before them; the ids are those of what is left.
text=$(lm-sample model -p 'x' -n 60 --seed 3)
stop=$(grep -aoE '[a-z]{2}' <<<"$text" | sed -n 2p)
lm-sample model -p 'x' -n 60 --seed 3 --stop "$stop" --json >stopped
grep -q '"end":"stop"' stopped || fail "no stop: $(cat stopped)"
lm-sample model -p 'x' -n 60 --seed 3 --stop "$stop" >out
[ "$(cat out)" = "${text%%"$stop"*}" ] || fail "'$(cat out)' is not what is before '$stop' in '$text'"

# The next tokens: K of them, or all, whose probabilities sum to 1.
[ "$(lm-sample model -p 'na' --probs 3 | grep -vc '^#')" = 3 ]
lm-sample model -p 'na' --probs all --json >next
[ "$(wc -l <next)" = 257 ] || fail "$(wc -l <next) next tokens"
sed 's/.*"p"://; s/,.*//' next | awk '{ s += $1 } END { exit !(s > 1 - 1e-9 && s < 1 + 1e-9) }' ||
  fail "probabilities do not sum to 1"
sed -n 1p next | grep -Eq '^\{"id":[0-9]+,"piece":".*","p":[0-9.e-]+,"surprisal":[0-9.e-]+,"entropy":[0-9.e-]+\}$' ||
  fail "keys: $(sed -n 1p next)"
# A token's surprisal is -log2 p, and their mean weighed by p the entropy, which is that of all whatever K is. For people too.
sed -E 's/.*"p":([^,]*),"surprisal":([^,]*),"entropy":([^}]*)}/\1 \2 \3/' next >numbers
awk 'function off(a, b) { return a - b > 1e-9 || b - a > 1e-9 }
  { sum += $1 * $2; entropy = $3; if (off($2, -log($1) / log(2))) wrong = 1 } END { exit wrong || off(sum, entropy) }' numbers ||
  fail "surprisal or entropy: $(head -n 3 numbers)"
lm-sample model -p 'na' --probs 2 --json | cmp - <(head -n 2 next)
lm-sample model -p 'na' --probs 2 >out
grep -q "^# entropy $(awk 'NR == 1 { printf "%.4f", $3 }' numbers) bits$" out || fail "entropy: $(cat out)"
sed -n 3p out | grep -Eq "^ +$(awk 'NR == 1 { printf "%.6f +%.4f", $1, $2 }' numbers) +[0-9]+  \"[^\"]*\"$" || fail "$(cat out)"
# Options that say how to sample have no meaning there.
for option in '-n 5' '--temperature 1' '--top-k 3' '--top-p 0.9' '--min-p 0.1' '--typical 0.9' '--repetition-penalty 1.1' \
  '--samples 2' '--stop x' --greedy --echo; do
  # shellcheck disable=SC2086 # one or two words
  expect_exit 2 lm-sample model -p na --probs 3 $option
  expect_one_line_stderr "${option%% *} is for texts that are sampled"
done
expect_exit 0 lm-sample model -p na --probs 3 --seed 3

# What looks like a gap is none to a model that was not trained to fill it.
for gap in '<|mask|>' '<|extra_0|>'; do
  for special in plain allow; do
    expect_exit 0 lm-sample model -p "x $gap y" -n 1 --special $special
    expect_one_line_stderr "'$gap' in the prompt is no gap: 'model' was trained with the objective 'causal'"
  done
done
expect_exit 0 lm-sample model -p 'x <|mask|> y' --probs 1
expect_one_line_stderr "'<|mask|>' in the prompt is no gap"
printf '<|mask|>\n<|mask|>\n' >prompts
expect_exit 0 lm-sample model --documents line -n 1 prompts
expect_one_line_stderr
expect_exit 0 lm-sample -q model -p 'x <|mask|> y' -n 1
expect_silence
expect_exit 0 lm-sample model -p 'x <|endoftext|> mask' -n 1
expect_silence
utf8 next

# Special tokens are never sampled, even if all tokens are about equally likely, and differ from text that spells them.
tok-train --vocab-size 370 -o tok2.json corpus
tok-encode -t tok2.json -o train2.tok corpus
lm-train -q -t tok2.json --layers 1 --channels 32 --heads 2 --context 32 --batch 2 --steps 2 -o model2 train2.tok
lm-sample model2 -p x --probs all --json | grep -aE '"piece":"<\|[a-z0-9_]+\|>"' | sed 's/{"id":\([0-9]*\),.*/\1/' | sort >special
[ "$(wc -l <special)" = 106 ] || fail "$(wc -l <special) special tokens"
for seed in 1 2 3 4 5 6 7 8 9; do
  lm-sample model2 -p x -n 300 --temperature 1000 --seed $seed --format ids | tr ' ' '\n' | sort -u
done >sampled
[ "$(sort -u sampled | wc -l)" -gt 200 ] || fail "only $(sort -u sampled | wc -l) tokens sampled"
sort -u sampled | comm -12 - special | cmp - /dev/null || fail "special tokens sampled"
lm-sample model2 -p '<|endoftext|>' -n 0 --echo --format ids | grep -q ' ' || fail "text became a special token"
[ "$(lm-sample model2 -p '<|endoftext|>' -n 0 --echo --format ids --special allow)" = 0 ] || fail "--special allow"

# A prompt longer than the context is read in part, with one line of warning; generation continues past the context.
expect_exit 0 lm-sample model -n 100 -p "$(head -c 200 corpus)"
expect_one_line_stderr "context"
expect_exit 0 lm-sample -q model -n 100 -p "$(head -c 200 corpus)"
expect_silence

# Refusals.
expect_exit 2 lm-sample
expect_exit 2 lm-sample model -p x --probs 0
expect_exit 2 lm-sample model -p x prompt
expect_exit 2 lm-sample model prompt prompt
expect_exit 2 lm-sample model -p x --json --format ids
expect_exit 2 lm-sample model -p x --top-p 0
expect_exit 2 lm-sample model -p x -n -1
expect_exit 1 lm-sample no-such-model -p x
expect_one_line_stderr "no-such-model"
expect_exit 1 lm-sample tok.json -p x
expect_one_line_stderr "tok.json"
expect_exit 1 lm-sample model no-such-prompt
expect_one_line_stderr "no-such-prompt"
if command -v script >/dev/null; then
  script -qec "lm-sample model -p x -n 3 --format lm" /dev/null >stdout </dev/null && fail "a token stream on a terminal"
  grep -q terminal stdout || fail "no reason: $(cat stdout)"
fi
if [ -w /dev/full ]; then
  for format in text lm ids; do
    status=0
    lm-sample model -p x -n 20 --format $format >/dev/full 2>stderr || status=$?
    [ $status = 1 ] || fail "/dev/full: exit $status"
    expect_one_line_stderr "standard output"
  done
fi
set +o pipefail
timeout 60 lm-sample model -p x -n 1000000000 2>stderr | head -c 1 >one
[ "${PIPESTATUS[0]}" = 141 ] || fail "head -c 1 did not end it by SIGPIPE"
set -o pipefail
expect_silence
