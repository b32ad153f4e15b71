"""Writes src/model/unicode_additions.inc: what Unicode added after version 14, as the `tokenizers` package sees it.

  python unicode_additions.py > ../../src/model/unicode_additions.inc

The interpreter's unicodedata must be of Unicode 14 (Python 3.11); the newer version is read off the regular
expressions of `tokenizers`, one code point at a time.
"""
import unicodedata

from tokenizers import Regex, pre_tokenizers

assert unicodedata.unidata_version.startswith("14."), unicodedata.unidata_version


def members(category):
    """All code points that match \\p{category}."""
    split = pre_tokenizers.Split(Regex(rf"\p{{{category}}}"), "removed")
    found = set()
    for base in range(0, 0x110000, 0x1000):
        points = [c for c in range(base, base + 0x1000) if not 0xD800 <= c < 0xE000]
        rest = set("".join(piece for piece, _ in split.pre_tokenize_str("".join(map(chr, points))))) if points else set()
        found.update(c for c in points if chr(c) not in rest)
    return found


rows = []
for category in "LMNPSZ":
    old = {c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and unicodedata.category(chr(c))[0] == category}
    new = members(category)
    assert old <= new, f"{category}: code points changed category"
    start = previous = None
    for c in sorted(new - old) + [0x200000]:
        assert c >= 0x800
        # One range holds code points of one UTF-8 length.
        if previous is None or c != previous + 1 or c == 0x10000:
            if start is not None:
                rows.append((start, previous, category))
            start = c
        previous = c
for first, last, category in sorted(rows):
    print(f"{{0x{first:05X}, 0x{last:05X}, '{category}'}},")
