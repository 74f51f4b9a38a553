#!/bin/sh
# Draws what lm-train --metrics wrote, several runs in one picture, as SVG:
#     plot.sh [-x steps|tokens|time] [-y loss,bits,rate,speed,norm] [-t TITLE] [-o OUT.svg] [NAME=]FILE...
# The first of -y is drawn large, the others small below it; without -y all that some run has, except norm. Curves are means
# over stretches of a run, points are validations. If a step comes twice, as after a resumption, the later one counts.
set -eu
here=$(cd "$(dirname -- "$0")" && pwd)
LC_ALL=C
export LC_ALL
usage='plot.sh [-x steps|tokens|time] [-y loss,bits,rate,speed,norm] [-t TITLE] [-o OUT.svg] [NAME=]FILE...'
# Not echo, which interprets backslashes in names and titles.
misused() { printf '%s\n' "plot: $*; usage: $usage" >&2; exit 2; }
fail() { printf '%s\n' "plot: $*" >&2; exit 1; }
# quoted TEXT: prints it as gnuplot reads a string, on one line.
quoted() { printf "'%s'\n" "$(printf %s "$1" | tr '[:cntrl:]' ' ' | sed "s/'/''/g")"; }

horizontal=steps panels=auto title='' output=-
while getopts :x:y:t:o:h option; do
  case $option in
    x) horizontal=$OPTARG ;;
    y) panels=$OPTARG ;;
    t) title=$OPTARG ;;
    o) output=$OPTARG ;;
    h) echo "$usage"; exit 0 ;;
    *) misused "-$OPTARG is not an option, or lacks its value" ;;
  esac
done
shift $((OPTIND - 1))
case $horizontal in steps | tokens | time) ;; *) misused "-x '$horizontal' is not steps, tokens or time" ;; esac
[ $# -gt 0 ] || misused "no file of metrics"
command -v gnuplot >/dev/null ||
  fail "no 'gnuplot', which draws the picture; install it (on Debian: apt-get install gnuplot-nox)"
folder=$(mktemp -d "${TMPDIR:-/tmp}/lm-plot.XXXXXX")
temporary=$folder/picture
trap 'rm -rf "$folder" && rm -f -- "$temporary"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Turns metrics into two tables, whose names are in the environment: `train`, with a line for each stretch of the run, and
# `valid`, with one for each validation. First come the three columns from which -x chooses: step, tokens and seconds.
cat >"$folder/tables.awk" <<'AWK'
function number(key,  found) {
  if (!match($0, "\"" key "\": *-?[0-9][-+.0-9eE]*")) return ""
  found = substr($0, RSTART, RLENGTH)
  sub(/^[^:]*: */, "", found)
  return found
}
# Returns the middle one: a step that was held up by a validation says nothing about the speed.
function median(values, count,  i, j, value) {
  for (i = 2; i <= count; i++) {
    value = values[i]
    for (j = i - 1; j > 0 && values[j] > value; j--) values[j + 1] = values[j]
    values[j + 1] = value
  }
  return values[int((count + 1) / 2)]
}
/^\{.*\}$/ && number("step") != "" && number("tokens") != "" {
  while (n > 0 && step[n] >= number("step") + 0) n--
  step[++n] = number("step") + 0
  tokens[n] = number("tokens") + 0
  loss[n] = number("loss"); rate[n] = number("learning_rate"); norm[n] = number("grad_norm")
  speed[n] = number("tokens_per_second")
  val_loss[n] = number("val_loss"); val_bits[n] = number("val_bits_per_byte")
}
END {
  if (!n) exit 1
  # A file that begins later than the run leaves out as many tokens a step as its first line has on average.
  tokens[0] = step[1] > 0 ? tokens[1] * (1 - 1 / step[1]) : tokens[1]
  stretches = n < 100 ? n : n < 4000 ? 100 : n < 16000 ? int(n / 40) : 400
  for (i = 1; i <= n; i++) {
    if (speed[i] > 0) { seconds += (tokens[i] - tokens[i - 1]) / speed[i]; speeds[++timed] = speed[i] + 0 }
    x = step[i] "\t" tokens[i] "\t" seconds + 0
    if (loss[i] != "") { sum += loss[i]; count++ }
    if (norm[i] != "") { norms += norm[i]; normed++ }
    if (val_loss[i] != "") print x "\t" val_loss[i] "\t" (val_bits[i] == "" ? "NaN" : val_bits[i]) >ENVIRON["valid"]
    if (int(i * stretches / n) == int((i - 1) * stretches / n)) continue
    print x "\t" (count ? sum / count : "NaN") "\t" (rate[i] == "" ? "NaN" : rate[i]) "\t" \
      (timed ? median(speeds, timed) : "NaN") "\t" (normed ? norms / normed : "NaN") >ENVIRON["train"]
    sum = count = norms = normed = timed = 0
  }
}
AWK

# panel NAME: prints for what -y names the columns in `train` and `valid` (0: none), the divisor of its values, whether its axis
# begins at zero, and its title.
panel() {
  case $1 in
    loss) echo "4 4 1 0 loss (nats per token)" ;;
    bits) echo "0 5 1 0 held out (bits per byte)" ;;
    rate) echo "5 0 1 1 learning rate" ;;
    speed) echo "6 0 1000 1 thousand tokens per second" ;;
    norm) echo "7 0 1 1 norm of the gradient" ;;
    *) misused "-y '$1' is not loss, bits, rate, speed or norm" ;;
  esac
}
list=$(printf '%s\n' "$panels" | tr ',' ' ')
[ "$panels" = auto ] && list='loss bits rate speed'
[ -n "$list" ] || misused "-y names nothing to draw"
for name in $list; do panel "$name" >/dev/null; done

