# What lm-eval-ppl writes as JSON is recognized and drawn: surprisal, calibration, frequency, comparisons of pairs and reports.
need lm-plot awk

cat >tokens.jsonl <<'EOF'
{"document_id":0,"index":0,"id":5,"piece":"It","start":0,"end":2,"log_p":null,"rank":null}
{"document_id":0,"index":1,"id":6,"piece":" was","start":2,"end":6,"log_p":-0.6931471805599453,"rank":1,"likeliest_piece":" is"}
{"document_id":0,"index":2,"id":7,"piece":"\n'back'","start":6,"end":10,"log_p":-2.772588722239781,"rank":9}
{"document_id":1,"index":0,"id":8,"piece":"#","start":0,"end":1,"log_p":-5.545177444479562,"rank":70}
EOF
cat >words.jsonl <<'EOF'
{"document_id":0,"index":0,"word":"It","start":0,"end":2,"tokens":1,"nats":1.0,"corrected_nats":0.6931471805599453}
{"document_id":0,"index":1,"word":"was","start":3,"end":6,"tokens":1,"nats":1.3862943611198906}
EOF
cat >one.json <<'EOF'
{"documents":2,"loss":2.5,"perplexity":12.2,"calibration":{"bins":[{"count":100,"mean_p":0.1,"accuracy":0.12},{"count":100,"mean_p":0.6,"accuracy":0.5}],"expected_calibration_error":0.06}}
EOF
sed 's/0.12}/0.2}/; s/{"doc/{"model":"other","doc/' one.json >two.json
cat >frequency.json <<'EOF'
{"frequency":[{"from":0,"to":0,"tokens":10,"loss":9.1,"accuracy":0.0,"mean_p":0.01,"expected_calibration_error":0.1},{"from":1,"to":9,"tokens":30,"loss":6.5,"accuracy":0.25,"mean_p":0.2,"expected_calibration_error":0.05},{"from":10,"to":null,"tokens":300,"loss":3.0,"accuracy":0.5,"mean_p":0.45,"expected_calibration_error":0.05}]}
EOF
cat >pairs.jsonl <<'EOF'
{"model":"A","against":"B","comparison":{"tokens":1000,"documents":50,"difference":-0.05,"standard_error":0.01,"low":-0.07,"high":-0.03,"wins":0.6}}
{"model":"C","against":"B","comparison":{"tokens":1000,"documents":50,"difference":0.02,"standard_error":0.01,"low":0.005,"high":0.04}}
EOF
echo '{"documents":50,"tokens":1000,"loss":3,"perplexity":20.1,"bits_per_byte":1.2,"standard_error":0.02,"protocol":"-"}' >small.json
echo '{"documents":50,"tokens":1000,"loss":2,"perplexity":4,"bits_per_byte":0.9,"base":2,"protocol":"-"}' >large.json

# numbers EXPECTED FILE...: the first rows of the numbers, without their header.
numbers() {
  local expected=$1
  shift
  expect_exit 0 lm-plot --data "$@"
  expect_silence
  tail -n +2 stdout | tr '\t' ' ' >rows
  echo "$expected" | expect_same - rows
}
# shellcheck disable=SC1003 # as they are
numbers $'tokens 0 0 It nan\ntokens 0 1  was 1\ntokens 0 2 \\n\'back\' 4\ntokens 1 0 # 8' tokens.jsonl
numbers $'words 0 0 It 1\nwords 0 1 was 2' words.jsonl
# Of several levels the tokens are taken, or the words if only these are in all files; rows of other levels are left out.
{
  echo '{"level":"document","text":"","scores":{"document_id":0,"tokens":0}}'
  sed -n '2s/^{/{"level":"token",/p' tokens.jsonl
  sed 's/^{/{"level":"word",/' words.jsonl
  echo '{"level":"corpus","documents":2,"tokens":1,"loss":2}'
} >levels.jsonl
numbers 'levels 0 1  was 1' levels.jsonl
numbers $'levels 0 0 It 1\nlevels 0 1 was 2\nwords 0 0 It 1\nwords 0 1 was 2' levels.jsonl words.jsonl
numbers $'frequency 0 0 10 9.1 0 0.01 0.1\nfrequency 1 9 30 6.5 0.25 0.2 0.05\nfrequency 10 nan 300 3 0.5 0.45 0.05' frequency.json
numbers $'A B -0.05 0.01 -0.07 -0.03 0.6 1000 50\nC B 0.02 0.01 0.005 0.04 nan 1000 50' pairs.jsonl
# A loss in bits is drawn in nats.
numbers $'small 3 0.02 20.1 1.2 1000 50\nlarge 1.3862943611198906 nan 4 0.9 1000 50' small.json large.json
# Wilson's interval of 12 in 100.
lm-plot --data one.json two.json | cut -f 1-7 | awk 'NR == 2' >rows
printf 'one\t0\t100\t0.1\t0.12\t0.06999\t0.19812\n' >expected
awk -v OFS='\t' '{ $6 = sprintf("%.5f", $6); $7 = sprintf("%.5f", $7); print }' rows | expect_same - expected
lm-plot --data one.json two.json | tail -n 1 | grep -q '^other	1	' || fail "a model's own name: $(lm-plot --data one.json two.json)"

