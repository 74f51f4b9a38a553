# No program destroys a file because its output is also its input, or two outputs are one, whatever the file is called: exit 2, one
# line that names both options, and every file as it was.
# shellcheck disable=SC2094 # one file read and written is the subject here
need tok-train tok-encode tok-decode lm-train lm-sample lm-fim lm-eval-ppl

cat "$LM_SOURCE"/man/*.[157] >pages.txt
head -c 60000 pages.txt >c.txt
tok-train --vocab-size 400 -o t.json c.txt
tok-encode -t t.json -o c.tok c.txt
head -c 1000 c.txt | tok-encode -t t.json -o v.tok
shape=(--layers 1 --channels 16 --heads 1 --context 64 --batch 2 --steps 2)
lm-train -t t.json "${shape[@]}" --objective causal:0.5,fim:0.5 -o m.st c.tok
lm-train -t t.json "${shape[@]}" -o folder/ c.tok
rm folder.state m.st.state
tok-train --vocab-size 400 --dump-counts counts c.txt
cp counts more
printf 'The [FIM] end' >gap.txt
printf 'seed = 1\n' >sample.toml
printf 'threads = 1\n' >any.toml
ln -s t.json link.json
ln t.json hard.json
ln -s folder/config.json outside
mkdir sub tokenizer
ln -s ../t.json sub/t.json
cp t.json tokenizer/tokenizer.json
sums() { find . -type f ! -name stdout ! -name stderr ! -name sums -exec sha256sum {} + | sort -k2; }
sums >sums

# clash A B COMMAND...: refused as wrong usage, naming A and B; nothing has changed and nothing was added.
clash() {
  local first=$1 second=$2
  shift 2
  expect_exit 2 "$@" </dev/null
  expect_one_line_stderr "$first"
  expect_one_line_stderr "$second"
  sums | cmp - sums || fail "files differ after: $*"
}

clash -o FILE tok-train -o c.txt c.txt
clash -o FILE tok-train --vocab-size 400 -o ./c.txt t.json c.txt
clash -o --from-counts tok-train --from-counts counts -o counts
clash -o FILE tok-train --from-counts more -o "$PWD/counts" counts
clash --dump-counts FILE tok-train --dump-counts c.txt c.txt
clash -o --config tok-train --config any.toml -o any.toml c.txt
clash --dump-counts --config tok-train --config any.toml --dump-counts any.toml c.txt

clash "-o and -t name the same file 't.json'" "another place" tok-encode -t t.json -o t.json c.txt
for name in ./t.json sub/../t.json link.json hard.json sub/t.json; do
  clash "-o '$name'" "-t 't.json'" tok-encode -t t.json -o "$name" c.txt
  clash "-o 't.json'" "-t '$name'" tok-encode -t "$name" -o t.json c.txt
done
clash -o FILE tok-encode -t t.json -o c.txt c.txt
clash -o FILE tok-encode -t t.json -o v.tok gap.txt v.tok
clash -o --config tok-encode --config any.toml -t t.json -o any.toml c.txt
clash "-o 'tokenizer/tokenizer.json'" "'tokenizer' that -t reads" tok-encode -t tokenizer -o tokenizer/tokenizer.json c.txt
clash -o -t tok-encode -t tokenizer/ -o tokenizer/new c.txt

clash -o -t tok-decode -t t.json -o t.json c.tok
clash -o FILE tok-decode -t t.json -o c.tok c.tok
clash -o -t tok-decode -t m.st -o m.st c.tok
clash -o --config tok-decode --config any.toml -t t.json -o any.toml c.tok

clash -o MODEL lm-sample m.st -p x -n 2 -o m.st
clash -o MODEL lm-sample folder -p x -n 2 -o folder/model.safetensors
clash -o MODEL lm-sample folder -p x -n 2 -o outside
clash -o FILE lm-sample m.st -n 2 -o gap.txt gap.txt
clash -o --config lm-sample --config sample.toml m.st -p x -n 2 -o sample.toml

clash -o MODEL lm-fim m.st gap.txt -o m.st
clash -o --prefix-file lm-fim m.st --prefix-file c.txt -o c.txt
clash -o --suffix-file lm-fim m.st --prefix-file c.txt --suffix-file gap.txt -o gap.txt
clash -o FILE lm-fim m.st --jsonl gap.txt -o gap.txt
clash "-o 'gap.txt' would replace the text" "--full" lm-fim m.st gap.txt -o gap.txt
clash "-o './gap.txt' would replace the text" "--full" lm-fim m.st gap.txt --json -o ./gap.txt
clash --dump-counts "-o 'new.json'" tok-train --dump-counts new.counts -o new.json c.txt
clash -o --config lm-fim --config any.toml m.st gap.txt -o any.toml

clash -o MODEL lm-eval-ppl m.st gap.txt -o m.st
clash -o FILE lm-eval-ppl m.st gap.txt -o gap.txt
clash -o FILE lm-eval-ppl m.st gap.txt v.tok -o v.tok
documents=(lm-eval-ppl --level document)
clash --rejected MODEL "${documents[@]}" m.st gap.txt --rejected m.st
clash --rejected FILE "${documents[@]}" m.st gap.txt --rejected gap.txt
clash --rejected --config "${documents[@]}" --config any.toml m.st gap.txt --rejected any.toml
clash --rejected -o "${documents[@]}" m.st gap.txt --rejected sub/../new -o new
clash --rejected -o "${documents[@]}" m.st gap.txt --rejected - --max-perplexity 2

train() { lm-train "${shape[@]}" "$@"; }
clash -o -t train -t t.json -o t.json c.tok
clash -o TOKENS train -t t.json -o c.tok v.tok c.tok
clash -o --valid train -t t.json --valid v.tok -o v.tok c.tok
clash -o --config train -t t.json --config any.toml -o any.toml c.tok
clash -o --metrics train -t t.json --metrics new -o sub/../new c.tok
clash -o --checkpoint train -t t.json --checkpoint new -o ./new c.tok
clash --metrics TOKENS train -t t.json --metrics c.tok -o new c.tok
clash --metrics --config train -t t.json --config any.toml --metrics any.toml -o new c.tok
clash --metrics --checkpoint train -t t.json --metrics new.state -o new c.tok
clash --checkpoint --init-from train --init-from m.st --checkpoint m.st -o new c.tok
clash -o -t train -t m.st -o m.st c.tok
clash -t "'folder/' that -o replaces" train -t folder/tokenizer.json -o folder/ c.tok
clash --checkpoint "'folder' that -o replaces" train -t t.json --checkpoint folder/state -o folder c.tok
clash -o --init-from train --init-from folder -o folder/config.json c.tok

# The folder that the program runs in would be gone.
for name in . ./ ../folder; do
  status=0
  (cd folder && lm-train -t ../t.json --layers 1 --channels 32 --context 32 --steps 1 -o $name ../c.tok) 2>stderr >stdout || status=$?
  [ $status = 2 ] || fail "exit $status with -o $name"
  expect_one_line_stderr "is the current folder"
done
sums | cmp - sums || fail "files differ after -o of the current folder"

# Standard input and output that are one of the files, or each other.
check_unchanged() {
  expect_one_line_stderr "$1"
  expect_one_line_stderr "$2"
  sums | cmp - sums || fail "files differ with $1 and $2"
}
expect_exit 2 tok-encode -t t.json -o c.txt <c.txt
check_unchanged "-o 'c.txt'" "standard input"
expect_exit 2 tok-encode -t t.json -o c.txt - <c.txt
check_unchanged "-o 'c.txt'" "standard input"
expect_exit 2 tok-train -o ./c.txt <c.txt
check_unchanged "-o './c.txt'" "standard input"
expect_exit 2 lm-eval-ppl m.st -o gap.txt <gap.txt
check_unchanged "-o 'gap.txt'" "standard input"
for command in "tok-train c.txt" "tok-encode -t t.json c.txt" "tok-encode -t t.json -o - c.txt" \
  "tok-encode -t t.json -o /dev/stdout c.txt"; do
  status=0
  $command >>c.txt 2>stderr </dev/null || status=$?
  [ $status = 2 ] || fail "exit $status of: $command >>c.txt"
  check_unchanged "standard output" "FILE 'c.txt'"
done
status=0
tok-encode -t t.json <c.txt >>c.txt 2>stderr || status=$?
[ $status = 2 ] || fail "exit $status with one file as standard input and output"
check_unchanged "standard output" "standard input"
# What the shell has already emptied is at least not taken for text.
cp c.txt emptied
status=0
tok-encode -t t.json emptied 2>stderr >emptied || status=$?
[ $status = 2 ] || fail "exit $status after the shell emptied the input"
rm emptied
expect_exit 2 tok-encode -t - - <t.json
expect_one_line_stderr "standard input is named twice, by -t and FILE"

# What may be named twice: inputs, an input that is not used, what is no file, and what is read whole before it is replaced.
expect_exit 0 tok-encode -t t.json c.txt ./c.txt -o new.tok
expect_exit 0 tok-encode -t t.json -o /dev/null /dev/null
expect_exit 0 tok-encode -t t.json -o /dev/stdout c.txt
expect_exit 0 lm-sample m.st -p x -n 2 -o gap.copy
expect_exit 0 lm-sample m.st -p x -n 2 -o gap.txt <gap.txt
printf 'The [FIM] end' >gap.txt
for name in gap.txt ./gap.txt; do
  expect_exit 0 lm-fim m.st --full -n 2 gap.txt -o "$name"
  tr '\n' ' ' <gap.txt | grep -q '^The .* end$' || fail "no text was edited in place"
  printf 'The [FIM] end' >gap.txt
done
expect_exit 0 lm-fim m.st --full -n 2 -o gap.txt <gap.txt
tr '\n' ' ' <gap.txt | grep -q '^The .* end$' || fail "no text of standard input was edited in place"
expect_exit 0 train --init-from m.st -o m.st c.tok
rm m.st.state
expect_exit 0 train --init-from m.st -t m.st -o ./m.st c.tok
expect_exit 0 train --init-from folder -o folder/ c.tok
rm folder.state
expect_exit 0 train --init-from folder/model.safetensors -o folder c.tok
rm folder.state
expect_exit 0 train --init-from folder -t folder/tokenizer.json -o folder c.tok
expect_exit 0 train -t t.json --metrics /dev/null --checkpoint new.state -o /dev/null c.tok
cp any.toml steps.toml
expect_exit 0 train -t t.json --config steps.toml --metrics steps.jsonl -o again c.tok
expect_exit 0 train -t t.json --metrics steps.jsonl --steps 3 --resume -o again c.tok