runs=0
for file in "$@"; do
  name=$(basename -- "$file" .jsonl)
  case $file in *=*) [ -e "$file" ] || { name=${file%%=*} && file=${file#*=}; } ;; esac
  if [ ! -r "$file" ] || [ -d "$file" ]; then fail "cannot read '$file'"; fi
  # shellcheck disable=SC3013 # dash has it, bash too, and POSIX since 2024
  [ "$output" = - ] || [ ! "$file" -ef "$output" ] || misused "-o names the file of metrics '$file'"
  runs=$((runs + 1))
  touch "$folder/train$runs" "$folder/valid$runs"
  # Neither as operands nor with -v, in which awk sees assignments and escapes.
  train=$folder/train$runs valid=$folder/valid$runs awk -f "$folder/tables.awk" <"$file" ||
    fail "no metrics in '$file'; lm-train --metrics writes them"
  printf '%s\n' "$name" >"$folder/name$runs"
done

# some TABLE COLUMN: succeeds if any run has a number there.
some() { [ "$2" != 0 ] && cat "$folder/$1"* | cut -f "$2" | grep -qv NaN; }
most_validations=$(wc -l "$folder"/valid* | awk '$2 != "total" && $1 > most { most = $1 } END { print most + 0 }')
drawn=''
for name in $list; do
  read -r in_train in_valid _ <<END
$(panel "$name")
END
  if some train "$in_train" || some valid "$in_valid"; then
    # A single validation makes no curve.
    [ "$panels$name" = autobits ] && [ "$most_validations" -lt 2 ] && continue
    drawn="$drawn $name"
  elif [ "$panels" != auto ]; then
    fail "no run has what -y $name draws"
  fi
done
[ -n "$drawn" ] || fail "nothing to draw: the metrics have no loss, learning rate or speed"

case $horizontal in steps) column=1 ;; tokens) column=2 ;; time) column=3 ;; esac
last=$(cat "$folder"/train* | cut -f "$column" | sort -g | tail -n 1)
# The divisor of the horizontal axis, and its title.
axis=$(awk -v kind="$horizontal" -v last="$last" 'BEGIN {
  if (kind == "steps") print "1 steps"
  else if (kind == "tokens") print last < 1e4 ? "1 tokens" : last < 1e7 ? "1e3 thousand tokens" : "1e6 million tokens"
  else print last < 180 ? "1 seconds" : last < 10800 ? "60 minutes" : "3600 hours"
}')
unit=${axis%% *}

