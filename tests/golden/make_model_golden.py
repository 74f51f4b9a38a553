#!/usr/bin/env python3
"""Write model_*/: tiny random models with the logits, loss and gradients that Hugging Face transformers gives them.

    pip install torch transformers safetensors numpy
    python3 make_model_golden.py [FOLDER]        # default: the folder of this script

Each model_NAME/ is a folder as `save_pretrained` writes it (config.json, model.safetensors), so the checkpoint reader is
tested on what another program wrote, plus what that program computes:

    expected.json           input, target   (B, T) token ids; loss counts every target, mean cross-entropy in nats
                            logits          (B, T, V) flattened, 9 digits
                            gradient_norms  per tensor of model.safetensors: L2 norm of the gradient of the loss
    gradients.safetensors   the gradients themselves, under the names of model.safetensors

Everything is computed in double from the float weights, except where transformers itself rounds to float (RMSNorm, the
rotary angles): expect agreement to about 1e-6, not to double's precision.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import (GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, Qwen3Config,
                          Qwen3ForCausalLM)

BATCH, TIME, VOCABULARY = 2, 12, 64
SPECIAL = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
ROTARY = {"vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
          "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 24, "max_position_embeddings": 32, **SPECIAL}


def theta(value):
    """The rotary base where transformers 5 keeps it; older files have a plain rope_theta (see `old_spelling`)."""
    return {"rope_parameters": {"rope_type": "default", "rope_theta": value}}


def models():
    """Name, class, config, whether config.json uses the spelling of transformers 4. Head dim is never hidden / heads."""
    gpt2 = GPT2Config(vocab_size=VOCABULARY, n_layer=2, n_head=2, n_embd=16, n_positions=32, **SPECIAL)
    yield "gpt2", GPT2LMHeadModel, gpt2, False
    qwen3 = Qwen3Config(**ROTARY, tie_word_embeddings=False, rms_norm_eps=1e-6, **theta(10000.0))
    yield "qwen3_untied", Qwen3ForCausalLM, qwen3, False
    qwen3 = Qwen3Config(**ROTARY, tie_word_embeddings=True, rms_norm_eps=1e-6, **theta(1000000.0))
    yield "qwen3_tied", Qwen3ForCausalLM, qwen3, False
    # A base and an epsilon that nobody's default is, so that a reader which ignores them is seen.
    llama = LlamaConfig(**ROTARY, tie_word_embeddings=False, rms_norm_eps=3e-3, **theta(500.0))
    yield "llama", LlamaForCausalLM, llama, True


def randomise(model, generator):
    """Weights large enough that logits are far from flat, and norms and biases far from 1 and 0."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("bias"):
                parameter.copy_(0.2 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(1.0 + 0.3 * noise)
            else:
                parameter.copy_(0.3 * noise)


def old_spelling(path):
    """config.json as transformers 4 wrote it: a plain rope_theta, and torch_dtype."""
    config = json.loads(path.read_text())
    config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
    config["torch_dtype"] = config.pop("dtype")
    config.pop("transformers_version")
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def write(folder, model_class, config, old, generator):
    model = model_class(config)
    randomise(model, generator)
    model.eval()
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if old:
        old_spelling(folder / "config.json")

    # Read back what is on disk: the golden values belong to the files, not to the objects that made them.
    model = model_class.from_pretrained(folder, dtype=torch.float64, attn_implementation="sdpa").eval()
    ids = torch.randint(0, VOCABULARY, (BATCH, TIME + 1), generator=generator)
    inputs, targets = ids[:, :-1], ids[:, 1:]
    logits = model(inputs).logits
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), targets.reshape(-1))
    loss.backward()
    gradients = {name: parameter.grad.float().contiguous() for name, parameter in model.named_parameters()}
    stored = load_file(folder / "model.safetensors")
    assert gradients.keys() == stored.keys(), gradients.keys() ^ stored.keys()
    save_file(gradients, folder / "gradients.safetensors", metadata={"format": "pt"})
    expected = {
        "input": inputs.tolist(),
        "target": targets.tolist(),
        "loss": float(f"{loss.item():.12g}"),
        "logits": [float(f"{value:.9g}") for value in logits.flatten().tolist()],
        "gradient_norms": {name: float(f"{parameter.grad.norm().item():.9g}")
                           for name, parameter in model.named_parameters()},
    }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    return loss.item(), logits.std().item()


def main():
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for seed, (name, model_class, config, old) in enumerate(models()):
        generator = torch.Generator().manual_seed(1000 + seed)
        folder = target / f"model_{name}"
        folder.mkdir(parents=True, exist_ok=True)
        loss, spread = write(folder, model_class, config, old, generator)
        print(f"{name}: loss {loss:.6f}, logits' deviation {spread:.3f}")


if __name__ == "__main__":
    main()
