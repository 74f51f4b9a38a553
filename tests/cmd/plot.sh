# The picture of metrics: well-formed SVG with a curve for each run and what it has, and errors that say what is wrong.
plot=$LM_SOURCE/share/lm/plot.sh

# metrics FIRST LAST SPEED [VALIDATIONS]: what lm-train writes, in small.
metrics() {
  awk -v first="$1" -v last="$2" -v speed="$3" -v validations="${4:-}" 'BEGIN {
    for (i = first; i <= last; i++) {
      printf "{\"step\":%d,\"tokens\":%d,\"loss\":%.6f,\"grad_norm\":1.5,\"learning_rate\":%g", i, 1000 * i, 2 + 5 / i, 1e-3 * (1 - i / 1000)
      printf ",\"tokens_per_second\":%g", speed
      if (validations && i % 50 == 0) printf ",\"val_loss\":%.6f,\"val_bits_per_byte\":%.6f", 2.1 + 5 / i, 1 + 2 / i
      print "}"
    }
  }'
}
metrics 1 300 500 yes >watched.jsonl
metrics 1 200 100 >plain.jsonl

expect_one_line_plot() {
  [ "$(wc -l <stderr)" = 1 ] || fail "not one line on stderr: $(cat stderr)"
  grep -q "^plot: .*$1" stderr || fail "not '$1': $(cat stderr)"
}

# Without gnuplot the message says what to install.
mkdir tools
for tool in sh basename dirname mktemp rm; do ln -s "$(command -v $tool)" tools/$tool; done
expect_exit 1 env PATH="$PWD/tools" "$plot" plain.jsonl
expect_one_line_plot "no 'gnuplot'.*gnuplot-nox"
need gnuplot

well_formed() {
  tail -n 2 "$1" | grep -qx '</svg>' || fail "'$1' has no end"
  command -v python3 >/dev/null || return 0
  python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' "$1" || fail "'$1' is not well-formed"
}
# curves FILE: how many a picture has, as its first panel's, its second's and so on.
curves() { grep -o 'id="gnuplot_plot_[0-9]*[a-z]*' "$1" | sed 's/.*[0-9]//' | sort | uniq -c | awk '{ printf "%s%d", sep, $1; sep = " " }'; }

# The loss has a curve for the run and one for its validations; then bits per byte, rate and speed.
expect_exit 0 "$plot" -o both.svg 'one <&> "two"=watched.jsonl' plain.jsonl
expect_silence
well_formed both.svg
[ "$(curves both.svg)" = '3 1 2 2' ] || fail "curves: $(curves both.svg)"
grep -q '>steps<' both.svg || fail "no title of the axis"
grep -q 'one &lt;&amp;> "two", held out' both.svg || fail "the name is not there as it was given"
"$plot" plain.jsonl >plain.svg
well_formed plain.svg
[ "$(curves plain.svg)" = '1 1 1' ] || fail "curves without a validation: $(curves plain.svg)"
"$plot" -y norm,loss -x tokens -t "it's a title" plain.jsonl watched.jsonl >chosen.svg
well_formed chosen.svg
[ "$(curves chosen.svg)" = '2 3' ] || fail "curves asked for: $(curves chosen.svg)"
grep -q "it's a title" chosen.svg || fail "no title"
grep -q '>thousand tokens<' chosen.svg || fail "no tokens"

# 200 steps of 1000 tokens at 100 a second are 33 minutes; 300 at 500 a second are 600 seconds.
"$plot" -x time -y loss plain.jsonl >time.svg
grep -q '>minutes<' time.svg || fail "no minutes"
metrics 1 90 1000 >fast.jsonl
"$plot" -x time -y loss fast.jsonl >fast.svg
grep -q '>seconds<' fast.svg || fail "no seconds"

# A run that went back to an earlier state, and was killed amid a line: what it wrote last counts.
{ metrics 1 150 100 && metrics 101 200 100 && printf '{"step":201,"tokens":201000,"lo'; } >plain.again
mkdir again && mv plain.again again/plain.jsonl
"$plot" again/plain.jsonl >again.svg
expect_same plain.svg again.svg

# What lm-train itself writes.
if command -v lm-train >/dev/null; then
  head -c 20000 "$LM_SOURCE/README.md" | tee text | tok-train --vocab-size 400 -o tok.json
  tok-encode -t tok.json -o tokens text
  lm-train -t tok.json --layers 1 --channels 16 --context 16 --batch 2 --steps 8 --objective causal:0.5,prefix:0.5 \
    --valid-fraction 0.2 --valid-every 4 --metrics real.jsonl -o /dev/null tokens
  expect_exit 0 "$plot" -o real.svg real.jsonl
  expect_silence
  well_formed real.svg
  [ "$(curves real.svg)" = '2 1 1 1' ] || fail "curves of a real run: $(curves real.svg)"
fi

echo 'no metrics' >text.jsonl
expect_exit 1 "$plot" plain.jsonl text.jsonl
expect_one_line_plot "no metrics in 'text.jsonl'"
[ ! -s stdout ] || fail "half a picture"
expect_exit 1 "$plot" absent.jsonl
expect_one_line_plot "cannot read 'absent.jsonl'"
expect_exit 1 "$plot" -y bits plain.jsonl
expect_one_line_plot "no run has what -y bits draws"
expect_exit 2 "$plot" -y colour plain.jsonl
expect_one_line_plot "'colour' is not"
expect_exit 2 "$plot" -x hours plain.jsonl
expect_exit 2 "$plot" -z plain.jsonl
expect_one_line_plot "-z"
expect_exit 2 "$plot"
[ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls "$TMPDIR")"
