#!/bin/sh
# Predicts the time of a training step on 1, 2, 4, ... ranks, from what was measured of one machine and of the network between
# them. lm-distributed(7) has the formulas, and how to measure.
#
#   lm-train -t tok.json --layers 12 --channels 768 --batch 512 --dry-run --json train.tok >plan.json
#   cost_model.sh --flops 800G --bandwidth 1.2G --latency 20us plan.json
#
# Each FILE is what lm-train --dry-run --json printed of a model. Options:
#
#   --flops N              FLOP/s of a rank in passes; or
#   --metrics FILE         the metrics of a run of this model and batch on one rank, from which --flops follows
#   --bandwidth N          bytes a second between two ranks, in each direction
#   --latency TIME         of a message
#   --memory-bandwidth N   bytes a second that one thread reads and writes (default 10G)
#   --update TIME          of a step on one rank besides its passes, which is the optimizer (default: 0, a part of --flops)
#   --batch N[,N...]       sequences a step (default: those of FILE; with --noise-scale, the largest useful batch)
#   --ranks N              the most ranks (default 4096)
#   --noise-scale N        of the metrics, in tokens: what a step is worth
#
# Numbers may end in k, M, G or T, times in us, ms or s. For each model, batch and number of ranks a line says, in seconds: what
# the passes take (compute); the sum of gradients over ranks (reduce), and as much of it as backward does not hide (exposed); the
# update; the exchange of the new weights (gather); the whole step; then tokens a second and the efficiency, which is 1 if R ranks
# do R times the work of one. With --noise-scale the last column is the time to a loss, in units of the fewest steps to it.
set -eu
LC_ALL=C
export LC_ALL

fail() { echo "cost_model: $*" >&2; exit 1; }
usage() { echo "cost_model: $*; cost_model.sh --help prints the options" >&2; exit 2; }

# number OPTION VALUE: prints the number that the value means.
number() {
  echo "$2" | awk -v option="$1" '
    function bad() { print "cost_model: \"" $0 "\" is no number for " option > "/dev/stderr"; exit 2 }
    {
      factor["k"] = 1e3; factor["M"] = 1e6; factor["G"] = 1e9; factor["T"] = 1e12
      factor["us"] = 1e-6; factor["ms"] = 1e-3; factor["s"] = 1
      value = $0
      sub(/[a-zA-Z]+$/, "", value)
      unit = substr($0, length(value) + 1)
      if (value ~ /[eE]$/ || value !~ /^[0-9]+\.?[0-9]*([eE][-+]?[0-9]+)?$|^\.[0-9]+$/ || (unit != "" && !(unit in factor))) bad()
      printf "%.17g\n", value * (unit == "" ? 1 : factor[unit])
    }'
}
# above_zero OPTION VALUE: the same, which must not be 0.
above_zero() {
  above=$(number "$1" "$2") || exit
  echo "$above" | awk '{ exit !($1 > 0) }' || usage "$1 must be above 0"
  echo "$above"
}

flops='' metrics='' bandwidth='' latency='' memory=10e9 update=0 batch='' ranks=4096 noise=''
while [ $# -gt 0 ]; do
  case $1 in
    --help) sed -n '2,/^set -eu/{/^set/d; s/^# \{0,1\}//; p;}' "$0"; exit 0 ;;
    --flops | --bandwidth | --latency | --memory-bandwidth | --update | --ranks | --noise-scale | --metrics | --batch)
      [ $# -gt 1 ] || usage "$1 needs a value" ;;
  esac
  case $1 in
    --flops) flops=$(above_zero "$1" "$2") ;;
    --bandwidth) bandwidth=$(above_zero "$1" "$2") ;;
    --latency) latency=$(number "$1" "$2") ;;
    --memory-bandwidth) memory=$(above_zero "$1" "$2") ;;
    --update) update=$(number "$1" "$2") ;;
    --ranks) ranks=$(above_zero "$1" "$2") ;;
    --noise-scale) noise=$(above_zero "$1" "$2") ;;
    --metrics) metrics=$2 ;;
    --batch) batch=$2 ;;
    -*) usage "unknown option '$1'" ;;
    *) break ;;
  esac
  shift 2
