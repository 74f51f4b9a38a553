# lm-eval-ppl --cloze, --pairs and --probes through real pipes: scores are those of the documents, tables add up, refusals are sentences.
need tok-train tok-encode lm-train lm-eval-ppl gzip

make_training
train -q --steps 20 -o model train.tok
# value KEY: a number of the JSON object on standard input, the first of that name.
value() {
  grep -oE "\"$1\":(\"[^\"]*\"|\[[^]]*\]|[^,}\"]*)" | head -n 1 | sed "s/\"$1\"://"
}
near() {
  awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(d < 1e-4 && d > -1e-4) }' || fail "$1 is not near $2: $3"
}
nats_of() {
  lm-eval-ppl model --json <<<"$1" --documents line | value nats
}

cat >cloze.jsonl <<'END'
{"kind":"verb","group":1,"phenomenon":"is","context":"The file","endings":[" is"," names"],"answer":0}
{"kind":"verb","group":1,"phenomenon":"is","context":"The files","endings":[" is"," names"],"answer":1}
{"kind":"noun","group":2,"ctx":"Read the","choices":[" text"," of", " a option"],"label":"0"}

{"kind":"noun","group":3,"query":"Print a","candidates":[" line"," to"],"gold":1}
END
lm-eval-ppl model --cloze --level document --json cloze.jsonl >rows
[ "$(wc -l <rows)" = 4 ] || fail "$(cat rows)"
# A score is what the ending adds to the log p of its context.
scores=$(sed -n 3p rows | value scores | tr -d '[]')
for i in 1 2 3; do
  ending=$(printf '%s\n' ' text' ' of' ' a option' | sed -n ${i}p)
  near "$(cut -d, -f$i <<<"$scores")" "$(awk -v a="$(nats_of 'Read the')" -v b="$(nats_of "Read the$ending")" 'BEGIN { print a - b }')" "$ending"
done
lm-eval-ppl model --cloze --level document --json --normalize bytes cloze.jsonl | sed -n 3p | value scores | tr -d '[]' >by_bytes
near "$(cut -d, -f3 by_bytes)" "$(awk -v s="$(cut -d, -f3 <<<"$scores")" 'BEGIN { print s / 9 }')" "by bytes"

# The tables sum the rows; files, pipes, compressed ones, an array and threads make no difference.
lm-eval-ppl model --cloze --json cloze.jsonl >json
right=$(awk -F'"right":' '{ sub(/,.*/, "", $2); s += $2 } END { print s / NR }' rows)
near "$(value accuracy <json)" "$right" "accuracy"
{ [ "$(value items <json)" = 4 ] && [ "$(value groups <json)" = 3 ] && [ "$(value protocol <json)" = '"cloze context 32 normalize none"' ]; } ||
  fail "$(cat json)"
near "$(value chance <json)" "$(awk 'BEGIN { print (0.5 + 0.5 + 1 / 3 + 0.5) / 4 }')" "chance"
# The model and the tokenizer have the hashes of a report on documents.
for key in model tokenizer; do
  [ "$(value $key <json)" = "$(lm-eval-ppl model --json corpus.txt | value $key)" ] || fail "$key: $(cat json)"
done
grep -q '"by_kind":\[{"kind":"verb","items":2,.*{"kind":"noun","items":2,.*"by_phenomenon":\[{"kind":"verb","phenomenon":"is","items":2,' json || fail "$(cat json)"
# shellcheck disable=SC2002 # a pipe is wanted, not a file
cat cloze.jsonl | lm-eval-ppl model --cloze --json | cmp - json
gzip -c cloze.jsonl | lm-eval-ppl model --cloze --json - | cmp - json
grep . cloze.jsonl | paste -sd, | sed 's/^/[/; s/$/]/' | lm-eval-ppl model --cloze --json --threads 1 -o out && expect_same out json
lm-eval-ppl model --cloze cloze.jsonl >text
grep -Eq '^accuracy +[0-9.]+ \(95 % interval [0-9.]+ to [0-9.]+\)$' text || fail "$(cat text)"
grep -Eq ' 2  noun$' text || fail "$(cat text)"
lm-eval-ppl model --cloze --tsv --header cloze.jsonl >tsv
[ "$(head -n 1 tsv)" = $'kind\tphenomenon\titems\taccuracy\taccuracy_low\taccuracy_high\tchance\tmargin\tmargin_low\tmargin_high' ] || fail "$(cat tsv)"
[ "$(cut -f 1-3 tsv | tail -n +2)" = $'\t\t4\nverb\t\t2\nnoun\t\t2\nverb\tis\t2' ] || fail "$(cat tsv)"
[ "$(lm-eval-ppl model --cloze --level document --tsv cloze.jsonl | sed -n 2p | cut -f 1-4,8-)" = $'1\tverb\tis\t1\t1\tThe files names' ] || fail "rows"

# Last words: the log p of a document less that of what is before, perplexities by token and by word.
printf '%s\n' '{"text":"Read the text "}' '{"text":"Print a line"}' >last.jsonl
lm-eval-ppl model --cloze --json last.jsonl >json
total=$(awk -v a="$(nats_of 'Read the')" -v b="$(nats_of 'Read the text')" -v c="$(nats_of 'Print a')" -v d="$(nats_of 'Print a line')" \
  'BEGIN { print b - a + d - c }')
