"""Folders are, for transformers and llama.cpp, what they say they are: ours with our numbers, others' as they came."""

import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import unittest
import warnings

import torch
import transformers

import support

TEXT = "The cat didn't see the river."
FILLED = ["The <|mask|> didn't see the <|mask|>.", "<|mask|>", "Zoë <|mask|>", "a naïve<|mask|>"]
GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "families"
MASKED_FAMILIES = ("bert", "roberta", "xlm-roberta", "distilbert", "modernbert")
LEARNED = {}


def trained(family, objective):
    """A folder with a model of that objective."""
    key = (family, objective)
    if key not in LEARNED:
        name = "".join(c for c in objective if c.isalpha())
        LEARNED[key] = support.FOLDER / f"{family}-{name}"
        support.train(family, f"{LEARNED[key]}/", "--objective", objective)
    return LEARNED[key]


def probabilities(folder, prompt):
    """log p of every next token, (V), as lm-sample has it."""
    lines = support.json_lines(support.run("lm-sample", folder, "--probs", "all", "--json", "-p", prompt))
    ours = {line["id"]: line["p"] for line in lines}
    return torch.tensor([ours[token] for token in range(len(ours))], dtype=torch.float64).log()


def log_softmax(logits):
    return torch.log_softmax(logits.double(), dim=-1)


def difference(ours, theirs):
    return (ours - theirs).abs().max().item()


