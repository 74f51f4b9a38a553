#!/usr/bin/env python3
"""Write gguf/: tiny random models as GGUF files, and what Hugging Face transformers computes of their dequantized weights.

    pip install torch transformers gguf numpy
    python3 make_gguf_golden.py [FOLDER]        # default: gguf/ beside this script

    llama.gguf          grouped heads, Llama 3.1's rotation, Q8_0 and Q4_0, with a vocabulary of bytes
    gemma3-*.gguf       windows, two rotations, gains that are stored plus 1, BF16, in two parts, without a vocabulary

expected.json has for each model `input`, token ids, and `log_probabilities`, those of every id but the first after the ones before
it, computed in double.
"""

import json
import math
import pathlib
import sys

import gguf
import numpy
import torch
import transformers

FOLDER = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "gguf"
NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "input_layernorm": "attn_norm",
         "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
LLAMA = {**NAMES, "post_attention_layernorm": "ffn_norm"}
GEMMA3 = {**NAMES, "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
          "post_feedforward_layernorm": "post_ffw_norm"}
THETA, FACTOR, ORIGINAL, HEADS, KV_HEADS = 900.0, 6.0, 48, 4, 2


def gguf_name(name, names):
    stem, ending = name.rsplit(".", 1)
    if not stem.startswith("model.layers."):
        return f"{names[stem]}.{ending}"
    layer, part = stem.removeprefix("model.layers.").split(".", 1)
    return f"blk.{layer}.{names[part]}.{ending}"


def paired(rows, heads):
    """Rows of each head by pairs that turn together."""
    return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def unpaired(rows, heads):
    return rows.reshape(heads, -1, 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def add(writer, name, values, kind):
    """Add a tensor, and return the values that it has when it is dequantized."""
    data = gguf.quantize(values, kind)
    writer.add_tensor(name, data, raw_dtype=kind)
    return gguf.dequantize(data, kind).astype(numpy.float32).reshape(values.shape)


def write_llama():
    config = transformers.LlamaConfig(
        vocab_size=258, hidden_size=32, num_hidden_layers=2, num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, head_dim=8,
        intermediate_size=64, max_position_embeddings=64, rms_norm_eps=3e-3, tie_word_embeddings=True, bos_token_id=257,
        eos_token_id=257, rope_parameters={
            "rope_type": "llama3", "rope_theta": THETA, "factor": FACTOR, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": ORIGINAL})
    model = random_model(config)
    writer = gguf.GGUFWriter(FOLDER / "llama.gguf", "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(64)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(3e-3)
    writer.add_rope_freq_base(THETA)
    writer.add_rope_dimension_count(8)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    add_bytes(writer)
    kinds = {"ffn": gguf.GGMLQuantizationType.Q4_0, "norm": gguf.GGMLQuantizationType.F32}
    state = {}
    for name, values in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        kind = next((kinds[part] for part in ("norm", "ffn") if part in gguf_name(name, LLAMA)), gguf.GGMLQuantizationType.Q8_0)
        heads = {"q_proj": HEADS, "k_proj": KV_HEADS}.get(name.split(".")[-2])
        values = values.numpy()
        read = add(writer, gguf_name(name, LLAMA), paired(values, heads) if heads else values, kind)
        state[name] = torch.from_numpy(unpaired(read, heads) if heads else read)
    writer.add_tensor("rope_freqs.weight", numpy.array([frequency_factor(i) for i in range(4)], dtype=numpy.float32))
    finish(writer)
    return model, state


def frequency_factor(pair):
    wavelength = 2 * math.pi * THETA ** (2 * pair / 8)
    if wavelength < ORIGINAL / 4:
        return 1
    if wavelength > ORIGINAL:
        return FACTOR
    smooth = (ORIGINAL / wavelength - 1) / 3
    return 1 / ((1 - smooth) / FACTOR + smooth)


def add_bytes(writer):
    """A byte-level vocabulary with one merge: writers leave out a list of none."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([bytes_to_unicode()[byte] for byte in range(256)] + ["zz", "<|endoftext|>"])
    writer.add_token_types([gguf.TokenType.NORMAL] * 257 + [gguf.TokenType.CONTROL])
    writer.add_token_merges(["z z"])
    writer.add_bos_token_id(257)
    writer.add_eos_token_id(257)
    writer.add_chat_template("{{ messages }}")


def write_gemma3():
    config = transformers.Gemma3TextConfig(
        vocab_size=28, hidden_size=24, num_hidden_layers=3, num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, head_dim=8,
        intermediate_size=20, max_position_embeddings=64, rms_norm_eps=3e-3, sliding_window=8, query_pre_attn_scalar=8,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"], pad_token_id=None, bos_token_id=None,
        eos_token_id=None, rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 3.0, "rope_theta": 5000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 100.0}})
    model = random_model(config)
    writer = gguf.GGUFWriter(FOLDER / "gemma3.gguf", "gemma3", split_max_tensors=21)
    writer.add_context_length(64)
    writer.add_embedding_length(24)
    writer.add_block_count(3)
    writer.add_feed_forward_length(20)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(8)
    writer.add_value_length(8)
    writer.add_layer_norm_rms_eps(3e-3)
    writer.add_sliding_window(8)
    writer.add_sliding_window_pattern([True, False, True])
    writer.add_rope_freq_base(5000.0)
    writer.add_rope_freq_base_swa(100.0)
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(3.0)
    state = {}
    for name, values in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        values = values.numpy()
        is_gain = name.endswith("norm.weight")
        kind = gguf.GGMLQuantizationType.F32 if is_gain else gguf.GGMLQuantizationType.BF16
        read = add(writer, gguf_name(name, GEMMA3), values + numpy.float32(1) if is_gain else values, kind)
        state[name] = torch.from_numpy(read - 1 if is_gain else read)
    finish(writer)
    return model, state


def random_model(config):
    torch.manual_seed(18)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    with torch.no_grad():
        for name, values in model.named_parameters():
            values.normal_(0, 0.3)
            if name.endswith("norm.weight") and config.model_type == "llama":
                values.add_(1)
    return model


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def expected(model, state):
    model.load_state_dict(state, strict=False)
    model.tie_weights()
    model = model.double()
    random = numpy.random.default_rng(5)
    ids = random.integers(0, model.config.vocab_size, 40).tolist()
    with torch.no_grad():
        rows = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), dim=-1)
    return {"input": ids, "log_probabilities": [round(rows[i, id].item(), 8) for i, id in enumerate(ids[1:])]}


def main():
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.gguf"):
        old.unlink()
    result = {"llama.gguf": expected(*write_llama()), "gemma3-00001-of-00002.gguf": expected(*write_gemma3())}
    (FOLDER / "expected.json").write_text(json.dumps(result, indent=1).replace(",\n   ", ",") + "\n")


if __name__ == "__main__":
    main()
