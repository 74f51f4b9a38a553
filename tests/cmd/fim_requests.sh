# lm-fim --jsonl: an answer a request, at once, the same as a fresh process gives, whatever came before.
need tok-train tok-encode lm-train lm-fim

for ((i = 0; i < 300; ++i)); do
  printf 'def add%d(a, b):\n    return a + b\n\n\n' $((i % 7))
done >corpus
tok-train --vocab-size 370 -o tok.json corpus
tok-encode -t tok.json -o train.tok corpus
lm-train -q -t tok.json --objective causal:0.5,fim:0.5 --layers 2 --channels 32 --heads 2 --context 128 --batch 4 --lr 0.01 \
  --steps 60 -o model train.tok

# Good requests between bad ones, whose prompts share more and more tokens: each as by a process of its own.
prefix='def add1(a, b):\n    return a + b\n\n\ndef add2(a, b):\n'
{
  printf '%s\n' '{"id":1,"prefix":"'"$prefix"'","suffix":"\n\n\n","n":12}'
  printf '%s\n' '{"id":2,"prefix":"'"$prefix"'    re","suffix":"\n\n\n","n":12}'
  printf '%s\n' '{"id":3,"prefix":'
  printf '%s\n' '{"id":"four","prefix":"'"$prefix"'    return","suffix":"\n\n\n","n":12,"temperature":1,"seed":3}'
  printf '%s\n' '{"id":5,"prefix":"no suffix"}'
  printf '{"id":6,"prefix":"\xff","suffix":""}\n'
  printf '%s\n' '{"id":null,"prefix":"'"$prefix"'    return","suffix":"\n\n\n","n":12,"stop":["b","+"],"single_line":true}'
  head -c 17000000 /dev/zero | tr '\0' 'x'
  echo
  printf '%s\n' '{"id":[8],"prefix":"","suffix":"","n":5,"samples":2,"temperature":1}'
  printf '%s\n' '{"id":9,"prefix":"'"$prefix"'","suffix":"\n\n\n","n":12}'
  printf '{"id":10,"prefix":"\\ud83d\\ude00 \xc3\xa9","suffix":"x"}' # the last line without its newline
} >requests
expect_exit 0 lm-fim model --jsonl requests
expect_silence
cp stdout answers
[ "$(wc -l <answers)" = 11 ] || fail "$(wc -l <answers) answers: $(cut -c1-200 answers)"
lm-fim model --jsonl --threads 1 <requests | cmp - answers
number=0
while IFS= read -r request || [ -n "$request" ]; do
  number=$((number + 1))
  printf '%s\n' "$request" | lm-fim model --jsonl | cmp - <(sed -n ${number}p answers) ||
    fail "answer $number depends on those before"
