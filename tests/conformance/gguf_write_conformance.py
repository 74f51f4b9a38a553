"""GGUF files of lm-convert: llama.cpp reads them and computes the same, its converter and its quantizer write the same.

Needs $LM_LLAMA_BIN, the folder of llama.cpp's programs (llama-quantize, llama-perplexity), and $LM_LLAMA_CPP, a checkout of it for
the converter; what is missing is skipped.
"""

import functools
import json
import math
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import unittest

import numpy

import support

GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "families"
CONVERTED = ("gemma", "gpt2_gelu", "granite", "granite_mlp_bias", "llama_base",
             "llama_dynamic", "llama_first_spelling", "llama_linear", "llama_llama3", "llama_mha_bias", "llama_spelling4",
             "llama_yarn", "mistral_full")
REFUSED = {"bert": "predict hidden tokens from both sides", "modernbert": "predict hidden tokens from both sides",
           "gemma2": "attention scores are scaled by", "llama_yarn_betas": "bounds that are not rounded",
           "olmo2_bias": "have biases", "gpt2_inner": "'activation'"}
QUANTIZED = {"q8_0": "Q8_0", "q4_0": "Q4_0", "q4_k": "Q4_K_M", "q6_k": "Q6_K"}


def programs():
    path = os.environ.get("LM_LLAMA_BIN")
    return pathlib.Path(path) if path and (pathlib.Path(path) / "llama-quantize").exists() else None


def checkout():
    path = os.environ.get("LM_LLAMA_CPP")
    return pathlib.Path(path) if path else None


def read(path):
    import gguf
    return gguf.GGUFReader(path)


def fields(reader):
    return {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}


def tensors(reader):
    return {tensor.name: tensor for tensor in reader.tensors}


def description(tensor):
    return tensor.tensor_type.name, [int(size) for size in tensor.shape]


def convert(source, name, *options):
    output = support.FOLDER / name
    support.run("lm-convert", *options, source, output)
    return output


CONTEXT = 256  # llama.cpp computes with multiples of it


def train(name, *shape):
    path = support.FOLDER / f"gguf-{name}.safetensors"
    support.run("lm-train", "-t", support.tokenizer(), "-o", path, *shape, "--context", CONTEXT, "--batch", "2", "--steps", "6",
                "--lr", "0.005", "--seed", "7", support.tokens())
    return path


@functools.cache
def long_model(family):
    return train(family, *support.FAMILIES[family], "--layers", "2", "--channels", "32")


@functools.cache
def wide_model():
    """A model whose rows are whole blocks of 256, grouped heads and an untied head."""
    return train("wide", "--family", "qwen3", "--heads", "4", "--kv-heads", "2", "--head-dim", "64", "--ffn", "512", "--untied",
                 "--layers", "8", "--channels", "256")


@functools.cache
def importance(model):
    path = support.FOLDER / f"{pathlib.Path(model).name}.imatrix.gguf"
    support.run("lm-eval-ppl", "--importance", path, model, text())
    return path


@functools.cache
def text():
    return support.write("gguf_text.txt", support.sentences(200, seed=5))


