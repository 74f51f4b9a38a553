"""What the conformance tests share: running the programs, a text, one trained model per family, reading token streams."""

import functools
import json
import os
import pathlib
import random
import struct
import subprocess
import tempfile
import types

import numpy

END_OF_TEXT = "<|endoftext|>"
FAMILIES = {
    # Shapes that distinguish what a reader could confuse: head_dim is not channels / heads, kv-heads is not heads.
    "gpt2": ["--family", "gpt2", "--heads", "4", "--tied"],
    "qwen3": ["--family", "qwen3", "--heads", "4", "--kv-heads", "2", "--head-dim", "16", "--ffn", "72", "--untied"],
    "llama": ["--family", "llama", "--heads", "4", "--kv-heads", "1", "--head-dim", "12", "--ffn", "80", "--tied"],
}
CONTEXT = 96
_folder = tempfile.TemporaryDirectory(prefix="lm-conformance-")
FOLDER = pathlib.Path(_folder.name)


def run(*command, text=None):
    """Run a program; its stdout as bytes. A failure shows the command and its stderr."""
    command = [str(part) for part in command]
    program = [os.path.join(os.environ["LM_BIN"], command[0])] + command[1:]
    data = text.encode() if isinstance(text, str) else text
    done = subprocess.run(program, input=b"" if data is None else data, capture_output=True, timeout=600)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def json_lines(output):
    return [json.loads(line) for line in output.decode().splitlines() if line.strip()]


def write(name, content):
    path = FOLDER / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def sentences(count, seed):
    """Text with structure to learn, and with the characters that tokenizers differ about."""
    generator = random.Random(seed)
    subjects = ["The cat", "A dog", "My brother's horse", "She", "Zoë", "Nobody", "The 27 ducks"]
    verbs = ["didn't see", "likes", "will follow", "sold", "doesn't remember", "paid 1234567 for"]
    objects = ["the river", "a naïve plan", "two   apples", "it", "the café's door", "日本語", "us 🙂"]
    syllables = ["ba", "dor", "ke", "lim", "mo", "nut", "ra", "sil", "ti", "van"]
    names = ["".join(generator.choices(syllables, k=3)).capitalize() for _ in range(200)]
    lines = []
    for _ in range(count):
        words = [generator.choice(names), "saw:"] if generator.random() < 0.5 else []
        words += [generator.choice(subjects), generator.choice(verbs), generator.choice(objects)]
        lines.append(" ".join(words) + generator.choice([".", "!", "?\n", ";", " ..."]))
    return "\n".join(lines) + "\n"


@functools.cache
def corpus():
    return write("corpus.txt", sentences(3000, seed=1))


@functools.cache
def tokenizer(pattern="llama3"):
    path = FOLDER / f"{pattern}.json"
    run("tok-train", "-o", path, "--vocab-size", "640", "--pattern", pattern, corpus())
    return path


@functools.cache
def tokens():
    path = FOLDER / "corpus.tok"
    run("tok-encode", "-t", tokenizer(), "-o", path, corpus())
    return path


def train(family, output, *more):
    """A few steps: enough to leave the initial values, and the ties between logits, behind."""
    run("lm-train", "-t", tokenizer(), "-o", output, *FAMILIES[family], "--layers", "2", "--channels", "32",
        "--context", CONTEXT, "--batch", "8", "--steps", "40", "--lr", "0.005", "--seed", "7", *more, tokens())
    return output


@functools.cache
def model_folder(family):
    train(family, f"{FOLDER}/{family}/")
    return FOLDER / family


@functools.cache
def hugging_face(folder):
    """The model and tokenizer that transformers makes of a folder, only by its automatic classes."""
    import torch
    import transformers
    torch.set_num_threads(1)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return types.SimpleNamespace(model=model, tokenizer=transformers.AutoTokenizer.from_pretrained(folder))


def read_tokens(path):
    """A token file as lm-tokens(5) lays it out, read only with numpy and struct: header fields and ids."""
    data = pathlib.Path(path).read_bytes()
    width, vocabulary, end_of_text, flags = struct.unpack_from("<4I", data, 16)
    count, documents = struct.unpack_from("<2Q", data, 64)
    dtype, trailer = ("<u2", 16) if width == 2 else ("<u4", 8)
    ids = numpy.fromfile(path, dtype, offset=128)[:-trailer]
    return types.SimpleNamespace(magic=data[:16], width=width, vocabulary=vocabulary, end_of_text=end_of_text,
                                 flags=flags, fingerprint=data[32:48], reserved=data[48:64] + data[80:128],
                                 count=count, documents=documents, ids=ids, body=data[128:-32], trailer=data[-32:])
