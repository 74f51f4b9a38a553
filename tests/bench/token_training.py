"""Learning a tokenizer with tok-train and with other trainers: seconds and peak memory, measured by turns, medians.

python token_training.py TEXT [--tokens 30000] [--rounds 3] [--peers hf,gigatoken,rustbpe,bpeasy] [--threads N] [--memory 64M,...]
A peer that is not installed is left out. Each run is a process of its own, which reads TEXT itself; seconds are those of the whole
process. All cut text as GPT-2 does. bpeasy and rustbpe are given the text as one string, the others the file.
"""

import argparse
import importlib.util
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
PACKAGES = {"hf": "tokenizers", "gigatoken": "gigatoken", "rustbpe": "rustbpe", "bpeasy": "bpeasy"}
END_OF_TEXT = "<|endoftext|>"


def peer_hf(path, tokens):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train([path], trainers.BpeTrainer(vocab_size=tokens, special_tokens=[END_OF_TEXT], show_progress=False,
                                                initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))


def peer_gigatoken(path, tokens):
    import gigatoken
    gigatoken.train_bpe(path, tokens, [END_OF_TEXT])


def peer_rustbpe(path, tokens):
    import rustbpe
    rustbpe.Tokenizer().train_from_iterator(iter([open(path, encoding="utf-8").read()]), tokens, pattern=GPT2)


def peer_bpeasy(path, tokens):
    import bpeasy
    bpeasy.train_bpe(iter([open(path, encoding="utf-8").read()]), GPT2, 1 << 20, tokens)


def measure(command, threads):
    """Seconds of wall time and peak memory in MiB of one run."""
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM="true")
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("--tokens", type=int, default=30000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--peers", default=",".join(PACKAGES))
    parser.add_argument("--memory", default="", help="bounds for tok-train, besides its default")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        return globals()[f"peer_{options.run}"](options.text, options.tokens)

    program = str(pathlib.Path(os.environ.get("LM_BIN", pathlib.Path(__file__).parents[2] / "build/bin")) / "tok-train")
    ours = [program, "--no-reserved", "--vocab-size", str(options.tokens), "--threads", str(options.threads), "-o", os.devnull]
    commands = {"tok-train": [*ours, options.text], "tok-train --ties raw": [*ours, "--ties", "raw", options.text]}
    for bound in filter(None, options.memory.split(",")):
        commands[f"tok-train --memory {bound}"] = [*ours, "--memory", bound, options.text]
    for peer in filter(None, options.peers.split(",")):
        if importlib.util.find_spec(PACKAGES[peer]) is None:
            print(f"# {peer}: not installed", file=sys.stderr)
        else:
            commands[peer] = [sys.executable, __file__, options.text, "--tokens", str(options.tokens), "--run", peer]

    results = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            results[name].append(measure(command, options.threads))
    size = os.path.getsize(options.text) / 1e6
    print(f"# {size:.1f} MB, {options.tokens} tokens, {options.threads} threads, medians of {options.rounds}")
    print("trainer\tseconds\tMB/s\tpeak_MiB\ttimes_as_long")
    least = statistics.median(seconds for seconds, _ in results["tok-train"])
    for name, runs in results.items():
        seconds = statistics.median(run[0] for run in runs)
        print(f"{name}\t{seconds:.2f}\t{size / seconds:.1f}\t{max(run[1] for run in runs):.0f}\t{seconds / least:.1f}")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
