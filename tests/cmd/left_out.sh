# What other libraries do with a tokenizer or a model, and these programs do not, is said or refused, never passed over.
need tok-train tok-encode lm-train lm-eval-ppl lm-sample lm-fim

head -c 30000 "$LM_SOURCE/man/lm-train.1" >corpus
tok-train --vocab-size 420 -o plain.json corpus
post='{"type":"Sequence","processors":[{"type":"ByteLevel","trim_offsets":true},{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|begin|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"<|end|>","type_id":0}}],"pair":[],"special_tokens":{"<|begin|>":{"id":"<|begin|>","ids":[1],"tokens":["<|pad|>"]},"<|end|>":{"id":"<|end|>","ids":[2],"tokens":["<|mask|>"]}}}]}'
with_processor() { # with_processor JSON: prints the tokenizer with this post-processor
  sed "s#\"post_processor\":null#\"post_processor\":$1#" plain.json
}
with_processor "$post" >begin.json
! cmp -s begin.json plain.json || fail "the post-processor was not set"
note='is meant to put "<|mask|>" after each text'

# A folder with a tokenizer from elsewhere: a note by every program that encodes text with it, and in the protocol.
expect_exit 0 tok-encode -t begin.json -o text.tok corpus
expect_one_line_stderr "$note"
expect_exit 0 tok-encode -t plain.json -o plain.tok corpus
expect_silence
# What comes before a text is written at the start of each document, and is left out with --begin none.
expect_exit 0 tok-encode -q -t begin.json --format ids corpus
cut -d' ' -f2- stdout >without
[ "$(cut -d' ' -f1 stdout)" = 1 ] || fail "no begin token: $(head -c 100 stdout)"
tok-encode -t plain.json --format ids corpus >plain.ids
expect_same without plain.ids
tok-encode -q -t begin.json --begin none -o none.tok corpus
expect_same none.tok plain.tok
tok-decode -q -t begin.json text.tok >back
expect_same back corpus
[ "$(od -A n -t u4 -j 28 -N 4 text.tok | tr -d ' ')" = 1 ] || fail "the header does not say that documents begin with a token"
expect_exit 1 lm-train -t begin.json --begin none --steps 1 -o none.st text.tok
grep -q "start with begin tokens, and none are wanted" stderr || fail "begin tokens: $(cat stderr)"
train() { lm-train --progress never --layers 1 --channels 16 --context 64 --batch 2 --steps 2 --objective causal:0.5,fim:0.5 "$@"; }
expect_exit 0 train -t begin.json -o folder/ text.tok
grep -qF "$note" stderr || fail "lm-train: $(cat stderr)"
cp begin.json folder/tokenizer.json
# The weights of a folder from elsewhere have no record of ours.
perl -e 'local $/; open F, "<", "folder/model.safetensors"; binmode F; $_ = <F>; close F; my $n = unpack "Q<", $_;
  my $h = substr $_, 8, $n; $h =~ s/"__metadata__":\{(?:"(?:[^"\\]|\\.)*":"(?:[^"\\]|\\.)*",?)*\}/"__metadata__":{"format":"pt"}/;
  open F, ">", "folder/model.safetensors"; binmode F; print F pack("Q<", length $h), $h, substr($_, 8 + $n)'
expect_exit 0 lm-sample folder -p x -n 1
expect_one_line_stderr "$note"
expect_exit 0 lm-fim -n 1 folder <<<'a [FIM] b'
expect_one_line_stderr "$note"
expect_exit 0 lm-eval-ppl --json folder corpus
expect_one_line_stderr "$note"
grep -q '"protocol":"context 64 stride 32 begin <|pad|>; tokens of the post-processor left out"' stdout || fail "protocol: $(cat stdout)"
expect_exit 0 lm-eval-ppl -q folder corpus
expect_silence
grep -q '^protocol .*left out$' stdout || fail "protocol: $(cat stdout)"

for quiet in '{"type":"ByteLevel","trim_offsets":true}' '{"type":"Sequence","processors":[{"type":"ByteLevel"}]}'; do
  with_processor "$quiet" >quiet.json
  expect_exit 0 tok-encode -t quiet.json -o x.tok corpus
  expect_silence
