"""tok-encode gives the ids that tiktoken gives with GPT-2's, cl100k's and o200k's vocabularies, whatever the threads, instructions and pieces.

LM_TEST_DATA         where vocab/ and the texts are (skipped without)
LM_CONFORMANCE_MB    how much random text is compared for each vocabulary, in MB; default 2
LM_ENCODING_TEXTS    more files to compare, separated by ':'
"""

import functools
import itertools
import json
import os
import pathlib
import random
import subprocess
import unittest

import numpy

import support

try:
    import tiktoken
    import tiktoken.load
except ImportError:
    tiktoken = None

DATA = pathlib.Path(os.environ.get("LM_TEST_DATA", pathlib.Path(__file__).parents[3] / "shared/data"))
MEGABYTES = float(os.environ.get("LM_CONFORMANCE_MB", "2"))
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
PATTERNS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "cl100k_base": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    "o200k_base": "|".join([r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTIONS + "?",
                            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + CONTRACTIONS + "?",
                            r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"]),
}
# A few characters of each kind that patterns tell apart.
ALPHABET = ["a", "B", "s", "T", "l", "é", "É", "ſ", "ǅ", "ʰ", "中", "\u0301", "ा", "1", "²", "٣", " ", " ", "\n", "\r", "\t", "\u00a0", "\u3000", "'", "'", ".", "(", "/", "—", "🙂", "\x00"]


@functools.cache
def peer(name):
    """tiktoken with a vocabulary of the test data."""
    if name != "gpt2":
        ranks = tiktoken.load.load_tiktoken_bpe(str(DATA / "vocab" / f"{name}.tiktoken"))
    else:
        # The characters that stand for bytes: themselves if they are printable, else from U+0100 on.
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        byte_of = {chr(byte): byte for byte in printable}
        byte_of |= {chr(256 + i): byte for i, byte in enumerate(sorted(set(range(256)) - set(printable)))}
        vocabulary = json.loads((DATA / "vocab" / "gpt2-vocab.json").read_text())
        ranks = {bytes(byte_of[c] for c in token): rank for token, rank in vocabulary.items() if token != support.END_OF_TEXT}
    return tiktoken.Encoding(name, pat_str=PATTERNS[name], mergeable_ranks=ranks, special_tokens={})


def tokenizer_of(name):
    folder = DATA / "vocab"
    if name != "gpt2":
        return folder / f"{name}.tiktoken"
    path = support.FOLDER / "gpt2-folder"
    path.mkdir(exist_ok=True)
    for file in ("vocab.json", "merges.txt"):
        (path / file).write_bytes((folder / f"gpt2-{file}").read_bytes())
    return path


def ours(name, data, *options):
    """The ids of documents, each as an array."""
    path = support.write("text", data)
    raw = support.run("tok-encode", "-q", "-t", tokenizer_of(name), "--format", "ids", "--binary", *options, path)
    return [numpy.fromstring(line, dtype=numpy.int64, sep=" ") for line in raw.decode().split("\n")[:-1]]


def texts():
    """Files of the data, and what LM_ENCODING_TEXTS names."""
    paths = [path for folder in ("text", "tokenizer-vectors", "pairs", "fim") for path in sorted((DATA / folder).glob("*")) if path.is_file()]
    paths += sorted((DATA / "vocab").glob("*.inp"))
    paths += [pathlib.Path(path) for path in os.environ.get("LM_ENCODING_TEXTS", "").split(":") if path]
    for path in paths:
        try:
            yield path.name, path.read_bytes().decode()
        except UnicodeDecodeError:
            pass


def random_text(size, seed):
    generator = random.Random(seed)
    parts = []
    while size > 0:
        part = generator.choice(ALPHABET) * (generator.choice((2, 3, 4, 5, 70)) if generator.random() < 0.1 else 1)
        parts.append(part)
        size -= len(part.encode())
    return "".join(parts)


@unittest.skipUnless(tiktoken and (DATA / "vocab").is_dir(), "needs tiktoken, and vocabularies in $LM_TEST_DATA")
class Tiktoken(unittest.TestCase):
    def compare(self, name, text, *options):
        found, expected = ours(name, text.encode(), *options)[0], numpy.array(peer(name).encode_ordinary(text))
        if len(found) == len(expected) and (found == expected).all():
            return
        at = next((i for i, (a, b) in enumerate(zip(found, expected)) if a != b), min(len(found), len(expected)))
        decoder = peer(name)
        self.fail(f"{name} {options}: token {at}: {found[at:at + 5]}, tiktoken {expected[at:at + 5]} "
                  f"{[decoder.decode_single_token_bytes(token) for token in expected[max(0, at - 3):at + 5]]}")

    def test_texts(self):
        for name in PATTERNS:
            for title, text in texts():
                with self.subTest(name=name, text=title):
                    self.compare(name, text)

    def test_random_text(self):
        for name in PATTERNS:
            for tier, threads in (("auto", 2), ("portable", 1), ("auto", 3)):
                with self.subTest(name=name, tier=tier, threads=threads):
                    self.compare(name, random_text(MEGABYTES * 1e6 / 3, 7 * threads), "--threads", str(threads), "--simd", tier)

    def test_short_strings(self):
        """All strings of one to three characters, each a document, and between letters that put them at all places of a block."""
        alphabet = sorted(set(ALPHABET) - {"\x00"})
        strings = ["".join(some) for length in (1, 2, 3) for some in itertools.product(alphabet, repeat=length)]
        framed = ["x" * (17 + i % 64) + some + "y" * (5 + i % 67) for i, some in enumerate(strings)]
        for name in PATTERNS:
            with self.subTest(name=name):
                encoder = peer(name)
                documents = ours(name, "".join(some + "\0" for some in strings).encode(), "--documents", "nul")
                self.assertEqual(len(documents), len(strings))
                for some, found in zip(strings, documents):
                    if list(found) != encoder.encode_ordinary(some):
                        self.fail(f"{some!r}: {list(found)}, tiktoken {encoder.encode_ordinary(some)}")
                self.compare(name, "".join(framed))

    def test_pieces_of_a_pipe(self):
        """However a text comes through a pipe, it is the same."""
        text = random_text(300000, 5)
        data = text.encode()
        for name in PATTERNS:
            expected = numpy.array(peer(name).encode_ordinary(text))
            for size in (4096, 65521, 262144):
                with self.subTest(name=name, size=size):
                    command = [os.path.join(os.environ["LM_BIN"], "tok-encode"), "-q", "-t", str(tokenizer_of(name)), "--format", "ids", "--binary"]
                    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
                        for at in range(0, len(data), size):
                            program.stdin.write(data[at:at + size])
                            program.stdin.flush()
                        program.stdin.close()
                        found = numpy.fromstring(program.stdout.read().decode(), dtype=numpy.int64, sep=" ")
                    self.assertTrue(numpy.array_equal(found, expected))


if __name__ == "__main__":
    unittest.main()
