# Tokenizer speed: seconds of wall time to train, and to encode and decode about 22 MB.
need tok-train tok-encode tok-decode
text=$(data text/tinyshakespeare.txt)
for _ in $(seq 20); do cat "$text"; done >large
TIMEFORMAT='%R s'

echo -n 'tok-train, 1.1 MB, vocabulary 4096: '
time tok-train --vocab-size 4096 -o tok.json "$text"
echo -n "tok-encode, $(wc -c <large) bytes: "
time tok-encode -t tok.json -o tokens large
echo -n "tok-decode, $(wc -c <large) bytes: "
time tok-decode -t tok.json -o decoded tokens
cmp large decoded
