# share/lm/cost_model.sh computes what lm-distributed(7) says: against cases worked out by hand, and on what lm-train prints.
# shellcheck disable=SC2034 # train uses shape
need awk
model=$LM_SOURCE/share/lm/cost_model.sh
command -v dash >/dev/null && dash -n "$model"

# plan LAYERS OPTIMIZER: a model whose layers have 4 * 64^2 + 3 * 64 * 256 = 65536 elements, embedding and head 16384 each. A step
# of 8 sequences of 32 tokens takes 256e6 FLOPs.
plan() {
  printf '{"parameters":%d,"flops_per_step":256000000.0,"tokens_per_step":256,"settings":{"family":"llama","layers":%d,"heads":1,"kv-heads":1,"head-dim":64,"channels":64,"ffn":256,"context":32,"tied":false,"batch":8,"micro-batch":8,"optimizer":"%s"}}\n' \
    $((65536 * $1 + 32768)) "$1" "$2"
}
# So a pass of all takes a second; a mebibyte takes one to send, and one to add, for five ways through memory.
machine=(--flops 256M --bandwidth 1048576 --latency 10ms --memory-bandwidth 5242880 --update 400ms)
# row RANKS: prints the numbers of this many ranks.
row() { awk -v ranks="$1" '$3 == ranks { $1 = $1; print }' stdout; }
expect_row() { [ "$(row "${1%% *}" | cut -d ' ' -f 3-)" = "$1" ] || fail "'$(row "${1%% *}")' instead of '$1'"; }

# Two ranks, one pass each, whose backward is 1/3 s. Head and embedding lie on one side of the middle, as each layer does:
#   head       16384 floats, 65536 bytes: 0.0625 to send, 0.0625 to add, 0.01 of latency: 0.135; ready after
#              1/3 * 6 * 16384 / 1e6 = 0.032768, done at 0.167768
#   layer 1    262144 bytes: 0.25 + 0.25 + 0.01; ready at 0.032768 + 0.150283 = 0.183051, done at 0.693051
#   layer 0    ready at 1/3, done at 1.203051; embedding 0.135, done at 1.338051: 1.004717 after the end of backward
#   gather     half of all, 327680 bytes: 0.3125 to send, 0.25 to copy, 0.01; numbers of 10 tiles, 80 bytes: 0.010076; and 0.03
plan 2 adamw >two.json
expect_exit 0 "$model" "${machine[@]}" two.json
expect_silence
expect_row '1 1 0 0 0.4 0 1.4 182.86 1.000'
expect_row '2 0.5 1.29 1.005 0.2 0.6126 2.317 110.47 0.302'
[ "$(wc -l <stdout)" = 5 ] || fail "rows for more ranks than sequences: $(cat stdout)"
# A noise scale of two steps: a loss takes 3 times the fewest steps.
expect_exit 0 "$model" "${machine[@]}" --batch 8 --noise-scale 512 two.json
[ "$(row 2 | cut -d ' ' -f 12)" = 6.952 ] || fail "to a loss: $(row 2)"
expect_exit 0 "$model" "${machine[@]}" --noise-scale 512 --ranks 2 two.json
[ "$(row 2 | cut -d ' ' -f 2),$(wc -l <stdout)" = 16,3 ] || fail "the largest useful batch: $(cat stdout)"
# Of three layers, the middle one is cut in half: 0.125 + 0.125 + 0.01.
plan 3 adamw >three.json
expect_exit 0 "$model" "${machine[@]}" three.json
[ "$(row 2 | cut -d ' ' -f 5)" = 1.55 ] || fail "three layers: $(row 2)"
# Four ranks: a quarter of the matrices is half a layer, 0.26 more for each; half of embedding and head, 0.0725 more.
expect_exit 0 "$model" "${machine[@]}" two.json
[ "$(row 4 | cut -d ' ' -f 5)" = 1.955 ] || fail "four ranks: $(row 4)"
# Muon divides no matrix: 14 of them on 8 ranks are 2 on some.
plan 2 muon >muon.json
expect_exit 0 "$model" "${machine[@]}" muon.json
[ "$(row 8 | cut -d ' ' -f 7)" = 0.05714 ] || fail "Muon: $(row 8)"
# 64 sequences on 2 ranks are 4 passes of 8 each, of a second; only the last one hides anything, in its backward of 2/3 s: layer 1
# is ready at 0.366101, so that embedding ends 0.51 + 0.51 + 0.135 later, 0.854434 after backward.
expect_exit 0 "$model" "${machine[@]}" --batch 64 --ranks 2 two.json
expect_row '2 4 1.29 0.8544 0.2 0.6126 5.667 361.39 0.741'

