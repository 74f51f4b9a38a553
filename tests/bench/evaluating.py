#!/usr/bin/env python3
"""lm-eval-ppl beside others in one sitting: tokens/s or lines/s, ratios of medians, and whether the numbers are the same.

    python3 evaluating.py TRAINING HELD_OUT [--rounds 3] [--sizes 4.5,31.5] [--time 2m] [--only NAME,...] [--lines 2000]
                          [--bytes 400000] [--folder FOLDER]

TRAINING and HELD_OUT are files of text, a document a line; LM_BIN is the folder of the programs. Models of two sizes are made of
TRAINING by lm-train in --time each, and kept in --folder, if one is given, for the next time. Every side has two threads; starting and loading are left out on both sides, by the peer's
own clock, and by taking a run on nothing from ours. Parts, each left out with a message where what it needs is absent:
    long        the first --bytes of HELD_OUT as one text, beside transformers in windows of the context, in batches of 8
    lines       the first --lines of HELD_OUT as documents, beside transformers in its best batch, lines sorted by length, and one by one
    llama.cpp   the same long text by --protocol llama.cpp beside llama-perplexity: LM_LLAMA_CPP (source, whose converter
                takes our folder) and LM_LLAMA_BIN (the folder of its programs)
    kenlm       the lines beside a 5-gram of the same tokens of TRAINING: KENLM, the folder of lmplz and query
"""

import argparse
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAMS = pathlib.Path(os.environ.get("LM_BIN", "build/bin"))
SHAPES = {"4.5": (4, 4, 256, 768, 4096), "31.5": (8, 8, 512, 1536, 8192)}  # layers, heads, channels, ffn, vocabulary
CONTEXT = 256

PEER = r'''
import json, sys, time, torch, transformers
what, folder, text, context = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
torch.set_num_threads(2)
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
end = model.config.eos_token_id
def losses(inputs, targets, mask=None):
    with torch.inference_mode():
        logits = model(inputs, attention_mask=mask).logits
        return torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, ignore_index=-100, reduction="sum").item()
def encode(text):
    return tokenizer(text, add_special_tokens=False, verbose=False).input_ids
def long(batch):
    ids = [end] + encode(open(text).read())
    total, count = 0.0, 0
    whole = (len(ids) - 1) // context
    windows = [ids[i * context:(i + 1) * context + 1] for i in range(whole)]
    for first in range(0, whole, batch):
        block = torch.tensor(windows[first:first + batch])
        total += losses(block[:, :-1], block[:, 1:]); count += block[:, 1:].numel()
    rest = torch.tensor([ids[whole * context:]])
    if rest.shape[1] > 1:
        total += losses(rest[:, :-1], rest[:, 1:]); count += rest.shape[1] - 1
    return count, total
def lines(batch):
    documents = [encode(line) for line in open(text).read().splitlines()]
    documents = sorted((ids for ids in documents if ids), key=len)
    total, count = 0.0, 0
    for first in range(0, len(documents), batch):
        block = documents[first:first + batch]
        width = max(map(len, block))
        inputs = torch.tensor([[end] + ids[:-1] + [end] * (width - len(ids)) for ids in block])
        targets = torch.tensor([ids + [-100] * (width - len(ids)) for ids in block])
        total += losses(inputs, targets, (targets != -100).long() if len(block) > 1 else None); count += sum(map(len, block))
    return count, total
run = long if what == "long" else lines
warm = torch.full((4, context), end)
for _ in range(3):
    losses(warm, warm)
result = {}
for batch in map(int, sys.argv[5].split(",")):
    began = time.time()
    count, total = run(batch)
    result[batch] = {"tokens": count, "seconds": time.time() - began, "nats": total}
print(json.dumps(result))
'''

CONVERTER = ("import sys, runpy; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/gguf-py'];"
             "import conversion.base as base; base.TextModel.get_vocab_base_pre = lambda self, tokenizer: 'gpt-2';"
             "sys.argv = sys.argv[2:]; runpy.run_path(sys.argv[0], run_name='__main__')")


def call(*command, **options):
    """Run a command; its seconds and standard output."""
    began = time.time()
    done = subprocess.run(list(map(str, command)), capture_output=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"failed: {' '.join(map(str, command))}\n{done.stderr[-2000:].decode()}")
    return time.time() - began, done


