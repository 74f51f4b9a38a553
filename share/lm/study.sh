#!/bin/sh
# Shows what predicting the next token buys: trains models of several sizes on one text of dictionaries, documentation, the Bible
# and arithmetic, and asks them the probes of lm-eval-ppl. Does a model that predicts better also know more, and of what? Beside
# them stand a unigram and a 5-gram of the same tokens, features of models of other objectives, and models of additions, some of
# which write the steps between. The page of results is study.md in the given folder (default study); a study that is started again continues where it ended.
#   SIZE        quick (the default: minutes on two cores) or full (hours: models of 1 to 10 million parameters)
#   TEXT        a file instead of the packages that make deps-study installs: empty lines end its entries; arithmetic is added
#   BYTES       of the text at the most (default 8000000; full 100000000)
#   TIME        for all of it (default 10m; full 8h), such as 90s or 2h
#   STEPS       instead of TIME: steps of the longest runs
#   SIZES       layers x channels of the models, smallest first, three or more; each runs for a quarter of the steps too
#   SUMS        layers x channels of the models of additions
#   VOCABULARY  tokens of the tokenizer
#   OPTIONS     more options for lm-train, such as '--precision mixed'
#   KENLM       folder of KenLM's programs lmplz and query, if not in PATH; without them there is no 5-gram
#   LM_BIN      folder of the programs, if not in PATH
# shellcheck disable=SC2086 # options are words
set -eu
share=$(cd "$(dirname "$0")" && pwd)
case ${LM_BIN:-/} in /*) ;; *) LM_BIN=$PWD/$LM_BIN ;; esac
case ${KENLM:-/} in /*) ;; *) KENLM=$PWD/$KENLM ;; esac
PATH=${LM_BIN:+$LM_BIN:}${KENLM:+$KENLM:}$PATH
LC_ALL=C
export LC_ALL
folder=${1:-study}
steps=${STEPS:-} size=${SIZE:-quick} tab=$(printf '\t')

fail() { echo "study: $*" >&2; exit 1; }
say() { printf '\n== %s\n' "$*"; }
# json_number KEY: prints the number under KEY in a line of JSON.
json_number() { sed -nE "s/.*\"$1\" *: *([-+0-9.eE]+).*/\1/p"; }

case $size in
  quick) sizes='2x64 3x96 4x128' vocabulary=2048 bytes=8000000 time=10m sums=2x64 ;;
  full) sizes='2x128 4x192 6x256 8x288' vocabulary=8192 bytes=100000000 time=8h sums=4x192 ;;
  *) fail "SIZE '$size' is neither quick nor full" ;;
esac
sizes=${SIZES:-$sizes} vocabulary=${VOCABULARY:-$vocabulary} bytes=${BYTES:-$bytes} time=${TIME:-$time} sums=${SUMS:-$sums}
options="--tied --context 128 --batch 8${OPTIONS:+ $OPTIONS}" sum_options="--tied --context 128 --batch 16${OPTIONS:+ $OPTIONS}"

for program in tok-train tok-encode lm-train lm-eval-ppl lm-sample lm-plot; do
  command -v "$program" >/dev/null || fail "no '$program'; run: make"
done
seconds=$(echo "$time" | awk '/^[0-9.]+[smh]$/ { print $0 * (/s$/ ? 1 : /m$/ ? 60 : 3600) }')
[ -n "$seconds" ] || fail "TIME '$time' is not a time such as 90s, 10m or 2h"
for number in "$bytes" "$vocabulary" "${steps:-1}"; do
  case $number in *[!0-9]* | 0* | '') fail "'$number' is not a number for BYTES, VOCABULARY or STEPS" ;; esac
done
for shape in $sizes "$sums"; do
  echo "$shape" | grep -Eq '^[1-9][0-9]*x[1-9][0-9]*$' || fail "'$shape' in SIZES or SUMS is not LAYERSxCHANNELS, such as 4x128"
done
[ "$(echo $sizes | wc -w)" -ge 3 ] || fail "to compare sizes it needs three SIZES or more"

# The sources: what each is called here, its share of the text, how it is cut into entries, and the command that prints it.
dictd=/usr/share/dictd
documentation() { find /usr/share/doc/python3.*/html/_sources -name '*.rst.txt' | sort | xargs cat; }
bible_text() { bible -f gen1:1-rev22:21 | sed 's/^[^ ]* //'; }
if [ -n "${TEXT:-}" ]; then
  [ -r "$TEXT" ] || fail "cannot read '$TEXT'"
  case $TEXT in /*) ;; *) TEXT=$PWD/$TEXT ;; esac
  sources=$(cksum <"$TEXT")
else
  for file in $dictd/gcide.dict.dz $dictd/wn.dict.dz; do
    [ -r $file ] || fail "no '$file'; run: make deps-study, or give TEXT=FILE"
  done
  command -v bible >/dev/null || fail "no 'bible'; run: make deps-study, or give TEXT=FILE"
  [ -n "$(find /usr/share/doc/python3.*/html/_sources -name '*.rst.txt' 2>/dev/null | head -n 1)" ] ||
    fail "no documentation of Python in /usr/share/doc; run: make deps-study, or give TEXT=FILE"
  sources=$(cat $dictd/gcide.dict.dz $dictd/wn.dict.dz | cksum)
