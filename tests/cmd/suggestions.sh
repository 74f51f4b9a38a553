# Options, words and configurations that are not known get a suggestion; numbers out of range get the range.
need tok-train tok-encode lm-train lm-sample lm-eval-ppl

# refused TEXT PROGRAM ARGUMENT...: wrong usage, whose message contains TEXT.
refused() {
  local text=$1
  shift
  expect_exit 2 "$@"
  expect_one_line_stderr "$text"
}

refused "unknown option '--vocab_size'; did you mean '--vocab-size'? see --help" tok-train --vocab_size 600 c.txt
refused "unknown option '--vocab'; did you mean '--vocab-size'?" tok-train --vocab=600 c.txt
refused "unknown option '-vocab-size'; did you mean '--vocab-size'?" tok-train -vocab-size 600 c.txt
refused "unknown option '-vocab_size'; did you mean '--vocab-size'?" tok-train -vocab_size=600 c.txt
refused "did you mean '--temperature'?" lm-sample m.st --temp 1
refused "did you mean '--temperature'?" lm-sample m.st --temperatur 1
refused "did you mean '--tokens'?" lm-sample m.st --n-predict 3
refused "did you mean '--tokens'?" lm-sample m.st --max_new_tokens 3
refused "did you mean '--repetition-penalty'?" lm-sample m.st --repeat-penalty 1.1
refused "did you mean '-p'?" lm-sample m.st -P x
refused "unknown option '--model'; MODEL is given by itself" lm-sample --model m.st
refused "did you mean '--batch'?" lm-train --batch-size 8 c.tok
refused "did you mean '--lr'?" lm-train --learning_rate 1e-3 c.tok
refused "did you mean '--valid'?" lm-train --validation c.tok c.tok
refused "did you mean '--vocab-size'?" tok-train -v -vocab-size 600 c.txt
refused "did you mean '--valid-every' or '--valid-fraction'?" lm-train --valid- c.tok
refused "did you mean '--tokenizer'?" tok-encode --model t.json c.txt
refused "did you mean '--max-perplexity'?" lm-eval-ppl --mx-perplexity 3 m.st
# What looks like a long option may be a value.
expect_exit 1 lm-sample m.st -p -temperature
expect_one_line_stderr "m.st"

refused "unknown objective 'casual'; known: causal, masked, prefix, span, fim; did you mean 'causal'? see --help" \
  lm-train -t t.json --steps 1 -o m --objective casual c.tok
refused "did you mean 'masked'?" lm-train -t t.json --steps 1 -o m --objective causal:0.5,maskd:0.5 c.tok
refused "did you mean 'llama'?" lm-train -t t.json --steps 1 -o m --family lama c.tok
refused "did you mean 'cosine'?" lm-train -t t.json --steps 1 -o m --schedule cosin c.tok
refused "did you mean 'adamw'?" lm-train -t t.json --steps 1 -o m --optimizer adam c.tok
refused "did you mean 'document'?" lm-train -t t.json --steps 1 -o m --attend documents c.tok
refused "did you mean 'bf16'?" lm-train -t t.json --steps 1 -o m --precision bf61 c.tok
refused "did you mean '--json'?" lm-sample m.st --format jsn
refused "did you mean 'ids'?" tok-encode -t t.json --format id c.txt
refused "did you mean 'cl100k'?" tok-encode -t t.json --pattern cl100 c.txt
refused "did you mean 'starcoder'?" lm-fim m.st --layout starcode
refused "did you mean 'line'?" lm-sample m.st --documents lines
refused "did you mean 'jsonl'?" lm-eval-ppl m.st --documents json
refused "did you mean 'lm-eval'?" lm-eval-ppl m.st --protocol lm_eval
refused "--simd: unknown SIMD tier 'avx-512'; known: auto, portable, avx2, avx512; did you mean 'avx512'?" tok-train --simd avx-512

printf 'steps = 3\nlearning_rate = 0.1\n' >run.toml
refused "line 2: unknown key 'learning_rate'; did you mean 'lr'?" lm-train --config run.toml c.tok
refused "cannot find configuration 'nope': there is no such file; presets in '" lm-train --config nope c.tok
grep -q "share/lm' and '/.*share/lm': base, char, code, small, tiny; see --help$" stderr || fail "$(cat stderr)"
refused "did you mean 'small'?" lm-train --config smal c.tok
refused "it is a folder" lm-train --config . c.tok

# A range that is not met is said, and what is wrong with a number.
refused "cannot use '1e18' for --batch: expected a whole number from 1 to 268435456" lm-train --batch 1e18 c.tok
refused "cannot use '-5' for --batch: expected a whole number from 1 to 268435456" lm-train --batch -5 c.tok
refused "write it without the comma" lm-train --batch 1,000 c.tok
refused "unknown unit 'kb'" lm-train --batch 4kb c.tok
refused "expected a whole number from 1 to 10000" lm-train --layers 1e6 c.tok
refused "expected a number from 0 to 100" lm-train --lr -1 c.tok
refused "expected a number from 0.0001 to 1" lm-train --mask-rate 2 c.tok
refused "write a fraction, not a percentage" lm-train --mask-rate 15% c.tok
refused "expected a whole number from 1 to 1000000000" lm-train --steps 1e15 c.tok
refused "from 1 to 268435456, such as 100 or 4k, or auto" lm-train --micro-batch 1e18 c.tok
refused "for --betas: expected two numbers in [0, 1) such as 0.9,0.95" lm-train -t t.json --steps 1 -o m --betas 0.9,1.5 c.tok
refused "unknown unit 'd'" lm-train --time 3d c.tok
refused "unexpected 'x' after the number; expected a number from 0 to 100" lm-train --lr 0.1x c.tok
refused "cannot use '0' for --probs: expected a whole number from 1 to 9007199254740991, such as 100 or 4k, or all" \
  lm-sample m.st -p x --probs 0
refused "a line and a column, both from 1" lm-fim m.st --cursor 12:0
refused "expected a whole number from 257 to" tok-train --vocab-size 10 c.txt
