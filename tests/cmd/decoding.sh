# Drafting, samples drawn together, threads and packed weights: what makes text come sooner changes none of it.
need tok-train tok-encode lm-train lm-sample lm-fim

for ((i = 0; i < 300; ++i)); do echo "def function_$i(value, other): return value + other * $((i % 7))"; done >corpus
tok-train --vocab-size 400 -o tok.json corpus
tok-encode -t tok.json --documents line -o train.tok corpus
lm-train -q -t tok.json --layers 2 --channels 48 --heads 2 --context 96 --batch 8 --lr 0.01 --steps 150 \
  --objective causal:0.5,fim:0.5 -o model train.tok

# With and without drafting, one thread and two: greedy, drawn, to a stop string, and beyond the context.
printf 'def function_%s\n' 1 2 3 4 5 6 7 8 9 10 11 12 >prompts
for options in '--greedy' '--temperature 0.7 --seed 3' '--temperature 0.3 --top-k 20 --repetition-penalty 1.05' \
  '--greedy --stop return' '--temperature 0.5 -n 250'; do
  # shellcheck disable=SC2086 # options are words
  lm-sample model --documents line --json --draft off --threads 1 $options <prompts >expected
  for draft in auto off; do
    for threads in 1 2 3; do
      # shellcheck disable=SC2086
      lm-sample model --documents line --json --draft $draft --threads $threads $options <prompts | cmp - expected
    done
  done
  # Several at a time, from a file.
  # shellcheck disable=SC2086
  lm-sample model --documents line --json $options prompts | cmp - expected
done

# Samples of a prompt are those that are drawn with fewer beside them.
lm-sample model -p 'def ' --samples 20 --json --seed 5 >samples
for number in 1 3 8 9; do lm-sample model -p 'def ' --samples $number --json --seed 5 | cmp - <(head -n $number samples); done
lm-sample model -p 'def ' --samples 20 --format ids --seed 5 --threads 1 >listed
[ "$(wc -l <listed)" = 20 ] || fail "lines of ids: $(wc -l <listed)"
lm-sample model -p 'def ' --samples 3 --seed 5 --echo >text
[ "$(grep -c '^def ' text)" -ge 3 ] || fail "--echo: $(cat text)"
lm-sample model -p 'def ' --samples 1 --seed 5 --echo | cmp - <(head -c "$(lm-sample model -p 'def ' --seed 5 --echo | wc -c)" text)
printf 'ab\ncd\n' >two
lm-sample model --documents line two --echo --seed 5 | cmp - <(lm-sample model --documents line --echo --seed 5 <two)

# 16-bit weights: the same bytes for any number of threads, and close to the model.
for weights in bf16 f16; do
  lm-sample model --documents line --json --weights $weights --threads 1 prompts >expected
  lm-sample model --documents line --json --weights $weights --threads 2 --draft off <prompts | cmp - expected
  lm-sample model -p 'def ' --probs 1 --json --weights $weights | sed 's/.*"id":\([0-9]*\).*/\1/' >likeliest
  lm-sample model -p 'def ' --probs 1 --json | sed 's/.*"id":\([0-9]*\).*/\1/' | cmp - likeliest
done

echo 'def function_4(value, [FIM]): return value + other * 4' >gap

# Caches of fewer bits: likewise, also beyond the context and together.
for type in f16 bf16 q8_0; do
  lm-sample model --documents line --json --cache-type $type --threads 1 --draft off -n 150 <prompts >expected
  lm-sample model --documents line --json --cache-type $type --threads 2 -n 150 prompts | cmp - expected
  lm-sample model -p 'def ' --probs 1 --json --cache-type $type | sed 's/.*"id":\([0-9]*\).*/\1/' | cmp - likeliest
  lm-fim model gap -n 40 --cache-type $type --draft off --threads 1 >expected
  lm-fim model gap -n 40 --cache-type $type --threads 2 | cmp - expected
done

# Middles, once and by requests.
lm-fim model gap -n 40 --draft off --threads 1 >expected
for draft in auto off; do
  lm-fim model gap -n 40 --draft $draft --threads 2 | cmp - expected
  lm-fim model gap -n 40 --samples 3 --temperature 1 --draft $draft >samples.$draft
  printf '{"prefix":"def function_%s(value, ","suffix":"): return value"}\n' 1 12 123 1234 12 1 |
    lm-fim model --jsonl --draft $draft --temperature 0.8 >answers.$draft
done
cmp samples.auto samples.off
cmp answers.auto answers.off
[ "$(wc -l <answers.auto)" = 6 ] || fail "answers: $(cat answers.auto)"

# What does not go together.
expect_exit 2 lm-sample model --probs 3 --draft off
expect_one_line_stderr '--draft is for texts that are sampled'
expect_exit 2 lm-sample model --weights q9
expect_one_line_stderr 'q9'
lm-train -q -t tok.json --objective masked --layers 1 --channels 16 --heads 2 --context 32 --steps 2 -o masked train.tok
expect_exit 1 lm-sample masked -p 'def <|mask|>' --weights bf16
expect_one_line_stderr '--weights'
lm-sample masked -p 'def <|mask|>' >/dev/null
