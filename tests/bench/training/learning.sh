#!/bin/bash
# What lm-train learns of a text in a given time: the text's last tenth, in disjoint windows of the training context, is what
# it is judged by. Nothing but the time is told to lm-train (OPTIONS: more), and every time is trained with every seed; a line
# each says the wall time of the whole command, what was chosen, and the held-out loss in nats a token, here a byte. The
# curves, loss against time, are left in FOLDER as learning.svg; runs that it holds already are not repeated. On an otherwise
# idle machine:
#     learning.sh [FOLDER]
# TEXT (tinyshakespeare), TIMES (14.2s 88s 236s), SEEDS (0 1 2), SHARE (0.9: what is trained on); LM_BIN: where the programs are.
# shellcheck disable=SC2086 # options are words
set -euo pipefail
here=$(cd "$(dirname -- "$0")" && pwd)
PATH=${LM_BIN:+$LM_BIN:}$PATH
text=${TEXT:-${LM_TEST_DATA:-$here/../../../../shared/data}/text/tinyshakespeare.txt}
[ -r "$text" ] || { echo "learning: cannot read '$text'; TEXT=FILE names a text" >&2; exit 1; }
folder=${1:-$(mktemp -d "${TMPDIR:-/tmp}/lm-learning.XXXXXX")}
mkdir -p "$folder"
setting="$(cksum <"$text") ${SHARE:-} ${OPTIONS:-}"
[ ! -e "$folder/setting" ] || [ "$(cat "$folder/setting")" = "$setting" ] ||
  { echo "learning: '$folder' holds runs of another text, SHARE or OPTIONS" >&2; exit 1; }
echo "$setting" >"$folder/setting"

size=$(wc -c <"$text")
kept=$(awk -v size="$size" -v share="${SHARE:-0.9}" 'BEGIN { printf "%d", size * share }')
head -c "$kept" "$text" >"$folder/train"
tail -c +$((kept + 1)) "$text" >"$folder/valid"
tok-train --vocab-size 257 --no-reserved --pattern none -o "$folder/bytes.json" "$folder/train"
for part in train valid; do tok-encode -t "$folder/bytes.json" -o "$folder/$part.tok" "$folder/$part"; done

# field KEY FILE: a number of a JSON object.
field() { sed -nE "s/.*\"$1\" *: *([-+0-9.eE]+).*/\1/p" "$2"; }
curves=() seeds=${SEEDS:-0 1 2}
for time in ${TIMES:-14.2s 88s 236s}; do
  for seed in $seeds; do
    run=$folder/$time-$seed
    if [ ! -s "$run.json" ]; then
      rm -f "$run.metrics"
      begun=$(date +%s.%N)
      lm-train -t "$folder/bytes.json" --time "$time" --seed "$seed" --valid "$folder/valid.tok" --checkpoint /dev/null \
        --metrics "$run.metrics" ${OPTIONS:-} -o "$run.model" "$folder/train.tok" 2>"$run.log"
      awk -v begun="$begun" -v ended="$(date +%s.%N)" 'BEGIN { printf "%.1f\n", ended - begun }' >"$run.wall"
      context=$(head -c 100000 "$run.model" | grep -aoE '"context\\?" *: *[0-9]+' | head -n 1 | grep -oE '[0-9]+$')
      lm-eval-ppl "$run.model" --stride "$context" --json "$folder/valid.tok" >"$run.new"
      mv "$run.new" "$run.json"
    fi
    [ "$seed" != "${seeds%% *}" ] || curves+=("$time=$run.metrics")
    echo "$time seed $seed: $(cat "$run.wall") s wall, $(wc -l <"$run.metrics") steps, held-out $(field loss "$run.json");" \
      "$(sed -n 's/.*\(chose .*\)/\1/p' "$run.log")"
  done
done
lm-plot -x time -y loss -t "$(basename "$text"): loss against time" -o "$folder/learning.svg" "${curves[@]}" &&
  echo "curves: $folder/learning.svg"
