# The tok- programs as filters: full disks, closed pipes, terminals, cut and joined streams.
need tok-train tok-encode tok-decode

cat "$LM_SOURCE"/man/*.[157] >corpus.txt
tok-train --vocab-size 600 -o tok.json corpus.txt

for command in 'tok-train --vocab-size 600 corpus.txt' 'tok-encode -t tok.json corpus.txt' 'tok-decode -t tok.json train.tok'; do
  tok-encode -t tok.json -o train.tok corpus.txt
  expect_exit 1 bash -c "$command >/dev/full"
  expect_one_line_stderr 'No space left on device'
  expect_exit 1 bash -c "$command -o missing/folder/out"
  expect_one_line_stderr
  expect_exit 1 bash -c "$command >&-"
  expect_one_line_stderr
  # A reader that has enough ends it quietly.
  bash -c "$command | head -c1" >one 2>stderr
  expect_silence
done
expect_exit 1 bash -c 'tok-encode -t tok.json <&-'
expect_one_line_stderr
expect_exit 1 tok-encode -t tok.json missing.txt
expect_one_line_stderr missing.txt
expect_exit 1 tok-encode -t missing.json corpus.txt
expect_one_line_stderr missing.json
expect_exit 1 tok-encode -t corpus.txt corpus.txt
expect_one_line_stderr corpus.txt
mkdir empty
expect_exit 1 tok-encode -t tok.json empty

# Wrong usage.
expect_exit 2 tok-encode corpus.txt
expect_exit 2 tok-encode -t tok.json --documents lines corpus.txt
expect_one_line_stderr 'separator:STRING'
expect_exit 2 tok-encode -t tok.json --documents line --from ids corpus.txt
expect_exit 2 tok-decode -t tok.json --documents jsonl train.tok
expect_exit 2 tok-decode -t tok.json train.tok train.tok
expect_exit 2 tok-train --pattern gpt5 corpus.txt

# A failed run leaves the old file.
echo old >kept
expect_exit 1 tok-encode -t tok.json -o kept corpus.txt missing.txt
[ "$(cat kept)" = old ] || fail "the old file is gone"
[ "$(find . -name '.kept*' | wc -l)" = 0 ] || fail "a temporary file is left"

# A cut stream and a joined one are noticed.
head -c 500 train.tok >cut.tok
expect_exit 1 tok-decode -t tok.json cut.tok
expect_one_line_stderr cut.tok
cat train.tok train.tok >joined.tok
expect_exit 1 tok-decode -t tok.json joined.tok
expect_one_line_stderr tok-encode

# Tokens are not for terminals.
if command -v script >/dev/null; then
  status=0
  script -qec 'tok-encode -t tok.json corpus.txt' /dev/null </dev/null >typescript || status=$?
  [ $status = 2 ] || fail "exit $status instead of 2 at a terminal"
  grep -q 'not written to a terminal' typescript || fail "no sentence at a terminal"
fi

# What a slow writer sends is passed on as it comes.
(printf '15 200 \n'; sleep 2) | tok-decode -t tok.json --format ids --documents line >passed &
sleep 1
[ "$(wc -l <passed)" = 1 ] || fail "tok-decode holds back what it has read"
wait

# Standard input can be read once.
printf 'text' >twice.txt
expect_exit 2 tok-encode -t tok.json -o twice.tok - - <twice.txt
expect_one_line_stderr "named twice"
