"""The losses of lm-eval-ppl, computed again with PyTorch from the definition of its windows."""

import math
import unittest

import torch

import support

DOCUMENTS = ["", "The cat didn't see the river.", support.sentences(14, seed=11), "Zoë", support.sentences(2, seed=12)]
# Context, stride: disjoint, the default half, fully sliding, and a stride that divides nothing.
WINDOWS = [(None, None), (support.CONTEXT, support.CONTEXT), (32, 16), (24, 1), (40, 7)]


def losses(model, ids, context, stride):
    """-log p of each of x_1 .. x_N, (N), given x_0 = ids[0]: every target in the first window that reaches it."""
    count = len(ids) - 1
    result = []
    end = 0
    while end < count:
        previous, end = end, min(end + (stride if end else context), count)
        start = max(0, end - context)
        with torch.no_grad():
            logits = model(torch.tensor([ids[start:end]])).logits[0].double()
        every = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[start + 1:end + 1]), reduction="none")
        result += every[previous - end:].tolist()
    return result


def report(theirs, documents, context, stride, score_end):
    """What lm-eval-ppl says of documents: nats, tokens, words, bytes; text_nats are without the closing end-of-text."""
    end = theirs.model.config.eos_token_id
    nats, text_nats, tokens = [], [], 0
    for text in documents:
        ids = [end] + theirs.tokenizer(text, add_special_tokens=False).input_ids + ([end] if score_end else [])
        every = losses(theirs.model, ids, context or support.CONTEXT, stride or (context or support.CONTEXT) // 2)
        nats += every
        text_nats += every[:-1] if score_end else every
        tokens += len(ids) - 1
    return {"nats": math.fsum(nats), "text_nats": math.fsum(text_nats), "tokens": tokens,
            "words": sum(len(text.split()) for text in documents),
            "bytes": sum(len(text.encode()) for text in documents)}


class Perplexity(unittest.TestCase):
    def check(self, ours, expected, documents):
        nats, tokens = expected["nats"], expected["tokens"]
        for key in ("tokens", "words", "bytes"):
            self.assertEqual(ours[key], expected[key], key)
        self.assertEqual(ours["documents"], documents)
        expected = {"nats": nats, "loss": nats / tokens, "perplexity": math.exp(nats / tokens),
                    "word_perplexity": math.exp(nats / expected["words"]),
                    "bits_per_byte": expected["text_nats"] / math.log(2) / expected["bytes"]}
        for key, value in expected.items():
            # 1e-5 of a loss of about 3 is float's rounding in the logits; an exponential magnifies it.
            magnified = math.log(value) if "perplexity" in key else 1.0
            self.assertAlmostEqual(ours[key] / value, 1.0, delta=1e-5 * max(1.0, magnified), msg=key)

    def test_corpus_values_follow_the_windows(self):
        files = [support.write(f"document-{number}.txt", text) for number, text in enumerate(DOCUMENTS)]
        for family in support.FAMILIES:
            folder = support.model_folder(family)
            for context, stride in WINDOWS:
                for score_end in (False, True):
                    with self.subTest(family=family, context=context, stride=stride, score_end=score_end):
                        options = ["--score-end"] if score_end else []
                        options += ["--context", context, "--stride", stride] if context else []
                        ours = support.json_lines(support.run("lm-eval-ppl", folder, "--json", *options, *files))
                        self.assertEqual(len(ours), 1)
                        expected = report(support.hugging_face(folder), DOCUMENTS, context, stride, score_end)
                        self.check(ours[0], expected, len(DOCUMENTS))

    def test_each_documents_value_is_its_own(self):
        lines = support.sentences(20, seed=13).splitlines()
        folder = support.model_folder("qwen3")
        output = support.run("lm-eval-ppl", folder, "--documents", "line", "--level", "document", "--tsv",
                             "--context", 16, "--stride", 8, text="\n".join(lines) + "\n").decode()
        rows = [line.split("\t") for line in output.splitlines()]
        self.assertEqual(len(rows), len(lines))
        for text, (perplexity, nats, tokens, words, size, *_) in zip(lines, rows):
            expected = report(support.hugging_face(folder), [text], 16, 8, False)
            self.assertEqual((int(tokens), int(words), int(size)),
                             (expected["tokens"], expected["words"], expected["bytes"]))
            if expected["tokens"]:
                self.assertAlmostEqual(float(nats) / expected["nats"], 1.0, delta=1e-4)
                self.assertAlmostEqual(math.log(float(perplexity)), expected["nats"] / expected["tokens"], delta=1e-3)

    def test_tokens_and_their_text_give_the_same_nats(self):
        path = support.write("tokens.txt", DOCUMENTS[2])
        folder = support.model_folder("qwen3")
        stream = support.FOLDER / "tokens.tok"
        support.run("tok-encode", "-t", folder, "-o", stream, path)
        text, tokens = (support.json_lines(support.run("lm-eval-ppl", folder, "--json", file))[0] for file in (path, stream))
        self.assertEqual((text["nats"], text["tokens"], text["bytes"]), (tokens["nats"], tokens["tokens"], tokens["bytes"]))


if __name__ == "__main__":
    unittest.main()
