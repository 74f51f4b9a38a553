# Fine-tuning (--init-from) leaves a model on its own text as good as it was, and its context what it was.
need tok-train tok-encode lm-train lm-eval-ppl

cat "$LM_SOURCE"/man/*.[157] >pages.txt
head -c 100000 pages.txt >corpus.txt
tok-train --vocab-size 600 -o tok.json corpus.txt
tok-encode -t tok.json -o train.tok corpus.txt
lm-train -t tok.json --layers 2 --channels 64 --context 64 --batch 8 --steps 150 --seed 1 -o base train.tok
loss_of() { lm-eval-ppl "$1" --json --context 64 train.tok | sed -n 's/.*"loss" *: *\([0-9.]*\).*/\1/p'; }
base=$(loss_of base)

# The default rate. On the text that the model knows, some steps change little: not the half a nat that a fresh model's rate costs.
for optimizer in muon adamw; do
  lm-train --init-from base --optimizer $optimizer --batch 8 --steps 20 -o tuned train.tok 2>said
  grep -q "fine-tuning 'base' with --optimizer $optimizer --lr 0.[0-9]* in windows of 64 tokens.*context of 64" said || fail "what was chosen is not said: $(cat said)"
  [ "$(wc -l <said)" = 1 ] || fail "more than one line: $(cat said)"
  awk -v base="$base" -v tuned="$(loss_of tuned)" 'BEGIN { exit !(tuned < base + 0.02) }' || fail "$optimizer: from $base to $(loss_of tuned)"
done
lm-train --init-from base --lr 0.002 --steps 1 -o tuned train.tok 2>said
grep -q -- '--lr 0.002 ' said || fail "a rate that was named is not taken: $(cat said)"

# --context is the training windows' length; the model keeps its own. A run that is resumed keeps both.
context_of() { head -c 100000 "$1" | grep -ao '\\"context\\":[0-9]*' | head -n 1 | grep -o '[0-9]*$'; }
[ "$(context_of base)" = 64 ] || fail "no context in the model's record"
for family in qwen3 gpt2; do
  lm-train -t tok.json --family $family --layers 1 --channels 32 --context 64 --steps 1 -o old train.tok
  rm -f short.state
  lm-train --init-from old --context 16 --batch 4 --steps 4 -o short train.tok 2>said
  grep -q 'windows of 16 tokens; the model keeps its context of 64' said || fail "not both are said: $(cat said)"
  [ "$(context_of short)" = 64 ] || fail "$family: the context became $(context_of short)"
  lm-train --init-from old --context 16 --batch 4 --steps 6 -o whole train.tok 2>said
  lm-train --resume --steps 6 -t tok.json -o short train.tok
  [ "$(context_of short)" = 64 ] || fail "$family: the context became $(context_of short) after --resume"
done
expect_exit 1 lm-train --init-from old --context 65 --steps 1 -o short train.tok
expect_one_line_stderr "longer than the context"

# Middles are asked for within the windows that the model learned from.
tok-encode -t tok.json --documents line -o lines.tok corpus.txt
lm-train -t tok.json --objective fim --layers 1 --channels 32 --context 64 --steps 2 -o fim lines.tok
lm-train --init-from fim --objective fim --context 24 --steps 2 -o fim24 lines.tok 2>said
printf 'a b c d e f g h i j k l m n o p q r s t u v w x y z [FIM] a b c d e f g h i j k l m n o p q r s t u v w x y z\n' >gap.txt
tokens_of() { lm-fim "$1" --json -n 64 --temperature 5 --seed 3 gap.txt | sed -n 's/.*"tokens" *: *\([0-9]*\).*/\1/p'; }
[ "$(tokens_of fim24)" -le 20 ] || fail "$(tokens_of fim24) tokens were asked of a model that knows windows of 24"
