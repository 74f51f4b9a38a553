# lm-eval-ppl on real files and pipes: its numbers agree with each other and with lm-sample's; refusals are sentences.
need tok-train tok-encode lm-train lm-sample lm-eval-ppl

cat "$LM_SOURCE"/man/*.[157] >corpus
tok-train --vocab-size 400 -o tok.json corpus
tok-encode -t tok.json --documents separator:$'\n.Sh' -o train.tok corpus
lm-train -q -t tok.json --layers 2 --channels 32 --heads 2 --context 32 --batch 4 --steps 20 -o model train.tok

# value KEY: a number of the JSON object on standard input.
value() {
  sed -E "s/.*\"$1\":(\"[^\"]*\"|[^,}]*).*/\1/"
}
# calculate EXPRESSION, in double.
calculate() {
  awk "BEGIN { printf \"%.17g\", $1 }"
}
# near A B RELATIVE: fails if they differ by more.
near() {
  awk -v a="$1" -v b="$2" -v r="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; m = b < 0 ? -b : b; exit !(d <= r * m) }' ||
    fail "$1 is not near $2"
}

# The totals are what wc counts, and loss, perplexity and bits per byte follow from them.
head -c 3000 corpus >text
lm-eval-ppl model text --json >json
{ [ "$(value documents <json)" = 1 ] && [ "$(value words <json)" = "$(wc -w <text)" ] && [ "$(value bytes <json)" = 3000 ]; } ||
  fail "counts: $(cat json)"
encoded=$(tok-encode -t tok.json --format ids text | wc -w)
[ "$(value tokens <json)" = "$encoded" ] || fail "tokens: $(cat json), but $encoded ids"
[ "$(value protocol <json)" = '"context 32 stride 16"' ] || fail "protocol: $(cat json)"
near "$(value loss <json)" "$(calculate "$(value nats <json) / $(value tokens <json)")" 1e-12
near "$(value perplexity <json)" "$(calculate "exp($(value loss <json))")" 1e-12
near "$(value bits_per_byte <json)" "$(calculate "$(value nats <json) / log(2) / 3000")" 1e-12
lm-eval-ppl model text --json --base 2 >json2
near "$(value loss <json2)" "$(calculate "$(value loss <json) / log(2)")" 1e-12

# Text, a pipe, and the tokens made of it: the same number. One thread or two: the same bits.
lm-eval-ppl model --json <text | cmp - json
# shellcheck disable=SC2002 # a pipe is wanted, not a file
cat text | lm-eval-ppl model --json - | cmp - json
tok-encode -t tok.json text | lm-eval-ppl model --json | cmp - json
lm-eval-ppl --threads 1 model text --json | cmp - json
lm-eval-ppl --threads 2 model text --json | cmp - json
lm-eval-ppl model text --json -o out && expect_same out json

# A document's log-probability is the sum of what lm-sample --probs gives its tokens, step by step (definitions; 1e-5).
printf 'a standard model' >short
total=0
# The tokens one by one, as bytes: whole prefixes that encode to one token more each time.
ids=$(tok-encode -t tok.json --format ids short | tr -d '\n')
count=$(lm-eval-ppl model short --json | value tokens)
for ((i = 0; i < count; ++i)); do
  id=$(echo "$ids" | cut -d' ' -f$((i + 1)))
  # The prompt is the text of the tokens before; it encodes to them, as they are a prefix cut between words.
  : >prefix
  if [ $i -gt 0 ]; then echo "$ids" | cut -d' ' -f1-"$i" | tok-decode -t tok.json --format ids >prefix; fi
  p=$(lm-sample model --keep-newline --probs all --json prefix | grep "^{\"id\":$id," | sed 's/.*"p"://; s/,.*//')
  total=$(calculate "$total - log($p)")
done
near "$(lm-eval-ppl model short --json | value nats)" "$total" 1e-5

