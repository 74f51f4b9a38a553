#!/usr/bin/env python3
"""Writes tests/golden/tokenizers: small tokenizer.json files as the models of many families have them, with what Hugging Face's
library makes of hard texts.

usage: make_tokenizer_zoo.py FOLDER    (the test data: text, ...), with tokenizers and sentencepiece installed

NAME.json      the tokenizer; kept if it is there, because some trainers break ties by the order of a hash table
NAME.ids.json  own      texts that spell its added tokens, after those of texts.json
               end      the name of the end-of-text token if it has no usual one, else null
               begin    what the post-processor puts before a text
               allow    ids of each text, special tokens parsed
               plain    ids of each text, special tokens as text; null: the same
               decoded  what decoding `allow` gives; null: the text itself; false: not valid UTF-8, so not compared
texts.json     the texts

The conformance tests make the same tokenizers with larger vocabularies (build).
"""
import json
import pathlib
import struct
import sys
import tempfile
import unicodedata

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN35 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
          r"|\s+(?!\S)|\s")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTIONS}"
         rf"|\p{{N}}{{1,3}}{TAIL}")
TEKKEN = rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}{TAIL}"
KIMI = (r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
        r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"
DEEPSEEK_LLM_LETTERS = (
    "\\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376"
    "\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556"
    "\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15"
    "\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe"
    "\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113"
    "\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184"
    "\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e"
    "\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3"
    "\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943]+")
DEEPSEEK_V3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
               r"|\s*[\r\n]+|\s+(?!\S)|\s+")

# What the trainers see besides files: scripts and code, so that pieces of them exist.
SAMPLES = """
吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。
日本語のテキスト、中文文本，한국어 텍스트입니다. 東京都 トウキョウ ﾄｳｷｮｳ １２３ＡＢＣ 你好，世界。汉字和假名。안녕하세요 세계
Привет, мир! Съешь ещё этих мягких французских булок. Γειά σου Κόσμε. مرحبا بالعالم שלום עולם नमस्ते दुनिया สวัสดีชาวโลก
Zoë naïve café résumé Ångström œuvre Straße İstanbul ağaç e\u0301te\u0301 👩\u200d👩\u200d👧 🙂🙂 🇩🇪 ✈️ ½ Ⅷ ٣٤٥ ﬁne ﬂow
def encode(self, text: str) -> list[int]:\n    return [self.vocab[piece] for piece in text.split()]\n
#include <stdio.h>\nint main(void) {\n\tfor (int i = 0; i < 100; ++i) printf("%d\\n", i);\n\treturn 0;\n}\n
I'll we've don't it's they're I'd I'M YOU'RE 1 12 123 1234 12345 2024-11-30 3.14159 0x7fff $1,000.00 100%
"""

