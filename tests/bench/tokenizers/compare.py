#!/usr/bin/env python3
"""tok-encode beside gigatoken, tiktoken, Hugging Face's tokenizers and sentencepiece in one sitting: MB/s, ratios and peak memory.

    python3 compare.py TEXT --vocabulary NAME=PATH... [--rounds 3] [--megabytes N] [--slow-megabytes 10] [--peers NAME,...] [--folder /dev/shm] [--clock wall|cpu]

NAME is gpt2 (PATH is a tokenizer.json), cl100k or o200k (PATH is a .tiktoken file); or wordpiece (a tokenizer.json with a [SEP]), unigram (a .model of
SentencePiece) or unigram-json. What is said of a NAME=PATH@TEXT2 is measured with another text, such as Japanese. LM_BIN is the folder of the programs. Whichever peers this
Python has are run, each in a process of its own, by turns with ours; medians of the rounds. All read TEXT from the page cache and write its ids, two or
four bytes each, to --folder, which is to be in memory. Starting and loading are left out on both sides: of the peers by their own clock, of ours by
taking off a run on nothing. gigatoken's ids are compared with ours, byte by byte (the other peers' are in tests/conformance).
    cold      a fresh process encodes the text once
    warm      the same process does it again: ours is the difference between a run on the text twice and once
    pipe      the text through a pipe, and the ids into one (ours only)
tiktoken, tokenizers and sentencepiece get the first --slow-megabytes only, in pieces of about 100 kB, which they encode on as many threads as they
are given. Where others use the machine too, --clock cpu counts the processor's time, which is that of the clock for one thread only.
"""

import argparse
import json
import os
import pathlib
import resource
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
peer, name, vocabulary, text, output, threads, size, patterns, clock = sys.argv[1:]
now = time.process_time if clock == "cpu" else time.perf_counter
threads, size = int(threads), int(size)
dtype = numpy.uint32 if name in ("cl100k", "o200k") else numpy.uint16
def pieces(data):
    at, parts = 0, []
    while at < len(data):
        end = data.find(b"\n", at + 100000)
        end = data.rfind(b"\n") + 1 if end < 0 else end
        if end <= at:
            break
        parts.append(data[at:end].decode(errors="replace"))
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
elif peer == "sentencepiece":
    import sentencepiece
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=vocabulary)
    def encode(data):
        return tokenizer.encode(pieces(data), num_threads=threads)
else:
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(vocabulary)
    def encode(data):
        return [some.ids for some in tokenizer.encode_batch_fast(pieces(data), add_special_tokens=False)]
seconds = []
for _ in range(2):
    began = now()
    data = open(text, "rb").read(size)
    with open(output, "wb") as file:
        for ids in encode(data):
            numpy.asarray(ids, dtype=dtype).tofile(file)
    seconds.append(now() - began)
