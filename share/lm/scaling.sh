#!/bin/sh
# Shows how loss falls with size: trains models of several sizes on several amounts of one text, fits L(x) = E + A x^-a to
# held-out loss against parameters, tokens and compute, prints the three laws and draws them. The runs stay in the given folder
# (default scaling): a study that is started again continues where it ended, and runs that are done are not repeated.
#   TEXT        the text to train on (default: the King James Bible); its last tenth, 200 kB at the most, is held out
#   TIME        for all of it (default 10m), such as 90s or 2h
#   STEPS       instead of TIME: steps of the longest runs
#   SIZES       layers x channels of the models, smallest first
#   BUDGETS     how many amounts of text, each twice the one before
#   VOCABULARY  tokens of the tokenizer
#   OPTIONS     more options for lm-train, such as '--family gpt2 --batch 16'
#   LM_BIN      folder of the programs, if not in PATH
# shellcheck disable=SC2086 # options are words
set -eu
case ${LM_BIN:-/} in /*) ;; *) LM_BIN=$PWD/$LM_BIN ;; esac
PATH=${LM_BIN:+$LM_BIN:}$PATH
LC_ALL=C
export LC_ALL
folder=${1:-scaling}
sizes=${SIZES:-2x32 2x48 3x64 3x96 4x128 4x192} budgets=${BUDGETS:-5} vocabulary=${VOCABULARY:-512} time=${TIME:-10m}
steps=${STEPS:-} options="--context 128 --batch 8 ${OPTIONS:-}"

fail() { echo "scaling: $*" >&2; exit 1; }
say() { printf '\n== %s\n' "$*"; }
# json_number KEY: prints the number under KEY in a line of JSON.
json_number() { sed -nE "s/.*\"$1\" *: *([-+0-9.eE]+).*/\1/p"; }

for program in tok-train tok-encode lm-train lm-plot; do
  command -v "$program" >/dev/null || fail "no '$program'; run: make"
done
seconds=$(echo "$time" | awk '/^[0-9.]+[smh]$/ { print $0 * (/s$/ ? 1 : /m$/ ? 60 : 3600) }')
[ -n "$seconds" ] || fail "TIME '$time' is not a time such as 90s, 10m or 2h"
for number in "$budgets" "${steps:-1}"; do
  case $number in *[!0-9]* | 0* | '') fail "'$number' is not a number for BUDGETS or STEPS" ;; esac
done
for size in $sizes; do
  echo "$size" | grep -Eq '^[1-9][0-9]*x[1-9][0-9]*$' || fail "'$size' in SIZES is not LAYERSxCHANNELS, such as 4x128"
done
if [ "$budgets" -lt 3 ] || [ "$(echo $sizes | wc -w)" -lt 3 ]; then fail "a law needs three SIZES and three BUDGETS, or more"; fi
if [ -n "${TEXT:-}" ]; then
  [ -r "$TEXT" ] || fail "cannot read '$TEXT'"
else
  command -v bible >/dev/null || fail "no 'bible', whose text is the default; run: make deps, or give TEXT=FILE"
fi
mkdir -p "$folder"
if [ -n "${TEXT:-}" ]; then cat "$TEXT"; else bible -f gen1:1-rev22:21 | sed 's/^[^ ]* //'; fi >"$folder/text.new"
cd "$folder"

# A study has one text and one plan.
budget="time $time"
[ -z "$steps" ] || budget="steps $steps"
settings="sizes $sizes, budgets $budgets, vocabulary $vocabulary, $budget, options $options, text $(cksum <text.new)"
if [ -e settings ]; then
  [ "$(cat settings)" = "$settings" ] ||
    fail "'$folder' holds another study ($(cat settings)); give another folder, or remove it"
  rm text.new
else
  mv text.new text
  split=$(awk -v bytes="$(wc -c <text)" 'BEGIN { held = int(bytes / 10); print bytes - (held < 200000 ? held : 200000) }')
  rest=$(tail -c +$((split + 1)) text | head -n 1 | wc -c)
  head -c $((split + rest)) text >train.txt
  tail -c +$((split + rest + 1)) text >held-out.txt
  [ -s held-out.txt ] || fail "no text could be held out: it needs lines"
  tok-train --vocab-size "$vocabulary" -o tok.json train.txt
  tok-encode -t tok.json -o train.tok train.txt
  tok-encode -t tok.json -o held-out.tok held-out.txt
  echo "$settings" >settings
fi
train() {
  lm-train -t tok.json --layers "${size%x*}" --channels "${size#*x}" $options "$@" train.tok
}

