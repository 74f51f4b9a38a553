#!/usr/bin/env python3
"""Write families/*/: tiny random models of many families, with what Hugging Face transformers computes of them.

    pip install torch transformers safetensors numpy
    python3 make_family_golden.py [--only NAME ...] [FOLDER]        # default: families/ beside this script

Each families/NAME/ is a folder as `save_pretrained` writes it (config.json, model.safetensors or its shards), some of
them changed to what older versions wrote, plus expected.json:

    input, target   (B, T) token ids; for a masked model about 15 % of the input are the mask token
    loss            mean cross-entropy in nats over every target
    logits          (B, T, V) flattened, 9 digits
    gradients       per tensor of the file: [L2 norm, dot] of the gradient of the loss, where dot is the sum over the
                    tensor's elements, in the order on disk, of g_i r_i with
                    r_i = ((2654435761 i + 12345) mod 2^32) / 2^31 - 1; tensors that the loss does not depend on are
                    left out, and so is the copy of a tied head
    greedy          of a causal model: 24 ids that continue the first 6 of input[0] greedily, end-of-text like any
                    other; with longrope, whose angles depend on the length, each is computed afresh from all before it

The values belong to what is on disk. They are those of transformers' formulas in double: transformers itself rounds to
float in RMSNorm and softmax, even in double; `InDouble` keeps it from that. Rotary angles stay rounded to float, as
models have met them in training.

No epsilon, rotary base or multiplier is a default, so that a reader that ignores it is seen, and sliding windows are
shorter than the input. Most weights are stored in 16 bits, to keep the files small.
"""

import argparse
import copy
import json
import pathlib
import re
import warnings

import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.overrides import TorchFunctionMode

BATCH, TIME, PROMPT, GREEDY = 2, 40, 6, 24
BUFFER = 64  # the size of what older versions stored and nobody reads
F64, F32, F16, BF16 = torch.float64, torch.float32, torch.float16, torch.bfloat16


