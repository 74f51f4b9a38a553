# Time to an answer of lm-fim --jsonl, a fresh text each time and while somebody types; see README.
need tok-train tok-encode lm-train lm-fim
python3 "$LM_SOURCE/tests/bench/fim_latency.py"
