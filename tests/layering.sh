# Who includes whom: every include of lib/ and cmd/ is an edge of the table below, each outside library has its one room, and the
# library neither prints, exits nor reads the environment. First it is shown that the check can fail.
# shellcheck disable=SC2046 # lists of layers are words
set -eu +o pipefail  # a grep that finds nothing is good news here
root=${LM_SOURCE:-$(dirname "$(dirname "$(realpath "$0")")")}

allowed_layers() {
  case $1 in
    base) echo base ;;
    tensor) echo tensor base ;;
    stats) echo stats base ;;
    kernels) echo kernels tensor base ;;
    text) echo text base ;;
    data) echo data base ;;
    objectives) echo objectives base ;;
    model) echo model kernels tensor base ;;
    train) echo train model objectives data kernels tensor base ;;
    infer) echo infer model kernels tensor base ;;
    tasks) echo tasks stats text data objectives train infer model kernels tensor base ;;
  esac
}

# Rooms of the larger folders, and what of the same folder each may include: its own room, then those named. A file beside the
# rooms is in the room `rest` if the folder has one, else in a room of its own name.
allowed_rooms() {
  case $1 in
    tasks/evaluate) echo infill prompt score text_model load_tokenizer ;;
    tasks/infill) echo prompt score text_model load_tokenizer ;;
    tasks/prompt) echo score text_model load_tokenizer ;;
    tasks/score) echo text_model load_tokenizer ;;
    tasks/train) echo folder_record text_model load_tokenizer ;;
    tasks/convert_gguf | tasks/info) echo text_model load_tokenizer ;;
    tasks/convert_model) echo folder_record text_model load_tokenizer ;;
    tasks/folder_record) echo text_model load_tokenizer ;;
    tasks/tokenize) echo load_tokenizer ;;
    tasks/plot) ;;
    tasks/text_model) echo load_tokenizer ;;
    tasks/load_tokenizer) ;;
    model/config* | model/families) echo config config_fields families ;;
    model/parameters | model/linear_layers | model/decoding_weights*) echo parameters config families decoding_weights decoding_weights_file linear_layers ;;
    model/files) echo decoding_weights parameters config config_fields families ;;
    model/activations | model/batch | model/decode | model/decode_step | model/kv_cache | model/layer_kernels | model/rotary_tables | \
      model/row_sink | model/transformer*)
      echo activations batch decode decode_step decoding_weights kv_cache layer_kernels rotary_tables row_sink transformer linear_layers parameters config ;;
    train/ranks) ;;
    train/rest) echo ranks ;;
    text/unicode) ;;
    text/vocabulary) echo unicode ;;
    text/pattern | text/normalize) echo vocabulary unicode ;;
    text/bpe | text/wordpiece | text/unigram) echo vocabulary unicode ;;
    text/decode) echo normalize vocabulary unicode ;;
    text/training) echo rest pattern vocabulary unicode ;;
    text/files) echo rest bpe unigram wordpiece normalize pattern decode vocabulary unicode ;;
    text/rest) echo bpe unigram wordpiece normalize pattern decode vocabulary unicode ;;
    *) return 1 ;;
  esac
}

# room_of LAYER PATH: prints the room of a file by its path inside the layer.
room_of() {
  case $2 in
    */*) echo "${2%%/*}" ;;
    *) if allowed_rooms "$1/rest" >/dev/null; then echo rest; else echo "${2%.*}"; fi ;;
  esac
}

# check_rooms ROOT LAYER: prints every file in no known room, and every include between rooms that is not allowed.
check_rooms() {
  local file room included
  find "$1/lib/$2" -name '*.h' -o -name '*.cpp' | while read -r file; do
    room=$(room_of "$2" "${file#"$1/lib/$2/"}")
    allowed_rooms "$2/$room" >/dev/null || { echo "$file: $2 has no room $room"; continue; }
    sed -nE "s/^[[:space:]]*#[[:space:]]*include[[:space:]]*\"$2\/([^\"]*)\".*/\1/p" "$file" | while read -r included; do
      case " $room $(allowed_rooms "$2/$room") " in
        *" $(room_of "$2" "$included") "*) ;;
        *) echo "$file: $2/$room may not include '$2/$included'" ;;
      esac
    done
  done
}

