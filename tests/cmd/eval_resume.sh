# lm-eval-ppl --resume: killed at any moment and resumed, no line is lost or repeated; what differs is refused.
need tok-train tok-encode lm-train lm-eval-ppl

cat "$LM_SOURCE"/man/*.[157] >corpus
tok-train --vocab-size 400 -o tok.json corpus
tok-encode -t tok.json -o train.tok corpus
lm-train -q -t tok.json --layers 1 --channels 16 --heads 1 --context 64 --batch 4 --steps 5 -o model train.tok
lm-train -q -t tok.json --layers 1 --channels 16 --heads 1 --context 64 --batch 4 --steps 6 -o other train.tok
for copy in 1 2 3 4 5 6 7 8; do sed "s/^/$copy /" corpus; done >lines

options=(--documents line --level document --tsv --keep-fraction 0.4)
lm-eval-ppl -q model "${options[@]}" --rejected bad -o good lines
[ $(($(wc -l <good) + $(wc -l <bad))) = "$(wc -l <lines)" ] || fail "rows: $(wc -l good bad)"
lm-eval-ppl model "${options[@]}" lines 2>&1 >/dev/null | grep -q "kept $(wc -l <good) of $(wc -l <lines) documents, those .*--max-perplexity" ||
  fail "no counts at the end"

# Killed five times; a save comes every two seconds, so the first runs may begin anew.
for _ in 1 2 3 4 5; do
  lm-eval-ppl -q model "${options[@]}" --resume --rejected bad2 -o good2 lines &
  sleep 2.5
  kill -9 $! 2>/dev/null || true
  wait $! 2>/dev/null || true
  [ ! -e good2 ] || break
done
if [ ! -e good2 ]; then
  [ -e good2.journal ] || fail "no journal"
  for change in "--keep-fraction 0.5" "--level corpus,document" "--header" "--json"; do
    # shellcheck disable=SC2086 # an option and its value
    lm-eval-ppl -q model --documents line --level document --tsv --keep-fraction 0.4 $change --resume --rejected bad2 -o good2 lines \
      >/dev/null 2>err && fail "resumed with $change"
  done
  lm-eval-ppl -q other "${options[@]}" --resume --rejected bad2 -o good2 lines 2>err && fail "another model"
  grep -q 'the model was' err || fail "$(cat err)"
  lm-eval-ppl -q model "${options[@]}" --resume --rejected bad2 -o good2 lines
fi
expect_same good2 good
expect_same bad2 bad
for left in good2.partial bad2.partial good2.journal; do [ ! -e $left ] || fail "$left is left"; done

# Other documents are refused, and what was saved stays.
head -c 2000000 </dev/zero | tr '\0' 'x' | fold -w 20 >many
lm-eval-ppl -q model --documents line --level document --tsv --resume -o out many &
sleep 4
kill -9 $! 2>/dev/null || true
wait $! 2>/dev/null || true
if [ -e out.journal ] && ! grep -q '"documents":0,' out.journal; then
  sed 's/x/y/' many >changed
  lm-eval-ppl -q model --documents line --level document --tsv --resume -o out changed 2>err && fail "other documents"
  grep -q 'are not those that the interrupted run read' err || fail "$(cat err)"
  [ -e out.partial ] || fail "what was saved is gone"
  head -1 many | lm-eval-ppl -q model --documents line --level document --tsv --resume -o out 2>err && fail "fewer documents"
  grep -q 'the inputs have 1 documents' err || fail "$(cat err)"
fi
lm-eval-ppl -q model --documents line --level document --resume lines 2>err && fail "no -o"
grep -q -- '--resume needs -o FILE' err || fail "$(cat err)"

# What is no file cannot be cut and renamed, and the files that a run works in are nobody else's.
mkfifo fifo
expect_exit 1 lm-eval-ppl -q model --documents line --level document --resume -o fifo lines
[ -p fifo ] || fail "the pipe is gone"
expect_exit 2 lm-eval-ppl -q model --documents line --level document --resume -o good --rejected good.partial lines
expect_exit 2 lm-eval-ppl -q model --documents line --level document --resume -o good --rejected - lines
printf '%s\n' '{"version":1,"settings":{},"complete":false,"documents":3,"hash":"","state":7,"output_bytes":0}' >bad.journal
expect_exit 1 lm-eval-ppl -q model --documents line --level document --resume -o bad lines
[ -e bad.journal ] || fail "a journal that is refused is gone"
