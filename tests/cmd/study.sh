# make study in small: the text, the models, their answers and the page; begun again it repeats nothing that is done.
need tok-train tok-encode lm-train lm-eval-ppl lm-sample lm-plot awk
cp -r "$LM_SOURCE"/share/lm "it's"
study="it's/study.sh"
cat "$LM_SOURCE"/man/lm*.[17] >text
printf '\nThe capital of France is the city of light, says an entry that is too near to an item.\n%0500d\n' 0 >>text
printf '\nParis lies on the Seine, in France.\n\n' >>text
export TEXT=$PWD/text STEPS=40 SIZES='1x16 1x32 2x32' SUMS=1x32 VOCABULARY=400 OPTIONS='--context 64'
# KenLM's programs in small: a token's score is its number, an end of line's would spoil all.
mkdir kenlm
printf '#!/bin/sh\nwc -l\n' >kenlm/lmplz
cat >kenlm/query <<'END'
#!/bin/sh
awk '{ for (i = 1; i <= NF; i++) printf "%s=%d 1 -%s\t", $i, i, $i / 100; printf "</s>=2 1 -%d\tTotal: 1 OOV: 0\n", NR * 1000 }'
echo 'Perplexity including OOVs: 1'
END
chmod +x kenlm/*
expect_exit 0 env KENLM=kenlm "$study" out
expect_silence

# Nothing of the test is in the text, and the arithmetic is right and in it.
sed -E 's/.*"context":"(([^"\\]|\\.)*)".*/\1/' "$LM_SOURCE"/share/lm/probes/*.jsonl >contexts
[ "$(wc -l <contexts)" = "$(wc -l <out/items.tsv)" ] || fail "$(wc -l <out/items.tsv) items"
! grep -qFf contexts out/text.jsonl || fail "an item is in the text: $(grep -m 1 -Ff contexts out/text.jsonl | head -c 300)"
awk -F '\t' '$1 == "text" && $4 > 0 { found = 1 } END { exit !found }' out/sources.tsv ||
  fail "the entry with an item was not left out"
sed 's/\\n/\n/g; s/.*:"//; s/"}//' out/text.jsonl | sed -nE 's/^([0-9]+) \+ ([0-9]+) = ([0-9]+)\.$/\1 \2 \3/p' >statements
awk '$1 + $2 != $3 { exit 1 } END { exit NR < 20 }' statements || fail "sums: $(head -n 3 statements)"
sort out/train.jsonl out/held-out.jsonl >parts
sort out/text.jsonl | expect_same - parts
# The words that matter.
awk -F '\t' '$3 == "france" && $4 == "paris" && $7 >= 1 { found = 1 } END { exit !found }' out/facts.tsv ||
  fail "Paris: $(grep paris out/facts.tsv)"
# The accuracies of the page are those of lm-eval-ppl --probes.
[ "$(wc -l <out/runs)" = 6 ] || fail "$(wc -l <out/runs) runs"
lm-eval-ppl out/2x32-40.safetensors --cloze "$LM_SOURCE"/share/lm/probes/*.jsonl --tsv |
  awk -F '\t' '$1 != "" && $2 == "" { printf " %.1f %% |", 100 * $4 } END { print "" }' >expected
bits=$(tail -n 1 out/2x32-40.jsonl | sed -E 's/.*"val_bits_per_byte":([0-9.]+).*/\1/' | awk '{ printf "%.3f", $1 }')
[ "$(grep -cF "| $bits |$(cat expected)" out/study.md)" = 2 ] || fail "no row '$bits |$(cat expected)' in: $(cat out/study.md)"
for kind in arithmetic code common-sense geography law syntax; do
  [ "$(grep -c "^| $kind |" out/study.md)" -ge 1 ] || fail "no $kind"
  for model in unigram 5gram; do grep -q "^| $model | $kind |" out/study.md || fail "no pairs of $kind with the $model"; done
  # Without regard for contexts, half of the items are right.
  awk -F '\t' -v kind=$kind '$2 == kind { n++; sum += $3 } END { exit sum != n / 2 }' out/unigram.items ||
    fail "the unigram of $kind"
