# A tokenizer that puts a token before each text, as Llama 3's does: it is x_0 of every program, is named with the number, and the
# number is what the model says token by token.
need tok-encode tok-decode lm-train lm-eval-ppl lm-sample

mkdir llama
cp "$LM_SOURCE/tests/golden/tokenizers/llama3.json" llama/tokenizer.json
echo '{"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "tokenizer_class": "PreTrainedTokenizerFast"}' \
  >llama/tokenizer_config.json
begin=516 end_of_text=520
head -c 20000 "$LM_SOURCE/man/lm-train.1" >corpus
printf 'the us\n our any\n' | tok-encode -t llama --documents line --format ids >lines
tr '\n' ' ' <lines | grep -qE "^$begin [0-9 ]+ $begin [0-9 ]+ $" || fail "a begin token before each document: $(cat lines)"
tok-encode -t llama --documents line -o train.tok corpus
lm-train -q -t llama --family llama --layers 1 --channels 32 --heads 2 --context 64 --batch 2 --steps 20 -o model/ train.tok
cp -r model own
# From here on the folder is one from elsewhere, whose model.safetensors does not say what it is.
sed -i 's/"lm\.\([a-z]*\)":"/"xx.\1":"/g' model/model.safetensors
cp llama/* model/
tr -d ' \n' <model/config.json | grep -q "\"bos_token_id\":$begin" || fail "bos_token_id: $(cat model/config.json)"
tr -d ' \n' <model/config.json | grep -q "\"eos_token_id\":$end_of_text" || fail "eos_token_id: $(cat model/config.json)"

value() { sed -E "s/.*\"$1\":\"?([^,\"}]*).*/\1/" "$2"; }
# surprisals IDS...: the nats of these tokens, each after those before it, by the distributions that lm-sample prints.
surprisals() {
  local prefix='' seen=() id
  for id in "$@"; do
    lm-sample model -p "$prefix" --probs all --json "${options[@]}" | grep "^{\"id\":$id," | sed -E 's/.*"p":([^,]*).*/\1/'
    seen+=("$id")
    echo "${seen[*]}" | tok-decode -t model --format ids - >prefix
    prefix=$(cat prefix)
    [ "$(tok-encode -t model --begin none --format ids prefix)" = "${seen[*]}" ] || fail "'$prefix' is not encoded as ${seen[*]}"
  done | awk '{ nats -= log($1) } END { printf "%.6f %d\n", nats, NR }'
}
same() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a - b < 1e-3 && b - a < 1e-3) }'; }

printf 'the us our any they go, and 12' >text
read -ra ids < <(tok-encode -t model --begin none --format ids text)
[ ${#ids[@]} -ge 8 ] || fail "too few tokens: ${ids[*]}"
options=()
read -r nats count < <(surprisals "${ids[@]}")
[ "$count" = ${#ids[@]} ] || fail "$count tokens instead of ${#ids[@]}"
for name in model own; do
  lm-eval-ppl $name --json text >json
  grep -q '"protocol":"context 64 stride 32 begin <|begin_of_text|>"' json || fail "$name: $(cat json)"
  same "$nats" "$(value nats json)" || fail "$name: $nats nats token by token, but $(cat json)"
  [ "$(value tokens json)" = "$count" ] || fail "$name: not all tokens: $(cat json)"
done
lm-eval-ppl model text | grep -q '^protocol .* begin <|begin_of_text|>$' || fail "no begin token named: $(lm-eval-ppl model text)"
# A token stream says the same as its text, made by either folder.
for name in llama model own; do
  tok-encode -t $name -o text.tok text
  lm-eval-ppl model --json text.tok | cmp - json || fail "the stream that '$name' encoded scores otherwise"
done

# Another token before, and none, after which the first token is unscored.
options=(--begin '<|start_header_id|>')
read -r nats count < <(surprisals "${ids[@]}")
lm-eval-ppl model --json "${options[@]}" text >json
grep -q 'begin <|start_header_id|>"' json || fail "$(cat json)"
same "$nats" "$(value nats json)" || fail "$nats nats token by token, but $(cat json)"
lm-eval-ppl model --json --begin none text >json
grep -q 'begin none"' json || fail "$(cat json)"
[ "$(value tokens json)" = $((count - 1)) ] || fail "the first token is scored: $(cat json)"

# Prompts: x_0 is no part of what --echo prints, whatever it is.
for begin_option in '' '--begin none' '--begin <|eot_id|>'; do
  # shellcheck disable=SC2086 # no word or two
  [ "$(lm-sample model $begin_option -p "$(cat text)" -n 0 --echo --format ids)" = "${ids[*]}" ] || fail "--echo with '$begin_option'"
done

# A model that is trained from the folder begins and ends its texts as the folder does.
lm-train -q --init-from model --context 32 --batch 2 --steps 2 -o tuned train.tok
lm-eval-ppl tuned --json --context 64 text | grep -q ' begin <|begin_of_text|>"' || fail "the begin token is lost"

# A folder whose tokenizer_config.json puts the token there, as Llama 2's does: lm-sample and lm-eval-ppl follow it, as tok-encode does.
cp -r model flag
sed -i 's/"post_processor":{.*},"decoder"/"post_processor":null,"decoder"/' flag/tokenizer.json
grep -q '"post_processor":null' flag/tokenizer.json || fail "the post-processor is still there"
[ "$(tok-encode -t flag --format ids text)" = "${ids[*]}" ] || fail "a begin token without a post-processor"
lm-eval-ppl flag --json text | grep -q begin && fail "a begin token without a post-processor"
sed -i 's/^{/{"add_bos_token": true, /' flag/tokenizer_config.json
[ "$(tok-encode -t flag --format ids text)" = "$begin ${ids[*]}" ] || fail "no begin token: $(tok-encode -t flag --format ids text)"
lm-eval-ppl flag --json text >json
lm-eval-ppl model --json text | cmp - json || fail "add_bos_token is not followed: $(cat json)"
