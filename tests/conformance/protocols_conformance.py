"""The presets of lm-eval-ppl --protocol, against the procedures they are named after, written out with PyTorch."""

import math
import unittest

import torch

import support

DOCUMENT = support.sentences(40, seed=21)


def ids_of(theirs):
    return theirs.tokenizer(DOCUMENT, add_special_tokens=False).input_ids


def nats(theirs, inputs, targets):
    """Sum of -log p of targets, which are the last tokens that inputs predict."""
    with torch.no_grad():
        logits = theirs.model(torch.tensor([inputs])).logits[0, -len(targets):].double()
    return torch.nn.functional.cross_entropy(logits, torch.tensor(targets), reduction="sum").item()


def hf_stride(theirs, context, stride):
    """Hugging Face's guide to perplexity: labels of -100 for what an earlier window scored, the model's own mean loss."""
    ids = torch.tensor([ids_of(theirs)])
    total, count, previous = 0.0, 0, 0
    for begin in range(0, ids.shape[1], stride):
        end = min(begin + context, ids.shape[1])
        new = end - previous
        window = ids[:, begin:end]
        labels = window.clone()
        labels[:, :-new] = -100
        with torch.no_grad():
            loss = theirs.model(window, labels=labels).loss.item()
        total += loss * (new - 1)
        count += new - 1
        previous = end
        if end == ids.shape[1]:
            break
    return math.exp(total / count)


def rolling(theirs, context):
    """lm-eval's rolling log-likelihood: disjoint windows, one token of overlap, the last one filled from the left."""
    end_of_text = theirs.model.config.eos_token_id
    ids = ids_of(theirs)
    first = min(context, len(ids))
    total, scored = nats(theirs, [end_of_text] + ids[:first - 1], ids[:first]), first
    while scored < len(ids):
        end = scored + min(context, len(ids) - scored)
        total += nats(theirs, ids[end - context - 1:end - 1], ids[scored:end])
        scored = end
    return total, len(ids)


def second_halves(theirs, context):
    """llama.cpp's perplexity: only whole windows of the text, their second halves scored, the tail dropped. A token that
    begins texts, which our folders ask for, is also each window's first."""
    begin = theirs.tokenizer("").input_ids
    assert begin == [theirs.model.config.eos_token_id]
    ids = begin + ids_of(theirs)
    total, count = 0.0, 0
    for start in range(0, len(ids) - context + 1, context):
        window = begin + ids[start + 1:start + context]
        targets = window[context // 2 + 1:]
        total += nats(theirs, window[:-1], targets)
        count += len(targets)
    return total, count


class Protocols(unittest.TestCase):
    def ours(self, folder, *options):
        path = support.write("protocol.txt", DOCUMENT)
        return support.json_lines(support.run("lm-eval-ppl", folder, "--json", *options, path))[0]

    def each(self, check):
        for family in support.FAMILIES:
            with self.subTest(family=family):
                folder = support.model_folder(family)
                check(folder, support.hugging_face(folder))

    def test_hf_stride_is_the_guides(self):
        def check(folder, theirs):
            for context, stride in ((96, 96), (96, 48), (32, 5)):
                ours = self.ours(folder, "--protocol", f"hf-stride:{stride}", "--context", context)
                self.assertAlmostEqual(ours["perplexity"] / hf_stride(theirs, context, stride), 1.0, delta=1e-5,
                                       msg=f"context {context} stride {stride}")
        self.each(check)

    def test_lm_eval_is_rolling_log_likelihood(self):
        def check(folder, theirs):
            for context in (96, 32):
                ours = self.ours(folder, "--protocol", "lm-eval", "--context", context)
                total, count = rolling(theirs, context)
                self.assertEqual(ours["tokens"], count)
                self.assertAlmostEqual(ours["nats"] / total, 1.0, delta=1e-5, msg=f"context {context}")
                self.assertAlmostEqual(ours["word_perplexity"] / math.exp(total / len(DOCUMENT.split())), 1.0, delta=1e-3)
        self.each(check)

    def test_llama_cpp_scores_second_halves(self):
        def check(folder, theirs):
            for context in (96, 32):
                ours = self.ours(folder, "--protocol", "llama.cpp", "--context", context)
                total, count = second_halves(theirs, context)
                self.assertEqual(ours["tokens"], count)
                self.assertAlmostEqual(ours["nats"] / total, 1.0, delta=1e-5, msg=f"context {context}")
        self.each(check)


if __name__ == "__main__":
    unittest.main()
