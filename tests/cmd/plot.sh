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

# A signal that ends it leaves nothing in $TMPDIR.
mkdir ended
# shellcheck disable=SC2016 # variables of the script
printf '#!/bin/sh\nkill -s "$SIGNAL" "$PPID"\n' >ended/gnuplot
chmod +x ended/gnuplot
for signal in HUP INT TERM; do
  expect_exit $((128 + $(kill -l $signal))) env SIGNAL=$signal PATH="$PWD/ended:$PATH" "$plot" plain.jsonl
  [ -z "$(find "$TMPDIR" -name 'lm-plot.*')" ] || fail "SIG$signal leaves $(find "$TMPDIR" -name 'lm-plot.*')"
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

# Names and titles are drawn as they are: to awk and the shell's echo some of them would say something else, and to gnuplot others.
# shellcheck disable=SC1003,SC2016 # as they are
names=('lr=0.001' 'run\c1=p' '-p' "it's" 'a `touch pwned` "#{@b' 'end\')
for name in "${names[@]}"; do cp fast.jsonl "./$name.jsonl"; done
expect_exit 0 "$plot" -o names.svg -t $'x\n!touch pwned\n#\\n!touch pwned\\n#' -- "${names[@]/%/.jsonl}" 'C:\new=fast.jsonl' \
  $'two\nlines=fast.jsonl' </dev/null
expect_silence
well_formed names.svg
[ "$(curves names.svg)" = '8 8 8' ] || fail "curves of names: $(curves names.svg)"
for text in "${names[@]}" 'C:\new' 'two lines' 'x !touch pwned #\n!touch pwned\n#'; do
  grep -qF ">$text</tspan>" names.svg || grep -qF ">$text<" names.svg || fail "'$text' is not in the picture"
done
[ ! -e pwned ] || fail "a name or a title was run"
expect_exit 1 "$plot" 'a\nb.jsonl'
expect_one_line_plot 'cannot read .a\\nb.jsonl'

# Wherever the script and its temporary files are.
mkdir "it's a" "it's a/t\\new"
cp -r "$LM_SOURCE"/share/lm/* "it's a"
expect_exit 0 env TMPDIR="$PWD/it's a/t\\new" "it's a/plot.sh" -o folders.svg plain.jsonl
expect_silence
expect_same plain.svg folders.svg

# The picture appears whole or not at all, and never in place of what it is drawn from.
expect_exit 1 "$plot" -o nodir/x.svg plain.jsonl
expect_one_line_plot "cannot write 'nodir/x.svg'"
expect_exit 1 "$plot" -o again plain.jsonl
expect_one_line_plot "cannot write 'again'.*folder"
cp plain.jsonl kept
ln -s plain.jsonl linked.jsonl
for output in plain.jsonl ./plain.jsonl linked.jsonl; do
  expect_exit 2 "$plot" -o "$output" fast.jsonl plain.jsonl
  expect_one_line_plot "-o names the file of metrics 'plain.jsonl'"
done
expect_same plain.jsonl kept
echo old >target.svg
ln -s target.svg link.svg
ln target.svg other.svg
expect_exit 0 "$plot" -o link.svg plain.jsonl
expect_same target.svg plain.svg
[ -L link.svg ] || fail "the link is replaced"
[ "$(cat other.svg)" = old ] || fail "written over what was there"
expect_exit 0 "$plot" -o /dev/stdout plain.jsonl
expect_same stdout plain.svg
[ -z "$(find . -name '*.tmp')" ] || fail "left: $(find . -name '*.tmp')"

echo '{"step":1,"tokens":1000}' >bare.jsonl
expect_exit 1 "$plot" bare.jsonl
expect_one_line_plot "nothing to draw"

echo '{"step":0,"tokens":0,"loss":5,"tokens_per_second":100}' | cat - plain.jsonl >zero.jsonl
expect_exit 0 "$plot" -x time zero.jsonl

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
