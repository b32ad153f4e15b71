"""Trains the bundled model.

  python train.py --data build/train --model models/hadal-tiny --minutes 80

Reads the folder's config.json and DIR/docs.npz; writes DIR/log.csv, DIR/checkpoint.pt and, every
--export-every minutes and at the end, the folder's model.safetensors. --init-from FOLDER starts
from an exported model. Works on CPU (BF16 products; one thread by default) and on a GPU.

The schedule follows the share of the planned time (or --steps) that is used up: warm-up, then a
linear decay to zero; fake-quantised weights from --quant-from, long rows from --long-from.
Matrices are optimised with Muon, embedding, head, norms and router with AdamW.
"""
import argparse
import csv
import json
import math
import os
import time

import numpy as np
import torch

import export
import model as model_module
from model import Model

BOS, EOS = 0, 1


class Rows:
    """Packs documents (bos text eos) into rows of bos + consecutive tokens, epoch after epoch."""

    def __init__(self, path, seed):
        z = np.load(path)
        self.tokens, self.offsets, self.weights = z["tokens"], z["offsets"], z["weights"]
        self.rng = np.random.default_rng(seed)
        self.stream, self.at, self.epoch = np.zeros(0, np.uint16), 0, 0

    def refill(self):
        count = np.floor(self.weights + self.rng.random(len(self.weights))).astype(int)
        order = self.rng.permutation(np.repeat(np.arange(len(count)), count))
        parts = [self.stream[self.at:]]
        for d in order:
            parts += [[BOS], self.tokens[self.offsets[d]:self.offsets[d + 1]], [EOS]]
        self.stream, self.at = np.concatenate([np.asarray(p, np.uint16) for p in parts]), 0
        self.epoch += 1

    def batch(self, rows, length):
        out = np.full((rows, length + 1), BOS, np.int64)
        for r in range(rows):
            if len(self.stream) - self.at < length + 1:
                self.refill()
            out[r, 1:] = self.stream[self.at:self.at + length]
            self.at += length
        t = torch.from_numpy(out)
        return t[:, :-1], t[:, 1:]


def orthogonalise(g, steps=5):
    """Newton-Schulz iteration towards the nearest semi-orthogonal matrix. g: [n, r, c], r <= c."""
    x = g.bfloat16()
    x = x / (x.float().norm(dim=(-2, -1), keepdim=True) + 1e-7).to(x.dtype)
    for _ in range(steps):
        a = x @ x.mT
        b = torch.baddbmm(a, a, a, beta=-4.7750, alpha=2.0315)
        x = torch.baddbmm(x, b, x, beta=3.4445)
    return x


def momentum_step(g, buf, momentum):
    """Nesterov momentum; updates buf and returns the BF16 direction."""
    new = buf + (g - buf) * (1 - momentum)
    buf.copy_(new)
    return (g + (new - g) * momentum).bfloat16()


def apply_step(p, u, keep, scale):
    p.copy_(p * keep + u.float() * scale)


