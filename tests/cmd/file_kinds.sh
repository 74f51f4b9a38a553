# What is this file? Every kind of file in every place where another is expected: it is named, and the message says what to do.
need tok-train tok-encode tok-decode lm-train lm-eval-ppl lm-sample lm-fim
cat "$LM_SOURCE"/man/lm.7 >c.txt
tok-train --vocab-size 300 --no-reserved -o t.json c.txt
tok-encode -t t.json -o c.tok c.txt
train=(lm-train -t u.json --layers 1 --channels 8 --heads 1 --context 16 --batch 2 --threads 1)
cp c.tok d.tok
cp t.json u.json
"${train[@]}" --steps 1 -o m.st c.tok
"${train[@]}" --steps 1 -o folder/ c.tok
tok-train --vocab-size 300 --no-reserved --dump-counts c.counts c.txt

# Samples of the kinds: "path|name of the kind". The programs' own files first.
samples=(
  "m.st|a model (safetensors)"
  "folder|a model folder"
  "m.st.state|a training state"
  "c.tok|a token stream (lm-tokens)"
  "c.counts|a file of counts (tok-train --dump-counts)"
  "t.json|a tokenizer.json"
  "c.txt|a text"
)
# sample PATH KIND [FORMAT]: writes a file of printf's FORMAT, or keeps the one that is there.
sample() {
  # shellcheck disable=SC2059 # the format is the content
  [ $# = 2 ] || printf "$3" >"$1"
  samples+=("$1|$2")
}
mkdir lora torch tokens empty
mkdir f
pushd f >/dev/null || exit # names without endings, so that only the bytes can tell
sample f/gz 'compressed with gzip' && gzip -c ../c.txt >gz
sample f/zst 'compressed with zstd' && printf '\x28\xb5\x2f\xfd\x04\x00hello' >zst
sample f/xz 'compressed with xz' && printf '\xfd7zXZ\x00\x00\x04' >xz
sample f/bz2 'compressed with bzip2' && printf 'BZh91AY&SY\x00\x01' >bz2
sample f/lz4 'compressed with lz4' && printf '\x04\x22\x4d\x18\x64\x40' >lz4
sample f/zip 'a zip archive' && printf 'PK\x03\x04\x14\x00\x00\x00\x08\x00a.txt' >zip
sample f/7z 'a 7z archive' && printf '7z\xbc\xaf\x27\x1c\x00\x04' >7z
sample f/tar 'a tar archive' && tar -C .. -cf tar c.txt
sample f/parquet 'a Parquet file' && printf 'PAR1\x15\x04\x15\x00aaaaPAR1' >parquet
sample f/arrow 'an Arrow file' && printf '\xff\xff\xff\xff\x70\x00\x00\x00\x10\x00\x00\x00' >arrow
sample f/feather 'an Arrow file' && printf 'ARROW1\x00\x00\xff\xff' >feather
sample f/npy 'a NumPy array (.npy)' && printf "\x93NUMPY\x01\x00v\x00{'descr': '<u2'}" >npy
sample f/npz 'a NumPy array (.npy)' && printf 'PK\x03\x04\x14\x00\x00\x00\x00\x00arr_0.npy' >npz
sample f/h5 'an HDF5 file' && printf '\x89HDF\r\n\x1a\n\x00' >h5
sample f/db 'an SQLite database' && printf 'SQLite format 3\x00\x10' >db
sample f/pdf 'a PDF' && printf '%%PDF-1.7\n%%\xe2\xe3\xcf\xd3\n' >pdf
sample f/png 'a picture' && printf '\x89PNG\r\n\x1a\n\x00' >png
sample f/elf 'a program (ELF)' && printf '\x7fELF\x02\x01\x01\x00' >elf
sample f/u16 'text in UTF-16' && printf '\xff\xfeh\x00i\x00' >u16
sample f/u16b 'text in UTF-16' && printf '\xfe\xff\x00h\x00i' >u16b
sample f/u32 'text in UTF-32' && printf '\xff\xfe\x00\x00h\x00\x00\x00' >u32
sample f/gguf 'a GGUF file' && printf 'GGUF\x03\x00\x00\x00\x10\x00' >gguf
sample f/pt 'a PyTorch file' && printf 'PK\x03\x04\x00\x00\x08\x08\x00\x00archive/data.pkl' >pt
sample f/oldpt 'a PyTorch file' && printf '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.' >oldpt
sample f/pkl 'a Python pickle' && printf '\x80\x04\x95\x05\x00\x8c\x01a\x94.' >pkl
sample f/llmc 'a token file of llm.c' && { printf '\x88\xd8\x34\x01\x01\x00\x00\x00' && head -c 1016 /dev/zero; } >llmc
sample f/llmcmodel 'a model file of llm.c' && printf '\xc6\xd7\x34\x01\x03\x00\x00\x00' >llmcmodel
sample f/spm 'a SentencePiece model' && printf '\x0a\x0e\x0a\x05<unk>\x15\x00\x00\x00\x00\x18\x02\x0a\x0c' >spm
sample f/ids 'a binary file of no kind that is known here' && printf '\x05\x00\x07\x00\x09\x00' >ids
sample f/config 'a model'"'"'s config.json' && printf '{"architectures": ["X"], "model_type": "x"}\n' >config
sample f/tokcfg 'a tokenizer_config.json' && printf '{"tokenizer_class": "X"}\n' >tokcfg
sample f/peft 'an adapter_config.json' && printf '{"peft_type": "LORA"}\n' >peft
sample f/index 'the index of a model in several files (shards)' && printf '{"metadata": {}, "weight_map": {}}\n' >index
sample f/vocab 'a vocabulary (vocab.json) without its merges' &&
  { printf '{' && seq -s ' ' 40 | sed -E 's/([0-9]+)/"t\1": \1,/g' && printf '"z": 0}'; } >vocab
sample f/merges 'a list of merges (merges.txt) without its vocabulary' && printf '#version: 0.2\nh e\n' >merges
sample f/ranks 'a .tiktoken file of ranks' && printf 'IQ== 0\nIg== 1\n' >ranks
sample f/json 'a JSON file' && printf '{"a": 1}\n' >json
sample f/jsonl 'a file of JSON lines' && printf '{"text": "a"}\n{"text": "b"}\n' >jsonl
sample f/toml 'a TOML configuration' && printf '# comment\nnonsense-key = 4\n' >toml
sample f/empty 'empty' && : >empty
popd >/dev/null || exit
# safetensors PATH HEADER: a file of that header, without data.
safetensors() {
  perl -e 'print pack("Q<", length $ARGV[0]), $ARGV[0]' "$2" >"$1"
}
empty_tensor='{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
safetensors other.st "{\"a\":$empty_tensor}"
safetensors model-00001-of-00002.safetensors "{\"a\":$empty_tensor}"
safetensors lora.st "{\"q.lora_A.weight\":$empty_tensor}"
cp f/peft lora/adapter_config.json
cp f/pt torch/pytorch_model.bin
cp t.json tokens/tokenizer.json
sample other.st 'a safetensors file of another program'
sample model-00001-of-00002.safetensors 'one of the several files (shards) of a model'
sample lora.st 'an adapter (LoRA), not a whole model'
sample lora 'a folder with an adapter (LoRA), not with a whole model'
sample torch 'a folder with PyTorch weights and no model.safetensors'
sample tokens 'a tokenizer folder'
sample empty 'a folder'

texts='c.txt t.json f/gz f/zst f/xz f/index f/config f/tokcfg f/peft f/vocab f/merges f/ranks f/json f/jsonl f/toml f/empty f/ids'
# The paths that a place takes, or has a better word on: whatever comes of it, the kind is not refused.
taken() {
  case $1 in
    model) echo m.st folder other.st f/gguf m.st.state ;;
    tokenizer) echo t.json m.st folder f/ranks f/json f/gguf f/spm tokens lora torch ;;
    tokens) echo c.tok f/empty ;;
    state) echo m.st.state ;;
    text) echo "$texts empty" ;;
    scored) echo "$texts empty c.tok" ;;
    config) echo f/toml f/empty c.txt ;;
    counts) echo c.counts ;;
  esac
}

