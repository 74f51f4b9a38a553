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

# A name that a tokenizer.json cannot hold is refused before the text is read (which would wait for the gate's writer).
mkfifo gate
refuses() { # refuses MESSAGE NAME...
  local message=$1 name options=()
  shift
  for name; do options+=(--add-special "$name"); done
  expect_exit 2 timeout 20 tok-train "${options[@]}" -o new.json gate
  expect_one_line_stderr "$message"
  [ ! -e new.json ] || fail "a file was written for '$*'"
}
refuses "'<|mask|>' is given twice" '<|mask|>'
refuses "'<|a|>' is given twice" '<|a|>' '<|b|>' '<|a|>'
refuses "a special token is empty" ''
refuses "too short" x
refuses "is not valid UTF-8" $'<|\xff|>'
refuses "it is the spelling of the byte 0xA7" §
refuses "it is the spelling of the byte 0xB6" ¶
refuses "it is the spelling of the byte 0xE9" é
refuses "it is the spelling of the byte 0x20" Ġ

# One that spells a token is known by then only if that token was learned.
printf 'the cat and the dog and the hat\n%.0s' 1 2 3 >the.txt
printf 'old' >kept.json
expect_exit 1 tok-train -q --vocab-size 400 --add-special 'Ġthe' -o kept.json the.txt
expect_one_line_stderr "its special token 'Ġthe' is how the token \" the\" is spelled there"
[ "$(cat kept.json)" = old ] || fail "the old file is gone"
tok-train -q --vocab-size 400 --add-special 'Ġzebra' --add-special 'café' --add-special '中' -o ok.json the.txt
[ "$(printf 'Ġzebracafé中' | tok-encode -t ok.json --special allow --format ids)" = "106 107 108" ] || fail "names that collide with none"

# A character that JSON takes as it is, and a terminal does not show.
tok-train -q --vocab-size 400 --add-special $'<a\x7fb>' -o del.json the.txt
[ "$(printf '<a\x7fb>' | tok-encode -t del.json --special allow --format ids)" = 106 ] || fail "a name with DEL"
