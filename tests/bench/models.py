#!/usr/bin/env python3
"""A model of others beside transformers in one sitting: scoring, decoding, training, first result, memory; ratios of medians.

    python3 models.py FOLDER TEXT [RUNS]

FOLDER is a Hugging Face folder (tests/conformance/smollm2.py writes one), TEXT has some 5,000 tokens or more. Needs torch
and transformers; LM_BIN is the folder of the programs. Two threads on both sides; every figure is of a process of its own.
"""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

THREADS = "2"
PEER = r'''
import resource, sys, time
began = time.time()
import torch, transformers
what, folder, text = sys.argv[1:]
torch.set_num_threads(2)
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
ids = tokenizer(open(text).read(), return_tensors="pt").input_ids[0]
model.eval()
if what == "first":
    with torch.no_grad():
        model(ids[None, :16]).logits[0, -1].argmax()
    rate = time.time() - began
elif what == "score":
    began, count = time.time(), 0
    with torch.no_grad():
        for first in range(0, 4096, 1024):
            read = ids[first:first + 1024].view(2, 512)
            torch.log_softmax(model(read).logits[:, :-1], -1).gather(-1, read[:, 1:, None])
            count += read.numel()
    rate = count / (time.time() - began)
elif what == "decode":
    began = time.time()
    model.generate(ids[None, :16], max_new_tokens=128, do_sample=False, eos_token_id=None)
    rate = 128 / (time.time() - began)
else:
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    for step in range(2):
        read = ids[step * 100:step * 100 + 2048].view(4, 512)
        began = time.time()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=what == "mixed"):
            loss = model(read, labels=read).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        rate = 2048 / (time.time() - began)
print(rate, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
'''


def measured(command):
    """Run a command; its seconds, peak memory in MiB, and output."""
    began = time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"failed: {' '.join(map(str, command))}")
    return time.time() - began, usage.ru_maxrss / 1024, output


def ours(what, folder, text, scratch):
    programs = pathlib.Path(os.environ.get("LM_BIN", "build/bin"))
    sample = [programs / "lm-sample", "-q", "--threads", THREADS, "--greedy", folder, "-p", "It is a truth universally", "-n"]
    if what == "first":
        seconds, memory, _ = measured(sample + ["1"])
        return seconds, memory
    if what == "decode":
        start = measured(sample + ["1"])[0]
        seconds, memory, output = measured(sample + ["129", "--format", "ids"])
        return (len(output.split()) - 1) / (seconds - start), memory
    if what == "score":
        part = scratch / "part.txt"
        part.write_bytes(text.read_bytes()[:18000])
        start = measured(sample + ["1"])[0]
        seconds, memory, output = measured([programs / "lm-eval-ppl", "-q", "--threads", THREADS, "--json", "--protocol",
                                            "lm-eval", "--context", "512", folder, part])
        return json.loads(output)["tokens"] / (seconds - start), memory
    tokens, metrics = scratch / "text.tok", scratch / "metrics"
    measured([programs / "tok-encode", "-q", "-t", folder, "-o", tokens, text])
    metrics.unlink(missing_ok=True)
    _, memory, _ = measured([programs / "lm-train", "-q", "--threads", THREADS, "--init-from", folder, "-o",
                             scratch / "model", "--overwrite", "--steps", "2", "--batch", "4", "--context", "512",
                             "--optimizer", "adamw", "--memory", "8G", "--metrics", metrics, "--precision",
                             "mixed" if what == "mixed" else "fp32", tokens])
    return float(re.findall(r'"tokens_per_second":([0-9.e+]+)', metrics.read_text())[-1]), memory


def main():
    folder, text = sys.argv[1], pathlib.Path(sys.argv[2])
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    print(f"{'':8} {'ours':>10} {'theirs':>10} {'ratio':>7} {'MiB':>7} {'theirs':>7} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as scratch:
        for what in ("first", "score", "decode", "train", "mixed"):
            results = []
            for _ in range(runs):
                _, _, output = measured([sys.executable, "-W", "ignore", "-c", PEER, what, folder, str(text)])
                results.append(ours(what, folder, text, pathlib.Path(scratch)) + tuple(map(float, output.split())))
            rate, memory, their_rate, their_memory = map(statistics.median, zip(*results))
            print(f"{what:8} {rate:10.2f} {their_rate:10.2f} {rate / their_rate:7.2f} {memory:7.0f} {their_memory:7.0f} "
                  f"{memory / their_memory:6.2f}", flush=True)


if __name__ == "__main__":
    main()
