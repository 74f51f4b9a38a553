"""tok-train learns the merges that other trainers learn, in their order, one for each rule for ties.

LM_TRAINING_TEXT    the text; default: the test data's texts and the sources of Python's library
LM_TRAINING_TOKENS  tokens in all; default 4096
LM_TRAINING_PLAIN   bytes of the text that the reference in Python learns from, the slowest; default 2000000
rustbpe and bpeasy are compared if they are installed (pip install rustbpe bpeasy).
"""

import collections
import functools
import heapq
import importlib.util
import json
import os
import pathlib
import sysconfig
import unittest

import regex

import support

DATA = pathlib.Path(os.environ.get("LM_TEST_DATA", pathlib.Path(__file__).parents[3] / "shared/data"))
TOKENS = int(os.environ.get("LM_TRAINING_TOKENS", "4096"))
PLAIN = int(os.environ.get("LM_TRAINING_PLAIN", "2000000"))
GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""


@functools.cache
def text_file():
    if "LM_TRAINING_TEXT" in os.environ:
        return pathlib.Path(os.environ["LM_TRAINING_TEXT"])
    files = sorted(DATA.glob("text/*.txt")) + sorted(pathlib.Path(sysconfig.get_path("stdlib")).glob("*.py"))
    text = "".join(file.read_text(encoding="utf-8", errors="ignore") for file in files)
    return support.write("training.txt", text or support.sentences(20000, seed=3))


@functools.cache
def byte_of_character():
    """ByteLevel's characters, as GPT-2's code makes them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + i): byte for i, byte in enumerate(others)}


def to_bytes(spelling):
    return bytes(byte_of_character()[c] for c in spelling)


def pairs_of(tokenizer_json):
    merges = json.loads(tokenizer_json)["model"]["merges"]
    return [tuple(map(to_bytes, merge.split(" ") if isinstance(merge, str) else merge)) for merge in merges]


def ours(path, ties, tokens, *more):
    return pairs_of(support.run("tok-train", "--no-reserved", "--ties", ties, "--min-frequency", 1, "--vocab-size", tokens, *more, path))


class Newest:
    """A pair in a heap: the most frequent first, then the lexicographically greater."""

    def __init__(self, count, pair):
        self.count, self.pair = count, pair

    def __lt__(self, other):
        return (self.count, self.pair) > (other.count, other.pair)


def plain_training(text, merges):
    """Byte-level BPE as Stanford's CS336 defines it: words as tuples of byte strings, and counts that are kept up to date."""
    words = collections.Counter(regex.findall(GPT2, text))
    sequences = [([bytes([b]) for b in word.encode()], count) for word, count in words.items()]
    counts, where = collections.Counter(), collections.defaultdict(set)
    for number, (symbols, count) in enumerate(sequences):
        for pair in zip(symbols, symbols[1:]):
            counts[pair] += count
            where[pair].add(number)
    heap = [Newest(count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)
    learned = []
    while len(learned) < merges and heap:
        top = heapq.heappop(heap)
        if counts[top.pair] != top.count or top.count == 0:
            continue
        learned.append(top.pair)
        changed = set()
        for number in list(where[top.pair]):
            symbols, count = sequences[number]
            for pair in zip(symbols, symbols[1:]):
                counts[pair] -= count
                where[pair].discard(number)
                changed.add(pair)
            merged, i = [], 0
            while i < len(symbols):
                both = i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == top.pair
                merged.append(symbols[i] + symbols[i + 1] if both else symbols[i])
                i += 2 if both else 1
            sequences[number] = (merged, count)
            for pair in zip(merged, merged[1:]):
                counts[pair] += count
                where[pair].add(number)
                changed.add(pair)
        for pair in changed:
            if counts[pair] > 0:
                heapq.heappush(heap, Newest(counts[pair], pair))
    return learned


class TokenizerTraining(unittest.TestCase):
    maxDiff = 2000

    def test_hf_is_hugging_faces(self):
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(vocab_size=TOKENS, special_tokens=[support.END_OF_TEXT], show_progress=False,
                                      min_frequency=1, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
        tokenizer.train([str(text_file())], trainer)
        theirs = pairs_of(tokenizer.to_str())
        self.assertEqual(len(theirs), TOKENS - 257)
        self.assertEqual(ours(text_file(), "hf", TOKENS), theirs)

    def test_hf_in_little_memory_and_in_parts(self):
        lines = text_file().read_bytes().splitlines(keepends=True)
        parts = [support.write(f"part{i}.txt", b"".join(lines[i::3])) for i in range(3)]
        counts = [support.FOLDER / f"part{i}.counts" for i in range(3)]
        for part, count in zip(parts, counts):
            support.run("tok-train", "--dump-counts", count, "--memory", "40M", part)
        whole = ours(text_file(), "hf", TOKENS)
        self.assertEqual(pairs_of(support.run("tok-train", "--no-reserved", "--min-frequency", 1, "--vocab-size", TOKENS,
                                              *(f"--from-counts={count}" for count in counts))), whole)

    def test_raw_is_rustbpes(self):
        if importlib.util.find_spec("rustbpe") is None:
            self.skipTest("no rustbpe")
        import rustbpe
        tokenizer = rustbpe.Tokenizer()
        tokenizer.train_from_iterator(iter([text_file().read_text(encoding="utf-8")]), TOKENS - 1, pattern=GPT2)
        theirs = [bytes(token) for token, _ in sorted(tokenizer.get_mergeable_ranks(), key=lambda item: item[1])][256:]
        self.assertEqual([left + right for left, right in ours(text_file(), "raw", TOKENS)], theirs)

    def test_raw_is_bpeasys(self):
        if importlib.util.find_spec("bpeasy") is None:
            self.skipTest("no bpeasy")
        import bpeasy
        text = text_file().read_text(encoding="utf-8")[:PLAIN]
        path = support.write("easy.txt", text)
        ranks = bpeasy.train_bpe(iter([text]), GPT2, 1 << 20, TOKENS - 1)
        theirs = sorted(token for token in ranks if len(token) > 1)
        self.assertEqual(sorted(left + right for left, right in ours(path, "raw", TOKENS)), theirs)

    def test_lex_is_the_reference(self):
        text = text_file().read_text(encoding="utf-8")[:PLAIN]
        path = support.write("plain.txt", text)
        self.assertEqual(ours(path, "lex", TOKENS), plain_training(text, TOKENS - 257))


if __name__ == "__main__":
    unittest.main()
