# Folders and lists in the place of FILEs: which files are read, in which order, and what is refused.
# shellcheck disable=SC2094 # one file read twice is meant
need tok-train tok-encode tok-decode lm-train lm-eval-ppl lm-sample lm-fim gzip
head -c 20000 "$LM_SOURCE"/man/lm-train.1 >c.txt
tok-train --vocab-size 400 -o t.json c.txt
encode() { tok-encode -t t.json --format ids "$@"; }

mkdir -p in/sub/deep in/.hidden in/a in/empty other
echo 'one' >in/b.txt
echo 'two' >in/a/z.txt
echo 'three' >in/a-b.txt
echo 'four' >in/sub/deep/x.py
echo 'five' | gzip -c >in/sub/packed
echo 'six' >in/B.txt
: >in/sub/nothing
echo 'hidden' | tee in/.secret >in/.hidden/h.txt
echo 'outside' | tee other/o.txt >out.txt
ln -s ../other in/link         # a folder: not followed
ln -s . in/circle
ln -s ../out.txt in/linked.txt # a file: read
ln -s nowhere in/dangling
mkfifo in/pipe
{ find -L in -type f ! -path '*/.*' ! -path 'in/link/*' ! -path 'in/circle/*' 2>/dev/null || true; } | LC_ALL=C sort >names
[ "$(wc -l <names)" = 8 ] || fail "names: $(cat names)"
# shellcheck disable=SC2046 # words
encode $(cat names) >expected
expect_exit 0 encode in
expect_silence
expect_same expected stdout
encode in/ | cmp - expected || fail "a slash after a folder"
(cd in && encode -t ../t.json .) | cmp - expected || fail "the folder one is in"
encode c.txt in c.txt >three
{ encode c.txt && cat expected && encode c.txt; } | cmp - three || fail "a folder among files"

# What is no text is left out, once it is said; with --binary all is read.
printf '\x89PNG\r\n\x1a\n\x00' >in/a/p.png
printf 'a\x00\x01b' >in/a/x.ico
tar -cf - c.txt | gzip -c >in/a/t.tgz
expect_exit 0 encode in
expect_one_line_stderr "left out 3 files that are no text, such as 'in/a/p.png'"
expect_same expected stdout
expect_exit 0 encode -q in
expect_silence
expect_exit 0 encode --binary in
expect_silence
[ "$(wc -l <stdout)" = 11 ] || fail "--binary reads $(wc -l <stdout) of 11 files"
expect_exit 1 encode in/empty
expect_one_line_stderr "cannot use 'in/empty' as text: there is no text in the folder; hidden files"
mkdir pictures && cp in/a/p.png pictures/
expect_exit 1 encode c.txt pictures
expect_one_line_stderr "there is no text in the folder, only 1 file of another kind, such as 'pictures/p.png'"
rm in/a/p.png in/a/x.ico in/a/t.tgz

# Lists: by line, by NUL, of standard input, after FILEs; folders in them too.
encode --files-from names | cmp - expected || fail "a list of lines"
encode --files-from - <names | cmp - expected || fail "a list from standard input"
tr '\n' '\0' <names | encode --files-from - | cmp - expected || fail "a list of NUL-ended names"
{ tr '\n' '\0' <names && printf '\0\0'; } | encode --files-from - | cmp - expected || fail "empty names"
{ echo && cat names && echo; } | encode --files-from - | cmp - expected || fail "empty lines"
printf '%s' "$(cat names)" | encode --files-from - | cmp - expected || fail "a list without its last newline"
echo in | encode --files-from - c.txt >both
{ encode c.txt && cat expected; } | cmp - both || fail "a folder in a list, after a file"
cp c.txt "$(printf 'new\nline')"
printf 'new\nline\0c.txt\0' | encode --files-from - >both
{ encode c.txt && encode c.txt; } | cmp - both || fail "a name with a newline"
echo - >dash
encode --files-from dash <c.txt | cmp - <(encode c.txt) || fail "standard input in a list"
echo - | expect_exit 2 encode --files-from -
expect_one_line_stderr "standard input is named twice, by --files-from and FILE"
expect_exit 1 encode --files-from /dev/null
expect_one_line_stderr "the list '/dev/null' names no file"
echo missing.txt | expect_exit 1 encode --files-from -
expect_one_line_stderr "cannot open 'missing.txt'"
expect_exit 1 encode --files-from no-such-list
expect_one_line_stderr "cannot open 'no-such-list'"

# No output into what is read, however deep.
sums() { find . -type f ! -name stdout ! -name stderr ! -name sums -exec sha256sum {} + | sort -k2; }
sums >sums
clash() {
  expect_exit 2 "$@" </dev/null
  expect_one_line_stderr "FILE"
  sums | cmp - sums || fail "files differ after: $*"
}
clash tok-encode -t t.json -o in/new.tok in
clash tok-encode -t t.json -o in/b.txt in
clash tok-encode -t t.json -o in/sub/deep/new.tok in
clash tok-encode -t t.json -o in/sub/deep/../x in/
clash tok-encode -t t.json -o in/sub/new.tok --files-from <(echo in)
clash tok-encode -t t.json -o out.txt in
clash tok-encode -t t.json -o in/sub/deep/x.py --files-from names
clash tok-train -o in/sub/new.json in
expect_exit 2 tok-encode -t t.json -o names --files-from names
expect_one_line_stderr "-o and --files-from name the same file 'names'"
tok-encode -t t.json -o inner.tok in && mv inner.tok other/

# The other programs.
tok-train -q --vocab-size 300 --no-reserved -o a.json in
xargs tok-train -q --vocab-size 300 --no-reserved -o b.json <names
expect_same a.json b.json
tok-train -q --vocab-size 300 --no-reserved -o b.json --files-from names
expect_same a.json b.json
tok-train --dump-counts counts in && echo counts >list
tok-train -q --vocab-size 300 --no-reserved --from-counts counts -o a.json counts
tok-train -q --vocab-size 300 --no-reserved --from-counts counts -o b.json --files-from list
expect_same a.json b.json
tok-encode -t t.json -o c.tok c.txt
lm-train -t t.json --layers 1 --channels 8 --heads 1 --context 64 --batch 2 --threads 1 --steps 1 -o m.st c.tok
lm-train -t t.json --layers 1 --channels 8 --heads 1 --context 64 --batch 2 --threads 1 --steps 1 -o model/ c.tok
score() { lm-eval-ppl m.st --threads 1 --tsv --level document "$@"; }
xargs lm-eval-ppl m.st --threads 1 --tsv --level document <names >expected
score in | cmp - expected || fail "lm-eval-ppl of a folder"
score --files-from names | cmp - expected || fail "lm-eval-ppl of a list"
xargs -n 1 lm-sample m.st --threads 1 -n 2 --temperature 0 --json <names >expected
lm-sample m.st --threads 1 -n 2 --temperature 0 --json in | cmp - expected || fail "lm-sample of a folder"
lm-sample m.st --threads 1 -n 2 --temperature 0 --json --files-from names | cmp - expected || fail "lm-sample of a list"
echo c.tok | tok-encode -t t.json --from raw --format ids --files-from - 2>stderr && fail "a token stream as raw ids"
tok-encode -t t.json --format raw -o r.bin c.txt
echo r.bin | tok-encode -t t.json --from raw --files-from - -o new.tok
expect_same c.tok new.tok
# A model's folder is no folder of texts.
expect_exit 1 encode model
expect_one_line_stderr "cannot use 'model' as text: it is a model folder"
expect_exit 1 encode --binary model
expect_one_line_stderr "it is a model folder"