class Sizes:
    """Configurations of models by vocabulary, context and sliding window; the other sizes are always the same."""

    def __init__(self, vocabulary=28, context=64, window=8):
        self.context, self.window = context, window
        special = {"vocab_size": vocabulary, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
        common = {**special, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
                  "intermediate_size": 20, "max_position_embeddings": context}
        self.grouped = {**common, "num_key_value_heads": 2, "head_dim": 8}
        # Of families whose heads are always hidden / heads wide, with a width that rotary positions can halve.
        self.wide = {**common, "hidden_size": 32}
        self.gpt2 = {**special, "n_layer": 2, "n_head": 4, "n_embd": 24, "n_positions": context,
                     "layer_norm_epsilon": 2e-3}
        self.bert = {**self.wide, "pad_token_id": 1, "layer_norm_eps": 2e-3, "type_vocab_size": 2}
        # RoBERTa counts positions from the padding id + 1.
        self.roberta = {**self.bert, "max_position_embeddings": context + 2, "type_vocab_size": 1}
        self.distilbert = {**special, "pad_token_id": 1, "n_layers": 2, "n_heads": 4, "dim": 32, "hidden_dim": 20,
                           "max_position_embeddings": context}
        self.modernbert = {**self.wide, "num_hidden_layers": 4, "pad_token_id": 1, "cls_token_id": 0, "sep_token_id": 2,
                           "norm_eps": 2e-3, "local_attention": window,
                           "layer_types": ["full_attention", "sliding_attention"] * 2}


def rope(theta, kind="default", **more):
    """The rotary positions where transformers 5 keeps them."""
    return {"rope_parameters": {"rope_type": kind, "rope_theta": theta, **more}}


def two_ropes(full, sliding):
    return {"rope_parameters": {"full_attention": full, "sliding_attention": sliding}}


# The files of older versions, and of other writers --------------------------------------------------------------------

def spelling4(config):
    """config.json as transformers 4 wrote it: rope_theta and rope_scaling, torch_dtype, no layer_types."""
    rotary = config.pop("rope_parameters")
    config["rope_theta"] = rotary.pop("rope_theta")
    kind = rotary.pop("rope_type")
    config["rope_scaling"] = None if kind == "default" else {"rope_type": kind, **rotary}
    return common4(config)


def common4(config):
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.46.0"
    config.pop("layer_types", None)
    return config


def first_spelling(config):
    """As spelling4, but "type" for "rope_type", as the first versions had it."""
    config = spelling4(config)
    config["rope_scaling"] = {"type": config["rope_scaling"].pop("rope_type"), **config["rope_scaling"]}
    return config


def released_gemma(config):
    """Gemma as it was released: an activation called gelu that means the tanh approximation."""
    config = spelling4(config)
    config["hidden_act"] = "gelu"
    config["hidden_activation"] = None
    return config


def gemma3_spelling4(config):
    rotary = config.pop("rope_parameters")
    full, local = rotary["full_attention"], rotary["sliding_attention"]
    config["rope_theta"], config["rope_local_base_freq"] = full.pop("rope_theta"), local["rope_theta"]
    config["rope_scaling"] = full if full["rope_type"] != "default" else None
    pattern = config["layer_types"].index("full_attention") + 1
    config["sliding_window_pattern"] = config["_sliding_window_pattern"] = pattern
    return common4(config)


def phi3_spelling4(config):
    rotary = config.pop("rope_parameters")
    config["rope_theta"], config["partial_rotary_factor"] = rotary["rope_theta"], rotary["partial_rotary_factor"]
    config["original_max_position_embeddings"] = rotary["original_max_position_embeddings"]
    config["rope_scaling"] = {"type": "longrope", "short_factor": rotary["short_factor"],
                              "long_factor": rotary["long_factor"]}
    return common4(config)


def gpt_neox_spelling4(config):
    rotary = config.pop("rope_parameters")
    config["rotary_emb_base"], config["rotary_pct"] = rotary["rope_theta"], rotary["partial_rotary_factor"]
    return common4(config)


def modernbert_spelling4(config):
    rotary = config.pop("rope_parameters")
    config["global_rope_theta"] = rotary["full_attention"]["rope_theta"]
    config["local_rope_theta"] = rotary["sliding_attention"]["rope_theta"]
    config["global_attn_every_n_layers"] = 2
    return common4(config)


def mistral_type(config):
    """Of layers of two types, as the class Ministral has them; AutoConfig takes these for that class."""
    return {**config, "model_type": "mistral", "architectures": ["MistralForCausalLM"]}


def scaled_beside(config):
    """The scaling of full attention in rope_scaling, which is merged into rope_parameters."""
    full = config["rope_parameters"]["full_attention"]
    config["rope_scaling"] = {"rope_type": full["rope_type"], "factor": full.pop("factor")}
    full["rope_type"] = "default"
    return config


def context_outside(config):
    """The context before scaling outside of the rotation's parameters, where it is believed first."""
    rotary = config["rope_parameters"]
    config["original_max_position_embeddings"] = rotary["original_max_position_embeddings"]
    rotary["original_max_position_embeddings"] *= 2
    return config


def half_window(config):
    """ModernBERT's window by the name of a property of its class, which is believed before local_attention."""
    config["sliding_window"] = config["local_attention"] // 2
    config["local_attention"] *= 3
    return config


def without_prefix(prefix):
    return lambda name: name.removeprefix(prefix)


def gpt_neox_name(name):
    """What save_pretrained itself calls GPT-NeoX's head on disk."""
    return name.replace("lm_head.", "embed_out.")


def bert_original(name):
    """The names of BERT's first checkpoints, which transformers still reads."""
    return re.sub(r"LayerNorm\.bias$", "LayerNorm.beta", re.sub(r"LayerNorm\.weight$", "LayerNorm.gamma", name))


def gpt2_buffers(_tensors):
    mask = torch.ones(BUFFER, BUFFER, dtype=torch.uint8).tril().view(1, 1, BUFFER, BUFFER)
    return {f"h.{layer}.attn.bias": mask.clone() for layer in range(2)}


def gpt_neox_buffers(_tensors):
    extra = {}
    for layer in range(2):
        name = f"gpt_neox.layers.{layer}.attention"
        extra[f"{name}.bias"] = torch.ones(BUFFER, BUFFER, dtype=torch.bool).tril().view(1, 1, BUFFER, BUFFER)
        extra[f"{name}.masked_bias"] = torch.tensor(-1e9)
        extra[f"{name}.rotary_emb.inv_freq"] = torch.ones(2)
    return extra


def inverse_frequencies(_tensors):
    return {f"model.layers.{layer}.self_attn.rotary_emb.inv_freq": torch.ones(4) for layer in range(2)}


def tied_head(tensors):
    return {"lm_head.weight": tensors["model.embed_tokens.weight"].clone()}


def bert_extras(tensors):
    word = tensors["bert.embeddings.word_embeddings.weight"]
    return {"bert.embeddings.position_ids": torch.arange(BUFFER).view(1, BUFFER),
            "bert.pooler.dense.weight": torch.ones(32, 32, dtype=word.dtype),
            "bert.pooler.dense.bias": torch.ones(32, dtype=word.dtype),
            "cls.seq_relationship.weight": torch.ones(2, 32, dtype=word.dtype),
            "cls.seq_relationship.bias": torch.ones(2, dtype=word.dtype),
            "cls.predictions.decoder.weight": word.clone()}


def roberta_extras(tensors):
    return {"roberta.embeddings.position_ids": torch.arange(BUFFER + 2).view(1, BUFFER + 2),
            "lm_head.decoder.weight": tensors["roberta.embeddings.word_embeddings.weight"].clone(),
            "lm_head.decoder.bias": tensors["lm_head.bias"].clone()}


# The models -----------------------------------------------------------------------------------------------------------

class Model:
    """One folder: which class and configuration, and what is done to the files that save_pretrained wrote."""

    def __init__(self, name, family, config, dtype=BF16, *, saved=None, shards=False, spelling=None, rename=None,
                 extra=None):
        self.name, self.dtype, self.shards = name, dtype, shards
        self.masked = family.lower().endswith("bert") or family.lower().endswith("roberta")
        config_class = {"Gemma3": "Gemma3TextConfig"}.get(family, f"{family}Config")
        self.config = getattr(transformers, config_class)(**copy.deepcopy(config))
        head = "LMHeadModel" if family == "GPT2" else "ForMaskedLM" if self.masked else "ForCausalLM"
        self.model_class = getattr(transformers, family + head)
        self.saved_class = getattr(transformers, saved) if saved else self.model_class
        self.spelling, self.extra = spelling, extra
        self.rename = rename or (gpt_neox_name if family == "GPTNeoX" else lambda name: name)

    @property
    def from_scratch(self):
        """Whether what was computed for a shorter text cannot be used for a longer one."""
        return (getattr(self.config, "rope_parameters", None) or {}).get("rope_type") == "longrope"


def llamas(sizes):
    base = {**sizes.grouped, "rms_norm_eps": 3e-3, "tie_word_embeddings": False}
    yield Model("llama_mha_bias", "Llama", {**base, "num_key_value_heads": 4, "attention_bias": True, "mlp_bias": True,
                                            **rope(300.0)}, F32)
    yield Model("llama_linear", "Llama", {**base, **rope(500.0, "linear", factor=2.5)}, F16)
    yield Model("llama_dynamic", "Llama", {**base, **rope(500.0, "dynamic", factor=3.0)})
    yarn = {"factor": 4.0, "original_max_position_embeddings": sizes.context // 4}
    yield Model("llama_yarn", "Llama", {**base, **rope(20.0, "yarn", **yarn)}, F64)
    yield Model("llama_yarn_betas", "Llama", {**base, **rope(50.0, "yarn", **yarn, beta_fast=1.5, beta_slow=0.3,
                                                             mscale=1.3, mscale_all_dim=0.6, truncate=False)})
    # Of the four wavelengths 6, 34, 189 and 1032 one is kept, one is in between and two are scaled.
    llama3 = rope(900.0, "llama3", factor=6.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=sizes.context * 3 // 4)
    yield Model("llama_llama3", "Llama", {**base, **llama3}, shards=True)
    factors = {"short_factor": [1.0, 1.1, 1.3, 1.7], "long_factor": [1.5, 2.1, 3.3, 4.9]}
    longrope = rope(400.0, "longrope", **factors, original_max_position_embeddings=sizes.context // 4)
    yield Model("llama_longrope", "Llama", {**base, **longrope})
    longrope = rope(400.0, "longrope", **factors, factor=1.9, original_max_position_embeddings=sizes.context * 3 // 4)
    yield Model("llama_longrope_short", "Llama", {**base, **longrope})
    yield Model("llama_spelling4", "Llama", {**base, **llama3}, spelling=spelling4, extra=inverse_frequencies)
    yield Model("llama_first_spelling", "Llama", {**base, **rope(500.0, "linear", factor=2.5)}, spelling=first_spelling)
    tied = {**base, "tie_word_embeddings": True, **rope(300.0)}
    yield Model("llama_base", "Llama", tied, saved="LlamaModel", rename=without_prefix("model."))
    yield Model("llama_tied_head", "Llama", tied, F32, extra=tied_head)


def gpt2s(sizes):
    yield Model("gpt2_inner", "GPT2", {**sizes.gpt2, "n_inner": 20, "activation_function": "relu"}, F32)
    yield Model("gpt2_gelu", "GPT2", {**sizes.gpt2, "activation_function": "gelu", "tie_word_embeddings": False})
    yield Model("gpt2_original", "GPT2", sizes.gpt2, rename=without_prefix("transformer."), extra=gpt2_buffers,
                spelling=common4)


def neighbours_of_llama(sizes):
    base = {**sizes.grouped, "rms_norm_eps": 3e-3}
    yield Model("mistral", "Mistral", {**base, "sliding_window": sizes.window, **rope(300.0)}, F32, shards=True)
    yield Model("mistral_full", "Mistral", {**base, "sliding_window": None, **rope(700.0)}, spelling=spelling4)
    yield Model("qwen2", "Qwen2", {**base, "tie_word_embeddings": True, **rope(300.0)}, F32)
    sliding = {**base, "num_hidden_layers": 3, "use_sliding_window": True, "max_window_layers": 1,
               "sliding_window": sizes.window}
    yield Model("qwen2_sliding", "Qwen2", {**sliding, **rope(700.0)}, spelling=spelling4)
    yield Model("qwen3_sliding", "Qwen3", {**sliding, **rope(500.0)})
    no_rope = {"num_hidden_layers": 3, "no_rope_layers": [1, 0, 1], "no_rope_layer_interval": 2}
    yield Model("smollm3", "SmolLM3", {**base, **no_rope, **rope(500.0)})
    yield Model("smollm3_sliding", "SmolLM3",
                {**base, **no_rope, "use_sliding_window": True, "sliding_window": sizes.window, "attention_bias": True,
                 "mlp_bias": True, "tie_word_embeddings": False, **rope(500.0)})
    granite = {**base, "embedding_multiplier": 3.7, "logits_scaling": 2.3, "residual_multiplier": 0.7,
               "attention_multiplier": 0.21, "attention_bias": True}
    yield Model("granite", "Granite", {**granite, **rope(300.0)}, F32, shards=True)
    granite = {**base, "embedding_multiplier": 2.3, "logits_scaling": 0.7, "residual_multiplier": 1.3,
               "attention_multiplier": 0.51, "mlp_bias": True, "tie_word_embeddings": True}
    yield Model("granite_mlp_bias", "Granite", {**granite, **rope(500.0)}, spelling=spelling4)
    yield Model("olmo2", "Olmo2", {**base, **rope(300.0)}, F32)
    olmo2 = {**base, "attention_bias": True, "tie_word_embeddings": True}
    yield Model("olmo2_bias", "Olmo2", {**olmo2, **rope(300.0)}, F16)


def gemmas(sizes):
    base = {**sizes.grouped, "rms_norm_eps": 3e-3, "pad_token_id": 1}
    yield Model("gemma", "Gemma", {**base, **rope(300.0)}, F32, spelling=released_gemma)
    yield Model("gemma2", "Gemma2", {**base, "sliding_window": sizes.window, "query_pre_attn_scalar": 5,
                                     "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0, **rope(300.0)}, F32)
    yield Model("gemma2_no_caps", "Gemma2", {**base, "sliding_window": sizes.window, "query_pre_attn_scalar": 11,
                                             "attn_logit_softcapping": None, "final_logit_softcapping": None,
                                             **rope(300.0)}, spelling=spelling4)
    gemma3 = {**base, "num_hidden_layers": 3, "sliding_window": sizes.window, "query_pre_attn_scalar": 13,
              "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
    local = {"rope_type": "default", "rope_theta": 100.0}
    full = {"rope_type": "default", "rope_theta": 5000.0}
    yield Model("gemma3_text", "Gemma3", {**gemma3, **two_ropes(full, local)}, F32)
    scaled = {"rope_type": "linear", "rope_theta": 5000.0, "factor": 3.0}
    yield Model("gemma3_text_scaled", "Gemma3", {**gemma3, **two_ropes(scaled, local)}, spelling=gemma3_spelling4)


def others(sizes):
    phi3 = {**sizes.wide, "num_key_value_heads": 2, "rms_norm_eps": 3e-3, "pad_token_id": 1}
    yield Model("phi3", "Phi3", {**phi3, "sliding_window": sizes.window, **rope(300.0, partial_rotary_factor=0.5)}, F32)
    yield Model("phi3_longrope", "Phi3",
                {**phi3, "original_max_position_embeddings": sizes.context // 4,
                 **rope(400.0, "longrope", partial_rotary_factor=0.75, short_factor=[1.0, 1.2, 1.7],
                        long_factor=[1.5, 2.5, 4.5], original_max_position_embeddings=sizes.context // 4)},
                spelling=phi3_spelling4)
    neox = {**sizes.wide, "layer_norm_eps": 2e-3}
    yield Model("gpt_neox", "GPTNeoX", {**neox, **rope(300.0, partial_rotary_factor=0.5)}, F32)
    yield Model("gpt_neox_sequential", "GPTNeoX",
                {**neox, "use_parallel_residual": False, "hidden_act": "gelu_new", "tie_word_embeddings": True,
                 **rope(500.0, partial_rotary_factor=0.5)}, F16, spelling=gpt_neox_spelling4, extra=gpt_neox_buffers)
    yield Model("gpt_neox_no_bias", "GPTNeoX", {**neox, "attention_bias": False, "hidden_act": "relu",
                                                **rope(500.0, partial_rotary_factor=1.0)})
    starcoder = {**sizes.grouped, "norm_epsilon": 2e-3}
    sliding = {**starcoder, "sliding_window": sizes.window}
    yield Model("starcoder2", "Starcoder2", {**sliding, **rope(300.0)}, F32, shards=True)
    yield Model("starcoder2_nobias", "Starcoder2", {**starcoder, "use_bias": False, "tie_word_embeddings": False,
                                                    **rope(700.0)}, spelling=spelling4)


def masked(sizes):
    yield Model("bert", "Bert", sizes.bert)
    yield Model("bert_relu", "Bert", {**sizes.bert, "hidden_act": "relu"}, shards=True)
    yield Model("bert_original", "Bert", sizes.bert, rename=bert_original, extra=bert_extras, spelling=common4)
    yield Model("roberta", "Roberta", sizes.roberta, F32)
    yield Model("xlm_roberta", "XLMRoberta", sizes.roberta, extra=roberta_extras, spelling=common4)
    yield Model("distilbert", "DistilBert", sizes.distilbert)
    distilbert = {**sizes.distilbert, "activation": "relu", "sinusoidal_pos_embds": True}
    yield Model("distilbert_relu", "DistilBert", distilbert)
    thetas = two_ropes({"rope_type": "default", "rope_theta": 5000.0}, {"rope_type": "default", "rope_theta": 100.0})
    yield Model("modernbert", "ModernBert", {**sizes.modernbert, **thetas}, F32)
    yield Model("modernbert_biases", "ModernBert",
                {**sizes.modernbert, **thetas, "norm_bias": True, "attention_bias": True, "mlp_bias": True,
                 "classifier_bias": True, "decoder_bias": False, "hidden_activation": "silu",
                 "classifier_activation": "relu", "tie_word_embeddings": False}, spelling=modernbert_spelling4)


def other_keys(sizes):
    """Keys that change what others say."""
    base = {**sizes.grouped, "rms_norm_eps": 3e-3}
    types = ["full_attention", "sliding_attention", "sliding_attention"]
    yield Model("mistral_layer_types", "Ministral",
                {**base, "num_hidden_layers": 3, "layer_types": types, "sliding_window": sizes.window, **rope(300.0)},
                spelling=mistral_type)
    yarn = {"factor": 4.0, "original_max_position_embeddings": sizes.context // 4}
    yield Model("llama_yarn_outside", "Llama", {**base, **rope(20.0, "yarn", **yarn)}, spelling=context_outside)
    gemma3 = {**base, "pad_token_id": 1, "num_hidden_layers": 3, "sliding_window": sizes.window,
              "query_pre_attn_scalar": 13, "layer_types": types}
    scaled = {"rope_type": "linear", "rope_theta": 5000.0, "factor": 3.0}
    local = {"rope_type": "default", "rope_theta": 100.0}
    yield Model("gemma3_text_merged", "Gemma3", {**gemma3, **two_ropes(scaled, local)}, spelling=scaled_beside)
    thetas = two_ropes({"rope_type": "default", "rope_theta": 5000.0}, local)
    yield Model("modernbert_half_window", "ModernBert", {**sizes.modernbert, **thetas}, spelling=half_window)


def models(sizes):
    for family in (gpt2s, llamas, neighbours_of_llama, gemmas, others, masked, other_keys):
        yield from family(sizes)


# What transformers computes -------------------------------------------------------------------------------------------

class InDouble(TorchFunctionMode):
    """Makes double of whatever a program asks to be single precision, except while it is paused."""

    paused = False

    def __torch_function__(self, func, _types, args=(), kwargs=None):
        if InDouble.paused:
            return func(*args, **(kwargs or {}))
        args = [F64 if value is F32 else value for value in args]
        kwargs = {key: F64 if value is F32 else value for key, value in (kwargs or {}).items()}
        return torch.Tensor.double(*args) if func is torch.Tensor.float else func(*args, **kwargs)


class Unchanged(torch.nn.Module):
    """A module of transformers' that InDouble does not change."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, *args, **kwargs):
        InDouble.paused = True
        try:
            return self.module(*args, **kwargs)
        finally:
            InDouble.paused = False


def randomise(model, generator, deviation):
    """Weights large enough that logits are far from flat, and norms and biases far from 1 and 0."""
    around = 0.0 if model.config.model_type.startswith("gemma") else 1.0  # Gemma's gains are 1 + the weight.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("bias"):
                parameter.copy_(0.2 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(around + 0.3 * noise)
            else:
                parameter.copy_(deviation * noise)


def stored_tensors(folder):
    """All tensors on disk, by the file that has them."""
    return {path: load_file(path) for path in sorted(folder.glob("*.safetensors"))}


def save(folder, model, generator, deviation=0.3):
    for path in folder.glob("*"):
        path.unlink()
    network = model.saved_class(model.config)
    randomise(network, generator, deviation)
    network.to(model.dtype).save_pretrained(folder, **({"max_shard_size": "12KB"} if model.shards else {}))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if not model.shards:
        path = folder / "model.safetensors"
        tensors = load_file(path)
        extra = model.extra(tensors) if model.extra else {}
        tensors = {model.rename(name): tensor for name, tensor in tensors.items()}
        save_file({**tensors, **extra}, path, metadata={"format": "pt"})
    if model.spelling:
        path = folder / "config.json"
        config = model.spelling(json.loads(path.read_text()))
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def load(folder, model):
    """Return the model on disk as transformers has it in double, and the same with only rotary angles in float."""
    theirs, report = model.model_class.from_pretrained(folder, dtype=F64, attn_implementation="eager",
                                                       output_loading_info=True)
    assert not report["missing_keys"] and not report["mismatched_keys"], report
    torch.set_default_dtype(F64)
    with InDouble():
        exact = model.model_class(copy.deepcopy(theirs.config)).to(F64)
    torch.set_default_dtype(F32)
    exact.load_state_dict(theirs.state_dict())
    exact.config._attn_implementation = "eager"
    for name, module in theirs.named_modules():
        if type(module).__name__.endswith("RotaryEmbedding"):
            exact.set_submodule(name, Unchanged(copy.deepcopy(module)))
    return theirs.eval(), exact.eval()


def greedy(network, prompt, from_scratch):
    """What continues the prompt, and the least margin between the best two logits."""
    ids, cache, margin = list(prompt), None, float("inf")
    with torch.no_grad():
        for _ in range(GREEDY):
            fresh = ids if cache is None or from_scratch else ids[-1:]
            output = network(torch.tensor([fresh]), past_key_values=None if from_scratch else cache, use_cache=True)
            cache = output.past_key_values
            best = output.logits[0, -1].topk(2)
            margin = min(margin, (best.values[0] - best.values[1]).item())
            ids.append(best.indices[0].item())
    return ids[len(prompt):], margin


def example(model, generator):
    """Input and target; padding, which some models treat as absent, does not occur in the input."""
    vocabulary = model.config.vocab_size
    ids = torch.randint(0, vocabulary - 1 if model.masked else vocabulary, (BATCH, TIME + 1), generator=generator)
    if model.config.pad_token_id is not None:
        ids[ids == model.config.pad_token_id] += 1
    if not model.masked:
        return ids[:, :-1], ids[:, 1:]
    hidden = torch.rand(BATCH, TIME, generator=generator) < 0.15
    target = torch.randint(0, vocabulary, (BATCH, TIME), generator=generator)
    return torch.where(hidden, vocabulary - 1, ids[:, :-1]), target


def digits(value, count):
    return float(f"{float(value):.{count}g}")


def summary(gradient):
    flat = gradient.flatten().numpy()
    index = numpy.arange(flat.size, dtype=numpy.uint64)
    weights = ((index * 2654435761 + 12345) % 2**32) / 2.0**31 - 1.0
    return [digits(numpy.linalg.norm(flat), 9), digits(flat @ weights, 9)]


def gradients(folder, model, network):
    """By name on disk; a tied matrix has the name of the embedding, whether or not the file repeats it for the head."""
    stored = {name for tensors in stored_tensors(folder).values() for name in tensors}
    named = dict(network.named_parameters(remove_duplicate=False))
    tied = network.all_tied_weights_keys
    result = {model.rename(name): summary(parameter.grad) for name, parameter in named.items() if name not in tied}
    assert result.keys() <= stored, result.keys() - stored
    return result


def expect(folder, model, generator):
    theirs, exact = load(folder, model)
    while True:
        inputs, targets = example(model, generator)
        with InDouble():
            exact.zero_grad()
            logits = exact(inputs).logits
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
            loss.backward()
            if model.masked:
                break
            prompt = inputs[0, :PROMPT].tolist()
            continuation, margin = greedy(exact, prompt, model.from_scratch)
            afresh, _ = greedy(exact, prompt, True)
        assert continuation == afresh, "a cache changes what is generated"
        if margin > 1e-3 and len(set(continuation)) > 2:
            break
    for name, parameter in exact.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
    with torch.no_grad():
        apart = (theirs(inputs).logits - logits).abs().max().item()
    assert apart < 1e-4, f"keeping to double changes logits by {apart}"
    assert theirs(inputs).logits.dtype == logits.dtype == F64
    expected = {
        "input": inputs.tolist(),
        "target": targets.tolist(),
        "loss": digits(loss.item(), 12),
        "logits": [digits(value, 9) for value in logits.flatten().tolist()],
        "gradients": gradients(folder, model, exact),
    }
    if not model.masked:
        expected["greedy"] = continuation
    (folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
    return f"loss {loss.item():.6f}, logits' deviation {logits.std().item():.3f}, transformers' rounding {apart:.1e}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="make only these")
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).parent / "families")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    warnings.simplefilter("ignore", FutureWarning)
    for seed, model in enumerate(models(Sizes())):
        if options.only and model.name not in options.only:
            continue
        generator = torch.Generator().manual_seed(2000 + seed)
        folder = options.folder / model.name
        folder.mkdir(parents=True, exist_ok=True)
        save(folder, model, generator)
        print(f"{model.name}: {expect(folder, model, generator)}", flush=True)


if __name__ == "__main__":
    main()