TEXTS = [
    "", " ", "  ", "\n", "\r\n", "\t", "a", "Hello, world!", " Hello", "Hello ", "Hello world, this is a test.",
    "The cat didn't see the river.", "  leading and   inner   spaces  ", "tabs\t\tand\r\nCRLF\r\n\r\n\n\n end\n", " \n \n\n  x", "a\n", "\na",
    "IT'S we'Ll they're I'd YOU'RE don't O'Neil 'tis ''quoted'' ``ticks'' '", "'\u017f 'S \u017f's \u212a \u0130 \u0131 i\u0307 ß ẞ ς Σ ΑΣ",
    "1 12 123 1234 12345 123456 1,234,567.89 ٣٤٥ ½ Ⅷ ² ① ４５ १२३", "abc123def 4a5b6 x1y22z333", "3.14e-10 0xDEADBEEF v2.0.1 192.168.0.1",
    "naïve café Zoë e\u0301 \u1e9b\u0323 a\u0301\u0300 \u0301x \u0344 \u0958 A\u030a", "\u1100\u1161\u11a8 각 한국어 가\u11a8", "日本語のテキスト 中文，文本。漢字",
    "トウキョウ ﾄｳｷｮｳ ｶﾞ が か\u3099 ﾊﾟ ㍿ ㋿ ｱ", "ＡＢＣ １２３！？ ﬁne ﬂow ﷺ ㎏ Ⅻ ℌ ™ …", "العربية مُحَمَّد שָׁלוֹם עולם ١٢٣", "नमस्ते दुनिया क्षि สวัสดี ကြောင်း",
    "🙂👩\u200d👩\u200d👧 🇩🇪🇫🇷 ✈️ ❤️\u200d🔥 👍🏽 🏴\U000e0067\U000e0062\U000e007f", "x = f(a[0], b->c); // why?!\n\t}\n", "if (x>=0&&y<=1){return !z;}",
    "\u00a0no-break\u2003em\u3000wide\u202fnarrow\u2028line\u2029para\u0085nel", "zero\u200bwidth\u200djoin\u2060er\ufeff bom\u00adsoft",
    "\ufeffbom first", "\x00", "a\x00b \x00 c", "\x01\x1b\x1c\x1f\x7f\x80\x9f", "▁", "▁▁a▁b ▁ c▁", " ▁x", "\ufffd a\ufffdb", "\uffff\U0010ffff\ue000 \U000f0000",
    "<0x41> <0x0A>", "##ing a##b </w> Ġa Ċ â", "<s> </s> <unk> <pad> <mask> [CLS] [SEP] [MASK] [UNK]", "<|endoftext|> <|end <| |> |endoftext|",
    "<s><s>a</s>", "http://example.com/a_b?c=d&e=%20f#g", "e-mail@host.org, snake_case_name CamelCaseName HTTPServer aB", "¿Qué? ¡Ñandú! «a» „b“ ‘c’ —d– e‐f",
    "......!!!???---===___***///\\\\\\", "(a)[b]{c}<d>\"e\"'f'`g`", "$5 €6 £7 ¥8 +−×÷ ∀∃∈ ←→ ░▒▓", "a b  c   d    e     f      g       h        i",
    "   \n   \n\t\t\n    x", "x     \n\n\n     y\r\r\n z", "a" * 150, "Ab" * 60, " " * 90 + "x", "-" * 90, "\n" * 40, "あ" * 70, "\u0301" * 40, "é" * 50, "1" * 50,
    "x" * 101 + " y", "…。，、।۔، a…b。c", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 𐐷 𠮷野家 𓀀", "ǅ ʰ ª º ᵃ Ⅳ ⅳ ⓐ ꟲ", "\u0e33 \u0eb3 \u06c1\u0654 \u0cd5 \u0300\u0301 \u302a \u20dd",
    "The quick brown fox jumps over the lazy dog. THE QUICK BROWN FOX; the Quick brown foX!", "a.b,c;d:e?f!g", "I am 27 years old , and you ' re not . n't do n't",
    "Ⓐ ℡ ㌔ ½½ ¼cup 5⁄8", "word\u0301s wo\u200drd wo\u00adrd", "Sequence A\r\nSequence B\rC\u000bD\u000cE", "=" * 33 + "\n" + "#" * 17 + " title",
]


def charsmap(casefold):
    """A small precompiled map as sentencepiece's trainer makes it of rules: compatibility forms, compositions, spaces."""
    rules = {}
    for start, end in [(0xA0, 0x180), (0x1C4, 0x1F0), (0x2002, 0x2030), (0x2074, 0x2090), (0x2100, 0x2189), (0x2460, 0x2480), (0x3000, 0x3001),
                       (0x3131, 0x3164), (0x32FF, 0x3358), (0xFB00, 0xFB07), (0xFF01, 0xFFA0), (0x41, 0x5B), (0x391, 0x3AA), (0x410, 0x430)]:
        for code in range(start, end):
            form = unicodedata.normalize("NFKC", chr(code))
            if casefold:
                form = form.casefold()
            if form != chr(code):
                rules[chr(code)] = form
    for base in "aeiouAEIOUかきくはヒ":
        for mark in "\u0300\u0301\u0302\u0308\u3099\u309a":
            form = unicodedata.normalize("NFKC", base + mark)
            if len(form) == 1:
                rules[base + mark] = form.casefold() if casefold else form
    for code in [9, 10, 13, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0xFEFF, 0x200B, 0x200E, 0x200F]:
        rules[chr(code)] = " "
    for code in [*range(1, 9), 11, 14, 0x1F, 0x7F, 0x8F, 0x9F, 0xAD, 0x200D]:
        rules[chr(code)] = ""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        spell = lambda text: " ".join(f"{ord(c):X}" for c in text)
        (path / "rules.tsv").write_text("".join(f"{spell(k)}\t{spell(v)}\n" for k, v in sorted(rules.items())))
        (path / "text").write_text(SAMPLES)
        sentencepiece.SentencePieceTrainer.train(
            input=str(path / "text"), model_prefix=str(path / "m"), vocab_size=300, hard_vocab_limit=False, minloglevel=2,
            normalization_rule_tsv=str(path / "rules.tsv"))
        from sentencepiece import sentencepiece_model_pb2
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString((path / "m.model").read_bytes())
    return bytes(model.normalizer_spec.precompiled_charsmap)