near "$(value nats <json)" "$total" "last words"
for key in perplexity:tokens word_perplexity:items; do
  near "$(value ${key%:*} <json | awk '{ print log($1) }')" "$(awk -v n="$total" -v c="$(value ${key#*:} <json)" 'BEGIN { print n / c }')" "$key"
done
lm-eval-ppl model --cloze last.jsonl | grep -q '^protocol  *last-word context 32$' || fail "$(lm-eval-ppl model --cloze last.jsonl)"

# What does not fit loses its beginning, and the report says so.
printf '{"context":"%s","endings":[" is"," of"],"answer":0}\n' "$(head -c 300 corpus.txt | tr -dc 'a-z ')" >long.jsonl
lm-eval-ppl model --cloze long.jsonl | grep -q '^cut  *1 contexts' || fail "nothing is cut"

# Pairs: the scores are those of the sentences as documents.
cat >pairs.jsonl <<'END'
{"sentence_good":"The file is read.","sentence_bad":"The file are read.","field":"syntax","linguistics_term":"agreement","UID":"be"}
{"good":"A line of text","bad":"A line of text"}
END
lm-eval-ppl model --pairs --level document --json pairs.jsonl >rows
near "$(head -n 1 rows | value margin)" "$(awk -v a="$(nats_of 'The file are read.')" -v b="$(nats_of 'The file is read.')" 'BEGIN { print a - b }')" "margin"
[ "$(tail -n 1 rows | value right)" = 0.5 ] || fail "no tie: $(cat rows)"
lm-eval-ppl model --pairs --json <pairs.jsonl >json
grep -q '^{"pairs":{"items":2,.*"protocol":"pairs context 32 stride 16".*"by_kind":\[{"kind":"syntax/agreement","items":1,.*"phenomenon":"be"' json || fail "$(cat json)"
train -q --steps 2 --objective masked -o masked train.tok
lm-eval-ppl masked --pairs pairs.jsonl | grep -q '^protocol  *pairs pseudo-log-likelihood context 32$' || fail "masked"
lm-eval-ppl masked --pairs --within-word --json pairs.jsonl | grep -q 'pseudo-log-likelihood within-word' || fail "within-word"
expect_exit 1 lm-eval-ppl masked --cloze cloze.jsonl
expect_one_line_stderr "does not predict the next token"

# The probes beside the program, wherever it is called from; here two of the files.
mkdir -p root/bin root/share/lm/probes elsewhere
cp "$(command -v lm-eval-ppl)" root/bin/
expect_exit 1 root/bin/lm-eval-ppl model --probes
expect_one_line_stderr "cannot find the probes"
head -n 10 "$LM_SOURCE/share/lm/probes/law.jsonl" >root/share/lm/probes/law.jsonl
head -n 20 "$LM_SOURCE/share/lm/probes/code.jsonl" >root/share/lm/probes/code.jsonl
(cd elsewhere && ../root/bin/lm-eval-ppl ../model --probes --json) >json
cat root/share/lm/probes/{code,law}.jsonl | lm-eval-ppl model --cloze --json | cmp - json
[ "$(lm-eval-ppl model --probes --tsv | awk -F'\t' '$1 != "" && $2 == ""' | wc -l)" = 6 ] || fail "not six kinds"
[ "$(lm-eval-ppl model --probes --json | value items)" = "$(cat "$LM_SOURCE"/share/lm/probes/*.jsonl | wc -l)" ] || fail "items"

# Nothing to judge is no error.
lm-eval-ppl model --cloze --json </dev/null | grep -q '"items":0,.*"accuracy":null'
lm-eval-ppl model --pairs </dev/null | grep -q '^accuracy  *undefined$'

# Refusals name file and line, or the option.
sed -n '1p' cloze.jsonl >broken.jsonl
echo '{"context":"x","endings":["a","b"]}' >>broken.jsonl
expect_exit 1 lm-eval-ppl model --cloze cloze.jsonl broken.jsonl
expect_one_line_stderr "'answer' or 'label' or 'gold' in line 2 of broken.jsonl"
echo '{"good":' | expect_exit 1 lm-eval-ppl model --pairs
expect_one_line_stderr "line 1 of standard input"
expect_exit 1 lm-eval-ppl model --cloze train.tok
expect_one_line_stderr train.tok
for options in "--cloze --pairs" "--cloze --probes" "--probes cloze.jsonl" "--cloze --stride 4" "--cloze --scoring pseudo" "--pairs --macro" \
  "--cloze --level word" "--pairs --level corpus,document" "--pairs --normalize bytes" "--normalize bytes" "--cloze --infilling" "--cloze --base 2" \
  "--pairs --protocol lm-eval" "--cloze --documents line" "--cloze --json --tsv" "--pairs --header" "--pairs --scoring span" "--cloze --merge" \
  "--cloze --level document --max-perplexity 3" "--cloze --line-buffered" "--pairs --binary"; do
  # shellcheck disable=SC2086 # options are words
  expect_exit 2 lm-eval-ppl model $options </dev/null
  expect_one_line_stderr
done
