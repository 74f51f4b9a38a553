# Tokenizers that others made, of every kind, through the programs (tests/golden/tokenizers).
need tok-encode tok-decode lm-convert
zoo=$LM_SOURCE/tests/golden/tokenizers
text="The cat didn't see <s> the Café. 123"
printf '%s' "$text" >text

# end_of NAME: prints the options that a tokenizer needs whose end-of-text has no usual name.
end_of() {
  case $1 in
    openai-gpt) echo '--end-of-text <unk>' ;;
    command-r) echo '--end-of-text <EOS_TOKEN>' ;;
  esac
}

# Every one encodes and decodes; a copy in any form is the same tokenizer, and reads the same stream.
count=0
for ids in "$zoo"/*.ids.json; do
  name=$(basename "$ids" .ids.json)
  # shellcheck disable=SC2046
  set -- $(end_of "$name")
  tok-encode -q -t "$zoo/$name.json" "$@" -o stream.tok text
  tok-decode -q -t "$zoo/$name.json" "$@" stream.tok >decoded
  lm-convert -q "$@" "$zoo/$name.json" copy.json
  lm-convert -q "$@" copy.json copy/
  for copy in copy.json copy; do
    tok-encode -q -t $copy "$@" -o again.tok text
    expect_same stream.tok again.tok
    tok-decode -q -t $copy "$@" stream.tok | cmp - decoded || fail "$name decodes differently as $copy"
  done
  rm -r copy copy.json
  count=$((count + 1))
done
[ $count -ge 40 ] || fail "only $count tokenizers"

# Begin tokens: what the post-processor says, another one, or none; the stream's header knows, and decoding leaves them out.
expect_ids() {
  local expected=$1
  shift
  [ "$(printf 'The cat' | tok-encode -q --format ids "$@")" = "$expected" ] || fail "ids of $*: $(printf 'The cat' | tok-encode -q --format ids "$@")"
}
plain=$(printf 'The cat' | tok-encode -q --format ids --begin none -t "$zoo/llama2.json")
expect_ids "1 $plain" -t "$zoo/llama2.json"
expect_ids "0 $plain" -t "$zoo/llama2.json" --begin '<unk>'
printf 'a\nb\n' | tok-encode -q -t "$zoo/llama2.json" --documents line | tok-decode -q -t "$zoo/llama2.json" --documents line >back
printf 'a\nb\n' | cmp - back || fail "begin tokens in the decoded text"
expect_exit 1 tok-encode -t "$zoo/llama2.json" --begin nope text
expect_one_line_stderr 'no token "nope"'

# Special tokens in the text.
for name in llama2 roberta xlm-roberta; do
  tok-encode -q -t "$zoo/$name.json" --format ids text >plain
  tok-encode -q -t "$zoo/$name.json" --format ids --special allow text >allowed
  ! cmp -s plain allowed || fail "$name: --special allow is --special plain"
  expect_exit 1 tok-encode -q -t "$zoo/$name.json" --special error text
  expect_one_line_stderr "the special token '<s>' at byte 19"
done

# What is lost is said, once; --strict makes it an error.
tok-encode -t "$zoo/bert-uncased.json" text 2>notes | tok-decode -q -t "$zoo/bert-uncased.json" >back
[ "$(cat back)" = "the cat didn ' t see < s > the cafe. 123" ] || fail "BERT: $(cat back)"
[ "$(grep -c 'does not keep all of a text' notes)" = 1 ] || fail "notes: $(cat notes)"
expect_exit 0 tok-encode -t "$zoo/llama2.json" -o stream.tok text
expect_silence
printf '\350\233\207' >snake
expect_exit 1 tok-encode -q -t "$zoo/t5.json" --strict snake
expect_one_line_stderr 'have no token in'
expect_exit 0 tok-encode -q -t "$zoo/llama2.json" --strict -o stream.tok snake

# What is not known is refused by name, with what is known.
refuse() {
  sed "$1" "$zoo/$2.json" >changed.json
  expect_exit 1 tok-encode -t changed.json text
  expect_one_line_stderr "$3"
}
refuse 's/"type":"NFC"/"type":"NFX"/' qwen2 'the normalizer "NFX"'
refuse 's/"type":"Metaspace"/"type":"Metaspice"/' mistral "'Metaspice'"
refuse 's/"type":"ByteFallback"/"type":"Fallback"/' llama2 '"Fallback"'
refuse 's/"type":"TemplateProcessing"/"type":"Templates"/' llama2 '"Templates"'
refuse 's/"type":"WordPiece","unk/"type":"SentencePiece","unk/' bert-cased '"SentencePiece"'
refuse 's/"dropout":null/"dropout":0.1/' llama2 "'dropout'"
expect_exit 1 tok-encode -t "$zoo/openai-gpt.json" text
expect_one_line_stderr 'name one with --end-of-text'
expect_exit 1 lm-convert -q "$zoo/t5.json" t5.tiktoken
expect_one_line_stderr 'a .tiktoken file cannot hold this tokenizer'
[ ! -e t5.tiktoken ] || fail "a file of a failed run"

# A stream of another kind's tokenizer is an error.
tok-encode -q -t "$zoo/t5.json" -o stream.tok text
expect_exit 1 tok-decode -q -t "$zoo/xlm-roberta.json" stream.tok
expect_one_line_stderr 'made with tokenizer'

# Bytes that are not UTF-8 come back, if there are tokens for bytes.
printf 'a\377b\303\200\343\201 c\355\240\200' >bytes
for name in gpt2 llama2 llama3 qwen2 gemma mistral deepseek-v3 kimi; do
  tok-encode -q --binary -t "$zoo/$name.json" bytes | tok-decode -q -t "$zoo/$name.json" >back
  expect_same bytes back
done
