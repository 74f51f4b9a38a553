# Every objective trains, validates, resumes after kill -9 and gives the same model for any number of threads, whether layers are
# kept or computed again.
need tok-train tok-encode lm-train

cat "$LM_SOURCE"/man/*.[157] >pages.txt
head -c 60000 pages.txt >corpus.txt
tok-train --vocab-size 500 -o tok.json corpus.txt
head -c 50000 corpus.txt | tok-encode -t tok.json --documents separator:$'.El' -o train.tok -
tail -c 10000 corpus.txt | tok-encode -t tok.json --documents line -o valid.tok -
shape=(--layers 2 --channels 32 --heads 2 --context 48 --batch 4 --steps 60)

# The run's metrics go through a pipe of one page, so it is never more than some 30 steps ahead of what was read from it.
for objective in masked prefix span fim causal:0.5,fim:0.5 causal:0.5,masked:0.5; do
  train() { lm-train -t tok.json "${shape[@]}" --objective "$objective" "$@"; }
  train --threads 2 --valid valid.tok --metrics "metrics-$objective" -o whole train.tok
  grep -q '"val_loss":[0-9]' "metrics-$objective" || fail "no validation of $objective"
  train --threads 1 --recompute layer --valid valid.tok -o one train.tok
  expect_same whole one
  make_gate
  rm -f killed killed.state
  lm-train -t tok.json "${shape[@]}" --objective "$objective" --valid valid.tok --checkpoint-every 0s --metrics gate -o killed train.tok &
  pid=$!
  open_gate
  for _ in $(seq 10); do read -r -u 9 _; done
  kill -9 $pid
  exec 9<&-
  wait $pid && fail "it ended before it was killed"
  lm-train -t tok.json --steps 60 --resume --valid valid.tok -o killed train.tok
  expect_same whole killed
  expect_exit 1 lm-train -t tok.json --steps 70 --resume --valid valid.tok --objective causal -o killed train.tok
  expect_one_line_stderr "--objective was"
done

# A mixture reports each objective apart.
grep -q '"losses":{.*"fim":' metrics-causal:0.5,fim:0.5 || fail "no loss of fim apart"
grep -q '"val_losses":{"causal":[0-9.]*,"fim":[0-9.]*}' metrics-causal:0.5,fim:0.5 || fail "no validation of fim apart"

# What cannot be done is said.
tok-train --vocab-size 300 --no-reserved -o bare.json corpus.txt
tok-encode -t bare.json -o bare.tok corpus.txt
for pair in 'masked <|mask|>' 'fim <|fim_prefix|>' 'span sentinels'; do
  expect_exit 1 lm-train -t bare.json --objective "${pair% *}" --steps 1 -o none bare.tok
  expect_one_line_stderr "${pair#* }"
done
for objective in fim causal:0.5,span:0.5; do
  expect_exit 2 lm-train -t tok.json --objective $objective --one-pass --steps 1 -o none train.tok
  expect_one_line_stderr "--one-pass"
done
for objective in fim span; do
  expect_exit 2 lm-train -t tok.json --objective $objective --context 2 --steps 1 -o none train.tok
  expect_one_line_stderr "--context 2 is too short"
done
expect_exit 2 lm-train -t tok.json --objective span --attend document --steps 1 -o none train.tok
expect_one_line_stderr "--attend"
expect_exit 1 lm-train -t tok.json --objective span --span-length 1 --context 2000 --steps 1 -o none train.tok
expect_one_line_stderr "--span-length"
expect_exit 2 lm-train -t tok.json --objective causal:0,fim:1 --steps 1 -o none train.tok
expect_exit 2 lm-train -t tok.json --objective fim --fim-cut word --steps 1 -o none train.tok
[ ! -e none ] || fail "a model was written"

# A piece that holds the objective's own tokens is left as it is, and counted.
printf 'one two <|fim_middle|> three\n' | tok-encode -t tok.json --special allow -o own.tok -
expect_exit 0 lm-train -t tok.json "${shape[@]}" --objective fim --fim-rate 1 -o own own.tok
expect_one_line_stderr "were left as they are"

# Of what a user can do nothing about only -v speaks: when the two halves of a cut token are many tokens, and do not fit.
awk 'BEGIN {
  for (line = 0; line < 200; line++) {
    for (word = 0; word < 40; word++) {
      seed = (seed * 1103 + 12345) % 65536
      for (i = 0; i < 24; i++) printf "%c", 97 + (int(seed / 4096) * 7 + i * i * (1 + int(seed / 8192))) % 26
      printf word < 39 ? " " : "\n"
    }
  }
}' >long.txt
tok-train --vocab-size 900 -o long.json long.txt
tok-encode -t long.json --documents line -o long.tok long.txt
cut_pieces() { lm-train -t long.json --layers 1 --channels 32 --heads 2 --context 24 --batch 8 --steps 5 --objective fim --fim-rate 1 "$@" long.tok; }
expect_exit 0 cut_pieces -o quiet
expect_silence
expect_exit 0 cut_pieces -v -o verbose
grep -q 'pieces were cut between tokens' stderr || fail "-v says nothing of pieces that were cut: $(cat stderr)"
