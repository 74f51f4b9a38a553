# A run that has nothing to learn from says so: no model comes of it, and data that hold nothing but end-of-text are named.
need tok-train tok-encode lm-train

cat "$LM_SOURCE"/man/*.[157] >pages.txt
head -c 30000 pages.txt >corpus.txt
tok-train --vocab-size 400 -o tok.json corpus.txt
tok-encode -t tok.json -o train.tok corpus.txt
printf '\n%.0s' {1..500} | tok-encode -t tok.json --documents line -o ends.tok -
printf '' | tok-encode -t tok.json -o none.tok -
shape=(--layers 1 --channels 32 --heads 2 --context 32 --batch 4)
nothing_learned() { # TEXT OPTION...: exit 1 with TEXT in the last line, and neither model nor state
  local text=$1
  shift
  expect_exit 1 lm-train -t tok.json "${shape[@]}" -o never "$@"
  tail -n 1 stderr | grep -qF "$text" || fail "'$text' is not in: $(cat stderr)"
  { [ ! -e never ] && [ ! -e never.state ]; } || fail "something was written, with $*"
}

# An empty input of a pipe: whatever the objective, no model without a word.
for objective in causal prefix span fim masked causal:0.5,masked:0.5; do
  status=0
  tok-encode -t tok.json - </dev/null | lm-train -t tok.json "${shape[@]}" --objective "$objective" --steps 3 -o "m.$objective" - 2>stderr || status=$?
  [ -s stderr ] || fail "nothing is said of an empty input, with $objective"
  [ $status = 0 ] || [ ! -e "m.$objective" ] || fail "a model and exit $status, with $objective"
done

# An epoch without a target is an error as soon as it is over, a run without one at its end.
nothing_learned "objective 'masked'" --objective masked --steps 1000000 none.tok
nothing_learned "objective 'masked'" --objective masked --time 1h ends.tok
nothing_learned "had a target" --objective masked --steps 2 ends.tok
# With span the one token may be a target by chance, so that something was learned before; no state of it is in the way.
for seed in 0 1 2 3 4; do nothing_learned "objective 'span'" --objective span --seed $seed --steps 1000000 none.tok; done
expect_exit 1 lm-train -t tok.json "${shape[@]}" --objective causal:0.5,masked:0.5 --steps 1000000 -o mixed ends.tok
tail -n 1 stderr | grep -q "objective 'masked'" || fail "$(cat stderr)"
[ ! -e mixed ] || fail "a model with a part that learned nothing"
nothing_learned "had a target" --objective masked --one-pass --schedule constant --steps 1000000 ends.tok
nothing_learned "had a target" --objective masked --one-pass --schedule constant --steps 1000000 - <ends.tok
printf '<|mask|><|mask|><|mask|>' | tok-encode -t tok.json --special allow -o marks.tok -
nothing_learned "objective 'masked'" --objective masked --steps 1000000 marks.tok

# A part of a mixture that met no target is named at the end, if its epoch is not over.
expect_exit 0 lm-train -t tok.json "${shape[@]}" --objective causal:0.5,masked:0.5 --steps 3 -o mixed --overwrite ends.tok
grep -q "no example of objective 'masked' had a target" stderr || fail "$(cat stderr)"

# Nothing but end-of-text: learned by the objectives that can, with a warning that names the file.
for file in ends.tok none.tok; do
  for form in "" "--one-pass --schedule constant"; do
    # shellcheck disable=SC2086 # options are words
    expect_exit 0 lm-train -t tok.json "${shape[@]}" $form --steps 3 -o ends $file
    expect_one_line_stderr "'$file' holds nothing but end-of-text"
  done
done
expect_exit 0 lm-train -t tok.json "${shape[@]}" --steps 3 -o both train.tok ends.tok
expect_one_line_stderr "'ends.tok' holds nothing but end-of-text"
expect_exit 0 lm-train -t tok.json "${shape[@]}" --objective masked --steps 3 -o both train.tok ends.tok

# Held-out data without a target are refused before training begins.
for objective in causal masked causal:0.5,masked:0.5; do
  nothing_learned "held-out data has no" --objective "$objective" --steps 1000000 --valid ends.tok train.tok
done

# Fewer merges than were asked for.
expect_exit 0 tok-train --vocab-size 5000 -o small.json - <<<'a few words, a few words'
expect_one_line_stderr "instead of 5000"
expect_exit 0 tok-train -q --vocab-size 5000 -o small.json - <<<'a few words, a few words'
expect_silence
expect_exit 0 tok-train --vocab-size 400 -o small.json corpus.txt
expect_silence