class Zoo:
    """Builds tokenizers: `texts`, what the trainers see; `extra`, how many tokens beyond bytes or characters; charsmaps by name."""

    def __init__(self, texts, extra, charsmaps):
        self.texts, self.extra, self.charsmaps = texts, extra, charsmaps
        self.trained = {}

    # What trainers learn, kept: families share it.

    def byte_merges(self, name, pre):
        """Vocabulary and merges of byte-level BPE after a pre-tokenizer."""
        if name not in self.trained:
            tokenizer = Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre
            trainer = trainers.BpeTrainer(vocab_size=256 + self.extra, show_progress=False, max_token_length=16,
                                          initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
            tokenizer.train_from_iterator(self.texts, trainer)
            model = json.loads(tokenizer.to_str())["model"]
            self.trained[name] = list(model["vocab"]), [tuple(pair) for pair in model["merges"]]
        return self.trained[name]

    def character_merges(self, name, normalizer, pre, suffix=None, limit=400):
        if name not in self.trained:
            tokenizer = Tokenizer(models.BPE(end_of_word_suffix=suffix) if suffix else models.BPE())
            if normalizer is not None:
                tokenizer.normalizer = normalizer
            tokenizer.pre_tokenizer = pre
            trainer = trainers.BpeTrainer(vocab_size=limit + self.extra, show_progress=False, limit_alphabet=limit, max_token_length=12,
                                          **({"end_of_word_suffix": suffix} if suffix else {}))
            tokenizer.train_from_iterator(self.texts, trainer)
            model = json.loads(tokenizer.to_str())["model"]
            self.trained[name] = list(model["vocab"]), [tuple(pair) for pair in model["merges"]]
        return self.trained[name]

    def spaced_merges(self):
        """Merges over characters with spaces as U+2581, runs of them too, as sentencepiece's vocabularies have."""
        return self.character_merges("spaced", normalizers.Replace(" ", "▁"),
                                     pre_tokenizers.Split(Regex("▁+(?=▁)|▁?[0-9]|▁?[^▁0-9]+|▁+"), "isolated"))

    def unigram_pieces(self, name, normalizer, pre):
        if name not in self.trained:
            tokenizer = Tokenizer(models.Unigram())
            tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre
            trainer = trainers.UnigramTrainer(vocab_size=400 + self.extra, show_progress=False, unk_token="<unk>", special_tokens=["<unk>"])
            tokenizer.train_from_iterator(self.texts, trainer)
            pieces = json.loads(tokenizer.to_str())["model"]["vocab"]
            single = lambda score: struct.unpack("f", struct.pack("f", score))[0]
            # The trainer's order of equal scores is that of a hash table.
            self.trained[name] = sorted(((piece, single(score)) for piece, score in pieces if piece != "<unk>"), key=lambda p: (-p[1], p[0]))
        return self.trained[name]

    # The families.

    def byte_level(self, pre, *, name, first=(), last=(), normalizer=None, post=None, missing=(), old=False, decoder=None, model=None):
        """`first`: special tokens before the vocabulary; `last`: added tokens after it, or (token, options)."""
        vocab, merges = self.byte_merges(name, pre)
        alphabet = byte_alphabet()
        gone = {alphabet[byte] for byte in missing}
        vocab = [token for token in vocab if not gone & set(token)]
        merges = [pair for pair in merges if not gone & set("".join(pair))]
        ids = {token: i for i, token in enumerate(list(first) + vocab)}
        return assemble(models.BPE(vocab=ids, merges=merges, **(model or {})), normalizer, pre, post,
                        decoder or decoders.ByteLevel(), [special(token) for token in first] + list(last), old)

    def spaced(self, first, *, normalizer, pre, decoder, post=None, last=(), old=False, unknown="<unk>"):
        vocab, merges = self.spaced_merges()
        tokens = first + [f"<0x{byte:02X}>" for byte in range(256)] + vocab
        model = models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges, unk_token=unknown, fuse_unk=True,
                           byte_fallback=True)
        return assemble(model, normalizer, pre, post, decoder, list(last), old)

    def unigram(self, name, first, *, normalizer, pre, decoder, unknown, trained=None, post=None, last=(), tail=(), byte_fallback=False):
        pieces = self.unigram_pieces(name, *(trained or (normalizer, pre)))
        known = {piece for piece, _ in pieces}
        bytes_ = [(f"<0x{byte:02X}>", 0.0) for byte in range(256)] if byte_fallback else []
        vocab = [(token, 0.0) for token in first] + bytes_ + pieces + [(token, 0.0) for token in tail if token not in known]
        return assemble(models.Unigram(vocab, first.index(unknown), byte_fallback), normalizer, pre, post, decoder, list(last))

    def word_piece(self, *, lowercase, strip=None, chinese=True, name):
        normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lowercase)
        if name not in self.trained:
            tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
            tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizers.BertPreTokenizer()
            trainer = trainers.WordPieceTrainer(vocab_size=500 + self.extra, limit_alphabet=300, show_progress=False)
            tokenizer.train_from_iterator(self.texts, trainer)
            self.trained[name] = list(json.loads(tokenizer.to_str())["model"]["vocab"])
        first = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        ids = {token: i for i, token in enumerate(first + self.trained[name])}
        return assemble(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100), normalizer, pre_tokenizers.BertPreTokenizer(),
                        template("[CLS] $A [SEP]", {"[CLS]": 2, "[SEP]": 3}), decoders.WordPiece(prefix="##"), [special(t) for t in first])

    def metaspace_split(self, name, first, unknown, **more):
        """XLM-R's and T5's form: Precompiled, then WhitespaceSplit and Metaspace."""
        normalizer = more.pop("normalizer", None) or normalizers.Precompiled(self.charsmaps["nfkc"])
        pre = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
        return self.unigram(name, first, normalizer=normalizer, pre=pre, decoder=decoders.Metaspace(), unknown=unknown, **more)

    def build(self, name):
        return BUILDERS[name](self)


