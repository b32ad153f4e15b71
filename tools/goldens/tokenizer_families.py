"""Tokenizers of the published families against the `tokenizers` package.

  python tools/goldens/tokenizer_families.py train [FAMILY...]   writes tests/goldens/tokenizers/FAMILY.json
  python tools/goldens/tokenizer_families.py goldens    writes tests/goldens/tokenizers/goldens.json
  python tools/goldens/tokenizer_families.py compare FILE...   `build/hadal tokenize` on any tokenizer.json, COUNT strings
  python tools/goldens/tokenizer_families.py bench FILE...     time of both on one core, in one run

FAMILY.json is a small vocabulary trained on this repository with the family's own way of splitting text, normaliser
and kinds of added tokens. goldens.json holds one hash for each block of strings.
"""
import glob
import json
import os
import subprocess
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from random_text import MASK, Strings

FOLDER = "tests/goldens/tokenizers/"
COUNT = int(os.environ.get("COUNT", 20000))
BLOCK = 25
SEED = 1
VOCABULARY = 1500


def contractions(digits):
    return (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits +
            r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def sequence(*steps):
    return pre_tokenizers.Sequence(list(steps))


def byte_level(use_regex=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


DEEPSEEK_V3 = sequence(
    split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
    split("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
          " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"), byte_level())

# Letters that have case, as DeepSeek LLM and V2 list them.
CASED = (
    "A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373"
    "\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481"
    "\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B"
    "\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B"
    "\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB"
    "\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128"
    "\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4"
    "\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF"
    "\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A\U00010400-\U0001044F\U000104B0-\U000104D3"
    "\U000104D8-\U000104FB\U00010C80-\U00010CB2\U00010CC0-\U00010CF2\U000118A0-\U000118DF"
    "\U0001E900-\U0001E943")
DEEPSEEK_LLM = sequence(
    split("[\r\n]"), split("\\s?[" + CASED + "]+"),
    split("\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+"), split("\\s+$"),
    split("[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+"), pre_tokenizers.Digits(individual_digits=True), byte_level())
DEEPSEEK_CODER = sequence(
    split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+"),
    pre_tokenizers.Digits(individual_digits=True), byte_level())

# Bytes that the vocabulary lacks, as SmolLM2's lacks some.
MISSING = [0x04, 0x7F, 0xC1, 0xF4, 0xF5, 0xFF]

# name: (normaliser, pre-tokenizer, special tokens, other added tokens, what to set in "model")
FAMILIES = {
    "deepseek_v3": (normalizers.Sequence([]), DEEPSEEK_V3,
                    ["<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"],
                    [AddedToken(t, normalized=True) for t in
                     ["<\uff5cUser\uff5c>", "<\uff5cAssistant\uff5c>", "<think>", "</think>"]], {}),
    "deepseek_llm": (normalizers.Sequence([]), DEEPSEEK_LLM,
                     ["<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"],
                     [AddedToken("<think>", normalized=True)], {}),
    "deepseek_coder": (normalizers.Sequence([]), DEEPSEEK_CODER,
                       ["<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"],
                       [], {}),
    "qwen": (normalizers.NFC(), sequence(split(contractions(r"\p{N}")), byte_level()),
             ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
             [AddedToken(t, normalized=False) for t in ["<think>", "</think>", "<tool_call>"]], {}),
    "llama3": (None, sequence(split(contractions(r"\p{N}{1,3}")), byte_level()),
               ["<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>"], [], {"ignore_merges": True}),
    "gpt2": (None, byte_level(True), ["<|endoftext|>"], [], {}),
    "smollm2": (None, sequence(pre_tokenizers.Digits(individual_digits=True), byte_level(True)),
                ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>"], [], {"missing": MISSING}),
    # No family: every flag an added token may have.
    "flags": (normalizers.NFC(), sequence(pre_tokenizers.Digits(individual_digits=False), byte_level(True)),
              [AddedToken("<strip>", lstrip=True, rstrip=True, normalized=False), AddedToken("<lstrip>", lstrip=True),
               AddedToken("<rstrip>", rstrip=True)],
              [AddedToken("cafe\u0301", normalized=True), AddedToken("  ", normalized=False), AddedToken("don't", rstrip=True)],
              {"missing": MISSING, "unk_token": "!", "fuse_unk": True}),
    "fallback": (None, byte_level(True), [], [], {"missing": MISSING, "byte_fallback": True}),
}


def bytes_to_characters():
    """GPT-2's alphabet: printable Latin-1 stands for itself, the rest for U+0100 onwards."""
    itself = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(b) if b in itself else chr(next(others)) for b in range(256)]


def train(*names):
    strings = Strings()
    corpus = [open(path, encoding="utf-8").read() for path in sorted(glob.glob("docs/*.md") + glob.glob("src/base/*"))]
    corpus += [strings.text] + [strings.string(1 << 40 | i) for i in range(20000)]
    for name, (normalizer, pre_tokenizer, special, added, options) in FAMILIES.items():
        if names and name not in names:
            continue
        tokenizer = Tokenizer(models.BPE())
        if normalizer is not None:
            tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet,
                                                                  show_progress=False))
        data = json.loads(tokenizer.to_str())
        model = data["model"]
        options = dict(options)
        for byte in options.pop("missing", []):
            character = bytes_to_characters()[byte]
            model["merges"] = [m for m in model["merges"] if character not in "".join(m)]
            for token in [t for t in model["vocab"] if character in t]:
                del model["vocab"][token]
        model["vocab"] = {t: i for i, t in enumerate(sorted(model["vocab"], key=model["vocab"].get))}
        model.update(options)
        if model["ignore_merges"]:  # whole words that no merge makes
            model["merges"] = model["merges"][:-200]
        if model["byte_fallback"]:
            size = len(model["vocab"])
            model["vocab"].update({f"<0x{b:02X}>": size + b for b in range(256)})
        tokenizer = Tokenizer.from_str(json.dumps(data))
        tokenizer.add_special_tokens(special)
        tokenizer.add_tokens(added)
        data = json.loads(tokenizer.to_str())
        with open(FOLDER + name + ".json", "w", encoding="utf-8") as f:
            json.dump(data, f, ensure_ascii=False, separators=(",", ":"))
            f.write("\n")


