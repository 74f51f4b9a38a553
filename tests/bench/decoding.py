#!/usr/bin/env python3
"""Tokens/s of lm-sample, one text from an empty context and one prompt of 512 tokens, at three sizes of models and for each type of
weights.

    python3 decoding.py [--sizes 4.5,31.5,109.5] [--kinds f32,bf16,q8_0,q4_0,q4_k] [--tokens 200] [--rounds 5] [--threads 2]
                        [--gguf MILLIONS:KIND:FILE]

Beside them, in the same sitting and by turns, if they are there: LM_DECODE_PROTOTYPE, a program that is called with layers, heads,
key-value heads, channels, feed-forward channels, vocabulary, type, threads and tokens and prints "median N tok/s"; LM_LLAMA_BENCH,
llama.cpp's llama-bench, for which files are written with the package gguf; and LM_GEMV_BENCH, a program that does nothing but
products of a vector with so many weights and prints "nt=THREADS MILLIONSM weights TYPE ... N matvec-tok/s": the bound of which ours
is a share. Weights are random. LM_BIN is the folder of the programs. Needs numpy.
"""

import argparse
import functools
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

SIZES = {"4.5": (4, 4, 4, 256, 768, 4096), "31.5": (8, 8, 8, 512, 1536, 8192), "109.5": (12, 12, 12, 768, 2048, 32000)}
CONTEXT = 1024
PROMPT = 512  # tokens


def tensors(shape):
    layers, heads, kv_heads, channels, ffn, vocabulary = shape
    kv = channels // heads * kv_heads
    random = numpy.random.default_rng(1)
    matrix = lambda rows, columns: (random.standard_normal((rows, columns), dtype=numpy.float32) * 0.02)
    ones = lambda: numpy.ones(channels, dtype=numpy.float32)
    yield "model.embed_tokens.weight", "token_embd.weight", matrix(vocabulary, channels)
    for i in range(layers):
        name, short = f"model.layers.{i}.", f"blk.{i}."
        yield name + "input_layernorm.weight", short + "attn_norm.weight", ones()
        for part, out in (("q", channels), ("k", kv), ("v", kv)):
            yield f"{name}self_attn.{part}_proj.weight", f"{short}attn_{part}.weight", matrix(out, channels)
        yield name + "self_attn.o_proj.weight", short + "attn_output.weight", matrix(channels, channels)
        yield name + "post_attention_layernorm.weight", short + "ffn_norm.weight", ones()
        for part in ("gate", "up"):
            yield f"{name}mlp.{part}_proj.weight", f"{short}ffn_{part}.weight", matrix(ffn, channels)
        yield name + "mlp.down_proj.weight", short + "ffn_down.weight", matrix(channels, ffn)
    yield "model.norm.weight", "output_norm.weight", ones()
    yield "lm_head.weight", "output.weight", matrix(vocabulary, channels)


