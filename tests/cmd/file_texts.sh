# What is read as text is text: other files are refused by name, from a file and from a pipe, before any work, also if they are
# compressed; --binary takes any bytes.
need tok-train tok-encode tok-decode lm-train lm-eval-ppl lm-sample lm-fim gzip tar
head -c 20000 "$LM_SOURCE"/man/lm-train.1 >c.txt
tok-train --vocab-size 400 -o t.json c.txt
tok-encode -t t.json -o c.tok c.txt
train=(lm-train -t t.json --layers 1 --channels 8 --heads 1 --context 64 --batch 2 --threads 1 --steps 1)
"${train[@]}" --objective causal:0.5,fim:0.5 -o m.st c.tok
cp m.st other.st
gzip -c c.txt >c.gz
printf '\xff\xfeh\x00i\x00' >u16.txt
printf 'PAR1\x15\x04\x15\x00aaaaPAR1' >c.parquet
tar -cf c.tar c.txt
gzip -c c.tar >c.tgz
gzip -c c.gz >c.gz.gz
mkdir folder
cp c.txt folder/

# read_text FILE...: every program that reads text, with its further arguments in `more`.
more=()
readers=(train encode score sample fim prefix)
read_by() {
  local reader=$1
  shift
  case $reader in
    train) tok-train --vocab-size 300 --no-reserved -o new.json "${more[@]}" "$@" ;;
    encode) tok-encode -t t.json -o new.tok "${more[@]}" "$@" ;;
    score) lm-eval-ppl m.st --threads 1 "${more[@]}" "$@" ;;
    sample) lm-sample m.st --threads 1 -n 0 "${more[@]}" "$@" ;;
    fim) lm-fim m.st --threads 1 -n 0 --cursor 1:1 "${more[@]}" "$@" ;;
    prefix) lm-fim m.st --threads 1 -n 0 "${more[@]}" --suffix-file c.txt --prefix-file "$@" ;;
  esac
}
for reader in "${readers[@]}"; do
  for entry in 'c.tar|a tar archive; unpack it first' 'u16.txt|text in UTF-16; turn it into UTF-8 first: iconv' \
    'c.parquet|a Parquet file; write its texts as JSON lines' 'other.st|a model (safetensors); '; do
    path=${entry%%|*}
    expect_exit 1 read_by "$reader" "$path"
    expect_one_line_stderr "cannot use '$path' as text"
    expect_one_line_stderr "it is ${entry#*|}"
    expect_one_line_stderr '--binary'
  done
  # What is compressed is looked at too, and unpacked once.
  for entry in 'c.tgz|a tar archive; unpack it first (tar -xf)' \
    'c.gz.gz|compressed with gzip; unpack it first, as in: zcat <(zcat c.gz.gz) | ... -'; do
    path=${entry%%|*}
    expect_exit 1 read_by "$reader" "$path"
    expect_one_line_stderr "cannot use '$path' as text"
    expect_one_line_stderr "it is compressed with gzip, and what it holds is ${entry#*|}"
  done
  # By standard input: a file, a pipe, and a pipe that gives a byte at a time.
  expect_exit 1 read_by "$reader" - <c.tgz
  expect_one_line_stderr "cannot use 'standard input' as text"
  # shellcheck disable=SC2002 # a pipe is wanted
  cat c.tgz | expect_exit 1 read_by "$reader" -
  expect_one_line_stderr "it is compressed with gzip, and what it holds is a tar archive"
  { perl -e '$| = 1; print substr(`cat c.gz.gz`, $_, 1) for 0 .. 99' || true; } | expect_exit 1 read_by "$reader" -
  expect_one_line_stderr "it is compressed with gzip"
  more=(--binary)
  expect_exit 0 read_by "$reader" c.gz
  # shellcheck disable=SC2002
  cat c.parquet | expect_exit 0 read_by "$reader" -
  more=()
  # A folder of texts is many texts, but a model's is none; the text around a gap is in one file.
  case $reader in
    fim | prefix)
      expect_exit 1 read_by "$reader" folder
      expect_one_line_stderr "it is a folder; name its files, such as folder/*.txt"
      ;;
    *) expect_exit 0 read_by "$reader" folder ;;
  esac
done
[ ! -e new.tok ] || tok-encode -t t.json --binary c.gz | tok-decode -t t.json | cmp - c.gz

# Nothing is read before all are looked at, and what is written stays as it was.
printf kept >kept.tok
expect_exit 1 tok-encode -t t.json -o kept.tok c.txt c.tgz
[ "$(cat kept.tok)" = kept ] || fail "tok-encode wrote before it looked at its inputs"

# What is no kind of file is text, and so are texts that begin as one does.
for text in 'PAR1 is a magic number' 'PK' 'BZh91 is of bzip2' 'GGUF' '%%PDF-1.4 begins a document' 'lm-tokens 1' 'a\x00b\x00' '\x80\xff'; do
  # shellcheck disable=SC2059 # the format is the content
  printf "$text" >odd.txt
  cp odd.txt same.txt
  for input in odd.txt -; do
    tok-encode -t t.json "$input" <odd.txt | tok-decode -t t.json | cmp - same.txt || fail "$text from $input"
    # shellcheck disable=SC2002
    cat odd.txt | tok-encode -t t.json - | tok-decode -t t.json | cmp - same.txt || fail "$text from a pipe"
  done
