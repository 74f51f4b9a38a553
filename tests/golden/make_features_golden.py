#!/usr/bin/env python3
"""Write features.json: of some of the models in families/, the mean over the places of a sequence of transformers' last hidden
states (hidden_states[-1], after the final norm), for the inputs of their expected.json.

    pip install torch transformers safetensors
    python3 make_features_golden.py        # writes beside itself
"""

import json
import pathlib

import torch
import transformers

HERE = pathlib.Path(__file__).parent
NAMES = ["gpt2_original", "gemma3_text", "gpt_neox", "phi3", "bert", "modernbert", "roberta"]


def main():
    result = {}
    torch.set_num_threads(1)
    for name in NAMES:
        folder = HERE / "families" / name
        config = transformers.AutoConfig.from_pretrained(folder)
        masked = "Masked" in "".join(config.architectures)
        kind = transformers.AutoModelForMaskedLM if masked else transformers.AutoModelForCausalLM
        model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        ids = torch.tensor(json.loads((folder / "expected.json").read_text())["input"])
        with torch.no_grad():
            states = model(input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True).hidden_states[-1]
            base = model.base_model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        assert torch.allclose(states, base, atol=1e-6), name
        result[name] = [[float(f"{value:.7g}") for value in row] for row in states.double().mean(dim=1).tolist()]
    (HERE / "features.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