done
[ $# -gt 0 ] || usage "no plan of a model is named"
if [ -z "$bandwidth" ] || [ -z "$latency" ]; then usage "--bandwidth and --latency are needed"; fi
case ${flops:+f}${metrics:+m} in
  '') usage "--flops or --metrics is needed" ;;
  fm) usage "--flops and --metrics exclude each other" ;;
  m) [ $# = 1 ] || usage "--metrics is of one model" ;;
esac
case ${batch:+,$batch,} in *[!0-9,]* | *,0*,* | *,,*) usage "'$batch' is no list of numbers above 0 for --batch" ;; esac

# json_number KEY, json_word KEY: print what stands under KEY in the plan.
json_number() { sed -nE "s/.*\"$1\" *: *([-+0-9.eE]+).*/\1/p" "$plan" | head -n 1; }
json_word() { sed -nE "s/.*\"$1\" *: *\"?([a-z0-9]+).*/\1/p" "$plan" | head -n 1; }

# The speed of the middle step, the first three left out, in which caches fill.
speed=0
if [ -n "$metrics" ]; then
  speed=$(sed -nE 's/.*"tokens_per_second" *: *([0-9.eE+]+).*/\1/p' "$metrics" | tail -n +4 | sort -g |
    awk '{ speed[NR] = $1 } END { print NR ? speed[int((NR + 1) / 2)] : 0 }')
  [ "$speed" != 0 ] || fail "'$metrics' has no metrics of four steps or more"
fi

