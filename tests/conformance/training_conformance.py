"""A few steps of lm-train from a given model are the steps that PyTorch's AdamW takes."""

import json
import unittest

import torch

import support

BATCH, STEPS, RATE, CLIP, WEIGHT_DECAY, BETAS = 3, 6, 2e-3, 0.5, 0.2, (0.8, 0.97)


def windows(stream, context):
    """The first pass in file order: window k is x_kT .. x_kT+T, where x_0 is a virtual end-of-text."""
    ids = torch.tensor([stream.end_of_text] + stream.ids.tolist())
    return [ids[start:start + context + 1] for start in range(0, len(ids) - context, context)]


def pytorch_steps(model, every):
    """Losses, gradient norms before clipping; the model is changed."""
    decayed = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    others = [parameter for parameter in model.parameters() if parameter.dim() == 1]
    groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, eps=1e-8)
    losses, norms = [], []
    for step in range(STEPS):
        batch = torch.stack(every[step * BATCH:(step + 1) * BATCH])
        logits = model(batch[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).item())
        optimizer.step()
        losses.append(loss.item())
    return losses, norms


class Training(unittest.TestCase):
    def test_steps_are_pytorchs(self):
        for family in support.FAMILIES:
            with self.subTest(family=family):
                self.check(family)

    def check(self, family):
        start, output = support.model_folder(family), support.FOLDER / f"{family}-stepped"
        metrics = support.FOLDER / f"{family}.jsonl"
        support.run("lm-train", "-t", support.tokenizer(), "-o", f"{output}/", "--init-from", start, "--one-pass",
                    "--batch", BATCH, "--steps", STEPS, "--schedule", "constant", "--warmup", "0", "--optimizer", "adamw",
                    "--lr", RATE, "--clip", CLIP, "--weight-decay", WEIGHT_DECAY, "--betas", ",".join(map(str, BETAS)),
                    "--dropout", "0", "--metrics", metrics, "-", text=support.tokens().read_bytes())
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
        ours = support.hugging_face(output).model.state_dict()

        # A copy of its own: the shared one must stay as trained.
        import transformers
        model = transformers.AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32).eval()
        before = {name: value.clone() for name, value in model.state_dict().items()}
        losses, norms = pytorch_steps(model, windows(support.read_tokens(support.tokens()), support.CONTEXT))
        self.assertEqual(len(lines), STEPS)
        for line, loss, norm in zip(lines, losses, norms):
            self.assertAlmostEqual(line["loss"], loss, delta=1e-4)
            self.assertAlmostEqual(line["grad_norm"] / norm, 1.0, delta=1e-3)
        for name, value in model.state_dict().items():
            moved = (value - before[name]).norm().item()
            apart = (value - ours[name]).norm().item()
            # AdamW's first steps are signs of gradients: an element whose gradient is rounding alone may go either way.
            self.assertLess(apart, 0.01 * moved, name)


if __name__ == "__main__":
    unittest.main()