done
with_processor '{"type":"RobertaProcessing","sep":["</s>",2],"cls":["<s>",1],"trim_offsets":true,"add_prefix_space":false}' >roberta.json
expect_exit 0 tok-encode -t roberta.json -o x.tok corpus
expect_one_line_stderr "$note"

# A key of config.json that the family's class ignores, and one that it reads.
cp plain.json folder/tokenizer.json
sed -i 's/"model_type": "qwen3"/&, "partial_rotary_factor": 0.5/' folder/config.json
expect_exit 0 lm-sample folder -p x -n 1
expect_one_line_stderr "config.json sets 'partial_rotary_factor', which the class of qwen3 models ignores"
sed -i 's/"attention_bias": false/"quantization_config": {"bits": 4}/' folder/config.json
expect_exit 1 lm-sample folder -p x -n 1
expect_one_line_stderr "cannot express 'quantization_config'"

# vocab.json and merges.txt do not say how text is cut; the class does, or the pattern that is named.
mkdir files
tok-train --vocab-size 310 --no-reserved -o small.json corpus
tok-encode -t small.json -o small.tok corpus
perl -ne 'if (/^"vocab":/) { print "{"; $on = 1; next } next if !$on; if (/^(.*:\d+\}),$/) { print "$1\n"; exit } print' small.json >files/vocab.json
perl -ne 'if (/^"merges":/) { $on = 1; next } if ($on && /^\["(.*)","(.*)"\]/) { my ($a, $b) = ($1, $2); s/\\(["\\])/$1/g for $a, $b; print "$a $b\n" }' small.json >files/merges.txt
tok-encode -t files -o x.tok corpus
expect_same x.tok small.tok
class() { echo "{\"tokenizer_class\":\"$1\"${2:-}}" >files/tokenizer_config.json; }
for name in PreTrainedTokenizerFast CLIPTokenizer XlmTokenizer; do
  class $name
  expect_exit 1 tok-encode -t files -o refused.tok corpus
  expect_one_line_stderr "its class $name is not known to cut as GPT-2 does; use its tokenizer.json, or name the pattern, such as --pattern qwen2"
  expect_exit 1 lm-train -t files --steps 1 -o refused small.tok
  expect_one_line_stderr "its class $name"
done
expect_exit 0 tok-encode -t files --pattern qwen2 -o qwen2.tok corpus
expect_silence
tok-encode -t files --pattern gpt2 -o x.tok corpus
expect_same x.tok small.tok
for name in GPT2Tokenizer GPT2TokenizerFast; do
  class $name
  expect_exit 0 tok-encode -t files -o x.tok corpus
  expect_silence
  expect_same x.tok small.tok
done
class Qwen2Tokenizer
expect_exit 0 tok-encode -t files --format ids -o x.ids corpus
expect_silence
# An end-of-text before a text is what is taken to be there anyway.
class GPT2Tokenizer ',"add_bos_token":true,"bos_token":{"content":"<|endoftext|>"}'
expect_exit 0 tok-encode -t files -o x.tok corpus
expect_silence
expect_same x.tok small.tok
class GPT2Tokenizer ',"add_bos_token":true,"bos_token":"a"'
expect_exit 0 tok-encode -t files --format ids <<<b
expect_silence
[ "$(wc -w <stdout)" = 3 ] || fail "no begin token: $(cat stdout)"
class GPT2Tokenizer ',"add_prefix_space":true'
expect_exit 0 tok-encode -t files --format pieces <<<b
grep -q '^\[" ' stdout || fail "no space before the text: $(cat stdout)"
# The tokens that are in neither file.
class GPT2Tokenizer ',"added_tokens_decoder":{"310":{"content":"<|new|>","special":true}},"eos_token":"<|new|>"'
expect_exit 0 tok-encode -t files --special allow --format ids <<<'<|new|>'
[ "$(cut -d' ' -f1 stdout)" = 310 ] || [ ! -s stdout ] || fail "added_tokens_decoder: $(cat stdout)"
rm files/tokenizer_config.json
echo '{"model_type":"xlm"}' >files/config.json
expect_exit 1 tok-encode -t files -o refused.tok corpus
expect_one_line_stderr "its model type xlm"
[ ! -e refused.tok ] || fail "a refused tokenizer wrote tokens"
