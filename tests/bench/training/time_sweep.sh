#!/bin/sh
# How near lm-train's own choice under --time comes to the best of a sweep by hand: six models, each with little and with much
# regularisation, and the choice, each trained for the same time on the same text. On an otherwise idle machine:
#     time_sweep.sh TOKENIZER TRAIN.tok VALID.tok TIME
# A line for each run: layers, channels, dropout, weight decay, held-out loss. LM_BIN: where the programs are, if not in PATH.
# SHAPES, REGULARISED (DROPOUT,DECAY ...): others of them; OPTIONS: what every run gets (--precision mixed, which the choice
# would take anyway); FOLDER: where finished runs are kept, and not repeated.
# shellcheck disable=SC2086 # options are words
set -eu
PATH=${LM_BIN:+$LM_BIN:}$PATH
[ $# = 4 ] || { echo "usage: time_sweep.sh TOKENIZER TRAIN VALID TIME" >&2; exit 2; }
tokenizer=$1 train=$2 valid=$3 time=$4
folder=${FOLDER:-$(mktemp -d "${TMPDIR:-/tmp}/lm-sweep.XXXXXX")}
mkdir -p "$folder"
table=$folder/$time.table
: >"$table"

# loss NAME OPTION...: trains, unless that is done, and prints the held-out loss.
loss() {
  name=$folder/$time-$1
  shift
  if [ ! -s "$name.json" ]; then
    lm-train -t "$tokenizer" --time "$time" --valid-every 0 --checkpoint /dev/null -o "$name.model" ${OPTIONS---precision mixed} "$@" "$train" 2>"$name.log"
    lm-eval-ppl "$name.model" --json "$valid" >"$name.new"
    mv "$name.new" "$name.json"
    rm -f "$name.model"
  fi
  sed -nE 's/.*"loss" *: *([-+0-9.eE]+).*/\1/p' "$name.json"
}

for shape in ${SHAPES:-2x64 3x96 4x128 4x192 4x256 6x384}; do
  for both in ${REGULARISED:-0,0.1 0.1,0.5}; do
    layers=${shape%x*} channels=${shape#*x} dropout=${both%,*} decay=${both#*,}
    loss=$(loss "$shape-$both" --layers "$layers" --channels "$channels" --dropout "$dropout" --weight-decay "$decay")
    echo "$layers $channels $dropout $decay $loss" | tee -a "$table"
  done
done
chosen=$(loss chosen)
best=$(sort -g -k 5 "$table" | head -n 1)
printf 'chosen %s; best by hand %s; %+.2f %%\n' "$chosen" "$best" \
  "$(echo "$chosen ${best##* }" | awk '{ print 100 * ($1 / $2 - 1) }')"
sed -n 's/.*chose/chose/p' "$folder/$time-chosen.log"
