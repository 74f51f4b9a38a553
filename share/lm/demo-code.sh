#!/bin/sh
# Fills in the middle of real code: trains a model on code that this machine has, and lets it write missing lines of files that
# it has not seen, beside the same model trained from left to right. Keeps its files in the given folder (default: a fresh one
# under $TMPDIR). LM_BIN: the folder of the programs, if not in PATH. TIME: how long to train each of the two.
# SOURCE: a folder of code. TASKS: how many lines to write. SHAPE: options of lm-train. VOCABULARY: how many tokens.
# shellcheck disable=SC2046,SC2086 # names of files, which have no blanks here, and options are words
# The layout spm has the middle right after the prefix; small models learn it long before they learn to find the end of the
# prefix across a suffix.
set -f
set -eu
case ${LM_BIN:-/} in /*) ;; *) LM_BIN=$PWD/$LM_BIN ;; esac
PATH=${LM_BIN:+$LM_BIN:}$PATH
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$(mktemp -d "${TMPDIR:-/tmp}/lm-demo-code.XXXXXX")}
training_time=${TIME:-5m}
tasks=${TASKS:-300}
LC_ALL=C
export LC_ALL

for program in tok-train tok-encode lm-train lm-fim lm-sample; do
  command -v "$program" >/dev/null || { echo "demo-code: no '$program'; run: make" >&2; exit 1; }
done
source=${SOURCE:-}
if [ -z "$source" ]; then
  for candidate in $(find /usr/lib /usr/include/c++ -maxdepth 1 \( -path '*/python3.*' -o -path '*/c++/*' \) | sort -r); do
    [ -d "$candidate" ] && [ "$(find "$candidate" -type f -size +1k | wc -l)" -ge 200 ] && { source=$candidate; break; }
  done
fi
if [ -z "$source" ]; then
  echo "demo-code: neither Python's nor C++'s standard library is here; give SOURCE=FOLDER, a folder of code" >&2
  exit 1
fi
case $source in /*) ;; *) source=$PWD/$source ;; esac
mkdir -p "$folder"
cd "$folder"

say() { printf '\n== %s\n' "$*"; }
bytes_in() { xargs cat <"$1" | wc -c; }
# json_string KEY: prints the string under that key in each line, as it is written there; an empty line if there is none.
json_string() { sed -E "s/^(.*[{,])?\"$1\": ?\"(([^\"\\\\]|\\\\.)*)\".*/\\2/; t; s/.*//"; }

say "The code of $source; every twentieth file is held out (files in $folder)"
# Tables of character sets and texts for readers are not code.
find "$source" -type f \( -name '*.py' -o -name '*.h' -o -name '*.hpp' -o -name '*.tcc' -o ! -name '*.*' \) -size +1k \
  ! -path '*/encodings/*' ! -path '*/pydoc_data/*' ! -path '* *' | sort >files
while read -r file; do
  if iconv -f UTF-8 -t UTF-8 "$file" >/dev/null 2>&1; then echo "$file"; fi
done <files >readable
awk 'NR % 20' readable >train.files
awk 'NR % 20 == 0' readable >held-out.files
echo "$(wc -l <train.files) files of $(bytes_in train.files) bytes to train on," \
  "$(wc -l <held-out.files) of $(bytes_in held-out.files) bytes held out"

say "A tokenizer of ${VOCABULARY:-1024} tokens, and the code in tokens"
tok-train --vocab-size "${VOCABULARY:-1024}" --pattern cl100k -o tok.json $(cat train.files)
tok-encode -t tok.json -o train.tok $(cat train.files)

for objective in fim causal; do
  say "A model with --objective $objective, trained for $training_time"
  lm-train -t tok.json ${SHAPE:---config code} --objective $objective --time "$training_time" \
    --overwrite -o $objective.safetensors train.tok
done

say "Missing lines of the held-out files, of 5 to 40 tokens"
awk -v step=list -f "$here/line-tasks.awk" $(cat held-out.files) >lines
cut -f 3 lines | tok-encode -t tok.json --documents line --format ids | awk '{ print NF }' >lengths
paste lengths lines | awk -F '\t' '$1 >= 5 && $1 <= 40' | cut -f 2- >fitting
# Spread over all of them, without a rhythm that the code might have too.
awk '{ print NR * 0.6180339887 % 1 "\t" NR "\t" $0 }' fitting | sort -n | head -n "$tasks" | sort -n -k 2,2 |
  cut -f 3- >chosen
# Eight lines on either side, which fit into the context: both models see the same text before the line.
awk -v around=8 -v step=tasks -f "$here/line-tasks.awk" chosen $(cut -f 1 chosen | uniq) >tasks.jsonl
json_string canonical_solution <tasks.jsonl >solutions

sed -E 's/^\{"task_id":/{"id":/; s/,"prompt":/,"prefix":/; s/,"canonical_solution":.*/,"n":48,"single_line":true}/' \
  tasks.jsonl | lm-fim --layout spm fim.safetensors --jsonl | tee answers.fim | json_string middle >lines.fim
lm-sample -q causal.safetensors --documents jsonl:prompt --json --greedy -n 48 --stop '
' tasks.jsonl | tee answers.causal | json_string text >lines.causal
fraction() {
  paste -d '\n' solutions "$1" | awk 'NR % 2 { solution = $0; next } { all++; right += $0 == solution }
    END { printf "%d of %d lines, %.1f %%\n", right, all, 100 * right / all }'
}
echo "exactly right, given both sides (fim):            $(fraction lines.fim)"
echo "exactly right, given only what precedes (causal):      $(fraction lines.causal)"

say "Three of them: the line between the arrows is the model's"
grep "$(printf '\t') *return " chosen |
  awk '{ line[NR] = $0 } END { for (i = 0; i < 3 && i < NR; i++) print line[int((i + 0.5) * NR / 3) + 1] }' >shown
while IFS="$(printf '\t')" read -r file number solution; do
  head -n $((number - 1)) "$file" >prefix
  tail -n +"$number" "$file" | tail -c +$((${#solution} + 1)) >suffix
  printf '\n-- %s, line %s\n' "$file" "$number"
  tail -n 8 prefix
  middle=$(lm-fim --layout spm fim.safetensors --prefix-file prefix --suffix-file suffix --single-line -n 48)
  printf '>>>>%s<<<<\n' "$middle"
  sed -n 2,4p suffix
  printf -- '-- the original: %s\n' "$solution"
done <shown

say "def add(a, [FIM] return a + b"
printf 'def add(a, [FIM] return a + b' | lm-fim --layout spm fim.safetensors --full -n 40
echo
