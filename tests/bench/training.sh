# Training speed of two small shapes, beside PyTorch's where $LM_VENV has it; see README.
need tok-train tok-encode lm-train
python3 "$LM_SOURCE/tests/bench/training/compare.py"
