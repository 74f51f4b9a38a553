# Other formats of tokens: each converts to the native stream and back without a difference.
need tok-train tok-encode tok-decode

cat "$LM_SOURCE"/man/*.[157] >corpus.txt
tok-train --vocab-size 600 -o tok.json corpus.txt
tok-encode -t tok.json --documents line -o native.tok corpus.txt
for format in raw llmc ids; do
  tok-encode -t tok.json --documents line --format $format -o "tokens.$format" corpus.txt
  tok-encode -t tok.json --from $format -o again.tok "tokens.$format"
  expect_same native.tok again.tok
  tok-decode -t tok.json --format $format --documents line "tokens.$format" >back
  expect_same corpus.txt back
done

# Sizes: raw is only the tokens, llm.c's has 1024 bytes of header, ours 128 and a trailer of 32.
raw=$(stat -c %s tokens.raw)
[ "$(stat -c %s tokens.llmc)" = $((raw + 1024)) ] || fail "size of llmc"
[ "$(stat -c %s native.tok)" = $((raw + 160)) ] || fail "size of lm"
[ "$(od -An -tu4 -N12 tokens.llmc | tr -s ' ')" = " 20240520 1 $((raw / 2))" ] || fail "header of llmc"
tail -c +129 native.tok | head -c "$raw" | cmp - tokens.raw || fail "raw is not the tokens of the native stream"

# llm.c's header needs the count, so a pipe will not do; a regular file on standard output will.
expect_exit 1 bash -c 'set -o pipefail; tok-encode -t tok.json --format llmc corpus.txt | cat'
expect_one_line_stderr 'states its length first'
tok-encode -t tok.json --documents line --format llmc corpus.txt >out.llmc
expect_same tokens.llmc out.llmc

# What is not tokens of this vocabulary is refused.
expect_exit 1 tok-encode -t tok.json --from ids -o out <<<'1 2 600'
expect_one_line_stderr 'outside the vocabulary of 600'
expect_exit 1 tok-decode -t tok.json --format ids <<<'1 x'
expect_one_line_stderr 'not token ids in decimal'
expect_exit 1 tok-decode -t tok.json --format ids <<<'99999999999'
expect_exit 1 bash -c 'printf "\1\0\2" | tok-decode -t tok.json --format raw'
expect_one_line_stderr 'ends inside a token'
head -c 2000 tokens.llmc >cut.llmc
expect_exit 1 tok-decode -t tok.json --format llmc cut.llmc
expect_one_line_stderr 'but its header says'
expect_exit 1 tok-decode -t tok.json --format llmc tokens.raw
expect_one_line_stderr "cannot use 'tokens.raw' as tokens of llm.c: it is a binary file"

# A stream made with another tokenizer is an error.
tok-train --vocab-size 601 -o other.json corpus.txt
expect_exit 1 tok-decode -t other.json native.tok
expect_one_line_stderr 'made with tokenizer'

# Pieces are for reading; bytes that are no text on their own show as U+FFFD.
tok-train --vocab-size 257 --no-reserved --pattern none -o bytes.json corpus.txt
printf 'a\xc3\xa9' | tok-encode -t bytes.json --format pieces >shown
printf '["a","\xef\xbf\xbd","\xef\xbf\xbd"]\n' | cmp - shown || fail "pieces: $(cat shown)"

# --stats speaks on standard error only.
expect_exit 0 tok-encode -t bytes.json --stats --format ids corpus.txt
grep -q "^bytes $(stat -c %s corpus.txt)\$" stderr || fail "stats: $(cat stderr)"
grep -q "^tokens $(stat -c %s corpus.txt)\$" stderr || fail "stats: $(cat stderr)"
