#!/usr/bin/env python3
"""Time lm-train beside PyTorch, by turns, in one sitting: tokens/s, their ratio, MFU and peak memory. Needs only Python.

    LM_BIN=build/bin LM_VENV=VENV tests/bench/training/compare.py [--shape 0,2] [--rounds 3] [--seconds 3] [--json FILE]

Every round measures each of ours and of the peers for about --seconds, and the peak of multiply-adds; medians over rounds
count. A ratio is ours over the better of PyTorch eager and compiled in the same precision: fp32, or where lm-train has
--precision mixed that beside bfloat16 autocast. MFU: training FLOPs a token by the toolkit's definition (6 M + 6 L H D T)
over the fp32 peak. Memory: the largest resident size (VmHWM). The peers are left out where $LM_VENV has no PyTorch. Trained
on is tinyshakespeare of $LM_TEST_DATA or ../shared/data, else, and for the largest vocabulary, made-up text.
"""

import argparse
import json
import math
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
PYTHON = pathlib.Path(os.environ.get("LM_VENV", ROOT / "build" / "venv")) / "bin" / "python"
FIELDS = ("layers", "heads", "channels", "context", "batch", "vocabulary")
SHAPES = [dict(zip(FIELDS, shape)) for shape in (
    (4, 4, 128, 64, 12, 257), (6, 6, 384, 256, 16, 257), (4, 8, 256, 256, 16, 4096), (8, 8, 512, 512, 8, 8192),
    (12, 12, 768, 512, 2, 50257))]
PEERS = {"eager": ("fp32", []), "compiled": ("fp32", ["--compile"]), "eager-bf16": ("mixed", ["--bfloat16"]),
         "compiled-bf16": ("mixed", ["--compile", "--bfloat16"])}


def environment():
    """Ours without the settings that steer OpenBLAS or a thread library: everyone chooses for himself."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OPENBLAS_", "OMP_", "MKL_"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}


def run(*command):
    """Its standard output and its peak memory in bytes."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=errors, env=environment())
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if child.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}: exit {child.returncode}: {errors.read()}")
        return out.read(), usage.ru_maxrss * 1024


def corpus(folder, vocabulary):
    """Made-up words for large vocabularies, which a small text does not fill."""
    data = pathlib.Path(os.environ.get("LM_TEST_DATA", ROOT.parent / "shared" / "data")) / "text" / "tinyshakespeare.txt"
    if data.exists() and vocabulary <= 8192:
        return data
    generator = random.Random(1)
    words = ["".join(generator.choices("abcdefghijklmnoprstuvw", k=generator.randint(2, 9))) for _ in range(40000)]
    path = folder / "made_up.txt"
    path.write_text("".join(generator.choice(words) + generator.choice("    .\n") for _ in range(300000)))
    return path


def tokens(folder, vocabulary):
    tokenizer, stream = folder / f"{vocabulary}.json", folder / f"{vocabulary}.tok"
    if not stream.exists():
        byte_level = ["--no-reserved", "--pattern", "none"] if vocabulary == 257 else []
        text = corpus(folder, vocabulary)
        run(BIN / "tok-train", "-o", tokenizer, "--vocab-size", vocabulary, *byte_level, text)
        run(BIN / "tok-encode", "-t", tokenizer, "-o", stream, text)
    return tokenizer, stream


