"""Writes tests/goldens/tokenizer_hadal_tiny.json: strings and their tokens as the `tokenizers` package gives them.

  python tools/goldens/tokenizer_goldens.py > tests/goldens/tokenizer_hadal_tiny.json

The file is a list of [text, [tokens with special tokens recognised], [tokens with them as text, if different]].
"""
import json
import random
import unicodedata

from tokenizers import Tokenizer

COUNT = 2400
MODEL = "models/hadal-tiny/"
SPACES = " \t\n\r\v\f\x85\xa0\u1680\u180e\u2003\u2028\u202f\u3000\x1c\x1f\u200b"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
# One range a script or kind of symbol; the last ones hold characters newer than Unicode 14.
RANGES = [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x530, 0x58F), (0x590, 0x5FF), (0x600, 0x6FF),
          (0x900, 0x97F), (0xB80, 0xBFF), (0xE00, 0xE7F), (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x137F),
          (0x2000, 0x206F), (0x2070, 0x20CF), (0x2150, 0x22FF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xA000, 0xA4CF),
          (0xAC00, 0xD7A3), (0xFE00, 0xFE0F), (0xFF00, 0xFFEF), (0x12000, 0x123FF), (0x1D400, 0x1D7FF),
          (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF), (0xE000, 0xE0FF), (0x105C0, 0x105FF), (0x31350, 0x323AF),
          (0x1CC00, 0x1CEBF), (0x1E4D0, 0x1E4F9), (0x11F00, 0x11F5F)]
CLUSTERS = ["e\u0301", "n\u0303o", "\U0001F469\u200d\U0001F469\u200d\U0001F467", "\U0001F1EB\U0001F1F7", "\U0001F44D\U0001F3FD",
            "\ufb01", "\xdf", "\u0130", "\u01c5", "\u0939\u093f", "\ud55c", "\u304c\u304e", "\u9fa5\u9fa6", "\u4e00", "\u30fc",
            "\u30a0", "\u3040", "\u3005", "\U00020BB7", "\u0e01\u0e33", "\u05e9\u05bc\u05c1", "1\ufe0f\u20e3", "\ufffd", "\u2066a\u2069"]
SNIPPETS = ["if (x == 0) {\n    return -1;\n}\n", "def f(a, b=1):\n\treturn a**b  # ok\n", '<div class="x">&nbsp;</div>',
            "https://a.b/c?d=e&f=%20", "x_1 = y->z[3];", "#include <stdio.h>\n", '{"a": [1, 2.5e-3, null]}',
            "I'm sure we'll DON'T", "let v: Vec<u8> = vec![0; 16];\r\n", "SELECT * FROM t WHERE a<>'b';", "a\\nb", "$x^2+y^2$",
            "3.14159265358979", "1,000,000", "2024-02-29T12:34:56Z", "0xDEADBEEF", "C++20", "e.g. U.S.A.", "**bold** _it_"]


def make_piece(r, text, special):
    kind = r.randrange(13)
    if kind == 0:
        return "".join(chr(r.randint(*r.choice(RANGES[:1] * 3 + RANGES))) for _ in range(r.randint(1, 4)))
    if kind == 1:
        low, high = r.choice(RANGES)
        return "".join(chr(r.randint(low, high)) for _ in range(r.randint(1, 6)))
    if kind == 2:
        return " " * r.randint(1, r.choice([3, 20]))
    if kind == 3:
        return "".join(r.choice(SPACES) for _ in range(r.randint(1, 5)))
    if kind == 4:
        return "".join(r.choice("0123456789\u0660\u0661\u0967\u00bd\u00b2\u2167") for _ in range(r.randint(1, 9)))
    if kind == 5:
        token = r.choice(special)
        return token if r.random() < 0.7 else token[:r.randint(1, len(token))]
    if kind == 6:
        return "".join(r.choice(PUNCTUATION) for _ in range(r.randint(1, 6)))
    if kind == 7:
        return r.choice(["\n", "\r\n", "\n\n", "\n \n", "  \n", "\t\t", "\0", "\x7f", "\ufeff"])
    if kind == 8:
        return "".join(r.choice(CLUSTERS) for _ in range(r.randint(1, 3)))
    if kind == 9:
        return r.choice(SNIPPETS)
    if kind == 10:
        return "".join(r.choice("abcdefghij ABCXYZ") for _ in range(r.randint(1, 15)))
    start = r.randrange(len(text) - 60)
    return text[start:start + r.randint(1, 50)]


def main():
    tokenizer = Tokenizer.from_file(MODEL + "tokenizer.json")
    with open(MODEL + "heldout.txt") as f:
        text = f.read()
    special = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    r = random.Random(20)
    strings = ["", " ", "\n", "a", "\u00e9"] + SNIPPETS + CLUSTERS
    while len(strings) < COUNT:
        strings.append("".join(make_piece(r, text, special) for _ in range(r.choice([1, 1, 2, 3]))))
    rows = []
    for s in strings:
        assert not any(unicodedata.category(c) == "Cs" for c in s)
        tokenizer.encode_special_tokens = False
        row = [s, tokenizer.encode(s, add_special_tokens=False).ids]
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(s, add_special_tokens=False).ids
        rows.append(row + [plain] * (plain != row[1]))
    print("[" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "]")


if __name__ == "__main__":
    main()