fi
mkdir -p "$folder"
cd "$folder"

# A study has one text and one plan.
budget="time $time"
[ -z "$steps" ] || budget="steps $steps"
cat "$share"/probes/*.jsonl >probes.jsonl
settings="sizes $sizes, sums $sums, vocabulary $vocabulary, bytes $bytes, $budget, options $options, text $sources,\
 probes $(cksum <probes.jsonl)"
if [ -e settings ]; then
  [ "$(cat settings)" = "$settings" ] ||
    fail "'$folder' holds another study ($(cat settings)); give another folder, or remove it"
else
  echo "$settings" >settings
fi

# The items as a table: kind, group, context, two endings, answer; and their contexts. Strings stay as JSON writes them.
string='"(([^"\\]|\\.)*)"'
item='"kind":"([^"]*)","group":([0-9]+),"phenomenon":"[^"]*","context":'$string',"endings":\['$string,$string'\],"answer":([01])'
sed -E "s/^\{$item\}$/\1$tab\2$tab\3$tab\5$tab\7$tab\9/" probes.jsonl >items.tsv
cut -f 3 items.tsv >contexts

# Entries are JSON, one a line. entries: of a dictionary, which begin in the first column, on one line each, without what is
# printed of pronunciation and sources. paragraphs: what empty lines separate, 400 to 2000 bytes or so.
json='function json(text) {
  gsub(/[\001-\010\013-\037]/, "", text); gsub(/\t/, "    ", text); gsub(/["\\]/, "\\\\&", text); gsub(/\n/, "\\n", text)
  if (text != "") print "{\"text\":\"" text "\"}"
}'
entries() {
  awk "$json"'
    function out() {
      gsub(/ *\[[^]]*(Webster|PJC|WordNet|Obs)[^]]*\]/, "", text); gsub(/  +/, " ", text); sub(/ $/, "", text)
      json(text)
      text = ""
    }
    /^[^ ]/ { out(); skip = /^00-?database/ }
    skip { next }
    { gsub(/\\[^\\]*\\,?/, ""); gsub(/[{}]/, ""); text = text (text == "" ? "" : " ") $0 }
    END { out() }'
}
paragraphs() {
  awk "$json"'
    function out() { sub(/\n+$/, "", text); json(text); text = "" }
    { text = text $0 "\n" }
    length(text) > 2000 || ($0 == "" && length(text) > 400) { out() }
    END { out() }'
}
# some SHARE FILE: of the entries in FILE every so many, to make about that share of the text; all if they are fewer.
some() {
  awk -v share="$(awk "BEGIN { print $1 * $bytes / $(wc -c <"$2") }")" 'int(NR * share) > int((NR - 1) * share)' "$2"
}

# Statements of arithmetic, in figures and in words, which the items do not have.
arithmetic() {
  awk -v bytes="$1" '
    function word(n) { return n < 20 ? small[n + 1] : tens[int(n / 10) + 1] (n % 10 ? "-" small[n % 10 + 1] : "") }
    function capital(text) { return toupper(substr(text, 1, 1)) substr(text, 2) }
    function upto(n) { return int(rand() * (n + 1)) }
    BEGIN {
      split("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " \
        "seventeen eighteen nineteen", small, " ")
      split("- - twenty thirty forty fifty sixty seventy eighty ninety", tens, " ")
      srand(1)
      while (bytes > 0) {
        limit = rand() < 0.5 ? 20 : 49
        a = upto(limit); b = upto(limit); low = a < b ? a : b; high = a + b - low; c = upto(12); d = upto(12)
        which = upto(11)
        if (which == 0) line = a " + " b " = " a + b
        else if (which == 1) line = high " - " low " = " high - low
        else if (which == 2) line = c " * " d " = " c * d
        else if (which == 3) line = capital(word(a)) " plus " word(b) " is " word(a + b)
        else if (which == 4) line = capital(word(high)) " minus " word(low) " is " word(high - low)
        else if (which == 5 && c * d < 100) line = capital(word(c)) " times " word(d) " is " word(c * d)
        else if (which == 5) line = "Half of " 2 * a " is " a
        else if (which == 6) line = "Of the numbers " a " and " b ", the larger is " high
        else if (which == 7) line = "The whole number just after " word(a) " is " word(a + 1)
        else if (which == 8) line = "The number " a + b " is " ((a + b) % 2 ? "odd" : "even")
        else if (which == 9) line = a ", " a + d ", " a + 2 * d ", " a + 3 * d ", " a + 4 * d
        else if (which == 10) line = "The number " a + b " in words is " word(a + b)
        else line = "Half of " word(2 * a) " is " word(a) (a < 50 ? ", and twice " word(a) " is " word(2 * a) : "")
        print line "."
        bytes -= length(line) + 2
      }
    }' | grep -vFf contexts | awk "$json"'
    { text = text (NR % 10 == 1 ? "" : "\n") $0 }
    NR % 10 == 0 { json(text); text = "" }
    END { json(text) }'
}

if [ ! -e text.jsonl ]; then
  say "The text"
  rm -f text.new sources.tsv
  # add NAME SHARE: adds that share of the entries on standard input, without those that hold the context of an item.
  add() {
    iconv -c -f UTF-8 -t UTF-8 >source.new || : # what is not UTF-8 is left out
    some "$2" source.new >some.new
    grep -vFf contexts some.new >kept.new || :
    left_out=$(($(wc -l <some.new) - $(wc -l <kept.new)))
    printf '%s\t%d\t%d\t%d\n' "$1" "$(wc -l <kept.new)" "$(wc -c <kept.new)" $left_out >>sources.tsv
    cat kept.new >>text.new
    rm source.new some.new kept.new
  }
  if [ -n "${TEXT:-}" ]; then
    paragraphs <"$TEXT" | add "${TEXT##*/}" 0.9
  else
    gzip -cd <$dictd/gcide.dict.dz | entries | add 'Collaborative International Dictionary of English' 0.35
    gzip -cd <$dictd/wn.dict.dz | entries | add WordNet 0.25
    documentation | paragraphs | add "Python's documentation" 0.2
    bible_text | paragraphs | add 'King James Bible' 0.1
  fi
  arithmetic "$(awk "BEGIN { print int(0.1 * $(wc -c <text.new) / 0.9) }")" | add 'generated arithmetic' 1
  mv text.new text.jsonl
  awk -F '\t' '{ 
    printf "%s: %d entries, %d bytes; %d left out, which hold the context of an item\n", $1, $2, $3, $4 }' sources.tsv
