"""Tokenizers that others made give the ids and the text that their own programs give: Hugging Face's tokenizers, sentencepiece.

LM_CONFORMANCE_MB    how much text of each kind (English, code, Japanese) is compared, in MB; default 2
LM_CONFORMANCE_ALL   if set, every code point is compared, not one of many of those that are alike
LM_JAPANESE          a folder of Japanese text (files, .gz too); default: Japanese manual pages, else words made up
LM_KEEP              a folder in which trained tokenizers are kept, for the next run
LM_LLAMA_CPP         llama.cpp's folder models/, with vocabularies beside the test data's
"""

import functools
import gzip
import json
import os
import pathlib
import random
import re
import sys
import tempfile
import unicodedata
import unittest

import numpy
import tokenizers

import support

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "golden"))
import make_tokenizer_zoo as zoo  # noqa: E402

MEGABYTES = float(os.environ.get("LM_CONFORMANCE_MB", "2"))
DATA = pathlib.Path(os.environ.get("LM_TEST_DATA", HERE.parents[2] / "shared/data"))
KEPT = pathlib.Path(os.environ.get("LM_KEEP", support.FOLDER))
SEPARATOR = "\x1e\x1d\x1e"
# What text is made of that tokenizers disagree about.
PIECES = ["a", "B", "the", "ing", "Don't", " ", " ", "  ", "\n", "\r\n", "\t", "'s", "'RE", "'", "1", "23", "4567", "!", "...", "/", "-", "_", "é", "É", "e\u0301", "\u0323",
          "中文", "日本", "の", "カ", "ｶﾞ", "한국", "\u1100\u1161", "Привет", "ß", "İ", "ſ", "\u00a0", "\u3000", "\u2028", "\u200d", "\u200b", "\ufeff", "\u00ad", "🙂",
          "👩\u200d👧", "🇩🇪", "️", "ﬁ", "½", "²", "Ⅷ", "٣", "ابج", "शब्द", "ไทย", "▁", "Ġ", "\x00", "\x1f", "\x85", "$", "+", "=", "{", "``", "''", "。", "、", "！", "<", ">",
          "<0x41>", "##", "</w>", "aaaa", "ǅ", "ʰ", "\ue000", "\U0010ffff", "\ufffd", "ŉ", "\u0344", "K"]


def read_text(path):
    try:
        data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
        return data.decode()
    except (OSError, UnicodeDecodeError, EOFError):
        return ""


def gather(patterns, size):
    """Text of files, about `size` bytes, from all over the list."""
    paths = sorted(path for root, pattern in patterns for path in pathlib.Path(root).rglob(pattern) if path.is_file() and not path.is_symlink())
    random.Random(1).shuffle(paths)
    texts, total = [], 0
    for path in paths:
        text = read_text(path)[:200000]
        texts.append(text)
        total += len(text.encode())
        if total >= size:
            break
    return "".join(texts)