def load(folder, automatic):
    """The tokenizer and model of a folder whose own classes are trusted."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    model = getattr(transformers, automatic).from_pretrained(folder, trust_remote_code=True).eval()
    return tokenizer, model


class OwnModels(unittest.TestCase):
    """Models made here, which other libraries load and feed as these programs do."""

    def test_pipelines_have_our_numbers_and_say_nothing(self):
        script = ("import sys, transformers; p = transformers.pipeline('text-generation', sys.argv[1]);"
                  "print(p(sys.argv[2], do_sample=False, max_new_tokens=20)[0]['generated_text']); p(sys.argv[2])")
        for family in support.FAMILIES:
            with self.subTest(family=family):
                folder = support.model_folder(family)
                done = subprocess.run([sys.executable, "-c", script, folder, TEXT], capture_output=True, text=True,
                                      env={**os.environ, "TRANSFORMERS_VERBOSITY": "warning"}, timeout=600, check=True)
                said = [line for line in done.stderr.splitlines() if line.strip() and "Loading weights" not in line]
                self.assertEqual(said, [])
                ours = support.run("lm-sample", folder, "--greedy", "-n", "20", "-p", TEXT).decode()
                # A special token may be drawn there and never here; none is by these models.
                self.assertEqual(done.stdout.strip(), (TEXT + ours).strip())

    def test_texts_begin_with_what_our_programs_feed(self):
        for family in support.FAMILIES:
            theirs = support.hugging_face(support.model_folder(family))
            ids = theirs.tokenizer(TEXT).input_ids
            self.assertEqual(ids[0], theirs.tokenizer.bos_token_id)
            with torch.no_grad():
                logits = theirs.model(torch.tensor([ids])).logits[0, -1]
            self.assertLess(difference(probabilities(support.model_folder(family), TEXT), log_softmax(logits)), 1e-4)

    def test_a_stream_of_our_tokenizer_is_one_of_the_folders(self):
        folder = support.model_folder("qwen3")
        again = support.FOLDER / "folder.tok"
        support.run("tok-encode", "-t", folder, "-o", again, support.corpus())
        self.assertEqual(support.read_tokens(again).fingerprint, support.read_tokens(support.tokens()).fingerprint)
        saved = support.FOLDER / "saved-tokenizer"
        transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(saved)
        support.run("tok-encode", "-t", saved, "-o", again, support.corpus())
        self.assertEqual(support.read_tokens(again).fingerprint, support.read_tokens(support.tokens()).fingerprint)

    def test_special_tokens_are_named(self):
        tokenizer = support.hugging_face(support.model_folder("qwen3")).tokenizer
        named = (tokenizer.eos_token, tokenizer.bos_token, tokenizer.pad_token, tokenizer.mask_token)
        self.assertEqual(named, ("<|endoftext|>", "<|endoftext|>", "<|pad|>", "<|mask|>"))


class BothWays(unittest.TestCase):
    """Models that look both ways, by the classes in their folders."""

    def for_each(self, objectives, test):
        for family in support.FAMILIES:
            for objective in objectives:
                with self.subTest(family=family, objective=objective):
                    test(trained(family, objective))

    def test_no_causal_class_is_claimed(self):
        def check(folder):
            config = json.loads((folder / "config.json").read_text())
            self.assertTrue(config["architectures"][0].startswith("LmTools"))
            self.assertNotIn(config["model_type"], transformers.CONFIG_MAPPING)
            with self.assertRaises((ValueError, OSError)), warnings.catch_warnings():
                transformers.AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
        self.for_each(["masked", "prefix", "span"], check)

    def test_hidden_tokens_have_our_probabilities(self):
        def check(folder):
            tokenizer, model = load(folder, "AutoModelForMaskedLM")
            for text in FILLED:
                ids = tokenizer(text).input_ids
                with torch.no_grad():
                    theirs = log_softmax(model(torch.tensor([ids])).logits[0])
                lines = support.json_lines(support.run("lm-sample", folder, "--probs", "all", "--json", "-p", text))
                places = [place for place, token in enumerate(ids) if token == tokenizer.mask_token_id]
                self.assertEqual(len(lines), len(places))
                for line, place in zip(lines, places):
                    self.assertEqual(len(line["best"]), theirs.shape[1])
                    for candidate in line["best"]:
                        self.assertAlmostEqual(math.log(candidate["p"]), theirs[place, candidate["id"]].item(), delta=1e-4)
        self.for_each(["masked", "causal:0.5,masked:0.5", "prefix:0.5,masked:0.5"], check)

    def test_pseudo_likelihood_is_ours(self):
        def check(folder):
            tokenizer, model = load(folder, "AutoModelForMaskedLM")
            ids = tokenizer(TEXT).input_ids
            total = 0.0
            for place in range(1, len(ids)):
                hidden = torch.tensor([ids])
                hidden[0, place] = tokenizer.mask_token_id
                with torch.no_grad():
                    total -= log_softmax(model(hidden).logits[0, place])[ids[place]].item()
            report = support.run("lm-eval-ppl", folder, "--scoring", "pseudo", "--json", "-", text=TEXT)
            self.assertAlmostEqual(support.json_lines(report)[0]["pseudo_nats"], total, delta=1e-3)
        self.for_each(["masked", "causal:0.5,masked:0.5"], check)

    def test_padding_changes_nothing(self):
        def check(folder):
            tokenizer, model = load(folder, "AutoModelForMaskedLM")
            texts = ["The <|mask|> likes it", "A dog didn't see <|mask|> the river, and <|mask|> sold it"]
            batch = tokenizer(texts, padding=True, return_tensors="pt")
            alone = tokenizer(texts[0], return_tensors="pt").input_ids
            with torch.no_grad():
                together = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits[0]
                self.assertLess(difference(together[:alone.shape[1]], model(alone).logits[0]), 1e-4)
        self.for_each(["masked"], check)

    def test_a_prompt_is_read_both_ways(self):
        def check(folder):
            tokenizer, model = load(folder, "AutoModelForCausalLM")
            for text in ("The", TEXT, support.sentences(3, seed=5)):
                ids = torch.tensor([tokenizer(text).input_ids])
                with torch.no_grad():
                    theirs = log_softmax(model(ids).logits[0, -1])
                self.assertLess(difference(probabilities(folder, text), theirs), 1e-4)
            ours = support.run("lm-sample", folder, "--greedy", "-n", "20", "-p", TEXT).decode().rstrip("\n")
            ids = torch.tensor([tokenizer(TEXT).input_ids])
            for cache in (True, False):
                whole = model.generate(ids, do_sample=False, max_new_tokens=20, use_cache=cache)[0, ids.shape[1]:]
                self.assertEqual(tokenizer.decode(whole, skip_special_tokens=True).rstrip("\n"), ours)
        self.for_each(["prefix", "causal:0.5,prefix:0.5"], check)

    def test_texts_of_a_batch_are_continued_as_each_alone(self):
        def check(folder):
            tokenizer, model = load(folder, "AutoModelForCausalLM")
            batch = tokenizer([TEXT, "Nobody"], padding=True, padding_side="left", return_tensors="pt")
            alone = tokenizer("Nobody", return_tensors="pt").input_ids
            options = {"do_sample": False, "max_new_tokens": 12, "output_logits": True, "return_dict_in_generate": True}
            together, single = model.generate(**batch, **options), model.generate(alone, **options)
            for mine, other in zip(together.logits[:3], single.logits[:3]):
                self.assertLess(difference(mine[1], other[0]), 1e-4)
        self.for_each(["prefix"], check)

    def test_labels_show_where_the_prefix_ends(self):
        folder = trained("qwen3", "prefix")
        tokenizer, model = load(folder, "AutoModelForCausalLM")
        ids = torch.tensor([tokenizer(TEXT).input_ids])
        labels = ids.clone()
        labels[:, :4] = -100
        with torch.no_grad():
            by_labels = model(ids, labels=labels).logits
            self.assertEqual(difference(by_labels, model(ids, prefix_length=4).logits), 0)
            self.assertGreater(difference(by_labels, model(ids).logits), 1e-3)

    def fill_spans(self, tokenizer, model, text, count):
        """The texts of the spans, greedily: text, then the next sentinel, and end-of-text after the last."""
        ids = tokenizer(text).input_ids + [tokenizer.eos_token_id]
        gaps = [token for token in ids if "extra_" in tokenizer.convert_ids_to_tokens(token)]
        special = [token for token, added in tokenizer.added_tokens_decoder.items() if added.special]
        spans, written = [[]], gaps[:1]
        for _ in range(count):
            following = gaps[len(spans)] if len(spans) < len(gaps) else tokenizer.eos_token_id
            with torch.no_grad():
                logits = model(torch.tensor([ids + written]), prefix_length=len(ids)).logits[0, -1]
            logits[[token for token in special if token != following]] = -math.inf
            written.append(logits.argmax().item())
            if written[-1] == tokenizer.eos_token_id:
                break
            if written[-1] == following:
                spans.append([])
            else:
                spans[-1].append(written[-1])
        spans += [[] for _ in gaps[len(spans):]]
        return [tokenizer.decode(span) for span in spans]

    def test_spans_are_filled_as_here(self):
        def check(folder):
            tokenizer, model = load(folder, "AutoModelForCausalLM")
            text = "The <|extra_0|> didn't see the <|extra_1|>"
            line = support.json_lines(support.run("lm-sample", folder, "--greedy", "-n", "16", "--json", "-p", text))[0]
            self.assertEqual(line["spans"], self.fill_spans(tokenizer, model, text, 16))
        self.for_each(["span", "causal:0.5,span:0.5"], check)

    def test_a_mixture_is_also_its_familys_model(self):
        def check(folder):
            theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
            self.assertFalse(type(theirs).__name__.startswith("LmTools"))
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            with torch.no_grad():
                logits = theirs(torch.tensor([tokenizer(TEXT).input_ids])).logits[0, -1]
            self.assertLess(difference(probabilities(folder, TEXT), log_softmax(logits)), 1e-4)
        self.for_each(["causal:0.5,masked:0.5"], check)

    def test_pipelines_fill_masks(self):
        def check(folder):
            fill = transformers.pipeline("fill-mask", str(folder), trust_remote_code=True)
            best = fill("The <|mask|> didn't see it")[0]
            line = support.json_lines(support.run("lm-sample", folder, "--probs", "1", "--json",
                                                  "-p", "The <|mask|> didn't see it"))[0]["best"][0]
            self.assertEqual(best["token"], line["id"])
            self.assertAlmostEqual(best["score"], line["p"], delta=1e-5)
        self.for_each(["masked", "causal:0.5,masked:0.5"], check)

    def test_saved_again_by_transformers_they_are_what_they_were(self):
        folder = trained("qwen3", "masked")
        tokenizer, model = load(folder, "AutoModelForMaskedLM")
        again = support.FOLDER / "masked-again"
        model.save_pretrained(again)
        tokenizer.save_pretrained(again)
        text = "The <|mask|> likes it"
        ours = [support.json_lines(support.run("lm-sample", path, "--probs", "all", "--json", "-p", text))[0]["best"]
                for path in (folder, again)]
        for mine, other in zip(*[sorted(best, key=lambda one: one["id"]) for best in ours]):
            self.assertAlmostEqual(mine["p"], other["p"], delta=1e-6)


class OthersFolders(unittest.TestCase):
    """Folders of other families, which come back as they were."""

    def convert(self, name):
        output = support.FOLDER / f"converted-{name}"
        file = support.FOLDER / f"converted-{name}.safetensors"
        support.run("lm-convert", GOLDEN / name, file)
        support.run("lm-convert", file, f"{output}/")
        return output

    def test_every_family_is_loaded_whole_with_the_same_weights(self):
        for path in sorted(GOLDEN.iterdir()):
            with self.subTest(folder=path.name):
                folder = self.convert(path.name)
                config = json.loads((folder / "config.json").read_text())
                masked = config["model_type"] in MASKED_FAMILIES
                automatic = transformers.AutoModelForMaskedLM if masked else transformers.AutoModelForCausalLM
                model, report = automatic.from_pretrained(folder, output_loading_info=True)
                # transformers takes a Mistral with layer_types for a Ministral.
                expected = config["architectures"][0].replace("Mistral", "Ministral" if "layer_types" in config else "Mistral")
                self.assertEqual(type(model).__name__, expected)
                for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
                    self.assertFalse(report[kind], f"{kind}: {report[kind]}")
                original = automatic.from_pretrained(path, dtype=torch.float32)
                for (name, mine), (_, other) in zip(model.named_parameters(), original.named_parameters()):
                    self.assertTrue(torch.equal(mine, other), name)

    def test_keys_are_kept_in_their_order(self):
        for path in sorted(GOLDEN.iterdir()):
            with self.subTest(folder=path.name):
                before = json.loads((path / "config.json").read_text())
                after = json.loads((self.convert(path.name) / "config.json").read_text())
                for key in ("dtype", "torch_dtype", "architectures"):
                    before.pop(key, None), after.pop(key, None)
                self.assertEqual(list(before.items()), list(after.items()))


def llama_cpp():
    """llama.cpp's converter: $LM_LLAMA_CPP is a checkout of it."""
    path = os.environ.get("LM_LLAMA_CPP")
    return pathlib.Path(path) / "convert_hf_to_gguf.py" if path else None