fi
# One entry in so many is held out: 200 kB at the most.
every=$(awk -v bytes="$(wc -c <text.jsonl)" 'BEGIN { n = int(bytes / 200000) + 1; print n < 10 ? 10 : n }')
if [ ! -e held-out.tok ]; then
  awk -v every="$every" 'NR % every != 1' text.jsonl >train.jsonl
  awk -v every="$every" 'NR % every == 1' text.jsonl >held-out.jsonl
  [ -s train.jsonl ] || fail "no text could be held out: it needs entries"
  tok-train --vocab-size "$vocabulary" --documents jsonl -o tok.json train.jsonl
  tok-encode -t tok.json --documents jsonl -o train.tok train.jsonl
  tok-encode -t tok.json --documents jsonl -o held-out.new held-out.jsonl
  mv held-out.new held-out.tok
fi

# For the items of three kinds: do the two words that matter occur in one entry? They are the rarest word of the right ending and
# the rarest word of the context that the other context of the group lacks. The wrong ending shows how often that is chance.
if [ ! -e facts.tsv ]; then
  say "Are the facts in the text?"
  awk -F '\t' -v OFS='\t' '
    function words(text, list) { gsub(/\\n/, " ", text); gsub(/[^a-z]+/, " ", text); return split(text, list, " ") }
    function rarest(text, not, n, i, list, others, best) {
      n = words(not, list); split("", others)
      for (i = 1; i <= n; i++) others[list[i]]
      n = words(text, list); best = ""
      for (i = 1; i <= n; i++) if (!(list[i] in others) && (best == "" || count[list[i]] + 0 < count[best] + 0)) best = list[i]
      return best == "" && not != "" ? rarest(text, "") : best
    }
    FNR == 1 { file++ }
    file == 1 {
      if ($1 !~ /^(geography|law|common-sense)$/) next
      item[++items] = FNR; kind[items] = $1; context[items] = tolower($3)
      right[items] = tolower($(4 + $6)); wrong[items] = tolower($(5 - $6))
      if (($1, $2) in first) { other[items] = first[$1, $2]; other[first[$1, $2]] = items } else first[$1, $2] = items
      n = words(context[items] " " right[items] " " wrong[items], list)
      for (i = 1; i <= n; i++) wanted[list[i]]
      next
    }
    { n = words(tolower(substr($0, 10)), list) }
    file == 2 {
      for (i = 1; i <= n; i++) if (list[i] in wanted && seen[list[i]] != FNR) { seen[list[i]] = FNR; count[list[i]]++ }
      next
    }
    FNR == 1 {
      for (i = 1; i <= items; i++) {
        key[i] = rarest(context[i], context[other[i]]); answer[i] = rarest(right[i], ""); lure[i] = rarest(wrong[i], "")
        of[key[i]] = of[key[i]] " " i
      }
      split("", seen)
    }
    {
      for (i = 1; i <= n; i++) if (list[i] in wanted) seen[list[i]] = FNR
      for (i = 1; i <= n; i++) {
        if (!(list[i] in of) || done[list[i]] == FNR) continue
        done[list[i]] = FNR
        m = split(of[list[i]], these, " ")
        for (j = 1; j <= m; j++) { t = these[j]; both[t] += seen[answer[t]] == FNR; lured[t] += seen[lure[t]] == FNR }
      }
    }
    END {
      for (i = 1; i <= items; i++)
        print item[i] - 1, kind[i], key[i], answer[i], count[key[i]] + 0, count[answer[i]] + 0, both[i] + 0, lured[i] + 0
    }
  ' items.tsv train.jsonl train.jsonl >facts.new
  mv facts.new facts.tsv
