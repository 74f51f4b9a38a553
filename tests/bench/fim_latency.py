#!/usr/bin/env python3
"""Time from a request to its answer with lm-fim --jsonl: 10 M parameters, 128 tokens of context, 16 generated; p50 and p95.

    LM_BIN=build/bin tests/bench/fim_latency.py [--requests 200] [--threads 1,2] [--layouts psm,spm] [--size 10|135]

135: the shape of SmolLM2-135M with its 49,152 tokens, in Q4_0.

"new text": every request has another text, nothing can be reused. "typing": the same text, whose prefix grows by a character
each time, as an editor asks while somebody types. The model is hardly trained: its speed does not depend on its weights.
Needs only Python itself.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LM_BIN", ROOT / "build" / "bin"))
CONTEXT, GENERATED = 128, 16
VOCABULARY = {"10": 4096, "135": 49152}
SHAPES = {"10": ["--layers", "7", "--heads", "5", "--channels", "320"],
          "135": ["--layers", "30", "--heads", "9", "--kv-heads", "3", "--channels", "576", "--ffn", "1536"]}


def environment():
    return {key: value for key, value in os.environ.items() if not key.startswith(("OPENBLAS_", "OMP_", "MKL_"))}


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment())
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def corpus(vocabulary):
    """Code-like text with enough words for the vocabulary."""
    generator = random.Random(1)
    words = ["".join(generator.choices("abcdefghijklmnoprstuvw", k=generator.randint(2, 9))) for _ in range(vocabulary)]
    word = lambda: generator.choice(words)
    return "".join(f"def {word()}({word()}, {word()}):\n    return {word()} + {word()}\n\n" for _ in range(5 * vocabulary))


def make_model(folder, text, size):
    (folder / "corpus.txt").write_text(text)
    tokenizer, stream, model = folder / "tok.json", folder / "train.tok", folder / "model"
    run(BIN / "tok-train", "--vocab-size", VOCABULARY[size], "-o", tokenizer, folder / "corpus.txt")
    run(BIN / "tok-encode", "-t", tokenizer, "-o", stream, folder / "corpus.txt")
    command = [BIN / "lm-train", "-t", tokenizer, "--objective", "fim", *SHAPES[size], "--tied", "--context", CONTEXT + GENERATED,
               "--batch", "2", "--steps", "1"]
    print(json.loads(run(*command, "--dry-run", "--json", stream))["parameters"], "parameters")
    run(*command, "-q", "-o", model, stream)
    if size == "10":
        return model
    run(BIN / "lm-convert", "--type", "q4_0", model, folder / "model.gguf")
    return folder / "model.gguf"


def texts_of(text, scenario, count):
    """Prefix and suffix of each request, long enough to fill the context."""
    for i in range(count):
        cut = 5000 + (i * 997 if scenario == "new text" else i)
        kept = 5000 if scenario == "typing" else cut
        yield text[kept - 2000:cut], text[kept + 1000:kept + 3000]


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


def measure(command, text, scenario, count):
    service = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
    times = []
    for prefix, suffix in texts_of(text, scenario, count + 10):
        request = json.dumps({"prefix": prefix, "suffix": suffix, "n": GENERATED}).encode() + b"\n"
        start = time.perf_counter()
        service.stdin.write(request)
        service.stdin.flush()
        answer = json.loads(service.stdout.readline())
        elapsed = time.perf_counter() - start
        if answer.get("tokens") == GENERATED:  # a middle that ended earlier says nothing about time
            times.append(elapsed * 1000)
    service.stdin.close()
    if service.wait() != 0:
        sys.exit("lm-fim failed")
    times = sorted(times[10:])  # without warming up
    return f"p50 {percentile(times, 0.5):5.1f} ms  p95 {percentile(times, 0.95):5.1f} ms  ({len(times)} requests)"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--layouts", default="psm,spm")
    parser.add_argument("--size", choices=list(SHAPES), default="10", help="millions of parameters")
    arguments = parser.parse_args()
    text = corpus(VOCABULARY[arguments.size])
    with tempfile.TemporaryDirectory() as name:
        model = make_model(pathlib.Path(name), text, arguments.size)
        for threads in arguments.threads.split(","):
            for scenario in ["new text", "typing"]:
                for layout in arguments.layouts.split(","):
                    command = [BIN / "lm-fim", model, "--jsonl", "--layout", layout, "--threads", threads]
                    result = measure(command, text, scenario, arguments.requests)
                    print(f"threads {threads}  {scenario:8}  {layout:3}  {result}", flush=True)


if __name__ == "__main__":
    main()