models=$(for plan; do
  [ -r "$plan" ] || fail "cannot read '$plan'"
  values="family=$(json_word family) optimizer=$(json_word optimizer) tied=$(json_word tied)"
  for key in parameters flops_per_step tokens_per_step layers heads kv-heads head-dim channels ffn context batch micro-batch; do
    value=$(json_number "$key")
    [ -n "$value" ] || fail "no '$key' in '$plan'; it should be what lm-train --dry-run --json printed"
    values="$values $key=$value"
  done
  echo "$values flops=$flops speed=$speed bandwidth=$bandwidth latency=$latency memory=$memory update=$update batches=$batch" \
    "ranks=$ranks noise=$noise"
done)
echo "$models" | awk '
BEGIN { power_of_two[0] = 1; for (i = 1; i <= 40; i++) power_of_two[i] = 2 * power_of_two[i - 1] }
function ceiling(x) { return x == int(x) ? x : int(x) + 1 }
function maximum(a, b) { return a > b ? a : b }
# Seconds of sending and receiving so many bytes, which are copied or added as well: `passes` through memory.
function exchange(bytes, passes) {
  return bytes <= 0 ? 0 : bytes / v["bandwidth"] + v["latency"] * ceiling(bytes / 1048576) + passes * bytes / v["memory"]
}
# The most elements of [first, end) that one part has, of parts of so many elements.
function most_of_one_part(first, end, size,    cut) {
  cut = (int(first / size) + 1) * size
  if (cut >= end) return end - first
  if (cut + size <= end || first == cut - size) return size
  return maximum(cut - first, end - cut)
}
# Elements of matrices, and of the rest, that one rank has after so many halvings. Muon does not divide a matrix.
function matrix_part(level) {
  return maximum(matrices / power_of_two[level], v["optimizer"] == "muon" ? largest_matrix : 0)
}
function rest_part(level) { return rest / power_of_two[level] }
# Seconds of adding the gradients [first, end) up over 2^levels ranks.
function reduce(first, end, is_matrix, levels,    level, seconds) {
  for (level = 1; level <= levels; level++)
    seconds += exchange(4 * most_of_one_part(first, end, is_matrix ? matrix_part(level) : rest_part(level)), 5)
  return seconds
}
# The gradients of the head, the layers from the last one on, and the embedding are complete one after the other in the last
# backward pass, and each is added up as soon as it is and those before it have been. Sets reduced, and exposed.
function overlap(backward, levels,    layer, ready, done, part, head_share) {
  reduced = ready = done = exposed = 0
  if (levels == 0) return
  head_share = 6 * embedding / flops_per_token
  ready = backward * head_share
  if (!tied) {
    reduced = reduce(embedding, 2 * embedding, 0, levels)
    done = ready + reduced
  }
  for (layer = v["layers"] - 1; layer >= 0; layer--) {
    ready += backward * (1 - head_share) / v["layers"]
    part = reduce(layer * layer_matrices, (layer + 1) * layer_matrices, 1, levels)
    done = maximum(done, ready) + part
    reduced += part
  }
  part = reduce(0, embedding, 0, levels)
  done = maximum(done, backward) + part
  reduced += part
  exposed = done - backward
}
function step(batch, ranks,    levels, passes, level, own) {
  for (levels = 0; power_of_two[levels] < ranks; ) levels++
  for (passes = 1; batch / ranks / passes > v["micro-batch"]; ) passes *= 2
  compute = ceiling(batch / ranks) * v["context"] * flops_per_token / flops
  overlap(compute / passes * 2 / 3, levels)
  own = v["optimizer"] == "muon" ? ceiling(matrix_count / ranks) / matrix_count : 1 / ranks
  updated = v["update"] * own
  gathered = levels * 3 * v["latency"] + (levels ? exchange(8 * v["parameters"] / 16384, 0) : 0)
  for (level = 1; level <= levels; level++) gathered += exchange(4 * (matrix_part(level) + rest_part(level)), 4)
  return compute + exposed + updated + gathered
}
function table(batch,    ranks, seconds, alone, tokens) {
  tokens = batch * v["context"]
  for (ranks = 1; ranks <= v["ranks"] && ranks <= batch; ranks *= 2) {
    seconds = step(batch, ranks)
    if (ranks == 1) alone = seconds
    printf "%12d %7d %6d %10.4g %10.4g %10.4g %10.4g %10.4g %10.4g %11.5g %10.3f", v["parameters"], batch, ranks, compute,
      reduced, exposed, updated, gathered, seconds, tokens / seconds, alone / seconds / ranks
    printf v["noise"] == "" ? "\n" : " %10.4g\n", seconds * (1 + v["noise"] / tokens)
  }
}
{
  for (i = 1; i <= NF; i++) {
    at = index($i, "=")
    value = substr($i, at + 1)
    v[substr($i, 1, at - 1)] = value ~ /^[0-9.]+([eE][-+]?[0-9]+)?$/ ? value + 0 : value
  }
  tied = v["tied"] == "true"
  wide = v["heads"] * v["head-dim"]
  layer_matrices = v["channels"] * (2 * wide + 2 * v["kv-heads"] * v["head-dim"] + (v["family"] == "gpt2" ? 2 : 3) * v["ffn"])
  largest_matrix = v["channels"] * maximum(wide, v["ffn"])
  matrix_count = v["layers"] * (v["family"] == "gpt2" ? 6 : 7)
  matrices = v["layers"] * layer_matrices
  rest = v["parameters"] - matrices
  embedding = rest / (tied ? 1 : 2)
  flops_per_token = v["flops_per_step"] / v["tokens_per_step"]
  flops = v["flops"]
  if (flops == "") {
    flops = v["tokens_per_step"] / v["speed"] - v["update"]
    if (flops <= 0) { print "cost_model: --update is longer than a step of --metrics" > "/dev/stderr"; exit 1 }
    flops = v["flops_per_step"] / flops
  }
  if (NR == 1) {
    printf "%12s %7s %6s %10s %10s %10s %10s %10s %10s %11s %10s%s\n", "parameters", "batch", "ranks", "compute", "reduce",
      "exposed", "update", "gather", "step", "tokens/s", "efficiency", v["noise"] == "" ? "" : "    to_loss"
  }
  if (v["batches"] == "" && v["noise"] != "") v["batches"] = maximum(1, int(v["noise"] / v["context"]))
  if (v["batches"] == "") v["batches"] = v["batch"]
  count = split(v["batches"], batches, ",")
  for (i = 1; i <= count; i++) if (batches[i] > 0) table(batches[i])
}'
