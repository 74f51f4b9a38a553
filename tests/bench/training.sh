# Training speed and memory of five shapes, beside PyTorch's where $LM_VENV has it; see README. SHAPES=0,2 chooses.
need tok-train tok-encode lm-train
out=$(dirname "$LM_BIN")/bench-training.jsonl
python3 "$LM_SOURCE/tests/bench/training/compare.py" --json "$out" ${SHAPES:+--shape "$SHAPES"}
