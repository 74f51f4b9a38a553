# lm-eval-ppl scores each model as it was trained: pseudo-log-likelihood, span loss, infilling; and says why it cannot.
need tok-train tok-encode lm-train lm-eval-ppl lm-sample

for ((i = 0; i < 40; ++i)); do
  printf '%s\n' 'def add(first, second):' '    return first + second' '' 'def scale(value, factor):' '    return value * factor' ''
done >corpus
tok-train --vocab-size 420 -o tok.json corpus
tok-encode -t tok.json --documents separator:$'\n\n' -o train.tok corpus
train() {
  lm-train -q -t tok.json --layers 2 --channels 64 --heads 4 --context 48 --batch 8 --lr 2e-3 --steps "$2" --objective "$3" \
    -o "$1" train.tok
}
train masked 400 masked
train mixed 100 causal:0.5,masked:0.5
train span 200 span
train fim 1500 fim
train causal 3 causal
# value KEY: a number of the JSON object on standard input.
value() {
  sed -E "s/.*\"$1\":(\"[^\"]*\"|[^,}]*).*/\1/"
}
calculate() {
  awk "BEGIN { printf \"%.17g\", $1 }"
}
near() {
  awk -v a="$1" -v b="$2" -v r="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; m = b < 0 ? -b : b; exit !(d <= r * m) }' ||
    fail "$1 is not near $2"
}

# A masked model's number is called pseudo everywhere; its sum is that of lm-sample's answers, one token hidden at a time.
printf 'def add(first, second):' >text
for model in masked mixed; do
  lm-eval-ppl $model --scoring pseudo --json text >json
  grep -q '"protocol":"pseudo-log-likelihood context 48"' json || fail "protocol: $(cat json)"
  grep -q '"perplexity"' json && fail "perplexity without pseudo: $(cat json)"
  lm-eval-ppl $model --scoring pseudo text | grep -q '^pseudo-perplexity' || fail "$(lm-eval-ppl $model --scoring pseudo text)"
  ids=$(tok-encode -t tok.json --format ids text | tr -d '\n')
  count=$(wc -w <<<"$ids")
  [ "$(value tokens <json)" = "$count" ] || fail "tokens: $(cat json)"
  total=0
  for ((i = 1; i <= count; ++i)); do
    # The prompt with token i replaced by the mask, in text: none of these tokens begins with a space that it would hide.
    : >before
    [ $i = 1 ] || cut -d' ' -f1-$((i - 1)) <<<"$ids" | tok-decode -t tok.json --format ids >before
    cut -d' ' -f$((i + 1))- <<<"$ids" | tok-decode -t tok.json --format ids >after
    id=$(cut -d' ' -f$i <<<"$ids")
    p=$(lm-sample $model --probs all --json -p "$(cat before)<|mask|>$(cat after)" |
      grep -o "{\"id\":$id,\"piece\":[^}]*\"p\":[0-9.e-]*," | sed -n 1p | sed 's/.*"p"://; s/,//')
    total=$(calculate "$total - log($p)")
  done
  near "$(value pseudo_nats <json)" "$total" 1e-4
done
lm-eval-ppl masked --json text | cmp - <(lm-eval-ppl masked --scoring pseudo --json text)
lm-eval-ppl masked --threads 1 --json corpus | cmp - <(lm-eval-ppl masked --threads 2 --json corpus)
lm-eval-ppl masked --within-word --json text >json
grep -q '"protocol":"pseudo-log-likelihood within-word context 48"' json || fail "$(cat json)"
lm-eval-ppl masked --documents line --level document --tsv --header corpus >rows
[ "$(head -1 rows | cut -f1,2)" = $'pseudo_perplexity\tpseudo_nats' ] || fail "header: $(head -1 rows)"
[ "$(wc -l <rows)" = 241 ] || fail "$(wc -l <rows) rows"
# A mixture is scored from left to right unless asked otherwise.
lm-eval-ppl mixed text --json | grep -q '"protocol":"context 48 stride 24"' || fail "a mixture's protocol"

# Span loss: the same at every run, and on any number of threads.
lm-eval-ppl span --documents separator:$'\n\n' --json corpus >json
grep -q '"span_loss":[0-9.]*,"hidden_loss":[0-9.]*,"protocol":"span-corruption density 0.15 length 3 window ' json || fail "$(cat json)"
lm-eval-ppl span --threads 2 --documents separator:$'\n\n' --json corpus | cmp - json
near "$(value span_loss <json)" "$(calculate "$(value nats <json) / $(value targets <json)")" 1e-12
lm-eval-ppl span text | grep -q '^span loss .* nats a target$' || fail "$(lm-eval-ppl span text)"
lm-eval-ppl span --json </dev/null | grep -q '"span_loss":null' || fail "nothing to score"

