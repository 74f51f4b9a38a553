# lm-fim on files and pipes: every way to say where the middle belongs, texts kept byte for byte, and refusals with a reason.
need tok-train tok-encode lm-train lm-fim

for ((i = 0; i < 300; ++i)); do
  printf 'def add%d(a, b):\n    return a + b\n\n\ncaf\xc3\xa9 \xf0\x9f\x98\x80 %d\n' $((i % 7)) $((i % 10))
done >corpus
tok-train --vocab-size 380 -o tok.json corpus
tok-encode -t tok.json -o train.tok corpus
train() { lm-train -q -t tok.json --layers 2 --channels 32 --heads 2 --context 64 --batch 4 --lr 0.01 "$@" train.tok; }
train --objective fim --steps 60 -o model
train --objective causal --steps 2 -o causal

# The middle is what is between the parts in the whole text, whichever way the place is named.
printf 'def add1(a, b):\n    return a' >prefix
printf '\n\n\ncaf\xc3\xa9 \xf0\x9f\x98\x80 7\n' >suffix
cat prefix suffix >whole
{ cat prefix; printf '[FIM]'; cat suffix; } >marked
sed 's/\[FIM\]/<HERE>/' marked >otherwise
lm-fim model -n 12 marked >middle
cat prefix middle suffix >expected
lm-fim model -n 12 --full marked | cmp - expected
lm-fim model -n 12 --full <marked | cmp - expected
lm-fim model -n 12 --full - <marked | cmp - expected
lm-fim model -n 12 --full --marker '<HERE>' otherwise | cmp - expected
lm-fim model -n 12 --full --prefix-file prefix --suffix-file suffix | cmp - expected
lm-fim model -n 12 --full --prefix-file - --suffix-file suffix <prefix | cmp - expected
lm-fim model -n 12 --full --cursor 2:13 whole | cmp - expected
for threads in 1 2; do lm-fim model -n 12 --threads $threads marked | cmp - middle; done
lm-fim model -n 12 -o out --full marked && expect_same out expected
lm-fim model -n 12 --json --full marked >json
grep -Eq '^\{"sample":0,"middle":".*","tokens":[0-9]+,"end":"(length|end_of_text|stop)","text":".*"\}$' json ||
  fail "$(cat json)"
lm-fim model -n 12 --cursor 2:13 --layout spm --stop '#' --stop '@' --dump-config >dumped.toml
lm-fim --config dumped.toml --full model whole | cmp - <(lm-fim model --full -n 12 --cursor 2:13 --layout spm whole)
lm-fim model --prefix-file prefix -n 3 | cmp - <(lm-fim model --marker XX -n 3 <(cat prefix; printf XX))
lm-fim model --suffix-file suffix -n 3 | cmp - <(lm-fim model --marker XX -n 3 <(printf XX; cat suffix))

# The three units of a column, after an emoji, and before and after a combining character.
printf 'one\n\xf0\x9f\x98\x80e\xcc\x81x\n' >wide
at() { lm-fim model -n 4 --full --cursor "$1" --cursor-unit "$2" wide; }
for places in '2:5 2:2 2:3' '2:6 2:3 2:4' '2:8 2:4 2:5' '2:9 2:5 2:6' '2:1 2:1 2:1' '3:1 3:1 3:1'; do
  # shellcheck disable=SC2086 # three words
  set -- $places
  at "$1" byte >in_bytes
  at "$2" char | cmp - in_bytes
  at "$3" utf16 | cmp - in_bytes
done
printf '\xf0\x9f\x98\x80e[FIM]\xcc\x81x\n' >wide_marked
lm-fim model -n 4 wide_marked | cmp - <(sed 1d wide >wide2 && lm-fim model -n 4 --cursor 1:3 wide2)
lm-fim model -n 0 --full --cursor 2:3 wide | cmp - wide

# Cursors where no text is.
refuse_cursor() {
  expect_exit 1 lm-fim model --cursor "$1" --cursor-unit "$2" wide
  expect_one_line_stderr "$3"
}
refuse_cursor 2:10 byte 'ends at column 9'
refuse_cursor 2:6 char 'ends at column 5'
refuse_cursor 2:7 utf16 'ends at column 6'
refuse_cursor 2:2 byte 'inside a character'
refuse_cursor 2:2 utf16 'inside a character'
refuse_cursor 4:1 char 'the last line is 3'
for wrong in 0:1 1:0 1 1: :1 a:b 1:1:1 -1:1; do expect_exit 2 lm-fim model --cursor=$wrong wide; done

# Markers that are missing, or two; an empty text is a text.
expect_exit 1 lm-fim model whole
expect_one_line_stderr "no marker '[FIM]' in 'whole'"
printf 'a[FIM]b[FIM]' >twice
expect_exit 1 lm-fim model twice
expect_one_line_stderr 'more than once'
expect_exit 0 lm-fim model --marker 'b[FIM]' twice
expect_exit 0 lm-fim model -n 5 /dev/null
expect_silence
expect_exit 0 lm-fim model -n 5 --cursor 1:1 /dev/null
expect_exit 1 lm-fim model -n 5 --cursor 1:2 /dev/null
expect_exit 0 lm-fim model -n 5 --prefix-file /dev/null --suffix-file /dev/null

