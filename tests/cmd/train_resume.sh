# A run that is killed, stopped or given more budget is the run that was never interrupted.
# shellcheck disable=SC2154 # make_training sets shape
need tok-train tok-encode lm-train

make_training --layers 2 --channels 32 --heads 2 --context 32 --batch 4 --dropout 0.1

train --steps 60 --threads 2 -o whole train.tok
sha=$(sha256sum <whole)
same_as_whole() { [ "$(sha256sum <"$1")" = "$sha" ] || fail "$1 is not the uninterrupted run's model"; }

# Any number of threads, a pipe instead of a file.
train --steps 60 --threads 1 -o one train.tok
same_as_whole one
tok-encode -t tok.json corpus.txt | train --steps 60 -o piped -
same_as_whole piped

# Ten steps or some more, kill -9, the rest; from a file and from a pipe.
# The run's metrics go through a pipe of one page, so it is never more than some 30 steps ahead of what was read from it.
for source in train.tok -; do
  rm -f killed killed.state
  make_gate
  lm-train -t tok.json "${shape[@]}" --steps 60 --checkpoint-every 0s --metrics gate -o killed "$source" <train.tok &
  pid=$!
  open_gate
  for _ in $(seq 10); do read -r -u 9 _; done
  kill -9 $pid
  exec 9<&-
  wait $pid && fail "it ended before it was killed"
  [ -e killed.state ] || fail "no state"
  [ ! -e killed ] || fail "a model before the end"
  train --steps 60 --resume -o killed "$source" <train.tok
  same_as_whole killed
done

# Options that are not given come from the state; some may change, the others are refused by name.
rm -f killed killed.state
make_gate
lm-train -t tok.json "${shape[@]}" --steps 60 --checkpoint-every 0s --metrics gate -o killed train.tok &
pid=$!
open_gate
for _ in $(seq 5); do read -r -u 9 _; done
kill -9 $pid
exec 9<&-
wait $pid || true
lm-train -t tok.json --steps 60 --threads 1 --recompute layer --resume -o killed train.tok
same_as_whole killed
expect_exit 1 lm-train -t tok.json --steps 70 --lr 0.5 --resume -o killed train.tok
expect_one_line_stderr "--lr was"
expect_exit 1 lm-train -t tok.json --steps 70 --channels 64 --resume -o killed train.tok
expect_one_line_stderr "--channels was 32"
head -c 30000 corpus.txt | tok-encode -t tok.json -o other.tok -
expect_exit 1 lm-train -t tok.json --steps 70 --resume -o killed other.tok
expect_one_line_stderr "training data"
same_as_whole killed

# What follows --resume is no value of it except the word auto.
lm-train -t tok.json -o killed --steps 60 --resume train.tok
same_as_whole killed
lm-train -t tok.json -o killed --steps 60 --resume - <train.tok
same_as_whole killed
expect_exit 1 lm-train -t tok.json --steps 61 --init-from whole --resume -o killed train.tok
expect_one_line_stderr "--init-from was"

# A micro-batch larger than the batch is the batch, then and now.
for _ in 1 2; do train --steps 3 --micro-batch 16 --resume auto -o micro train.tok; done

# A larger budget resumes; auto starts fresh if there is no state.
train --steps 65 --resume -o killed train.tok
head -c 20000 killed | grep -aq '\\"steps\\":65' || fail "a larger budget did not resume"
rm -f fresh.state
train --steps 60 --resume auto -o fresh train.tok
same_as_whole fresh
expect_exit 1 lm-train -t tok.json --steps 60 --resume -o missing train.tok
expect_one_line_stderr "missing.state"

# Either optimizer resumes bit by bit; muon's state is smaller, and no other optimizer's.
for optimizer in muon adamw; do
  train --steps 30 --optimizer $optimizer --schedule constant --warmup 1 --threads 1 -o $optimizer-whole train.tok
  train --steps 12 --optimizer $optimizer --schedule constant --warmup 1 -o $optimizer train.tok
  train --steps 30 --resume -o $optimizer train.tok
  expect_same $optimizer $optimizer-whole
done
[ "$(stat -c %s muon.state)" -lt "$(stat -c %s adamw.state)" ] || fail "muon's state is not smaller"
expect_exit 1 lm-train -t tok.json --steps 40 --resume --optimizer adamw -o muon train.tok
expect_one_line_stderr "--optimizer was"

# A damaged state is refused.
head -c 5000 killed.state >short.state
expect_exit 1 lm-train -t tok.json --steps 70 --resume -o short train.tok
expect_one_line_stderr
expect_exit 1 lm-train -t tok.json --steps 70 --resume --checkpoint whole -o short train.tok
expect_one_line_stderr "as a training state: it is a model (safetensors); to train a model further, give it with --init-from"
expect_exit 1 lm-train -t tok.json --steps 70 --init-from killed.state -o new train.tok
expect_one_line_stderr "training state"
