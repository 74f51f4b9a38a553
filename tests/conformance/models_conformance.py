"""Folders that transformers wrote, of every family that is read, compute, continue and learn as in transformers.

LM_FAMILIES    only models whose names contain one of these words, such as "gemma phi3"
"""

import copy
import functools
import itertools
import json
import os
import pathlib
import sys
import types
import unittest

import tokenizers
import torch
import transformers
from tokenizers import decoders, pre_tokenizers, processors

import support

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "golden"))
import make_family_golden as golden  # noqa: E402

CONTEXT = 512
# The window ends inside the text; no size is a power of two; there are more rows than tokens.
ROWS = 300
SIZES = golden.Sizes(vocabulary=ROWS, context=1024, window=100)
WORDS = os.environ.get("LM_FAMILIES", "").split()
MODELS = {model.name: model for model in golden.models(SIZES)
          if not WORDS or any(word in model.name for word in WORDS)}
CAUSAL = [name for name, model in MODELS.items() if not model.masked]
MASKED = [name for name, model in MODELS.items() if model.masked]
STORED = {"F32": {}, "F16": {"dtype": torch.float16}, "BF16": {"dtype": torch.bfloat16}, "shards": {"shards": True}}
TEXT = support.sentences(30, seed=31).replace("\n", " ").encode()[:1200].decode(errors="ignore")
BATCH, STEPS, TRAINED_CONTEXT, RATE, CLIP, WEIGHT_DECAY, BETAS = 2, 20, 128, 1e-3, 0.8, 0.1, (0.9, 0.95)

# Special tokens by place, a few before the bytes and the rest after them.
GPT = {"before": ["<|endoftext|>", "<|pad|>"], "after": [],
       "roles": {"eos_token": "<|endoftext|>", "pad_token": "<|pad|>"}}
GEMMA = {"before": ["<eos>", "<pad>"], "after": ["<bos>"], "template": "<bos> $A",
         "roles": {"eos_token": "<eos>", "pad_token": "<pad>", "bos_token": "<bos>"}}
BERT = {"before": ["[CLS]", "[PAD]"], "after": ["[SEP]", "[MASK]"], "template": "[CLS] $A [SEP]",
        "roles": {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "mask_token": "[MASK]"}}
ROBERTA = {"before": ["<s>", "<pad>"], "after": ["</s>", "<mask>"], "template": "<s> $A </s>",
           "roles": {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>",
                     "pad_token": "<pad>", "mask_token": "<mask>"}}


def tokens_of(model):
    if model.masked:
        return ROBERTA if "roberta" in model.name else BERT
    return GEMMA if model.name.startswith("gemma") else GPT


def write_tokenizer(folder, special):
    """A byte-level tokenizer in which each byte is a token, so that a beginning of a text has the first of its ids."""
    pieces = special["before"] + sorted(pre_tokenizers.ByteLevel.alphabet()) + special["after"]
    vocabulary = {piece: token for token, piece in enumerate(pieces)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    names = special["before"] + special["after"]
    tokenizer.add_special_tokens([tokenizers.AddedToken(name, special=True, normalized=False) for name in names])
    if "template" in special:
        used = [(name, vocabulary[name]) for name in names if name in special["template"]]
        tokenizer.post_processor = processors.TemplateProcessing(single=special["template"], special_tokens=used)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special["roles"])
    fast.save_pretrained(folder)


@functools.cache
def stored_folder(name, stored):
    """The folder of a model, with weights of moderate size: rounding grows with them faster than what errors do."""
    transformers.utils.logging.disable_progress_bar()
    model = copy.copy(MODELS[name])
    model.dtype, model.shards = torch.float32, False
    for key, value in STORED[stored].items():
        setattr(model, key, value)
    folder = support.FOLDER / f"{name}-{stored}"
    folder.mkdir(exist_ok=True)
    golden.save(folder, model, torch.Generator().manual_seed(list(MODELS).index(name)), deviation=0.2)
    write_tokenizer(folder, tokens_of(model))
    return folder


def in_single(name, folder):
    return MODELS[name].model_class.from_pretrained(folder, dtype=torch.float32).eval()


