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
here=$(cd "$(dirname "$0")" && pwd)
LC_ALL=C
export LC_ALL
folder=${1:-scaling}
sizes=${SIZES:-2x32 2x48 3x64 3x96 4x128 4x192} budgets=${BUDGETS:-5} vocabulary=${VOCABULARY:-512} time=${TIME:-10m}
steps=${STEPS:-} options="--context 128 --batch 8 ${OPTIONS:-}"

fail() { echo "scaling: $*" >&2; exit 1; }
say() { printf '\n== %s\n' "$*"; }
# json_number KEY: prints the number under KEY in a line of JSON.
json_number() { sed -nE "s/.*\"$1\" *: *([-+0-9.eE]+).*/\1/p"; }

for program in tok-train tok-encode lm-train; do
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

# law NAME TITLE
law() {
  say "Loss against $2"
  cut -d ' ' -f 1,2 "$1.points" | awk -f "$here/power-law.awk" >"$1.law" || { rm -f "$1.law"; return 0; }
  awk -F '\t' -v points="$1.points" '
    NR == 1 {
      printf "L(x) = E + A x^-a with a = %.4g, E = %.4g, A = %.4g; ", $1, $2, $3
      printf "residuals %.2f %% (root of the mean square)\n", 100 * $4
      if ($5 == "-") print "three points determine these exactly: more sizes or budgets would show how firmly"
      else printf "with any one point left out a is %.3g to %.3g, E %.3g to %.3g\n", $5, $6, $7, $8
      printf "%14s %10s %10s %10s  %s\n", "x", "loss", "law", "residual", "run"
      next
    }
    { getline point <points; split(point, part, " ")
      printf "%14.4g %10.4f %10.4f %8.2f %%  %s\n", $1, $2, $3, 100 * $4, part[3] }' "$1.law"
}
law parameters "parameters: every size, on the most tokens"
law tokens "tokens: the best size for each amount"
law compute "compute (FLOPs): the runs that make best use of it"

if ! command -v gnuplot >/dev/null; then
  echo
  echo "scaling: no 'gnuplot', so no pictures; install it (on Debian: apt-get install gnuplot-nox) and start again" >&2
  exit 0
fi
# As gnuplot reads a string in single quotes.
style=$(printf '%s\n' "$here/style.gp" | sed "s/'/''/g")
# range COLUMN MARGIN: prints the range of a column of the runs, widened by a factor. loss_ticks, count_ticks COLUMN: print the
# ticks of a logarithmic axis over so short a range, as "label" value, ...
range() {
  cut -f "$1" runs | sort -g | sed -n '1p; $p' |
    awk -v margin="$2" 'NR == 1 { low = $1 } END { printf "[%g:%g]", low / margin, $1 * margin }'
}
loss_ticks() {
  cut -f 6 runs | sort -g | sed -n '1p; $p' | awk 'NR == 1 { low = $1 } END {
    step = $1 / low > 3 ? 1 : $1 / low > 1.9 ? 0.5 : $1 / low > 1.3 ? 0.2 : $1 / low > 1.1 ? 0.1 : 0.02
    for (value = step * int(low / step); value < $1 + step; value += step) { printf "%s\"%.4g\" %.6g", comma, value, value; comma = ", " }
  }'
}
count_ticks() {
  cut -f "$1" runs | sort -g | sed -n '1p; $p' | awk 'NR == 1 { low = $1 } END {
    split("k M G T", unit, " ")
    for (power = 1; power < $1; power *= 10) for (i = 1; i <= 5; i += i < 2 ? 1 : 3) {
      value = i * power
      if (value < low / 2 || value > 2 * $1) continue
      for (u = 0; value >= 1000; u++) value /= 1000
      printf "%s\"%g%s\" %.6g", comma, value, unit[u], i * power
      comma = ", "
    }
  }'
}
# picture NAME COLUMN TITLE SERIES TICKS: draws all runs, joined if their column SERIES is the same, and the law.
picture() {
  {
    echo "set terminal svg size 900,600 font 'Helvetica,Arial,sans-serif' fontscale 1.05 enhanced background '#ffffff'"
    printf '%s\n' "load '$style'; set logscale xy; set xlabel '$3'; set ylabel 'held-out loss (nats per token)'"
    echo "$5; set ytics ($(loss_ticks)); set key outside right top Left reverse"
    echo "plot $(range "$2" 1.3) $(range 6 1.03) \\"
    cut -f "$4" plan | awk '!seen[$0]++' | while read -r key; do
      rows="< awk -F \"\\t\" \"\\\$$4 == \\\"$key\\\"\" runs"
      label=$key
      [ "$4" = 1 ] || label=$(awk -F '\t' -v steps="$key" '$2 == steps { printf "%.2g M tokens", $4 / 1e6; exit }' runs)
      echo "'$rows' using $2:6 with linespoints title '$label', \\"
    done
    if [ -e "$1.law" ]; then
      head -n 1 "$1.law" | awk -F '\t' '{
        printf "%s + %s * x ** (-%s) with lines linecolor rgb \"#222222\" linewidth 1.4 dashtype 2 ", $2, $3, $1
        printf "title \"%.3g + %.3g x^{-%.3g}\", \\\n", $2, $3, $1 }'
    fi
    echo "'$1.points' using 1:2 with points pointtype 6 pointsize 1 linecolor rgb '#222222' title 'fitted'"
  } >commands
  gnuplot commands >"$1.svg" 2>errors || fail "gnuplot: $(grep -v '^ *$' errors | tail -n 1)"
  rm commands errors
}
picture parameters 3 parameters 2 "set xtics ($(count_ticks 3))"
picture tokens 4 'tokens trained on' 1 "set xtics ($(count_ticks 4))"
picture compute 5 'compute (FLOPs)' 1 "set format x '10^{%T}'"
set --
for size in $sizes; do set -- "$@" "$size=$size-$most.jsonl"; done
"$here/plot.sh" -x tokens -t 'The runs on the most tokens' -o curves.svg "$@"
say "Pictures: $folder/compute.svg, parameters.svg, tokens.svg; curves.svg has the runs on the most tokens"
