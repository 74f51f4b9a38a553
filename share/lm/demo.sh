#!/bin/sh
# The whole path on a real text: trains a tokenizer and, for three minutes, a model, measures both against xz on text that the model
# has not seen, and writes. Keeps its files in the given folder (default: a fresh one under $TMPDIR). LM_BIN: the folder of the
# programs, if not in PATH. TIME: how long to train.
set -eu
case ${LM_BIN:-/} in /*) ;; *) LM_BIN=$PWD/$LM_BIN ;; esac
PATH=${LM_BIN:+$LM_BIN:}$PATH
folder=${1:-$(mktemp -d "${TMPDIR:-/tmp}/lm-demo.XXXXXX")}
training_time=${TIME:-3m}

for program in bible xz tok-train tok-encode lm-train lm-eval-ppl lm-sample; do
  command -v "$program" >/dev/null || { echo "demo: no '$program'; run: make deps all" >&2; exit 1; }
done
mkdir -p "$folder"
cd "$folder"

say() { printf '\n== %s\n' "$*"; }
# json_number FILE KEY: prints the number under KEY in one line of JSON, in which one that overflows is the string "inf".
json_number() { sed -nE "s/.*\"$2\" *: *\"?(inf|[-+0-9.eE]+).*/\1/p" "$1"; }
size() { wc -c <"$1"; }

say "The King James Bible without verse references; the last tenth is held out (files in $folder)"
bible -f gen1:1-rev22:21 | sed 's/^[^ ]* //' >text
# The held-out part begins with the line after the one at nine tenths.
split=$(($(size text) * 9 / 10))
rest=$(tail -c +$((split + 1)) text | head -n 1 | wc -c)
head -c $((split + rest)) text >train.txt
tail -c +$((split + rest + 1)) text >held-out.txt
echo "$(size train.txt) bytes to train on, $(size held-out.txt) bytes held out"

say "A tokenizer of 2048 tokens, and the text in tokens"
tok-train --vocab-size 2048 -o tok.json train.txt
tok-encode -t tok.json -o train.tok train.txt
tok-encode -t tok.json -o held-out.tok held-out.txt

say "A model, trained for $training_time"
lm-train -t tok.json --config small --time "$training_time" --progress always --overwrite -o model.safetensors train.tok

say "How well is the held-out text predicted?"
lm-eval-ppl model.safetensors --json held-out.tok >report.json
# What the held-out text costs a compressor that has seen the rest: the whole text less the training part.
xz -9e -k -c text >text.xz
xz -9e -k -c train.txt >train.xz
printf 'perplexity     %.2f (per token)\n' "$(json_number report.json perplexity)"
printf 'the model      %.3f bits per byte\n' "$(json_number report.json bits_per_byte)"
awk -v whole="$(size text.xz)" -v part="$(size train.xz)" -v bytes="$(size held-out.txt)" 'BEGIN {
    printf "xz -9e         %.3f bits per byte (the whole text compressed less the training part compressed)\n", 8 * (whole - part) / bytes
  }'

say "Three samples"
for prompt in 'In the beginning' 'And Jesus said unto them,' 'The LORD'; do
  echo
  lm-sample model.safetensors -p "$prompt" --echo -n 60 --temperature 0.8 --seed 1
  echo
done