fi
# The facts by kind: items, with both words in the text, with both in one entry, with the wrong ending's in one.
facts() {
  awk -F '\t' -v OFS='\t' '{ n[$2]++; words[$2] += $5 && $6; both[$2] += $7 > 0; lured[$2] += $8 > 0 }
    END { for (k in n) print k, n[k], words[k] / n[k], both[k] / n[k], lured[k] / n[k] }' facts.tsv | sort
}
facts | awk -F '\t' '{
  printf "%s: %d items; words in one entry for %.0f %%, those of the wrong ending for %.0f %%\n", $1, $2, 100 * $4, 100 * $5 }'

# Two ways to write the same additions, for models of bytes.
if [ ! -e sums.held ]; then
  awk 'BEGIN { srand(7); for (a = 10; a < 100; a++) for (b = 10; b < 100; b++) print rand(), a, b }' | sort | awk -v held=810 '
    function steps(a, b) {
      tens = a - a % 10 + b - b % 10; ones = a % 10 + b % 10
      return a " + " b ": " a % 10 " + " b % 10 " = " ones ", " a - a % 10 " + " b - b % 10 " = " tens ", " \
        tens " + " ones " = " a + b
    }
    NR <= held { if (NR <= 200) print $2, $3; next }
    { print $2 " + " $3 " = " $2 + $3 >"sums-direct.txt"; print steps($2, $3) >"sums-steps.txt" }' >held.new
  awk '{ print $1 " + " $2 " =" >"prompts-direct"; print $1 " + " $2 ":" >"prompts-steps" }' held.new
  tok-train --vocab-size 257 --no-reserved --documents line -o bytes.json sums-direct.txt
  for way in direct steps; do tok-encode -t bytes.json --documents line -o sums-$way.tok sums-$way.txt; done
  mv held.new sums.held
fi

# train SHAPE OPTION...: a model of the text. add_up WAY OPTION...: one of additions.
train() {
  shape=$1
  shift
  lm-train -t tok.json --layers "${shape%x*}" --channels "${shape#*x}" $options "$@" train.tok
}
add_up() {
  way=$1
  shift
  lm-train -t bytes.json --layers "${sums%x*}" --channels "${sums#*x}" $sum_options "$@" "sums-$way.tok"
}
# speed FILE: prints the median speed of the steps in it.
speed() { json_number tokens_per_second <"$1" | sort -g | sed -n 10p; }

# The plan, a line for each run: shape, steps, parameters, tokens; and for the additions only the steps. Half of the time is for
# the runs on the text, and two more of the second shape; a third for the additions, the rest for all else.
if [ ! -e plan ]; then
  say "A plan: $budget"
  rm -f shapes speeds
  for shape in $sizes; do
    rm -f speeds
    train "$shape" --dry-run --json >dry-run
    [ -n "$steps" ] || train "$shape" -q --steps 20 --metrics speeds -o /dev/null
    touch speeds
    parameters=$(json_number parameters <dry-run) tokens=$(json_number tokens_per_step <dry-run)
    printf '%s\t%d\t%d\t%s\n' "$shape" "$parameters" "$tokens" "$(speed speeds)" >>shapes
  done
  rm -f speeds
  [ -n "$steps" ] || add_up direct -q --steps 20 --metrics speeds -o /dev/null
  touch speeds
  add_up direct --dry-run --json >dry-run
  tokens=$(json_number tokens_per_step <dry-run)
  sum_steps=${steps:-$(awk -v seconds="$seconds" -v tokens="$tokens" -v speed="$(speed speeds)" \
    'BEGIN { print int(seconds / 7.5 * speed / tokens) }')}
  awk -F '\t' -v steps="$steps" -v sum_steps="$sum_steps" -v seconds="$seconds" '
    { shape[NR] = $1; parameters[NR] = $2; tokens[NR] = $3; if (steps == "") cost += (NR == 2 ? 3.25 : 1.25) * $3 / $4 }
    END {
      longest = steps == "" ? int(seconds / 2 / cost) : steps
      if (longest < 20 || sum_steps < 20) { print "study: too short: give more TIME or STEPS" | "cat >&2"; exit 1 }
      print "sums\t" sum_steps
      for (part = 4; part >= 1; part -= 3) for (i = 1; i <= NR; i++) {
        n = int(longest / part)
        printf "%s\t%d\t%d\t%d\n", shape[i], n, parameters[i], n * tokens[i]
      }
    }' shapes >plan.new
  mv plan.new plan
fi
sum_steps=$(sed -n 1p plan | cut -f 2)

say "Models of the text; runs that are done are not repeated"
touch runs
sed 1d plan | while read -r shape steps_of_run parameters tokens; do
  name=$shape-$steps_of_run
  grep -q "^$name$tab" runs && continue
  [ -e "$name.safetensors" ] || train "$shape" -q --steps "$steps_of_run" --valid held-out.tok --valid-every 0 \
    --metrics "$name.jsonl" --checkpoint "$name.state" --checkpoint-every 2m --resume auto -o "$name.safetensors" </dev/null
  bits=$(tail -n 1 "$name.jsonl" | json_number val_bits_per_byte)
  loss=$(tail -n 1 "$name.jsonl" | json_number val_loss)
  [ -n "$bits" ] || fail "'$folder/$name.jsonl' ends without a validation"
  lm-eval-ppl "$name.safetensors" --cloze probes.jsonl --json >"$name.probes.json"
  lm-eval-ppl "$name.safetensors" --cloze probes.jsonl --tsv | awk -F '\t' '$1 != "" && $2 == ""' >"$name.kinds"
  lm-eval-ppl "$name.safetensors" --cloze probes.jsonl --level document --tsv >"$name.items"
  printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$parameters" "$tokens" "$loss" "$bits" >>runs
  rm -f "$name.state"
  printf '%-12s %.4f bits per byte\n' "$name" "$bits"
