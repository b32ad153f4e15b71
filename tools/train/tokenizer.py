"""Trains the byte-level BPE tokenizer (4096 entries) on the training documents and encodes them.

  python tokenizer.py --data build/train --model models/hadal-tiny

The pre-tokeniser is DeepSeek-V3's: digits in groups of up to three, CJK runs, then one
general expression; byte-level without its own expression. Writes tokenizer.json and
tokenizer_config.json to the model folder, and DIR/docs.npz: every document encoded
(tokens without bos/eos, offsets, weights).
"""
import argparse
import json
import os
import random

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

BOS, EOS = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
VOCAB = 4096
GENERAL = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
           r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")


def build():
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\p{N}{1,3}"), "isolated"),
        pre_tokenizers.Split(Regex("[一-龥\u3040-ゟ゠-ヿ]+"), "isolated"),
        pre_tokenizers.Split(Regex(GENERAL), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tok.decoder = decoders.ByteLevel()
    return tok


def load_docs(data):
    with open(os.path.join(data, "docs.jsonl")) as f:
        return [json.loads(line) for line in f]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--data", default="build/train")
    ap.add_argument("--model", default="models/hadal-tiny")
    ap.add_argument("--encode-only", action="store_true", help="keep the model folder's tokenizer")
    args = ap.parse_args()
    docs = load_docs(args.data)
    path = os.path.join(args.model, "tokenizer.json")
    if not args.encode_only:
        tok = build()
        rng = random.Random(0)
        # The mixture of one epoch: a document of weight 1.5 is seen once or twice.
        mix = [d["text"] for d in docs for _ in range(int(d["weight"] + rng.random()))]
        trainer = trainers.BpeTrainer(
            vocab_size=VOCAB, min_frequency=2, show_progress=False,
            special_tokens=[AddedToken(BOS, special=True, normalized=False), AddedToken(EOS, special=True, normalized=False)],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
        tok.train_from_iterator(mix, trainer)
        tok.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, 0)])
        assert tok.get_vocab_size() == VOCAB and tok.token_to_id(BOS) == 0 and tok.token_to_id(EOS) == 1
        spec = json.loads(tok.to_str())
        # Merges as "left right" strings, as in DeepSeek's own file (newer writers use pairs).
        spec["model"]["merges"] = [m if isinstance(m, str) else " ".join(m) for m in spec["model"]["merges"]]
        with open(path, "w") as f:
            json.dump(spec, f, indent=1, ensure_ascii=False)
            f.write("\n")
        entry = {"__type": "AddedToken", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
        with open(os.path.join(args.model, "tokenizer_config.json"), "w") as f:
            json.dump({"add_bos_token": True, "add_eos_token": False, "bos_token": {**entry, "content": BOS},
                       "eos_token": {**entry, "content": EOS}, "pad_token": {**entry, "content": EOS}, "unk_token": None,
                       "clean_up_tokenization_spaces": False, "model_max_length": 2048,
                       "tokenizer_class": "PreTrainedTokenizerFast"}, f, indent=2, ensure_ascii=False)
            f.write("\n")
    tok = Tokenizer.from_file(path)
    enc = [e.ids for e in tok.encode_batch([d["text"] for d in docs], add_special_tokens=False)]
    for d, ids in list(zip(docs, enc))[::97]:
        assert tok.decode(ids) == d["text"]
    np.savez(os.path.join(args.data, "docs.npz"), tokens=np.concatenate([np.array(e, np.uint16) for e in enc]),
             offsets=np.cumsum([0] + [len(e) for e in enc]), weights=np.array([d["weight"] for d in docs], np.float32))
    chars = sum(len(d["text"].encode()) for d in docs)
    total = sum(map(len, enc))
    print(f"{total} tokens in {len(docs)} documents, {chars / total:.3f} bytes/token; "
          f"one epoch {sum(len(e) * d['weight'] for e, d in zip(enc, docs)):.0f} tokens")
    held = open(os.path.join(args.model, "heldout.txt")).read()
    n = len(tok.encode(held, add_special_tokens=False).ids)
    print(f"held out {n} tokens, {len(held.encode()) / n:.3f} bytes/token")


if __name__ == "__main__":
    main()
