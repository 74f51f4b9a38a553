# Compressed texts are read as zcat, zstdcat and xzcat write them, by what they are: from a file, standard input and a pipe, in every
# program that reads text.
need tok-train tok-encode tok-decode lm-train lm-eval-ppl lm-sample lm-fim gzip zstd xz
cat "$LM_SOURCE"/man/*.[157] >c.txt
tok-train --vocab-size 400 -o t.json c.txt
tok-encode -t t.json -o c.tok c.txt
split -n 3 c.txt part.
pack() { # pack KIND < TEXT: in the way that the name of a kind says
  case $1 in
    *gz) gzip -c ;;
    *zst) zstd -q -c ;;
    *xz) xz -c ;;
  esac
}
# No name says what a file is: `one.*` are single, `many.*` of several members with an empty one, `odd.*` what else the tools read.
for kind in gz zst xz; do
  pack $kind <c.txt >"one$kind"
  { for part in part.aa /dev/null part.ab part.ac; do pack $kind <$part; done; } >"many$kind"
done
{ cat onegz && head -c 5000 /dev/zero; } >oddgz
{ printf '\x5f\x2a\x4d\x18\x03\x00\x00\x00abc' && zstd -q -c --no-check -19 --long=27 c.txt && printf '\x50\x2a\x4d\x18\x00\x00\x00\x00'; } >oddzst
{ xz -c --check=none <part.aa && head -c 8 /dev/zero && cat part.ab part.ac | xz -c -0 --block-size=1000 --check=sha256; } >oddxz
cp onegz c.zst # a name that is wrong
for name in onegz manygz oddgz onezst manyzst oddzst onexz manyxz oddxz c.zst; do
  for input in "$name" -; do
    tok-encode -t t.json -o new.tok "$input" <"$name"
    expect_same c.tok new.tok
  done
  # shellcheck disable=SC2002 # a pipe is wanted
  cat "$name" | tok-encode -t t.json -o new.tok
  expect_same c.tok new.tok
  # a byte at a time
  perl -0777 -ne '$| = 1; print substr($_, $a++, 1) while $a < 300; print substr($_, 300)' <"$name" | tok-encode -t t.json -o new.tok
  expect_same c.tok new.tok
done
tok-train --vocab-size 400 -o new.json manyzst
expect_same t.json new.json
tok-train --vocab-size 400 -o new.json - <onexz
expect_same t.json new.json
zstd -q -c c.txt | tok-encode -t t.json --documents line -o lines.tok
tok-encode -t t.json --documents line -o new.tok c.txt
expect_same lines.tok new.tok
tok-train --dump-counts counts c.txt && xz -c counts >packed
tok-train --vocab-size 400 -o new.json --from-counts packed
expect_same t.json new.json
tok-encode -t t.json --format ids c.txt | gzip -c | tok-encode -t t.json --from ids -o new.tok
expect_same c.tok new.tok

head -c 3000 c.txt >s.txt
lm-train -t t.json --layers 1 --channels 8 --heads 1 --context 64 --batch 2 --threads 1 --steps 1 --objective causal:0.5,fim:0.5 -o m.st c.tok
for kind in gz zst xz; do
  pack $kind <s.txt >s.packed
  for program in 'lm-eval-ppl m.st --threads 1 --json' 'lm-sample -q m.st --threads 1 -n 3 --temperature 0 --documents line' \
    'lm-fim m.st --threads 1 -n 3 --cursor 5:3'; do
    # shellcheck disable=SC2086 # words
    $program s.txt >plain && $program s.packed >unpacked
    expect_same plain unpacked
    # shellcheck disable=SC2002,SC2086
    cat s.packed | $program - >unpacked
    expect_same plain unpacked
  done
done
echo '{"prefix": "a", "suffix": "b", "n": 2}' >r.jsonl
lm-fim m.st --threads 1 --jsonl r.jsonl >plain
gzip -c r.jsonl | lm-fim m.st --threads 1 --jsonl >unpacked
expect_same plain unpacked
# Editing in place would leave what is not compressed under the name of what was.
cp s.packed in-place && cp in-place before
expect_exit 2 lm-fim m.st --threads 1 -n 3 --cursor 5:3 --full -o in-place in-place
expect_one_line_stderr "-o 'in-place' would replace a compressed text"
expect_same before in-place
gzip -c c.tok >c.tok.gz
expect_exit 1 lm-eval-ppl m.st c.tok.gz
expect_one_line_stderr "it is compressed with gzip, and what it holds is a token stream (lm-tokens); unpack it first, as in: zcat c.tok.gz | ... -"

# Nothing is kept of what is damaged, cut short, or followed by something else.
broken() { # broken FILE TEXT
  for input in "$1" -; do
    expect_exit 1 tok-encode -t t.json -o bad.tok "$input" <"$1"
    expect_one_line_stderr "$2"
    expect_one_line_stderr "cannot read '$([ "$input" = - ] && echo standard input || echo "$1")': "
    [ ! -e bad.tok ] || fail "$1 left an output"
  done
}
for kind in gz zst xz; do
  { head -c 4000 one$kind && printf 'damage' && tail -c +4007 one$kind; } >broken.$kind
  broken broken.$kind 'data is damaged ('
  head -c 4000 one$kind >cut.$kind
  broken cut.$kind 'data: it was cut short'
  { cat one$kind && echo more; } >more.$kind
  broken more.$kind 'data is followed by something else'
done
zstd -q -c --long=28 <c.txt >wide.zst
broken wide.zst 'zstd -dc --long=31'
expect_exit 1 tok-train --vocab-size 400 -o bad.json cut.gz
[ ! -e bad.json ] || fail "tok-train learned from a file that was cut short"
# With --binary bytes are taken as they are.
tok-encode -t t.json --binary onexz | tok-decode -t t.json | cmp - onexz || fail "--binary unpacks"