def byte_alphabet():
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spelled, next_free = {byte: chr(byte) for byte in kept}, 256
    for byte in range(256):
        if byte not in spelled:
            spelled[byte] = chr(next_free)
            next_free += 1
    return spelled


def special(token, **options):
    return AddedToken(token, **{"special": True, "normalized": False, **options})


def plain(token, **options):
    return AddedToken(token, **{"special": False, "normalized": True, **options})


def template(single, ids):
    return processors.TemplateProcessing(single=single, pair=None, special_tokens=list(ids.items()))


def assemble(model, normalizer, pre, post, decoder, added, old=False):
    """The text of a tokenizer.json; `old`: as files from before 2023 are, merges as strings and newer keys absent."""
    tokenizer = Tokenizer(model)
    for name, part in [("normalizer", normalizer), ("pre_tokenizer", pre), ("post_processor", post), ("decoder", decoder)]:
        if part is not None:
            setattr(tokenizer, name, part)
    for token in added:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    value = json.loads(tokenizer.to_str())
    if old:
        value["model"]["merges"] = [" ".join(pair) for pair in value["model"]["merges"]]
        for key in "type", "byte_fallback", "ignore_merges":
            del value["model"][key]
        for part in value["pre_tokenizer"], value["post_processor"], value["decoder"]:
            if part and part.get("use_regex") is True:
                del part["use_regex"]
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    Tokenizer.from_str(text)
    return text


def splits(*regexes, digits=False):
    steps = [pre_tokenizers.Split(Regex(regex), "isolated") for regex in regexes]
    if digits:
        steps.append(pre_tokenizers.Digits(individual_digits=True))
    return pre_tokenizers.Sequence(steps + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def digits_apart():
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])


def spaced_decoder(strip=True):
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if strip else []))


def prepend_and_replace():
    return normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])


GPT2 = lambda prefix=False: pre_tokenizers.ByteLevel(add_prefix_space=prefix)
NO_TRIM = lambda: processors.ByteLevel(trim_offsets=False)
SPACE_RUNS = [plain(" " * n) for n in range(24, 1, -1)]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>"]
MASK = AddedToken("<mask>", lstrip=True, normalized=False, special=True)