done
best=$(tail -n 1 plan | awk '{ print $1 "-" $2 }')

# Models that count: the unigram here, the 5-gram by KenLM, of the same tokens. Each line of questions is an item's context with
# one of its endings; the score leaves out what only the end of the line adds. Their items: number, kind, right, margin.
tok-encode -t tok.json --documents jsonl --format ids -o train.ids train.jsonl
tok-encode -t tok.json --documents jsonl --format ids -o held-out.ids held-out.jsonl
awk -F '\t' '{ print "{\"text\":\"" $3 $4 "\"}"; print "{\"text\":\"" $3 $5 "\"}" }' items.tsv |
  tok-encode -t tok.json --documents jsonl --format ids -o questions.ids
held_bytes=$(lm-eval-ppl "$best.safetensors" --json held-out.tok | json_number bytes)
# count_items SCORES >ITEMS: from the natural logarithm of each question.
count_items() {
  awk -F '\t' -v OFS='\t' 'NR == FNR { score[NR - 1] = $1; next }
    { i = FNR - 1; margin = score[2 * i + $6] - score[2 * i + 1 - $6]
      print i, $1, (margin > 1e-6 ? 1 : margin < -1e-6 ? 0 : 0.5), margin }' \
    "$1" items.tsv
}
unigram() {
  awk -v ids="$vocabulary" 'NR == FNR { for (i = 1; i <= NF; i++) count[$i]++; all += NF; next }
    { sum = 0; for (i = 1; i <= NF; i++) sum += log((count[$i] + 1) / (all + ids)); print sum }' train.ids "$1"
}
fivegram() {
  query 5gram.arpa <"$1" 2>/dev/null | awk -F '\t' '/Total:/ {
    sum = 0
    for (i = 1; i < NF; i++) if ($i !~ /^<\/s>=/) { n = split($i, part, " "); sum += part[n] }
    print sum * log(10) }'
}
counted=unigram
unigram questions.ids >unigram.scores
unigram held-out.ids >unigram.held
no_kenlm=
if command -v lmplz >/dev/null && command -v query >/dev/null; then
  if [ ! -e 5gram.arpa ]; then
    lmplz -o 5 --discount_fallback -S 1G -T . <train.ids >5gram.new 2>lmplz.log || fail "lmplz failed: $(tail -n 1 lmplz.log)"
    mv 5gram.new 5gram.arpa
  fi
  fivegram questions.ids >5gram.scores
  fivegram held-out.ids >5gram.held
  counted='unigram 5gram'
else
  no_kenlm="no 5-gram: KenLM's programs lmplz and query are not in PATH; give their folder as KENLM"
  echo "study: $no_kenlm" >&2
fi
for model in $counted; do
  [ "$(wc -l <$model.scores)" = "$(wc -l <questions.ids)" ] || fail "the $model scored $(wc -l <$model.scores) questions"
  count_items $model.scores >$model.items
done

say "Features of causal, masked and prefix models"
# Pieces of six words of the held-out entries, as many of each source (but the arithmetic, which figures give away) or, if that is
# one file, of each third of it: it is that which is to be told by features. Every twelfth word begins one.
if [ ! -e pieces.jsonl ]; then
  awk -F '\t' -v OFS='\t' -v every="$every" '
    FNR == NR { if ($1 != "generated arithmetic") { last[++sources] = all + $2; name[sources] = $1 } all += $2; next }
    {
      line = (FNR - 1) * every + 1
      for (i = 1; i <= sources && line > last[i]; i++);
      if (i > sources) next
      label = sources > 1 ? name[i] : "third " (1 + int(3 * (line - 1) / last[1]))
      text = substr($0, 10, length($0) - 11)
      gsub(/\\n/, " ", text); gsub(/\\./, "", text); gsub(/"/, "", text)
      n = split(text, word, " ")
      for (w = 1; w + 5 <= n; w += 12) {
        piece = word[w]
        for (k = 1; k < 6; k++) piece = piece " " word[w + k]
        print label, piece
      }
    }' sources.tsv held-out.jsonl >pieces.new
  least=$(cut -f 1 pieces.new | sort | uniq -c | awk '{ if (NR == 1 || $1 < n) n = $1 } END { print (n > 400 ? 400 : n + 0) }')
  [ "$least" -ge 10 ] || fail "the held-out text is too short for features: give more BYTES or a longer TEXT"
  awk -F '\t' -v OFS='\t' -v least="$least" '
    NR == FNR { n[$1]++; next }
    { k = ++seen[$1]; if (int(k * least / n[$1]) > int((k - 1) * least / n[$1])) print }' pieces.new pieces.new >pieces.tsv
  awk -F '\t' '{ print "{\"text\":\"" $2 "\",\"source\":\"" $1 "\"}" }' pieces.tsv >pieces.new
  mv pieces.new pieces.jsonl
fi
features_shape=$(echo $sizes | cut -d ' ' -f 2) features_steps=${best#*-}
touch features
for objective in untrained causal masked prefix; do
  grep -q "^$objective$tab" features && continue
  case $objective in
    causal) name=$features_shape-$features_steps ;;
    *) name=$features_shape-$objective ;;
  esac
  case $objective in
    untrained) set -- --steps 1 --lr 1e-9 ;;
    causal) set -- ;; # it is there already
    *) set -- --steps "$features_steps" --objective $objective ;;
  esac
  [ -e "$name.safetensors" ] || train "$features_shape" -q "$@" --checkpoint "$name.state" --checkpoint-every 2m --resume auto \
    -o "$name.safetensors" </dev/null
  rm -f "$name.state"
  lm-eval-ppl "$name.safetensors" --classify source --tsv pieces.jsonl >"$name.classes"
  awk -F '\t' -v OFS='\t' -v name=$objective 'NR == 1 { print name, $4, $5, $6, $7 }' "$name.classes" >>features
  echo "$objective: $(tail -n 1 features | cut -f 2) right"