done <requests
[ "$(grep -c '"middle"' answers)" = 7 ] || fail "$(cut -c1-200 answers)"
[ "$(grep -c '^{\("id":[^,]*,\)\?"error":"' answers)" = 4 ] || fail "$(cut -c1-200 answers)"
sed -n 5p answers | grep -q "^{\"id\":5,\"error\":\"the request lacks 'suffix'\"}" || fail "$(sed -n 5p answers)"
sed -n 8p answers | grep -q 'longer than' || fail "$(sed -n 8p answers)"
for id in 1 2 '"four"' null '\[8\]' 9 10; do grep -q "^{\"id\":$id,\"middle\":" answers || fail "no answer to $id"; done
cmp <(sed -n 1p answers | sed 's/"id":1,//') <(sed -n 10p answers | sed 's/"id":9,//') ||
  fail "the same request, another answer"

# Empty lines have no answer; whole numbers may be written as 1.0; a line that is JSON is answered with its id, and no other is.
request=$(sed -n 1p requests)
{
  printf '%s\n' "${request/12/12.0}"
  printf '\n  \t \r\n\r\n%s\r\n' "${request/12/1.2e1}"
  printf '%s\n' "${request/12/12.5}" "${request/12/\"12\"}" "${request/12/12,\"n\":12}" "${request/suffix/sufix}" "${request%\}}" '[1]'
} | lm-fim model --jsonl >others
[ "$(wc -l <others)" = 8 ] || fail "$(wc -l <others) answers: $(cut -c1-200 others)"
sed -n 1p answers >first
for number in 1 2; do sed -n ${number}p others | cmp - first || fail "a whole number as a fraction: $(cat others)"; done
[ "$(grep -c '^{"id":1,"error":"' others)" = 4 ] || fail "errors without their ids: $(cat others)"
[ "$(tail -n 2 others | grep -c '^{"error":"')" = 2 ] || fail "no JSON, or no object, yet an id: $(cat others)"
printf '%s\n' '{"id":1.0,"prefix":"","suffix":"","n":-1}' | lm-fim model --jsonl | grep -q '^{"id":1.0,"error"' || fail "an id is not as it was written"

# A request replaces one that is being answered, or waits: that is answered in its turn, the others as if it had not been there.
slow='{"id":"slow","prefix":"'"$prefix"'","suffix":"\n\n\n","n":40,"samples":64,"temperature":1}'
nothing='{"no": [1]}'
{
  printf '%s\n' "$slow" "${slow/\"id\"/\"replaces\":\"slow\",\"id\"}" "${request/1/\"next\"}" "${request/1/2}"
  printf '%s\n' "${request/\"id\":1/\"id\":3,\"replaces\":2}" "${request/\"id\":1/\"id\":4,\"replaces\":2.0}" "$request"
  printf '%s\n' '{"id":5,"replaces":"next","n":"wrong"}' "${request/\"id\":1/\"id\":6,\"replaces\":$nothing}"
} >replacing
lm-fim model --jsonl <replacing >replaced
[ "$(wc -l <replaced)" = 9 ] || fail "$(wc -l <replaced) answers: $(cut -c1-200 replaced)"
[ "$(sed -n 1p replaced)" = '{"id":"slow","error":"replaced"}' ] || fail "$(sed -n 1p replaced | cut -c1-200)"
sed -n 2p replaced | cmp - <(printf '%s\n' "$slow" | lm-fim model --jsonl) || fail "a replaced request changes another answer"
cmp <(sed -n 3p replaced | sed 's/"id":"next",//') <(sed 's/"id":1,//' first) || fail "a wrong request replaces: $(sed -n 3p replaced)"
[ "$(sed -n 4p replaced)" = '{"id":2,"error":"replaced"}' ] || fail "$(sed -n 4p replaced)"
for number in 5 6 7 9; do
  cmp <(sed -n ${number}p replaced | sed 's/"id":[0-9]*,//') <(sed 's/"id":1,//' first) || fail "answer $number: $(cat replaced)"
done
sed -n 8p replaced | grep -q '^{"id":5,"error":"the request lacks' || fail "$(sed -n 8p replaced)"

# While the input is open: the answer to what replaces another does not wait for that.
coproc service { lm-fim model --jsonl; }
printf '%s\n' "${slow/64/63}" >&"${service[1]}"
printf '%s\n' "${request/\"id\":1/\"id\":1,\"replaces\":\"slow\"}" >&"${service[1]}"
IFS= read -r -t 30 answer <&"${service[0]}" || fail "no answer to what was replaced"
[ "${answer:0:10}" = '{"id":"slo' ] || fail "$answer"
IFS= read -r -t 30 answer <&"${service[0]}" || fail "no answer to what replaces it"
[ "$answer" = "$(cat first)" ] || fail "$answer"
# shellcheck disable=SC2154 # coproc sets it
process=$service_PID
eval "exec ${service[1]}>&-"
wait "$process" || fail "exit $? at the end of the input"

# The same middle as without --jsonl.
printf '%b' "$prefix" >prefix
printf '\n\n\n' >suffix
lm-fim model -n 12 --prefix-file prefix --suffix-file suffix --json >json
[ "$(sed -n 1p answers | sed 's/.*"middle"/"middle"/')" = "$(sed 's/.*"middle"/"middle"/' json)" ] || fail "$(cat json)"

# Options on the command line are the defaults.
sed -n 1p requests | sed 's/,"n":12//' | lm-fim model --jsonl -n 12 | cmp - <(sed -n 1p answers)

# Each answer comes before the next request is sent, and the end of the input ends it.
coproc service { lm-fim model --jsonl; }
# shellcheck disable=SC2154 # set by coproc
for number in 1 2 10; do
  sed -n ${number}p requests >&"${service[1]}"
  IFS= read -r -t 30 answer <&"${service[0]}" || fail "no answer while the input is open"
  [ "$answer" = "$(sed -n ${number}p answers)" ] || fail "answer $number: $answer"
done
# shellcheck disable=SC2154 # set by coproc
process=$service_PID
eval "exec ${service[1]}>&-"
wait "$process" || fail "exit $? at the end of the input"
expect_exit 0 lm-fim model --jsonl </dev/null
[ ! -s stdout ] || fail "an answer to nothing: $(cat stdout)"

if [ -w /dev/full ]; then
  # Even while the input is open.
  mkfifo open
  (exec 8>open && sed -n 1p requests >&8 && sleep 20) &
  sender=$!
  status=0
  timeout 10 lm-fim model --jsonl <open >/dev/full 2>stderr || status=$?
  kill $sender 2>/dev/null || true
  [ $status = 1 ] || fail "/dev/full, an open input: exit $status"
  expect_one_line_stderr 'standard output'
  status=0
  lm-fim model --jsonl requests >/dev/full 2>stderr || status=$?
  [ $status = 1 ] || fail "/dev/full: exit $status"
  expect_one_line_stderr 'standard output'
fi
set +o pipefail
yes "$(sed -n 1p requests)" | timeout 60 lm-fim model --jsonl 2>stderr | head -c 1 >one
[ "${PIPESTATUS[1]}" = 141 ] || fail "head -c 1 did not end it by SIGPIPE"
set -o pipefail
expect_silence
