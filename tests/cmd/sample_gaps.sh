# lm-sample on models of every objective: masks and sentinels are filled, prompts continued, and what cannot be done is refused.
need tok-train tok-encode lm-train lm-sample

# Sentences to learn by heart; each is a document.
printf '%s\n' 'The capital of France is Paris, and it lies on the Seine.' 'The capital of Italy is Rome, and it lies on the Tiber.' \
  'The quick brown fox jumps over the lazy dog while the cat sleeps.' >sentences
for ((i = 0; i < 40; ++i)); do cat sentences; done >corpus
tok-train --vocab-size 460 -o tok.json corpus
tok-encode -t tok.json --documents line -o train.tok corpus
# train NAME STEPS OBJECTIVE [OPTION...]
train() {
  lm-train -q -t tok.json --layers 2 --channels 64 --heads 4 --context 40 --batch 8 --steps "$2" --objective "$3" \
    "${@:4}" -o "$1" train.tok
}
train masked 300 masked
train mixed 600 causal:0.5,masked:0.5 --attend document
train causal 3 causal
train prefix 300 prefix
# Only one text, so that a small model can learn every way to hide a part of it.
one_text='The quick brown fox jumps over a lazy dog, while seven wise men of Athens go to sea in the old sieve.'
for ((i = 0; i < 40; ++i)); do echo "$one_text"; done >copies
tok-train --vocab-size 460 -o one.json copies
sed -n 1p copies | tok-encode -t one.json --documents line -o one.tok
lm-train -q -t one.json --layers 2 --channels 64 --heads 4 --context 32 --batch 8 --lr 1e-3 --steps 2000 --objective span \
  --span-density 0.3 --span-length 2 -o span one.tok

# Masks: the K best of each, in order; the right answer of what was learned by heart first.
for model in masked mixed; do
  echo 'The <|mask|> of France is <|mask|>, and it lies on the Seine.' >prompt
  lm-sample $model prompt >out
  [ "$(grep -vc '^#' out)" = 11 ] || fail "$model: five candidates a mask and a blank line: $(cat out)"
  [ "$(grep -c '^# entropy [0-9.]* bits$' out)" = 2 ] || fail "$model: an entropy for each mask: $(cat out)"
  grep -v '^#' out >lists
  { sed -n 1p lists | grep -q '" capital"$' && sed -n 7p lists | grep -q '" Paris"$'; } || fail "$model: $(cat out)"
  lm-sample $model --probs 2 --json prompt >out
  [ "$(wc -l <out)" = 2 ] || fail "$model: a line for each mask: $(cat out)"
  sed -n 2p out | grep -Eq '^\{"prompt":"The <\|mask\|>.*Seine\.","mask":1,"entropy":[0-9.e-]+,"best":\[\{"id":[0-9]+,"piece":" Paris","p":[0-9.e-]+,"surprisal":[0-9.e-]+\},\{[^}]*\}\]\}$' ||
    fail "$model: keys: $(cat out)"
  lm-sample $model --threads 2 --probs 2 --json prompt | cmp - out
  # What stands after the mask decides.
  lm-sample $model --probs 1 --json -p 'The capital of <|mask|> is Rome, and it lies on the Tiber.' | grep -q '"piece":" Italy"' || fail "$model: right side"
  lm-sample $model --probs 1 --json -p 'The capital of <|mask|> is Paris, and it lies on the Seine.' | grep -q '"piece":" France"' || fail "$model: right side"
done
printf 'a <|mask|>\nb <|mask|>\n' | lm-sample masked --documents line >out
[ "$(grep -vc '^#' out)" = 11 ] || fail "two prompts, a blank line between: $(cat out)"
lm-sample masked -p 'x <|mask|>' --probs all --json >out
# Nothing is drawn there: options that say how are refused, not ignored.
for option in '-n 5' '--temperature 1' '--top-k 3' '--top-p 0.9' '--min-p 0.1' '--typical 0.9' '--repetition-penalty 1.1' \
  '--samples 2' '--stop x' --greedy --echo; do
  # shellcheck disable=SC2086 # one or two words
  expect_exit 2 lm-sample masked -p 'x <|mask|>' $option
  expect_one_line_stderr "${option%% *} is for texts that are sampled"
done
expect_exit 0 lm-sample masked -p 'x <|mask|>' --seed 3
expect_exit 2 lm-sample mixed -p 'x' --stop ''
expect_exit 1 lm-sample masked -p 'The capital'
expect_one_line_stderr "<|mask|>"
grep -q "'masked'" stderr || fail "no objective: $(cat stderr)"
expect_exit 1 lm-sample masked -p 'x <|mask|>' --format ids
expect_one_line_stderr "--format"
expect_exit 1 lm-sample masked -p "$(head -c 2000 corpus) <|mask|>"
expect_one_line_stderr "context"

# A mixture continues from left to right if no mask asks for more; for a causal model a mask is text.
lm-sample mixed -p 'The capital of' --greedy -n 3 --echo | grep -q '^The capital of \(France\|Italy\) is' || fail "a mixture does not continue text"
[ "$(lm-sample causal -p '<|mask|>' -n 0 --echo)" = '<|mask|>' ] || fail "a causal model knows no mask"

# A prefix model continues what it sees both ways.
for line in 1 2 3; do
  sentence=$(sed -n ${line}p sentences)
  words=$(cut -d' ' -f1-5 <<<"$sentence")
  [ "$(lm-sample prefix -p "$words" --greedy -n 30 --echo | head -c ${#sentence})" = "$sentence" ] ||
    fail "$(lm-sample prefix -p "$words" --greedy -n 30 --echo) instead of $sentence"
done
lm-sample prefix -n 200 -p 'The' >/dev/null   # past the end of the context

# Spans: what is hidden comes back, and the JSON holds it.
: >missed
for gaps in 'The <|extra_0|> jumps over a lazy dog, while seven <|extra_1|> of Athens go to sea in the old sieve.' \
  'The quick brown fox <|extra_0|> a lazy dog, while seven wise men of Athens <|extra_1|> in the old sieve.' \
  'The quick brown fox jumps over a <|extra_0|> wise men of Athens go to sea in <|extra_1|> sieve.'; do
  lm-sample span -p "$gaps" --greedy >out
  [ "$(cat out)" = "$one_text" ] || cat out >>missed
  lm-sample span -p "$gaps" --greedy --json >json
  grep -Eq '"spans":\["[^"]*","[^"]*"\],"tokens":[0-9]+,"end":"end_of_text"\}$' json || fail "keys: $(cat json)"
done
[ "$(wc -l <missed)" -le 1 ] || fail "spans missed: $(cat missed)"
[ "$(lm-sample span -p 'x <|extra_0|> y' --samples 2 | grep -c '<|')" = 0 ] || fail "a sentinel in the text"
lm-sample span -p 'x <|extra_0|> y' --samples 2 --seed 4 --json | sed -n 2p >two
lm-sample span -p 'x <|extra_0|> y' --samples 3 --seed 4 --json | sed -n 2p | cmp - two
expect_exit 1 lm-sample span -p 'The capital'
expect_one_line_stderr "<|extra_0|>"
expect_exit 1 lm-sample span -p 'a <|extra_1|> b'
expect_one_line_stderr "out of turn"
expect_exit 1 lm-sample span -p 'a <|extra_0|> b' --probs 3
expect_one_line_stderr "--probs"
