#!/usr/bin/env python3
"""What drafting gains: the time in which lm-fim answers tasks of a file with --draft auto, beside --draft off; the texts are the same.

    LM_BIN=build/bin tests/bench/drafting.py MODEL TASKS.jsonl [--tasks 100] [--rounds 3] [--tokens 48] [--threads 2] [--layout spm]

TASKS.jsonl has a prompt and a suffix in each line, as HumanEval's infilling tasks have. Both sides are run by turns, each task asked
by itself; a run that generates one token of each is taken off, so that what is left is decoding. Needs only Python itself.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LM_BIN", ROOT / "build" / "bin"))


def answers(options, draft, tasks, tokens):
    """Seconds from the first request to the last answer, and the answers."""
    command = [str(BIN / "lm-fim"), options.model, "--jsonl", "--draft", draft, "--layout", options.layout, "--threads",
               str(options.threads)]
    lines = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as service:
        # The first answer waits for the model to be opened.
        for i, task in enumerate([tasks[0], *tasks]):
            if i == 1:
                began = time.perf_counter()
            request = {"id": i, "prefix": task["prompt"], "suffix": task["suffix"], "n": tokens}
            service.stdin.write(json.dumps(request).encode() + b"\n")
            service.stdin.flush()
            lines.append(json.loads(service.stdout.readline()))
        seconds = time.perf_counter() - began
        service.stdin.close()
    if service.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {service.returncode}")
    return seconds, [(line["middle"], line["tokens"]) for line in lines[1:]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("tasks_file")
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layout", default="spm")
    options = parser.parse_args()
    with open(options.tasks_file) as file:
        tasks = [json.loads(line) for line, _ in zip(file, range(options.tasks))]
    seconds = {"off": [], "auto": []}
    for _ in range(options.rounds):
        texts = {}
        for draft in seconds:
            first, _ = answers(options, draft, tasks, 1)
            whole, texts[draft] = answers(options, draft, tasks, options.tokens)
            seconds[draft].append((whole, whole - first))
        if texts["off"] != texts["auto"]:
            sys.exit("drafting changed a text")
    generated = sum(tokens for _, tokens in texts["off"])
    whole, decoding = ({draft: statistics.median(pair[i] for pair in pairs) for draft, pairs in seconds.items()} for i in (0, 1))
    print(f"{len(tasks)} tasks, {generated} tokens, the same with and without drafting")
    for name, medians in (("answers", whole), ("decoding", decoding)):
        print(f"{name:>9}: off {generated / medians['off']:8.0f} tokens/s, auto {generated / medians['auto']:8.0f}, "
              f"{medians['off'] / medians['auto']:.2f}x")


if __name__ == "__main__":
    main()
