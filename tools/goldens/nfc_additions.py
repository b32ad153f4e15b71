"""Writes src/model/nfc_additions.inc: characters that utf8proc normalises and the `tokenizers` package does not know.

  python nfc_additions.py > ../../src/model/nfc_additions.inc

Both sides are asked, one code point at a time: utf8proc for its combining class, the package for whether the character
keeps two marks of falling class apart, as only a character of class 0 does. Compositions newer than the package are
found from the pairs that Python's unicodedata knows.
"""
import ctypes
import ctypes.util
import unicodedata

from tokenizers import normalizers


class Property(ctypes.Structure):
    _fields_ = [("category", ctypes.c_int16), ("combining_class", ctypes.c_int16)]


library = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
library.utf8proc_get_property.restype = ctypes.POINTER(Property)
library.utf8proc_get_property.argtypes = [ctypes.c_int32]
nfc, nfd = normalizers.NFC(), normalizers.NFD()

found = set()
for c in range(0x110000):
    if 0xD800 <= c < 0xE000:
        continue
    ordered = not nfd.normalize_str("\u0301" + chr(c) + "\u0334").endswith("\u0334")
    if library.utf8proc_get_property(c).contents.combining_class > 0 and not ordered:
        found.add(c)
    pair = unicodedata.normalize("NFD", chr(c))
    if len(pair) == 2 and unicodedata.normalize("NFC", pair) == chr(c) and nfc.normalize_str(pair) == pair:
        found.add(ord(pair[1]))

start = previous = None
for c in sorted(found) + [0x200000]:
    if previous is not None and c != previous + 1:
        print(f"{{0x{start:05X}, 0x{previous:05X}}},")
        start = None
    start = c if start is None else start
    previous = c
