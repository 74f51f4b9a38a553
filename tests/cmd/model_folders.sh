# Models as folders and back: lm-convert, what a folder that a model came from held, and what ours say to other programs.
need tok-train tok-encode lm-train lm-sample lm-eval-ppl lm-convert

head -c 40000 "$LM_SOURCE/man/lm-train.1" >corpus
tok-train --vocab-size 400 -o tok.json corpus
tok-encode -t tok.json -o train.tok corpus
train() { lm-train -q --steps 2 --layers 1 --channels 16 --heads 2 --context 32 --batch 2 "$@"; }
compact() { tr -d ' \n' <"$1"; }
says() { compact "$1" | grep -qF -- "$2" || fail "$1 lacks $2: $(cat "$1")"; }
lacks() { ! compact "$1" | grep -qF -- "$2" || fail "$1 has $2: $(cat "$1")"; }

# File to folder and back is the same file; the folder is the one that lm-train writes, and is a model for every program.
for options in '' '--family gpt2 --tied' '--family llama --objective masked' '--objective causal:0.5,masked:0.5' '--objective prefix'; do
  # shellcheck disable=SC2086 # options are words
  train -t tok.json $options -o file.safetensors train.tok
  # shellcheck disable=SC2086
  train -t tok.json $options -o folder/ train.tok
  lm-convert -q file.safetensors again/
  diff -r folder again || fail "another folder, with '$options'"
  lm-convert -q again again.safetensors
  expect_same file.safetensors again.safetensors
  lm-eval-ppl -q file.safetensors --json corpus >a
  lm-eval-ppl -q again --json corpus >b
  expect_same a b
  rm -r folder again file.safetensors.state folder.state
done

# A tokenizer of ours and the folder's are one: a stream of either is taken with both.
train -t tok.json -o folder/ train.tok
tok-encode -t folder -o folder.tok corpus
expect_same train.tok folder.tok
cp folder/tokenizer.json exported.json
tok-encode -t exported.json -o exported.tok corpus
expect_same train.tok exported.tok
grep -q '"post_processor":{"type":"TemplateProcessing"' exported.json || fail "no post-processor puts end-of-text"
grep -q '"post_processor":null' tok.json || fail "the tokenizer itself has one"
lm-convert exported.json back.json
expect_same tok.json back.json
for key in '"bos_token_id":0' '"eos_token_id":0' '"pad_token_id":1' '"dtype":"float32"' '"torch_dtype":"float32"' \
  '"max_position_embeddings":32' '"architectures":["Qwen3ForCausalLM"]'; do says folder/config.json "$key"; done
for key in '"bos_token_id":0' '"eos_token_id":0' '"pad_token_id":1' '"max_new_tokens":16'; do says folder/generation_config.json "$key"; done
for key in '"bos_token":"<|endoftext|>"' '"pad_token":"<|pad|>"' '"mask_token":"<|mask|>"'; do says folder/tokenizer_config.json "$key"; done
train -t tok.json --family gpt2 --tied -o gpt2/ train.tok
says gpt2/config.json '"n_ctx":32'
grep -qa 'lm_head.weight' gpt2/model.safetensors && fail "a tied head is written twice"
lm-train -q --steps 2 --layers 1 --channels 16 --heads 2 --context 32 --batch 2 -t tok.json --family gpt2 --ffn 32 -o wide/ train.tok
expect_exit 0 lm-convert wide wide2/
expect_one_line_stderr "n_inner"

# What looks both ways claims no class of transformers, but brings its own, and says so.
for objective in masked prefix span; do
  expect_exit 0 lm-train --steps 2 --layers 1 --channels 16 --heads 2 --context 32 --batch 2 -t tok.json --objective $objective -o "$objective/" train.tok
  grep -q 'trust_remote_code=True' stderr || fail "nothing is said of $objective: $(cat stderr)"
  says "$objective/config.json" '"model_type":"lm_tools_qwen3"'
  lacks "$objective/config.json" '"Qwen3ForCausalLM"'
  [ -s "$objective/modeling_lm_tools.py" ] || fail "no classes for $objective"
done
says masked/config.json '"AutoModelForMaskedLM":"modeling_lm_tools.LmToolsQwen3ForMaskedLM"'
says masked/config.json '"lm_masked_output_shift":0'
[ ! -e folder/modeling_lm_tools.py ] || fail "a causal model needs no classes"

# from_elsewhere FOLDER: its weights no longer say what they are, as those of other programs.
from_elsewhere() { sed -i 's/"lm\.\([a-z]*\)":"/"xx.\1":"/g' "$1/model.safetensors"; }
from_elsewhere masked
expect_exit 0 lm-sample masked --probs 1 -p 'a <|mask|> b' # what it was trained on is in its config.json, too
[ ! -s stderr ] || fail "a note on a folder of ours: $(cat stderr)"

