# What reaches a terminal: nothing for it to obey of names, documents and models; tables in columns; a progress line that fits.
need tok-train tok-encode tok-decode lm-train lm-sample lm-eval-ppl lm-fim

head -c 30000 "$LM_SOURCE"/man/lm-train.1 >corpus
tok-train --vocab-size 400 -o tok.json corpus
tok-encode -t tok.json -o train.tok corpus
shape=(--layers 1 --channels 32 --heads 2 --context 32 --batch 4)
lm-train -q -t tok.json "${shape[@]}" --steps 5 -o model train.tok

# plain FILE: fails if it holds a control character other than a tab and newline, DEL, or one from U+0080 to U+009F.
plain() {
  perl -ne 'exit 1 if /[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/' "$1" || fail "for a terminal to obey, in $1: $(cat -v "$1")"
}

# Messages of every program name a file as it is, in escapes.
osc=$'no\e]0;title\a\x7f\xc2\x9b31m\nsuch'
shown='no\x1b]0;title\x07\x7f\u009b31m\nsuch'
echo '[FIM]' >gap
for command in tok-train 'tok-encode -t' 'tok-decode -t' 'lm-train --steps 1 -o x train.tok -t' lm-eval-ppl lm-sample lm-fim; do
  # shellcheck disable=SC2086 # options are words
  expect_exit 1 $command "$osc" <gap
  expect_one_line_stderr "$shown"
  plain stderr
  program=${command%% *}
  expect_exit 2 "$program" "--$osc" </dev/null
  expect_one_line_stderr
  plain stderr
done
expect_exit 1 lm-eval-ppl model $'bytes \xff\x9b'
expect_one_line_stderr 'bytes \xff\x9b'
# So do warnings.
cp model "model$osc"
expect_exit 0 lm-sample "model$osc" -n 1 -p '<|mask|>'
expect_one_line_stderr "model$shown"
plain stderr

# Documents and their names, in tables and among tab-separated values.
printf 'text \e[31mred\a\x7f \xc2\x9b \xff' >"$osc"
for form in '' --tsv; do
  # shellcheck disable=SC2086 # an option or none
  lm-eval-ppl model --level document $form "$osc" >table
  plain table
  grep -qF -- "$shown" table || fail "the name is not escaped: $(cat -v table)"
  # shellcheck disable=SC2086
  lm-eval-ppl model --level document --documents line $form "$osc" >table
  plain table
  grep -qF 'text \x1b[31mred\x07\x7f \u009b \xff' table || fail "the text is not escaped: $(cat -v table)"
done

# Special tokens of a stranger, and what bytes spell.
tok-train --vocab-size 400 --add-special $'<\e]0;x\a\tz>' -o odd.json corpus
printf 'a\e\x7f\xc2\x9bb' | tok-encode -t odd.json -o odd.tok
printf '<\e]0;x\a\tz>a' | tok-encode -t odd.json --special allow -o special.tok
for stream in odd special; do
  lm-train -t odd.json "${shape[@]}" --show-examples 1 $stream.tok >examples
  plain examples
done
grep -qF '<\x1b]0;x\x07\tz>' examples || fail "the special token is not escaped: $(cat -v examples)"
lm-train -q -t odd.json "${shape[@]}" --steps 1 -o odd special.tok
lm-sample odd -p a --probs all >table
plain table
grep -qF '"\u007f"' table || grep -qF '"\x7f"' table || fail "no DEL among all tokens: $(grep -a '127' table)"

# Where the weight is 0 nothing is to be predicted, and no target is shown.
for objective in masked prefix span; do
  lm-train -t tok.json "${shape[@]}" --objective $objective --show-examples 2 train.tok | grep -v '^#' >examples
  [ "$(awk -F '\t' '$3 == 0' examples | cut -f 2 | sort -u)" = - ] || fail "a target without weight: $(cat examples)"
  [ "$(awk -F '\t' '$3 != 0 && $2 == "-"' examples | wc -l)" = 0 ] || fail "a target that counts is left out: $(cat examples)"
done

