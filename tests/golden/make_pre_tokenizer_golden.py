#!/usr/bin/env python3
"""Writes pre_tokenizers.json: what pre-tokenizers of the Python package tokenizers 0.23 make of hard texts.

usage: make_pre_tokenizer_golden.py > tests/golden/pre_tokenizers.json
"""
import json
import random

from tokenizers import Tokenizer

TEXTS = ["I'll go, we'RE 12345 x\n\n  y  ", "caf\u00e9 e\u0301te\u0301 \u4e2d\u6587AB\u3042\u30a2\u30fc\uac00 \u4e09\u30032.5", " \u2581a  \u2581 b\r\n\tc\u00a0\u3000\uff0cd. \u3000! \u3000",
         "x\u00b2\u0660\u2160\U00011de0\U00016ff4y $+<=>^`|~_ \u2e43\u166d.", "'s'S'\u017f \u212aK HTMLPage camelCase\u01c5x/\n/", "a\u200d\u200cb \U0001f642\u200d\U0001f469 \u0000\u0085\u2028\ue000\u0378z",
         "1\u4e00\u00b5x\u03b1\uff21\u2014\u201cA \u3000\u00b5"]
REGEXES = {r"\w+": "Isolated", r"[\w]+|\B": "Removed", r"\bx|a\b|^.|.$": "Isolated", r"(?i:'s|k)|(?m:.)\d": "MergedWithNext",
           r"[\p{L}&&[^\p{Han}a-e]]+|\p{Han}+": "Contiguous", r"\p{N}{1,3}+|a{2}?": "MergedWithPrevious",
           r"(?<=a)b|(?<!b)c|(?=\s)": "Isolated", " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001])]+": "Isolated",
           r"[[:punct:]]+|[[:upper:]]\p{^Lu}": "Isolated", r"\d{1,3}(?=(?:\d{3})*\b)": "Isolated", r"a*": "Isolated"}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def byte_level(prefix, use_regex):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": use_regex}


def metaspace(scheme, splits, replacement="\u2581"):
    return {"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme, "split": splits}


digits = {"type": "Digits", "individual_digits": True}
tests = [{"type": name} for name in
         "Whitespace WhitespaceSplit BertPreTokenizer UnicodeScripts Punctuation FixedLength".split()]
tests += [byte_level(True, True), byte_level(True, False), sequence(digits, byte_level(False, True)), {"type": "Digits", "individual_digits": False},
          {"type": "CharDelimiterSplit", "delimiter": "a"}, {"type": "Punctuation", "behavior": "Contiguous"}]
tests += [metaspace(scheme, splits) for scheme, splits in (("always", True), ("first", True), ("never", False))]
tests += [split(regex, behavior) for regex, behavior in REGEXES.items()]
tests += [split("a", behavior, invert, "String") for behavior, invert in
          (("Removed", True), ("MergedWithPrevious", False), ("MergedWithNext", True))]
tests += [split("", kind="String"), sequence(split("[a-z]"), metaspace("first", False), split("\u2581"), metaspace("first", False, "_")),
          sequence({"type": "Punctuation", "behavior": "Contiguous"}, byte_level(False, True), {"type": "Digits", "individual_digits": False}, split("[0-9][0-9][0-9]"))]
coder = [split(regex) for regex in ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+")]
tests.append(sequence(*coder, digits, byte_level(False, False)))
v3 = (r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
      r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"""
      r"|\s*[\r\n]+|\s+(?!\S)|\s+")
tests.append(sequence(*map(split, v3), byte_level(False, False)))
tekken = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
tests.append(sequence(split(tekken), byte_level(False, False)))

rng = random.Random(1)
alphabet = sorted(set("".join(TEXTS)))
texts = TEXTS + ["".join(rng.choice(rng.sample(alphabet, 9) + [" ", "a"]) for _ in range(20)) for _ in range(4)]
print("[")
for i, value in enumerate(tests):
    tokenizer = Tokenizer.from_str(json.dumps({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
                                               "pre_tokenizer": value, "post_processor": None, "decoder": None,
                                               "model": {"type": "BPE", "vocab": {}, "merges": []}}))
    made = [[piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)] for text in texts]
    print(json.dumps({"pre_tokenizer": value, "pieces": made}, ensure_ascii=False, separators=(",", ":")) + ",")
print(json.dumps({"texts": texts}, ensure_ascii=False, separators=(",", ":")) + "]")
