#!/usr/bin/env python3
"""tok-encode beside gigatoken, tiktoken and Hugging Face's tokenizers in one sitting: MB/s, ratios and peak memory.

    python3 compare.py TEXT --vocabulary NAME=PATH... [--rounds 3] [--megabytes N] [--slow-megabytes 10] [--peers NAME,...] [--folder /dev/shm]

NAME is gpt2 (PATH is a tokenizer.json), cl100k or o200k (PATH is a .tiktoken file). LM_BIN is the folder of the programs. Whichever peers this
Python has are run, each in a process of its own, by turns with ours; medians of the rounds. All read TEXT from the page cache and write its ids, two or
four bytes each, to --folder, which is to be in memory. Starting and loading are left out on both sides: of the peers by their own clock, of ours by
taking off a run on nothing.
    cold      a fresh process encodes the text once
    warm      the same process does it again: ours is the difference between a run on the text twice and once
    pipe      the text through a pipe, and the ids into one (ours only)
tiktoken and tokenizers get the first --slow-megabytes only, in pieces of about 100 kB, which they encode on as many threads as they are given.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TIME = shutil.which("time")
PROGRAM = pathlib.Path(os.environ.get("LM_BIN", "build/bin")) / "tok-encode"

PEER = r'''
import json, resource, sys, time
import numpy
peer, name, vocabulary, text, output, threads, size, patterns = sys.argv[1:]
threads, size = int(threads), int(size)
dtype = numpy.uint16 if name == "gpt2" else numpy.uint32
def pieces(data):
    at, parts = 0, []
    while at < len(data):
        end = data.find(b"\n", at + 100000)
        end = len(data) if end < 0 else end
        parts.append(data[at:end].decode())
        at = end
    return parts
if peer == "gigatoken":
    import gigatoken
    tokenizer = gigatoken.Tokenizer(vocabulary) if name == "gpt2" else gigatoken.Tokenizer.from_tiktoken(vocabulary)
    def encode(data):
        return [numpy.asarray(tokenizer.encode_batch([data], parallel=threads > 1)[0])]
elif peer == "tiktoken":
    import tiktoken, tiktoken.load
    pattern = json.loads(patterns)[name]
    if name == "gpt2":
        from tokenizers import Tokenizer
        letters = [*range(33, 127), *range(161, 173), *range(174, 256)]
        byte_of = {chr(b): b for b in letters} | {chr(256 + i): b for i, b in enumerate(sorted(set(range(256)) - set(letters)))}
        ranks = {bytes(byte_of[c] for c in t): r for t, r in Tokenizer.from_file(vocabulary).get_vocab(with_added_tokens=False).items() if not t.startswith("<|")}
    else:
        ranks = tiktoken.load.load_tiktoken_bpe(vocabulary)
    tokenizer = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    def encode(data):
        return tokenizer.encode_ordinary_batch(pieces(data), num_threads=threads)
else:
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(vocabulary)
    def encode(data):
        return [some.ids for some in tokenizer.encode_batch_fast(pieces(data), add_special_tokens=False)]
seconds = []
for _ in range(2):
    began = time.perf_counter()
    data = open(text, "rb").read(size)
    with open(output, "wb") as file:
        for ids in encode(data):
            numpy.asarray(ids, dtype=dtype).tofile(file)
    seconds.append(time.perf_counter() - began)
print(json.dumps({"cold": seconds[0], "warm": seconds[1], "bytes": len(data), "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
'''


def run(command, **options):
    """Seconds and peak memory in MiB of a command; time(1) measures it, since a child of ours begins with our own peak."""
    with tempfile.NamedTemporaryFile() as report:
        timed = [TIME, "-f", "%M", "-o", report.name] if TIME else []
        began = time.perf_counter()
        done = subprocess.run([*timed, *map(str, command)], **options)
        seconds = time.perf_counter() - began
        if done.returncode != 0:
            raise SystemExit(f"failed: {command}")
        return seconds, int(report.read() or 0) / 1024


def ours(vocabulary, text, folder, threads):
    command = [PROGRAM, "-q", "--threads", threads, "-t", vocabulary, "--format", "raw"]
    output = ["-o", folder / "ours.bin"]
    start = min(run([*command, *output, os.devnull])[0] for _ in range(2))
    once, memory = run([*command, *output, text])
    twice, _ = run([*command, *output, text, text])
    began = time.perf_counter()
    with subprocess.Popen(["cat", str(text)], stdout=subprocess.PIPE) as source:
        run([*command, "-"], stdin=source.stdout, stdout=subprocess.DEVNULL)
    piped = time.perf_counter() - began
    return {"cold": once - start, "whole": once, "warm": twice - once, "pipe": piped - start, "start": start, "memory": memory, "bytes": text.stat().st_size}


def theirs(peer, name, vocabulary, text, folder, threads, size):
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": str(threads > 1).lower()}
    patterns = json.dumps(PATTERNS)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PEER, peer, name, str(vocabulary), str(text), str(folder / "theirs.bin"), str(threads), str(size), patterns],
                          capture_output=True, env=environment)
    if done.returncode != 0:
        print(f"{peer} fails: {done.stderr.decode().strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
PATTERNS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTIONS +
             r"?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + CONTRACTIONS +
             r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}


def median_of(runs, key):
    return statistics.median(run[key] for run in runs)


def stress(vocabulary, folder, text):
    """Times of 1 MB that tempts to quadratic time, as multiples of prose's."""
    prose = text.read_bytes()[:1000000]
    letters = bytes(97 + (i * i * 7 + i // 3) % 26 for i in range(1000000))
    seconds = {}
    for name, data in {"empty": b"", "prose": prose, "letter": b"a" * 1000000, "spaces": b" " * 1000000, "unspaced": letters}.items():
        path = folder / "stress.txt"
        path.write_bytes(data)
        seconds[name] = min(run([PROGRAM, "-q", "--threads", 1, "-t", vocabulary, "--format", "raw", "-o", os.devnull, path])[0] for _ in range(9))
    return "  ".join(f"{name} {(seconds[name] - seconds['empty']) / (seconds['prose'] - seconds['empty']):.2f}" for name in ("letter", "spaces", "unspaced"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--vocabulary", nargs="+", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=float)
    parser.add_argument("--slow-megabytes", type=float, default=10)
    parser.add_argument("--peers", default="gigatoken,tiktoken,tokenizers")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/dev/shm"))
    options = parser.parse_args()
    text = options.folder / "bench.txt"
    content = options.text.read_bytes()
    text.write_bytes(content[:int(options.megabytes * 1e6)] if options.megabytes else content)
    print(f"{'vocabulary':10} {'threads':>7} {'program':12} {'cold':>8} {'warm':>8} {'pipe':>8} {'MiB':>7}   ratios of ours: cold, warm   (MB/s)")
    for pair in options.vocabulary:
        name, _, vocabulary = pair.partition("=")
        for threads in map(int, options.threads.split(",")):
            peers = [peer for peer in options.peers.split(",") if peer and (peer != "tokenizers" or name == "gpt2")]
            mine, others = [], {peer: [] for peer in peers}
            for _ in range(options.rounds):
                mine.append(ours(vocabulary, text, options.folder, threads))
                for peer in peers:
                    size = text.stat().st_size if peer == "gigatoken" else int(options.slow_megabytes * 1e6)
                    if result := theirs(peer, name, vocabulary, text, options.folder, threads, size):
                        others[peer].append(result)
            megabytes = mine[0]["bytes"] / 1e6
            rates = {key: megabytes / median_of(mine, key) for key in ("cold", "warm", "pipe", "whole")}
            print(f"{name:10} {threads:7} {'tok-encode':12} {rates['cold']:8.1f} {rates['warm']:8.1f} {rates['pipe']:8.1f} {median_of(mine, 'memory'):7.0f}   "
                  f"with loading ({1000 * median_of(mine, 'start'):.0f} ms) {rates['whole']:.1f}", flush=True)
            for peer, runs in others.items():
                if not runs:
                    continue
                cold, warm = (runs[0]["bytes"] / 1e6 / median_of(runs, key) for key in ("cold", "warm"))
                print(f"{name:10} {threads:7} {peer:12} {cold:8.1f} {warm:8.1f} {'':8} {median_of(runs, 'memory'):7.0f}   {rates['cold'] / cold:.2f} {rates['warm'] / warm:.2f}", flush=True)
        print(f"{name:10} 1 MB as a multiple of prose's time: {stress(vocabulary, options.folder, text)}", flush=True)
    for leftover in ("bench.txt", "stress.txt", "ours.bin", "theirs.bin"):
        (options.folder / leftover).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
