# make scaling in small: a sweep, its tables and pictures; begun again it repeats nothing that is done.
need tok-train tok-encode lm-train lm-plot awk
cat "$LM_SOURCE"/man/lm*.1 >text
export TEXT=$PWD/text SIZES='1x8 1x16 1x32' BUDGETS=3 STEPS=80 VOCABULARY=400 OPTIONS='--context 32 --batch 4'
# From a folder with a name that shells need in quotes.
mkdir "it's"
cp -r "$LM_SOURCE"/share/lm/* "it's"
scaling="it's/scaling.sh"
expect_exit 0 "$scaling" study
command -v gnuplot >/dev/null && expect_silence

[ "$(wc -l <study/runs)" = 9 ] || fail "$(wc -l <study/runs) runs"
[ "$(cut -f 2 study/runs | sort -nu | tr '\n' ' ')" = '20 40 80 ' ] || fail "steps: $(cut -f 2 study/runs | sort -nu)"
# Parameters, tokens and compute are lm-train's.
dry_run=$(lm-train -t study/tok.json --layers 1 --channels 32 --context 32 --batch 4 --steps 80 --dry-run --json study/train.tok)
awk -F '\t' '$1 == "1x32" && $2 == 80 { printf "%d %d %.4g", $3, $4, $5 }' study/runs >seen
echo "$dry_run" | sed -E 's/.*"parameters":([0-9]+).*"flops_per_step":([0-9.e+]+).*"tokens_per_step":([0-9]+).*/\1 \2 \3/' |
  awk '{ printf "%d %d %.4g", $1, 80 * $3, 80 * $2 }' >expected
expect_same seen expected
# A loss is the one that a training run by itself ends with.
lm-train -t study/tok.json --layers 1 --channels 16 --context 32 --batch 4 --steps 40 --valid study/held-out.tok --valid-every 0 \
  --metrics alone -o /dev/null study/train.tok
loss=$(awk -F '\t' '$1 == "1x16" && $2 == 40 { print $6 }' study/runs)
tail -n 1 alone | grep -qF "\"val_loss\":$loss," || fail "loss $loss instead of $(tail -n 1 alone)"
# Nothing of the text is lost between the part that is trained on and the part that is not.
cat study/train.txt study/held-out.txt | cmp - text || fail "the two parts are not the text"

for law in parameters tokens compute; do
  grep -q "^== Loss against $law" stdout || fail "no law of $law"
  # a, E and A of each row are the law's; nan if the points determine none.
  awk -F '\t' 'NR == 1 { if ($10 != "E") exit 1 } NR > 1 && $10 != "nan" && !($10 >= 0) { exit 1 }' study/$law.law || fail "E < 0"
  [ "$(awk -F '\t' 'NR > 1 && $6 == 1' study/$law.law | wc -l)" = "$(wc -l <study/$law.points)" ] || fail "other points than $law.points"
  [ "$(wc -l <study/$law.tsv)" = 10 ] || fail "not all runs are drawn: $(cat study/$law.tsv)"
done
for law in parameters tokens; do [ "$(wc -l <study/$law.points)" = 3 ] || fail "not three points of $law"; done
# On the compute hull every slope is gentler than the one before, and no run lies below.
awk '{ x = log($1); y = log($2) }
  NR > 1 { slope = (y - before_y) / (x - before_x); if (slope >= 0 || (NR > 2 && slope <= last)) exit 1; last = slope }
  { before_x = x; before_y = y }' study/compute.points || fail "no lower hull: $(cat study/compute.points)"
awk 'NR == FNR { x[NR] = log($1); y[NR] = log($2); n = NR; next }
  { for (i = 1; i < n; i++) if (log($5) >= x[i] && log($5) <= x[i + 1] &&
      log($6) < y[i] + (y[i + 1] - y[i]) * (log($5) - x[i]) / (x[i + 1] - x[i]) - 1e-9) exit 1 }' study/compute.points study/runs ||
  fail "a run lies below the hull"
if command -v gnuplot >/dev/null; then
  # Three sizes or amounts, the law and its points.
  for law in parameters tokens compute; do
    curves=$(grep -c 'id="gnuplot_plot_' study/$law.svg)
    [ "$curves" = $((4 + $(awk -F '\t' 'END { print $10 != "nan" }' study/$law.law))) ] || fail "$curves curves in $law.svg"
  done
  [ -s study/curves.svg ] || fail "no curves of the runs"
fi

# Again: nothing is trained. Without a run's line and with its state: only that one is, from the state.
cp -r study before
expect_exit 0 "$scaling" study
! grep -q 'steps: loss' stdout || fail "trained again: $(grep 'steps: loss' stdout)"
expect_same study/runs before/runs
for metrics in study/*.jsonl; do expect_same "$metrics" "before/$(basename "$metrics")"; done
sed -i '/^1x16	80	/d' study/runs
expect_exit 0 "$scaling" study
[ "$(grep -c 'steps: loss' stdout)" = 1 ] || fail "not one run: $(grep 'steps: loss' stdout)"
sort study/runs >sorted
sort before/runs | expect_same - sorted

# Another study does not mix with it.
STEPS=81 expect_exit 1 "$scaling" study
grep -q "^scaling: 'study' holds another study" stderr || fail "other steps: $(cat stderr)"
SIZES='1x8 2' expect_exit 1 "$scaling" other
grep -q "^scaling: '2' in SIZES" stderr || fail "a size: $(cat stderr)"
STEPS='' TIME=soon expect_exit 1 "$scaling" other
grep -q "^scaling: TIME 'soon'" stderr || fail "a time: $(cat stderr)"
STEPS='' TIME=0.1s expect_exit 1 "$scaling" short
grep -q "^scaling: too short" stderr || fail "too short: $(cat stderr)"
[ ! -e other ] || fail "a folder for nothing"