# Bytes that are not UTF-8, NUL, CRLF: kept in the whole text, and the middle is UTF-8.
printf 'a\xff\r\n\x00[FIM]\xe2\x82\r\n\xf0\x9f' >bytes
lm-fim model -n 6 bytes >middle
iconv -f UTF-8 -t UTF-8 middle >/dev/null || fail "the middle is not UTF-8"
lm-fim model -n 6 --full bytes | cmp - <(printf 'a\xff\r\n\x00'; cat middle; printf '\xe2\x82\r\n\xf0\x9f')

# Samples: each the same whatever others are drawn, greedy the same for any seed.
lm-fim model -n 9 --temperature 3 --samples 3 --json marked >three
[ "$(wc -l <three)" = 3 ] || fail "samples: $(cat three)"
lm-fim model -n 9 --temperature 3 --json marked | cmp - <(head -1 three)
lm-fim model -n 9 --temperature 3 --seed 5 --json marked | cmp -s - <(head -1 three) && fail "the seed does not matter"
lm-fim model -n 9 --seed 5 marked | cmp - <(lm-fim model -n 9 marked)
lm-fim model -n 0 --samples 2 --full marked | cmp - <(cat whole; printf '\n\n'; cat whole; printf '\n')

# It ends at a line, before a stop string, with n tokens.
printf 'x' >x
for seed in 1 2 3 4 5 6; do
  lm-fim model --prefix-file x -n 60 --temperature 1.5 --seed $seed --single-line >out
  [ "$(tr -cd '\n\r' <out | wc -c)" = 0 ] || fail "--single-line: $(cat out)"
done
lm-fim model --prefix-file prefix --temperature 1 --seed 3 -n 40 >free
stop=$(grep -aoE '[a-z]{2}' free | sed -n 2p)
if [ -n "$stop" ]; then
  lm-fim model --prefix-file prefix --temperature 1 --seed 3 -n 40 --stop "$stop" >out
  text=$(cat free; echo .)
  [ "$(cat out; echo .)" = "${text%%"$stop"*}." ] || fail "'$(cat out)' is not what is before '$stop' in '$text'"
fi
[ "$(lm-fim model -n 3 --json marked | grep -o '"tokens":[0-9]*' | cut -d: -f2)" -le 3 ]

# Texts longer than the context keep what is near the middle; -v says what was left out.
for ((i = 0; i < 5000; ++i)); do echo "line $i"; done >long
{ cat long; cat marked; cat long; } >around
expect_exit 0 lm-fim model -n 12 around
expect_silence
expect_exit 0 lm-fim model -v -n 12 around
expect_one_line_stderr "context"
{ sed '1,4000s/^line 1/line 2/' long; cat marked; head -100 long; } >nearer
lm-fim model -n 12 nearer | cmp - <(lm-fim model -n 12 around)
lm-fim model -n 100000 around >out

# Models and layouts that cannot: the reason.
expect_exit 1 lm-fim causal marked
expect_one_line_stderr "trained with the objective 'causal'"
expect_exit 1 lm-fim model --layout starcoder marked
expect_one_line_stderr 'lacks <fim_prefix>, <fim_suffix>, <fim_middle>'
expect_exit 1 lm-fim model --layout named marked
expect_one_line_stderr "lacks prefix_token, suffix_token, middle_token of the layout 'named'"
lm-fim model --layout auto -n 12 marked | cmp - <(lm-fim model --layout spm -n 12 marked)
lm-fim model -n 12 marked | cmp - <(lm-fim model --layout spm -n 12 marked)
for layout in psm spm spm-llama.cpp qwen; do expect_exit 0 lm-fim model --layout $layout -n 3 marked; done
expect_exit 2 lm-fim model --layout none marked
expect_exit 1 lm-fim no-such-model marked
expect_one_line_stderr no-such-model
expect_exit 1 lm-fim model no-such-text
expect_one_line_stderr no-such-text
expect_exit 1 lm-fim model <&-
expect_one_line_stderr 'standard input'
expect_exit 2 lm-fim model --marker '' marked
expect_exit 2 lm-fim model --stop x --stop '' marked
expect_one_line_stderr "--stop needs a text that is not empty"
for unit in char byte; do
  expect_exit 2 lm-fim model --cursor-unit $unit marked
  expect_one_line_stderr "give --cursor"
done
expect_exit 2 lm-fim model --cursor-unit byte --jsonl
for wrong in '--marker X --cursor 1:1 marked' '--prefix-file x --cursor 1:1' '--prefix-file x marked' \
  '--prefix-file - --suffix-file -' '--jsonl --full' '--jsonl --samples 2' '--jsonl --cursor 1:1' \
  '--samples 0 marked' '-n -1 marked'; do
  # shellcheck disable=SC2086 # several words
  expect_exit 2 lm-fim model $wrong
done

# What is written arrives, or the exit status says so; a reader that leaves ends it.
if [ -w /dev/full ]; then
  for options in '' --full --json; do
    status=0
    # shellcheck disable=SC2086 # none or one
    lm-fim model -n 9 $options marked >/dev/full 2>stderr || status=$?
    [ $status = 1 ] || fail "/dev/full $options: exit $status"
    expect_one_line_stderr 'standard output'
  done
fi
set +o pipefail
timeout 60 lm-fim model --temperature 1 --samples 1000000 marked 2>stderr | head -c 1 >one
[ "${PIPESTATUS[0]}" = 141 ] || fail "head -c 1 did not end it by SIGPIPE"
set -o pipefail
expect_silence
