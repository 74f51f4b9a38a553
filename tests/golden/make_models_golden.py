"""Makes models_golden.json and sentencepiece_*.model: small models of Hugging Face's tokenizers 0.23.3 and of sentencepiece 0.2.3,
texts, and what those libraries make of them.

Run in a virtual environment with both: python3 tests/golden/make_models_golden.py TEXT, with any English text of a megabyte
(../shared/data/text/tinyshakespeare.txt was used)."""
import json
import os
import random
import sys
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
BYTES = ["<0x%02X>" % i for i in range(256)]
ALPHABET = list("abcxyz thed  \n\t0123.,!'<>#") + list("éñ中文日本かなカअनु한😀👍\u0301\u200d\u00a0ß") + [
    "\U0010ffff", "<unk>", "</s>", "<0x41>", "<sep>", "<sepa>", "##ing", "ing", "the", "aaaa", "\n\n"]
rng = random.Random(15)


def make_texts(corpus, count):
    texts = []
    for i in range(count):
        if i % 3 == 0:
            texts.append("".join(rng.choice(ALPHABET) for _ in range(rng.randrange(1, 30))))
        elif i % 3 == 1:
            few = rng.sample(ALPHABET, rng.randrange(1, 5))
            texts.append("".join(rng.choice(few) for _ in range(rng.randrange(1, 50))))
        else:
            start = rng.randrange(len(corpus) - 100)
            texts.append(corpus[start:start + rng.randrange(1, 60)])
    return texts


seen = {}


def hf_case(name, kind, tokenizer, pieces):
    model = json.loads(tokenizer.to_str())["model"]
    vocab = model["vocab"]
    tokens = [t for t, _ in vocab] if kind == "unigram" else [t for t, _ in sorted(vocab.items(), key=lambda item: item[1])]
    if seen.get("tokens") != tokens:
        seen["tokens"] = tokens
    else:
        tokens = None  # as in the case before
    case = {"name": name, "kind": kind}
    if tokens:
        case["tokens"] = tokens
    unk = model.get("unk_id") if kind == "unigram" else vocab.get(model.get("unk_token"))
    if unk is not None:
        case["unk"] = unk
    if kind == "bpe":
        merges = [m if isinstance(m, list) else m.split(" ") for m in model["merges"]]
        numbers = [i for a, b in merges for i in (vocab[a], vocab[b])]
        if seen.get("merges") != numbers:
            case["merges"] = seen["merges"] = numbers
    if kind == "unigram":
        case["scores"] = [s for _, s in vocab]
    for key in ("byte_fallback", "fuse_unk", "ignore_merges", "continuing_subword_prefix", "end_of_word_suffix",
                "max_input_chars_per_word"):
        if model.get(key) and not (kind == "unigram" and key == "fuse_unk"):
            case[key] = model[key]
    if pieces not in seen.get("texts", []):
        case["texts"] = pieces
        seen.setdefault("texts", []).append(pieces)
    else:
        case["texts_of"] = "llama 2"
    case["ids"] = [[t.id for t in tokenizer.model.tokenize(p)] for p in pieces]
    return case


def changed(tokenizer, **members):
    value = json.loads(tokenizer.to_str())
    value["model"].update(members)
    return Tokenizer.from_str(json.dumps(value))


