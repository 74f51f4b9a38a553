# Seconds and peak memory of learning 30,000 tokens, beside the trainers that $LM_VENV (default build/venv) has: token_training.py.
#   TEXT    the text; default: manual pages, the documentation and headers of this system, about 100 MB
#   MEMORY  bounds for tok-train, besides its default; default: a quarter of the text, at least 40 MB
#   PEERS   which others, such as hf,gigatoken,rustbpe,bpeasy; default: all that are installed
need tok-train python3
text=${TEXT:-}
if [ -z "$text" ]; then
  text=text
  find /usr/share/doc /usr/include /usr/lib/python3* -type f \( -name '*.txt' -o -name '*.rst' -o -name '*.h' -o -name '*.py' \) -print0 |
    sort -z | xargs -0 cat 2>/dev/null | head -c 104857600 | iconv -c -f utf-8 -t utf-8 >text || true
  [ "$(wc -c <text)" -gt 20000000 ] || skip "this system has no text of 20 MB; name one with TEXT"
fi
python=${LM_VENV:-$LM_SOURCE/build/venv}/bin/python
[ -x "$python" ] || python=python3
quarter=$(($(wc -c <"$text") / 4))
[ $quarter -gt 40000000 ] || quarter=40000000
"$python" "$LM_SOURCE/tests/bench/token_training.py" "$text" --memory "${MEMORY:-$quarter}" ${PEERS:+--peers "$PEERS"}
