#!/usr/bin/env python3
"""Write masked.json: a WordPiece tokenizer for the models families/bert and families/modernbert, texts, and the
pseudo-log-likelihoods that minicons computes with them.

    pip install torch transformers minicons
    python3 make_masked_golden.py          # writes beside itself

tests/cmd/masked_folders.sh puts the tokenizer into copies of the folders.
"""

import json
import pathlib
import tempfile

import minicons.scorer
import torch
from transformers import AutoModelForMaskedLM, PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent
WORDS = "[PAD] [UNK] [CLS] [SEP] the cat sat on mat a dog ran red house ##s ##ed ##ing play walk , . it was to and in".split()
TEXTS = ["the cat sat on the mat.", "a dog played, walking to the red houses", "it", "the zebra ran in"]


def tokenizer():
    names = WORDS + ["[unused]"] * (27 - len(WORDS)) + ["[MASK]"]  # the models' mask is 27
    vocabulary = {name: number for number, name in enumerate(dict.fromkeys(names))}
    vocabulary["[MASK]"] = 27
    special = [{"id": vocabulary[name], "content": name, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for name in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")]
    around = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                       "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": around,
                           "pair": around + [{"Sequence": {"id": "B", "type_id": 1}}],
                           "special_tokens": {name: {"id": name, "ids": [vocabulary[name]], "tokens": [name]}
                                              for name in ("[CLS]", "[SEP]")}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary},
    }


def main():
    # minicons asks for a method that transformers 5 took away.
    PreTrainedTokenizerFast.batch_encode_plus = lambda self, *arguments, **options: self(*arguments, **options)
    result = {"tokenizer": tokenizer(), "texts": TEXTS, "nats": {}}
    for name in ("bert", "modernbert"):
        with tempfile.TemporaryDirectory() as folder:
            # In float, whatever the weights are stored as: minicons would compute in that.
            AutoModelForMaskedLM.from_pretrained(HERE / "families" / name, dtype=torch.float32).save_pretrained(folder)
            pathlib.Path(folder, "tokenizer.json").write_text(json.dumps(result["tokenizer"]))
            pathlib.Path(folder, "tokenizer_config.json").write_text(json.dumps({
                "tokenizer_class": "PreTrainedTokenizerFast", "cls_token": "[CLS]", "sep_token": "[SEP]",
                "mask_token": "[MASK]", "pad_token": "[PAD]", "unk_token": "[UNK]"}))
            torch.set_num_threads(1)
            scorer = minicons.scorer.MaskedLMScorer(folder, "cpu")
            for metric, key in (("original", "token"), ("within_word_l2r", "within-word")):
                scores = scorer.sequence_score(TEXTS, reduction=lambda x: x.sum().item(), PLL_metric=metric)
                result["nats"][f"{name} {key}"] = [round(-score, 5) for score in scores]
    (HERE / "masked.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
