# Text through tok-train, tok-encode and tok-decode comes back byte for byte, by files and by pipes, for every kind of document.
need tok-train tok-encode tok-decode

cat "$LM_SOURCE"/man/*.[157] "$LM_SOURCE/README.md" >corpus.txt
tok-train --vocab-size 1000 <corpus.txt >tok.json
tok-train --vocab-size 1000 -o same.json corpus.txt
expect_same tok.json same.json

head -c 200000 /dev/urandom >random.bin
printf '' >empty
printf '<|endoftext|>no <|mask|>\n\n\r\nlast line without an end' >tricky.txt
for file in corpus.txt random.bin empty tricky.txt; do
  tok-encode -t tok.json "$file" | tok-decode -t tok.json >back
  expect_same "$file" back
  tok-encode -t tok.json -o file.tok <"$file"
  tok-decode -t tok.json -o back file.tok
  expect_same "$file" back
  for kind in line nul separator:o separator:e-a; do
    tok-encode -t tok.json --documents "$kind" "$file" | tok-decode -t tok.json --documents "$kind" >back
    # A missing last delimiter is added.
    head -c "$(stat -c %s "$file")" back | cmp - "$file" || fail "$kind of $file"
    added=$(($(stat -c %s back) - $(stat -c %s "$file")))
    delimiter=1
    [ "$kind" != separator:e-a ] || delimiter=3
    [ $added = 0 ] || [ $added = $delimiter ] || fail "$kind of $file: $added bytes more"
  done
done

# A pipe and a file, slow and fast, have the same tokens.
tok-encode -t tok.json --documents line --format ids corpus.txt >ids.txt
(head -c 1000 corpus.txt; sleep 0.1; tail -c +1001 corpus.txt) | tok-encode -t tok.json --documents line --format ids >slow.txt
expect_same ids.txt slow.txt
[ "$(wc -l <ids.txt)" = "$(wc -l <corpus.txt)" ] || fail "not a line of ids for each line"

# A separator may be written with escapes, to both programs.
tok-encode -t tok.json --documents 'separator:\n' --format ids corpus.txt | cmp - ids.txt
printf 'a\n\tb' | tok-encode -t tok.json --documents 'separator:\n\t' | tok-decode -t tok.json --documents 'separator:\0\\\n' >back
printf 'a\0\\\nb\0\\\n' | cmp - back
for program in tok-encode tok-decode; do
  expect_exit 2 $program -t tok.json --documents 'separator:\d'
  expect_one_line_stderr "unknown escape '\d' in the separator; known are \n, \r, \t, \0, and \\\\ for a backslash"
done

# Every FILE is a document; standard input can be one of them.
printf 'a' >a; printf 'b' | tok-encode -t tok.json --format pieces a - a >shown
printf '["a"]\n["b"]\n["a"]\n' | cmp - shown || fail "files are not documents: $(cat shown)"

# jsonl
printf '{"text":"one \\u4e2d"}\n\n{"n":1,"text":"two\\nlines"}\n' | tok-encode -t tok.json --documents jsonl |
  tok-decode -t tok.json --documents line >back
printf 'one \xe4\xb8\xad\ntwo\nlines\n' | cmp - back || fail jsonl
expect_exit 1 tok-encode -t tok.json --documents jsonl:body -o out <<<'{"text":"one"}'
expect_one_line_stderr "no string 'body' in line 1"
[ ! -e out ] || fail "a failed run left its output"

# A model-less chain of counts gives the same tokenizer.
head -n 100 corpus.txt >first; tail -n +101 corpus.txt >rest
tok-train --dump-counts first.counts first
tok-train --dump-counts rest.counts rest
tok-train --vocab-size 1000 --from-counts first.counts rest.counts >same.json
expect_same tok.json same.json
expect_exit 1 tok-train --from-counts first.counts --pattern llama3
expect_one_line_stderr "made with the pattern gpt2"
