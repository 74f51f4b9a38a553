# The picture of metrics: well-formed SVG with a curve for each run and what it has, and errors that say what is wrong.
need lm-plot awk

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
  grep -q "^lm-plot: .*$1" stderr || fail "not '$1': $(cat stderr)"
}

# Without gnuplot the message says what to install.
mkdir tools
ln -s "$(command -v lm-plot)" tools/lm-plot
expect_exit 1 env PATH="$PWD/tools" lm-plot -o none.svg plain.jsonl
expect_one_line_plot "cannot run 'gnuplot'.*gnuplot-nox"
[ ! -e none.svg ] || fail "a picture without gnuplot"
printf '#!/bin/sh\necho >&2\necho "line 3: it is broken" >&2\nexit 1\n' >tools/gnuplot
chmod +x tools/gnuplot
expect_exit 1 env PATH="$PWD/tools:$PATH" lm-plot -o none.svg plain.jsonl
expect_one_line_plot "gnuplot cannot draw the picture: line 3: it is broken"
rm tools/gnuplot

# Characters and numbers need no gnuplot.
expect_exit 0 env PATH="$PWD/tools" COLUMNS=60 lm-plot --text plain.jsonl watched.jsonl
expect_silence
[ "$(wc -L <stdout)" = 60 ] || fail "not 60 columns wide, but $(wc -L <stdout)"
for text in 'loss (nats per token)' 'held out (bits per byte)' 'learning rate' 'steps' '[*] plain' 'watched, held out'; do
  grep -q "$text" stdout || fail "no '$text' in the characters: $(cat stdout)"
done
expect_exit 0 env PATH="$PWD/tools" lm-plot --data watched.jsonl
awk -F '\t' 'NR == 1 && $5 != "loss" { exit 1 } NR > 1 && $5 != "nan" { n++ } NR > 1 && $9 != "nan" { v++ } END { exit n != 100 || v != 6 }' stdout ||
  fail "not 100 stretches and 6 validations: $(head -n 3 stdout)"
# 300 steps in 100 stretches: the first is the mean of three, and lasts 3000 tokens at 500 a second.
sed -n 2p stdout | awk -F '\t' '{ l = $5 - (2 + 5 * (1 + 1 / 2 + 1 / 3) / 3); exit !($2 == 3 && $3 == 3000 && $4 == 6 && l * l < 1e-10) }' ||
  fail "the first stretch: $(sed -n 2p stdout)"
expect_exit 0 lm-plot --data --json watched.jsonl
[ "$(head -n 1 stdout | cut -c 1-38)" = '{"run":"watched","step":3,"tokens":300' ] || fail "JSON: $(head -n 1 stdout)"
grep -q '"val_loss":null' stdout || fail "what is missing is not null"

# A signal that ends it leaves nothing in $TMPDIR.
mkdir ended
# shellcheck disable=SC2016 # variables of the script
printf '#!/bin/sh\nkill -s "$SIGNAL" "$PPID"\n' >ended/gnuplot
chmod +x ended/gnuplot
for signal in HUP INT TERM; do
  expect_exit $((128 + $(kill -l $signal))) env SIGNAL=$signal PATH="$PWD/ended:$PATH" lm-plot plain.jsonl
  [ -z "$(ls -A "$TMPDIR")" ] || fail "SIG$signal leaves $(ls -A "$TMPDIR")"
done
need gnuplot

well_formed() {
  tail -n 2 "$1" | grep -qx '</svg>' || fail "'$1' has no end"
  command -v python3 >/dev/null || return 0
  python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' "$1" || fail "'$1' is not well-formed"
}
# curves FILE: how many a picture has, as its first panel's, its second's and so on.
curves() { grep -o 'id="gnuplot_plot_[0-9]*[a-z]*' "$1" | sed 's/.*[0-9]//' | sort | uniq -c | awk '{ printf "%s%d", sep, $1; sep = " " }'; }

