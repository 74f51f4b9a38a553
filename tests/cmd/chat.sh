# lm-sample --chat: what a user says is put into turns, the turns' tokens are never spelled by it, and conversations come as JSON.
need tok-train tok-encode lm-train lm-sample

# A model that has the tokens of ChatML's turns, and has read a few.
for ((i = 0; i < 200; ++i)); do
  printf '<|im_start|>user\nsay %d<|im_end|>\n<|im_start|>assistant\n%d %d<|im_end|>\n' $((i % 10)) $((i % 10)) $((i % 10))
done >corpus
tok-train --vocab-size 380 --add-special '<|im_start|>' --add-special '<|im_end|>' -o tok.json corpus
tok-encode -t tok.json --special allow -o train.tok corpus
lm-train -q -t tok.json --layers 2 --channels 32 --heads 2 --context 128 --batch 4 --lr 0.01 --steps 80 -o model train.tok
tok-train --vocab-size 380 -o plain.json corpus
tok-encode -t plain.json -o plain.tok corpus
lm-train -q -t plain.json --layers 1 --channels 32 --heads 2 --context 64 --batch 4 --steps 2 -o plain plain.tok

# The turns are those that one would write oneself, and the answer ends with its turn.
turns() { printf '<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n' "$1"; }
expect_exit 0 lm-sample model --chat --greedy -p 'say 3' --json
cp stdout chat
lm-sample model --begin none --greedy --special allow --stop-token '<|im_end|>' -p "$(turns 'say 3'; echo .)" --json >self ||
  fail "the same by hand"
grep -q '"end":"end_of_text","end_token":"<|im_end|>"' chat || fail "no end of the turn: $(cat chat)"
lm-sample model --chat -p 'say 3' --echo --format ids -n 0 >ids
turns 'say 3' | tok-encode -t tok.json --special allow --format ids | tr '\n' ' ' | sed 's/ *$//' >wanted
[ "$(tr -d '\n' <ids)" = "$(cat wanted)" ] || fail "ids $(cat ids), expected $(cat wanted)"

# Tokens that are spelled are text.
lm-sample model --chat -p '<|im_end|>' --system '<|im_start|>' --echo --format ids -n 0 >ids
begin=$(printf '<|im_start|>' | tok-encode -t tok.json --special allow --format ids | tr -d ' \n')
[ "$(tr ' ' '\n' <ids | grep -cx "$begin")" = 3 ] || fail "another number of turns than 3: $(cat ids)"

# Each prompt of a file is a conversation of its own.
printf 'say 1\nsay 2\n' >lines
lm-sample model --chat --greedy --documents line --json lines >answers
[ "$(wc -l <answers)" = 2 ] || fail "$(cat answers)"
sed -n 2p answers | cmp - <(lm-sample model --chat --greedy --json -p 'say 2') || fail "an answer depends on the one before"
[ "$(lm-sample model --chat --greedy --samples 2 -p 'say 1' | grep -c .)" = 2 ] || fail "no two answers"

# Conversations as records: the answer is one more message, and the other members stay.
cat >records <<'END'
{"id": 7, "messages": [{"role": "user", "content": "say 3"}], "tokens": "old"}
{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "say 4"}]}
END
expect_exit 0 lm-sample model --chat --greedy --documents jsonl records
expect_silence
[ "$(wc -l <stdout)" = 2 ] || fail "$(cat stdout)"
text=$(sed 's/.*"text":\("[^"]*"\).*/\1/' chat)
start='{"id":7,"messages":[{"role":"user","content":"say 3"},{"role":"assistant","content":'"$text}],"
[[ "$(sed -n 1p stdout)" = "$start"'"tokens":'[0-9]*',"end":"end_of_text","end_token":"<|im_end|>"}' ]] || fail "$(cat stdout)"
lm-sample model --chat --temperature 1 --samples 3 --documents jsonl records >three
[ "$(grep -c '"sample":[012],' three)" = 6 ] || fail "$(cat three)"
# An answered record, with another question, is a record again.
sed -n 1p stdout | sed 's/"}],"tokens/"},{"role":"user","content":"say 5"}],"tokens/' >again
expect_exit 0 lm-sample model --chat --greedy --documents jsonl again
for wrong in '{"tools":[{}],"messages":[{"role":"user","content":"x"}]}' \
  '{"messages":[{"role":"user","content":"x","tool_calls":[{}]}]}' '{"messages":[]}' '{"messages":[{"role":"assistant","content":"x"}]}' '{"text":"x"}' '{"messages":"x"}' '{'; do
  printf '%s\n' "$wrong" >wrong
  expect_exit 1 lm-sample model --chat --documents jsonl wrong
  expect_one_line_stderr 'line 1 of wrong'
done

# A conversation longer than the context loses its beginning, with a warning.
{
  printf '{"messages":['
  for ((i = 0; i < 40; ++i)); do
    printf '{"role":"user","content":"say %d"},{"role":"assistant","content":"%d"},' $i $i
  done
  printf '{"role":"user","content":"say 1"}]}\n'
} >long
expect_exit 0 lm-sample model --chat --documents jsonl -n 10 long
expect_one_line_stderr 'messages are left out'
expect_exit 1 lm-sample model --chat -p "$(head -c 2000 corpus)"
expect_one_line_stderr 'the message is too long'

# What cannot be, and what makes no sense.
expect_exit 1 lm-sample plain --chat -p x
expect_one_line_stderr 'no instruct model'
for options in '--system x' '--chat --special allow' '--chat --documents jsonl --format ids records' \
  '--chat --documents jsonl --probs 3 records' '--chat --documents jsonl --echo records'; do
  # shellcheck disable=SC2086 # options are words
  expect_exit 2 lm-sample model $options -n 1 </dev/null
  expect_one_line_stderr
done
expect_exit 2 lm-sample model --chat --documents jsonl -p '{"messages":[{"role":"user","content":"say 3"}]}' -n 1
expect_one_line_stderr 'give records by a file'
[ "$(lm-sample model --chat --probs 3 -p 'say 3' --json | wc -l)" = 3 ] || fail "no three candidates"

# A conversation at a terminal: each line is answered with what was said before, until the end of the input.
if command -v script >/dev/null; then
  printf 'say 1\nsay 2\n\004' | timeout 60 script -qec 'lm-sample model --chat --greedy 2>/dev/null' /dev/null | tr -d '\r' >talk
  first=$(lm-sample model --chat --greedy -p 'say 1')
  printf '{"messages":[{"role":"user","content":"say 1"},{"role":"assistant","content":"%s"},{"role":"user","content":"say 2"}]}\n' \
    "$first" | lm-sample model --chat --greedy --documents jsonl | sed 's/.*"content":"\([^"]*\)"}\],"tokens.*/\1/' >second
  grep -qxF -- "$first" talk || fail "'$first' is not in: $(cat talk)"
  grep -qxF -- "$(cat second)" talk || fail "'$(cat second)' is not in: $(cat talk)"
fi

# A real one answers a question.
if [ -n "${LM_SMOLLM2:-}" ] && [ -d "$LM_SMOLLM2" ]; then
  lm-sample "$LM_SMOLLM2" --chat --greedy -n 40 -p 'What is the capital of France?' 2>/dev/null >answer
  grep -q Paris answer || fail "the capital of France: $(cat answer)"
fi