# try PLACE PATH: the program with the file in that place.
try() {
  case $1 in
    model) lm-sample "$2" -p a -n 0 --threads 1 ;;
    tokenizer) tok-decode -t "$2" c.tok ;;
    tokens) tok-decode -t t.json "$2" ;;
    state) "${train[@]}" --steps 1 --resume --checkpoint "$2" -o new.st d.tok ;;
    text) tok-encode -t t.json "$2" ;;
    scored) lm-eval-ppl m.st --threads 1 "$2" ;;
    config) tok-encode -t t.json --config "$2" empty.txt ;;
    counts) tok-train --from-counts "$2" ;;
  esac
}

: >empty.txt
export OMP_NUM_THREADS=1
declare -A words=([model]='a model' [tokenizer]='a tokenizer' [tokens]=tokens [state]='a training state' [text]=text
  [scored]='text or tokens' [config]='a configuration' [counts]=counts)
for place in model tokenizer tokens state text scored config counts; do
  for entry in "${samples[@]}"; do
    path=${entry%%|*} kind=${entry#*|} status=0
    try "$place" "$path" >stdout 2>stderr </dev/null || status=$?
    [ "$status" -le 2 ] || fail "'$path' as $place: exit $status"
    case " $(taken "$place") " in
      *" $path "*)
        ! grep -q "cannot use '$path' as ${words[$place]}: it is" stderr || fail "'$path' as $place: refused: $(cat stderr)"
        ;;
      *)
        [ "$status" = "$([ "$place" = config ] && echo 2 || echo 1)" ] ||
          fail "'$path' as $place: exit $status: $(cat stderr)"
        expect_one_line_stderr "cannot use '$path' as ${words[$place]}: it is $kind"
        ;;
    esac
  done
done
