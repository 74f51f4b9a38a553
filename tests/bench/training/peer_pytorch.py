#!/usr/bin/env python3
"""Train a GPT-2-shaped model with PyTorch on random ids, as lm-train's peer.

When it is warm it says so with a line of JSON; then for each line of standard input, a number of seconds, it trains as long
and prints its speed and peak memory, also as JSON. In between it is idle, so that others can be measured by turns.

The model is what PyTorch's users would write today for speed: fused attention, fused AdamW, denormals flushed to zero,
the loss over all rows at once; --compile and --bfloat16 are its two faster gears.
"""

import argparse
import contextlib
import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.attention_out = nn.Linear(channels, channels)
        self.up, self.down = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def forward(self, x):
        batch, length, channels = x.shape
        parts = self.query_key_value(self.attention_norm(x)).split(channels, dim=2)
        query, key, value = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.attention_out(mixed.transpose(1, 2).reshape(batch, length, channels))
        return x + self.down(functional.gelu(self.up(self.mlp_norm(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self, layers, heads, channels, context, vocabulary):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, channels), nn.Embedding(context, channels)
        self.blocks = nn.ModuleList(Block(channels, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(channels)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.positions.weight[:ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = functional.linear(self.norm(x), self.tokens.weight)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("layers", "heads", "channels", "context", "batch", "vocabulary"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--bfloat16", action="store_true", help="autocast: bfloat16 products, float weights")
    return parser.parse_args()


def peak_memory():
    """The largest resident size of this process so far, in bytes: VmHWM."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def stepper(options):
    """A function that trains one step and returns its loss."""
    model = Gpt2(options.layers, options.heads, options.channels, options.context, options.vocabulary)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    data = torch.randint(0, options.vocabulary, (1 << 20,))
    forward = torch.compile(model) if options.compile else model

    def step():
        starts = torch.randint(0, len(data) - options.context - 1, (options.batch,)).tolist()
        windows = torch.stack([data[at:at + options.context + 1] for at in starts])
        with torch.autocast("cpu", torch.bfloat16) if options.bfloat16 else contextlib.nullcontext():
            loss = forward(windows[:, :-1].contiguous(), windows[:, 1:].contiguous())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return step


def main():
    options = parse()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    step = stepper(options)
    for _ in range(3):  # These pay for memory, threads and compilation.
        step()
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        budget, seconds = float(line), []
        step()  # Caches are others' after a pause.
        while sum(seconds) < budget or len(seconds) < 2:
            start = time.perf_counter()
            loss = step()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"tokens_per_second": options.batch * options.context / statistics.median(seconds),
                          "steps": len(seconds), "loss": loss.item(), "peak_memory": peak_memory()}), flush=True)


if __name__ == "__main__":
    main()
