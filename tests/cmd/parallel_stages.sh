# Stages in parts, by GNU parallel and by xargs, give the bytes of one process: counts and the tokenizer learned from them, token
# files and the model trained on them, and reports on parts of a corpus.
need tok-train tok-encode lm-train lm-eval-ppl xargs

cat "$LM_SOURCE"/man/*.[157] >pages.txt
head -c 150000 pages.txt | sed '$d' >corpus.txt
tail -c 20000 pages.txt | sed 1d >held-out.txt
mkdir one
size=(--vocab-size 500)
model=(--layers 1 --channels 32 --heads 2 --context 32 --batch 4 --steps 25)

# By one process.
tok-train "${size[@]}" -o one/tok.json corpus.txt
tok-encode -t one/tok.json --documents line -o one/corpus.tok corpus.txt
lm-train -t one/tok.json "${model[@]}" -o one/model one/corpus.tok
lm-eval-ppl one/model --documents line --json -o one/report.json held-out.txt
lm-eval-ppl one/model --documents line -o one/report.txt held-out.txt

# each INPUTS COMMAND...: runs the command once for each file, {} in it, three at a time.
by_xargs() {
  local inputs=$1
  shift
  printf '%s\0' "$inputs"/*.txt | xargs -0 -P 3 -I '{}' "$@"
}
by_parallel() {
  local inputs=$1
  shift
  parallel -P 3 --halt now,fail=1 "$@" ::: "$inputs"/*.txt
}

check_stages() { # FUNCTION
  local each=$1
  rm -rf train held-out
  mkdir train held-out
  split -n l/5 -d --additional-suffix=.txt corpus.txt train/
  split -n l/3 -d --additional-suffix=.txt held-out.txt held-out/
  $each train tok-train --threads 1 --dump-counts '{}.counts' '{}'
  tok-train "${size[@]}" -o tok.json --from-counts train/*.counts
  expect_same one/tok.json tok.json
  $each train tok-encode --threads 1 -t tok.json --documents line -o '{}.tok' '{}'
  lm-train -t tok.json "${model[@]}" -o model train/*.tok
  expect_same one/model model
  $each held-out lm-eval-ppl model --threads 1 --documents line --json -o '{}.json' '{}'
  lm-eval-ppl --merge --json -o report.json held-out/*.json
  expect_same one/report.json report.json
  lm-eval-ppl --merge -o report.txt held-out/02.txt.json held-out/00.txt.json held-out/01.txt.json
  expect_same one/report.txt report.txt
  expect_exit 2 lm-eval-ppl --merge held-out/00.txt.json held-out/01.txt.json held-out/../held-out/00.txt.json
  expect_one_line_stderr "is named twice, also as 'held-out/00.txt.json'"
  expect_exit 2 lm-eval-ppl --merge
  expect_one_line_stderr "no reports; name files"

  # The files are one text in the order in which they are named: another order is another model.
  lm-train -t tok.json "${model[@]}" -o reordered train/0[1-4].txt.tok train/00.txt.tok
  ! cmp -s one/model reordered || fail "the order of the files made no difference"

  # What fails ends the stage with a status, and leaves no file of the part; the stage is then repeated.
  gzip -c train/02.txt | head -c 1000 >cut.gz
  mv cut.gz train/02.txt
  rm train/*.tok
  expect_exit "$2" "$each" train tok-encode --threads 1 -t tok.json --documents line -o '{}.tok' '{}'
  grep -q "tok-encode: .*'train/02.txt'" stderr || fail "no word on the part that failed: $(cat stderr)"
  [ ! -e train/02.txt.tok ] || fail "tokens of a part that failed"
}
check_stages by_xargs 123

command -v parallel >/dev/null || { echo "no GNU parallel: stages were run by xargs only" >&2; exit 0; }
check_stages by_parallel 1

# On machines that share the folder; here both are this one. A log lets parallel repeat what failed, and nothing else.
rm -f train/*.tok
log=(--joblog log --workdir . -S 1/: -S 1/:)
expect_exit 1 parallel "${log[@]}" tok-encode --threads 1 -t tok.json --documents line -o '{}.tok' '{}' ::: train/*.txt
split -n l/5 -d --additional-suffix=.txt corpus.txt train/
touch before
sleep 0.01
parallel "${log[@]}" --resume-failed tok-encode --threads 1 -t tok.json --documents line -o '{}.tok' '{}' ::: train/*.txt
[ "$(find train -name '*.tok' -newer before | wc -l)" = 1 ] || fail "what had been done was done again"
lm-train -t tok.json "${model[@]}" -o model train/*.tok
expect_same one/model model