# Documents: one row each, in order, whose nats sum to the corpus'; an empty one has none.
printf 'first line\n\nthird line of text\ttab\\\nlast' >lines
lm-eval-ppl model --documents line --level document --tsv --header lines >rows
[ "$(head -1 rows)" = $'perplexity\tnats\ttokens\twords\tbytes\tdocument' ] || fail "header: $(head -1 rows)"
[ "$(tail -n +2 rows | cut -f6-)" = $'first line\n\nthird line of text\\ttab\\\\\nlast' ] || fail "documents: $(cat rows)"
[ "$(sed -n 3p rows | cut -f1-5)" = $'inf\t0\t0\t0\t0' ] || fail "empty document: $(cat rows)"
lm-eval-ppl model --documents line --json lines >json
near "$(tail -n +2 rows | awk '{ s += $2 } END { printf "%.17g", s }')" "$(value nats <json)" 1e-12
{ [ "$(value documents <json)" = 4 ] && [ "$(value bytes <json)" = 37 ]; } || fail "corpus of lines: $(cat json)"
lm-eval-ppl model --documents line --level document --tsv <lines | sort -g | sed -n 1,10p >sorted
[ "$(wc -l <sorted)" = 4 ] || fail "$(cat sorted)"
lm-eval-ppl model --documents line --level document --json lines | grep -c '^{"document":' | grep -qx 4

# What a filter leaves out goes to --rejected, and together they are all.
lm-eval-ppl model --documents line --level document --tsv lines >all
limit=$(sort -g all | sed -n 2p | cut -f1)
lm-eval-ppl model --documents line --level document --tsv --max-perplexity "$limit" --rejected bad lines >good
{ [ "$(wc -l <good)" = 2 ] && [ "$(wc -l <bad)" = 2 ]; } || fail "filter: $(cat good bad)"
sort good bad | cmp - <(sort all)

# Nothing to score is no error: null, inf.
: >empty
lm-eval-ppl model --json empty | grep -q '"tokens":0,.*"perplexity":null'
lm-eval-ppl model --json </dev/null | grep -q '"perplexity":null'
lm-eval-ppl model --tsv empty | grep -q '^inf'
lm-eval-ppl model empty | grep -q '^perplexity  *undefined'

# A word of many tokens, such as a URL, has a perplexity of any size: it is shown with an exponent, and inf beyond a double.
printf 'zqxj0vkw%.0s' 1 2 3 4 5 6 >word
words=$(lm-eval-ppl model word --json | value word_perplexity)
awk -v w="$words" 'BEGIN { exit !(w > 1e58 && w < 1e300) }' || fail "a word perplexity of $words is not what is to be tried"
near "$(lm-eval-ppl model word | sed -n 's/^word perplexity  *//p')" "$words" 1e-5
near "$words" "$(calculate "exp($(lm-eval-ppl model word --json | value nats))")" 1e-9
for ((i = 0; i < 8; ++i)); do cat word; done >longer
lm-eval-ppl model longer --json | grep -q '"perplexity":[0-9.e+]*,"word_perplexity":"inf",' || fail "$(lm-eval-ppl model longer --json)"
lm-eval-ppl model longer | grep -q '^word perplexity  *inf$' || fail "$(lm-eval-ppl model longer)"

# A model that is sure of the wrong token (its logits a thousand times as large): each perplexity overflows, the loss does not.
perl -e 'local $/; open F, "<:raw", "model"; my $m = <F>; my $n = unpack "Q<", $m;
  substr($m, 8, $n) =~ /"model.norm.weight":\{[^}]*"data_offsets":\[(\d+),(\d+)\]/ or die;
  my ($at, $size) = (8 + $n + $1, $2 - $1);
  $m =~ s/"lm\.checksum"/"no.checksum"/;
  substr($m, $at, $size) = pack "f<*", map { 1000 * $_ } unpack "f<*", substr $m, $at, $size;
  open F, ">:raw", "loud"; print F $m'
printf 'zqxj\n\nvkzw\n' >lines
lm-eval-ppl loud --documents line --macro --json lines >json
grep -Eq '"loss":[0-9.]+,"perplexity":"inf","word_perplexity":"inf","bits_per_byte":[0-9.]+,.*"macro_perplexity":"inf"' json ||
  fail "$(cat json)"
lm-eval-ppl loud --documents line --level document --json lines >json
{ [ "$(grep -c '"perplexity":"inf"' json)" = 2 ] && [ "$(grep -c '"tokens":0,.*"perplexity":null' json)" = 1 ]; } || fail "$(cat json)"
lm-eval-ppl loud --documents line --level document --tsv lines >rows
[ "$(cut -f 1 rows | sort | uniq -c | tr -s ' ')" = ' 3 inf' ] || fail "$(cat rows)"
[ "$(awk '$3 == 0' rows | wc -l)" = 1 ] || fail "what was not scored looks as if it were: $(cat rows)"
# They are above every bound, and sorted last.
lm-eval-ppl loud --documents line --level document --tsv --max-perplexity 1e300 --rejected bad lines >good
{ [ ! -s good ] && [ "$(wc -l <bad)" = 3 ]; } || fail "--max-perplexity: $(cat good)"
[ "$(lm-eval-ppl loud --documents line --level document --tsv --min-perplexity 1e300 lines | wc -l)" = 3 ] || fail "--min-perplexity"
[ "$(cat all rows | sort -g | tail -n 4 | cut -f 1 | sort -u)" = inf ] || fail "inf is not sorted last"

