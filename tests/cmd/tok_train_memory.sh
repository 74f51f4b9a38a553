# tok-train in bounded memory, counts as a stage of their own, sizes of vocabulary, and tokenizers out of larger ones.
need tok-train tok-encode perl awk

# Words that are nearly all different, so that there are more than the memory holds.
perl -e 'srand 4; for (1 .. 450000) { print join("", map { chr(97 + int(rand(26))) } 1 .. 3 + int(rand(9))), rand() < 0.1 ? "\n" : " " }' >words
cat "$LM_SOURCE"/man/*.[157] >>words
size=(--vocab-size 3000)
tok-train "${size[@]}" -o free.json words

# The result is the same in any memory that does, on any number of threads, and nothing is left in the folder for what did not fit.
for memory in 36M 48M 1G; do
  for threads in 1 2; do
    tok-train "${size[@]}" -v --memory $memory --threads $threads -o bounded.json words 2>said
    expect_same free.json bounded.json
  done
done
[ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls -A "$TMPDIR")"

# The peak of the resident set is within the bound.
if [ -x /usr/bin/time ] && ! ldd "$(command -v tok-train)" | grep -qE 'lib[at]san'; then
  for memory in 34 36; do
    /usr/bin/time -f %M -o peak tok-train "${size[@]}" -v --memory ${memory}M --threads 2 -o bounded.json words 2>said || { cat said; fail "no training in $memory MiB"; }
    grep -q "counts beyond --memory took" said || fail "nothing was spilled in $memory MiB"
    [ "$(cat peak)" -le $((memory * 1024)) ] || fail "$(cat peak) KiB were taken of $memory MiB"
    expect_same free.json bounded.json
  done
  # Long texts that nothing cuts are of it too.
  perl -e 'srand 6; for (1 .. 4) { print map { chr(97 + int(rand(26))) } 1 .. 5000000; print "\0" }' >uncut
  tok-train --vocab-size 400 --pattern none --ties raw --documents nul --binary -o uncut.json uncut
  /usr/bin/time -f %M -o peak tok-train --vocab-size 400 --pattern none --ties raw --documents nul --binary --memory 96M -o bounded.json uncut
  [ "$(cat peak)" -le $((96 * 1024)) ] || fail "$(cat peak) KiB were taken of 96 MiB"
  expect_same uncut.json bounded.json
fi

# Too little memory is an error that names what would do, and that does.
expect_exit 1 tok-train "${size[@]}" --memory 1M -o none.json words
expect_one_line_stderr "M would do"
perl -e 'srand 5; for (1 .. 600000) { print join("", map { chr(97 + int(rand(26))) } 1 .. 9), " " }' >many
expect_exit 1 tok-train "${size[@]}" --ties raw --memory 24M --threads 1 -o none.json many
expect_one_line_stderr "distinct pretokens do not fit into --memory to be merged; --memory "
bound=$(sed -nE 's/.*; --memory ([0-9]+M) would do$/\1/p' stderr)
[ ! -e none.json ] || fail "a failed run wrote a tokenizer"
tok-train "${size[@]}" --ties raw --memory "$bound" --threads 1 -o bounded.json many
tok-train "${size[@]}" --ties raw -o free-many.json many
expect_same free-many.json bounded.json

# A text of one letter, in which one pair is everywhere.
head -c 4000000 /dev/zero | tr '\0' a >letter
monotonous=(--no-reserved --vocab-size 270 --pattern none --ties raw --min-frequency 1)
tok-train "${monotonous[@]}" -o letter.json letter
expect_exit 1 tok-train "${monotonous[@]}" --memory 44M -o none.json letter
expect_one_line_stderr "a pair of tokens occurs at more places than --memory has room for; --memory "
tok-train "${monotonous[@]}" --memory "$(sed -nE 's/.*; --memory ([0-9]+M) would do$/\1/p' stderr)" -o bounded.json letter
expect_same letter.json bounded.json

# A full disk, and a folder that is none.
expect_exit 1 bash -c 'ulimit -f 100; exec tok-train --vocab-size 3000 --ties raw --memory 24M --threads 1 many' # in blocks of 1 KiB
expect_one_line_stderr "set TMPDIR to another folder, or raise --memory"
[ ! -s stdout ] || fail "a failed run wrote something"
TMPDIR=/nowhere expect_exit 1 tok-train --vocab-size 3000 --ties raw --memory 24M --threads 1 many
expect_one_line_stderr "cannot create a temporary file in '/nowhere'"
[ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls -A "$TMPDIR")"

# Counts: of parts, added up, of the whole: the same file, and the same tokenizer, whatever the memory and the threads.
split -n l/3 words part.
for part in part.a?; do tok-train --dump-counts "$part.counts" "$part"; done
tok-train --dump-counts whole.counts --threads 1 words
tok-train --dump-counts bounded.counts --memory 28M --threads 2 words
expect_same whole.counts bounded.counts
tok-train --from-counts part.aa.counts part.ab.counts part.ac.counts --dump-counts sum.counts
expect_same whole.counts sum.counts
tok-train --from-counts part.aa.counts --dump-counts - part.ab.counts part.ac.counts | cmp - whole.counts || fail "counts on standard output differ"
tok-train "${size[@]}" --from-counts part.ac.counts part.aa.counts part.ab.counts -o counted.json
expect_same free.json counted.json
tok-train "${size[@]}" --memory 36M --from-counts - <sum.counts >counted.json
expect_same free.json counted.json

# Counts that are cut, damaged, joined, of another version or of other settings.
refused() { # TEXT: of the file `bad`
  expect_exit 1 tok-train --from-counts bad -o none.json
  expect_one_line_stderr "$1"
  [ ! -e none.json ] || fail "a tokenizer was made of bad counts"
}
head -c 100000 whole.counts >bad && refused "before their end was written"
head -c 40 whole.counts >bad && refused "ends inside its header"
cat whole.counts sum.counts >bad && refused "something follows their end"
perl -pe 'BEGIN { $/ = undef } substr($_, 200000, 1) ^= "\x01"' whole.counts >bad && refused "cannot read the counts 'bad'"
sed '1s/2/7/' whole.counts >bad && refused "another version"
echo 'lm-counts 1 gpt2 line' >bad && refused "another version"
: >bad && refused "bad"
tok-train --pattern llama3 --dump-counts bad part.aa
expect_exit 1 tok-train --from-counts part.ab.counts --from-counts bad
expect_one_line_stderr "made with the pattern llama3, not gpt2"
expect_exit 1 tok-train --ties raw --from-counts part.ab.counts
expect_one_line_stderr "made for other --ties: hf"
chmod 000 bad
[ "$(id -u)" = 0 ] || refused "Permission denied"
chmod 644 bad
expect_exit 1 tok-train --from-counts absent.counts
expect_one_line_stderr "absent.counts"

# Statistics: bytes a token are those of tok-encode, document by line.
tok-train "${size[@]}" --stats -o free2.json words 2>stats
expect_same free.json free2.json
head -n 1 stats | grep -q 'vocabulary  *tokens  *bytes/token  *last merged' || fail "$(cat stats)"
[ "$(awk 'NR > 1 { printf "%s ", $1 }' stats)" = "362 500 512 1000 1024 2000 2048 3000 " ] || fail "$(cat stats)"
awk 'NR > 2 && $3 <= before { exit 1 } { before = $3 }' stats || fail "bytes a token do not rise: $(cat stats)"
tokens=$(perl -ne 'print "$_\0"' words |
  tok-encode -t free.json --documents nul --stats 2>&1 >/dev/null | awk '$1 == "documents" { d = $2 } $1 == "tokens" { print $2 }')
[ "$(awk 'END { print $2 }' stats)" = "$tokens" ] || fail "$(tail -n 1 stats), and tok-encode makes $tokens tokens"
expect_exit 2 tok-train --stats --dump-counts x words

# A line that is too much is named as one, and counted where lines are not taken whole.
perl -e 'print "words and words " x 1500000' >line
expect_exit 1 tok-train --memory 24M --vocab-size 400 -o line.json line
expect_one_line_stderr "MiB of it are one line, which --ties hf counts whole, which is too much for --memory; raise that, or give --ties raw"
tok-train --memory 24M --ties raw --vocab-size 400 -o line.json line

# A smaller tokenizer is the one that the same text gives.
cat "$LM_SOURCE"/man/*.1 >pages
tok-train "${size[@]}" -o large.json pages
for n in 2999 1000 363 362; do
  tok-train --truncate $n -o small.json large.json
  tok-train --vocab-size $n pages | cmp - small.json || fail "--truncate $n and --vocab-size $n differ"
done
tok-train --truncate 500 <large.json | tok-train --truncate 400 - >twice.json
tok-train --truncate 400 large.json | cmp - twice.json || fail "truncating twice differs"
expect_exit 1 tok-train --truncate 361 large.json
expect_one_line_stderr "its bytes and special tokens are 362 already"
expect_exit 1 tok-train --truncate 3001 large.json
expect_one_line_stderr "it has 3000 only"
expect_exit 1 tok-train --truncate 300 "$LM_SOURCE/tests/golden/sentencepiece_unigram.model"
expect_one_line_stderr "it is no byte-level BPE"
expect_exit 2 tok-train --truncate 500 --vocab-size 500 large.json
expect_exit 2 tok-train --truncate 500 large.json small.json
expect_exit 2 tok-train --truncate 500 -o large.json large.json
