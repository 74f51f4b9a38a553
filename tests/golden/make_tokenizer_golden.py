#!/usr/bin/env python3
"""Writes tok_golden.json and tok_merges.txt beside itself: what other implementations make of the test data.

usage: make_tokenizer_golden.py FOLDER    (the test data: text, vocab, ...), with tokenizers, tiktoken and xxhash installed

tok_merges.txt   the merges of Hugging Face's trainer on text/tinyshakespeare.txt, vocabulary 4096, pattern gpt2
tok_golden.json  trained: such trainings by pattern and options, with a hash of their merges
                 encoded: for tokenizer and file, the number of ids and a hash of them; special tokens in the text are parsed
                 listed: ids of short texts
Hashes are XXH3-64 in hex, of merges written as lines, of ids as little-endian 32-bit numbers.
"""
import json
import pathlib
import struct
import sys

import tiktoken
import xxhash
from tiktoken.load import load_tiktoken_bpe
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

data = pathlib.Path(sys.argv[1])
here = pathlib.Path(__file__).parent

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
          r"|\s+(?!\S)|\s")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

reserved = ["<|endoftext|>", "<|pad|>", "<|mask|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]
reserved += [f"<|extra_{i}|>" for i in range(100)]


def byte_level(pattern):
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern == "gpt2")
    if pattern != "llama3":
        return last
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), last])


def train(path, vocab_size, pattern, **options):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = byte_level(pattern)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=reserved, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **options)
    tokenizer.train([str(path)], trainer)
    return tokenizer


def merges_of(tokenizer):
    return "".join(f"{left} {right}\n" for left, right in json.loads(tokenizer.to_str())["model"]["merges"])


def hugging_face_gpt2():
    tokenizer = Tokenizer(models.BPE.from_file(str(data / "vocab/gpt2-vocab.json"), str(data / "vocab/gpt2-merges.txt")))
    tokenizer.pre_tokenizer = byte_level("gpt2")
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", normalized=False)])
    return tokenizer


def by_rank(name, pattern, special):
    encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=load_tiktoken_bpe(str(data / f"vocab/{name}.tiktoken")),
                                 special_tokens=special)
    return lambda text: encoding.encode(text, allowed_special="all")


def digest(ids):
    return f"{xxhash.xxh3_64_intdigest(b''.join(struct.pack('<I', i) for i in ids)):016x}"


golden = {"trained": [], "encoded": [], "listed": []}
encoders = {}
for name, file, vocab_size, pattern, options in [
        ("gpt2-4096", "tinyshakespeare", 4096, "gpt2", {"min_frequency": 2}),
        ("llama3-1024", "tinyshakespeare", 1024, "llama3", {"min_frequency": 2}),
        ("none-600", "tinyshakespeare", 600, "none", {"min_frequency": 2}),
        ("gpt2-rare", "tinyshakespeare", 20000, "gpt2", {"min_frequency": 7}),
        ("gpt2-short", "wikitext-2-raw-test", 2000, "gpt2", {"min_frequency": 2, "max_token_length": 5})]:
    tokenizer = train(data / f"text/{file}.txt", vocab_size, pattern, **options)
    merges = merges_of(tokenizer)
    if name == "gpt2-4096":
        (here / "tok_merges.txt").write_text(merges)
    golden["trained"].append({"name": name, "file": f"text/{file}.txt", "vocab_size": vocab_size, "pattern": pattern, **options,
                              "merges": merges.count("\n"), "hash": f"{xxhash.xxh3_64_intdigest(merges.encode()):016x}"})
    encoders[name] = lambda text, t=tokenizer: t.encode(text, add_special_tokens=False).ids
encoders["gpt2"] = lambda text, t=hugging_face_gpt2(): t.encode(text, add_special_tokens=False).ids
encoders["cl100k_base"] = by_rank("cl100k_base", CL100K, {"<|endoftext|>": 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259,
                                                          "<|fim_suffix|>": 100260, "<|endofprompt|>": 100276})
encoders["o200k_base"] = by_rank("o200k_base", O200K, {"<|endoftext|>": 199999, "<|endofprompt|>": 200018})

files = sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file())
for name, encode in encoders.items():
    if name in ("gpt2-rare", "gpt2-short"):
        continue
    for file in files:
        # newline="" keeps "\r\n" as it is.
        ids = encode(open(data / file, encoding="utf-8", newline="").read())
        golden["encoded"].append({"tokenizer": name, "file": file, "count": len(ids), "hash": digest(ids)})

texts = ["", " ", "Hello, world!", "I'll we'RE  don't\n\n  x \r\n\t y", "x<|endoftext|>y <|mask|><|extra_9|>", "naïve café 東京 🙂 ſ's'ſ",
         "12345 67\u0660\u0661\u0662\u0663", "   leading and trailing   ", "a\u0301\u0300 ǅ ʰ \u00a0\u3000 \u200b", "\x00\x7f\x1c <|endoftext|"]
for name, encode in encoders.items():
    if name not in ("gpt2-rare", "gpt2-short"):
        golden["listed"] += [{"tokenizer": name, "text": text, "ids": list(encode(text))} for text in texts]

lines = []
for key, entries in golden.items():
    lines.append(f'"{key}":[\n' + ",\n".join(json.dumps(entry) for entry in entries) + "]")
(here / "tok_golden.json").write_text("{" + ",\n".join(lines) + "}\n")