# The loss has a curve for the run and one for its validations; then bits per byte, rate and speed.
metrics 1 300 500 yes | lm-plot -o piped.svg
well_formed piped.svg
expect_exit 0 lm-plot -o both.svg 'one <&> "two"=watched.jsonl' plain.jsonl
expect_silence
well_formed both.svg
[ "$(curves both.svg)" = '3 1 2 2' ] || fail "curves: $(curves both.svg)"
grep -q '>steps<' both.svg || fail "no title of the axis"
grep -q 'one &lt;&amp;> "two", held out' both.svg || fail "the name is not there as it was given"
lm-plot plain.jsonl >plain.svg
well_formed plain.svg
[ "$(curves plain.svg)" = '1 1 1' ] || fail "curves without a validation: $(curves plain.svg)"
lm-plot -y norm,loss -x tokens -t "it's a title" plain.jsonl watched.jsonl >chosen.svg
well_formed chosen.svg
[ "$(curves chosen.svg)" = '2 3' ] || fail "curves asked for: $(curves chosen.svg)"
grep -q "it's a title" chosen.svg || fail "no title"
grep -q '>thousand tokens<' chosen.svg || fail "no tokens"

# 200 steps of 1000 tokens at 100 a second are 33 minutes; 300 at 500 a second are 600 seconds.
lm-plot -x time -y loss plain.jsonl >time.svg
grep -q '>minutes<' time.svg || fail "no minutes"
metrics 1 90 1000 >fast.jsonl
lm-plot -x time -y loss fast.jsonl >fast.svg
grep -q '>seconds<' fast.svg || fail "no seconds"

# A run that went back to an earlier state, and was killed amid a line, before that too: what it wrote last counts.
{ metrics 1 150 100 && printf '{"step":151,"tok' && metrics 101 200 100 && printf '{"step":201,"tokens":201000,"lo'; } >plain.again
mkdir again && mv plain.again again/plain.jsonl
lm-plot again/plain.jsonl >again.svg
expect_same plain.svg again.svg

# What lm-train itself writes.
if command -v lm-train >/dev/null; then
  head -c 20000 "$LM_SOURCE/README.md" | tee text | tok-train --vocab-size 400 -o tok.json
  tok-encode -t tok.json -o tokens text
  lm-train -t tok.json --layers 1 --channels 16 --context 16 --batch 2 --steps 8 --objective causal:0.5,prefix:0.5 \
    --valid-fraction 0.2 --valid-every 4 --metrics real.jsonl -o /dev/null tokens
  expect_exit 0 lm-plot -o real.svg real.jsonl
  expect_silence
  well_formed real.svg
  [ "$(curves real.svg)" = '2 1 1 1' ] || fail "curves of a real run: $(curves real.svg)"
fi

