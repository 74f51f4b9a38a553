# Models as GGUF: what is written, refused and said. tests/conformance asks llama.cpp.
need tok-train tok-encode lm-train lm-eval-ppl lm-convert lm-info

head -c 40000 "$LM_SOURCE/man/lm-train.1" >corpus
tok-train --vocab-size 400 -o tok.json corpus
tok-encode -t tok.json -o train.tok corpus
train() { lm-train -q -t tok.json --overwrite --steps 2 --layers 2 --channels 64 --heads 2 --ffn 128 --context 32 --batch 2 "$@" train.tok; }
train -o model.safetensors

# The same file for any number of threads, by name and with --to, to a file and through a pipe.
expect_exit 0 lm-convert model.safetensors model.gguf
expect_silence
lm-convert --to gguf --threads 2 --simd portable model.safetensors again
expect_same model.gguf again
lm-convert --to gguf model.safetensors - | cat >piped
expect_same model.gguf piped
head -c 4 model.gguf | grep -q GGUF || fail "no GGUF"
lm-info --tensors model.gguf >info
grep -q 'token_embd.weight  *400 x 64  *F32' info || fail "no embedding: $(cat info)"
tok-encode -t tok.json --format ids corpus >ids
tok-encode -t model.gguf --format ids corpus >gguf.ids
expect_same ids gguf.ids

# What precedes texts here is to precede them elsewhere, once.
stated() { LC_ALL=C grep -qaP "tokenizer\.ggml\.$2\x07\x00\x00\x00\x0$3" "$1" || fail "$1 does not state $2 $3"; }
stated model.gguf add_bos_token 1
stated model.gguf add_eos_token 0
lm-convert --begin none model.safetensors bare.gguf
stated bare.gguf add_bos_token 0
lm-convert -q model.gguf model/
lm-convert -q model/ there.gguf
stated there.gguf add_bos_token 1
for name in model.safetensors model.gguf model there.gguf; do
  lm-eval-ppl -q --protocol llama.cpp --context 32 --json "$name" corpus >"$name.json"
  expect_same model.safetensors.json "$name.json"
done

# A file of others is written again, from its folder too.
lm-convert -q --type q8_0 "$LM_SOURCE/tests/golden/gguf/llama.gguf" others.gguf
lm-convert -q others.gguf others/
lm-convert -q --type q8_0 others/ others2.gguf
for name in others.gguf others others2.gguf; do
  tok-encode -t "$LM_SOURCE/tests/golden/gguf/llama.gguf" --format ids corpus >ids
  tok-encode -t "$name" --format ids corpus >ids2
  expect_same ids ids2
done

# A file of ours is read back as it was, whatever the shape, and is a model for every program.
for options in '--family gpt2 --tied' '--family llama --untied --kv-heads 1' '--objective causal:0.5,fim:0.5'; do
  # shellcheck disable=SC2086 # options are words
  train $options -o there.safetensors
  lm-convert there.safetensors there.gguf
  lm-convert there.gguf back.safetensors
  expect_same there.safetensors back.safetensors
  lm-eval-ppl -q there.safetensors --json corpus >a
  lm-eval-ppl -q there.gguf --json corpus >b
  expect_same a b
  lm-convert -q --type q8_0 there.safetensors a.gguf
  lm-convert -q --type q8_0 there.gguf b.gguf
  expect_same a.gguf b.gguf
done

# Types are said; rows that do not fit too.
for type in bf16 f16 q8_0 q4_0 q6_k; do
  expect_exit 0 lm-convert --type "$type" model.safetensors "$type.gguf"
  [ "$(stat -c %s "$type.gguf")" -lt "$(stat -c %s model.gguf)" ] || fail "$type is no smaller"
done
expect_exit 0 lm-convert --type q4_k model.safetensors q4_k.gguf
grep -q 'tensors have rows of 64 values, no multiple of the 256 of Q4_K, and are Q5_0 instead' stderr || fail "$(cat stderr)"