@unittest.skipUnless(llama_cpp(), "LM_LLAMA_CPP names no checkout of llama.cpp")
class LlamaCpp(unittest.TestCase):
    """The converter takes folders whose tokenizer it knows: here GPT-2's pattern, called by its name."""

    def convert(self, folder):
        script = ("import sys, runpy; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/gguf-py'];"
                  "import conversion.base as base; base.TextModel.get_vocab_base_pre = lambda self, tokenizer: 'gpt-2';"
                  "sys.argv = sys.argv[2:]; runpy.run_path(sys.argv[0], run_name='__main__')")
        output = support.FOLDER / f"{folder.name}.gguf"
        done = subprocess.run([sys.executable, "-c", script, llama_cpp().parent, llama_cpp(), folder, "--outfile", output,
                               "--outtype", "f32"], capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        sys.path.insert(0, str(llama_cpp().parent / "gguf-py"))
        import gguf
        return gguf.GGUFReader(output)

    def test_it_takes_our_folders(self):
        for family in support.FAMILIES:
            with self.subTest(family=family):
                reader = self.convert(support.model_folder(family))
                names = [tensor.name for tensor in reader.tensors]
                self.assertEqual(len(names), len(set(names)))
                tied = "--tied" in support.FAMILIES[family]
                self.assertEqual("output.weight" in names, not tied)
                context = reader.fields[f"{family}.context_length"].contents()
                self.assertEqual(context, support.CONTEXT)


if __name__ == "__main__":
    unittest.main()
