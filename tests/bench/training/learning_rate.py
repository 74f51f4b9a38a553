#!/usr/bin/env python3
"""Held-out loss after a short training by size and learning rate, to see that the default suits all sizes.

    LM_BIN=build/bin tests/bench/training/learning_rate.py [--sizes 0,1] [--factors 0.5,1,2] [--optimizers muon] >table.tsv

One line a run, tab-separated. Bytes of Tiny Shakespeare, the last tenth of it held out. The rate is the default times the factor;
all else except shape and context is the default. A run takes half a minute to four on two cores; runs follow one another.
learning_rate.tsv beside this script is what it printed, and --sizes 1 --factors 1,2,4 --optimizers adamw.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("LM_BIN", ROOT / "build" / "bin"))
DATA = pathlib.Path(os.environ.get("LM_TEST_DATA", ROOT.parent / "shared" / "data")) / "text" / "tinyshakespeare.txt"
# layers, channels, context, steps
SIZES = [(2, 64, 256, 600), (4, 128, 256, 300), (4, 256, 128, 200), (6, 384, 128, 80), (8, 576, 128, 60)]
COLUMNS = ["parameters", "layers", "channels", "context", "optimizer", "factor", "lr", "steps", "loss"]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def train(folder, size, optimizer, factor):
    layers, channels, context, steps = size
    command = [BIN / "lm-train", "-t", folder / "tok.json", "--layers", layers, "--channels", channels, "--context", context,
               "--optimizer", optimizer, "--steps", steps, "--valid", folder / "valid.tok", "--valid-every", 0]
    facts = json.loads(run(*command, "--dry-run", "--json", folder / "train.tok"))
    rate = facts["settings"]["lr"] * factor
    metrics = folder / "metrics.jsonl"
    metrics.unlink(missing_ok=True)
    run(*command, "--lr", rate, "--checkpoint", "/dev/null", "--metrics", metrics, "-o", folder / "model", folder / "train.tok")
    loss = json.loads(metrics.read_text().splitlines()[-1])["val_loss"]
    return [facts["parameters"], layers, channels, context, optimizer, factor, f"{rate:.5f}", steps, f"{loss:.4f}"]


def numbers(kind):
    return lambda text: [kind(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=numbers(int), default=range(len(SIZES)), help=f"of 0 to {len(SIZES) - 1}")
    parser.add_argument("--factors", type=numbers(float), default=[0.5, 1.0, 2.0])
    parser.add_argument("--optimizers", type=numbers(str), default=["muon"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lm-bench-") as name:
        folder = pathlib.Path(name)
        run(BIN / "tok-train", "--vocab-size", 257, "--no-reserved", "--pattern", "none", "-o", folder / "tok.json", DATA)
        text = DATA.read_bytes()
        cut = len(text) - len(text) // 10
        for part, content in (("train", text[:cut]), ("valid", text[cut:])):
            (folder / part).write_bytes(content)
            run(BIN / "tok-encode", "-t", folder / "tok.json", "-o", folder / f"{part}.tok", folder / part)
        print(*COLUMNS, sep="\t")
        for index in options.sizes:
            for optimizer in options.optimizers:
                for factor in options.factors:
                    print(*train(folder, SIZES[index], optimizer, factor), sep="\t", flush=True)


if __name__ == "__main__":
    main()
