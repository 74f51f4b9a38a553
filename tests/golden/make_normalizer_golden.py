"""Makes normalizers.json and decoders.json beside this file: what the originals make of hard texts and tokens.

Needs tokenizers 0.23.3 and sentencepiece 0.2.3. `crc32` of a normalizer is over all code points, each between "a" and U+0301 and
each output followed by a line feed.
"""
import base64
import io
import json
import pathlib
import random
import tempfile
import zlib

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models

FOLDER = pathlib.Path(__file__).parent
RULES = "61\t62 62\n61 62\t63\n20 20\t5F\n65 301\tE9\nA\t20\n2581\t20\n304B 3099\t304C\n915\t916\nD4E\t41\n"
random.seed(1)
ALPHABET = list("aeA1 \n\t`'x") + [chr(c) for c in (
    0x301, 0x327, 0x316, 0x345, 0x3099, 0x1161, 0x11A8, 0x200D, 0x94D, 0x1DFA, 0x11935, 0x11930, 0x304B, 0x915, 0xFF76, 0xFF9E,
    0xE9, 0x1E69, 0x1F82, 0x1100, 0xAC00, 0xFB01, 0x2460, 0x32FF, 0x2581, 0x4E2D, 0x130, 0xD4E, 0x2764, 0xA9, 0x37A, 0x85,
    0x3000, 0xFFFD, 0x200B, 0)]


def model(**options):
    out = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write(RULES)
        rules.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d e"] * 50), model_writer=out, vocab_size=20, hard_vocab_limit=False, minloglevel=2,
            normalization_rule_tsv=rules.name, **options)
    return out.getvalue()


def specification(data):
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(data)
    spec = proto.normalizer_spec
    return {"type": "SentencePiece", "precompiled_charsmap": base64.b64encode(spec.precompiled_charsmap).decode(),
            "add_dummy_prefix": spec.add_dummy_prefix, "remove_extra_whitespaces": spec.remove_extra_whitespaces,
            "escape_whitespaces": spec.escape_whitespaces,
            "treat_whitespace_as_suffix": proto.trainer_spec.treat_whitespace_as_suffix,
            "user_defined_symbols": [piece.piece for piece in proto.pieces if piece.type == 4]}


def tokenizer(member, value, vocabulary=None):
    made = Tokenizer(models.WordLevel(vocabulary or {"a": 0}, unk_token="a"))
    return Tokenizer.from_str(json.dumps(json.loads(made.to_str()) | {member: value}))


def normalizers():
    def replace(kind, pattern, content):
        return {"type": "Replace", "pattern": {kind: pattern}, "content": content}

    def bert(clean, chinese, accents, lower):
        return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents,
                "lowercase": lower}

    def sequence(*steps):
        return {"type": "Sequence", "normalizers": list(steps)}

    charsmap = specification(model())["precompiled_charsmap"]
    precompiled = {"type": "Precompiled", "precompiled_charsmap": charsmap}
    specs = [{"type": name} for name in "NFC NFD NFKC NFKD Lowercase StripAccents Nmt ByteLevel".split()]
    specs += [bert(True, True, None, True), bert(True, False, False, False), precompiled,
              {"type": "Strip", "strip_left": True, "strip_right": False},
              {"type": "Strip", "strip_left": False, "strip_right": True}, replace("String", "``", '"'),
              replace("String", "", "_"), replace("Regex", "\\s+", " "), replace("Regex", "a{2,}", ""),
              sequence({"type": "Prepend", "prepend": "\u2581"}, replace("String", " ", "\u2581")),
              sequence({"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, precompiled,
                       replace("Regex", " {2,}", "\u2581"))]
    normalize = [tokenizer("normalizer", spec).normalizer.normalize_str for spec in specs]
    for options in ({}, {"treat_whitespace_as_suffix": True, "user_defined_symbols": ["<sep>", "a ", "  "]},
                    {"remove_extra_whitespaces": False, "add_dummy_prefix": False}):
        data = model(**options)
        specs.append(specification(data))
        normalize.append(sentencepiece.SentencePieceProcessor(model_proto=data).normalize)
    texts = ["", " "] + ["".join(random.choices(ALPHABET, k=random.randint(1, 12))) for _ in range(30)]
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    cases = []
    for spec, run in zip(specs, normalize):
        crc = 0
        for point in points:
            crc = zlib.crc32((run("a" + point + "\u0301") + "\n").encode(), crc)
        cases.append({"normalizer": spec, "crc32": crc, "texts": [[text, run(text)] for text in texts]})
    return cases


def decoders():
    words = list(dict.fromkeys(
        ["the", "\u2581the", "##ing", "\u0120the", "\u0120", "<0xE3>", "<0x81>", "<0x82>", "<0x20>", "<0x4g>", " ", "  ", "\u2581",
         "\u2581\u2581", ".", "'", " '", "n't", "do not", "</w>", "ab</w>", "|", "<pad>", "x<pad>y", "\u00e9", "\u010a",
         "\u65e5\u672c", "aa", "a", "##", " x  ", "<0xE2>", "<0x96>"]))
    fuse, bytes_, space = {"type": "Fuse"}, {"type": "ByteFallback"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    mark = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}

    def metaspace(scheme):
        return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": True}

    def sequence(*steps):
        return {"type": "Sequence", "decoders": list(steps)}

    specs = [None, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
             sequence(mark, bytes_, fuse, space), sequence(mark, bytes_, fuse), sequence(bytes_, fuse, mark | {"content": "<>"}),
             sequence(bytes_, fuse, metaspace("always")), space, metaspace("first"), metaspace("never"),
             {"type": "WordPiece", "prefix": "##", "cleanup": True}, {"type": "WordPiece", "prefix": "##", "cleanup": False},
             {"type": "BPEDecoder", "suffix": "</w>"},
             {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True}]
    cases = []
    for spec in specs:
        made = tokenizer("decoder", spec, {word: i for i, word in enumerate(words)})
        texts = []
        while len(texts) < 40:
            ids = random.choices(range(len(words)), k=random.randint(1, 7))
            text = made.decode(ids, skip_special_tokens=False)
            if "\ufffd" not in text:  # bytes that are not UTF-8 are kept by ours
                texts.append([[words[i] for i in ids], text])
        cases.append({"decoder": spec, "texts": texts})
    return cases


for name, cases in (("normalizers", normalizers()), ("decoders", decoders())):
    lines = ",\n".join(json.dumps(case) for case in cases)
    (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n")