done
# Beside them, the same by the pieces' tokens alone: naive Bayes, one added to each count, in five folds too.
cut -f 1 pieces.tsv >pieces.labels
tok-encode -t tok.json --documents jsonl --format ids -o pieces.ids pieces.jsonl
paste pieces.labels pieces.ids | awk -F '\t' -v OFS='\t' -v ids="$vocabulary" '
  {
    label[NR] = $1; tokens[NR] = $2; fold = NR % 5
    if (!($1 in number)) { number[$1] = ++classes; name[classes] = $1 }
    c = number[$1]; documents[fold, c]++
    m = split($2, t, " ")
    for (i = 1; i <= m; i++) { count[fold, c, t[i]]++; all[fold, c]++ }
  }
  END {
    for (d = 1; d <= NR; d++) {
      m = split(tokens[d], t, " "); best = 0
      for (c = 1; c <= classes; c++) {
        prior = sum = 0
        for (f = 0; f < 5; f++) if (f != d % 5) { prior += documents[f, c]; sum += all[f, c] }
        score = log(prior + 1)
        for (i = 1; i <= m; i++) {
          n = 1
          for (f = 0; f < 5; f++) if (f != d % 5 && (f, c, t[i]) in count) n += count[f, c, t[i]]
          score += log(n / (sum + ids))
        }
        if (!best || score > highest) { best = c; highest = score }
      }
      right += name[best] == label[d]
    }
    p = right / NR; z2 = 1.959964 ^ 2; middle = p + z2 / (2 * NR)
    half = 1.959964 * sqrt(p * (1 - p) / NR + z2 / (4 * NR * NR)); scale = 1 + z2 / NR
    print "tokens alone", p, (middle - half) / scale, (middle + half) / scale, 1 / classes
  }' >features.tokens