def byte_characters():
    """The characters that stand for bytes in a byte-level vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def pieces(vocabulary):
    known = byte_characters()
    return known + [f"t{i}" for i in range(vocabulary - len(known) - 1)] + ["<|endoftext|>"]


def write_folder(folder, shape):
    layers, heads, kv_heads, channels, ffn, vocabulary = shape
    folder.mkdir()
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": layers, "hidden_size": channels,
              "num_attention_heads": heads, "num_key_value_heads": kv_heads, "intermediate_size": ffn, "vocab_size": vocabulary,
              "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
              "tie_word_embeddings": False, "bos_token_id": vocabulary - 1, "eos_token_id": vocabulary - 1}
    (folder / "config.json").write_text(json.dumps(config))
    ids = {piece: number for number, piece in enumerate(pieces(vocabulary))}
    end = {"id": vocabulary - 1, "content": "<|endoftext|>", "special": True, "single_word": False, "lstrip": False,
           "rstrip": False, "normalized": False}
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "added_tokens": [end], "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None, "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "vocab": ids, "merges": []}}))
    header, at, values = {}, 0, []
    for name, _, value in tensors(shape):
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
        values.append(value)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in values:
            file.write(value.tobytes())


def write_gguf(path, shape, kind):
    import gguf
    layers, heads, kv_heads, channels, ffn, vocabulary = shape
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(channels)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(ffn)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(channels // heads)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(pieces(vocabulary))
    writer.add_token_merges(["t 1"])
    writer.add_bos_token_id(vocabulary - 1)
    writer.add_eos_token_id(vocabulary - 1)
    for _, name, value in tensors(shape):
        if kind == "bf16" and value.ndim == 2:
            writer.add_tensor(name, gguf.quants.quantize(value, gguf.GGMLQuantizationType.BF16),
                              raw_dtype=gguf.GGMLQuantizationType.BF16)
        else:
            writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_quantized(path, folder, kind):
    subprocess.run([os.path.join(os.environ["LM_BIN"], "lm-convert"), "--type", kind, folder, path], check=True,
                   capture_output=True)


def ours(model, options, tokens, prompt, threads, repeats):
    """Prompts of standard input are answered one by one; a run of one prompt less is what else takes time. Returns tokens of the
    prompts and of the answers a second."""
    def run(prompts):
        began = time.perf_counter()
        result = subprocess.run([os.path.join(os.environ["LM_BIN"], "lm-sample"), model, *options, "--draft", "off", "-n",
                                 str(tokens), "--greedy", "--documents", "line", "--format", "ids", "--threads", str(threads)],
                                input=(prompt + "\n") * prompts, capture_output=True, text=True, check=True)
        return time.perf_counter() - began, sum(len(line.split()) for line in result.stdout.splitlines())
    few, many = run(1), run(1 + repeats)
    seconds = many[0] - few[0]
    return repeats * len(prompt) / seconds, (many[1] - few[1]) / seconds


def prototype(shape, kind, tokens, threads):
    command = [os.environ["LM_DECODE_PROTOTYPE"], *map(str, shape), kind, str(threads), str(tokens)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(re.search(r"median (\d+) tok/s", text)[1])


def llama(path, tokens, prompt, threads):
    command = [os.environ["LM_LLAMA_BENCH"], "-m", path, "-p", str(prompt), "-n", str(tokens), "-t", str(threads), "-r", "3", "-o",
               "json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]["avg_ts"]


@functools.cache
def bounds():
    """Tokens/s by threads, millions of weights and type that reading and multiplying the weights alone allows."""
    if "LM_GEMV_BENCH" not in os.environ:
        return {}
    text = subprocess.run([os.environ["LM_GEMV_BENCH"]], capture_output=True, text=True, check=True).stdout
    lines = re.findall(r"nt=(\d+) +([0-9.]+)M weights (\S+).*?-> +(\d+) matvec-tok/s", text)
    found = {}
    for threads, millions, kind, speed in lines:
        key = threads, millions, kind
        found[key] = max(found.get(key, 0), float(speed))
    return found


PROTOTYPE_KINDS = {"f32": "f32", "bf16": "bf16", "q8_0": "q8", "q4_0": "q4"}
# Millions of weights that two threads read in a second, about: how long a run takes.
MILLIONS = {"f32": 12e3, "bf16": 22e3, "q8_0": 40e3, "q4_0": 70e3, "q4_k": 60e3}


def files_of(work, folder, shape, kind):
    """Returns what our programs open, with their options, and what llama.cpp's do."""
    path = os.path.join(work, kind + ".gguf")
    if kind in ("f32", "bf16"):
        if "LM_LLAMA_BENCH" in os.environ:
            write_gguf(path, shape, kind)
        return folder, ["--weights", kind], path
    write_quantized(path, folder, kind)
    return path, [], path


def row_of(size, kind, shape, files, options):
    model, held, path = files
    repeats = max(2, int(MILLIONS[kind] / float(size) / options.tokens))
    words = max(2, int(MILLIONS[kind] / float(size) / PROMPT / 2))
    runs = {"decoding": lambda: ours(model, held, options.tokens, "!", options.threads, repeats)[1],
            "prompt": lambda: ours(model, held, 1, "!" * PROMPT, options.threads, words)[0]}
    if "LM_DECODE_PROTOTYPE" in os.environ and shape and kind in PROTOTYPE_KINDS:
        runs["prototype"] = lambda: prototype(shape, PROTOTYPE_KINDS[kind], options.tokens, options.threads)
    if "LM_LLAMA_BENCH" in os.environ:
        runs["llama decoding"] = lambda: llama(path, options.tokens, 0, options.threads)
        runs["llama prompt"] = lambda: llama(path, 0, PROMPT, options.threads)
    speeds = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            speeds[name].append(run())
    medians = {name: statistics.median(values) for name, values in speeds.items()}

    def beside(name, mine):
        return f" {medians[name]:10.0f} {medians[mine] / medians[name]:6.2f}" if name in medians else f" {'-':>10} {'-':>6}"
    bound = bounds().get((str(options.threads), size, PROTOTYPE_KINDS.get(kind)))
    share = f" {medians['decoding'] / bound:6.2f}" if bound else f" {'-':>6}"
    return (f"{size:>8} {kind:>5} {medians['decoding']:9.0f}{share}" + beside("prototype", "decoding") + beside("llama decoding", "decoding")
            + f" {medians['prompt']:9.0f}" + beside("llama prompt", "prompt"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="4.5,31.5,109.5")
    parser.add_argument("--kinds", default="f32,bf16,q8_0,q4_0,q4_k")
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--gguf", action="append", default=[], metavar="MILLIONS:KIND:FILE", help="a real model, too")
    options = parser.parse_args()
    print(f"{'million':>8} {'type':>5} {'decoding':>9} {'bound':>6} {'prototype':>10} {'ratio':>6} {'llama.cpp':>10} {'ratio':>6} {'prompt':>9} "
          f"{'llama.cpp':>10} {'ratio':>6}   tokens/s, medians")
    for size in filter(None, options.sizes.split(",")):
        with tempfile.TemporaryDirectory() as work:
            folder = pathlib.Path(work) / "model"
            write_folder(folder, SIZES[size])
            for kind in options.kinds.split(","):
                print(row_of(size, kind, SIZES[size], files_of(work, folder, SIZES[size], kind), options), flush=True)
    for given in options.gguf:
        size, kind, path = given.split(":", 2)
        print(row_of(size, kind, None, (path, [], path), options), flush=True)


if __name__ == "__main__":
    sys.exit(main())