class Optimiser:
    """Muon for matrices, cut into natural sub-matrices (heads, experts, gate | up); AdamW for the rest."""

    def __init__(self, model, lr, adam_lr, decay):
        self.lr, self.adam_lr, self.decay, self.t = lr, adam_lr, decay, 0
        c = model.c
        qk, kv = c["qk_nope_head_dim"] + c["qk_rope_head_dim"], c["v_head_dim"]
        self.groups, self.adam, self.state = {}, [], {}
        for name, p in model.named_parameters():
            short = name.split("_", 1)[-1]
            if short in Model.FP8:
                rows = {"q_b": qk, "kv_b": kv}.get(short, p.shape[-2] // 2 if short.endswith("gu") else p.shape[-2])
                m = p.numel() // (rows * p.shape[-1])
                shape = (m, rows, p.shape[-1])
                self.groups.setdefault((min(shape[1:]), max(shape[1:])), []).append((name, p, shape))
                self.state[name] = [torch.zeros_like(p)]
            else:
                self.adam.append((name, p))
                self.state[name] = [torch.zeros_like(p), torch.zeros_like(p)]

    @torch.no_grad()
    def step(self, factor):
        self.t += 1
        momentum = 0.85 + 0.10 * min(self.t / 200, 1)
        lr = self.lr * factor
        device = self.adam[0][1].device

        def scalar(x):
            return torch.tensor(x, device=device)

        for (small, large), members in self.groups.items():
            stack = []
            for name, p, shape in members:
                u = momentum_step(p.grad.flatten(), self.state[name][0].flatten(), scalar(momentum)).view(shape)
                stack.append(u if shape[1] <= shape[2] else u.mT)
            # A few matrices at a time stay in cache.
            few = max(1, 3 * 2 ** 20 // (small * large * 8))
            x, at = torch.cat([orthogonalise(part) for part in torch.cat(stack).split(few)]), 0
            for name, p, shape in members:
                u = x[at:at + shape[0]]
                at += shape[0]
                u = (u if shape[1] <= shape[2] else u.mT).reshape(p.shape)
                apply_step(p.data.flatten(), u.flatten(), scalar(1 - lr * self.decay), scalar(-0.2 * lr * math.sqrt(large)))
        lr, b1, b2 = self.adam_lr * factor, 0.9, 0.95
        for name, p in self.adam:
            m, v = self.state[name]
            m.lerp_(p.grad, 1 - b1)
            v.lerp_(p.grad.square(), 1 - b2)
            p.addcdiv_(m / (1 - b1 ** self.t), (v / (1 - b2 ** self.t)).sqrt_().add_(1e-10), value=-lr)


def heldout_windows(folder, length=512):
    """The held-out file as windows: bos + consecutive pieces of length-1 tokens. -> rows, bytes of text."""
    from tokenizers import Tokenizer
    text = open(os.path.join(folder, "heldout.txt"), encoding="utf-8").read()
    ids = Tokenizer.from_file(os.path.join(folder, "tokenizer.json")).encode(text, add_special_tokens=False).ids
    return [[BOS] + ids[i:i + length - 1] for i in range(0, len(ids), length - 1)], len(text.encode())


@torch.no_grad()
def evaluate(model, windows, device, rows=8):
    """Total nats and number of predicted tokens."""
    nats = count = 0
    for i in range(0, len(windows), rows):
        part = windows[i:i + rows]
        for length in sorted({len(w) for w in part}):
            t = torch.tensor([w for w in part if len(w) == length], device=device)
            nats += model(t[:, :-1], t[:, 1:]).double().item()
            count += t.shape[0] * (length - 1)
    model.loads = {}
    return nats, count


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--data", default="build/train")
    ap.add_argument("--model", default="models/hadal-tiny", help="folder with config and tokenizer, written to")
    ap.add_argument("--init-from", help="exported folder to continue from")
    ap.add_argument("--resume", action="store_true", help="continue DIR/checkpoint.pt, optimiser included")
    ap.add_argument("--minutes", type=float, default=80)
    ap.add_argument("--steps", type=int, help="plan by steps instead of minutes")
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--tokens", type=int, default=4096, help="tokens a step")
    ap.add_argument("--micro", type=int, default=4096, help="tokens a forward pass")
    ap.add_argument("--length", type=int, default=512)
    ap.add_argument("--long-length", type=int, default=2048)
    ap.add_argument("--long-from", type=float, default=0.92)
    ap.add_argument("--quant-from", type=float, default=0.8)
    ap.add_argument("--lr", type=float, default=4e-3, help="Muon")
    ap.add_argument("--adam-lr", type=float, default=2.5e-3)
    ap.add_argument("--decay", type=float, default=0.1)
    ap.add_argument("--warmup", type=int, default=60)
    ap.add_argument("--gamma", type=float, default=3e-3, help="router bias step, times the schedule")
    ap.add_argument("--eval-every", type=int, default=200)
    ap.add_argument("--export-every", type=float, default=20, help="minutes; 0: only at the end; <0: never")
    ap.add_argument("--first-export", type=float, default=5, help="minutes")
    ap.add_argument("--no-compile", action="store_true")
    ap.add_argument("--profile", action="store_true")
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    if args.device == "cpu":
        torch.set_num_threads(args.threads)
    if not args.no_compile:
        model_module.compile_pieces()
        global momentum_step, apply_step
        momentum_step, apply_step = torch.compile(momentum_step, dynamic=True), torch.compile(apply_step, dynamic=True)

    model = Model(os.path.join(args.model, "config.json")).to(args.device)
    if args.init_from:
        export.load(model, args.init_from)
    opt = Optimiser(model, args.lr, args.adam_lr, args.decay)
    rows = Rows(os.path.join(args.data, "docs.npz"), args.seed)
    step, tokens, used = 0, 0, 0.0
    checkpoint = os.path.join(args.data, "checkpoint.pt")
    if args.resume:
        s = torch.load(checkpoint, map_location=args.device, weights_only=True)
        model.load_state_dict(s["model"])
        opt.state, opt.t, step, tokens, used = s["state"], s["t"], s["step"], s["tokens"], s["used"]
        rows.rng = np.random.default_rng(args.seed + step)
    windows, text_bytes = heldout_windows(args.model)
    log = open(os.path.join(args.data, "log.csv"), "a" if args.resume else "w", newline="")
    table = csv.writer(log)
    if not args.resume:
        table.writerow(["step", "tokens", "seconds", "train_loss", "heldout_loss", "heldout_bpb", "lr_factor", "worst_load"])

    def save():
        torch.save({"model": model.state_dict(), "state": opt.state, "t": opt.t, "step": step, "tokens": tokens, "used": used},
                   checkpoint + ".part")
        os.replace(checkpoint + ".part", checkpoint)

    started, next_export, next_save, recent = time.time() - used, used + args.first_export * 60, used + 300, []
    done = False
    while not done:
        used = time.time() - started
        progress = step / args.steps if args.steps else used / (args.minutes * 60)
        done = progress >= 1
        if step % args.eval_every == 0 or done:
            nats, count = evaluate(model, windows, args.device)
            bpb = nats / math.log(2) / text_bytes
            train = sum(recent) / max(len(recent), 1)
            table.writerow([step, tokens, round(used, 1), round(train, 4), round(nats / count, 4), round(bpb, 4),
                            round(1 - progress, 4), round(load, 2) if step else 0])
            log.flush()
            print(f"{time.strftime('%H:%M')} step {step} tokens {tokens / 1e6:.2f}M epoch {rows.epoch} {used:.0f}s "
                  f"train {train:.4f} heldout {nats / count:.4f} ({bpb:.4f} bits/byte) load {load if step else 0:.2f} "
                  f"quant {model.fake_quant}", flush=True)
            recent = []
        if used >= next_save or done:
            save()
            next_save = used + 300
        if args.export_every >= 0 and (done or (args.export_every and used >= next_export)):
            print(f"exported {export.export(model, args.model)} bytes at step {step}", flush=True)
            next_export = used + args.export_every * 60
        if done:
            break
        model.fake_quant = progress >= args.quant_from
        length = args.long_length if progress >= args.long_from else args.length
        factor = min((step + 1) / args.warmup, 1) * max(1 - progress, 0)
        for p in model.parameters():
            p.grad = None
        total, micro = 0.0, max(args.micro // length, 1)
        if args.profile and step == 12:
            profiler = torch.profiler.profile()
            profiler.__enter__()
            t0 = time.time()
        for _ in range(max(args.tokens // (micro * length), 1)):
            x, y = rows.batch(micro, length)
            loss = model(x.to(args.device), y.to(args.device))
            (loss / args.tokens).backward()
            total += loss.item()
        if args.profile and step == 12:
            print("forward+backward", time.time() - t0)
        opt.step(factor)
        if args.profile and step == 12:
            print("step", time.time() - t0)
            profiler.__exit__(None, None, None)
            print(profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=40, max_name_column_width=60))
            break
        load = model.balance(args.gamma * factor)
        step += 1
        tokens += args.tokens
        recent.append(total / args.tokens)
        if not math.isfinite(total):
            raise SystemExit("loss is not finite")


if __name__ == "__main__":
    main()