# A folder from elsewhere, fine-tuned: all that was there comes back, from the run, from its file and from its state.
from_elsewhere folder
sed -i '2i\  "zzz_unknown": {"deep": [1, 2.5, null]},\n  "transformers_version": "4.0",\n  "auto_map": {"AutoModel": "modeling_x.X"},' folder/config.json
sed -i 's/"dtype": "float32"/"dtype": "bfloat16"/; s/"Qwen3ForCausalLM"/"Qwen3Model"/' folder/config.json
echo '{"eos_token_id": 0,   "temperature": 0.6}' >folder/generation_config.json
printf '{%% for m in messages %%}é{{ m }}\n' >folder/chat_template.jinja
echo '{"bos_token": "<|endoftext|>"}' >folder/special_tokens_map.json
echo '{"<|pad|>": 1}' >folder/added_tokens.json
kept='generation_config.json chat_template.jinja special_tokens_map.json added_tokens.json tokenizer_config.json'
tune() { lm-train -q --context 16 --batch 2 "$@"; }
tune --init-from folder --steps 2 -o tuned/ train.tok
tune --init-from folder --steps 2 -o tuned.safetensors train.tok
lm-convert -q tuned.safetensors converted/
tune --init-from folder --steps 1 --schedule constant --checkpoint s -o half.safetensors train.tok
tune --resume --steps 2 -t folder --checkpoint s -o resumed/ train.tok
for output in tuned converted resumed; do
  for file in $kept; do expect_same "folder/$file" "$output/$file"; done
  says $output/config.json '"zzz_unknown":{"deep":[1,2.5,null]},"transformers_version":"4.0","architectures":["Qwen3ForCausalLM"]'
  says $output/config.json '"dtype":"float32"'
  lacks $output/config.json auto_map
  lacks $output/config.json bfloat16
done
cmp tuned/config.json converted/config.json || fail "two configurations"
diff -r tuned converted || fail "two folders"
# Trained from that file again, and from that folder.
tune --init-from tuned.safetensors --steps 2 -o third/ train.tok
tune --init-from tuned --steps 2 -o fourth/ train.tok
diff -r third fourth || fail "two folders of one model"
for file in $kept; do expect_same "folder/$file" "third/$file"; done
grep -qa '"lm.folder"' folder/model.safetensors && fail "lm.folder in a model from scratch"
# Without a step of training.
lm-convert folder plain/
for file in $kept; do expect_same "folder/$file" "plain/$file"; done
lm-convert plain plain.safetensors
lm-convert plain.safetensors plain2/
diff -r plain plain2 || fail "a round trip changes a folder"
lm-sample folder -p The -n 20 >a
lm-sample plain2 -p The -n 20 | cmp - a

# Another end of texts is one for other programs, too; another tokenizer takes the old one's files away.
lm-convert --end-of-text '<|pad|>' folder pad/
says pad/config.json '"eos_token_id":[0,1]'
says pad/generation_config.json '"eos_token_id":[0,1]'
says pad/generation_config.json '"temperature":0.6'
sed 's/<|extra_1|>/<|EXTRA|>/g' tok.json >other.json
tok-encode -t other.json -o other.tok corpus
tune -t other.json --init-from folder --steps 1 -o other/ other.tok
[ ! -e other/chat_template.jinja ] || fail "the chat template of another tokenizer"
says other/config.json '"zzz_unknown"'

# A model without a tokenizer, in shards, of a family that is only read; the same in a file and back.
lm-convert "$LM_SOURCE/tests/golden/families/bert_relu" bert/
[ ! -e bert/tokenizer.json ] || fail "a tokenizer from nowhere"
lm-convert bert bert.safetensors
lm-convert --to folder bert.safetensors bert2
diff -r bert bert2 || fail "a round trip changes BERT"
expect_exit 1 lm-convert --end-of-text x bert bert3/
expect_one_line_stderr "it has no tokenizer"
lm-convert --to safetensors bert - >bert.piped
expect_same bert.safetensors bert.piped

# The forms of tokenizers are what they were; what cannot be is refused before anything is written.
lm-convert tuned.safetensors t.json
lm-convert tuned t2.json
tok-encode -t t.json -o t.tok corpus
expect_same train.tok t.tok
refused() { # CODE TEXT ARGUMENT...
  local code=$1 text=$2
  shift 2
  expect_exit "$code" lm-convert "$@"
  expect_one_line_stderr "$text"
}
refused 2 'is for GGUF' --type f16 folder x/
refused 2 'is for GGUF' --importance tok.json folder x.safetensors
refused 2 'does not say in which form' folder x
refused 2 "name the same folder 'folder/'" folder/ folder/
refused 2 "is in the folder 'folder' that IN reads" folder folder/x.safetensors
refused 2 "is a folder, not a model file" --to safetensors folder plain
refused 2 'standard output' --to folder folder -
refused 1 "as a model: it is a tokenizer" tok.json x.safetensors
mkdir mine && echo >mine/notes
refused 1 "holds 'notes'" folder mine/
refused 1 "which is not part of a model that was written here" tuned folder/
# A folder of another program has files of the same names, and stays as it is; what a folder of it lacks is named.
cp -r "$LM_SOURCE/tests/golden/families/bert_original" theirs
expect_exit 0 lm-convert theirs theirs2/
grep -qF "files that stay behind: 'expected.json'" stderr || fail "a file that is left out is not named: $(cat stderr)"
grep -qF "'bert.pooler.dense.bias'" stderr || fail "weights that are left out are not named: $(cat stderr)"
rm theirs/expected.json
cp -r theirs before
refused 1 "which is not part of a model that was written here" tuned theirs/
diff -r before theirs || fail "a folder of another program has changed"
expect_exit 0 lm-convert tuned theirs2/
echo mine >theirs2/README.md
refused 1 "holds 'README.md'" tuned theirs2/
for file in x x.gguf x.safetensors; do [ ! -e $file ] || fail "$file was written"; done