# check_edges FOLDER LAYER ALLOWED...: prints every include of ours that is not allowed.
check_edges() {
  local folder=$1 layer=$2
  shift 2
  grep -rnE --include='*.h' --include='*.cpp' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$folder" 2>/dev/null |
    sed -E 's/^([^:]*:[0-9]+):[^"]*"([^"]*)".*/\1 \2/' |
    while read -r place included; do
      case " $* " in
        *" ${included%%/*} "*) [ "${included#*/}" != "$included" ] || echo "$place: include '$included' by its folder" ;;
        *) [ "$layer" = cmd ] && [ "${included#*/}" = "$included" ] || echo "$place: $layer may not include '$included'" ;;
      esac
    done
}

# check_library ROOT PATTERN ROOM WHAT: prints every include matching PATTERN outside the paths that match ROOM.
check_library() {
  (cd "$1" && grep -rnE --include='*.h' --include='*.cpp' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)" lib cmd tests) |
    grep -vE "^($3)" | sed "s|$| ($4)|" || true
}

# The words the library may not use, outside comments and strings: printing, exiting, environment. One exception: OpenBLAS takes
# its threads, and the core that we choose, by variables only, which that file sets and puts back.
calls='(f|v|vf|d|vd)?printf|f?puts|f?putc|putchar|perror|_?exit|quick_exit|_Exit|abort|(secure_)?getenv|setenv|putenv|unsetenv'
words="(^|[^A-Za-z0-9_])(($calls)[ ]*[(]|std::(cout|cerr|clog|cin)|(stdout|stderr)([^A-Za-z0-9_]|$))"
check_words() {
  find "$1/lib" -name '*.h' -o -name '*.cpp' | grep -v 'lib/base/scoped_variable\.h$' | while read -r file; do
    awk -v words="$words" -v file="$file" '{
      line = $0
      gsub(/"([^"\\]|\\.)*"/, "", line)
      sub(/\/\/.*/, "", line)
      if (line ~ words) print file ":" NR ": the library may not print, exit or read the environment:" line
    }' "$file"
  done
}

