"""Random strings of many scripts for comparing tokenizers; src/model/testing/random_text.cpp makes the same ones.

What the strings are made of stands in tests/goldens/tokenizers/strings.json: ranges of code points, marks, fragments.
"""
import json

MASK = (1 << 64) - 1
DATA = "tests/goldens/tokenizers/strings.json"
TEXT = "models/hadal-tiny/heldout.txt"
SPACES = " \t\n\r\v\f\x85\xa0\u1680\u180e\u2003\u2028\u202f\u3000\x1c\x1f\u200b"
DIGITS = "0123456789\u0660\u0661\u0967\u00bd\u00b2\u2167"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
LETTERS = "abcdefghij ABCXYZ's"


class Random:
    """splitmix64"""

    def __init__(self, seed):
        self.state = seed & MASK

    def below(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % n


class Strings:
    def __init__(self, data=DATA, text=TEXT):
        with open(data, encoding="utf-8") as f:
            parts = json.load(f)
        self.ranges, self.marks, self.fragments = parts["ranges"], parts["marks"], parts["fragments"]
        with open(text, encoding="utf-8") as f:
            self.text = f.read()

    def from_range(self, r):
        low, high = self.ranges[r.below(len(self.ranges))]
        return chr(low + r.below(high - low + 1))

    def piece(self, r):
        kind = r.below(12)
        some = lambda choice, most: "".join(choice[r.below(len(choice))] for _ in range(1 + r.below(most)))
        if kind == 0:
            low, high = self.ranges[r.below(len(self.ranges))]
            return "".join(chr(low + r.below(high - low + 1)) for _ in range(1 + r.below(6)))
        if kind == 1:
            return "".join(self.from_range(r) for _ in range(1 + r.below(4)))
        if kind == 2:
            return " " * (1 + r.below(20))
        if kind == 3:
            return some(SPACES, 5)
        if kind == 4:
            return some(DIGITS, 9)
        if kind == 5:
            return some(PUNCTUATION, 6)
        if kind == 6:
            return some(LETTERS, 15)
        if kind == 7:
            return self.from_range(r) + some(self.marks, 4)
        if kind == 8:
            return some(self.fragments, 2)
        if kind == 9:
            fragment = self.fragments[r.below(len(self.fragments))]
            return fragment[:1 + r.below(len(fragment))]
        start = r.below(len(self.text) - 50)
        return self.text[start:start + 1 + r.below(50)]

    def string(self, seed):
        r = Random(seed)
        return "".join(self.piece(r) for _ in range(1 + r.below(5)))

    def ids(self, seed, size):
        """Tokens at random: mostly no valid UTF-8."""
        r = Random(~seed)
        return [r.below(size) for _ in range(1 + r.below(8))]