print(json.dumps({"cold": seconds[0], "warm": seconds[1], "bytes": len(data), "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
'''


CLOCK = "wall"


def now(clock=None):
    if (clock or CLOCK) == "wall":
        return time.perf_counter()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command, clock=None, **options):
    """Seconds and peak memory in MiB of a command; time(1) measures it, since a child of ours begins with our own peak."""
    with tempfile.NamedTemporaryFile() as report:
        timed = [TIME, "-f", "%M", "-o", report.name] if TIME else []
        began = now(clock)
        done = subprocess.run([*timed, *map(str, command)], **options)
        seconds = now(clock) - began
        if done.returncode != 0:
            raise SystemExit(f"failed: {command}")
        return seconds, int(report.read() or 0) / 1024


PEERS = {"gpt2": ["gigatoken", "tiktoken", "tokenizers"], "cl100k": ["gigatoken", "tiktoken"], "o200k": ["gigatoken", "tiktoken"],
         "wordpiece": ["tokenizers"], "unigram": ["sentencepiece"], "unigram-json": ["tokenizers"]}


def options_of(name, vocabulary):
    """What tok-encode needs for a vocabulary."""
    return ["-t", vocabulary, "--format", "raw", *(["--end-of-text", "[SEP]"] if name == "wordpiece" else [])]


def ours(name, vocabulary, text, folder, threads):
    command = [PROGRAM, "-q", "--threads", threads, *options_of(name, vocabulary)]
    output = ["-o", folder / "ours.bin"]
    start = min(run([*command, *output, os.devnull])[0] for _ in range(2))
    once, memory = run([*command, *output, text])
    twice, _ = run([*command, *output, text, text])
    began = now()
    with subprocess.Popen(["cat", str(text)], stdout=subprocess.PIPE) as source:
        run([*command, "-"], stdin=source.stdout, stdout=subprocess.DEVNULL)
    piped = now() - began
    return {"cold": once - start, "whole": once, "warm": twice - once, "pipe": piped - start, "start": start, "memory": memory, "bytes": text.stat().st_size}


def theirs(peer, name, vocabulary, text, folder, threads, size):
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": str(threads > 1).lower()}
    patterns = json.dumps(PATTERNS)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PEER, peer, name, str(vocabulary), str(text), str(folder / "theirs.bin"), str(threads), str(size), patterns, CLOCK],
                          capture_output=True, env=environment)
    if done.returncode != 0:
        print(f"{peer} fails: {done.stderr.decode().strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def check_ids(name, vocabulary, text, folder):
    """Ends with an error unless ours and gigatoken's ids, which it has just written, are the same but for our end-of-text."""
    path = folder / "ours.bin"
    run([PROGRAM, "-q", *options_of(name, vocabulary), "-o", path, text])
    mine, others = path.read_bytes(), (folder / "theirs.bin").read_bytes()
    size = 2 if name == "gpt2" else 4
    if mine[:-size] != others:
        raise SystemExit(f"tok-encode and gigatoken give other ids with {name} of {text}")


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


def stress(name, vocabulary, folder, text):
    """Times of the processor for 1 MB that tempts to quadratic time, as multiples of prose's."""
    prose = text.read_bytes()[:1000000]
    letters = bytes(97 + (i * i * 7 + i // 3) % 26 for i in range(1000000))
    seconds = {}
    for kind, data in {"empty": b"", "prose": prose, "letter": b"a" * 1000000, "spaces": b" " * 1000000, "unspaced": letters}.items():
        path = folder / "stress.txt"
        path.write_bytes(data)
        seconds[kind] = min(run([PROGRAM, "-q", "--threads", 1, *options_of(name, vocabulary), "-o", os.devnull, path], clock="cpu")[0] for _ in range(9))
    return "  ".join(f"{kind} {(seconds[kind] - seconds['empty']) / (seconds['prose'] - seconds['empty']):.2f}" for kind in ("letter", "spaces", "unspaced"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--vocabulary", nargs="+", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=float)
    parser.add_argument("--slow-megabytes", type=float, default=10)
    parser.add_argument("--peers", default="gigatoken,tiktoken,tokenizers,sentencepiece")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/dev/shm"))
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    options = parser.parse_args()
    global CLOCK
    CLOCK = options.clock
    options.folder.mkdir(exist_ok=True)
    text = options.folder / "bench.txt"
    print(f"{'vocabulary':10} {'threads':>7} {'program':12} {'cold':>8} {'warm':>8} {'pipe':>8} {'MiB':>7}   ratios of ours: cold, warm   (MB/s)")
    for pair in options.vocabulary:
        name, _, rest = pair.partition("=")
        vocabulary, _, other = rest.partition("@")
        source = pathlib.Path(other) if other else options.text
        content = source.read_bytes()
        text.write_bytes(content[:int(options.megabytes * 1e6)] if options.megabytes else content)
        print(f"# {name}, {source.name}", flush=True)
        for threads in map(int, options.threads.split(",")):
            peers = [peer for peer in options.peers.split(",") if peer in PEERS[name]]
            mine, others = [], {peer: [] for peer in peers}
            for _ in range(options.rounds):
                mine.append(ours(name, vocabulary, text, options.folder, threads))
                for peer in peers:
                    size = text.stat().st_size if peer == "gigatoken" else int(options.slow_megabytes * 1e6)
                    if result := theirs(peer, name, vocabulary, text, options.folder, threads, size):
                        others[peer].append(result)
                        if peer == "gigatoken" and len(others[peer]) == 1:
                            check_ids(name, vocabulary, text, options.folder)
            megabytes = mine[0]["bytes"] / 1e6
            rates = {key: megabytes / median_of(mine, key) for key in ("cold", "warm", "pipe", "whole")}
            print(f"{name:10} {threads:7} {'tok-encode':12} {rates['cold']:8.1f} {rates['warm']:8.1f} {rates['pipe']:8.1f} {median_of(mine, 'memory'):7.0f}   "
                  f"with loading ({1000 * median_of(mine, 'start'):.0f} ms) {rates['whole']:.1f}", flush=True)
            for peer, runs in others.items():
                if not runs:
                    continue
                cold, warm = (runs[0]["bytes"] / 1e6 / median_of(runs, key) for key in ("cold", "warm"))
                print(f"{name:10} {threads:7} {peer:12} {cold:8.1f} {warm:8.1f} {'':8} {median_of(runs, 'memory'):7.0f}   {rates['cold'] / cold:.2f} {rates['warm'] / warm:.2f}", flush=True)
        print(f"{name:10} 1 MB as a multiple of prose's time: {stress(name, vocabulary, options.folder, text)}", flush=True)
    for leftover in ("bench.txt", "stress.txt", "ours.bin", "theirs.bin"):
        (options.folder / leftover).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