# Infilling: both sides say more than only the prefix about middles of text that was learned; exact matches are counted.
cat >tasks.jsonl <<'TASKS'
{"prompt":"def add(first, second):\n    return ","suffix":" + second","canonical_solution":"first"}
{"prompt":"def scale(","suffix":"):\n    return value * factor","canonical_solution":"value, factor"}
{"prompt":"def ","suffix":"(first, second):\n    return first + second","canonical_solution":"add"}
{"prompt":"def ","suffix":"(value, factor):\n    return value * factor","canonical_solution":"scale"}
TASKS
lm-eval-ppl fim --infilling --layout spm tasks.jsonl --json >json
{ [ "$(value tasks <json)" = 4 ] && [ "$(value left_out <json)" = 0 ]; } || fail "$(cat json)"
near "$(value gain <json)" "$(calculate "$(value prefix_loss <json) - $(value loss <json)")" 1e-9
awk -v g="$(value gain <json)" -v l="$(value gain_low <json)" -v h="$(value gain_high <json)" -v e="$(value exact <json)" \
  'BEGIN { exit !(g > 0 && l < g && g < h && e >= 2) }' || fail "no gain from both sides: $(cat json)"
lm-eval-ppl fim --infilling --layout spm --json --threads 2 <tasks.jsonl | cmp - json
lm-eval-ppl fim --infilling tasks.jsonl | grep -q '^gain .* (95 % interval ' || fail "$(lm-eval-ppl fim --infilling tasks.jsonl)"
lm-eval-ppl fim --infilling tasks.jsonl --json | grep -q '"layout":"spm"'
lm-eval-ppl causal --infilling tasks.jsonl --layout none --json >json
grep -q '"loss":null,.*"gain":null,.*"layout":"none"' json || fail "$(cat json)"

# The losses in another base, and none if nothing was scored; blank lines, with CRLF too, are no tasks.
sed 's/$/\r/; 2s/$/\n\r\n/' tasks.jsonl >crlf.jsonl
[ "$(wc -l <crlf.jsonl)" = 6 ] || fail "no blank lines: $(cat crlf.jsonl)"
lm-eval-ppl fim --infilling --layout spm --json crlf.jsonl >json
lm-eval-ppl fim --infilling --layout spm --json tasks.jsonl | cmp - json
lm-eval-ppl fim --infilling --layout spm --json --base 2 tasks.jsonl >bits
for key in loss prefix_loss gain gain_low gain_high; do
  near "$(value $key <bits)" "$(calculate "$(value $key <json) / log(2)")" 1e-12
done
{ grep -q '"base":2' bits && ! grep -q '"base"' json; } || fail "base: $(cat bits)"
lm-eval-ppl fim --infilling --base 2 tasks.jsonl | grep -q '^gain .* bits a token (95 % interval ' || fail "no bits"
for layout in spm none; do
  lm-eval-ppl fim --infilling --layout $layout </dev/null >nothing
  grep -q '^prefix alone  *undefined$' nothing || fail "of no task: $(cat nothing)"
  ! grep -q 0.0000 nothing || fail "a loss of no task: $(cat nothing)"
done

# Refusals say what the model was trained on, or what is wrong with the tasks.
expect_exit 1 lm-eval-ppl causal --scoring pseudo text
expect_one_line_stderr "'causal'"
expect_exit 1 lm-eval-ppl causal --scoring span text
expect_one_line_stderr "'causal'"
expect_exit 1 lm-eval-ppl masked --scoring left-to-right text
expect_one_line_stderr "'masked'"
expect_exit 1 lm-eval-ppl causal --infilling tasks.jsonl
expect_one_line_stderr "'causal'"
expect_exit 1 lm-eval-ppl fim --infilling tasks.jsonl --layout starcoder
expect_one_line_stderr "<fim_prefix>"
expect_exit 2 lm-eval-ppl fim --infilling tasks.jsonl --layout psn
expect_one_line_stderr "known: auto, none, psm, spm, spm-llama.cpp, starcoder, codegemma, qwen, codellama, codellama-spm, deepseek, named; did you mean 'psm'?"
expect_exit 1 lm-eval-ppl fim --infilling text
expect_one_line_stderr "line 1"
echo '{"prompt":"a","suffix":"b"}' >broken.jsonl
expect_exit 1 lm-eval-ppl fim --infilling broken.jsonl
expect_one_line_stderr "canonical_solution"
expect_exit 2 lm-eval-ppl fim --infilling tasks.jsonl --tsv
expect_exit 2 lm-eval-ppl fim --layout psm text
expect_exit 2 lm-eval-ppl masked --stride 3 text
expect_exit 2 lm-eval-ppl masked --protocol lm-eval text
expect_exit 2 lm-eval-ppl span --level document text
expect_exit 2 lm-eval-ppl causal --scoring left-to-right --within-word text
expect_exit 1 lm-eval-ppl masked --context 1 text
