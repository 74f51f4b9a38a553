# What text that spells a special token becomes, and which special tokens a tokenizer has.
need tok-train tok-encode tok-decode

printf 'some text, some more text\n' >corpus.txt
tok-train --vocab-size 400 --add-special '<|user|>' -o tok.json corpus.txt
ids() { tok-encode -t tok.json --format ids "$@"; }

[ "$(printf '<|endoftext|><|pad|><|mask|><|fim_prefix|><|fim_suffix|><|fim_middle|><|extra_0|><|extra_99|><|user|>' |
  ids --special allow)" = "0 1 2 3 4 5 6 105 106" ] || fail "ids of the reserved tokens"
[ "$(printf '<|mask|>' | ids | wc -w)" -gt 1 ] || fail "a special token by default"
expect_exit 1 tok-encode -t tok.json --special error --format ids <<<'a <|mask|>'
expect_one_line_stderr "special token '<|mask|>' at byte 2"
[ "$(printf '<|endoftext|>' | tok-encode -t tok.json | tok-decode -t tok.json)" = '<|endoftext|>' ] || fail "plain text is lost"

tok-train --vocab-size 257 --no-reserved --pattern none -o bytes.json corpus.txt
[ "$(printf 'ab' | tok-encode -t bytes.json --format ids | wc -w)" = 2 ] || fail "bytes are not tokens"
grep -c '"special":true' bytes.json | grep -qx 1 || fail "more than end-of-text"

expect_exit 2 tok-train --vocab-size 256 corpus.txt
expect_exit 1 tok-train --vocab-size 300 corpus.txt
expect_one_line_stderr 'too small'
expect_exit 1 tok-train --add-special '<|mask|>' corpus.txt
expect_one_line_stderr "'<|mask|>' is given twice"
