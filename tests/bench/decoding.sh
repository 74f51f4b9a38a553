# Tokens/s of lm-sample at three sizes of models, beside a prototype's and llama.cpp's; see README.
need lm-sample
python=${LM_VENV:-$LM_SOURCE/build/venv}/bin/python
"$python" -c 'import numpy' 2>/dev/null || skip "no Python with numpy (LM_VENV)"
"$python" "$LM_SOURCE/tests/bench/decoding.py"
