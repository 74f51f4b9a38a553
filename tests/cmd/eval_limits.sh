# lm-eval-ppl beside its totals: a second model, calibration, frequency and continuations, through real pipes.
need tok-train tok-encode lm-train lm-eval-ppl

cat "$LM_SOURCE"/man/*.[157] >corpus
split -n l/2 corpus half.
head -n 120 half.ab >text
tok-train --vocab-size 400 -o tok.json half.aa
tok-train --vocab-size 370 -o other.json half.aa
tok-encode -t tok.json --documents separator:$'\n.Sh' -o train.tok half.aa
tok-encode -t other.json --documents separator:$'\n.Sh' -o other.tok half.aa
train() {
  lm-train -q -t "$2" --layers 1 --channels 32 --heads 2 --context "$4" --batch 8 --steps "$5" -o "$1" "$3"
}
train model tok.json train.tok 32 40
train early tok.json train.tok 24 3
train other other.json other.tok 32 20

# value KEY: the first number of that name in the JSON on standard input.
value() {
  grep -o "\"$1\":[^,}]*" | sed -n 1p | sed 's/^[^:]*://'
}
# number KEY: the same inside the comparison.
number() {
  sed 's/.*"comparison"://' json | value "$1"
}
holds() {
  awk "BEGIN { exit !($1) }" || fail "$1 does not hold: $(cat json)"
}

# The better of two models with one tokenizer wins, on windows of the shorter context, and each direction is the other's mirror.
lm-eval-ppl model --against early --documents line --json text >json
grep -q '"protocol":"context 24 stride 12"' json || fail "protocol: $(cat json)"
grep -q '"name":"model","against":"early","comparison":{"tokens":' json || fail "$(cat json)"
[ "$(number over)" = '"documents"' ] || fail "over: $(cat json)"
holds "$(number difference) < 0 && $(number low) < $(number difference) && $(number difference) < $(number high)"
holds "$(number high) < 0 && $(number wins) > 0.5 && $(number kl) > 0 && $(number agreement) < 1"
kl=$(number kl) difference=$(number difference)
lm-eval-ppl early --against model --documents line --json - <text >json
holds "$(number kl_reverse) - $kl < 1e-5 && $kl - $(number kl_reverse) < 1e-5"
holds "$(number difference) + $difference < 1e-6 && $(number difference) + $difference > -1e-6"
lm-eval-ppl model --against early --documents line --json --threads 1 text >one
lm-eval-ppl model --against early --documents line --json --threads 2 text | cmp - one

# Its difference is that of two runs.
loss() {
  lm-eval-ppl "$1" --context 24 --documents line --json text | value loss
}
holds "$(loss model) - $(loss early) - $difference < 1e-6 && $(loss model) - $(loss early) - $difference > -1e-6"

# Against itself: nothing.
lm-eval-ppl model --against model --documents line --json text >json
[ "$(number difference) $(number kl) $(number agreement) $(number wins)" = '0.0 0.0 1.0 0.5' ] || fail "itself: $(cat json)"

# Another tokenizer: bits per byte only.
lm-eval-ppl model --against other --documents line --json text >json
[ "$(number kl) $(number unit)" = 'null "bits a byte"' ] || fail "$(cat json)"
per_byte() {
  lm-eval-ppl "$1" --documents line --json text | value bits_per_byte
}
holds "$(per_byte model) - $(per_byte other) - $(number difference) < 1e-9 && $(per_byte model) - $(per_byte other) - $(number difference) > -1e-9"
expect_exit 1 lm-eval-ppl model --against other train.tok
expect_one_line_stderr "'other'"

# Each document's row, in a table and in JSON; and lines for people.
lm-eval-ppl model --against early --documents line --level document --tsv --header text >rows
[ "$(head -1 rows)" = $'perplexity\tnats\ttokens\twords\tbytes\tdocument\tagainst_nats\tdifference\tkl\tagreement' ] || fail "$(head -1 rows)"
awk -F'\t' 'NR > 1 && $3 > 0 && ($2 - $7) / $3 - $8 > 1e-6 { exit 1 }' rows || fail "differences: $(head -3 rows)"
lm-eval-ppl model --against other --documents line --level document --json text >rows
sed -n 1p rows >json
grep -q '"against_nats":[^,]*,"difference":[^,]*}$' json || fail "$(cat json)"
lm-eval-ppl model --against early --documents line text >report
for line in '^against  *early$' '^difference  *-.* nats a token$' '^95 % interval  *-.* to -.*, over [0-9]* documents$' \
  '^wins  *[01]\.[0-9]* of the documents$' '^KL  ' '^agreement  '; do
  grep -q "$line" report || fail "no $line in $(cat report)"
done
head -c 3000 text | lm-eval-ppl model --against early >report
grep -q '^95 % interval .*over [0-9]* blocks of windows$' report || fail "no blocks: $(cat report)"

# Calibration, frequency and continuations, in the same pass; streams may come through a pipe.
lm-eval-ppl model --calibration --continuations --by-frequency train.tok --against early --json text >json
[ "$(grep -o '"mean_p":' json | wc -l)" -gt 15 ] || fail "no bins: $(cat json)"
holds "$(value expected_calibration_error <json) < 0.5 && $(value open <json) <= 1"
[ "$(sed 's/.*"frequency"://' json | grep -o '"tokens":[0-9]*' | sed '$d' | awk -F: '{ sum += $2 } END { print sum }')" = "$(value tokens <json)" ] ||
  fail "the buckets do not hold all tokens: $(cat json)"
lm-eval-ppl model --by-frequency - --json text <train.tok >piped
lm-eval-ppl model --by-frequency train.tok --json text | cmp - piped
# Twice the same stream is twice the counts.
lm-eval-ppl model --by-frequency train.tok --by-frequency train.tok --json text | cmp -s - piped && fail "the second stream does not count"
lm-eval-ppl model --level token --continuations --tsv --header text >rows
head -1 rows | grep -q $'likeliest_piece\teffective\tlikely$' || fail "columns: $(head -1 rows)"
lm-eval-ppl model --calibration --by-frequency train.tok --continuations text >report
for line in '^calibration  *0\.[0-9]* expected error$' '^by frequency  ' '^  1000-9999  ' '^entropy  ' '^effective  ' '^open  '; do
  grep -q "$line" report || fail "no $line in $(cat report)"
done

# Refusals.
expect_exit 1 lm-eval-ppl model --by-frequency other.tok text
expect_one_line_stderr "other.tok"
expect_exit 1 lm-eval-ppl model --by-frequency text text
expect_exit 1 lm-eval-ppl model --against text text
expect_exit 1 lm-eval-ppl model --against early --context 32 text
expect_one_line_stderr "'early'"
expect_exit 2 lm-eval-ppl model --against early --level token text
expect_exit 2 lm-eval-ppl model --calibration --level document text
expect_exit 2 lm-eval-ppl model --calibration --tsv text
expect_exit 2 lm-eval-ppl model --continuations --level document text
expect_exit 2 lm-eval-ppl model --by-frequency - text -
expect_exit 2 lm-eval-ppl model --against early --merge one
lm-train -q -t tok.json --objective masked --layers 1 --channels 16 --heads 1 --context 16 --batch 2 --steps 1 -o masked train.tok
for option in '--against model' --calibration --continuations '--by-frequency train.tok'; do
  # shellcheck disable=SC2086 # an option and its value
  expect_exit 2 lm-eval-ppl masked $option text
  expect_one_line_stderr "${option%% *}"
done
expect_exit 1 lm-eval-ppl model --against masked text
expect_one_line_stderr "'masked'"
expect_exit 2 lm-eval-ppl model --infilling --calibration text