# The plan, a line for each run, those of few steps first: size, steps, parameters, tokens, FLOPs.
if [ ! -e plan ]; then
  say "A plan: $budget"
  rm -f shapes
  for size in $sizes; do
    rm -f speeds
    train --dry-run --json >facts
    [ -n "$steps" ] || train -q --steps 20 --metrics speeds -o /dev/null
    touch speeds
    for key in parameters tokens_per_step flops_per_step; do json_number $key <facts; done |
      awk -v size="$size" -v speed="$(json_number tokens_per_second <speeds | sort -g | sed -n 10p)" \
        '{ line = line "\t" $1 } END { print size line "\t" speed }' >>shapes
  done
  # Besides its steps, a run takes the time to start and to score the held-out text, at three bytes a token and three times the speed.
  awk -F '\t' -v budgets="$budgets" -v steps="$steps" -v seconds="$seconds" -v bytes="$(wc -c <held-out.txt)" '
    { size[NR] = $1; parameters[NR] = $2; tokens[NR] = $3; flops[NR] = $4
      if (steps == "") { cost += $3 / $5 * (2 - 2 ^ (1 - budgets)); seconds -= budgets * (bytes / 9 / $5 + 0.3) } }
    END {
      longest = steps == "" ? int(seconds / cost) : steps
      for (budget = 1; budget <= budgets; budget++) {
        n = int(longest / 2 ^ (budgets - budget))
        if (n < 5) {
          print "scaling: too short: the shortest runs would have fewer than five steps; give more TIME or STEPS" | "cat >&2"
          exit 1
        }
        for (i = 1; i <= NR; i++) printf "%s\t%d\t%d\t%d\t%.6g\n", size[i], n, parameters[i], n * tokens[i], n * flops[i]
      }
    }' shapes >plan.new || { rm -f shapes; exit 1; }
  mv plan.new plan
  awk -F '\t' -v OFS='\t' '{ tokens += $4; flops += $5 } !($1 in seen) { seen[$1]; print $1 ": " $3 " parameters" }
    END { printf "%d runs, of %d to %d steps: %.3g tokens, %.3g FLOPs\n", NR, first, $2, tokens, flops }
    NR == 1 { first = $2 }' plan
  tail -n 1 plan | awk -F '\t' -v epoch="$(json_number tokens_per_epoch <facts)" '$4 > 4 * epoch {
    printf "note: the longest runs read the text %.1f times; beyond four times that teaches less and less (arXiv:2305.16264)\n", $4 / epoch }'
fi

say "Training; runs that are done are not repeated"
touch runs
while read -r size steps_of_run parameters tokens flops; do
  name=$size-$steps_of_run
  grep -q "^$size	$steps_of_run	" runs && continue
  train --steps "$steps_of_run" --valid held-out.tok --valid-every 0 --metrics "$name.jsonl" \
    --checkpoint "$name.state" --checkpoint-every 2m --resume auto -o /dev/null </dev/null
  loss=$(tail -n 1 "$name.jsonl" | json_number val_loss)
  bits=$(tail -n 1 "$name.jsonl" | json_number val_bits_per_byte)
  [ -n "$loss" ] || fail "'$folder/$name.jsonl' ends without a validation"
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$size" "$steps_of_run" "$parameters" "$tokens" "$flops" "$loss" "$bits" >>runs
  rm -f "$name.state"
  printf '%-8s %6d steps: loss %.4f, %.4f bits per byte\n' "$size" "$steps_of_run" "$loss" "$bits"
done <plan

# The points of each law: every size on the most tokens; the best size for each amount of tokens; and the lower convex hull of
# log loss over log compute of all runs, since a well-chosen run between two of them would lie on their line or below.
most=$(tail -n 1 plan | cut -f 2)
awk -F '\t' -v most="$most" '$2 == most { print $3, $6, $1 }' runs | sort -g >parameters.points
sort -t '	' -k 6,6g runs | awk -F '\t' '!seen[$2]++ { print $4, $6, $1 }' | sort -g >tokens.points
sort -t '	' -k 5,5g -k 6,6gr runs | awk -F '\t' '
  n && $6 >= loss[n] { next }
  {
    while (n > 1 && log($6 / loss[n]) * log(flops[n] / flops[n - 1]) <= log(loss[n] / loss[n - 1]) * log($5 / flops[n])) n--
    n++
    flops[n] = $5; loss[n] = $6; name[n] = $1 "-" $2
  }
  END { for (i = 1; i <= n; i++) print flops[i], loss[i], name[i] }' >compute.points

# law NAME COLUMN SERIES TITLE AXIS: prints the law of a column of the runs, and makes NAME.tsv, which lm-plot draws: all runs, those
# joined that agree in the column SERIES, and which of them are the points.
law() {
  say "Loss against $4"
  awk -F '\t' -v x="$2" -v series="$3" -v axis="$5" -v plan=plan '
    BEGIN {
      OFS = "\t"
      while ((getline <plan) > 0) { if (!($2 in amount)) amount[$2] = sprintf("%.2g M tokens", $4 / 1e6); order[$1 "-" $2] = ++planned }
      print axis, "loss", "run", "series", "fitted"
    }
    FILENAME != "runs" { split($0, part, " "); fitted[part[1], part[2]] = 1; next }
    { row[order[$1 "-" $2]] = $x "\t" $6 "\t" $1 "-" $2 "\t" (series == 1 ? $1 : amount[$2]) "\t" ((($x, $6) in fitted) ? 1 : 0) }
    END { for (i = 1; i <= planned; i++) if (i in row) print row[i] }' "$1.points" runs >"$1.tsv"
  lm-plot --data "$1.tsv" >"$1.law"
  lm-plot --text "$1.tsv"
}
law parameters 3 2 "parameters: every size, on the most tokens" parameters
law tokens 4 1 "tokens: the best size for each amount" 'tokens trained on'
law compute 5 1 "compute (FLOPs): the runs that make best use of it" 'compute (FLOPs)'

if ! command -v gnuplot >/dev/null; then
  echo
  echo "scaling: no 'gnuplot', so no pictures; install it (on Debian: apt-get install gnuplot-nox) and start again" >&2
  exit 0
fi
for law in parameters tokens compute; do lm-plot -o $law.svg $law.tsv; done
set --
for size in $sizes; do set -- "$@" "$size=$size-$most.jsonl"; done
lm-plot -x tokens -t 'The runs on the most tokens' -o curves.svg "$@"
say "Pictures: $folder/compute.svg, parameters.svg, tokens.svg; curves.svg has the runs on the most tokens"