# Protocols print themselves and score as many tokens as they say.
tokens=$(lm-eval-ppl model text --json | value tokens)
[ "$(lm-eval-ppl model text --json --protocol lm-eval | value tokens)" = "$tokens" ]
# shellcheck disable=SC2017 # the remainder is dropped
[ "$(lm-eval-ppl model text --json --protocol llama.cpp | value tokens)" = $(((tokens + 1) / 32 * 15)) ]
lm-eval-ppl model text --json --protocol hf-stride:8 | grep -q '"word_perplexity":null.*"protocol":"hf-stride:8 context 32"'

# Refusals.
expect_exit 2 lm-eval-ppl
expect_exit 2 lm-eval-ppl model text --protocol perplexity
expect_one_line_stderr "hf-stride:S"
expect_exit 2 lm-eval-ppl model text --json --tsv
expect_exit 2 lm-eval-ppl model text --max-perplexity 3
expect_exit 1 lm-eval-ppl model text --context 33
expect_one_line_stderr "33"
expect_exit 1 lm-eval-ppl model text --stride 33
expect_exit 1 lm-eval-ppl no-such-model text
expect_one_line_stderr "no-such-model"
expect_exit 1 lm-eval-ppl model no-such-text
expect_one_line_stderr "no-such-text"
expect_exit 1 lm-eval-ppl model <&-
expect_one_line_stderr "standard input"
mkdir none
expect_exit 1 lm-eval-ppl model none
expect_one_line_stderr
tok-train --vocab-size 380 -o other.json corpus
tok-encode -t other.json -o other.tok text
expect_exit 1 lm-eval-ppl model other.tok
expect_one_line_stderr "tok-encode"
head -c 500 train.tok >cut.tok
expect_exit 1 lm-eval-ppl model cut.tok
expect_one_line_stderr "cut.tok"
if [ -w /dev/full ]; then
  status=0
  lm-eval-ppl model text >/dev/full 2>stderr || status=$?
  [ $status = 1 ] || fail "/dev/full: exit $status"
  expect_one_line_stderr "standard output"
fi
expect_exit 0 lm-eval-ppl model text -o /dev/null
set +o pipefail
for ((i = 0; i < 3000; ++i)); do echo line $i; done |
  lm-eval-ppl model --documents line --level document --tsv 2>stderr | head -c 1 >one
[ "${PIPESTATUS[1]}" = 141 ] || fail "head -c 1 did not end it by SIGPIPE"
set -o pipefail
expect_silence

# The demo's reader of JSON takes a number that overflows, which is a string.
eval "$(grep '^json_number()' "$LM_SOURCE/share/lm/demo.sh")"
printf '{"word_perplexity":"inf","perplexity":"inf","bits_per_byte":2.5}\n' >overflow.json
[ "$(json_number overflow.json perplexity) $(json_number overflow.json bits_per_byte)" = 'inf 2.5' ] || fail "the demo reads no inf"

# An option that no number depends on is refused; where one does, it is taken.
for options in '--macro --tsv' '--macro --level document,corpus --tsv' '--base 2 --tsv' '--base e --level document --tsv' \
  '--base 2 --level token --json' '--base 2 --level document' '--base 2 --level corpus,token --tsv'; do
  # shellcheck disable=SC2086 # options are words
  expect_exit 2 lm-eval-ppl model $options text
  expect_one_line_stderr "${options%% *} goes with"
done
lm-eval-ppl model --base 2 --level word --tsv text | cut -f 9 >bits
lm-eval-ppl model --level word --tsv text | cut -f 9 | paste bits - |
  awk '$1 != "" { d = $1 * log(2) - $2; if (d * d > 1e-16) exit 1; n++ } END { exit !n }' || fail "no bits"
lm-eval-ppl model --base 2 --level document --against model --tsv text >/dev/null
lm-eval-ppl model --base 2 --level corpus,token --json text | tail -n 1 | grep -q '"base":2' || fail "no base in JSON"