def hf_cases(corpus, texts):
    spaced = [t.replace(" ", "▁") for t in texts]
    words = sorted({w for t in texts for w in t.split()})[:60] + ["a" * 100, "a" * 101]
    bpe = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    bpe.pre_tokenizer = pre_tokenizers.Metaspace()
    lines = corpus[:200000].split("\n")
    bpe.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=430, special_tokens=["<unk>"] + BYTES, show_progress=False))
    few_bytes = json.loads(bpe.to_str())["model"]["vocab"]
    few_bytes = {(("#" + t) if t in BYTES and int(t[3:5], 16) % 2 and int(t[3:5], 16) > 127 else t): i
                 for t, i in few_bytes.items()}
    yield hf_case("llama 2", "bpe", bpe, spaced)
    yield hf_case("unknown apart", "bpe", changed(bpe, fuse_unk=False, byte_fallback=False), spaced)
    yield hf_case("unknown fused", "bpe", changed(bpe, byte_fallback=False), spaced)
    yield hf_case("no unknown token", "bpe", changed(bpe, byte_fallback=False, unk_token=None), spaced)
    yield hf_case("some bytes", "bpe", changed(bpe, vocab=few_bytes), spaced)
    suffixed = Tokenizer(models.BPE(unk_token="[UNK]", end_of_word_suffix="</w>", continuing_subword_prefix="##"))
    suffixed.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    suffixed.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=250, special_tokens=["[UNK]"], show_progress=False,
                                                            end_of_word_suffix="</w>", continuing_subword_prefix="##"))
    yield hf_case("prefix and suffix", "bpe", suffixed, words)
    unigram = Tokenizer(models.Unigram())
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.train_from_iterator(lines, trainers.UnigramTrainer(vocab_size=250, special_tokens=["<unk>"], unk_token="<unk>",
                                                               show_progress=False))
    vocab = [[t, round(s, 3)] for t, s in json.loads(unigram.to_str())["model"]["vocab"]]  # shorter to write
    yield hf_case("t5", "unigram", changed(unigram, vocab=vocab), spaced)
    yield hf_case("bytes", "unigram", changed(unigram, vocab=vocab + [[b, 0.0] for b in BYTES], byte_fallback=True), spaced)
    ties = [[t, float(rng.choice([-1, -2, -3]))] for t, _ in vocab]
    yield hf_case("ties", "unigram", changed(unigram, vocab=ties), spaced)
    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    wordpiece.train_from_iterator(lines, trainers.WordPieceTrainer(vocab_size=250, special_tokens=["[PAD]", "[UNK]"],
                                                                   show_progress=False))
    yield hf_case("bert", "wordpiece", wordpiece, words)
    wordlevel = Tokenizer(models.WordLevel({"<unk>": 0, "the": 1, "a": 2}, unk_token="<unk>"))
    yield hf_case("words", "wordlevel", wordlevel, ["the", "a", "the a", "b", "<unk>"])


def train_sentencepiece(name, path, **options):
    prefix = os.path.join(HERE, "sentencepiece_" + name)
    sentencepiece.SentencePieceTrainer.train(input=path, model_prefix=prefix, minloglevel=2, vocab_size=400,
                                             normalization_rule_name="identity", **options)
    os.remove(prefix + ".vocab")
    proto = sentencepiece_model_pb2.ModelProto()
    with open(prefix + ".model", "rb") as file:
        proto.ParseFromString(file.read())
    proto.trainer_spec.ClearField("input")
    with open(prefix + ".model", "wb") as file:
        file.write(proto.SerializeToString())
    return proto


def sp_case(name, proto, texts):
    processor = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
    ids = processor.encode(texts)
    return {"name": name, "kinds": "".join(str(p.type) for p in proto.pieces), "scores": [p.score for p in proto.pieces],
            "normalized": [processor.normalize(t) for t in texts], "ids": ids, "decoded": [processor.decode(i) for i in ids]}


def varied(proto, unused, scores=None):
    copy = sentencepiece_model_pb2.ModelProto()
    copy.CopyFrom(proto)
    for piece in copy.pieces:
        if piece.type == 1 and scores:
            piece.score = rng.choice(scores)
        if piece.type == 1 and len(piece.piece) > 1 and rng.random() < unused:
            piece.type = 5
    return copy


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        corpus = file.read()
    texts = make_texts(corpus, 45)
    golden = {"cases": list(hf_cases(corpus, texts)), "sentencepiece": []}
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as sample:
        sample.write(corpus[:200000])
        sample.flush()
        symbols = ["<sep>", "<sepa>", "ing"]
        bpe = train_sentencepiece("bpe", sample.name, model_type="bpe", byte_fallback=True, user_defined_symbols=symbols,
                                  remove_extra_whitespaces=False)
        unigram = train_sentencepiece("unigram", sample.name, model_type="unigram", control_symbols=["<ctl>"],
                                      user_defined_symbols=symbols)
        character = train_sentencepiece("char", sample.name, model_type="char", hard_vocab_limit=False,
                                        user_defined_symbols=symbols)
    for name, proto in (("bpe", bpe), ("unigram", unigram), ("char", character)):
        golden["sentencepiece"].append(dict(sp_case(name, proto, texts), model=name))
    for name, proto in (("bpe", bpe), ("unigram", unigram)):
        golden["sentencepiece"].append(dict(sp_case(name + " unused", varied(proto, 0.3), texts), model=name))
        other = varied(proto, 0.1, [-1.0, -2.0, 0.0, 1.5])
        golden["sentencepiece"].append(dict(sp_case(name + " ties", other, texts), model=name))
    for case in golden["sentencepiece"]:
        if " " in case["name"]:  # texts as in the case without
            del case["normalized"], case["decoded"]
        if "ties" not in case["name"]:
            del case["scores"]
    with open(os.path.join(HERE, "models_golden.json"), "w", encoding="utf-8") as file:
        json.dump(golden, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


main()