done
# A second model is no text; a token stream is scored, and with --binary it is bytes.
expect_exit 1 lm-eval-ppl m.st other.st c.txt
expect_one_line_stderr "cannot use 'other.st' as text or tokens: it is a model (safetensors); one model is scored"
lm-eval-ppl m.st --json c.tok >tokens.json
lm-eval-ppl m.st --json --binary c.tok >bytes.json
! cmp -s tokens.json bytes.json || fail "--binary scores the tokens of a token stream"
expect_exit 1 tok-encode -t t.json c.tok
expect_one_line_stderr "it is a token stream (lm-tokens); tok-decode -t TOKENIZER c.tok makes text of it"
expect_exit 2 tok-encode -t t.json --from raw --binary c.tok
expect_one_line_stderr "--binary is for text"
expect_exit 1 lm-fim m.st --jsonl folder
expect_one_line_stderr "it is a folder"

mkfifo pipe
# Standard input is read once, whatever names it.
twice() {
  printf 'a' | expect_exit 2 "$@"
  expect_one_line_stderr "is named twice"
}
twice tok-encode -t t.json - -
twice tok-encode -t t.json - /dev/stdin
twice tok-encode -t -
twice tok-decode -t - -
twice tok-train - c.txt -
twice tok-train --from-counts - --from-counts -
twice lm-train -t t.json --steps 1 -o new.st - -
twice lm-train -t t.json --steps 1 -o new.st --valid - -
twice lm-eval-ppl m.st - -
twice lm-eval-ppl -
twice lm-sample - -n 0
twice lm-fim m.st --prefix-file - --suffix-file -
twice lm-fim -
expect_exit 2 tok-encode -t t.json pipe c.txt pipe
expect_one_line_stderr "the pipe 'pipe' is named twice, by FILE"
printf 'a' | tok-encode -t t.json -o new.tok c.txt - c.txt

# A command that a message advises can be typed as it is.
cp c.gz "it's a.gz"
cp c.gz ./-c.gz
expect_exit 1 tok-decode -t t.json "it's a.gz"
expect_one_line_stderr "as in: zcat 'it'\\''s a.gz' | ... -"
expect_exit 1 tok-decode -t t.json -- -c.gz
expect_one_line_stderr "as in: zcat ./-c.gz | ... -"
expect_exit 2 tok-encode -t t.json c.txt -o 'a b.gz'
expect_one_line_stderr "... | gzip > 'a b.gz'"

# --binary is for texts.
tok-train --dump-counts b.counts c.txt
expect_exit 2 tok-train --from-counts b.counts --binary --vocab-size 300 --no-reserved -o new.json
expect_one_line_stderr '--binary is for text; --from-counts says what else the input is'

# An output is not named as what it is not.
for name in x.gguf x.GGUF x.bin x.Pt x.onnx x.st.gz; do
  expect_exit 2 "${train[@]}" -o $name no-such-file.tok
  expect_one_line_stderr "cannot write -o '$name': "
done
for command in 'tok-train c.txt -o x.tiktoken' 'tok-train c.txt -o x.json.gz' 'tok-encode -t t.json c.txt -o x.npy' \
  'tok-encode -t t.json c.txt -o x.tok.zst' 'tok-decode -t t.json c.tok -o x.txt.xz' 'lm-sample m.st -p a -o x.gz' \
  'lm-fim m.st -o x.gz' 'lm-eval-ppl m.st c.txt -o x.gz'; do
  # shellcheck disable=SC2086 # words
  expect_exit 2 $command
  expect_one_line_stderr "cannot write -o 'x."
done

# Names of a hub, and states that are not there.
for name in gpt2 no-owner/SmolLM2-135M; do
  expect_exit 1 lm-sample $name -p a
  expect_one_line_stderr "cannot open '$name': no such file or folder; if the model of that name on the Hugging Face hub is meant"
  expect_exit 1 tok-encode -t $name c.txt
  expect_one_line_stderr 'nothing is downloaded here'
done
expect_exit 1 lm-sample model.st -p a
expect_one_line_stderr "cannot open 'model.st': No such file or directory"
expect_exit 1 "${train[@]}" --resume -o new.st c.tok
expect_one_line_stderr "cannot open 'new.st.state': no such file or folder; there is no run to resume"
# From pipes too, a model or a token stream is recognized by its first bytes.
# shellcheck disable=SC2002
cat c.tok | expect_exit 1 lm-sample - -p a
expect_one_line_stderr "cannot use 'standard input' as a model: it is a token stream"
# shellcheck disable=SC2002
cat c.gz | expect_exit 1 tok-decode -t t.json
expect_one_line_stderr "cannot use 'standard input' as tokens: it is compressed with gzip; unpack it first, as in: zcat FILE"
