# GGUF models in every program: scored, sampled, trained further, converted; what is no such model is refused.
need tok-encode lm-train lm-sample lm-eval-ppl lm-convert

gguf=$LM_SOURCE/tests/golden/gguf/llama.gguf
parts=$LM_SOURCE/tests/golden/gguf/gemma3-00001-of-00002.gguf
head -c 2000 "$LM_SOURCE/man/lm-train.1" >corpus
cp "$gguf" model # recognized by its bytes
note='dequantized from Q4_0 to 32-bit floats'

# The same numbers as what it is converted to, a file and a folder, and the folder is a whole one.
expect_exit 0 lm-eval-ppl model --context 32 --json corpus
grep -q "$note" stderr || fail "no note: $(cat stderr)"
cp stdout numbers
expect_exit 0 lm-convert model folder/
grep -q "$note" stderr || fail "no note: $(cat stderr)"
lm-convert -q model model.safetensors
lm-convert -q folder again.safetensors
expect_same model.safetensors again.safetensors
for other in folder model.safetensors; do
  lm-eval-ppl -q "$other" --context 32 --json corpus >other
  expect_same numbers other
done
for key in '"model_type": "llama"' '"rope_type": "llama3"' '"original_max_position_embeddings": 48' '"eos_token_id": 257'; do
  grep -qF "$key" folder/config.json || fail "config.json lacks $key: $(cat folder/config.json)"
done
grep -qF '{{ messages }}' folder/tokenizer_config.json || fail "the template is lost"

# Sampled, as a tokenizer, and trained further.
lm-sample -q model --products exact -p 'abc' -n 20 --seed 3 >a
lm-sample -q folder -p 'abc' -n 20 --seed 3 >b
expect_same a b
tok-encode -t model -o train.tok corpus
expect_exit 0 lm-train --init-from model --steps 3 --batch 2 --context 32 -o trained/ train.tok
grep -q "$note" stderr || fail "no note: $(cat stderr)"
lm-eval-ppl -q trained --context 32 corpus >/dev/null
grep -qF '"rope_type": "llama3"' trained/config.json || fail "the model's config.json is lost"

# A model without a vocabulary converts; its parts are found.
lm-convert -q "$parts" gemma.safetensors
expect_exit 1 lm-sample "$parts" -p a
expect_one_line_stderr 'it holds no tokenizer'
cp "$parts" gemma-00001-of-00002.gguf
expect_exit 1 lm-convert gemma-00001-of-00002.gguf x.safetensors
expect_one_line_stderr "'gemma-00002-of-00002.gguf' is missing"
cp "${parts%1-of-00002.gguf}2-of-00002.gguf" gemma-00002-of-00002.gguf
expect_exit 2 lm-convert gemma-00001-of-00002.gguf gemma-00002-of-00002.gguf
expect_one_line_stderr "OUT and IN name the same file 'gemma-00002-of-00002.gguf'"
cmp -s "${parts%1-of-00002.gguf}2-of-00002.gguf" gemma-00002-of-00002.gguf || fail "a part of the input was replaced"

# What others change in a file of ours is not ignored.
make_training --layers 1 --channels 32 --heads 2 --context 32 --batch 2
train --steps 1 -q -o own train.tok
lm-convert -q own own.gguf
LC_ALL=C sed 's/\.rope\.freq_base\x06\x00\x00\x00\x00\x40\x1c\x46/.rope.freq_base\x06\x00\x00\x00\x00\x24\xf4\x48/' own.gguf >changed.gguf
cmp -s own.gguf changed.gguf && fail "no base of rotations was found in own.gguf"
expect_exit 1 lm-sample changed.gguf -p a
expect_one_line_stderr "its 'lm.config' and its other keys name different rotations of positions"

# Cut short, of another architecture, and through a pipe.
head -c 20000 model >cut
expect_exit 1 lm-sample cut -p a
expect_one_line_stderr 'goes beyond the end of the file'
sed 's/llama\x14/lxama\x14/' model >other
expect_exit 1 lm-sample other -p a
expect_one_line_stderr 'its architecture (general.architecture) is "lxama"; known are llama, qwen2'
# shellcheck disable=SC2002 # a pipe is meant
cat model | expect_exit 1 lm-sample - -p a
expect_one_line_stderr 'it is a GGUF file, which is read from a file only'
[ ! -e x.safetensors ] || fail "a model was written"
