"""Prints samples and the held-out loss of an exported model.

  python sample.py --model models/hadal-tiny --prompt "Once upon a time" --count 3
"""
import argparse
import math
import os

import torch
from tokenizers import Tokenizer

import export
from model import Model
from train import BOS, EOS, evaluate, heldout_windows


@torch.no_grad()
def generate(model, ids, count, temperature, top_p, generator):
    ids = list(ids)
    for _ in range(count):
        logits = model(torch.tensor([ids[-model.c["max_position_embeddings"]:]]))[0, -1].float()
        if temperature == 0:
            ids.append(int(logits.argmax()))
        else:
            p, order = torch.softmax(logits / temperature, -1).sort(descending=True)
            p[p.cumsum(0) - p > top_p] = 0
            ids.append(int(order[torch.multinomial(p, 1, generator=generator)]))
        if ids[-1] == EOS:
            break
    return ids


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--model", default="models/hadal-tiny")
    ap.add_argument("--prompt", action="append")
    ap.add_argument("--count", type=int, default=1, help="samples a prompt")
    ap.add_argument("--tokens", type=int, default=120)
    ap.add_argument("--temperature", type=float, default=0.7)
    ap.add_argument("--top-p", type=float, default=0.95)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--eval", action="store_true", help="also print the held-out loss (FP32 arithmetic)")
    args = ap.parse_args()
    torch.set_num_threads(1)
    model = Model(os.path.join(args.model, "config.json"))
    export.load(model, args.model)
    model.dtype = torch.float32
    tok = Tokenizer.from_file(os.path.join(args.model, "tokenizer.json"))
    gen = torch.Generator().manual_seed(args.seed)
    for prompt in args.prompt or ["Once upon a time", "The old man", "It was a dark night, and", '"I am sure,"']:
        for _ in range(args.count):
            ids = generate(model, [BOS] + tok.encode(prompt, add_special_tokens=False).ids, args.tokens, args.temperature,
                           args.top_p, gen)
            print("----", tok.decode(ids, skip_special_tokens=True), "<end>" if ids[-1] == EOS else "", sep="\n", flush=True)
    if args.eval:
        windows, size = heldout_windows(args.model)
        nats, count = evaluate(model, windows, "cpu")
        print(f"held out: {len(windows)} windows, {count} tokens predicted, {size} bytes, {nats / count:.5f} nats/token, "
              f"{nats / math.log(2) / size:.5f} bits/byte")


if __name__ == "__main__":
    main()