def add(h, value):
    return ((h ^ (value + 1)) * 0x100000001B3) & MASK


def add_all(h, values):
    for value in values:
        h = add(h, value)
    return add(h, MASK >> 1)


def tokens(tokenizer, text):
    """Special tokens recognised, and as text."""
    tokenizer.encode_special_tokens = False
    yes = tokenizer.encode(text, add_special_tokens=False).ids
    tokenizer.encode_special_tokens = True
    return yes, tokenizer.encode(text, add_special_tokens=False).ids


def goldens():
    strings = Strings()
    result = {}
    for name in FAMILIES:
        tokenizer = Tokenizer.from_file(FOLDER + name + ".json")
        size = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())
        blocks = []
        for first in range(0, COUNT, BLOCK):
            h = 0xCBF29CE484222325
            for i in range(first, first + BLOCK):
                for ids in tokens(tokenizer, strings.string(SEED << 32 | i)):
                    h = add_all(h, ids)
                text = tokenizer.decode(strings.ids(SEED << 32 | i, size), skip_special_tokens=i % 2 == 0)
                h = add_all(h, text.encode("utf-8"))
            blocks.append(f"{h:016x}")
        result[name] = blocks
    with open(FOLDER + "goldens.json", "w") as f:
        f.write("{" + ",\n".join(f'"{name}": [\n' + ",\n".join(
            ", ".join(f'"{b}"' for b in blocks[i:i + 6]) for i in range(0, len(blocks), 6)) + "]"
            for name, blocks in result.items()) + "}\n")


def hadal(path, items, *options):
    text = "".join(json.dumps(item) + "\n" for item in items)
    out = subprocess.run(["build/hadal", "tokenize", path, *options], input=text, capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(out.stderr)
    return [json.loads(line) for line in out.stdout.split("\n") if line]


def compare(paths):
    strings = Strings()
    texts = [strings.string(SEED << 32 | i) for i in range(COUNT)]
    failed = False
    for path in paths:
        tokenizer = Tokenizer.from_file(path)
        size = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())
        ids = [strings.ids(SEED << 32 | i, size) for i in range(COUNT)]
        want = [tokens(tokenizer, text) for text in texts]
        bad = []
        for how, options in [(0, ["--lines"]), (1, ["--lines", "--plain"])]:
            got = hadal(path, texts, *options)
            bad += [(t, w[how], g) for t, w, g in zip(texts, want, got, strict=True) if w[how] != g]
        for skip, options in [(True, ["--decode"]), (False, ["--decode", "--plain"])]:
            got = hadal(path, ids, *options)
            bad += [(i, tokenizer.decode(i, skip_special_tokens=skip), g) for i, g in zip(ids, got, strict=True)
                    if tokenizer.decode(i, skip_special_tokens=skip) != g]
        print(f"{path}: {COUNT} strings, 2 ways each, and {COUNT} lists of tokens, 2 ways each: {len(bad)} differences")
        for row in bad[:5]:
            print("  ", *map(ascii, row))
        failed |= bool(bad)
    sys.exit(failed)


def bench(paths):
    strings = Strings()
    source = "".join(open(p, encoding="utf-8").read() for p in sorted(glob.glob("src/sim/**/*.cpp", recursive=True)))
    mixed = "\n".join(strings.string(3 << 32 | i) for i in range(8000))
    chunks = lambda text: [text[i:i + 4000] for i in range(0, len(text), 4000)]
    # The strings of the random generator hardly repeat a word: the worst case for a cache.
    for path in paths:
        for what, texts in [("prose", chunks(strings.text) * 4), ("source code", chunks(source)),
                            ("random scripts", chunks(mixed))]:
            best = [1e9, 1e9]
            for _ in range(3):
                tokenizer = Tokenizer.from_file(path)  # anew: the cache starts empty on both sides
                start = time.perf_counter()
                for text in texts:
                    tokenizer.encode(text, add_special_tokens=False)
                best[0] = min(best[0], time.perf_counter() - start)
                best[1] = min(best[1], hadal(path, texts, "--lines", "--time")[0]["seconds"])
            size = sum(len(text.encode("utf-8")) for text in texts) / 1e6
            print(f"{path}: {what}, {size:.2f} MB: tokenizers {size / best[0]:.2f} MB/s, hadal {size / best[1]:.2f} MB/s, "
                  f"ratio {best[0] / best[1]:.2f}")


if __name__ == "__main__":
    command, *arguments = sys.argv[1:] or [""]
    if command in ("compare", "bench"):
        small = [f"{FOLDER}{name}.json" for name in FAMILIES] if command == "compare" else []
        globals()[command](arguments or sorted(glob.glob("build/tokenizers/*/tokenizer.json")) + small)
    elif command in ("train", "goldens"):
        globals()[command](*arguments)
    else:
        sys.exit(__doc__)