@functools.cache
def theirs_of_stored(name, stored):
    """What transformers makes of a folder, in single precision."""
    torch.set_num_threads(2)
    folder = stored_folder(name, stored)
    return types.SimpleNamespace(model=in_single(name, folder),
                                 tokenizer=transformers.AutoTokenizer.from_pretrained(folder))


def folder_of(name):
    return stored_folder(name, "F32")


def theirs(name):
    return theirs_of_stored(name, "F32")


def ids_of(peer, text):
    """The ids of a text after what precedes it: the begin token, else end-of-text."""
    ids = peer.tokenizer(text).input_ids
    return ids if peer.tokenizer.bos_token_id in ids[:1] else [peer.tokenizer.eos_token_id] + ids


def log_probabilities(peer, ids):
    """log p of the token after each of ids, (T, V)."""
    with torch.no_grad():
        return torch.log_softmax(peer.model(torch.tensor([ids])).logits[0].double(), dim=-1)


def beginnings(lengths):
    texts = [TEXT.encode()[:length].decode(errors="ignore") for length in lengths]
    return texts, "".join(json.dumps({"text": text}) + "\n" for text in texts)


def each(names):
    """Run test(self, name) for every model of those names, each a subtest of its own."""
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for name in names:
                with self.subTest(model=name):
                    test(self, name)
        return run
    return decorate


class Causal(unittest.TestCase):
    def compare_next(self, name, stored, lengths):
        """Every next token's probability after beginnings of a text, which lm-sample reads through its cache."""
        peer = theirs_of_stored(name, stored)
        texts, lines = beginnings(lengths)
        known = len(peer.tokenizer)
        output = support.json_lines(support.run("lm-sample", stored_folder(name, stored), "--probs", "all", "--json",
                                                "--documents", "jsonl", text=lines))
        # Rows without a token may be left out.
        self.assertEqual(len(output) % len(texts), 0)
        size = len(output) // len(texts)
        self.assertGreaterEqual(size, known)
        for number, text in enumerate(texts):
            ours = {line["id"]: line["p"] for line in output[number * size:(number + 1) * size]}
            expected = log_probabilities(peer, ids_of(peer, text))[-1][:known]
            actual = torch.tensor([ours[token] for token in range(known)], dtype=torch.float64).log()
            apart = (actual - expected).abs().max().item()
            self.assertLess(apart, 2e-5, f"{stored}, after {len(text)} characters")

    @each(CAUSAL)
    def test_next_tokens_are_as_likely(self, name):
        self.compare_next(name, "F32", [0, 1, 2, 50, 97, 98, 99, 100, 101, 150, 255, 256, 300, 400, 511])

    @each(CAUSAL)
    def test_half_precision_and_shards_are_read(self, name):
        for stored in ("F16", "BF16", "shards"):
            self.compare_next(name, stored, [9, 300])

    @each(CAUSAL)
    def test_documents_have_the_same_nats(self, name):
        peer = theirs(name)
        texts, lines = beginnings(range(1, CONTEXT + 1, 19))
        output = support.json_lines(support.run("lm-eval-ppl", folder_of(name), "--documents", "jsonl", "--level",
                                                "document", "--context", CONTEXT, "--json", text=lines))
        self.assertEqual(len(output), len(texts))
        whole = log_probabilities(peer, ids_of(peer, texts[-1]))
        for text, line in zip(texts, output):
            ids = ids_of(peer, text)
            if MODELS[name].from_scratch:
                whole = log_probabilities(peer, ids[:-1])
            targets = torch.tensor(ids[1:])
            expected = -whole[:len(targets)].gather(1, targets[:, None]).sum().item()
            self.assertEqual(line["tokens"], len(targets))
            # Errors of rounding mostly cancel in the sum; one wrong position would show above.
            delta = 2e-5 + 1e-6 * len(targets)
            self.assertAlmostEqual(line["nats"], expected, delta=delta, msg=f"{len(targets)} tokens")

    @each(CAUSAL)
    def test_greedy_text_is_the_same(self, name):
        # With longrope nothing is generated across the length at which the angles change: then a cache is of no use.
        for length, count in ((7, 200), (300, 60)):
            if length == 7 and MODELS[name].from_scratch:
                count = 60
            self.compare_greedy(name, beginnings([length])[0][0], count)

    def compare_greedy(self, name, prompt, count):
        peer = theirs(name)
        output = support.run("lm-sample", folder_of(name), "--greedy", "-n", count, "--format", "ids", "-p", prompt)
        ours = [int(token) for token in output.split()]
        ids = ids_of(peer, prompt)
        end = peer.tokenizer.eos_token_id
        # No program samples a special token but end-of-text, nor a row that has no token.
        never = sorted(set(peer.tokenizer.all_special_ids) - {end}) + list(range(len(peer.tokenizer), ROWS))
        whole = peer.model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=count, pad_token_id=end,
                                    eos_token_id=end, suppress_tokens=never)[0].tolist()
        expected = whole[len(ids):]
        ours, expected = ([token for token in tokens if token != end] for tokens in (ours, expected))
        if ours == expected:
            return
        at = len(os.path.commonprefix([ours, expected]))
        scores = log_probabilities(peer, ids + expected[:at])[-1]
        scores[never] = -torch.inf
        best = scores.topk(2).values
        # Two sound programs part only if the best two logits are closer than their rounding.
        self.assertLess((best[0] - best[1]).item(), 3e-4, f"after {len(prompt)} characters token {at} differs")


