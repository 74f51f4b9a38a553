# A tokenizer whose end-of-text has no known name, or another one than a stream's: every program takes its name, and says what differs.
need tok-train tok-encode tok-decode lm-train lm-eval-ppl lm-sample lm-fim

for program in tok-encode tok-decode lm-train lm-eval-ppl lm-sample lm-fim; do
  $program --help >help
  grep -q -- "^  --end-of-text NAME" help || fail "$program has no --end-of-text"
  grep -q -- "^  --pattern gpt2|" help || fail "$program has no --pattern"
done

head -c 30000 "$LM_SOURCE/man/lm-train.1" >corpus
tok-train --vocab-size 400 -o known.json corpus
sed 's/<|endoftext|>/<|stop|>/g' known.json >unknown.json
train() { lm-train -q --layers 1 --channels 16 --context 16 --batch 2 "$@"; }

# No known name: an error that can be followed, in each program; the model remembers the name, and a resumed run too.
expect_exit 1 tok-encode -t unknown.json corpus
expect_one_line_stderr "name one with --end-of-text"
tok-encode -t unknown.json --end-of-text '<|stop|>' --documents line -o stop.tok corpus
expect_exit 1 train -t unknown.json --steps 2 -o m stop.tok
expect_one_line_stderr "name one with --end-of-text"
train -t unknown.json --end-of-text '<|stop|>' --steps 4 -o whole stop.tok
train -t unknown.json --end-of-text '<|stop|>' --steps 2 --schedule constant --checkpoint s -o m stop.tok
expect_exit 1 train -t unknown.json --end-of-text '<|pad|>' --steps 4 --resume --checkpoint s -o m stop.tok
expect_one_line_stderr "--end-of-text was '<|stop|>', now '<|pad|>'"
train -t unknown.json --steps 4 --resume --checkpoint s -o m stop.tok
lm-eval-ppl --json m stop.tok >json
head -c 100 corpus | lm-eval-ppl --json m >/dev/null
lm-sample m -p x -n 1 >/dev/null
train --init-from m --steps 1 -o tuned stop.tok
train -t m --init-from m --steps 1 -o tuned2 stop.tok
cmp tuned tuned2
train -t unknown.json --end-of-text '<|stop|>' --steps 1 -o folder/ stop.tok
lm-eval-ppl --json folder stop.tok >/dev/null
for program in lm-eval-ppl lm-sample; do
  expect_exit 1 $program --end-of-text '<|none|>' m corpus
  expect_one_line_stderr 'it has no token "<|none|>" to be its end-of-text'
done

# A misspelt name, and one without its brackets.
for name in '<|sotp|>' stop; do
  expect_exit 1 lm-sample --end-of-text "$name" m -p x
  expect_one_line_stderr "it has no token \"$name\" to be its end-of-text; did you mean '<|stop|>'?"
done

# A stream whose documents end otherwise: by name and number, and what to do, which then works.
tok-encode -t known.json --end-of-text '<|pad|>' --documents line -o pad.tok corpus
tok-encode -t known.json --documents line -o end.tok corpus
train -t known.json --steps 2 -o known end.tok
what='its documents end with token 1 ("<|pad|>"), expected token 0 ("<|endoftext|>"); name it with --end-of-text'
expect_exit 1 train -t known.json --steps 2 -o m pad.tok
expect_one_line_stderr "$what"
expect_exit 1 train -t known.json --steps 2 --valid pad.tok -o m end.tok
expect_one_line_stderr "$what"
expect_exit 1 train -t known.json --steps 2 --one-pass -o m - <pad.tok
expect_one_line_stderr "$what"
expect_exit 1 lm-eval-ppl known pad.tok
expect_one_line_stderr "$what"
expect_exit 1 tok-decode -t known.json pad.tok
expect_one_line_stderr "$what"
train -t known.json --end-of-text '<|pad|>' --steps 2 -o padded pad.tok
lm-eval-ppl --json padded pad.tok >json
lm-eval-ppl --json --documents line padded corpus | cmp - json || fail "the model does not end texts as its stream did"
# The protocol names the one that was given, and parts of another one are not merged.
lm-eval-ppl --json --end-of-text '<|pad|>' known pad.tok >given
grep -qF '"protocol":"context 16 stride 8 end-of-text <|pad|>"' given || fail "$(cat given)"
lm-eval-ppl --end-of-text '<|pad|>' known pad.tok | grep -q '^protocol .* end-of-text <|pad|>$' || fail "no name in the text"
! grep -q end-of-text json || fail "named without being given: $(cat json)"
echo '{"context":"The","endings":[" file"," of"],"answer":0}' >item
lm-eval-ppl --cloze --json --end-of-text '<|pad|>' known item | grep -qF 'normalize none end-of-text <|pad|>"' || fail "cloze"
lm-eval-ppl --json known end.tok >other
expect_exit 1 lm-eval-ppl --merge given other
tok-decode -t padded --documents line pad.tok | cmp - corpus
expect_exit 1 lm-eval-ppl padded end.tok
expect_one_line_stderr 'expected token 1 ("<|pad|>")'

# An ordinary token becomes special, which the fingerprint shows: both are named.
tok-encode -t known.json --end-of-text ' the' --documents line -o the.tok corpus
expect_exit 1 lm-eval-ppl known the.tok
expect_one_line_stderr '(" the"), expected'
tok-decode -t known.json --end-of-text ' the' --documents line the.tok | cmp - corpus

# --pattern: for a folder of vocab.json and merges.txt; what a model carries must agree.
expect_exit 1 lm-sample --pattern qwen2 m -p x -n 1
expect_one_line_stderr "its pattern is gpt2, not qwen2"