def gpt2(zoo):
    return zoo.byte_level(GPT2(), name="gpt2", last=[special("<|endoftext|>", normalized=True)], post=NO_TRIM(), old=True,
                          model={"continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False})


def roberta(zoo, prefix):
    post = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=prefix)
    return zoo.byte_level(GPT2(prefix), name=f"gpt2-{prefix}", first=ROBERTA, last=[MASK], post=post, old=True)


def opt(zoo):
    return zoo.byte_level(GPT2(), name="gpt2", first=ROBERTA, post=template("</s> $A", {"</s>": 2}))


def modernbert(zoo):
    names = ["[UNK]", "[CLS]", "[SEP]", "[PAD]"]
    last = [plain("|||IP_ADDRESS|||"), special("<|padding|>"), special("<|endoftext|>")] + SPACE_RUNS
    last += [special(name) for name in names] + [special("[MASK]", lstrip=True)] + [plain(f"[unused{i}]", normalized=False) for i in range(3)]
    size = len(zoo.byte_merges("gpt2", GPT2())[0]) + len(last) - 4
    return zoo.byte_level(GPT2(), name="gpt2", normalizer=normalizers.NFC(), last=last,
                          post=template("[CLS] $A [SEP]", {"[CLS]": size - 3, "[SEP]": size - 2}))


def neox(zoo):
    return zoo.byte_level(GPT2(), name="gpt2", first=["<|endoftext|>", "<|padding|>"], normalizer=normalizers.NFC(), last=SPACE_RUNS,
                          post=processors.ByteLevel(), old=True)


def llama3(zoo):
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|reserved_special_token_0|>"]
    pre = splits(LLAMA3)
    size = len(zoo.byte_merges("llama3", pre)[0])
    post = processors.Sequence([NO_TRIM(), template("<|begin_of_text|> $A", {"<|begin_of_text|>": size})])
    return zoo.byte_level(pre, name="llama3", last=[special(name) for name in names], post=post, model={"ignore_merges": True})


def qwen(zoo, regex, name):
    last = [special(t) for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_pad|>")]
    last += [plain(t, normalized=False) for t in ("<tool_call>", "</tool_call>", "<|fim_prefix|>", "<think>", "</think>")]
    return zoo.byte_level(splits(regex), name=name, normalizer=normalizers.NFC(), last=last, post=NO_TRIM(),
                          model={"continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False})


def smollm2(zoo):
    first = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>", "<filename>", "<jupyter_code>"]
    missing = [0x04, 0x06, 0x13, 0xC0, 0xC1, *range(0xF1, 0x100)]
    return zoo.byte_level(digits_apart(), name="digits", first=first, missing=missing, model={"unk_token": "<|endoftext|>"})


def starcoder(zoo):
    first = ["<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<filename>", "<gh_stars>"]
    return zoo.byte_level(digits_apart(), name="digits", first=first, missing=[0x0B, 0x1C, 0xC0, 0xC1, *range(0xF5, 0x100)], old=True)


def phi4(zoo):
    pre = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "removed", invert=True),
                                   pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    last = [special(t, lstrip=True, rstrip=True) for t in ("<|dummy_0|>", "<|endoftext|>", "<|fim_prefix|>")]
    last += [special(t, rstrip=True) for t in ("<|im_start|>", "<|im_end|>", "<|im_sep|>")]
    return zoo.byte_level(pre, name="llama3", last=last, post=processors.ByteLevel(add_prefix_space=True, trim_offsets=False))


def gpt_oss(zoo):
    last = [special(t) for t in ("<|startoftext|>", "<|endoftext|>", "<|return|>", "<|start|>", "<|message|>", "<|endofprompt|>")]
    return zoo.byte_level(splits(O200K), name="o200k", last=last, model={"ignore_merges": True})


def tekken(zoo):
    first = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]", "<pad>", "<SPECIAL_20>"]
    return zoo.byte_level(splits(TEKKEN), name="tekken", first=first, post=template("<s> $A", {"<s>": 1}), model={"ignore_merges": True})


def deepseek(zoo, kind):
    han = "[一-龥ࠀ-一가-퟿]+"
    last = [special("<｜begin▁of▁sentence｜>"), special("<｜end▁of▁sentence｜>"), plain("<｜fim▁hole｜>"), plain("<｜User｜>", normalized=False)]
    if kind == "v3":
        pre = splits(r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK_V3)
    elif kind == "coder":
        pre = splits("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", han, digits=True)
    else:
        pre = splits("[\r\n]", DEEPSEEK_LLM_LETTERS, "\\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", han, digits=True)
    size = len(zoo.byte_merges(f"deepseek-{kind}", pre)[0])
    return zoo.byte_level(pre, name=f"deepseek-{kind}", last=last, post=template("<｜begin▁of▁sentence｜> $A", {"<｜begin▁of▁sentence｜>": size}))


def falcon(zoo):
    pre = pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False),
                                   pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")])
    first = [">>TITLE<<", ">>ABSTRACT<<", ">>INTRODUCTION<<", ">>SUMMARY<<"]
    return zoo.byte_level(pre, name="falcon", first=first, last=[special("<|endoftext|>")])


def bloom(zoo):
    return zoo.byte_level(splits(BLOOM), name="bloom", first=["<unk>", "<s>", "</s>", "<pad>"], post=processors.ByteLevel(), model={"unk_token": "<unk>"})


def command_r(zoo):
    first = ["<PAD>", "<UNK>", "<CLS>", "<SEP>", "<MASK_TOKEN>", "<BOS_TOKEN>", "<EOS_TOKEN>", "<EOP_TOKEN>"]
    last = [plain("<|START_OF_TURN_TOKEN|>", normalized=False), special("<|END_OF_TURN_TOKEN|>")]
    return zoo.byte_level(digits_apart(), name="digits", first=first, last=last, normalizer=normalizers.NFC(), post=template("<BOS_TOKEN> $A", {"<BOS_TOKEN>": 5}))


def kimi(zoo):
    return zoo.byte_level(splits(KIMI), name="kimi", last=[special(t) for t in ("[BOS]", "[EOS]", "<|im_end|>")], model={"ignore_merges": True})


def clip(zoo):
    normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    pre = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CLIP), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    vocab, merges = zoo.character_merges("clip", normalizer, pre, suffix="</w>", limit=256)
    alphabet = sorted(byte_alphabet().values())
    tokens = list(dict.fromkeys(alphabet + [letter + "</w>" for letter in alphabet] + vocab)) + ["<|startoftext|>", "<|endoftext|>"]
    size = len(tokens)
    model = models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges, continuing_subword_prefix="", end_of_word_suffix="</w>",
                       unk_token="<|endoftext|>")
    post = processors.RobertaProcessing(("<|endoftext|>", size - 1), ("<|startoftext|>", size - 2), trim_offsets=False, add_prefix_space=False)
    return assemble(model, normalizer, pre, post, decoders.ByteLevel(), [special("<|startoftext|>", normalized=True), special("<|endoftext|>")])


