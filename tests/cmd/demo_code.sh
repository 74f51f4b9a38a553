# The demo of filling in the middle, in small: on code of one line, again and again, which some steps learn.
need tok-train tok-encode lm-train lm-fim lm-sample awk iconv

mkdir -p 'code/a b'
yes '    return "at\t\"" + total' | head -n 60 >line.py || true
for file in $(seq 40); do cp line.py "code/$file.py"; done
cp code/1.py 'code/a b/left.py'
{ printf '# \xff\n'; cat code/1.py; } >code/latin.py
# Begun where a demo of another text was interrupted.
mkdir demo
cat code/1.py >demo/other.txt
tok-train --vocab-size 363 -o demo/other.json demo/other.txt
tok-encode -t demo/other.json -o demo/other.tok demo/other.txt
(
  ulimit -St 1
  lm-train -t demo/other.json --layers 1 --channels 32 --context 32 --batch 2 --time 1h --threads 1 -o demo/fim.safetensors demo/other.tok
) 2>stderr || true
[ -e demo/fim.safetensors.state ] || fail "no state of a run that was stopped: $(cat stderr)"
expect_exit 0 env SOURCE="$PWD/code" TIME=10m TASKS=20 VOCABULARY=375 \
  SHAPE='--layers 2 --channels 64 --heads 2 --context 64 --batch 8 --lr 0.004 --steps 100 --fim-cut line' \
  "$LM_SOURCE/share/lm/demo-code.sh" demo
expect_silence

# Names with blanks and files that are not UTF-8 stay out; no file is on both sides.
[ "$(cat demo/train.files demo/held-out.files | sort -u | wc -l)" = 40 ] || fail "not 40 files"
! grep -q 'left\|latin' demo/train.files demo/held-out.files || fail "a file that cannot be used is used"
[ "$(wc -l <demo/held-out.files)" = 2 ] || fail "$(wc -l <demo/held-out.files) files held out"

# Every task is a line of a held-out file, and its three parts are the text there.
[ "$(wc -l <demo/tasks.jsonl)" = 20 ] || fail "$(wc -l <demo/tasks.jsonl) tasks"
grep -qF '{"task_id":"'"$PWD/code/" demo/tasks.jsonl || fail "tasks of other files: $(head -1 demo/tasks.jsonl)"
grep -qF '"canonical_solution":"    return \"at\\t\\\"\" + total"' demo/tasks.jsonl ||
  fail "no task with quotes and backslashes"
[ "$(wc -l <demo/lines.fim)" = 20 ] || fail "$(wc -l <demo/lines.fim) answers"
! grep -q '"error"' demo/answers.fim || fail "$(grep -m 1 '"error"' demo/answers.fim)"

# What the fraction counts is right, and the model has learned this code.
right=$(paste -d '\n' demo/solutions demo/lines.fim | awk 'NR % 2 { s = $0; next } $0 == s' | wc -l)
grep -q "^exactly right, given both sides (fim): *$right of 20 lines" stdout || fail "not $right of 20: $(grep right stdout)"
[ "$right" -ge 10 ] || fail "only $right of 20 lines are right: $(paste demo/solutions demo/lines.fim)"
[ "$(grep -c '^-- the original: ' stdout)" = 3 ] || fail "not three examples"
grep -q '^def add(a, ' stdout || fail "the example is missing: $(tail -3 stdout)"
tail -n 1 stdout | grep -q ' return a + b$' || fail "the example has no end: $(tail -3 stdout)"