def llama(program, *arguments):
    command = [str(part) for part in [programs() / program, *arguments]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout + done.stderr


class Refusals(unittest.TestCase):
    def test_what_llama_cpp_does_not_compute_is_refused(self):
        for family, why in REFUSED.items():
            with self.subTest(family=family):
                output = support.FOLDER / f"refused-{family}.gguf"
                with self.assertRaisesRegex(AssertionError, why):
                    support.run("lm-convert", GOLDEN / family, output)
                self.assertFalse(output.exists())

    def test_models_that_see_what_follows_are_refused(self):
        for objective in ("masked", "prefix", "span", "causal:0.5,masked:0.5"):
            with self.subTest(objective=objective):
                path = support.FOLDER / "seeing.safetensors"
                support.train("qwen3", path, "--objective", objective)
                with self.assertRaisesRegex(AssertionError, "reads models from left to right only"):
                    support.run("lm-convert", path, support.FOLDER / "seeing.gguf")


class Reading(unittest.TestCase):
    """The gguf package reads what was written."""

    def test_weights_are_those_of_the_model(self):
        import safetensors.numpy
        for family in support.FAMILIES:
            with self.subTest(family=family):
                folder = support.model_folder(family)
                theirs = safetensors.numpy.load_file(folder / "model.safetensors")
                ours = tensors(read(convert(folder, f"{family}.gguf")))
                name = "transformer.wte.weight" if family == "gpt2" else "model.embed_tokens.weight"
                self.assertTrue((ours["token_embd.weight"].data == theirs[name]).all())
                down = "transformer.h.1.mlp.c_proj.weight" if family == "gpt2" else "model.layers.1.mlp.down_proj.weight"
                expected = theirs[down].T if family == "gpt2" else theirs[down]
                self.assertTrue((ours["blk.1.ffn_down.weight"].data == expected).all())

    def test_the_package_quantizes_the_same(self):
        import gguf
        plain = tensors(read(convert(wide_model(), "wide.gguf")))
        for kind in ("q8_0", "q4_0"):
            for name, tensor in tensors(read(convert(wide_model(), f"wide-{kind}.gguf", "--type", kind))).items():
                if tensor.tensor_type.name == kind.upper():
                    expected = gguf.quantize(plain[name].data, tensor.tensor_type)
                    self.assertTrue((tensor.data == expected).all(), f"{kind} {name}")

    def test_threads_do_not_matter(self):
        one = convert(wide_model(), "one.gguf", "--type", "q4_k", "--threads", "1").read_bytes()
        self.assertEqual(one, convert(wide_model(), "two.gguf", "--type", "q4_k", "--threads", "2").read_bytes())


@unittest.skipUnless(programs(), "LM_LLAMA_BIN names no folder with llama.cpp's programs")
class Quantizer(unittest.TestCase):
    """llama-quantize makes the same of a plain file."""

    def models(self):
        return {"wide": wide_model(), **{family: support.model_folder(family) for family in support.FAMILIES}}

    def compare(self, ours, theirs, inexact=()):
        """Compare files; tensors of the type Q4_K, which is searched for otherwise without importance, by type only."""
        ours, theirs = tensors(read(ours)), tensors(read(theirs))
        self.assertEqual({name: description(tensor) for name, tensor in ours.items()},
                         {name: description(tensor) for name, tensor in theirs.items()})
        for name, tensor in ours.items():
            if tensor.tensor_type.name not in inexact and (tensor.tensor_type.name, name) not in inexact:
                self.assertEqual(tensor.data.tobytes(), theirs[name].data.tobytes(), name)
        return ours, theirs

    def test_types_and_bytes(self):
        for name, model in self.models().items():
            plain = convert(model, f"{name}-f32.gguf")
            for kind, theirs in QUANTIZED.items():
                with self.subTest(model=name, kind=kind):
                    output = support.FOLDER / f"{name}-{kind}-theirs.gguf"
                    llama("llama-quantize", plain, output, theirs, "1")
                    self.compare(convert(model, f"{name}-{kind}.gguf", "--type", kind), output, inexact=("Q4_K",))

    def test_q4_k_is_as_near(self):
        import gguf
        plain = tensors(read(convert(wide_model(), "near-f32.gguf")))
        output = support.FOLDER / "near-theirs.gguf"
        llama("llama-quantize", support.FOLDER / "near-f32.gguf", output, "Q4_K_M", "1")
        ours, theirs = tensors(read(convert(wide_model(), "near.gguf", "--type", "q4_k"))), tensors(read(output))
        errors, count = [0.0, 0.0], 0
        for name, tensor in ours.items():
            if tensor.tensor_type.name != "Q4_K":
                continue
            x = plain[name].data.astype(numpy.float64)
            blocks = numpy.sqrt(2 * numpy.square(x.reshape(-1, 256)).mean(axis=1, keepdims=True))
            weight = (numpy.repeat(blocks, 256, axis=1).reshape(x.shape)) + numpy.abs(x)
            count += 1
            for i, other in enumerate((tensor, theirs[name])):
                difference = gguf.dequantize(other.data, other.tensor_type) - x
                errors[i] += (weight * difference * difference).sum()
        self.assertGreater(count, 0)
        self.assertLessEqual(errors[0], 1.02 * errors[1])

    def test_with_importance(self):
        for name in ("wide", "llama"):
            model = self.models()[name]
            plain, matrix = convert(model, f"{name}-plain.gguf"), importance(model)
            for kind, theirs in QUANTIZED.items():
                with self.subTest(model=name, kind=kind):
                    output = support.FOLDER / f"{name}-{kind}-weighted-theirs.gguf"
                    llama("llama-quantize", "--imatrix", matrix, plain, output, theirs, "1")
                    self.compare(convert(model, f"{name}-{kind}-weighted.gguf", "--type", kind, "--importance", matrix), output,
                                 inexact=(("Q4_K", "token_embd.weight"),))  # which has none


class Importance(unittest.TestCase):
    def test_mean_squares_are_those_of_transformers(self):
        import torch
        folder = support.model_folder("llama")
        reader = tensors(read(importance(folder)))
        theirs = support.hugging_face(folder)
        sums, rows = {}, 0
        hooks = []
        for number, layer in enumerate(theirs.model.model.layers):
            for ours, module in (("attn_q", layer.self_attn.q_proj), ("attn_output", layer.self_attn.o_proj),
                                 ("ffn_up", layer.mlp.up_proj), ("ffn_down", layer.mlp.down_proj)):
                def hook(_, inputs, name=f"blk.{number}.{ours}.weight"):
                    square = inputs[0][0, kept].double().square().sum(0)
                    sums[name] = sums.get(name, 0) + square
                hooks.append(module.register_forward_pre_hook(hook))
        ids = theirs.tokenizer(text().read_text(), add_special_tokens=False)["input_ids"]
        document = [theirs.tokenizer.convert_tokens_to_ids(support.END_OF_TEXT)] + ids
        with torch.no_grad():
            end = min(support.CONTEXT, len(ids))
            begin = 0
            while begin < len(ids):  # the targets begin .. end, from at most a context before them
                first = max(0, end - support.CONTEXT)
                kept = list(range(begin - first, end - first))
                theirs.model(torch.tensor([document[first:end]]))
                rows += len(kept)
                begin, end = end, min(end + support.CONTEXT // 2, len(ids))
        for hook in hooks:
            hook.remove()
        for name, expected in sums.items():
            got = reader[f"{name}.in_sum2"].data.reshape(-1)
            self.assertEqual(reader[f"{name}.counts"].data.reshape(-1)[0], rows)
            self.assertLess((torch.from_numpy(got.copy()).double() - expected).abs().max() / expected.abs().max(), 1e-4, name)

    def test_the_older_form_says_the_same(self):
        matrix = importance(wide_model())
        reader = tensors(read(matrix))
        names = sorted(name[:-len(".in_sum2")] for name in reader if name.endswith(".in_sum2"))
        older = struct.pack("<i", len(names))
        for name in names:
            means = reader[f"{name}.in_sum2"].data.reshape(-1) / reader[f"{name}.counts"].data.reshape(-1)[0]
            older += struct.pack("<i", len(name)) + name.encode() + struct.pack("<ii", 1, len(means))
            older += means.astype("<f4").tobytes()
        path = support.write("older.dat", older + struct.pack("<ii", 1, 4) + b"text")
        by_gguf = convert(wide_model(), "by-gguf.gguf", "--type", "q4_0", "--importance", matrix)
        by_older = convert(wide_model(), "by-older.gguf", "--type", "q4_0", "--importance", path)
        self.assertEqual(by_gguf.read_bytes(), by_older.read_bytes())


@unittest.skipUnless(programs(), "LM_LLAMA_BIN names no folder with llama.cpp's programs")
class Perplexity(unittest.TestCase):
    """llama-perplexity computes of a file what lm-eval-ppl computes of its source."""

    def theirs(self, model):
        for _ in range(10):  # it may end before its log is written
            output = llama("llama-perplexity", "-m", model, "-f", text(), "-c", CONTEXT, "-t", "2")
            if found := re.search(r"Final estimate: PPL = ([0-9.]+)", output):
                return float(found.group(1))
        return self.fail(f"llama-perplexity prints no perplexity: {output[-1000:]}")

    def ours(self, model):
        report = support.run("lm-eval-ppl", "--protocol", "llama.cpp", "--json", model, text())
        return support.json_lines(report)[0]["perplexity"]

    def test_models_made_here(self):
        for name, model in {**{family: long_model(family) for family in support.FAMILIES}, "wide": wide_model()}.items():
            with self.subTest(model=name):
                ours = self.ours(model)
                self.assertLess(abs(self.theirs(convert(model, f"{name}-ppl.gguf")) / ours - 1), 1e-3)

    def test_16_bits(self):
        for kind in ("bf16", "f16"):
            with self.subTest(kind=kind):
                theirs = self.theirs(convert(wide_model(), f"wide-{kind}.gguf", "--type", kind))
                self.assertLess(abs(theirs / self.ours(wide_model()) - 1), 5e-3)


@unittest.skipUnless(checkout(), "LM_LLAMA_CPP names no checkout of llama.cpp")
class Converter(unittest.TestCase):
    """convert_hf_to_gguf.py writes the same of a folder: keys, names, shapes and, in 32 bits, numbers."""

    # Keys that one of the two writes more of, or whose value is another's business.
    OURS = {"attention.head_count_kv", "attention.key_length", "attention.value_length", "vocab_size", "rope.freq_base",
            "rope.dimension_count", "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow", "attention.sliding_window"}
    THEIRS = {"general.name", "general.size_label", "general.basename", "general.finetune", "rope.scaling.yarn_attn_factor"}

    def converted(self, folder):
        script = ("import importlib, runpy, sys; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/gguf-py']\n"
                  "import conversion.base as base\n"
                  "for name in 'llama gpt2 gptneox qwen gemma phi olmo starcoder granite'.split():\n"
                  "    for each in vars(importlib.import_module('conversion.' + name)).values():\n"
                  "        if isinstance(each, type) and 'set_vocab' in vars(each): delattr(each, 'set_vocab')\n"
                  "base.TextModel.set_vocab = lambda self: self._set_vocab_none()\n"
                  "sys.argv = sys.argv[2:]; runpy.run_path(sys.argv[0], run_name='__main__')")
        output = support.FOLDER / f"{folder.name}-theirs.gguf"
        done = subprocess.run([sys.executable, "-c", script, checkout(), checkout() / "convert_hf_to_gguf.py", folder, "--outfile",
                               output, "--outtype", "f32"], capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        sys.path.insert(0, str(checkout() / "gguf-py"))
        return read(output)

    def test_golden_families(self):
        for family in CONVERTED:
            with self.subTest(family=family):
                folder = support.FOLDER / family
                shutil.copytree(GOLDEN / family, folder, dirs_exist_ok=True)
                self.add_older_keys(folder / "config.json")
                theirs, ours = self.converted(folder), read(convert(folder, f"{family}-ours.gguf"))
                self.compare_fields(fields(ours), fields(theirs))
                self.compare_tensors(tensors(ours), tensors(theirs))

    @staticmethod
    def add_older_keys(path):
        """The converter insists on keys that transformers no longer writes."""
        config = json.loads(path.read_text())
        if config["model_type"] == "gpt2":
            config["n_ctx"] = config["n_positions"]
        path.write_text(json.dumps(config))

    def compare_fields(self, ours, theirs):
        architecture = theirs["general.architecture"]
        if architecture == "granite":  # whose head_dim the converter ignores
            del theirs["granite.rope.dimension_count"]
        plain = lambda key: key.removeprefix(architecture + ".")
        for key, value in theirs.items():
            if plain(key) in self.THEIRS:
                continue
            self.assertIn(key, ours)
            if isinstance(value, float):
                self.assertTrue(math.isclose(ours[key], value, rel_tol=1e-6), key)
            else:
                self.assertEqual(ours[key], value, key)
        self.assertEqual({plain(key) for key in ours} - {plain(key) for key in theirs} - self.OURS, set())

    def compare_tensors(self, ours, theirs):
        self.assertEqual({name: description(tensor) for name, tensor in ours.items()},
                         {name: description(tensor) for name, tensor in theirs.items()})
        for name, tensor in ours.items():
            tolerance = 1e-6 if name.startswith("rope") else 0
            difference = numpy.abs(tensor.data.astype(numpy.float64) - theirs[name].data)
            self.assertLessEqual(difference.max(), tolerance * numpy.abs(theirs[name].data).max(), name)