def openai_gpt(zoo):
    normalizer, pre = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    vocab, merges = zoo.character_merges("openai", normalizer, pre, suffix="</w>", limit=200)
    model = models.BPE(vocab={t: i for i, t in enumerate(["<unk>"] + vocab)}, merges=merges, unk_token="<unk>", end_of_word_suffix="</w>")
    return assemble(model, normalizer, pre, None, decoders.BPEDecoder(suffix="</w>"), [special("<unk>")], old=True)


def llama2(zoo, normalized=False):
    first = ["<unk>", "<s>", "</s>"]
    return zoo.spaced(first, normalizer=prepend_and_replace(), pre=None, decoder=spaced_decoder(), post=template("<s> $A", {"<s>": 1}),
                      last=[special(t, normalized=normalized) for t in first])


def phi3(zoo):
    first = ["<unk>", "<s>", "</s>"]
    last = [special("<unk>"), special("<s>"), plain("</s>", normalized=False, rstrip=True), special("<|endoftext|>")]
    last += [special(t, rstrip=True) for t in ("<|assistant|>", "<|user|>", "<|end|>", "<|placeholder1|>")]
    return zoo.spaced(first, normalizer=prepend_and_replace(), pre=None, decoder=spaced_decoder(), last=last)


def mistral(zoo):
    first = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]"]
    pre = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return zoo.spaced(first, normalizer=None, pre=pre, decoder=spaced_decoder(), post=template("<s> $A", {"<s>": 1}), last=[special(t) for t in first])


def gemma(zoo, split):
    first = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    last = [special(t) for t in first] + [plain(t, normalized=False) for t in ("\n\n", "\n\n\n", "▁▁", "▁▁▁▁", "<table>", "</td>", "[multimodal]")]
    last += [special("<start_of_turn>"), special("<end_of_turn>")]
    return zoo.spaced(first, normalizer=normalizers.Replace(" ", "▁"), pre=pre_tokenizers.Split(" ", "merged_with_previous") if split else None,
                      decoder=spaced_decoder(strip=False), post=template("<bos> $A", {"<bos>": 2}), last=last)


def t5(zoo):
    extra = [f"<extra_id_{i}>" for i in range(9, -1, -1)]
    return zoo.metaspace_split("nfkc", ["<pad>", "</s>", "<unk>"], "<unk>", tail=extra, post=template("$A </s>", {"</s>": 1}),
                               last=[special(t) for t in ["<pad>", "</s>", "<unk>"] + extra])


def mt5(zoo):
    pre = pre_tokenizers.Metaspace(prepend_scheme="always")
    normalizer = normalizers.Sequence([normalizers.Precompiled(zoo.charsmaps["nfkc"]), normalizers.Replace(Regex(" {2,}"), " ")])
    return zoo.unigram("nfkc", ["<pad>", "</s>", "<unk>"], normalizer=normalizer, pre=pre, decoder=decoders.Metaspace(), unknown="<unk>",
                       post=template("$A </s>", {"</s>": 1}), trained=(normalizer, pre), byte_fallback=True,
                       last=[special(t) for t in ("<pad>", "</s>", "<unk>")] + [special("<extra_id_0>", lstrip=True, rstrip=True)])


def xlm_roberta(zoo):
    first = ["<s>", "<pad>", "</s>", "<unk>"]
    return zoo.metaspace_split("nfkc", first, "<unk>", tail=["<mask>"], post=template("<s> $A </s>", {"<s>": 0, "</s>": 2}),
                               last=[special(t) for t in first] + [special("<mask>", lstrip=True)])