check_tree() {
  local layer folder
  for folder in "$1"/lib/*/; do
    layer=$(basename "$folder")
    [ -n "$(allowed_layers "$layer")" ] || { echo "$folder: no such layer"; continue; }
    check_edges "$folder" "$layer" $(allowed_layers "$layer")
  done
  check_edges "$1/cmd" cmd $(allowed_layers tasks)
  for layer in text model train tasks; do
    [ ! -d "$1/lib/$layer" ] || check_rooms "$1" "$layer"
  done
  check_library "$1" 'CLI/|spdlog/' 'cmd/' 'only cmd/ parses options and logs'
  check_library "$1" 'nlohmann/' 'lib/base/json\.cpp' 'only lib/base/json.cpp'
  check_library "$1" 'xtensor|xtl/|xsimd/|xflens/' '(lib/stats|tests)/' 'only lib/stats/ and tests'
  check_library "$1" 'cblas|lapack' '(lib/base/openblas\.h|tests/)' 'only lib/base/openblas.h and tests'
  check_library "$1" 'base/openblas|base/scoped_variable' '(lib/base/openblas|lib/kernels/cpu/|lib/stats/|tests/)' 'only who calls OpenBLAS'
  check_library "$1" 'toml\+\+' 'cmd/toml\.cpp' 'only cmd/toml.cpp'
  check_library "$1" 'pcre2' 'lib/text/pattern/regex' 'only lib/text/pattern/regex*'
  check_library "$1" 'utf8proc' 'lib/text/normalize/' 'only lib/text/normalize/'
  check_library "$1" 'zlib\.h|zstd\.h|lzma\.h' 'lib/base/decompress' 'only lib/base/decompress*'
  check_library "$1" 'mpi\.h' 'lib/train/ranks/mpi/' 'only the module of lib/train/ranks/mpi/'
  check_library "$1" 'train/ranks/mpi/' '-' 'nothing: it is a module'
  check_library "$1" 'doctest' 'tests/' 'only tests/'
  check_words "$1"
}

# must_fail FILE LINE: a tree with that one line is refused.
must_fail() {
  local tree
  tree=$(mktemp -d)
  mkdir -p "$tree/lib/base" "$tree/lib/text" "$tree/cmd" "$tree/tests" "$tree/$(dirname "$1")"
  echo "$2" >"$tree/$1"
  [ -n "$(check_tree "$tree")" ] || { echo "the check does not see '$2' in $1" >&2; exit 1; }
  rm -rf "$tree"
}

must_pass() {
  local tree found
  tree=$(mktemp -d)
  mkdir -p "$tree/lib/base" "$tree/cmd" "$tree/tests" "$tree/$(dirname "$1")"
  echo "$2" >"$tree/$1"
  found=$(check_tree "$tree")
  [ -z "$found" ] || { echo "the check refuses '$2' in $1: $found" >&2; exit 1; }
  rm -rf "$tree"
}

must_fail lib/base/a.h '#include "text/tokenizer.h"'
must_fail lib/text/a.cpp '#include "data/token_file.h"'
must_fail lib/text/a.cpp '  #  include "model/config.h"'
must_fail lib/text/deep/a.cpp '#include "kernels/matmul.h"'
must_fail lib/text/a.cpp '#include "tokenizer.h"'
must_fail lib/data/a.cpp '#include "program.h"'
must_fail lib/train/a.cpp '#include "infer/sampler.h"'
must_fail lib/other/a.h '#include "base/error.h"'
must_fail lib/text/a.cpp '#include <CLI/App.hpp>'
must_fail lib/text/a.cpp '#include <nlohmann/json.hpp>'
must_fail lib/model/decode.cpp '#include <cblas.h>'
must_fail lib/kernels/cpu/a.cpp '#include <xtensor/xtensor.hpp>'
must_fail lib/stats/a.cpp '#include <lapacke.h>'
must_fail lib/stats/a.cpp '#include "tensor/arena.h"'
must_fail lib/model/a.cpp '#include "stats/mean.h"'
must_fail lib/text/a.cpp '#include "base/openblas.h"'
must_pass lib/stats/a.cpp '#include <xtensor-blas/xlinalg.hpp>'
must_pass lib/tasks/evaluate/a.cpp '#include "stats/mean.h"'
must_fail cmd/config.cpp '#include <toml++/toml.h>'
must_fail cmd/lm-a.cpp '#include <doctest/doctest.h>'
must_fail lib/text/a.cpp '  std::cout << 1;'
must_fail lib/text/a.cpp '  printf("%d", 1);'
must_fail lib/text/a.cpp '  std::exit(1);'
must_fail lib/text/a.cpp '  if (std::getenv("HOME")) {}'
must_fail lib/tasks/prompt/a.cpp '#include "tasks/infill/infill.h"'
must_fail lib/tasks/text_model.h '#include "tasks/score/windows.h"'
must_fail lib/tasks/train/a.h '#include "tasks/prompt/prompt.h"'
must_fail lib/tasks/other/a.h '#include "base/error.h"'
must_fail lib/tasks/other.h '#include "base/error.h"'
must_fail lib/model/files/a.cpp '#include "model/transformer.h"'
must_fail lib/model/decode.cpp '#include "model/files/checkpoint.h"'
must_fail lib/model/config.h '#include "model/parameters.h"'
must_fail lib/model/other.h '#include "base/error.h"'
must_fail lib/text/a.cpp '#include "text/files/tiktoken.h"'
must_fail lib/text/other/a.h '#include "base/error.h"'
must_fail lib/train/trainer.cpp '#include <mpi.h>'
must_fail lib/train/ranks/a.cpp '#include "train/trainer.h"'
must_fail lib/train/other/a.h '#include "base/error.h"'
must_pass lib/train/ranks/mpi/a.cpp '#include <mpi.h>'
must_pass lib/train/trainer.cpp '#include "train/ranks/ranks.h"'
must_pass lib/text/files/a.cpp '#include "text/tokenizer.h"'
must_pass lib/text/files/a.cpp '#include "text/files/tiktoken.h"'
must_pass lib/tasks/evaluate/a.cpp '#include "tasks/infill/infill.h"'
must_pass lib/tasks/train/a.cpp '#include "tasks/text_model.h"'
must_pass lib/model/files/a.cpp '#include "model/parameters.h"'
must_pass lib/text/a.cpp '  std::snprintf(text, sizeof text, "%d", 1);'
must_pass lib/text/a.cpp '  // never calls printf() or exit()'
must_pass lib/tasks/score/a.cpp '#include "text/tokenizer.h"'
must_pass cmd/lm-a.cpp '#include "program.h"'

found=$(check_tree "$root")
[ -z "$found" ] || { echo "$found" >&2; exit 1; }