# As characters: the longest bar is the largest surprisal, and what is unscored has none.
expect_exit 0 lm-plot --text tokens.jsonl
awk '{ printf "%d ", gsub(/#/, "#", $0) } END { print "" }' stdout >bars
read -r title none short middle long <bars
if [ "$title $none" != '0 0' ] || [ "$short" = 0 ] || [ $((long - 1)) -le "$middle" ] || [ "$middle" -le "$short" ]; then
  fail "bars: $(cat stdout)"
fi
grep -q '^·was ' stdout || fail "no label: $(cat stdout)"
grep -qF "\\n'back'" stdout || fail "no label: $(cat stdout)"
expect_exit 0 lm-plot --text pairs.jsonl
grep -q '^A - B .*|-*[*]-*| .*-0.050 \[-0.070, -0.030\]$' stdout || fail "no interval: $(cat stdout)"
expect_exit 0 lm-plot --text small.json large.json
grep -q '^small |#* *3.000 \[2.961, 3.039\]$' stdout || fail "no bar: $(cat stdout)"
expect_exit 0 lm-plot --text -y perplexity small.json large.json
grep -q '4.000$' stdout || fail "no perplexity: $(cat stdout)"
expect_exit 0 lm-plot --text one.json two.json
grep -qF '* one, error 0.06' stdout || fail "no key: $(cat stdout)"
expect_exit 0 lm-plot --text frequency.json
[ "$(grep -c '^10+ ' stdout)" = 3 ] || fail "not three panels: $(cat stdout)"
# A report that holds several things is drawn as what is asked for.
expect_exit 0 lm-plot --text --kind comparison one.json
grep -q '^one |#*' stdout || fail "no bar: $(cat stdout)"

# Errors say what is wrong, and in which line.
refused() {
  local expected=$1
  shift
  expect_exit 1 lm-plot --data "$@"
  expect_one_line_stderr "$expected"
  [ ! -s stdout ] || fail "printed something: $(cat stdout)"
}
refused 'together: one is surprisal, the other calibration' tokens.jsonl one.json
refused 'tokens and words are not drawn together' tokens.jsonl words.jsonl
cat tokens.jsonl words.jsonl >mixed.jsonl
refused 'tokens and words are not drawn together' mixed.jsonl
sed -n '1p;$p' levels.jsonl >none.jsonl
refused 'none.jsonl' none.jsonl
{ cat tokens.jsonl && echo '{"document_id":1,"index":1,"id":8,"piece":"x"}'; } >bad.jsonl
refused "expected a number for 'log_p' in 'bad.jsonl, line 5'" bad.jsonl
{ cat tokens.jsonl && echo '{"document_id":1,'; } >bad.jsonl
refused 'bad.jsonl, line 5' bad.jsonl
echo '{"calibration":{"bins":[{"count":1,"mean_p":0.5,"accuracy":7}]}}' >bad.json
refused "a bin in 'bad.json, line 1' has no count >= 0 and accuracy from 0 to 1" bad.json
echo '{"calibration":3}' >bad.json
refused "expected an array for 'bins' in 'bad.json, line 1'" bad.json
echo '{"model":"A","comparison":{"difference":1}}' >bad.json
refused "'against' in 'bad.json, line 1'" bad.json
cat pairs.jsonl small.json >bad.jsonl
refused "'bad.jsonl, line 3' is of another kind" bad.jsonl
refused "no line has 'calibration'" --kind calibration small.json
expect_exit 2 lm-plot --data -x time small.json
expect_one_line_stderr '-x is for metrics, not for comparison'
expect_exit 2 lm-plot --data -y loss one.json
expect_one_line_stderr '-y is for metrics and comparison, not for calibration'
expect_exit 2 lm-plot --data -y norm small.json
expect_one_line_stderr 'not of reports'

need gnuplot
for files in tokens.jsonl words.jsonl 'one.json two.json' frequency.json pairs.jsonl 'small.json large.json'; do
  # shellcheck disable=SC2086 # several names
  expect_exit 0 lm-plot -o picture.svg $files
  expect_silence
  tail -n 2 picture.svg | grep -qx '</svg>' || fail "no picture of $files"
  ! command -v python3 >/dev/null || python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' picture.svg ||
    fail "the picture of $files is not well-formed"
done
lm-plot tokens.jsonl >picture.svg
grep -qF "\\n'back'" picture.svg || fail "no label of a piece"
# A long text is a curve.
awk 'BEGIN { for (i = 0; i < 500; i++) printf "{\"document_id\":0,\"index\":%d,\"piece\":\"a\",\"log_p\":-%d}\n", i, i % 7 }' >long.jsonl
lm-plot long.jsonl >picture.svg
[ "$(grep -c 'id="gnuplot_plot_' picture.svg)" = 1 ] || fail "a long text is no curve"