def nllb(zoo):
    first = ["<s>", "<pad>", "</s>", "<unk>"]
    normalizer = normalizers.Sequence([normalizers.Precompiled(zoo.charsmaps["nfkc"]), normalizers.Replace(Regex(" {2,}"), " ")])
    pre = pre_tokenizers.Metaspace(prepend_scheme="always")
    return zoo.unigram("nfkc", first, normalizer=normalizer, pre=pre, decoder=decoders.Metaspace(), unknown="<unk>", tail=["eng_Latn", "fra_Latn", "<mask>"],
                       post=template("eng_Latn $A </s>", {"eng_Latn": len(first) + len(zoo.unigram_pieces("nfkc", normalizer, pre)), "</s>": 2}),
                       last=[special(t) for t in first + ["eng_Latn", "fra_Latn"]] + [special("<mask>", lstrip=True)])


def albert(zoo):
    first = ["<pad>", "<unk>", "[CLS]", "[SEP]"]
    normalizer = normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(), normalizers.StripAccents(),
                                       normalizers.Lowercase(), normalizers.Precompiled(zoo.charsmaps["nfkc_cf"])])
    last = [special(t) for t in first] + [special("[MASK]", lstrip=True)]
    return zoo.metaspace_split("albert", first, "<unk>", tail=["[MASK]"], normalizer=normalizer, last=last,
                               post=template("[CLS]:0 $A:0 [SEP]:0", {"[CLS]": 2, "[SEP]": 3}))


def xlnet(zoo):
    first = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>"]
    normalizer = normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.Precompiled(zoo.charsmaps["nfkc"]),
                                       normalizers.Replace(Regex(" {2,}"), " ")])
    pre = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    return zoo.unigram("nfkc", first, normalizer=normalizer, pre=pre, decoder=decoders.Metaspace(), unknown="<unk>", tail=["<mask>"],
                       post=template("$A:0 <sep>:0 <cls>:2", {"<sep>": 4, "<cls>": 3}), last=[special(t) for t in first] + [special("<mask>", lstrip=True)])


def converted_unigram(zoo):
    """As transformers converts a sentencepiece file of no class of its own."""
    normalizer = normalizers.Sequence([normalizers.Precompiled(zoo.charsmaps["nfkc"]), normalizers.Replace(Regex(r"\A +| +\z"), ""),
                                       normalizers.Replace(Regex(" {2,}"), " "), normalizers.Replace(" ", "▁"), normalizers.Replace(Regex(r"\A▁"), "▁▁")])
    pre = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme="always", split=False)])
    decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    trained = normalizers.Precompiled(zoo.charsmaps["nfkc"]), pre_tokenizers.Metaspace()
    return zoo.unigram("nfkc", ["<unk>", "<s>", "</s>"], normalizer=normalizer, pre=pre, decoder=decoder, unknown="<unk>", trained=trained,
                       byte_fallback=True, last=[special(t) for t in ("<unk>", "<s>", "</s>")])


def scripts(zoo):
    normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Strip()])
    pre = pre_tokenizers.Sequence([pre_tokenizers.UnicodeScripts(), pre_tokenizers.Metaspace(prepend_scheme="first")])
    return zoo.unigram("scripts", ["<unk>", "</s>"], normalizer=normalizer, pre=pre, decoder=decoders.Metaspace(prepend_scheme="first"), unknown="<unk>",
                       last=[special("<unk>"), special("</s>", single_word=True)])


def word_level(zoo):
    normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()])
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(zoo.texts, trainers.WordLevelTrainer(vocab_size=300 + zoo.extra, show_progress=False, special_tokens=["[UNK]", "[EOS]"]))
    added = [special("[UNK]"), special("[EOS]"), plain("ing", single_word=True), plain("cat"), plain("Dog", normalized=True)]
    return assemble(tokenizer.model, normalizer, pre_tokenizers.Whitespace(), None, None, added)


BUILDERS = {
    "gpt2": gpt2, "roberta": lambda zoo: roberta(zoo, False), "roberta-prefix": lambda zoo: roberta(zoo, True), "opt": opt, "modernbert": modernbert,
    "neox": neox, "llama3": llama3, "qwen2": lambda zoo: qwen(zoo, QWEN2, "qwen2"), "qwen35": lambda zoo: qwen(zoo, QWEN35, "qwen35"),
    "smollm2": smollm2, "starcoder": starcoder, "command-r": command_r, "phi4": phi4, "gpt-oss": gpt_oss, "tekken": tekken,
    "deepseek-coder": lambda zoo: deepseek(zoo, "coder"), "deepseek-llm": lambda zoo: deepseek(zoo, "llm"), "deepseek-v3": lambda zoo: deepseek(zoo, "v3"),
    "falcon": falcon, "bloom": bloom, "kimi": kimi, "clip": clip, "openai-gpt": openai_gpt, "llama2": llama2,
    "llama2-normalized": lambda zoo: llama2(zoo, True), "phi3": phi3, "mistral": mistral, "gemma": lambda zoo: gemma(zoo, True),
    "gemma-unsplit": lambda zoo: gemma(zoo, False), "bert-uncased": lambda zoo: zoo.word_piece(lowercase=True, name="uncased"),
    "bert-cased": lambda zoo: zoo.word_piece(lowercase=False, name="cased"),
    "bert-accents": lambda zoo: zoo.word_piece(lowercase=True, strip=False, chinese=False, name="accents"),
    "t5": t5, "mt5": mt5, "xlm-roberta": xlm_roberta, "nllb": nllb, "albert": albert, "xlnet": xlnet, "converted-unigram": converted_unigram,
    "scripts": scripts, "word-level": word_level,
}


