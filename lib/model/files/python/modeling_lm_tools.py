"""Models of lm-tools that look both ways, for Hugging Face transformers (trust_remote_code=True).

A causal class reads each token from those before it. Models that lm-train trained on masked, prefix or span read some of
them from both sides, which only the mask of their attention shows: weights and layers are those of the family's own class,
from which the classes here inherit. config.json says how:

    lm_objective             what the model was trained on
    lm_masked_output_shift   0: a hidden token is predicted by the output at its own place; 1: by the one before it, as
                             mixtures with other objectives learn it
    lm_prefix                "prompt": the tokens that are read first see each other; "none": only if prefix_length says so

Every text begins with the token that the tokenizer puts before it.
"""

import torch
import transformers
from transformers.modeling_outputs import MaskedLMOutput


def _additive(visible, dtype):
    """Turn (B, 1, T, T) of what each query sees into what is added to attention's scores."""
    return torch.zeros(visible.shape, dtype=dtype, device=visible.device).masked_fill(~visible, torch.finfo(dtype).min)


def _valid(attention_mask, batch, length, device):
    """Return (B, T) which tokens are no padding."""
    if attention_mask is None:
        return torch.ones(batch, length, dtype=torch.bool, device=device)
    return attention_mask.bool()


def _places(valid):
    """Return (B, T) which place of its text each token has; padding has any."""
    return (valid.long().cumsum(1) - 1).clamp(min=0)


def _cached(arguments):
    """Return how many tokens a cache holds, by whichever name the version of transformers has for it."""
    for name in ("past_key_values", "cache"):
        cache = arguments.get(name)
        if cache is not None:
            return cache.get_seq_length()
    return 0


class _BothWays:
    """What the classes share: attention whose implementation takes a mask of any shape."""

    _supports_flash_attn = False
    _supports_flash_attn_2 = False
    _supports_flex_attn = False
    _can_compile_fullgraph = False


class _ForMaskedLM(_BothWays):
    """Predicts hidden tokens from both sides. Labels are at the places of the hidden tokens, -100 elsewhere."""

    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None, labels=None, **arguments):
        read = input_ids if input_ids is not None else inputs_embeds
        batch, length = read.shape[:2]
        valid = _valid(attention_mask, batch, length, read.device)
        visible = valid[:, None, None, :].expand(batch, 1, length, length)
        arguments.update(use_cache=False, return_dict=True)
        if arguments.get("position_ids") is None:
            arguments["position_ids"] = _places(valid)
        output = super().forward(
            input_ids=input_ids, inputs_embeds=inputs_embeds, attention_mask=_additive(visible, self.dtype), **arguments)
        logits = output.logits
        if getattr(self.config, "lm_masked_output_shift", 0):
            logits = torch.cat([logits[:, :1], logits[:, :-1]], dim=1)
        loss = None
        if labels is not None:
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=-100)
        return MaskedLMOutput(loss=loss, logits=logits, hidden_states=output.hidden_states, attentions=output.attentions)


class _ForCausalLM(_BothWays):
    """Predicts the next token, and sees the first `prefix_length` tokens, a number or one for each sequence, both ways.

    By default that is all that is read first if config.lm_prefix is "prompt"; with labels, what their leading -100 cover.
    """

    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None, labels=None, prefix_length=None, **arguments):
        read = input_ids if input_ids is not None else inputs_embeds
        batch, length = read.shape[:2]
        cached = _cached(arguments)
        given = attention_mask is None or (isinstance(attention_mask, torch.Tensor) and attention_mask.ndim == 2)
        if given and arguments.get("position_ids") is None:
            arguments["position_ids"] = _places(_valid(attention_mask, batch, cached + length, read.device))[:, -length:]
        # What follows a cached prefix is causal.
        if given and cached == 0:
            valid = _valid(attention_mask, batch, length, read.device)
            prefix = self._prefix(prefix_length, labels, valid)
            place = _places(valid)
            earlier = torch.ones(length, length, dtype=torch.bool, device=read.device).tril()
            visible = valid[:, None, :] & (earlier[None] | (place < prefix[:, None])[:, None, :])
            attention_mask = _additive(visible[:, None], self.dtype)
        return super().forward(
            input_ids=input_ids, inputs_embeds=inputs_embeds, attention_mask=attention_mask, labels=labels, **arguments)

    def _prefix(self, prefix_length, labels, valid):
        """Return (B) how many tokens, padding not counted, are seen both ways."""
        count = valid.sum(1)
        if prefix_length is not None:
            return torch.as_tensor(prefix_length, device=valid.device).expand(len(count))
        if getattr(self.config, "lm_prefix", "none") != "prompt":
            return torch.zeros_like(count)
        if labels is not None:
            return ((labels != -100).long().cumsum(1).eq(0) & valid).sum(1)
        return count

    @torch.no_grad()
    def generate(self, inputs=None, **arguments):
        # Without a cache, too, the prefix must stay the prompt.
        ids = inputs if inputs is not None else arguments.get("input_ids")
        if ids is not None and arguments.get("prefix_length") is None:
            valid = _valid(arguments.get("attention_mask"), *ids.shape, ids.device)
            arguments["prefix_length"] = self._prefix(None, None, valid)
        return super().generate(inputs, **arguments)


def _add_classes(family, base):
    """Add the classes of one family: its configuration, and models that predict hidden tokens or continue a prefix.

    Mixed ones have the family's own configuration: what they read from left to right, its own class computes too.
    """
    if not hasattr(transformers, base):  # a version that does not know the family
        return
    own = getattr(transformers, base)
    stem = base.removesuffix("ForCausalLM").removesuffix("LMHeadModel")
    name = f"LmTools{stem}Config"
    config = type(name, (own.config_class,), {"__module__": __name__, "model_type": f"lm_tools_{family}"})
    globals()[name] = config
    for kind, config_class in (("", config), ("Mixed", own.config_class)):
        for task, behaviour in (("ForMaskedLM", _ForMaskedLM), ("ForCausalLM", _ForCausalLM)):
            name = f"LmTools{stem}{kind}{task}"
            members = {"__module__": __name__, "__doc__": behaviour.__doc__, "config_class": config_class}
            globals()[name] = type(name, (behaviour, own), members)


for _family, _base in {
    "gemma": "GemmaForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "gpt_neox": "GPTNeoXForCausalLM",
    "granite": "GraniteForCausalLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "olmo2": "Olmo2ForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "smollm3": "SmolLM3ForCausalLM",
    "starcoder2": "Starcoder2ForCausalLM",
}.items():
    _add_classes(_family, _base)
