"""A folder written by lm-train is, for Hugging Face transformers, a model like any other, with the same numbers."""

import functools
import unittest

import torch

import support

# Everything that tokenizers are known to disagree about, and text that looks like a special token.
TEXTS = [
    "", " ", "\n", "a", "The cat didn't see the river.", "  leading and   inner   spaces  ",
    "tabs\t\tand\r\nCRLF\n\n\n end", "IT'S we'Ll they’re I'd", "1 12 123 1234 12345 ٣٤٥ ½ Ⅷ",
    "naïve café Zoë e\u0301 \u1e9b\u0323", "日本語のテキスト 中文 한국어",
    "🙂👩\u200d👩\u200d👧 🇩🇪 ✈️", "x = f(a[0], b->c); // why?!\n\t}\n", "\u00a0no-break\u2003em\u3000wide",
    "\u0000\u0001\u007f\ufeff", "before<|endoftext|>after <|pad|> <|mask|><|extra_7|> <|extra_|> <|end", "x" * 300,
    "-" * 70 + " " * 70 + "\n" * 9,
]
CLASSES = {"gpt2": "GPT2LMHeadModel", "qwen3": "Qwen3ForCausalLM", "llama": "LlamaForCausalLM"}
PROMPTS = ["", "The", "The cat", "Zoë didn't see the café's", support.sentences(3, seed=5)]


def ids_of(theirs, text, **options):
    """The ids of a text by itself, without what the tokenizer puts before it."""
    return theirs.tokenizer(text, add_special_tokens=False, **options).input_ids


def log_probabilities(theirs, ids):
    """log p of the token after end-of-text and ids, (V), in double."""
    with torch.no_grad():
        logits = theirs.model(torch.tensor([[theirs.model.config.eos_token_id] + ids])).logits
    return torch.log_softmax(logits[0, -1].double(), dim=0)


def for_each_family(test):
    """Run test(self, family, folder, theirs) for every family, each a subtest of its own."""
    @functools.wraps(test)
    def run(self):
        for family in support.FAMILIES:
            with self.subTest(family=family):
                folder = support.model_folder(family)
                test(self, family, folder, support.hugging_face(folder))
    return run