done
# A score of KenLM's is the sum over the tokens, in natural logarithms.
sed -n 1p out/questions.ids | awk '{ for (i = 1; i <= NF; i++) sum -= $i / 100; print sum * log(10) }' >expected
sed -n 1p out/5gram.scores | expect_same - expected
# The sums that are asked were not learned.
while read -r a b; do
  ! grep -q "^$a + ${b}[ :]" out/sums-direct.txt out/sums-steps.txt || fail "$a + $b was learned"
done < <(head -n 20 out/sums.held)
sed -E 's/.*, ([0-9]+) \+ ([0-9]+) = ([0-9]+)$/\1 \2 \3/' out/sums-steps.txt |
  awk '$1 + $2 != $3 { exit 1 } END { exit NR != 8100 - 810 }' ||
  fail "the steps: $(head -n 3 out/sums-steps.txt)"
[ "$(grep -c '^| with steps | [0-9]* | [0-9]* | [0-9.]* % | 200 |' out/study.md)" = 2 ] || fail "no sums: $(cat out/sums)"
# Features: pieces are of held-out text, equally many of each part; the page has what --classify finds, and its tokens alone.
sed 's/\\n/ /g; s/\\.//g' out/held-out.jsonl | tr -s ' "' '  ' >held-out.words
cut -f 2 out/pieces.tsv >pieces
[ "$(wc -l <pieces)" -ge 30 ] || fail "$(wc -l <pieces) pieces"
awk 'NF != 6 { exit 1 }' pieces || fail "not six words: $(awk 'NF != 6' pieces)"
while read -r first second _; do
  grep -qF -- "$first $second" held-out.words || fail "'$first $second' is not held out"
done <pieces
[ "$(sort out/pieces.labels | uniq -c | awk '{ print $1 }' | uniq | wc -l)" = 1 ] || fail "parts: $(sort out/pieces.labels | uniq -c)"
[ "$(sort -u out/pieces.labels)" = $'third 1\nthird 2\nthird 3' ] || fail "labels: $(sort -u out/pieces.labels)"
for model in 1x32-causal 1x32-masked 1x32-prefix 1x32-untrained; do
  file=out/$model.safetensors
  [ $model != 1x32-causal ] || file=out/1x32-40.safetensors
  lm-eval-ppl "$file" --classify source out/pieces.jsonl --tsv |
    awk -F '\t' -v name="${model#*-}" 'NR == 1 { printf "| %s | %.1f %% | %.1f to %.1f | 33.3 %% |\n", name, 100 * $4, 100 * $5, 100 * $6 }' >expected
  grep -qFf expected out/study.md || fail "no row '$(cat expected)' in: $(cat out/study.md)"
done
grep -q '^| tokens alone | [0-9.]* % |' out/study.md || fail "no tokens alone"
if command -v gnuplot >/dev/null; then { [ -s out/curves.svg ] && [ -s out/sizes.svg ]; } || fail "no pictures"; fi

# Again: nothing is trained, and the page is the same. Without a run's line and its model, only that one is.
cp -r out before
expect_exit 0 env KENLM=kenlm "$study" out
! grep -q 'bits per byte$\|are right$' stdout || fail "again: $(cat stdout)"
expect_same out/study.md before/study.md
sed -i '/^1x32-40/d' out/runs
rm out/1x32-40.*
expect_exit 0 env KENLM=kenlm "$study" out
[ "$(grep -c 'bits per byte$' stdout)" = 1 ] || fail "not one run: $(cat stdout)"
sort out/runs >sorted
sort before/runs | expect_same - sorted

# Without KenLM it says so.
if ! command -v lmplz >/dev/null; then
  expect_exit 0 "$study" out
  grep -q "^study: no 5-gram: KenLM's programs" stderr || fail "no message: $(cat stderr)"
  grep -q 'In this run there is no 5-gram' out/study.md || fail "not on the page"
fi
# Another study does not mix with it.
STEPS=41 expect_exit 1 "$study" out
grep -q "^study: 'out' holds another study" stderr || fail "other steps: $(cat stderr)"
SIZES='1x8 2' expect_exit 1 "$study" other
grep -q "^study: '2' in SIZES" stderr || fail "a size: $(cat stderr)"
SIZE=huge expect_exit 1 "$study" other
grep -q "^study: SIZE 'huge'" stderr || fail "SIZE: $(cat stderr)"
STEPS='' TIME=soon expect_exit 1 "$study" other
grep -q "^study: TIME 'soon'" stderr || fail "a time: $(cat stderr)"
[ ! -e other ] || fail "a folder for nothing"
