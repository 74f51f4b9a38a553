#!/usr/bin/env python3
"""Held-out loss after fine-tuning by size, optimizer and rate, to see that the defaults of --init-from suit all sizes.

    LM_BIN=build/bin tests/bench/training/fine_tuning.py [--sizes 0,1] [--factors 0.1,1] [--steps 20,200] [--folder F] >table.tsv

One line a run, tab-separated. Models are trained on the King James Bible (the program bible), and continue either with it ("same") or with
another text ("new": WikiText-2's test split); the last tenth of either is held out. The rate is what a fresh model of that width would
get times the factor; factor 0 is the model as it was. All else except batch and context is the default. `same` is the held-out loss on
the Bible after the run, `new` on the other text. --folder keeps the models for another call. fine_tuning.tsv beside this script is what
it printed for size 0 with 20 and 100 steps, size 1 with 20, and size 2 with 20 and the factors 0.1 and 1.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("LM_BIN", ROOT / "build" / "bin"))
NEW = pathlib.Path(os.environ.get("LM_TEST_DATA", ROOT.parent / "shared" / "data")) / "text" / "wikitext-2-raw-test.txt"
# layers, channels, steps of the first training: 0.6, 4.3 and 12 million parameters
SIZES = [(2, 96, 800), (4, 256, 500), (6, 384, 200)]
USUAL = {"muon": 4e-3, "adamw": 1e-3}  # of a fresh model with 256 channels
COLUMNS = ["parameters", "text", "optimizer", "factor", "lr", "steps", "same", "new"]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def prepare(folder):
    bible = "".join(line.split(" ", 1)[1] for line in run("bible", "-f", "gen1:1-rev22:21").splitlines(keepends=True))
    (folder / "same.txt").write_text(bible)
    (folder / "new.txt").write_bytes(NEW.read_bytes())
    run(BIN / "tok-train", "--vocab-size", 2048, "-o", folder / "tok.json", folder / "same.txt", folder / "new.txt")
    for name in ("same", "new"):
        text = (folder / f"{name}.txt").read_bytes()
        cut = len(text) - len(text) // 10
        for part, content in (("train", text[:cut]), ("valid", text[cut:])):
            (folder / "part").write_bytes(content)
            run(BIN / "tok-encode", "-t", folder / "tok.json", "-o", folder / f"{name}.{part}.tok", folder / "part")


def train(folder, *options):
    run(BIN / "lm-train", "-t", folder / "tok.json", "--batch", 16, "--context", 128, "--precision", "mixed",
        "--checkpoint", "/dev/null", *options)


def loss(folder, model, name):
    report = run(BIN / "lm-eval-ppl", "--json", "--stride", 128, model, folder / f"{name}.valid.tok")
    return json.loads(report)["loss"]


def numbers(kind):
    return lambda text: [kind(part) for part in text.split(",")]


def sweep(folder, index, options):
    layers, channels, first_steps = SIZES[index]
    model = folder / f"model{index}"
    if not model.exists():
        train(folder, "--layers", layers, "--channels", channels, "--steps", first_steps, "-o", model,
              folder / "same.train.tok")
    size = run(BIN / "lm-train", "--init-from", model, "--dry-run", "--json", folder / "same.train.tok")
    parameters = json.loads(size)["parameters"]
    print(parameters, "-", "-", 0, 0, 0, *(f"{loss(folder, model, name):.4f}" for name in ("same", "new")), sep="\t", flush=True)
    for steps in options.steps:
        for text in options.texts:
            for optimizer in options.optimizers:
                for factor in options.factors:
                    rate = USUAL[optimizer] * (256 / channels) ** 0.5 * factor
                    tuned = folder / "tuned"
                    train(folder, "--init-from", model, "--optimizer", optimizer, "--lr", rate, "--steps", steps, "-o", tuned,
                          folder / f"{text}.train.tok")
                    losses = (f"{loss(folder, tuned, name):.4f}" for name in ("same", "new"))
                    print(parameters, text, optimizer, factor, f"{rate:.6f}", steps, *losses, sep="\t", flush=True)


def main():
    parser = argparse.ArgumentParser(description=re.split(r"\n\n", __doc__)[0])
    parser.add_argument("--sizes", type=numbers(int), default=range(len(SIZES)), help=f"of 0 to {len(SIZES) - 1}")
    parser.add_argument("--factors", type=numbers(float), default=[0.03, 0.1, 0.3, 1.0])
    parser.add_argument("--steps", type=numbers(int), default=[20, 200])
    parser.add_argument("--texts", type=numbers(str), default=["same", "new"])
    parser.add_argument("--optimizers", type=numbers(str), default=["muon", "adamw"])
    parser.add_argument("--folder", type=pathlib.Path, help="where models are kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lm-bench-") as name:
        folder = options.folder or pathlib.Path(name)
        folder.mkdir(exist_ok=True)
        if not (folder / "new.valid.tok").exists():
            prepare(folder)
        print(*COLUMNS, sep="\t", flush=True)
        for index in options.sizes:
            sweep(folder, index, options)


if __name__ == "__main__":
    main()