class HuggingFace(unittest.TestCase):
    @for_each_family
    def test_the_automatic_class_is_the_familys(self, family, _folder, theirs):
        self.assertEqual(type(theirs.model).__name__, CLASSES[family])

    @for_each_family
    def test_the_config_says_what_was_trained(self, family, folder, theirs):
        config = theirs.model.config
        stream = support.read_tokens(support.tokens())
        self.assertEqual(config.max_position_embeddings, support.CONTEXT)
        self.assertEqual(config.vocab_size, stream.vocabulary)
        self.assertEqual(config.eos_token_id, stream.end_of_text)
        self.assertEqual(theirs.tokenizer.eos_token, support.END_OF_TEXT)
        self.assertEqual(theirs.tokenizer.eos_token_id, stream.end_of_text)
        self.assertEqual(bool(config.tie_word_embeddings), "--tied" in support.FAMILIES[family])

    @for_each_family
    def test_no_tensor_is_missing_or_left_over(self, _family, folder, _theirs):
        import transformers
        _, report = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
        for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
            self.assertFalse(report[kind], f"{kind}: {report[kind]}")

    def compare_ids(self, folder, theirs, special):
        files = [support.write(f"text-{number}.txt", text) for number, text in enumerate(TEXTS)]
        for text, path in zip(TEXTS, files):
            output = support.FOLDER / "ids.tok"
            support.run("tok-encode", "-t", folder, "-o", output, "--special", special, path)
            theirs_ids = ids_of(theirs, text, split_special_tokens=special == "plain")
            expected = theirs_ids + [theirs.model.config.eos_token_id]
            self.assertEqual(support.read_tokens(output).ids.tolist(), expected, f"{special} {text!r}")

    @for_each_family
    def test_texts_have_the_same_ids(self, _family, folder, theirs):
        self.compare_ids(folder, theirs, "allow")
        self.compare_ids(folder, theirs, "plain")

    def test_every_pattern_gives_the_same_ids(self):
        import tokenizers
        for pattern in ("gpt2", "llama3", "none"):
            with self.subTest(pattern=pattern):
                path = support.tokenizer(pattern)
                theirs = tokenizers.Tokenizer.from_file(str(path))
                for text in TEXTS:
                    output = support.FOLDER / "pattern.tok"
                    support.run("tok-encode", "-t", path, "-o", output, "--special", "allow",
                                support.write("pattern.txt", text))
                    ids = support.read_tokens(output).ids.tolist()
                    self.assertEqual(ids[:-1], theirs.encode(text).ids, repr(text))

    @for_each_family
    def test_ids_become_the_same_text_again(self, _family, _folder, theirs):
        for text in TEXTS:
            self.assertEqual(theirs.tokenizer.decode(ids_of(theirs, text)), text)

    def compare_probabilities(self, folder, theirs, prompt):
        lines = support.json_lines(support.run("lm-sample", folder, "--probs", "all", "--json", "-p", prompt))
        ours = {line["id"]: line["p"] for line in lines}
        expected = log_probabilities(theirs, ids_of(theirs, prompt))
        self.assertEqual(sorted(ours), list(range(len(expected))))
        self.assertAlmostEqual(sum(ours.values()), 1.0, delta=1e-5)
        actual = torch.tensor([ours[token] for token in range(len(expected))], dtype=torch.float64).log()
        self.assertLess((actual - expected).abs().max().item(), 1e-4, f"after {prompt!r}")

    @for_each_family
    def test_logits_agree(self, _family, folder, theirs):
        for prompt in PROMPTS:
            self.compare_probabilities(folder, theirs, prompt)

    @for_each_family
    def test_the_model_has_learned_so_that_logits_are_not_flat(self, _family, _folder, theirs):
        probabilities = log_probabilities(theirs, ids_of(theirs, "The cat")).exp()
        self.assertGreater(probabilities.max().item(), 20 / len(probabilities))

    def compare_greedy(self, folder, theirs, prompt):
        output = support.FOLDER / "greedy.tok"
        settings = ["--greedy", "-n", "50", "-p", prompt]
        output.write_bytes(support.run("lm-sample", folder, *settings, "--format", "lm"))
        ours = support.read_tokens(output).ids.tolist()
        end = theirs.model.config.eos_token_id
        prefix = [end] + ids_of(theirs, prompt)
        # We never sample a special token but end-of-text.
        special = [token for token in theirs.tokenizer.all_special_ids if token != end]
        for token, added in theirs.tokenizer.added_tokens_decoder.items():
            special += [token] if added.special and token != end else []
        whole = theirs.model.generate(torch.tensor([prefix]), do_sample=False, max_new_tokens=50, pad_token_id=end,
                                      suppress_tokens=sorted(set(special)) or None)[0].tolist()
        expected = [token for token in whole[len(prefix):] if token != end]
        ours = [token for token in ours if token != end]
        if ours != expected:
            self.explain(theirs, prompt, prefix, ours, expected)
        else:
            text = support.run("lm-sample", folder, *settings).decode()
            self.assertEqual(text.removesuffix("\n"), theirs.tokenizer.decode(expected).removesuffix("\n"))

    def explain(self, theirs, prompt, prefix, ours, expected):
        """Two sound programs part only where the best two logits are closer than their rounding."""
        at = next((i for i, pair in enumerate(zip(ours, expected)) if pair[0] != pair[1]), min(len(ours), len(expected)))
        best = log_probabilities(theirs, prefix[1:] + expected[:at]).topk(2).values
        margin = (best[0] - best[1]).item()
        self.assertLess(margin, 1e-4, f"after {prompt!r} greedy text differs at token {at}: {ours} for {expected}")

    @for_each_family
    def test_greedy_text_is_the_same(self, _family, folder, theirs):
        for prompt in PROMPTS[:-1]:
            self.compare_greedy(folder, theirs, prompt)

    @for_each_family
    def test_a_folder_saved_again_by_transformers_gives_the_same_probabilities(self, family, _folder, theirs):
        again = support.FOLDER / f"{family}-again"
        theirs.model.save_pretrained(again)
        theirs.tokenizer.save_pretrained(again)
        self.compare_probabilities(again, theirs, "The cat didn't")


if __name__ == "__main__":
    unittest.main()