# The first losses of a run lie far above all that follow: the axis ends below them.
loss_range=$(cat "$folder"/train* "$folder"/valid* | awk -v x="$column" -v last="$last" '
  $4 == "NaN" { next }
  low == "" || $4 < low { low = $4 }
  $x > 0.05 * last && (high == "" || $4 > high) { high = $4 }
  END { if (low < high) printf "[%g:%g]", low - 0.05 * (high - low), high + 0.05 * (high - low); else print "[*:*]" }')

# ticks COUNT: prints a round distance for about so many on the horizontal axis.
ticks() {
  awk -v range="$(awk -v last="$last" -v unit="$unit" 'BEGIN { print last / unit }')" -v count="$1" 'BEGIN {
    for (step = 1e-6; step * count < range; step *= ++i % 3 == 2 ? 2.5 : 2) continue
    print step
  }'
}
# one_panel NAME X Y WIDTH HEIGHT: prints gnuplot's commands for it, to be run in the folder of the tables.
one_panel() {
  read -r in_train in_valid divisor from_zero label <<END
$(panel "$1")
END
  range='[*:*]'
  [ "$from_zero" = 1 ] && range='[0:*]'
  [ "$1" = loss ] && range=$loss_range
  echo "set origin $2, $3; set size $4, $5; set ylabel '$label'; plot [0:*] $range \\"
  run=0
  while [ $run -lt $runs ]; do
    run=$((run + 1))
    name=$(cat "$folder/name$run")
    if [ "$in_train" != 0 ]; then
      printf '%s\n' "'train$run' using (\$$column/$unit):(\$$in_train/$divisor) with lines linetype $run title $(quoted "$name")"
    fi
    if [ "$in_valid" != 0 ] && [ -s "$folder/valid$run" ]; then
      printf '%s\n' "'valid$run' using (\$$column/$unit):(\$$in_valid/$divisor) with linespoints linetype $run dashtype 2 \
title $(quoted "$name, held out")"
    fi
  done | sed '$!s/$/, \\/'
}

# shellcheck disable=SC2086 # names of panels are words
set -- $drawn
height=760 bottom=0.4 top=0.6
[ $# = 1 ] && height=480 bottom=0 top=1
[ -n "$title" ] && top=$(awk -v top=$top 'BEGIN { print top - 0.05 }')
cp -- "$here/style.gp" "$folder"
{
  echo "set terminal svg size 1000,$height font 'Helvetica,Arial,sans-serif' fontscale 1.05 noenhanced background '#ffffff'"
  printf '%s\n' "load 'style.gp'; set multiplot title $(quoted "$title")"
  echo "set xlabel '${axis#* }'; set lmargin 9; set rmargin 2; set xtics $(ticks 10)"
  one_panel "$1" 0 $bottom 1 "$top"
  echo "unset key; set xtics $(ticks $((10 / ($# > 1 ? $# - 1 : 1))))"
  shift
  place=0
  for name in "$@"; do
    width=$(awk -v n=$# 'BEGIN { print 1 / n }')
    one_panel "$name" "$(awk -v i=$place -v width="$width" 'BEGIN { print i * width }')" 0 "$width" $bottom
    place=$((place + 1))
  done
  echo "unset multiplot"
} >"$folder/commands"
(cd "$folder" && exec gnuplot commands >picture 2>errors) || fail "gnuplot: $(grep -v '^ *$' "$folder/errors" | tail -n 1)"
case $output in /dev/stdout | /dev/fd/1) output=- ;; esac
if [ "$output" = - ]; then
  cat "$folder/picture"
elif [ -e "$output" ] && [ ! -f "$output" ] && [ ! -d "$output" ]; then
  # A pipe or device cannot be replaced by renaming.
  { cat "$folder/picture" >"$output"; } 2>/dev/null || fail "cannot write '$output'"
else
  [ ! -L "$output" ] || output=$(readlink -f -- "$output")
  [ ! -d "$output" ] || fail "cannot write '$output': it is a folder"
  [ ! -e "$output" ] || [ -w "$output" ] || fail "cannot write '$output'"
  temporary=$(dirname -- "$output")/.$(basename -- "$output").$$.tmp
  { cat "$folder/picture" >"$temporary" && mv -f -- "$temporary" "$output"; } 2>/dev/null || fail "cannot write '$output'"
fi