def feed_forward(family, channels):
    """GPT-2's 4 C, or the 8/3 C that gives three gated matrices the same weights, rounded up to 32."""
    return 4 * channels if family == "gpt2" else -(-8 * channels // 3 // 32) * 32


def flops_per_token(family, shape):
    channels = shape["channels"]
    matrices = (2 if family == "gpt2" else 3) * channels * feed_forward(family, channels)
    weights = shape["layers"] * (4 * channels * channels + matrices) + shape["vocabulary"] * channels
    return 6 * weights + 6 * shape["layers"] * channels * shape["context"]


class Ours:
    """lm-train, begun afresh each time: the median speed of the last three quarters of its steps."""

    def __init__(self, folder, family, precision, shape, options):
        self.name, self.family, self.precision = f"lm-train {family}", family, precision
        self.folder, self.shape, self.options = folder, shape, options

    def measure(self, peak):
        shape = self.shape
        tokenizer, stream = tokens(self.folder, shape["vocabulary"])
        metrics = self.folder / "metrics.jsonl"
        metrics.unlink(missing_ok=True)
        step = flops_per_token(self.family, shape) * shape["batch"] * shape["context"]
        steps = max(4, math.ceil(self.options.seconds * 0.6 * peak / step))
        own = ["--kv-heads", shape["heads"]] if self.family == "qwen3" else []
        sizes = [part for name in FIELDS[:-1] for part in (f"--{name}", shape[name])]
        _, memory = run(BIN / "lm-train", "-t", tokenizer, "-o", "/dev/null", "--family", self.family, *sizes, *own,
                        "--ffn", feed_forward(self.family, shape["channels"]), "--tied", "--optimizer", "adamw",
                        "--precision", self.precision, "--steps", steps, "--threads", self.options.threads,
                        "--metrics", metrics, stream)
        speeds = [json.loads(line)["tokens_per_second"] for line in metrics.read_text().splitlines()]
        return statistics.median(speeds[math.ceil(len(speeds) / 4):]), memory


class Peer:
    """PyTorch, warm and idle between measurements."""

    def __init__(self, name, shape, options):
        self.name, self.family, (self.precision, flags) = f"PyTorch {name}", "gpt2", PEERS[name]
        self.seconds, self.errors = options.seconds, tempfile.TemporaryFile("w+")
        sizes = [str(part) for field in FIELDS for part in (f"--{field}", shape[field])]
        self.process = subprocess.Popen(
            [PYTHON, HERE / "peer_pytorch.py", *sizes, "--threads", str(options.threads), *flags], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=environment())

    def is_ready(self):
        """Waits until it is warm; False, and why, if it cannot be, for example if there is no compiler."""
        if self.process.stdout.readline():
            return True
        self.errors.seek(0)
        print(f"without {self.name}: {(self.errors.read().splitlines() or ['it ended'])[-1]}")
        return False

    def measure(self, _):
        self.process.stdin.write(f"{self.seconds}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            sys.exit(f"{self.name}: {self.errors.read()[-2000:]}")
        answer = json.loads(line)
        return answer["tokens_per_second"], answer["peak_memory"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def has_pytorch():
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", "import torch"], capture_output=True).returncode == 0


def known_precisions(folder, shape, wanted):
    """Those that lm-train has."""
    tokenizer, stream = tokens(folder, shape["vocabulary"])
    return [name for name in wanted.split(",") if subprocess.run(
        [BIN / "lm-train", "-t", tokenizer, "--precision", name, "--dry-run", stream], capture_output=True).returncode == 0]


def measure_peak(threads):
    return float(run(BIN / "bench_peak", threads)[0]) * 1e9


def results(shape, contestants, speeds, memories, peaks):
    """A dictionary for each contestant, in order."""
    peak = statistics.median(peaks)
    median = {who: statistics.median(speeds[who]) for who in contestants}
    for who in contestants:
        rivals = [median[other] for other in contestants if isinstance(other, Peer) and other.precision == who.precision]
        compared = isinstance(who, Ours) and who.family == "gpt2" and rivals
        yield {**shape, "program": who.name, "precision": who.precision, "tokens_per_second": median[who],
               "least": min(speeds[who]), "greatest": max(speeds[who]),
               "ratio": median[who] / max(rivals) if compared else None,
               "mfu": median[who] * flops_per_token(who.family, shape) / peak, "peak_flops": peak,
               "peak_memory": memories[who]}


def compare(folder, shape, options):
    precisions = known_precisions(folder, shape, options.precisions)
    families = options.families.split(",")
    contestants = [Ours(folder, family, precision, shape, options) for precision in precisions for family in families]
    peers = [Peer(name, shape, options) for name in options.peers if PEERS[name][0] in precisions]
    peers = [peer for peer in peers if peer.is_ready()]
    contestants += peers
    speeds, memories, peaks = {who: [] for who in contestants}, {}, []
    for _ in range(options.rounds):
        peaks.append(measure_peak(options.threads))
        for who in contestants:
            speed, memory = who.measure(peaks[-1])
            speeds[who].append(speed)
            memories[who] = max(memory, memories.get(who, 0))
    rows = list(results(shape, contestants, speeds, memories, peaks))
    for peer in peers:
        peer.close()
    print(f"{', '.join(FIELDS)} = {', '.join(str(shape[field]) for field in FIELDS)}; "
          f"peak {rows[0]['peak_flops'] / 1e9:.0f} GFLOP/s with {options.threads} threads")
    print(f"  {'':22} {'':6} {'tokens/s':>9} {'least':>9} {'greatest':>9} {'ratio':>6} {'MFU':>7} {'memory':>10}")
    for row in rows:
        ratio = f"{row['ratio']:.2f}" if row["ratio"] else ""
        print(f"  {row['program']:22} {row['precision']:6} {row['tokens_per_second']:9,.0f} {row['least']:9,.0f} "
              f"{row['greatest']:9,.0f} {ratio:>6} {100 * row['mfu']:5.1f} % {row['peak_memory'] / 2**20:6,.0f} MiB")
    sys.stdout.flush()
    if options.json:
        with open(options.json, "a", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default=",".join(map(str, range(len(SHAPES)))), help="numbers of shapes: " + "; ".join(
        f"{number}: {','.join(map(str, shape.values()))}" for number, shape in enumerate(SHAPES)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="for each measurement")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--families", default="gpt2,qwen3", help="ours; the peers are GPT-2-shaped")
    parser.add_argument("--precisions", default="fp32,mixed")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--json", help="file to append the results to, a line each")
    options = parser.parse_args()
    options.peers = [name for name in options.peers.split(",") if name] if has_pytorch() else []
    if not options.peers:
        print("without PyTorch, which $LM_VENV lacks")
    for number in map(int, options.shape.split(",")):
        with tempfile.TemporaryDirectory(prefix="lm-bench-") as folder:
            compare(pathlib.Path(folder), SHAPES[number], options)


if __name__ == "__main__":
    main()