say "Additions with and without steps between"
touch sums
for run in $((sum_steps / 4))-direct $((sum_steps / 4))-steps "$sum_steps-direct" "$sum_steps-steps"; do
  grep -q "^$run$tab" sums && continue
  way=${run#*-} name=sums-${run#*-}-${run%-*}
  [ -e "$name.safetensors" ] || add_up "$way" -q --steps "${run%-*}" --metrics "$name.jsonl" --checkpoint "$name.state" \
    --checkpoint-every 2m --resume auto -o "$name.safetensors" </dev/null
  rm -f "$name.state"
  lm-sample "$name.safetensors" --documents line --greedy -n 60 --json "prompts-$way" >"$name.answers"
  # An answer is what the text ends with.
  right=$(sed -E 's/.*"text":"(([^"\\]|\\.)*)".*/\1/; s/.*[= ]//' "$name.answers" | paste -d ' ' sums.held - |
    awk '$3 == $1 + $2' | wc -l)
  tokens=$(tail -n 1 "$name.jsonl" | json_number tokens)
  statements=$(awk -v tokens="$tokens" '{ bytes += length($0) + 1 } END { printf "%d", tokens / bytes * NR }' "sums-$way.txt")
  printf '%s\t%s\t%s\t%s\t%s\n' "$run" "$right" "$(wc -l <sums.held)" "$statements" "$tokens" >>sums
  echo "$way, ${run%-*} steps: $right of $(wc -l <sums.held) held-out sums are right"
done

# The page.
command -v gnuplot >/dev/null && pictures=yes || pictures=
if [ -n "$pictures" ]; then
  set --
  for shape in $sizes; do set -- "$@" "$shape=$shape-${best#*-}.jsonl"; done
  lm-plot -x tokens -t 'The longest runs' -o curves.svg "$@"
  longest=$(tail -n 1 plan | cut -f 4)
  awk -F '\t' -v OFS='\t' -v longest="$longest" 'BEGIN { print "parameters", "loss", "run" } $3 == longest { print $2, $4, $1 }' \
    runs >sizes.tsv
  lm-plot -t 'Held-out loss by size' -o sizes.svg sizes.tsv
fi
kinds=$(cut -f 1 items.tsv | uniq)
# by_kind COLUMN: a table of the runs, with a column of their kinds.
by_kind() {
  echo "| model | parameters | tokens | bits per byte |$(printf ' %s |' $kinds)"
  echo "|---|--:|--:|--:|$(printf '%s' "$kinds" | awk '{ printf "--:|" }')"
  while IFS=$tab read -r name parameters tokens _ bits; do
    printf '| %s | %d | %d | %.3f |' "$name" "$parameters" "$tokens" "$bits"
    for kind in $kinds; do
      awk -F '\t' -v kind="$kind" -v column="$1" '$1 == kind {
        if (column == 4) printf " %.1f %% |", 100 * $4; else printf " %+.2f |", $column }' "$name.kinds"
    done
    echo
  done <runs
}
{
  echo '# What predicting the next token buys'
  echo
  cat <<\TEXT
Models of several sizes learned to predict the next token of one text, and nothing else. Then they were asked the probes of
`lm-eval-ppl`: which of two endings is more probable after a context? Each ending is right in one item of a group and wrong
in the other, so that chance is 50 %, and a model without regard for the context has exactly that.
TEXT
  echo
  echo '## The text'
  echo
  echo '| source | entries | bytes | left out |'
  echo '|---|--:|--:|--:|'
  awk -F '\t' '{ printf "| %s | %d | %d | %d |\n", $1, $2, $3, $4 }' sources.tsv
  echo
  cat <<\TEXT
Entries that hold the context of an item verbatim are left out, and so are such statements of arithmetic.
Are the facts in the text? The two words that matter are the rarest of the right ending and the rarest of what sets the
context apart from the other one of its group. The last column is the same for the wrong ending: what chance would give.
TEXT
  echo
  echo '| kind | items | both words in the text | together in one entry | the wrong ending together |'
  echo '|---|--:|--:|--:|--:|'
  facts | awk -F '\t' '{ printf "| %s | %d | %.0f %% | %.0f %% | %.0f %% |\n", $1, $2, 100 * $3, 100 * $4, 100 * $5 }'
  echo
  echo '## Does a lower loss bring a better understanding?'
  echo
  echo 'Accuracy by kind, beside the loss on held-out text:'
  echo
  by_kind 4
  echo
  echo 'Margin: the log of how much more probable the right ending is than the wrong one, in nats, on average:'
  echo
  by_kind 8
  echo
  echo "What one bit per byte less brings, by least squares over the $(wc -l <runs) runs, with the correlation r of bits saved"
  echo "and gain; and the accuracy of $best with its 95 % interval:"
  echo
  echo '| kind | accuracy, points per bit | r | margin, nats per bit | r | accuracy |'
  echo '|---|--:|--:|--:|--:|--:|'
  while IFS=$tab read -r name _ _ _ bits; do sed "s/^/$bits$tab/" "$name.kinds"; done <runs >points
  for kind in $kinds; do
    awk -F '\t' -v kind="$kind" '
      function fit(xy, yy, y) {
        yy -= y * y / n; xy -= x * y / n
        slope = xx ? -xy / xx : 0; r = xx * yy > 0 ? -xy / sqrt(xx * yy) : 0
      }
      $2 == kind {
        n++; x += $1; sxx += $1 * $1
        a += $5; xa += $1 * $5; aa += $5 * $5
        m += $9; xm += $1 * $9; mm += $9 * $9
        last = $5; low = $6; high = $7
      }
      END {
        xx = sxx - x * x / n
        fit(xa, aa, a); printf "| %s | %+.1f | %+.2f |", kind, 100 * slope, r
        fit(xm, mm, m); printf " %+.2f | %+.2f | %.1f %% (%.1f to %.1f) |\n", slope, r, 100 * last, 100 * low, 100 * high
      }' points
  done
  echo
  echo "Does it know what the text says? Accuracy of $best on the groups of which the text has both items' words together,"
  echo "those of one item, or none. Whole groups are compared, since a frequent ending is more often together, and preferred too."
  echo
  echo '| kind | both | items | one | items | none | items |'
  echo '|---|--:|--:|--:|--:|--:|--:|'
  awk -F '\t' '
    function share(t) { return n[k, t] ? sprintf("%.1f %%", 100 * sum[k, t] / n[k, t]) : "-" }
    NR == FNR { right[$1] = $5; group[$1] = $2 "\t" $4; next }
    { together[group[$1]] += $7 > 0; score[group[$1]] += right[$1]; kind[$2] }
    END {
      for (g in score) { split(g, part, "\t"); n[part[1], together[g]] += 2; sum[part[1], together[g]] += score[g] }
      for (k in kind) printf "| %s | %s | %d | %s | %d | %s | %d |\n", k, share(2), n[k, 2], share(1), n[k, 1], share(0), n[k, 0]
    }' "$best.items" facts.tsv | sort
  [ -z "$pictures" ] || printf '\n![the longest runs](curves.svg)\n![held-out loss by size](sizes.svg)\n'
  echo
  echo '## Beside models that count'
  echo
  cat <<\TEXT
A unigram (each token's frequency, one added) and a 5-gram (KenLM's, modified Kneser-Ney) of the same tokens answer the same
items. A unigram cannot tell the two contexts of a group apart: it shows that the items are fair.
TEXT
  [ -z "$no_kenlm" ] || printf '\nIn this run there is %s.\n' "$no_kenlm"
  echo
  echo "| model | bits per byte |$(printf ' %s |' $kinds)"
  echo "|---|--:|$(printf '%s' "$kinds" | awk '{ printf "--:|" }')"
  for model in $counted; do
    printf '| %s | %.3f |' $model "$(awk -v bytes="$held_bytes" '{ sum -= $1 } END { print sum / bytes / log(2) }' $model.held)"
    for kind in $kinds; do
      awk -F '\t' -v kind="$kind" '$2 == kind { n++; sum += $3 } END { printf " %.1f %% |", 100 * sum / n }' $model.items
    done
    echo
  done
  printf '| %s | %.3f |' "$best" "$(tail -n 1 runs | cut -f 5)"
  for kind in $kinds; do awk -F '\t' -v kind="$kind" '$1 == kind { printf " %.1f %% |", 100 * $4 }' "$best.kinds"; done
  echo
  echo
  echo "In pairs, item by item, $best against each: items that only one of the two has right, and the difference of accuracy"
  echo 'with a 95 % interval over groups.'
  echo
  echo "| against | kind | only $best | only the other | difference, points |"
  echo '|---|---|--:|--:|--:|'
  for model in $counted; do
    for kind in $kinds; do
      paste "$best.items" $model.items | awk -F '\t' -v kind="$kind" -v model="$model" '
        $2 == kind { d = $5 - $(NF - 1); ours += d > 0; theirs += d < 0; n++; sum += d; group[$4] += d }
        END {
          for (g in group) { groups++; square += (group[g] - 2 * sum / n) ^ 2 }
          interval = 1.96 * sqrt(square * groups / (groups - 1)) / n
          printf "| %s | %s | %d | %d | %+.1f ± %.1f |\n", model, kind, ours, theirs, 100 * sum / n, 100 * interval
        }'
    done
  done
  echo
  echo '## Steps written between'
  echo
  cat <<TEXT
Models of $sums, of bytes, learned additions of two-digit numbers from equally many tokens, and from a quarter of them.
Some learned \`$(sed -n 1p sums-direct.txt)\`, others \`$(sed -n 1p sums-steps.txt)\`.
They are asked for $(wc -l <sums.held) sums that none has seen; the likeliest text counts, and only an exact result.
Nothing plans: the steps are only more tokens to predict, and to read again.
TEXT
  echo
  echo '| statements | tokens | statements read | right | of |'
  echo '|---|--:|--:|--:|--:|'
  awk -F '\t' '{
    printf "| %s | %d | %d | %.1f %% | %d |\n", ($1 ~ /direct/ ? "result only" : "with steps"), $5, $4, 100 * $2 / $3, $3 }' sums
  echo
  echo '## Features of other objectives'
  echo
  cat <<TEXT
Models of $features_shape that learned to predict the next token, hidden tokens, or what follows a prefix, from equally many tokens
($(awk -F '\t' -v shape="$features_shape" -v steps="$features_steps" '$1 == shape && $2 == steps { print $4 }' plan) of the text).
A linear classifier of their mean hidden states (\`lm-eval-ppl --classify\`) says from which source six words of held-out text are:
$(wc -l <pieces.tsv) pieces, equally many of each source, by cross-validation. The causal model sees them from left to right, the
other two both ways. Beside them stand a model that has learned nothing, and naive Bayes on the pieces' tokens, which has no model.
Pieces of one entry are not independent, so that the intervals are somewhat too narrow.
TEXT
  echo
  echo '| features of | accuracy | 95 % interval | chance |'
  echo '|---|--:|--:|--:|'
  cat features features.tokens | awk -F '\t' '{ printf "| %s | %.1f %% | %.1f to %.1f | %.1f %% |\n", $1, 100 * $2, 100 * $3, 100 * $4, 100 * $5 }'
  echo
  echo '| source | pieces |'
  echo '|---|--:|'
  sort pieces.labels | uniq -c | awk '{ n = $1; sub(/^ *[0-9]+ /, ""); printf "| %s | %d |\n", $0, n }'
  echo
  echo '## Commands'
  echo
  shape=${best%-*}
  sed 's/^/    /' <<COMMANDS
tok-train --vocab-size $vocabulary --documents jsonl -o tok.json train.jsonl
tok-encode -t tok.json --documents jsonl -o train.tok train.jsonl
lm-train -t tok.json --layers ${shape%x*} --channels ${shape#*x} $options --steps ${best#*-} \\
  --valid held-out.tok --valid-every 0 --metrics $best.jsonl -o $best.safetensors train.tok
lm-eval-ppl $best.safetensors --probes --json
lm-train -t tok.json --layers ${features_shape%x*} --channels ${features_shape#*x} $options --steps $features_steps \\
  --objective masked -o $features_shape-masked.safetensors train.tok
lm-eval-ppl $features_shape-masked.safetensors --classify source pieces.jsonl
tok-encode -t tok.json --documents jsonl --format ids train.jsonl | lmplz -o 5 --discount_fallback > 5gram.arpa
query 5gram.arpa < questions.ids
lm-train -t bytes.json --layers ${sums%x*} --channels ${sums#*x} $sum_options --steps $sum_steps \\
  -o sums-steps-$sum_steps.safetensors sums-steps.tok
lm-sample sums-steps-$sum_steps.safetensors --documents line --greedy -n 60 --json prompts-steps
COMMANDS
} >study.new
mv study.new study.md
say "The page: $folder/study.md"
