#!/bin/bash
# Submits the whole way from text to a model and its perplexity: each stage is a job that waits for those before it.
#
#   pipeline.sh FOLDER TRAIN.list HELD-OUT.list [OPTION of lm-train...]
#   PARTS=64 TASKS=8 pipeline.sh run shards.list held-out.list --steps 100k --layers 12 --channels 768
#
# The lists name a file of text on each line; FOLDER, which must not be there yet, gets all results: tok.json, model.safetensors,
# report.txt. Variables of the environment:
#
#   PARTS       tasks of the job arrays that count, encode and score (default 16, at most one for each file)
#   TASKS       tasks that train, a power of two (default 1)
#   DOCUMENTS   what a document is, as --documents says (default line)
#   VOCABULARY  size of the vocabulary (default 8192)
#
# sbatch reads others, such as SBATCH_PARTITION and SBATCH_ACCOUNT. The folder that this is called in must be visible to all
# machines, and the programs must be in PATH. It prints the jobs.
set -euo pipefail

[ $# -ge 3 ] || { echo "usage: pipeline.sh FOLDER TRAIN.list HELD-OUT.list [OPTION of lm-train...]" >&2; exit 2; }
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1 train=$2 held_out=$3
shift 3
documents=${DOCUMENTS:-line}

fail() { echo "pipeline: $*" >&2; exit 1; }
# Without a line's end after it, the last line counts as well.
files_of() { grep -c '' "$1"; }
for list in "$train" "$held_out"; do
  [ -s "$list" ] || fail "no file is named in '$list'"
done
mkdir "$folder" || fail "give the name of a new folder"
mkdir "$folder/counts" "$folder/tokens" "$folder/reports"

# submit NAME DEPENDENCY OPTION...: prints the number of a job that waits for another one, if DEPENDENCY is not empty.
submit() {
  local name=$1 dependency=$2
  shift 2
  sbatch --parsable --job-name="lm-$name" --output="$folder/$name-%j.log" \
    ${dependency:+--dependency=afterok:"$dependency"} "$@" | cut -d ';' -f 1
}
# in_parts LIST: prints the option that makes a job array for its files.
in_parts() {
  local files
  files=$(files_of "$1")
  echo "--array=0-$(((files < ${PARTS:-16} ? files : ${PARTS:-16}) - 1))"
}
# The names of the token files, in the order of the list, since they are not there yet.
mapfile -t tokens < <(seq -f "$folder/tokens/%06.0f.tok" "$(files_of "$train")")

quoted=$(printf %q "$folder")
counts=$(submit counts '' "$(in_parts "$train")" "$scripts/array.sh" "$train" \
  tok-train --documents "$documents" --dump-counts "$folder/counts/{#}.counts" '{}')
tokenizer=$(submit tokenizer "$counts" --wrap "tok-train --vocab-size ${VOCABULARY:-8192} -o $quoted/tok.json --from-counts $quoted/counts/*.counts")
encode=$(submit tokens "$tokenizer" "$(in_parts "$train")" "$scripts/array.sh" "$train" \
  tok-encode -t "$folder/tok.json" --documents "$documents" -o "$folder/tokens/{#}.tok" '{}')
training=$(submit train "$encode" --ntasks="${TASKS:-1}" "$scripts/train.sh" \
  -t "$folder/tok.json" -o "$folder/model.safetensors" --metrics "$folder/metrics.jsonl" "$@" "${tokens[@]}")
scores=$(submit evaluate "$training" "$(in_parts "$held_out")" "$scripts/array.sh" "$held_out" \
  lm-eval-ppl "$folder/model.safetensors" --documents "$documents" --json -o "$folder/reports/{#}.json" '{}')
report=$(submit report "$scores" --wrap "lm-eval-ppl --merge -o $quoted/report.txt $quoted/reports/*.json")
echo "counts $counts, tokenizer $tokenizer, tokens $encode, training $training, scores $scores, report $report"