# The end-of-text tokens that have no usual name.
ENDS = {"openai-gpt": "<unk>", "command-r": "<EOS_TOKEN>"}


def own_texts(tokenizer_json):
    """Texts that spell the tokenizer's added tokens, in all surroundings; few tokens, those that differ most."""
    added = json.loads(tokenizer_json)["added_tokens"]
    by_flags = {}
    for token in added:
        by_flags.setdefault(tuple(token[key] for key in ("lstrip", "rstrip", "single_word", "normalized", "special")), token["content"])
    texts = []
    for token in by_flags.values():
        texts += [token, f"a {token} b", f"a{token}b", f"x  {token}  y", f"\n{token}\n{token}{token} {token}", f"{token[:-1]} {token[1:]}"]
    return texts + ["".join(token["content"] for token in added[:12]), f" {added[-1]['content']}\u00a0{added[0]['content']}\u3000z"]


class Oracle:
    """What the library says of a tokenizer.json."""

    def __init__(self, text):
        self.tokenizer = Tokenizer.from_str(text)
        # A unigram's special tokens are pieces too, which text that spells them would find: other names hide them.
        value = json.loads(text)
        self.hidden = value["model"].get("type") == "Unigram"
        if self.hidden:
            names = {token["content"] for token in value["added_tokens"] if token["special"]}
            for entry in value["model"]["vocab"]:
                if entry[0] in names:
                    entry[0] = f"\U0010fffe{entry[0]}\U0010fffe"
            value["added_tokens"] = [token for token in value["added_tokens"] if not token["special"]]
            value["post_processor"] = None
            self.plain_tokenizer = Tokenizer.from_str(json.dumps(value))
        else:
            self.plain_tokenizer = Tokenizer.from_str(text)
            self.plain_tokenizer.encode_special_tokens = True

    def allow(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def plain(self, text):
        return self.plain_tokenizer.encode(text, add_special_tokens=False).ids

    def begin(self):
        with_specials, without = self.tokenizer.encode("a", add_special_tokens=True).ids, self.allow("a")
        for start in range(len(with_specials) - len(without) + 1):
            if with_specials[start:start + len(without)] == without:
                return with_specials[:start]
        raise ValueError("the post-processor changes the text's ids")

    def decode(self, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=False)


def golden_of(name, text):
    oracle = Oracle(text)
    golden = {"own": own_texts(text), "end": ENDS.get(name), "begin": oracle.begin(), "allow": [], "plain": [], "decoded": []}
    for sample in TEXTS + golden["own"]:
        allow, plain_ids = oracle.allow(sample), oracle.plain(sample)
        decoded = oracle.decode(allow)
        golden["allow"].append(allow)
        golden["plain"].append(None if plain_ids == allow else plain_ids)
        golden["decoded"].append(None if decoded == sample else False if "\ufffd" in decoded and "\ufffd" not in sample else decoded)
    return golden


def main():
    data = pathlib.Path(sys.argv[1]) / "text"
    out = pathlib.Path(__file__).parent / "tokenizers"
    out.mkdir(exist_ok=True)
    read = lambda name: open(data / name, encoding="utf-8", newline="").read()[:150000]
    texts = read("tinyshakespeare.txt").splitlines(True) + read("wikitext-2-raw-test.txt").splitlines(True) + SAMPLES.splitlines(True) * 6
    zoo = Zoo(texts, 260, {"nfkc": charsmap(False), "nfkc_cf": charsmap(True)})
    write = lambda name, value: (out / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
    write("texts.json", TEXTS)
    for name in BUILDERS:
        path = out / f"{name}.json"
        if not path.exists():
            path.write_text(zoo.build(name) + "\n")
        text = path.read_text()
        write(f"{name}.ids.json", golden_of(name, text))


if __name__ == "__main__":
    main()
