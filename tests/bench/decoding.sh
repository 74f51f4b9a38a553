# Tokens/s of lm-sample at three sizes of models, beside a prototype's and llama.cpp's; see README.
need lm-sample lm-convert
python=${LM_VENV:-$LM_SOURCE/build/venv}/bin/python
"$python" -c 'import numpy, gguf' 2>/dev/null || skip "no Python with numpy and gguf (LM_VENV)"
if [ -z "${LM_LLAMA_BENCH:-}" ]; then
  if programs=$("$LM_SOURCE/tests/support/build_llama_cpp" "$LM_SOURCE/build/llama.cpp" 2>llama_cpp.log); then
    export LM_LLAMA_BENCH=$programs/llama-bench
  else
    echo "without llama.cpp: $(tail -n 1 llama_cpp.log)"
  fi
fi
"$python" "$LM_SOURCE/tests/bench/decoding.py"
