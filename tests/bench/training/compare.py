#!/usr/bin/env python3
"""Time lm-train beside PyTorch, interleaved, in one sitting: tokens/s, their ratio, and MFU. Needs only Python itself.

    LM_BIN=build/bin LM_VENV=VENV tests/bench/training/compare.py [--repeats 3] [--shape N]... [--peers eager,compiled]

Medians over the repeats. The peer is left out where $LM_VENV has no PyTorch. The first data set of $LM_TEST_DATA or
../shared/data is trained on, else made-up text. MFU: training FLOPs a token by the toolkit's definition (6 M + 6 L H D T),
over the peak that bench_peak measures between the runs.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BIN = pathlib.Path(os.environ.get("LM_BIN", ROOT / "build" / "bin"))
# layers, heads, channels, context, batch, vocabulary, steps (about ten seconds)
SHAPES = [(4, 4, 128, 64, 12, 257, 400), (4, 8, 256, 256, 16, 4096, 24)]
PEERS = {"eager": [], "compiled": ["--compile"], "bfloat16": ["--compile", "--bfloat16"]}
FAMILIES = ["gpt2", "qwen3"]


def environment():
    """Ours without the settings that steer OpenBLAS or a thread library: everyone chooses for himself."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OPENBLAS_", "OMP_", "MKL_"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment())
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def corpus(folder):
    data = pathlib.Path(os.environ.get("LM_TEST_DATA", ROOT.parent / "shared" / "data")) / "text" / "tinyshakespeare.txt"
    if data.exists():
        return data
    generator = random.Random(1)
    words = ["".join(generator.choices("abcdefghijklmnoprstuvw", k=generator.randint(2, 9))) for _ in range(5000)]
    path = folder / "corpus.txt"
    path.write_text("".join(generator.choice(words) + generator.choice("    .\n") for _ in range(200000)))
    return path


def tokens(folder, vocabulary):
    tokenizer, stream = folder / f"{vocabulary}.json", folder / f"{vocabulary}.tok"
    if not stream.exists():
        byte_level = ["--no-reserved", "--pattern", "none"] if vocabulary == 257 else []
        run(BIN / "tok-train", "-o", tokenizer, "--vocab-size", vocabulary, *byte_level, corpus(folder))
        run(BIN / "tok-encode", "-t", tokenizer, "-o", stream, corpus(folder))
    return tokenizer, stream


def feed_forward(family, channels):
    """GPT-2's 4 C, or the 8/3 C that gives three gated matrices the same weights, rounded up to 32."""
    return 4 * channels if family == "gpt2" else -(-8 * channels // 3) // 32 * 32


def flops_per_token(family, shape):
    layers, _, channels, context, _, vocabulary, _ = shape
    matrices = (2 if family == "gpt2" else 3) * channels * feed_forward(family, channels)
    weights = layers * (4 * channels * channels + matrices) + vocabulary * channels
    return 6 * weights + 6 * layers * channels * context


def ours(folder, family, shape, threads):
    """The median tokens/s of the second half of the metrics, so that start-up and warm-up do not count."""
    layers, heads, channels, context, batch, vocabulary, steps = shape
    tokenizer, stream = tokens(folder, vocabulary)
    metrics = folder / "metrics.jsonl"
    metrics.unlink(missing_ok=True)
    own = ["--kv-heads", heads] if family == "qwen3" else []
    run(BIN / "lm-train", "-t", tokenizer, "-o", folder / "model.safetensors", "--checkpoint", folder / "model.state",
        "--family", family, "--layers", layers, "--heads", heads, "--channels", channels,
        "--ffn", feed_forward(family, channels), "--context", context, "--batch", batch, "--steps", steps,
        "--threads", threads, "--tied", *own, "--metrics", metrics, stream)
    (folder / "model.state").unlink(missing_ok=True)
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    speeds = [line["tokens_per_second"] for line in lines if line.get("tokens_per_second")]
    return statistics.median(speeds[len(speeds) // 2:])


def peers(shape, threads, name):
    layers, heads, channels, context, batch, vocabulary, steps = shape
    python = pathlib.Path(os.environ.get("LM_VENV", ROOT / "build" / "venv")) / "bin" / "python"
    output = run(python, HERE / "peer_pytorch.py", "--layers", layers, "--heads", heads, "--channels", channels,
                 "--context", context, "--batch", batch, "--vocabulary", vocabulary, "--steps", max(10, steps // 2),
                 "--threads", threads, *PEERS[name])
    return json.loads(output)["tokens_per_second"]


def has_pytorch():
    python = pathlib.Path(os.environ.get("LM_VENV", ROOT / "build" / "venv")) / "bin" / "python"
    return python.exists() and subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0


def peak(threads):
    program = BIN / "bench_peak"
    return float(run(program, threads)) if program.exists() else None


def compare(folder, shape, options):
    speeds, peaks = {}, []
    for _ in range(options.repeats):
        for family in FAMILIES:
            speeds.setdefault(f"lm-train {family}", []).append(ours(folder, family, shape, options.threads))
        for name in options.peers:
            speeds.setdefault(f"PyTorch {name}", []).append(peers(shape, options.threads, name))
        peaks.append(peak(options.threads))
    limit = statistics.median(peaks) if None not in peaks else None
    print(f"layers, heads, channels, context, batch, vocabulary = {shape[:-1]}; peak "
          + (f"{limit:.0f} GFLOP/s" if limit else "unknown: build bench_peak for MFU"))
    for name, values in speeds.items():
        speed = statistics.median(values)
        line = f"  {name:18} {speed:9,.0f} tokens/s ({min(values):,.0f} to {max(values):,.0f})"
        if limit:
            family = name.split()[1] if name.startswith("lm-train") else "gpt2"
            line += f"  MFU {100 * speed * flops_per_token(family, shape) / limit / 1e9:5.1f} %"
        if name.startswith("PyTorch"):
            line += f"  lm-train gpt2 is {statistics.median(speeds['lm-train gpt2']) / speed:.2f} times as fast"
        print(line)
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shape", type=int, action="append", help=f"index of a shape, from 0 to {len(SHAPES) - 1}")
    parser.add_argument("--peers", default="eager", help="of " + ",".join(PEERS))
    options = parser.parse_args()
    options.peers = [name for name in options.peers.split(",") if name] if has_pytorch() else []
    if not options.peers:
        print("without PyTorch, which $LM_VENV lacks")
    with tempfile.TemporaryDirectory(prefix="lm-bench-") as folder:
        for index in options.shape if options.shape is not None else range(len(SHAPES)):
            compare(pathlib.Path(folder), SHAPES[index], options)


if __name__ == "__main__":
    main()