def score(model, path, *options):
    """Ours: seconds without those of starting, tokens, nats."""
    command = [PROGRAMS / "lm-eval-ppl", "-q", "--threads", "2", "--json", *options, model]
    start = min(call(*command, os.devnull)[0] for _ in range(3))
    seconds, done = call(*command, path)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return seconds - start, sum(row["tokens"] for row in rows), math.fsum(row["nats"] for row in rows)


def median(values):
    return statistics.median(values)


def report(name, ours, theirs, what, note):
    print(f"{name:34} {ours:10.0f} {theirs:10.0f} {ours / theirs:7.3g}  {what}; {note}", flush=True)


def train(folder, training, size, duration):
    layers, heads, channels, ffn, vocabulary = SHAPES[size]
    tokenizer, tokens, model = (folder / f"{size}.{end}" for end in ("json", "tok", "safetensors"))
    if (folder / size).exists():
        return model
    call(PROGRAMS / "tok-train", "-q", "--vocab-size", vocabulary, "-o", tokenizer, training)
    call(PROGRAMS / "tok-encode", "-q", "-t", tokenizer, "--documents", "line", "-o", tokens, training)
    call(PROGRAMS / "lm-train", "-q", "-t", tokenizer, "-o", model, "--layers", layers, "--heads", heads, "--channels",
         channels, "--ffn", ffn, "--context", CONTEXT, "--attend", "document", "--time", duration, tokens)
    call(PROGRAMS / "lm-convert", "-q", model, f"{folder / size}/")
    return model


def beside_transformers(size, model, part, path, rounds):
    batches = "8" if part == "long" else "1,8,32,64,128"
    options = ["--context", CONTEXT, "--stride", CONTEXT]
    if part == "lines":
        options += ["--documents", "line", "--level", "corpus"]
    ours, theirs = [], []
    for _ in range(rounds):
        _, done = call(sys.executable, "-W", "ignore", "-c", PEER, part, f"{model.parent / size}/", path, CONTEXT, batches)
        theirs.append(json.loads(done.stdout.splitlines()[-1]))
        ours.append(score(model, path, *options))
    seconds, (_, tokens, nats) = median([run[0] for run in ours]), ours[0]
    rates = {batch: median([run[batch]["tokens"] / run[batch]["seconds"] for run in theirs]) for batch in theirs[0]}
    for batch, rate in rates.items():
        best = " (its best)" if len(rates) > 1 and rate == max(rates.values()) else ""
        their = theirs[0][batch]
        note = f"perplexity {math.exp(nats / tokens):.4f}, {math.exp(their['nats'] / their['tokens']):.4f}"
        if their["tokens"] != tokens:
            note += f"; {tokens} and {their['tokens']} tokens"
        report(f"{size} M, {part}, transformers {batch}{best}", tokens / seconds, rate, "tokens/s", note)


def clock(text, what):
    """The time of a line of llama.cpp's log, in seconds."""
    minutes, seconds, thousandths = re.search(rf"(\d+)\.(\d\d)\.(\d\d\d)\.\d\d\d \w [^\n.]*{what}", text).groups()
    return int(minutes) * 60 + int(seconds) + int(thousandths) / 1000


def beside_llama(size, model, path, rounds):
    source, programs = pathlib.Path(os.environ["LM_LLAMA_CPP"]), pathlib.Path(os.environ["LM_LLAMA_BIN"])
    gguf = model.parent / f"{size}.gguf"
    call(sys.executable, "-c", CONVERTER, source, source / "convert_hf_to_gguf.py", f"{model.parent / size}/", "--outfile", gguf,
         "--outtype", "f32")
    ours, rates, theirs = [], [], ""
    for _ in range(rounds):
        _, done = call(programs / "llama-perplexity", "-m", gguf, "-f", path, "-c", CONTEXT, "-t", "2", "-b", "2048")
        text = (done.stdout + done.stderr).decode()
        began, ended = (clock(text, what) for what in ("calculating perplexity", "Final estimate"))
        chunks = int(re.search(r"perplexity over (\d+) chunks", text).group(1))
        rates.append(chunks * CONTEXT / (ended - began))
        theirs = re.search(r"Final estimate: PPL = ([0-9.]+)", text).group(1)
        ours.append(score(model, path, "--protocol", "llama.cpp", "--context", CONTEXT))
    read = 2 * ours[0][1] * CONTEXT / (CONTEXT - 2)  # it scores the second halves of windows: all but their first, of those read
    report(f"{size} M, long, llama-perplexity", read / median([run[0] for run in ours]), median(rates), "tokens/s",
           f"perplexity {math.exp(ours[0][2] / ours[0][1]):.4f}, {theirs}")


