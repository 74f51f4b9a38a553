# A run that is killed, stopped or given more budget is the run that was never interrupted.
need tok-train tok-encode lm-train

cat "$LM_SOURCE"/man/*.[157] >pages.txt
head -c 60000 pages.txt >corpus.txt
tok-train --vocab-size 400 -o tok.json corpus.txt
tok-encode -t tok.json -o train.tok corpus.txt
shape=(--layers 2 --channels 32 --heads 2 --context 32 --batch 4 --dropout 0.1)
train() { lm-train -t tok.json "${shape[@]}" "$@"; }

train --steps 20 --threads 2 -o whole train.tok
sha=$(sha256sum <whole)
same_as_whole() { [ "$(sha256sum <"$1")" = "$sha" ] || fail "$1 is not the uninterrupted run's model"; }

# Any number of threads, a pipe instead of a file.
train --steps 20 --threads 1 -o one train.tok
same_as_whole one
tok-encode -t tok.json corpus.txt | train --steps 20 -o piped -
same_as_whole piped

# Ten steps, kill -9, ten more; from a file and from a pipe.
mkfifo gate
for source in train.tok -; do
  rm -f killed killed.state
  lm-train -t tok.json "${shape[@]}" --steps 20 --checkpoint-every 0s --metrics gate -o killed "$source" <train.tok &
  pid=$!
  exec 9<gate
  for _ in $(seq 10); do read -r -u 9 _; done
  # The writer is now at most a pipe's buffer ahead; the state on disk is that of some step from 9 on.
  kill -9 $pid
  exec 9<&-
  wait $pid && fail "it ended before it was killed"
  [ -e killed.state ] || fail "no state"
  [ ! -e killed ] || fail "a model before the end"
  train --steps 20 --resume -o killed "$source" <train.tok
  same_as_whole killed
done

# Options that are not given come from the state; some may change, the others are refused by name.
rm -f killed killed.state
lm-train -t tok.json "${shape[@]}" --steps 20 --checkpoint-every 0s --metrics gate -o killed train.tok &
pid=$!
exec 9<gate
for _ in $(seq 5); do read -r -u 9 _; done
kill -9 $pid
exec 9<&-
wait $pid || true
lm-train -t tok.json --steps 20 --threads 1 --resume -o killed train.tok
same_as_whole killed
expect_exit 1 lm-train -t tok.json --steps 30 --lr 0.5 --resume -o killed train.tok
expect_one_line_stderr "--lr was"
expect_exit 1 lm-train -t tok.json --steps 30 --channels 64 --resume -o killed train.tok
expect_one_line_stderr "--channels was 32"
head -c 30000 corpus.txt | tok-encode -t tok.json -o other.tok -
expect_exit 1 lm-train -t tok.json --steps 30 --resume -o killed other.tok
expect_one_line_stderr "training data"
same_as_whole killed

# A larger budget goes on; auto starts fresh where there is no state.
train --steps 25 --resume -o killed train.tok
rm -f fresh.state
train --steps 20 --resume auto -o fresh train.tok
same_as_whole fresh
expect_exit 1 lm-train -t tok.json --steps 20 --resume -o missing train.tok
expect_one_line_stderr "missing.state"

# A damaged state is refused.
head -c 5000 killed.state >short.state
expect_exit 1 lm-train -t tok.json --steps 30 --resume -o short train.tok
expect_one_line_stderr
expect_exit 1 lm-train -t tok.json --steps 30 --resume --checkpoint whole -o short train.tok
expect_one_line_stderr "no training state"
expect_exit 1 lm-train -t tok.json --steps 30 --init-from killed.state -o short train.tok
expect_one_line_stderr "training state"
