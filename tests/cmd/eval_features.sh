# lm-eval-ppl --features and --classify through real pipes: rows of documents, figures that add up, refusals in sentences.
need tok-train tok-encode lm-train lm-eval-ppl awk od

make_training
train -q --steps 20 -o model train.tok
value() {
  grep -oE "\"$1\":(\"[^\"]*\"|\[[^]]*\]|[^,}\"]*)" | head -n 1 | sed "s/\"$1\"://"
}
# rows FILE: the numbers of an array, a row a line.
rows() {
  local columns
  columns=$(head -c 128 "$1" | sed -nE "s/.*'shape': \([0-9]+, ([0-9]+)\).*/\1/p")
  tail -c +129 "$1" | od -An -v -t f4 -w$((4 * columns))
}
grep -v '^ *$' corpus.txt | tr -d '"\\\t' | LC_ALL=C tr -cd '\n -~' | awk 'length > 5 && n++ < 60' >texts
awk '{ printf "{\"text\":\"%s\",\"kind\":\"%s\",\"n\":%d}\n", $0, (length($0) > 40 ? "many" : "one"), NR % 3 }' texts >texts.jsonl
count=$(wc -l <texts)
[ "$count" -ge 40 ] || fail "$count texts"

# A row for each document, with a header that numpy reads; the same of lines, JSON lines, a token stream, a pipe and any threads.
lm-eval-ppl model --features a.npy --documents jsonl texts.jsonl
head -c 128 a.npy | tail -c +11 | grep -q "^{'descr': '<f4', 'fortran_order': False, 'shape': ($count, [0-9]*), } *$" ||
  fail "header: $(head -c 128 a.npy)"
[ "$(rows a.npy | wc -l)" = "$count" ] || fail "rows: $(rows a.npy | wc -l)"
expect_exit 0 lm-eval-ppl model --features b.npy --documents line --threads 1 texts
expect_silence
expect_same b.npy a.npy
tok-encode -t tok.json --documents line -o texts.tok texts
lm-eval-ppl model --features - texts.tok | cmp - a.npy
lm-eval-ppl model --features - --documents line <texts | cat >piped.npy
expect_same piped.npy a.npy
# Each by itself has the same row; all in one file have one, of windows of which each token counts once.
sed -n 7p texts | lm-eval-ppl model --features one.npy --documents line
rows a.npy | sed -n 7p >expected
rows one.npy | expect_same - expected
lm-eval-ppl model --features whole.npy texts
[ "$(rows whole.npy | wc -l)" = 1 ] || fail "rows of one file"
# A model that sees both ways has another first half; nothing of no documents.
train -q --steps 2 --objective prefix -o prefix train.tok
for context in 32 9; do lm-eval-ppl prefix --features prefix.npy --context $context --documents line texts; done
[ "$(rows prefix.npy | wc -l)" = "$count" ] || fail "rows of a prefix model"
lm-eval-ppl model --features none.npy --documents line </dev/null
[ "$(wc -c <none.npy)" = 128 ] || fail "rows of nothing"

# The report: figures that add up, in text, TSV and JSON.
lm-eval-ppl model --classify kind --json texts.jsonl >json
lm-eval-ppl model --classify kind --features both.npy --json - <texts.jsonl | cmp - json
expect_same both.npy a.npy
for key in documents:$count classes:2; do
  [ "$(value "${key%:*}" <json)" = "${key#*:}" ] || fail "$key: $(cat json)"
done
[ "$(value protocol <json)" = '"left-to-right context 32; 5 folds, seed 1"' ] || fail "$(value protocol <json)"
lm-eval-ppl prefix --classify n texts.jsonl | grep -q '^protocol  *both-ways context 32; 5 folds, seed 1$' || fail "prefix"
lm-eval-ppl model --classify n --tsv --header texts.jsonl >tsv
[ "$(head -n 1 tsv)" = $'class\tdocuments\tpredicted\taccuracy\taccuracy_low\taccuracy_high\tchance' ] || fail "$(cat tsv)"
awk -F '\t' -v count="$count" '
  NR == 2 { accuracy = $4; chance = $7; if ($1 != "" || $2 != count) exit 1 }
  NR > 2 { n += $2; predicted += $3; right += $2 * $4; if ($2 > most) most = $2; if ($5 > $4 || $6 < $4) bad = 1 }
  END {
    d = accuracy - right / n; c = chance - most / n
    exit NR != 5 || n != count || predicted != count || bad || d * d > 1e-12 || c * c > 1e-12
  }' tsv || fail "does not add up: $(cat tsv)"
