# What ends a text is what a model's own files name: it can be drawn, ends samples and middles, and stays with a fine-tuned model.
need tok-train tok-encode lm-train lm-sample lm-fim

head -c 30000 "$LM_SOURCE/man/lm-train.1" >corpus
tok-train --vocab-size 370 -o tok.json corpus
tok-encode -t tok.json -o train.tok corpus
train() { lm-train -q --steps 2 --layers 1 --channels 16 --heads 2 --context 32 --batch 2 "$@"; }
train -t tok.json -o folder/ train.tok
# from_elsewhere FOLDER: its weights no longer say what they are, as those of other programs; config.json and the rest do.
from_elsewhere() { sed -i 's/"lm\.\([a-z]*\)":"/"xx.\1":"/g' "$1/model.safetensors"; }
from_elsewhere folder
grep -q '"eos_token_id": 0' folder/config.json || fail "another end-of-text: $(cat folder/config.json)"

# ends_of MODEL [OPTION...]: which tokens end samples, if all are about equally likely.
ends_of() {
  lm-sample "$1" -p x -n 9999 --temperature 1000 --samples 60 --json "${@:2}" | grep -oE '"end":.*' | sort -u
}
end() { printf '"end":"%s","end_token":"%s"}\n' "$1" "$2"; }

# Only end-of-text at first; then what generation_config.json, config.json and tokenizer_config.json name, all of it.
ends_of folder | cmp - <(end end_of_text '<|endoftext|>') || fail "$(ends_of folder)"
echo '{"eos_token_id": [1, 2], "do_sample": true}' >folder/generation_config.json
ends_of folder >ends
for name in endoftext mask pad; do end end_of_text "<|$name|>"; done | cmp - ends || fail "$(cat ends)"
cp -r folder two
rm two/generation_config.json
sed -i 's/"eos_token_id": 0/"eos_token_id": 1/' two/config.json
sed -i 's/"eos_token": "[^"]*"/"eos_token": {"__type": "AddedToken", "content": "<|mask|>"}/' two/tokenizer_config.json
ends_of two >ends
for name in mask pad; do grep -qF "$(end end_of_text "<|$name|>")" ends || fail "no $name: $(cat ends)"; done

# What is no id is refused by file and key; an id that the model does not have is ignored with a note.
echo '{"eos_token_id": "2"}' >two/generation_config.json
expect_exit 1 lm-sample two -p x -n 1
expect_one_line_stderr "'two/generation_config.json': 'eos_token_id' is \"2\", expected a token id or a list of ids"
echo '{"eos_token_id": [370, 3]}' >two/generation_config.json
expect_exit 0 lm-sample two -p x -n 1
expect_one_line_stderr "generation_config.json names 370 as 'eos_token_id', which is not in the model's vocabulary of 370"
ends_of two -q >ends
grep -qF "$(end end_of_text '<|fim_prefix|>')" ends || fail "the id beside the unknown one ends nothing: $(cat ends)"

# A model that is trained from it has the same ends, as file, as folder, and as state; also after a resumed run. Others have none.
lm-train -q --init-from folder --context 16 --batch 2 --steps 2 -o tuned train.tok
ends_of folder >ends
[ "$(wc -l <ends)" = 3 ] || fail "not three ends: $(cat ends)"
ends_of tuned | cmp - ends
head -c 20000 tuned | grep -qaE '"lm.ends":"\[[0-9,]+\]"' || fail "no lm.ends in the model"
ends_of tuned.state | cmp - ends
lm-train -q --init-from tuned --context 16 --batch 2 --steps 2 --checkpoint s --schedule constant -o again train.tok
lm-train -q -t tok.json --resume --checkpoint s --steps 4 -o again train.tok
ends_of again | cmp - ends
lm-train -q --init-from tuned --context 16 --batch 2 --steps 2 -o export/ train.tok
ends_of export | cmp - ends
from_elsewhere export
cmp export/generation_config.json folder/generation_config.json  # which names those that config.json does not
ends_of export | cmp - ends
train -t tok.json -o plain train.tok
head -c 20000 plain | grep -qa 'lm\.ends' && fail "lm.ends in a model that ends texts with end-of-text only"
lm-train -q --init-from plain --context 16 --batch 2 --steps 2 -o plain2 train.tok
head -c 20000 plain2 | grep -qa 'lm\.ends' && fail "lm.ends in what was trained from it"
# With another vocabulary of the same size, ids mean something else.
tok-train --vocab-size 370 -o other.json --ties lex "$LM_SOURCE/man/lm-fim.1"
sed 's/<|pad|>/<|PAD|>/g; s/<|mask|>/<|MASK|>/g' other.json >renamed.json
tok-encode -t renamed.json -o renamed.tok corpus
lm-train -q -t renamed.json --init-from tuned --context 16 --batch 2 --steps 2 -o renamed renamed.tok
ends_of renamed | grep -q 'PAD\|MASK' && fail "ids of another vocabulary end texts: $(ends_of renamed)"

# --stop-token: special or not, it is drawn, ends the text and is not part of it; near misses are named.
lm-sample plain -p x -n 9999 --temperature 1000 --stop-token '<|mask|>' --stop-token 'e' --samples 60 --json >samples
grep -oE '"end":.*' samples | sort -u >ends
{ end end_of_text '<|endoftext|>' && end stop '<|mask|>' && end stop e; } | cmp - ends || fail "$(cat ends)"
first=$(lm-sample plain -p x --probs 1 --json | sed 's/.*"piece":"\(.*\)","p":.*/\1/')
[ -z "$(lm-sample plain -p x -n 5 --greedy --stop-token "$first")" ] || fail "'$first' is printed"
expect_exit 1 lm-sample plain -p x --stop-token '<|msak|>'
expect_one_line_stderr "the vocabulary of 'plain' has no token \"<|msak|>\" to stop at; did you mean '<|mask|>'?"
expect_exit 1 lm-sample plain -p x --stop-token 'zzzzz'
expect_one_line_stderr "--stop"
expect_exit 2 lm-sample plain -p x --stop-token ''
for option in '--stop-token e' --draw-special; do
  # shellcheck disable=SC2086 # one or two words
  expect_exit 2 lm-sample plain -p x --probs 3 $option
  expect_one_line_stderr "${option%% *} is for texts that are sampled"
done

# --draw-special: special tokens are drawn, and their names are printed; ends still end.
for seed in 1 2 3 4 5; do lm-sample plain -p x -n 300 --temperature 1000 --seed $seed --draw-special; done >out
grep -q '<|extra_[0-9]*|>' out || fail "no special token: $(cat out)"
grep -q 'endoftext' out && fail "end-of-text is printed"
ends_of plain --draw-special | cmp - <(end end_of_text '<|endoftext|>')

# A middle ends at any end, too: here at every token of text.
echo "{\"eos_token_id\": [$(seq -s, 6 369)]}" >folder/generation_config.json
printf 'a[FIM]b' | lm-fim folder --json -n 5 --temperature 1 >out
grep -q '"middle":"","tokens":0,"end":"end_of_text"' out || fail "$(cat out)"
