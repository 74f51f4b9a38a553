# lm-info: what files are.
need tok-train tok-encode lm-train lm-convert lm-info

head -c 40000 "$LM_SOURCE/man/lm-train.1" >corpus
tok-train --vocab-size 400 -o tok.json corpus
tok-encode -t tok.json -o train.tok corpus
tok-train --dump-counts counts corpus
lm-train -q -t tok.json --steps 2 --layers 1 --channels 32 --heads 2 --context 32 --batch 2 -o model.safetensors train.tok
lm-convert -q model.safetensors folder/
lm-convert -q model.safetensors model.gguf

says() {
  expect_exit 0 lm-info "$1"
  shift
  for fact in "$@"; do grep -qE "^  $fact" stdout || fail "no '$fact': $(cat stdout)"; done
}
says model.safetensors 'kind +a model' 'family +qwen3' 'layers +1$' 'channels +32' 'context +32' 'objective +causal' \
  'tokenizer +byte-level BPE' 'pattern +gpt2' 'end of text +<\|endoftext\|>' 'trained steps +2' 'use +lm-eval-ppl scores'
says folder 'kind +a model folder' 'family +qwen3' 'objective +causal'
says model.safetensors.state 'kind +a training state' 'step +2' 'last loss' 'use +lm-train --resume'
says model.gguf 'kind +a GGUF file' 'architecture +qwen3' 'file type +F32' 'cuts text as +gpt-2' 'tokens in vocabulary +400'
says tok.json 'kind +a tokenizer.json' 'tokens in vocabulary +400' 'fingerprint +[0-9a-f]{32}'
says train.tok 'kind +a token stream' 'tokens +[0-9,]+' 'documents +1$' 'fingerprint +[0-9a-f]{32}'
says counts 'kind +a file of counts' 'pattern +gpt2'
says corpus 'kind +a text' 'use +tok-train'
says "$LM_SOURCE/tests/golden/families/bert" 'family +bert' 'objective +masked' 'note +it holds no tokenizer'
says "$LM_SOURCE/tests/golden/tokenizers/llama2.json" 'tokenizer +BPE with bytes' 'begins with +<s>'

# The fingerprint of a stream is that of its tokenizer.
fingerprints=$(lm-info --json tok.json train.tok model.safetensors folder model.safetensors.state |
  grep -o '"fingerprint":"[0-9a-f]*"' | sort -u | wc -l)
[ "$fingerprints" = 1 ] || fail "$fingerprints fingerprints"

# JSON is one object a line with the same facts; tensors have shapes and bytes.
lm-info --json --tensors model.safetensors model.gguf >json
[ "$(wc -l <json)" = 2 ] || fail "not two lines"
grep -q '"layers":1' json || fail "$(cat json)"
grep -q '{"name":"model.norm.weight","shape":\[32\],"type":"F32","bytes":128}' json || fail "$(cat json)"
grep -q '{"name":"output_norm.weight","shape":\[32\],"type":"F32","bytes":128}' json || fail "$(cat json)"
lm-info --tensors model.safetensors >tensors
grep -qE 'model.norm.weight +32 +F32 +128$' tensors || fail "$(cat tensors)"

# Numbers of weights agree, whatever the file.
for file in model.safetensors folder model.gguf; do lm-info --json "$file" | grep -o '"parameters":[0-9]*'; done | sort -u >counts
[ "$(wc -l <counts)" = 1 ] || fail "$(cat counts)"

# Broken files are reported, and the others shown.
head -c 500 model.safetensors >cut.safetensors
head -c 60 model.gguf >cut.gguf
head -c 100 train.tok >cut.tok
expect_exit 1 lm-info cut.safetensors model.safetensors cut.gguf cut.tok missing tok.json
[ "$(wc -l <stderr)" = 4 ] || fail "$(cat stderr)"
grep -q "^model.safetensors$" stdout || fail "a whole file is not shown"
grep -q "^tok.json$" stdout || fail "the last file is not shown"
expect_exit 2 lm-info
mkfifo pipe
expect_exit 1 lm-info pipe
grep -q 'it is a pipe or a device' stderr || fail "$(cat stderr)"
printf 'x\033[31m' >"$(printf 'odd\033name')"
expect_exit 0 lm-info "$(printf 'odd\033name')"
! grep -q "$(printf '\033')" stdout || fail "a name reaches the terminal as it is"
