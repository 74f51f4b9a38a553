"""Token files and checkpoints, opened with numpy and Python's safetensors as the formats' descriptions say."""

import json
import pathlib
import struct
import unittest

import numpy
import safetensors
import tokenizers
import xxhash

import support


def pair_tokenizer():
    """A tokenizer.json with every pair of bytes a token: 65,793 ids, so that a token needs 4 bytes."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    pairs = [(left, right) for left in alphabet for right in alphabet]
    vocabulary = {piece: number for number, piece in enumerate(alphabet + [left + right for left, right in pairs])}
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=pairs))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens([support.END_OF_TEXT])
    return made


class TokenFiles(unittest.TestCase):
    def check(self, stream, documents, ids, end_of_text, vocabulary):
        self.assertEqual(stream.magic, b"lm-tokens 1\n".ljust(16, b"\0"))
        self.assertEqual(stream.width, 2 if vocabulary <= 1 << 16 else 4)
        self.assertEqual((stream.vocabulary, stream.end_of_text, stream.flags), (vocabulary, end_of_text, 0))
        self.assertEqual(stream.reserved, bytes(len(stream.reserved)))
        self.assertEqual(stream.ids.tolist(), ids)
        self.assertEqual((stream.count, stream.documents), (len(ids), documents))
        magic, count, digest = struct.unpack("<16s2Q", stream.trailer)
        self.assertEqual(magic, b"lm-tokens end\n".ljust(16, b"\0"))
        self.assertEqual((count, digest), (len(ids), xxhash.xxh3_64_intdigest(stream.body)))

    def test_numpy_reads_a_token_file(self):
        theirs = tokenizers.Tokenizer.from_file(str(support.tokenizer()))
        end = theirs.token_to_id(support.END_OF_TEXT)
        ids = theirs.encode(support.corpus().read_bytes().decode()).ids + [end]
        self.check(support.read_tokens(support.tokens()), 1, ids, end, theirs.get_vocab_size())

    def test_every_document_an_empty_one_too_is_closed_by_end_of_text(self):
        theirs = tokenizers.Tokenizer.from_file(str(support.tokenizer()))
        end = theirs.token_to_id(support.END_OF_TEXT)
        output = support.FOLDER / "lines.tok"
        support.run("tok-encode", "-t", support.tokenizer(), "--documents", "line", "-o", output, "-", text="one\n\ntwo 2\n")
        ids = [token for text in ("one", "", "two 2") for token in theirs.encode(text).ids + [end]]
        self.check(support.read_tokens(output), 3, ids, end, theirs.get_vocab_size())

    def test_a_large_vocabulary_takes_four_bytes(self):
        made = pair_tokenizer()
        path = support.FOLDER / "pairs.json"
        made.save(str(path))
        output = support.FOLDER / "pairs.tok"
        support.run("tok-encode", "-t", path, "-o", output, support.corpus())
        ids = made.encode(support.corpus().read_bytes().decode()).ids + [65792]
        self.check(support.read_tokens(output), 1, ids, 65792, 65793)

    def test_a_pipe_ends_with_the_same_tokens_and_trailer(self):
        output = support.FOLDER / "piped.tok"
        output.write_bytes(support.run("tok-encode", "-t", support.tokenizer(), support.corpus()))
        piped, file = support.read_tokens(output), support.read_tokens(support.tokens())
        self.assertEqual((piped.body, piped.trailer), (file.body, file.trailer))
        self.assertIn(piped.count, (file.count, 2**64 - 1))

    def test_equal_tokenizers_have_equal_fingerprints(self):
        again = support.FOLDER / "again.json"
        tokenizers.Tokenizer.from_file(str(support.tokenizer())).save(str(again))
        output = support.FOLDER / "again.tok"
        support.run("tok-encode", "-t", again, "-o", output, support.corpus())
        self.assertEqual(support.read_tokens(output).fingerprint, support.read_tokens(support.tokens()).fingerprint)


class Checkpoints(unittest.TestCase):
    def open(self, path):
        with safetensors.safe_open(path, "numpy") as file:
            return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}

    def test_python_opens_a_model_with_its_metadata(self):
        for family in support.FAMILIES:
            with self.subTest(family=family):
                path = support.train(family, support.FOLDER / f"{family}.safetensors")
                metadata, tensors = self.open(path)
                self.assertEqual(metadata["format"], "pt")
                for key in ("lm.version", "lm.config", "lm.objective", "lm.tokenizer", "lm.progress", "lm.checksum"):
                    self.assertIn(key, metadata)
                tokenizer = json.loads(metadata["lm.tokenizer"])
                self.assertEqual(tokenizer["model"], json.loads(support.tokenizer().read_text())["model"])
                for name, tensor in tensors.items():
                    self.assertEqual(tensor.dtype, numpy.float32, name)
                    self.assertTrue(numpy.isfinite(tensor).all(), name)

    def test_the_checksum_is_xxh3_of_the_file_with_its_own_digits_zero(self):
        data = pathlib.Path(support.train("qwen3", support.FOLDER / "sum.safetensors")).read_bytes()
        metadata, _ = self.open(support.FOLDER / "sum.safetensors")
        digits = metadata["lm.checksum"].encode()
        self.assertEqual((len(digits), data.count(digits)), (32, 1))
        self.assertEqual(xxhash.xxh3_128_hexdigest(data.replace(digits, b"0" * 32)), digits.decode())

    def test_a_folder_and_a_file_hold_the_same_tensors(self):
        for family in support.FAMILIES:
            with self.subTest(family=family):
                _, ours = self.open(support.train(family, support.FOLDER / f"{family}-file.safetensors"))
                _, folder = self.open(support.model_folder(family) / "model.safetensors")
                self.assertEqual(ours.keys(), folder.keys())
                for name, tensor in ours.items():
                    self.assertEqual(tensor.tobytes(), folder[name].tobytes(), name)

    def test_the_tensors_are_those_of_the_hugging_face_class(self):
        for family in support.FAMILIES:
            with self.subTest(family=family):
                _, tensors = self.open(support.model_folder(family) / "model.safetensors")
                model = support.hugging_face(support.model_folder(family)).model
                expected = {name: tuple(value.shape) for name, value in model.named_parameters()}
                self.assertEqual({name: value.shape for name, value in tensors.items()}, expected)


if __name__ == "__main__":
    unittest.main()