# Names and titles are drawn as they are: to awk and the shell's echo some of them would say something else, and to gnuplot others.
# shellcheck disable=SC1003,SC2016 # as they are
names=('lr=0.001' 'run\c1=p' '-p' "it's" 'a `touch pwned` "#{@b' 'end\')
for name in "${names[@]}"; do cp fast.jsonl "./$name.jsonl"; done
expect_exit 0 lm-plot -o names.svg -t $'x\n!touch pwned\n#\\n!touch pwned\\n#' -- "${names[@]/%/.jsonl}" 'C:\new=fast.jsonl' \
  $'two\nlines=fast.jsonl' </dev/null
expect_silence
well_formed names.svg
[ "$(curves names.svg)" = '8 8 8' ] || fail "curves of names: $(curves names.svg)"
for text in "${names[@]}" 'C:\new' 'two lines' 'x !touch pwned #\n!touch pwned\n#'; do
  grep -qF ">$text</tspan>" names.svg || grep -qF ">$text<" names.svg || fail "'$text' is not in the picture"
done
[ ! -e pwned ] || fail "a name or a title was run"
expect_exit 1 lm-plot 'a\nb.jsonl'
expect_one_line_plot 'cannot open .a\\nb.jsonl'

# The picture appears whole or not at all, and never in place of what it is drawn from.
expect_exit 1 lm-plot -o nodir/x.svg plain.jsonl
expect_one_line_plot "'nodir/x.svg'"
expect_exit 1 lm-plot -o again plain.jsonl
expect_one_line_plot "'again'.*directory"
expect_exit 2 lm-plot -o x.pdf plain.jsonl
expect_one_line_plot "SVG (.svg) or PNG (.png)"
expect_exit 0 lm-plot -o picture.png plain.jsonl
[ "$(head -c 4 picture.png | tail -c 3)" = PNG ] || fail "no PNG: $(head -c 20 picture.png)"
cp plain.jsonl kept
ln -s plain.jsonl linked.jsonl
for output in plain.jsonl ./plain.jsonl linked.jsonl; do
  expect_exit 2 lm-plot -o "$output" fast.jsonl plain.jsonl
  expect_one_line_plot "plain.jsonl'"
done
expect_same plain.jsonl kept
echo old >target.svg
ln -s target.svg link.svg
ln target.svg other.svg
expect_exit 0 lm-plot -o link.svg plain.jsonl
expect_same target.svg plain.svg
[ -L link.svg ] || fail "the link is replaced"
[ "$(cat other.svg)" = old ] || fail "written over what was there"
expect_exit 0 lm-plot -o /dev/stdout plain.jsonl
expect_same stdout plain.svg
[ -z "$(find . -name '*.tmp')" ] || fail "left: $(find . -name '*.tmp')"

echo '{"step":1,"tokens":1000}' >bare.jsonl
expect_exit 1 lm-plot bare.jsonl
expect_one_line_plot "nothing to draw"

echo '{"step":0,"tokens":0,"loss":5,"tokens_per_second":100}' | cat - plain.jsonl >zero.jsonl
expect_exit 0 lm-plot -x time zero.jsonl

echo 'no metrics' >text.jsonl
expect_exit 1 lm-plot plain.jsonl text.jsonl
expect_one_line_plot "cannot read 'text.jsonl, line 1'.*found 'no metrics'"
expect_exit 1 lm-plot --kind metrics text.jsonl
expect_one_line_plot "cannot read 'text.jsonl, line 1'"
{ metrics 1 3 100 && echo '{"step":4,"tok}' && metrics 5 6 100; } >bad.jsonl
expect_exit 1 lm-plot bad.jsonl
expect_one_line_plot "bad.jsonl, line 4"
echo '{"step":"one","tokens":1}' >word.jsonl
expect_exit 1 lm-plot word.jsonl
expect_one_line_plot "expected a number for 'step' in 'word.jsonl, line 1'"
echo '{"some":"thing"}' >other.jsonl
expect_exit 1 lm-plot other.jsonl
expect_one_line_plot "nothing to draw in 'other.jsonl, line 1'"
: >empty.jsonl
expect_exit 1 lm-plot empty.jsonl
expect_one_line_plot "'empty.jsonl': it is empty"
[ ! -s stdout ] || fail "half a picture"
expect_exit 1 lm-plot absent.jsonl
expect_one_line_plot "cannot open 'absent.jsonl'"
expect_exit 1 lm-plot -y bits plain.jsonl
expect_one_line_plot "no run has what -y bits draws"
expect_exit 2 lm-plot -y colour plain.jsonl
expect_one_line_plot "unknown quantity 'colour'"
expect_exit 2 lm-plot -y perplexity plain.jsonl
expect_one_line_plot "not of metrics"
expect_exit 2 lm-plot -x hours plain.jsonl
expect_exit 2 lm-plot -z plain.jsonl
expect_one_line_plot "-z"
expect_exit 1 lm-plot -o x.svg </dev/null
expect_one_line_plot "'standard input': it is empty"
expect_exit 2 lm-plot --text --data plain.jsonl
expect_exit 2 lm-plot --json plain.jsonl
[ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls "$TMPDIR")"