def made_up_japanese(size):
    generator = random.Random(2)
    alphabet = [chr(c) for c in [*range(0x3041, 0x3097), *range(0x30A1, 0x30FB), *range(0x4E00, 0x5300)]] + list("、。「」ー・")
    words = ["".join(generator.choices(alphabet, k=generator.randint(1, 5))) for _ in range(3000)]
    return "".join(generator.choice(words) + ("\n" if generator.random() < 0.02 else "") for _ in range(size // 9))


@functools.cache
def corpora():
    """Text by kind: what is compared, from its beginning, and what tokenizers are trained on."""
    size = int(MEGABYTES * 1e6)
    japanese = gather([(os.environ.get("LM_JAPANESE", "/usr/share/man/ja"), "*")], size)
    shared = "".join(read_text(path) for path in sorted((DATA / "text").glob("*.txt")))
    return {"English": (shared + gather([("/usr/share/doc", "*"), ("/usr/share/perl", "*.pod")], size))[:size],
            "code": gather([("/usr/include", "*.h"), ("/usr/lib/python3", "*.py"), ("/usr/lib/python3.11", "*.py")], size)[:size],
            "Japanese": (japanese if len(japanese) > size / 9 else made_up_japanese(size))[:size // 2]}


def documents(text, size):
    """A long document, then short ones cut at line ends."""
    documents, start = [text[:300000]], 300000
    while start < len(text):
        end = text.find("\n", start + size)
        end = len(text) if end < 0 else end + 1
        documents.append(text[start:end])
        start = end
    return documents


def random_texts(count, extra, seed=3):
    generator = random.Random(seed)
    texts = []
    for _ in range(count):
        pieces = generator.sample(PIECES, generator.randint(1, 12)) + generator.sample(extra, min(len(extra), generator.randint(0, 2)))
        texts.append("".join(generator.choices(pieces, k=generator.randint(1, 40))))
    return texts


@functools.cache
def code_points():
    """Every code point, or of those that are much alike every 37th."""
    every = "LM_CONFORMANCE_ALL" in os.environ
    alike = [(0x3400, 0x4DC0), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0xE000, 0xF900), (0x13460, 0x14400), (0x17000, 0x18D00), (0x20000, 0x110000)]
    return [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and
            (every or c % 37 == 0 or not any(a + 2 <= c < b - 2 for a, b in alike) and unicodedata.category(chr(c)) != "Cn")]


@functools.cache
def charsmaps():
    """The maps that sentencepiece's trainer puts into models, whole."""
    maps = {}
    for rule in "nmt_nfkc", "nmt_nfkc_cf":
        model = sentencepiece_proto(train_sentencepiece(f"map-{rule}", normalization_rule_name=rule))
        maps[rule.removeprefix("nmt_")] = bytes(model.normalizer_spec.precompiled_charsmap)
    return maps


@functools.cache
def builder():
    texts = [line for text in corpora().values() for line in text[-1500000:].splitlines(True)] + zoo.SAMPLES.splitlines(True) * 6
    return zoo.Zoo(texts, 7500, charsmaps())


@functools.cache
def tokenizer_file(name):
    path = KEPT / f"{name}.json"
    if not path.exists():
        path.write_text(builder().build(name))
    return path


@functools.cache
def sentencepiece_text():
    texts = [text[:400000] for text in corpora().values()] + [zoo.SAMPLES]
    return support.write("sentencepiece.txt", "\n".join(texts).replace("\x00", ""))


def train_sentencepiece(name, **options):
    import sentencepiece
    options = {"vocab_size": 4000, "hard_vocab_limit": False, "character_coverage": 0.99, "minloglevel": 2, "num_threads": 1, "max_sentence_length": 20000, **options}
    if options.get("model_type") == "bpe":
        del options["hard_vocab_limit"]
    prefix = KEPT / name
    sentencepiece.SentencePieceTrainer.train(input=str(sentencepiece_text()), model_prefix=str(prefix), **options)
    return pathlib.Path(f"{prefix}.model")


def sentencepiece_proto(path):
    from sentencepiece import sentencepiece_model_pb2
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(path.read_bytes())
    return model


def encode(path, texts, *options):
    """Our ids of texts, each a document: all one after the other, and the end-of-text that closes each."""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    source, output = support.write("texts.jsonl", lines), support.FOLDER / "texts.tok"
    support.run("tok-encode", "--quiet", "-t", path, "--documents", "jsonl", "-o", output, *options, source)
    stream = support.read_tokens(output)
    return stream.ids, stream.end_of_text


def shrink(text, differs):
    """A short text that differs too."""
    step, tries = max(1, len(text) // 2), 0
    while step and tries < 150:
        start = 0
        while start < len(text) and tries < 150:
            shorter = text[:start] + text[start + step:]
            tries += 1
            if differs(shorter):
                text = shorter
            else:
                start += step
        step //= 2
    return text


class Compared(unittest.TestCase):
    def compare(self, path, texts, ids_of, *options, begin=()):
        """ids_of: text to ids, as the others have it."""
        begin = list(begin)
        ours, end = encode(path, texts, *options)
        theirs = [begin + ids + [end] for ids in ids_of(texts)]
        joined = numpy.fromiter((i for ids in theirs for i in ids), dtype=ours.dtype)
        if len(joined) == len(ours) and (joined == ours).all():
            return theirs
        shared = min(len(joined), len(ours))
        unequal = numpy.flatnonzero(joined[:shared] != ours[:shared])
        place = int(unequal[0]) if len(unequal) else shared
        number = int(numpy.searchsorted(numpy.cumsum([len(ids) for ids in theirs]), place, side="right"))

        def differs(text):
            return encode(path, [text], *options)[0].tolist() != begin + ids_of([text])[0] + [end]
        text = texts[min(number, len(texts) - 1)]
        text = shrink(text, differs) if differs(text) else text
        return self.fail(f"{ascii(text[:300])}: theirs {ids_of([text])[0][:40]}, ours {encode(path, [text], *options)[0].tolist()[:40]}")

    def compare_exported(self, path, texts, ids_of):
        """The tokenizer.json that we write gives Hugging Face's library the same ids."""
        exported = support.FOLDER / "exported.json"
        support.run("lm-convert", "--quiet", path, exported)
        again = zoo.Oracle(exported.read_text())
        for text, ids in zip(texts, ids_of(texts)):
            if again.plain(text) != ids:
                self.fail(f"{ascii(text[:300])}: exported {again.plain(text)[:40]}, theirs {ids[:40]}")

    def compare_decoded(self, path, texts, lists, decode, *options):
        """lists: the ids of each text, end-of-text last."""
        known = [(text, ids) for text, ids in zip(texts, lists) if SEPARATOR not in text and ids[-1] not in ids[:-1]]
        source = support.write("ids.txt", "".join(" ".join(map(str, ids[:-1])) + "\n" for _, ids in known))
        ours = support.run("tok-decode", "--quiet", "-t", path, "--format", "ids", "--begin", "none", "--documents", f"separator:{SEPARATOR}", *options, source)
        parts = ours.split(SEPARATOR.encode())
        self.assertEqual(len(parts), len(known) + 1)
        for (text, ids), part in zip(known, parts):
            theirs = decode(ids[:-1])
            if "\ufffd" not in theirs or "\ufffd" in text:
                self.assertEqual(part.decode(errors="replace"), theirs, ascii(text[:300]))


def usable(name, texts):
    """The texts without those in which a first character is normalized to several and cut between them: each piece counts as the text's
    first with Hugging Face's library, which asks for the place in the original."""
    if name != "scripts":
        return texts
    return [text for text in texts if unicodedata.normalize("NFKC", text[:1]) == text[:1]]


class HuggingFace(Compared):
    """The families of make_tokenizer_zoo.py, with vocabularies of 8k."""

    def each(self, test):
        for name in os.environ.get("LM_FAMILIES", " ".join(zoo.BUILDERS)).split():
            with self.subTest(name):
                path = tokenizer_file(name)
                oracle = zoo.Oracle(path.read_text())
                end = ["--end-of-text", zoo.ENDS[name]] if name in zoo.ENDS else []
                test(name, path, oracle, end)

    def batches(self, tokenizer):
        return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def compare_both(self, path, oracle, texts, end):
        lists = self.compare(path, texts, self.batches(oracle.tokenizer), "--special", "allow", "--begin", "none", *end)
        self.compare(path, texts, self.batches(oracle.plain_tokenizer), "--special", "plain", "--begin", "none", *end)
        self.compare_decoded(path, texts, lists, oracle.decode, *end)

    def begin_of(self, path, oracle, end):
        close = encode(path, ["a"], *end)[1]
        return [token for token in oracle.begin() if token != close]

    def test_hard_and_random_texts(self):
        def test(name, path, oracle, end):
            added = [token["content"] for token in json.loads(path.read_text())["added_tokens"]]
            texts = usable(name, zoo.TEXTS + zoo.own_texts(path.read_text()) + random_texts(3000, added))
            if oracle.hidden:  # "<\u017fs>" is normalized to what a unigram has as a piece; ours never becomes a special token
                texts = [text.replace("\u017f", "s") for text in texts]
            self.compare_both(path, oracle, texts, end)
            self.compare(path, texts[:200], self.batches(oracle.tokenizer), "--special", "allow", *end, begin=self.begin_of(path, oracle, end))
        self.each(test)

    def test_corpora(self):
        for kind, text in corpora().items():
            def test(name, path, oracle, end):
                self.compare_both(path, oracle, documents(text, 4000), end)
            with self.subTest(kind):
                self.each(test)

    def test_code_points(self):
        for context in "%s", "a%sb", " %s ", "1%s", "e%s\u0301":
            def test(name, path, oracle, end):
                texts = usable(name, [context % c for c in code_points()])
                self.compare(path, texts, self.batches(oracle.tokenizer), "--special", "allow", "--begin", "none", *end)
            with self.subTest(context):
                self.each(test)

    def test_exported_files_are_read_with_the_same_ids(self):
        def test(name, path, oracle, end):
            added = [token["content"] for token in json.loads(path.read_text())["added_tokens"]]
            texts = zoo.TEXTS + zoo.own_texts(path.read_text()) + random_texts(300, added)
            exported = support.FOLDER / f"export-{name}.json"
            support.run("lm-convert", *end, path, exported)
            again = zoo.Oracle(exported.read_text())
            for text in texts:
                self.assertEqual(again.allow(text), oracle.allow(text), ascii(text))
                self.assertEqual(again.tokenizer.encode(text).ids, oracle.tokenizer.encode(text).ids, ascii(text))
                self.assertEqual(again.decode(again.allow(text)), oracle.decode(oracle.allow(text)), ascii(text))
        self.each(test)

    def test_exported_folders_are_read_by_the_automatic_class(self):
        import transformers

        def test(name, path, oracle, end):
            with tempfile.TemporaryDirectory() as folder:
                support.run("lm-convert", *end, path, f"{folder}/out/")
                again = transformers.AutoTokenizer.from_pretrained(f"{folder}/out")
                for text in zoo.TEXTS + zoo.own_texts(path.read_text()):
                    self.assertEqual(again.encode(text, add_special_tokens=False), oracle.allow(text), ascii(text))
        self.each(test)


SENTENCEPIECE = {
    "unigram": {}, "unigram-bytes": {"byte_fallback": True}, "bpe": {"model_type": "bpe"}, "bpe-bytes": {"model_type": "bpe", "byte_fallback": True},
    "identity": {"normalization_rule_name": "identity"}, "casefold": {"normalization_rule_name": "nmt_nfkc_cf"}, "nfkc": {"normalization_rule_name": "nfkc"},
    "no-prefix": {"add_dummy_prefix": False}, "spaces-kept": {"remove_extra_whitespaces": False}, "suffix": {"treat_whitespace_as_suffix": True},
    "digits": {"split_digits": True, "model_type": "bpe"}, "words": {"user_defined_symbols": ["<tool>", "foo bar", "▁x", "ing", "日本"]},
    "words-bpe": {"user_defined_symbols": ["<tool>", "the", "中"], "model_type": "bpe", "byte_fallback": True},
    "llama": {"model_type": "bpe", "byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False, "split_digits": True,
              "allow_whitespace_only_pieces": True},
    "gemma": {"model_type": "bpe", "byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False, "add_dummy_prefix": False,
              "split_digits": True, "allow_whitespace_only_pieces": True, "user_defined_symbols": ["\n\n", "▁▁", "▁▁▁▁", "<start_of_turn>"]},
    "t5": {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}, "whole": {"split_by_whitespace": False}, "scripts": {"split_by_unicode_script": False},
    "character": {"model_type": "char"},
    "suffix-bpe": {"treat_whitespace_as_suffix": True, "model_type": "bpe", "add_dummy_prefix": False},
}


class SentencePiece(Compared):
    """Models that sentencepiece's trainer makes, against its encoder."""

    def each(self, test):
        import sentencepiece
        for name in os.environ.get("LM_MODELS", " ".join(SENTENCEPIECE)).split():
            with self.subTest(name):
                path = KEPT / f"spm-{name}.model"
                if not path.exists():
                    train_sentencepiece(f"spm-{name}", **SENTENCEPIECE[name])
                test(path, sentencepiece.SentencePieceProcessor(model_file=str(path)))

    def compare_texts(self, path, processor, texts):
        return self.compare(path, texts, processor.encode, "--begin", "none")

    def test_hard_and_random_texts(self):
        extra = ["<tool>", "foo bar", "ing", "日本", "\n\n", "▁▁", "<start_of_turn>", "<unk>", "<s>", "</s>"]

        def test(path, processor):
            texts = zoo.TEXTS + random_texts(3000, extra)
            lists = self.compare_texts(path, processor, texts)
            if not processor.is_unused(0) and all("<unk>" not in text for text in texts[:1]):
                self.compare_decoded(path, texts, [ids for ids in lists if processor.unk_id() not in ids] and lists, lambda ids: processor.decode(ids))
        self.each(test)

    def test_corpora(self):
        self.each(lambda path, processor: [self.compare_texts(path, processor, documents(text, 3000)) for text in corpora().values()])

    def test_code_points(self):
        for context in "%s", "a%sb", " %s ", "e%s\u0301":
            self.each(lambda path, processor: self.compare_texts(path, processor, [context % c for c in code_points()]))


    def test_exported_files_are_read_by_hugging_face(self):
        # Its character maps look up a grapheme whole, and its sums are in double: other text, and runs, may be cut otherwise.
        texts = [text for text in zoo.TEXTS + corpora()["English"][:300000].splitlines() if text.isascii() and "\r" not in text and "<0x" not in text and not re.search(r"(.)\1\1", text)]
        self.each(lambda path, processor: self.compare_exported(path, texts, processor.encode))


class Gguf(Compared):
    """The vocabularies of llama.cpp's tests, with the ids that it gives."""

    def each(self, test):
        folders = [DATA / "vocab"] + [pathlib.Path(folder) for folder in [os.environ.get("LM_LLAMA_CPP")] if folder]
        vectors = [path for folder in folders for path in sorted(folder.glob("*.gguf.inp"))]
        if not vectors:
            self.skipTest("no vocabularies (LM_TEST_DATA)")
        for texts_path in vectors:
            with self.subTest(str(texts_path)):
                texts = texts_path.read_bytes().decode().split("\n__ggml_vocab_test__\n")
                path = texts_path.with_suffix("")
                expected = [list(map(int, line.split())) for line in pathlib.Path(f"{path}.out").read_text().split("\n")]
                known = dict(zip(texts, expected))
                self.assertGreater(len(known), 30)
                test(path, known)

    def test_vectors(self):
        self.each(lambda path, known: self.compare(path, list(known), lambda some: [known.get(text, []) for text in some], "--begin", "none"))

    def test_exported_files_are_read_by_hugging_face(self):
        self.each(lambda path, known: self.compare_exported(path, list(known), lambda some: list(known.values())))


if __name__ == "__main__":
    unittest.main()