lm-eval-ppl model --classify n texts.jsonl >text
grep -Eq '^accuracy  *0\.[0-9]{4} \(95 % interval 0\.[0-9]{4} to [01]\.[0-9]{4}\)$' text || fail "$(cat text)"
[ "$(grep -cE '  [012]$' text)" = 3 ] || fail "classes: $(cat text)"
# What the text says in so many words is learned: how often it has a blank is no chance.
awk '{ printf "{\"x\":\"%s\",\"label\":%d}\n", (NR % 2 ? "File file file" : "a b c d e f"), NR % 2 }' texts >easy.jsonl
[ "$(lm-eval-ppl model --classify label --documents jsonl:x --json easy.jsonl | value accuracy)" = 1.0 ] || fail "easy"

# Refusals name the place, or the option; nothing is left behind.
refused() {
  local status=$1 expected=$2
  shift 2
  expect_exit "$status" lm-eval-ppl model "$@"
  expect_one_line_stderr "$expected"
  [ ! -e bad.npy ] || fail "bad.npy is there"
}
sed '5s/"kind"/"king"/' texts.jsonl >bad.jsonl
refused 1 "expected a string or a whole number for 'kind' in line 5 of 'bad.jsonl', got none" --classify kind --features bad.npy bad.jsonl
sed '5s/"many"/1.5/; 5s/"one"/1.5/' texts.jsonl >bad.jsonl
refused 1 "in line 5 of 'bad.jsonl', got 1.5" --classify kind bad.jsonl
sed '3s/"text":"[^"]*"/"text":""/' texts.jsonl >bad.jsonl
refused 1 "cannot compute features of document 2 (line 3 of 'bad.jsonl'): it has no tokens" --features bad.npy --documents jsonl bad.jsonl
printf 'a\n\nb\n' >empty
refused 1 "cannot compute features of document 1: it has no tokens" --features bad.npy --documents line empty
refused 1 "('empty.txt'): it has no tokens" --features bad.npy "$(: >empty.txt; echo empty.txt)"
head -n 4 texts.jsonl >few.jsonl
refused 1 'cannot classify 4 documents: cross-validation in 5 folds needs 5 at least' --classify kind few.jsonl
refused 1 'cannot classify 0 documents' --classify kind /dev/null
sed 's/"n":[0-9]/"n":7/' texts.jsonl >same.jsonl
refused 1 "all $count documents have the value \"7\", and it takes two classes or more" --classify n same.jsonl
awk 'BEGIN { for (i = 0; i < 1001; i++) printf "{\"text\":\"a\",\"id\":%d}\n", i }' >names.jsonl
refused 1 "up to line 1001 of 'names.jsonl' it has more than 1000 different values" --classify id names.jsonl
refused 1 'documents of a token stream have no members' --classify kind texts.tok
refused 1 'a context of 1: with the 1 that stand around each text, it must be 2 at least' --features bad.npy --context 1 texts
refused 1 'the context of' --features bad.npy --context 64 texts
refused 2 "an array of NumPy's" --features bad.npz texts
refused 2 "--features and FILE name the same file 'texts'" --features texts texts
refused 2 '--features needs the name' --features '' texts
refused 2 'standard output' --features - --classify kind texts.jsonl
for options in "--features bad.npy --json" "--features bad.npy -o out" "--features bad.npy --level document" "--features bad.npy --cloze" \
  "--classify kind --stride 4" "--classify kind --documents line" "--classify kind --scoring pseudo" "--classify kind --level token" \
  "--classify kind --header" "--classify kind --json --tsv" "--classify kind --macro" "--classify kind --against model" \
  "--features bad.npy --merge" "--classify kind --resume" "--classify kind --max-perplexity 3"; do
  # shellcheck disable=SC2086 # options are words
  refused 2 '' $options texts.jsonl
done
# An old file survives a failure, and a full disk is one.
lm-eval-ppl model --features kept.npy --documents line texts
expect_exit 1 lm-eval-ppl model --features kept.npy --documents line empty
expect_same kept.npy a.npy
expect_exit 1 lm-eval-ppl model --features /dev/full --documents line texts
expect_one_line_stderr /dev/full