# The speed from metrics: that of the middle of the steps after the third, less the update.
for speed in 1 2 3 100 256.0 512; do echo "{\"step\":1,\"tokens_per_second\":$speed}"; done >metrics.jsonl
expect_exit 0 "$model" --metrics metrics.jsonl "${machine[@]:2}" two.json
expect_row '1 0.6 0 0 0.4 0 1 256 1.000'

# Units, and what is refused.
expect_exit 0 "$model" --flops 0.256G --bandwidth 1.048576M --latency 0.01s --memory-bandwidth 5242.88k --update .4 two.json
expect_row '2 0.5 1.29 1.005 0.2 0.6126 2.317 110.47 0.302'
expect_exit 0 "$model" --help
# shellcheck disable=SC2016 # what is searched for
sed -nE 's/^    (--[a-z-]+)\) .*\$2.*/\1/p' "$model" >options
[ "$(wc -l <options)" = 9 ] || fail "options: $(cat options)"
while read -r option; do grep -q -- "^  $option " stdout || fail "--help without $option"; done <options
for bad in '--flops 3x' '--flops -1' '--flops' '--wide 3' '--batch 8;9' '--batch 8,0' '--batch ,' '--flops 0' '--bandwidth 0' \
  '--memory-bandwidth 0.0k' '--noise-scale 0' '--ranks 0'; do
  # shellcheck disable=SC2086 # words
  expect_exit 2 "$model" "${machine[@]}" $bad two.json
  grep -q '^cost_model: ' stderr || fail "$bad: $(cat stderr)"
done
expect_exit 2 "$model" --flops 1G two.json
expect_exit 2 "$model" "${machine[@]}"
expect_exit 2 "$model" "${machine[@]}" --metrics metrics.jsonl two.json
expect_exit 1 "$model" "${machine[@]}" nothing.json
expect_exit 1 "$model" "${machine[@]}" metrics.jsonl
grep -q "no 'parameters' in 'metrics.jsonl'" stderr || fail "$(cat stderr)"
expect_exit 1 "$model" "${machine[@]:2}" --metrics two.json two.json

# What lm-train prints, of all families: efficiency begins with 1 and falls; with a network that takes no time nothing is lost.
need lm-train tok-train tok-encode
make_training
shape=(--layers 3 --channels 64 --batch 64 --context 32)
for options in '' '--optimizer adamw --tied' '--family gpt2 --optimizer adamw' '--kv-heads 1 --heads 2 --untied'; do
  # shellcheck disable=SC2086 # words
  train $options --dry-run --json train.tok >plan.json
  expect_exit 0 "$model" --flops 100G --bandwidth 1G --latency 10us plan.json
  awk 'NR > 1 { if (NR == 2 ? $11 != 1 : $11 >= last) exit 1; last = $11 } END { exit NR != 8 }' stdout || fail "$options: $(cat stdout)"
  expect_exit 0 "$model" --flops 1M --bandwidth 1e30 --latency 0 --memory-bandwidth 1e30 plan.json
  awk 'NR > 1 && $11 != 1 { exit 1 }' stdout || fail "$options: $(cat stdout)"
done
