# A model may have more ids than its tokenizer, as padded ones do, or fewer, if only tokens that were added later have none: these
# are refused, by name, where they occur.
need tok-train tok-encode tok-decode lm-train lm-eval-ppl lm-sample lm-fim

head -c 20000 "$LM_SOURCE/man/lm-train.1" >corpus
echo 'a line of text' >text
tok-train --vocab-size 370 -o tok.json corpus
tok-train --vocab-size 372 -o more.json corpus
tok-train --vocab-size 369 -o less.json corpus
for name in tok more less; do
  tok-encode -t $name.json --documents line -o $name.tok corpus
  tok-encode -t $name.json -o $name-text.tok text
done
train() { lm-train --steps 2 --layers 1 --channels 16 --heads 2 --context 64 --batch 2 "$@"; }
tune() { lm-train --steps 2 --context 32 --batch 2 "$@"; }
train -q -t tok.json -o model/ tok.tok
sed -i 's/"lm\.\([a-z]*\)":"/"xx.\1":"/g' model/model.safetensors
cp -r model padded
cp -r model short
cp less.json padded/tokenizer.json
cp more.json short/tokenizer.json

# More ids than the tokenizer: nothing is lost, and what has no token is never drawn.
lm-eval-ppl padded text >/dev/null
lm-eval-ppl padded less-text.tok >/dev/null
[ "$(lm-sample padded -p a --probs all --json | wc -l)" = 370 ] || fail "not all ids"
for seed in 1 2 3; do lm-sample padded -p a -n 500 --temperature 1000 --seed $seed --format ids; done | tr ' ' '\n' >drawn
grep -qx 369 drawn && fail "an id without a token is drawn"
lm-sample padded -p a -n 20 --format lm | tok-decode -t padded >/dev/null
tune -q --init-from padded -o tuned less.tok
lm-eval-ppl tuned less-text.tok >/dev/null
tune -q --init-from padded --schedule constant --checkpoint s -o again less.tok
lm-train -q --resume --checkpoint s -t padded --steps 3 -o again less.tok
lm-eval-ppl again text >/dev/null
expect_exit 0 tune -t less.json --init-from padded --steps 1 -o tuned less.tok
grep -qF "the tokenizer 'less.json' has 369 tokens, the model 'padded' 370; is it the model's own?" stderr || fail "$(cat stderr)"
expect_exit 1 lm-train --resume --checkpoint s -t tok.json --steps 4 -o again less.tok
expect_one_line_stderr "cannot resume 's': the tokenizer differs"

# Fewer: text is scored, continued and trained on as long as no token without an id occurs in it.
refused() { expect_one_line_stderr "and the model's vocabulary of 370 ends before that; the tokenizer has 372 tokens"; }
last=$(echo 371 | tok-decode -t more.json --format ids -)
[ "$(printf '%s' "$last" | tok-encode -t more.json --format ids)" = 371 ] || fail "'$last' is not token 371"
printf 'xyz xyz' >safe
without_hashes() { sed "s/,\"model\":.*//"; }  # of two models
lm-eval-ppl short --json safe | without_hashes >json
lm-eval-ppl model --json safe | without_hashes | cmp - json
lm-sample short -p xyz -n 500 --temperature 1000 --format ids | tr ' ' '\n' | awk '$1 > 369 { exit 1 }' || fail "an id that the model lacks"
tok-encode -t short -o safe.tok safe
lm-eval-ppl short --json safe.tok | without_hashes | cmp - json
printf '%s' "$last" >last
expect_exit 1 lm-eval-ppl short safe last
refused
grep -qF "cannot use 'short' with 'last': it has token 371 (\"$last\")" stderr || fail "$(cat stderr)"
tok-encode -t short -o last.tok last
expect_exit 1 lm-eval-ppl short last.tok
refused
expect_exit 1 lm-sample short -p "$last" -n 1
refused
expect_exit 1 lm-fim short --prefix-file last -n 1
refused
echo '{"prefix": "xyz", "suffix": ""}' >good
printf '{"prefix": "%s", "suffix": ""}\n' "$last" | cat - good | lm-fim short --jsonl -n 1 >answers
{ sed -n 1p answers | grep -q '"error":"cannot use' && sed -n 2p answers | grep -q '"middle"'; } || fail "$(cat answers)"
tune -q --init-from short -o tuned safe.tok
expect_exit 1 tune --init-from short -o none more.tok
refused
grep -q "with 'more.tok': it has token 37[01] " stderr || fail "$(cat stderr)"
expect_exit 1 tune --init-from short --valid more.tok -o none safe.tok
refused
[ ! -e none ] || fail "a model was written"

# A stream is read as it is trained on: it ends where the token occurs, and what was learned is kept.
{ yes xyz || true; } | head -n 3000 >many
cat last >>many
tok-encode -t short --documents line many |
  expect_exit 1 tune --init-from short --one-pass --steps 500 --checkpoint stream.state -o none -
tail -n 1 stderr >line
grep -q "and the model's vocabulary of 370 ends before that" line || fail "$(cat stderr)"
[ -s stream.state ] || fail "nothing was kept of the stream"