# What a dry run says first is for people; numbers of bytes are for programs.
lm-train -t tok.json "${shape[@]}" --steps 7 -o "$osc" --dry-run train.tok >report
sed -n 1p report | grep -Eq '^This would train a model of [0-9.]+ (million )?parameters .* for 7 steps of 128 tokens.*\.$' || fail "$(cat report)"
sed -n 2p report | grep -Eq '^It would take about [0-9]+\.[0-9] MB of memory.*\.$' || fail "$(cat report)"
sed -n 2p report | grep -qF "$shown" || fail "the model's name: $(sed -n 2p report | cat -v)"
[ -z "$(sed -n 3p report)" ] || fail "not two sentences: $(cat report)"
plain report
lm-train -t tok.json "${shape[@]}" --steps 1 --dry-run train.tok | sed -n 1p | grep -qF ' for 1 step of 128 tokens' || fail "1 steps"
[ "$(grep -Ec '^(memory|  [a-z ]+)  +[0-9]+\.[0-9] MB$' report)" -gt 5 ] || fail "no sizes in MB: $(cat report)"
lm-train -t tok.json "${shape[@]}" --steps 7 --dry-run --json train.tok | grep -q '"memory_weights":[0-9]' || fail "no bytes in the JSON"
lm-train -t tok.json "${shape[@]}" --time 10m --dry-run train.tok | sed -n 1p | grep -q 'for 10 minutes' || fail "no time"
lm-train -t tok.json "${shape[@]}" --dry-run train.tok | sed -n 1p | grep -q 'still to be named' || fail "no budget"

# What follows is seen by a terminal of some width: terminal COLUMNS COMMAND: its output, without carriage returns at line ends.
script -qec true /dev/null >/dev/null 2>&1 </dev/null || skip "no script(1) that runs a command in a terminal; what came before held"
terminal() {
  script -qec "stty cols $1; $2" /dev/null </dev/null | sed 's/\r$//'
}
[ "$(terminal 33 'stty size' | cut -d ' ' -f 2)" = 33 ] || skip "no terminal whose width can be set; what came before held"

# Bars only there; the columns are kept.
terminal 100 "lm-sample model -p a --probs 4" >seen
grep -Eq '^  0\.[0-9]{6} +[0-9.]+ +[0-9]+  #{20}  "' seen || fail "no bar: $(cat seen)"
[ "$(sed -n '2,$s/"[^"]*"$//p' seen | awk '{ print length }' | sort -u | wc -l)" = 1 ] || fail "columns: $(cat seen)"
lm-sample model -p a --probs 4 >seen
if grep -q '##' seen; then fail "bars in a pipe: $(cat seen)"; fi
lm-sample model -p a --probs 4 | cmp - <(terminal 100 "lm-sample model -p a --probs 4 -o plain; cat plain")
for ((i = 0; i < 20; ++i)); do printf '机器学习是人工智能 e\xcc\x81te\xcc\x81 '; done >wide
tok-train --vocab-size 400 -o wide.json wide
tok-encode -t wide.json -o wide.tok wide
terminal 100 "lm-train -t wide.json --context 32 --show-examples 1 wide.tok" | sed 1d >seen
perl -CS -ne 's/1\.0$|weight$// or die; s/\p{Mn}//g; s/\p{Han}/##/g; print length, "\n"' <seen | sort -u >widths
[ "$(wc -l <widths)" = 1 ] || fail "the weights are not in one column: $(cat widths seen)"

# A progress line fits, and nothing in it is cut short.
for columns in 40 60; do
  terminal $columns "lm-train -t tok.json --layers 1 --channels 32 --heads 2 --context 32 --batch 4 --steps 60 --valid train.tok \
    --valid-every 20 -o narrow$columns train.tok" >seen
  tr '\r' '\n' <seen | sed 's/\x1b\[K//g' | grep . >lines
  grep -q '^ *[0-9]*% step [0-9]*/60  loss [0-9.]*' lines || fail "no progress: $(cat lines)"
  if awk -v most=$columns 'length >= most' lines | grep .; then fail "wider than $columns columns"; fi
  parts=' *([0-9]+% )?step [0-9]+/60  loss [0-9.]+[0-9](  val_loss [0-9.]+[0-9])?(  [0-9]+ tokens/s)?(  MFU [0-9]+ %)?(, [0-9hms]+ left)?'
  if grep -Evx "$parts" lines; then fail "cut short at $columns columns"; fi
done
