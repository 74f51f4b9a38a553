# The fit of lm-plot finds the law that points were made of.
need lm-plot awk
# Prints a, E, A, the root of the mean squared residual, and the least and greatest a and E with one point left out; then
# "x L fitted residual" for each point.
fit() {
  lm-plot --kind scaling --data - | awk -F '\t' -v OFS='\t' '
    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    NR == 2 { print $at["a"], $at["E"], $at["A"], $at["rms"], $at["a_low"], $at["a_high"], $at["E_low"], $at["E_high"] }
    { print $at["x"], $at["loss"], $at["law"], $at["residual"] }'
}
# points E A a COUNT FIRST FACTOR NOISE: on the law, with noise of about that relative size, of a fixed generator.
points() {
  awk -v E="$1" -v A="$2" -v a="$3" -v count="$4" -v x="$5" -v factor="$6" -v noise="$7" 'BEGIN {
    state = 7
    for (i = 0; i < count; i++) {
      deviate = 0
      for (j = 0; j < 12; j++) { state = (state * 16807) % 2147483647; deviate += state / 2147483647 }
      printf "%.12g %.12g\n", x, (E + A * x ^ -a) * (1 + noise * (deviate - 6))
      x *= factor
    }
  }'
}
# near WHAT GOT EXPECTED TOLERANCE
near() {
  awk -v got="$2" -v expected="$3" -v tolerance="$4" 'BEGIN { exit !(got - expected <= tolerance && expected - got <= tolerance) }' ||
    fail "$1 is $2 instead of $3 within $4"
}
# expect E a E_TOLERANCE a_TOLERANCE: of the fit of standard input.
expect() {
  fit >fitted
  read -r a E _ <fitted
  near E "$E" "$1" "$3"
  near a "$a" "$2" "$4"
}

# Without noise to five digits: printed values have six. Ranges as of compute, tokens and parameters.
points 1.7 500 0.25 6 1e12 4 0 | expect 1.7 0.25 2e-5 3e-6
points 0.9 30 0.1 5 1e5 2 0 | expect 0.9 0.1 1e-4 1e-5
points 2.5 4000 0.7 4 3e4 2.5 0 | expect 2.5 0.7 3e-5 1e-5
points 1.2 9 0.3 3 100 3 0 | expect 1.2 0.3 2e-5 3e-6
# No floor: E is 0, not a small or negative number.
points 0 20 0.12 6 1e4 3 0 | expect 0 0.12 0 2e-6
[ "$(cut -f 2 fitted | head -n 1)" = 0 ] || fail "E is $(cut -f 2 fitted | head -n 1)"
# Points whose best floor were below zero: the curve falls ever faster. E stays at its border.
awk 'BEGIN { for (x = 1; x < 100; x *= 2) print x, 5 - 0.9 * log(x) }' | fit >fitted
[ "$(cut -f 2 fitted | head -n 1)" = 0 ] || fail "E of a line over log x is $(cut -f 2 fitted | head -n 1)"

# With noise of 0.3 %: within four times the scatter of a hundred draws, which is 0.0025 in a and 0.0073 in E.
points 1.5 200 0.4 8 1e4 3 0.003 | expect 1.5 0.4 0.03 0.01
read -r a E _ rms a_low a_high E_low E_high <fitted
near 'the residual' "$rms" 0.0025 0.0015
awk -v a="$a" -v low="$a_low" -v high="$a_high" -v E="$E" -v E_low="$E_low" -v E_high="$E_high" \
  'BEGIN { exit !(low < a && a < high && E_low < E && E < E_high) }' || fail "$a and $E are not within what leaving out one gives"
# A line for each point, whose residual is log(L / fitted).
[ "$(tail -n +2 fitted | wc -l)" = 8 ] || fail "not eight residuals"
tail -n +2 fitted | awk '{ r = log($2 / $3); if (r - $4 > 2e-6 || $4 - r > 2e-6) exit 1; sum += $4 * $4 } END { print sqrt(sum / NR) }' >root
near 'the root of the mean square' "$(cat root)" "$rms" 1e-6

# Two different x determine no law: there are points, and why there is no law.
printf '1 2\n2 1.5\n2 1.6\n' >two
fit <two >fitted
[ "$(head -n 1 fitted)" = "$(printf 'nan\tnan\tnan\tnan\tnan\tnan\tnan\tnan')" ] || fail "a law of two points: $(cat fitted)"
lm-plot --text two | grep -q '^2 different x; three or more determine a law' || fail "two points: $(lm-plot --text two)"
printf '1 2\n2 -1\n3 4\n' >negative
expect_exit 1 lm-plot --data negative
expect_one_line_stderr "loss -1 in 'negative, line 2' are not two positive numbers"

# JSON lines and a table with names give the same as plain numbers; what is not to be fitted is left out, and its law is given.
points 1.5 200 0.4 8 1e4 3 0.003 >plain
awk '{ printf "{\"x\":%s,\"loss\":%s}\n", $1, $2 }' plain >lines.jsonl
{ printf 'tokens\tloss\trun\tseries\tfitted\n' && awk -v OFS='\t' '{ print $1, $2, "r" NR, "s", 1 } END { print 5, 50, "out", "s", 0 }' plain; } >named.tsv
for form in plain lines.jsonl named.tsv; do lm-plot --data "$form" | awk -F '\t' 'NR == 2 { print $9, $10, $11, $12, $13 }'; done >laws
[ "$(sort -u laws | wc -l)" = 1 ] || fail "forms of one table give other laws: $(cat laws)"
lm-plot --data named.tsv | awk -F '\t' '$2 == "out" && $6 == 0 && $7 > 50 && $8 == "nan" { found = 1 } END { exit !found }' ||
  fail "what is not fitted: $(lm-plot --data named.tsv)"
lm-plot --text named.tsv >chart
grep -q '^L(x) = E + A x^-a with a = 0\.399, E = 1\.496' chart || fail "no law: $(cat chart)"
grep -q 'tokens' chart || fail "no name of the axis: $(cat chart)"
! grep -q ' out$' chart || fail "what is not fitted is in the table: $(cat chart)"
