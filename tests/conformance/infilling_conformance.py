"""lm-fim asks models of other people for a middle as their owners document: the same middles as by transformers.

LM_TEST_DATA    the folder of the test data, which has the vocabularies; default: ../shared/data beside the repository
"""

import os
import pathlib
import unittest

import gguf
import tokenizers
import torch
import transformers
from tokenizers import Regex, pre_tokenizers

import support

DATA = pathlib.Path(os.environ.get("LM_TEST_DATA", pathlib.Path(__file__).parents[3] / "shared/data"))
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
# Vocabulary; how text is cut; tokens to add, which are not special; the documented prompt; what precedes it.
FAMILIES = {
    "starcoder": ("starcoder", [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)],
                  [], "<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>", None),
    "qwen": ("qwen2", [pre_tokenizers.Split(Regex(QWEN), "isolated"), BYTES],
             ["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"],
             "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>", None),
    "deepseek": ("deepseek-coder",
                 [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in
                  ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+"]] +
                 [pre_tokenizers.Digits(individual_digits=True), BYTES],
                 [], "<｜fim▁begin｜>{prefix}<｜fim▁hole｜>{suffix}<｜fim▁end｜>", "<｜begin▁of▁sentence｜>"),
}
GAPS = [("def quicksort(arr):\n    if len(arr) <= 1:\n        return arr\n    pivot = arr[len(arr) // 2]\n    ",
         "\n    middle = [x for x in arr if x == pivot]\n    return quicksort(left) + middle + quicksort(right)"),
        ("import ", "\n\nif __name__ == '__main__':\n    sys.exit(0)"), ("", "return 12345 # naïve 日本語"), ("x = 1", ""), ("", "")]


def read_vocabulary(name):
    fields = gguf.GGUFReader(DATA / "vocab" / f"ggml-vocab-{name}.gguf").fields
    return {key: fields[f"tokenizer.ggml.{key}"].contents() for key in ["tokens", "merges", "token_type", "eos_token_id"]}


def make_tokenizer(family):
    name, steps, added, _, begin = FAMILIES[family]
    vocabulary = read_vocabulary(name)
    kinds = vocabulary["token_type"]
    # What follows the last normal token is added to the model's vocabulary, as in the tokenizer.json of these models.
    size = len(kinds) - next(i for i, kind in enumerate(reversed(kinds)) if kind == gguf.TokenType.NORMAL)
    ids = {token: i for i, token in enumerate(vocabulary["tokens"][:size])}
    model = tokenizers.models.BPE(ids, [tuple(merge.split(" ", 1)) for merge in vocabulary["merges"]])
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.Sequence(steps)
    backend.decoder = tokenizers.decoders.ByteLevel()
    for token, kind in zip(vocabulary["tokens"], kinds):
        if kind == gguf.TokenType.CONTROL:
            backend.add_special_tokens([tokenizers.AddedToken(token, normalized=False, special=True)])
        elif kind == gguf.TokenType.USER_DEFINED:
            backend.add_tokens([tokenizers.AddedToken(token, normalized=False)])
    backend.add_tokens([tokenizers.AddedToken(token, normalized=False) for token in added])
    if begin:
        backend.post_processor = tokenizers.processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, backend.token_to_id(begin))])
    end = vocabulary["tokens"][vocabulary["eos_token_id"]]
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=end, bos_token=begin)


def make_model(size):
    torch.manual_seed(5)
    config = transformers.LlamaConfig(vocab_size=size, hidden_size=32, intermediate_size=32, num_hidden_layers=2,
                                      num_attention_heads=2, max_position_embeddings=512, initializer_range=0.5,
                                      eos_token_id=None, bos_token_id=None)
    return transformers.LlamaForCausalLM(config).eval()


class Infilling(unittest.TestCase):
    def check(self, family):
        name, _, _, prompt, _ = FAMILIES[family]
        if not (DATA / "vocab" / f"ggml-vocab-{name}.gguf").exists():
            self.skipTest(f"no vocabulary of {name} in {DATA}")
        folder = support.FOLDER / family
        tokenizer = make_tokenizer(family)
        model = make_model(len(tokenizer))
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
        special = [i for token, i in tokenizer.get_added_vocab().items()]
        for prefix, suffix in GAPS:
            ids = torch.tensor([tokenizer(prompt.format(prefix=prefix, suffix=suffix)).input_ids])
            with torch.no_grad():
                # What is no text is not drawn; this model's ends are unlikely.
                output = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False,
                                        suppress_tokens=special, pad_token_id=0)
            expected = bytes_of(tokenizer, output[0][ids.shape[1]:].tolist()).decode(errors="replace")
            request = f'{{"prefix":{support.json.dumps(prefix)},"suffix":{support.json.dumps(suffix)},"n":12}}\n'
            answer = support.json_lines(support.run("lm-fim", folder, "--jsonl", "-q", text=request))[0]
            self.assertNotIn("error", answer)
            self.assertGreater(len(answer["middle"]), 5)
            self.assertEqual(answer["middle"], expected[:len(answer["middle"])])
            self.assertLess(len(expected) - len(answer["middle"]), 2)  # of a character that is not complete
        ids = tokenizer(prompt.format(prefix="", suffix="")).input_ids
        self.assertEqual(len(ids), 3 + (tokenizer.bos_token is not None))

    def test_starcoder(self):
        self.check("starcoder")

    def test_qwen_coder(self):
        self.check("qwen")

    def test_deepseek_coder(self):
        self.check("deepseek")


def bytes_of(tokenizer, ids):
    """The bytes of tokens, which may not be whole characters."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    letters = {chr(byte): byte for byte in visible} | {chr(256 + i): byte for i, byte in enumerate(hidden)}
    return bytes(letters[letter] for token in tokenizer.convert_ids_to_tokens(ids) for letter in token)


if __name__ == "__main__":
    unittest.main()