def beside_kenlm(size, model, training, lines, rounds):
    programs, folder = pathlib.Path(os.environ["KENLM"]), model.parent
    ids = folder / "held-out.ids"
    for source, target in ((training, folder / "training.ids"), (lines, ids)):
        call(PROGRAMS / "tok-encode", "-q", "-t", model, "--documents", "line", "--format", "ids", "-o", target, source)
    arpa = folder / "5gram.arpa"
    with open(folder / "training.ids", "rb") as read, open(arpa, "wb") as written:
        done = subprocess.run([programs / "lmplz", "-o", "5", "--discount_fallback", "-S", "2G", "-T", folder], stdin=read,
                              stdout=written, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(done.stderr[-2000:].decode())
    binary = arpa
    if (programs / "build_binary").exists():
        binary = folder / "5gram.binary"
        call(programs / "build_binary", arpa, binary)
    ours, theirs = [], []
    for _ in range(rounds):
        start = min(call(programs / "query", "-v", "sentence", binary, input=b"")[0] for _ in range(3))
        seconds, _ = call(programs / "query", "-v", "sentence", binary, input=ids.read_bytes())
        theirs.append(seconds - start)
        ours.append(score(model, lines, "--documents", "line", "--level", "corpus", "--context", CONTEXT))
    _, done = call(programs / "query", "-v", "word", binary, input=ids.read_bytes())
    total, count = 0.0, 0
    for line in done.stdout.decode().splitlines():
        for part in line.split("\t"):
            found = re.match(r"(\S+)=\d+ \d+ (\S+)$", part)
            if found and found.group(1) != "</s>":
                total -= float(found.group(2)) * math.log(10)
                count += 1
    rows = len(lines.read_text().splitlines())
    report(f"{size} M, lines, KenLM's 5-gram", rows / median([run[0] for run in ours]), rows / median(theirs), "lines/s",
           f"perplexity {math.exp(ours[0][2] / ours[0][1]):.2f}, {math.exp(total / count):.2f} of {ours[0][1]}, {count} tokens")


def has(*modules):
    return subprocess.run([sys.executable, "-c", "import " + ", ".join(modules)], capture_output=True).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("training", type=pathlib.Path)
    parser.add_argument("held_out", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", default="4.5,31.5")
    parser.add_argument("--time", default="2m")
    parser.add_argument("--only", default="long,lines,llama.cpp,kenlm")
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--bytes", type=int, default=400_000)
    parser.add_argument("--folder", type=pathlib.Path)
    arguments = parser.parse_args()
    missing = {"llama.cpp": [name for name in ("LM_LLAMA_CPP", "LM_LLAMA_BIN") if name not in os.environ],
               "kenlm": [name for name in ("KENLM",) if name not in os.environ]}
    missing["long"] = missing["lines"] = [] if has("torch", "transformers") else ["torch and transformers"]
    parts = []
    for part in arguments.only.split(","):
        if missing[part]:
            print(f"left out: {part}, for lack of {' and '.join(missing[part])}")
        else:
            parts.append(part)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or pathlib.Path(scratch)
        folder.mkdir(exist_ok=True)
        text = arguments.held_out.read_text()
        long, lines = folder / "long.txt", folder / "lines.txt"
        long.write_bytes(text.encode()[:arguments.bytes].decode(errors="ignore").encode())
        lines.write_text("\n".join([line for line in text.splitlines() if line.strip()][:arguments.lines]) + "\n")
        print(f"{'':34} {'ours':>10} {'theirs':>10} {'ratio':>7}")
        for size in arguments.sizes.split(","):
            model = train(folder, arguments.training, size, arguments.time)
            for part in parts:
                if part in ("long", "lines"):
                    beside_transformers(size, model, part, long if part == "long" else lines, arguments.rounds)
                elif part == "llama.cpp":
                    beside_llama(size, model, long, arguments.rounds)
                else:
                    beside_kenlm(size, model, arguments.training, lines, arguments.rounds)


if __name__ == "__main__":
    main()