# Importance: measured, taken, and of another model refused.
lm-eval-ppl --importance matrix.gguf -q model.safetensors corpus >report
lm-eval-ppl -q model.safetensors corpus >plain
expect_same report plain
lm-eval-ppl --importance matrix2.gguf --threads 2 -q model.safetensors corpus >report
expect_same matrix.gguf matrix2.gguf
lm-info matrix.gguf | grep -q 'holds *imatrix' || fail "no imatrix"
expect_exit 0 lm-convert --type q4_0 --importance matrix.gguf model.safetensors weighted.gguf
! cmp -s weighted.gguf q4_0.gguf || fail "importance changes nothing"
train --layers 3 --channels 32 -o other.safetensors
expect_exit 1 lm-convert --type q4_0 --importance matrix.gguf other.safetensors wrong.gguf
grep -q 'it is of another model' stderr || fail "$(cat stderr)"
[ ! -e wrong.gguf ] || fail "something was written"

# What llama.cpp does not compute.
for objective in masked prefix span causal:0.5,masked:0.5; do
  train --objective "$objective" -o seeing.safetensors
  expect_exit 1 lm-convert seeing.safetensors seeing.gguf
  grep -q "trained with the objective '$objective', and llama.cpp reads models from left to right only" stderr || fail "$(cat stderr)"
done
families=$LM_SOURCE/tests/golden/families
refused() {
  expect_exit 1 lm-convert "$families/$1" refused.gguf
  grep -q "$2" stderr || fail "$1: $(cat stderr)"
  [ ! -e refused.gguf ] || fail "$1: something was written"
}
refused bert 'predict hidden tokens from both sides'
refused gemma2 'its attention scores are scaled by 0.447214, and llama.cpp scales them by 0.353553'
refused gpt2_inner "its 'activation' is not what llama.cpp computes"
refused olmo2_bias "its attention's outputs have biases"
refused llama_yarn_betas 'bounds that are not rounded'
refused starcoder2 'its heads have 32 channels in all, and llama.cpp expects 24'
refused smollm3 'its layer 1 turns by another rotation'
# Where only windows differ, the context ends where they do.
expect_exit 0 lm-convert "$families/mistral" mistral.gguf
grep -q 'the context is cut to 8 tokens' stderr || fail "$(cat stderr)"
lm-info mistral.gguf | grep -qE 'context +8$' || fail "$(lm-info mistral.gguf)"
tok-train --vocab-size 400 --pattern cl100k -o cl.json corpus
tok-encode -t cl.json -o cl.tok corpus
lm-train -q -t cl.json --steps 1 --layers 1 --channels 32 --heads 2 --context 32 --batch 2 -o cl.safetensors cl.tok
expect_exit 1 lm-convert cl.safetensors cl.gguf
grep -q "cuts text by the pattern 'cl100k', which llama.cpp has no name for" stderr || fail "$(cat stderr)"

# Usage.
usage() {
  expect_exit 2 lm-convert "$@"
}
usage --type q4_0 model.safetensors model/
usage --importance matrix.gguf model.safetensors again.safetensors
usage --importance matrix.gguf --type f16 model.safetensors x.gguf
usage --type q5_0 model.safetensors x.gguf
expect_exit 2 lm-convert --to gguf model.safetensors model.safetensors
: >empty
expect_exit 1 lm-eval-ppl --importance i.gguf model.safetensors empty
expect_one_line_stderr 'no token was scored'
[ ! -e i.gguf ] || fail "the importance of nothing was written"
expect_exit 2 lm-eval-ppl --importance i.gguf --resume -o out model.safetensors corpus
expect_exit 1 lm-convert --type q4_0 --importance corpus model.safetensors x.gguf
grep -q "cannot use 'corpus' as importance" stderr || fail "$(cat stderr)"
[ ! -e x.gguf ] || fail "something was written"

# A full disk leaves nothing behind.
if [ -w /dev/full ]; then
  expect_exit 1 lm-convert --to gguf model.safetensors /dev/full
fi