def training_windows(folder):
    """The stream that both train on, and its windows in the order of the stream: x_kT .. x_kT+T."""
    text = support.write("training.txt", support.sentences(400, seed=32))
    stream = support.FOLDER / f"{folder.name}.tok"
    support.run("tok-encode", "-t", folder, "-o", stream, text)
    read = support.read_tokens(stream)
    # Flag 1: documents start with begin tokens, and nothing else precedes them.
    ids = ([] if read.flags & 1 else [read.end_of_text]) + read.ids.tolist()
    starts = range(0, BATCH * STEPS * TRAINED_CONTEXT, TRAINED_CONTEXT)
    return stream, [torch.tensor(ids[start:start + TRAINED_CONTEXT + 1]) for start in starts]


def train_with_pytorch(model, windows):
    """Losses and gradient norms of the steps; matrices decay, vectors do not."""
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW([
        {"params": [parameter for parameter in parameters if parameter.dim() > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [parameter for parameter in parameters if parameter.dim() == 1], "weight_decay": 0.0},
    ], lr=RATE, betas=BETAS, eps=1e-8)
    losses, norms = [], []
    for step in range(STEPS):
        batch = torch.stack(windows[step * BATCH:(step + 1) * BATCH])
        logits = model(batch[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, CLIP).item())
        optimizer.step()
        losses.append(loss.item())
    return losses, norms


class Training(unittest.TestCase):
    @each(CAUSAL)
    def test_steps_are_pytorchs(self, name):
        folder, output = folder_of(name), support.FOLDER / f"{name}-trained"
        metrics = support.FOLDER / f"{name}.jsonl"
        stream, windows = training_windows(folder)
        support.run("lm-train", "--init-from", folder, "-o", f"{output}/", "--one-pass", "--context",
                    TRAINED_CONTEXT, "--batch", BATCH, "--steps", STEPS, "--schedule", "constant", "--warmup", 0,
                    "--optimizer", "adamw", "--lr", RATE, "--clip", CLIP, "--weight-decay", WEIGHT_DECAY, "--betas",
                    ",".join(map(str, BETAS)), "--dropout", 0, "--metrics", metrics, "-", text=stream.read_bytes())
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
        model = in_single(name, folder)
        before = {key: value.clone() for key, value in model.state_dict().items()}
        losses, norms = train_with_pytorch(model, windows)
        self.assertEqual(len(lines), STEPS)
        self.assertLess(losses[-1], losses[0] - 0.1)
        self.assertAlmostEqual(lines[0]["loss"], losses[0], delta=2e-5)
        for line, loss, norm in zip(lines, losses, norms):
            self.assertAlmostEqual(line["loss"], loss, delta=1e-3)
            self.assertAlmostEqual(line["grad_norm"] / norm, 1.0, delta=1e-2)
        self.compare_trained(model, before, in_single(name, output), windows[-1])

    def compare_trained(self, model, before, ours, window):
        window = window[None]
        with torch.no_grad():
            losses = [torch.nn.functional.cross_entropy(one(window[:, :-1]).logits[0], window[0, 1:]).item()
                      for one in (model, ours)]
        self.assertAlmostEqual(losses[0], losses[1], delta=1e-3)
        trained = ours.state_dict()
        for key, value in model.state_dict().items():
            moved, apart = (value - before[key]).norm().item(), (value - trained[key]).norm().item()
            # Without rotation the bias of keys has a gradient of zero, so AdamW moves it by the signs of rounding.
            if not key.endswith("bias"):
                self.assertLessEqual(apart, 0.03 * moved, key)


@functools.cache
def minicons_of(folder):
    from minicons import scorer
    peer = scorer.MaskedLMScorer(str(folder), "cpu")
    # minicons 0.3 calls the tokenizer by a name that transformers 5 does not have.
    if not hasattr(peer.tokenizer, "batch_encode_plus"):
        peer.tokenizer.batch_encode_plus = peer.tokenizer.__call__
    return peer


class Masked(unittest.TestCase):
    SENTENCES = ["The cat didn't see the river.", "Zoë", "a", TEXT[:150]]
    # One space is between words and nothing else, so that both programs see the same words.
    WORDS = ["The cat saw the river", "Nobody likes apples", "my brothers horse sold us the river again and again"]

    def compare(self, folder, sentences, metric, *options):
        peer = minicons_of(folder)
        lines = "".join(json.dumps({"text": text}) + "\n" for text in sentences)
        output = support.json_lines(support.run("lm-eval-ppl", folder, "--documents", "jsonl", "--level",
                                                "document", "--json", *options, text=lines))
        self.assertEqual(len(output), len(sentences))
        for text, line in zip(sentences, output):
            expected = peer.sequence_score([text], reduction=lambda scores: scores.sum(0).item(), PLL_metric=metric)[0]
            self.assertEqual(line["tokens"], len(text.encode()))
            # minicons rounds as float does, in each of the tokens' passes.
            self.assertAlmostEqual(line["pseudo_nats"], -expected, delta=1e-4 + 2e-6 * len(text), msg=repr(text))

    @each(MASKED)
    def test_pseudo_likelihood_is_minicons(self, name):
        self.compare(folder_of(name), self.SENTENCES, "original")

    @each(MASKED)
    def test_within_words_it_is_minicons(self, name):
        self.compare(folder_of(name), self.WORDS, "within_word_l2r", "--within-word")

    @each([name for name in MASKED if name in ("bert", "roberta")])
    def test_the_bias_beside_an_untied_head_is_used(self, name):
        """Of two biases with different numbers; and after our program has written the folder."""
        model = copy.deepcopy(theirs(name).model)
        model.config.tie_word_embeddings = False
        head = model.cls.predictions if name == "bert" else model.lm_head
        decoder = torch.nn.Linear(model.config.hidden_size, model.config.vocab_size)
        head.decoder, head.bias = decoder, torch.nn.Parameter(torch.randn_like(head.bias))
        folder, ours = support.FOLDER / f"{name}-untied", support.FOLDER / f"{name}-untied-ours"
        model.save_pretrained(folder)
        theirs(name).tokenizer.save_pretrained(folder)
        self.compare(folder, self.SENTENCES[:1], "original")
        support.run("lm-convert", folder, f"{ours}/")
        biases = [scorer_model.state_dict()[key] for scorer_model in (in_single(name, folder), in_single(name, ours))
                  for key in scorer_model.state_dict() if key.endswith("decoder.bias")]
        self.assertTrue(torch.equal(*biases))
        self.compare(ours, self.SENTENCES[:1], "original")


class Folders(unittest.TestCase):
    @each(list(itertools.chain(CAUSAL, MASKED)))
    def test_texts_have_the_same_ids(self, name):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder_of(name))
        output = support.FOLDER / "ids.tok"
        support.run("tok-encode", "-t", folder_of(name), "-o", output, support.write("ids.txt", TEXT))
        ids = support.read_tokens(output).ids.tolist()
        expected = tokenizer(TEXT).input_ids
        end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
        self.assertEqual(ids, expected if expected[-1] == end else expected + [end])


if __name__ == "__main__":
    unittest.main()
