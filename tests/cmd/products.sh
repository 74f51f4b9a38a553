# Quantized weights: products of whole numbers are the same for any thread and tier, near those of floats, and named where they count.
need tok-train tok-encode lm-train lm-convert lm-sample lm-fim lm-eval-ppl

for ((i = 0; i < 200; ++i)); do echo "def function_$i(value, other): return value + other * $((i % 7))"; done >corpus
tok-train --vocab-size 400 -o tok.json corpus
tok-encode -t tok.json --documents line -o train.tok corpus
lm-train -q -t tok.json --layers 2 --channels 64 --heads 2 --context 96 --batch 8 --lr 0.01 --steps 100 \
  --objective causal:0.5,fim:0.5 -o model train.tok
for type in f32 bf16 q8_0 q4_0; do lm-convert --type $type model $type.gguf; done
printf 'def function_%s\n' 1 2 3 4 5 6 7 8 >prompts
echo 'def function_4(value, [FIM]): return value + other * 4' >gap

tiers=portable
! grep -q avx2 /proc/cpuinfo || tiers="$tiers avx2"
! grep -q avx512bw /proc/cpuinfo || tiers="$tiers avx512"
for type in q8_0 q4_0; do
  lm-sample $type.gguf --documents line --format ids --greedy --draft off --threads 1 -n 60 <prompts >expected
  for threads in 1 2 3; do
    lm-sample $type.gguf --documents line --format ids --greedy --threads $threads -n 60 prompts | cmp - expected
  done
  lm-sample $type.gguf --documents line --format ids --greedy --products int8 -n 60 prompts | cmp - expected
  lm-fim $type.gguf gap -n 30 --threads 1 --draft off >middle
  lm-fim $type.gguf gap -n 30 --threads 2 | cmp - middle
  for tier in $tiers; do
    lm-eval-ppl $type.gguf --products int8 --simd "$tier" --json corpus >"$tier".json
    grep -q '"protocol":"[^"]* products int8"' "$tier".json || fail "the protocol: $(cat "$tier".json)"
  done
  lm-eval-ppl $type.gguf --products int8 --threads 1 --json corpus >one.json
  lm-eval-ppl $type.gguf --products int8 --threads 3 --json corpus | cmp - one.json
done

perplexity() { lm-eval-ppl "$@" --json corpus 2>/dev/null | sed 's/.*"perplexity":\([0-9.]*\).*/\1/'; }
near() { awk -v a="$1" -v b="$2" -v bound="$3" 'BEGIN { exit !(a / b - 1 < bound && b / a - 1 < bound) }' || fail "$1 is not near $2"; }
near "$(perplexity q8_0.gguf --products int8)" "$(perplexity q8_0.gguf)" 0.01
near "$(perplexity q4_0.gguf --products int8)" "$(perplexity q4_0.gguf)" 0.02
near "$(perplexity q8_0.gguf --products int8)" "$(perplexity model)" 0.02

# Exact products are those of the dequantized model.
lm-convert q8_0.gguf floats.safetensors
lm-sample q8_0.gguf --products exact --documents line --format ids --greedy prompts >exact
lm-sample floats.safetensors --documents line --format ids --greedy prompts | cmp - exact
lm-eval-ppl q8_0.gguf corpus >exact.txt
! grep -q int8 exact.txt || fail "exact products are called: $(cat exact.txt)"

# Other weights give the numbers that they have in memory.
lm-sample f32.gguf --documents line --format ids --greedy prompts | cmp - <(lm-sample model --documents line --format ids --greedy prompts)
lm-convert bf16.gguf rounded.safetensors
lm-sample bf16.gguf --documents line --format ids --greedy prompts |
  cmp - <(lm-sample rounded.safetensors --documents line --format ids --greedy prompts)

for model in model f32.gguf; do
  for command in "lm-sample -p a $model" "lm-fim $model gap" "lm-eval-ppl $model corpus"; do
    # shellcheck disable=SC2086 # a command
    expect_exit 1 $command --products int8
    expect_one_line_stderr "--products int8 is for quantized weights, and those of '$model' are not"
  done
done
expect_exit 2 lm-eval-ppl q8_0.gguf --products int8 --importance out.gguf corpus
expect_one_line_stderr '--importance is for weights before they are quantized'
