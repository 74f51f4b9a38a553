#!/usr/bin/env python3
"""Checks the rules of share/lm/probes/README.md that a program can check.

usage: check_probes.py [FILE.jsonl...]      (without names, all of share/lm/probes)
"""
import json
import pathlib
import re
import sys

KEYS = ["kind", "group", "phenomenon", "context", "endings", "answer"]
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "share/lm/probes"
CONTEXT_MAY_HOLD_ENDINGS = {"arithmetic", "code"}


def faults_of_item(item, kind):
    if list(item) != KEYS:
        yield f"keys {list(item)}, not {KEYS}"
        return
    context, endings = item["context"], item["endings"]
    if item["kind"] != kind:
        yield f"kind {item['kind']!r} in a file of {kind}"
    if type(item["group"]) is not int or item["answer"] not in (0, 1) or type(item["answer"]) is not int:
        yield "a group or answer that is not a number as it should be"
    if not all(isinstance(text, str) and text for text in [item["phenomenon"], context, *endings]) or len(endings) != 2:
        yield "not a phenomenon, a context and two endings"
        return
    if context != context.strip() or "  " in context and kind != "code":
        yield "spaces around the context, or two in a row"
    if kind != "code" and not all(re.fullmatch(r" \S+( \S+){0,2}", ending) for ending in endings):
        yield "an ending that is not a space and one to three words"
    if any(one.startswith(other) for one, other in (endings, endings[::-1])):
        yield "one ending begins with the other"
    if abs(len(endings[0].encode()) - len(endings[1].encode())) > 4:
        yield "endings whose lengths differ by more than four bytes"
    if kind not in CONTEXT_MAY_HOLD_ENDINGS:
        for ending in endings:
            if re.search(rf"\b{re.escape(ending.strip())}\b", context, re.IGNORECASE):
                yield f"the context holds the ending {ending!r}"


def faults_of_file(path):
    items, contexts, sound = [], {}, True
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            item = json.loads(line)
        except ValueError as error:
            yield f"{number}: {error}"
            return
        faults = list(faults_of_item(item, path.stem))
        yield from (f"{number}: {fault}" for fault in faults)
        sound = sound and not faults
        if faults:
            continue
        if item["context"] in contexts:
            yield f"{number}: the context of line {contexts[item['context']]}"
        contexts[item["context"]] = number
        items.append((number, item))
    if not sound:
        return
    for index in range(0, len(items), 2):
        number, one = items[index]
        other = items[index + 1][1] if index + 1 < len(items) else {}
        if {one["group"], other.get("group")} != {index // 2 + 1}:
            yield f"{number}: groups are not numbered from 1, two items each"
            break
        if one["endings"] != other["endings"] or {one["answer"], other["answer"]} != {0, 1}:
            yield f"{number}: a group without two items that share two endings, each right once"
        if one["phenomenon"] != other["phenomenon"]:
            yield f"{number}: a group of two phenomena"
    if len(items) < 200:
        yield f"{len(items)} items, fewer than 200"
    if len({item["phenomenon"] for _, item in items}) < 4:
        yield "fewer than four phenomena"


def main():
    paths = [pathlib.Path(name) for name in sys.argv[1:]] or sorted(FOLDER.glob("*.jsonl"))
    faults = [f"{path}:{fault}" for path in paths for fault in faults_of_file(path)]
    print("\n".join(faults), end="\n" if faults else "")
    sys.exit(1 if faults or not paths else 0)


main()
