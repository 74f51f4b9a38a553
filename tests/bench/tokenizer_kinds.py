#!/usr/bin/env python3
"""Prints how fast tok-encode is with tokenizers of every kind, beside Hugging Face's library and sentencepiece, a row each.

usage: tokenizer_kinds.py [--kinds NAME,...] [--megabytes N] [--rounds N]

Needs what tests/conformance/tokenizers_conformance.py needs ($LM_BIN, $LM_KEEP and the others), and takes its tokenizers of 8k tokens.
CPU time of one thread, without loading the tokenizer, of one document of English; by turns, medians of the rounds. Then 1 MB of text that
tempts to quadratic time, as a multiple of what 1 MB of prose takes: one letter, spaces, letters without a space, combining marks.
"""
import argparse
import os
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import time

os.environ["RAYON_NUM_THREADS"], os.environ["TOKENIZERS_PARALLELISM"] = "1", "false"
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "conformance"))
import tokenizers_conformance as conformance  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

import support  # noqa: E402


def cpu_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def ours(path, end, text_path):
    start = cpu_of_children()
    subprocess.run([os.path.join(os.environ["LM_BIN"], "tok-encode"), "--quiet", "--threads", "1", "-t", path, *end, "-o", "/dev/null", "--format", "raw",
                    text_path], check=True, timeout=300)
    return cpu_of_children() - start


def theirs(encode, text):
    start = time.process_time()
    encode(text)
    return time.process_time() - start


def medians(rounds, *runs):
    times = [[run() for run in runs] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times)]


def stress_texts():
    generator = random.Random(4)
    letters = "".join(generator.choices("etaoinshrdlu", k=1000000))
    return {"letter": "a" * 1000000, "spaces": " " * 1000000, "unspaced": letters, "marks": "\u0301" * 500000}


def row(name, path, end, encode, text, options):
    written = support.write("prose.txt", text)
    empty = support.write("empty.txt", "")
    prose = support.write("prose1.txt", text[:1000000])
    load, mine, other = medians(options.rounds, lambda: ours(path, end, empty), lambda: ours(path, end, written), lambda: theirs(encode, text))
    size = len(text.encode()) / 1e6
    small = medians(options.rounds, lambda: ours(path, end, prose))[0] - load
    multiples = []
    for stress in stress_texts().values():
        stressed = support.write("stress.txt", stress)
        try:
            multiples.append(f"{(ours(path, end, stressed) - load) / max(small, 1e-3):6.1f}")
        except subprocess.SubprocessError as error:
            multiples.append(type(error).__name__[:6])
    print(f"{name:24s} {size / max(mine - load, 1e-3):8.1f} {size / other:8.1f} {other / max(mine - load, 1e-3):7.1f}  {' '.join(multiples)}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kinds", default=",".join(list(conformance.zoo.BUILDERS) + [f"spm:{name}" for name in conformance.SENTENCEPIECE]))
    parser.add_argument("--megabytes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    text = conformance.corpora()["English"]
    text = (text * (1 + int(options.megabytes * 1e6) // len(text)))[:int(options.megabytes * 1e6)]
    print(f"{'tokenizer':24s} {'ours':>8s} {'theirs':>8s} {'ratio':>7s}  {' '.join(f'{name:>6.6s}' for name in stress_texts())}   (MB/s; multiples of prose)")
    for kind in options.kinds.split(","):
        if kind.startswith("spm:"):
            import sentencepiece
            path = conformance.KEPT / f"spm-{kind[4:]}.model"
            if not path.exists():
                conformance.train_sentencepiece(f"spm-{kind[4:]}", **conformance.SENTENCEPIECE[kind[4:]])
            row(kind, path, [], sentencepiece.SentencePieceProcessor(model_file=str(path)).encode, text, options)
        else:
            path = conformance.tokenizer_file(kind)
            tokenizer = Tokenizer.from_file(str(path))
            end = ["--end-of-text", conformance.zoo.ENDS[kind]] if kind in conformance.zoo.ENDS else []
            row(kind, path, end, lambda some, t=tokenizer: t.encode_batch_fast([some], add_special_tokens=False), text, options)


if __name__ == "__main__":
    main()
