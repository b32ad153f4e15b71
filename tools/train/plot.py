"""Draws the loss curve and thins the log.

  python plot.py --data build/train --model models/hadal-tiny

DIR/log.csv -> loss.csv (at most 120 rows) and loss.svg in the model folder.
"""
import argparse
import csv
import os


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--data", default="build/train")
    ap.add_argument("--model", default="models/hadal-tiny")
    ap.add_argument("--quant-from", type=float, default=0.8)
    ap.add_argument("--long-from", type=float, default=0.92)
    args = ap.parse_args()
    rows = list(csv.DictReader(open(os.path.join(args.data, "log.csv"))))
    rows[0]["train_loss"] = ""  # nothing trained yet
    thin = rows[::-(-len(rows) // 120)]
    if thin[-1] is not rows[-1]:
        thin.append(rows[-1])
    with open(os.path.join(args.model, "loss.csv"), "w", newline="") as f:
        out = csv.DictWriter(f, thin[0].keys(), lineterminator="\n")
        out.writeheader()
        out.writerows(thin)

    w, h, left, right, top, bottom = 760, 360, 56, 16, 28, 44
    points = [r for r in rows if int(r["step"]) > 0]
    last = float(rows[-1]["tokens"])
    high = min(6.5, max(float(r[k]) for r in points for k in ("heldout_loss", "train_loss")))
    low = min(min(float(r["heldout_loss"]), float(r["train_loss"])) for r in points) - 0.1

    def x(tokens):
        return left + (w - left - right) * tokens / last

    def y(loss):
        return top + (h - top - bottom) * (high - min(loss, high)) / (high - low)

    s = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" font-family="sans-serif" font-size="12">',
         f'<rect width="{w}" height="{h}" fill="#ffffff"/>']
    tick = int(low * 2 + 1) / 2
    while tick <= high:
        s.append(f'<line x1="{left}" x2="{w - right}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#e4e4e4"/>'
                 f'<text x="{left - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.1f}</text>')
        tick += 0.5
    step = 2e6 if last > 8e6 else 1e6
    for i in range(int(last / step) + 1):
        s.append(f'<text x="{x(i * step):.1f}" y="{h - bottom + 18}" text-anchor="middle">{i * step / 1e6:.0f}</text>')
    spent = [1 - float(r["lr_factor"]) for r in rows]
    for share, label in ((args.quant_from, "FP8 weights"), (args.long_from, "2048 context")):
        at = next((i for i, p in enumerate(spent) if p >= share), 0)
        if at:
            part = (share - spent[at - 1]) / (spent[at] - spent[at - 1])
            at = x((1 - part) * float(rows[at - 1]["tokens"]) + part * float(rows[at]["tokens"]))
            s.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{h - bottom}" stroke="#999999" stroke-dasharray="4 4"/>'
                     f'<text x="{at - 4:.1f}" y="{top + (14 if share < 0.9 else 30)}" fill="#666666" text-anchor="end">{label}</text>')
    for key, colour in (("train_loss", "#9db4c8"), ("heldout_loss", "#0b4f8a")):
        line = " ".join(f'{x(float(r["tokens"])):.1f},{y(float(r[key])):.1f}' for r in points)
        s.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
    s.append(f'<text x="{left}" y="16"><tspan fill="#0b4f8a">held out</tspan> <tspan fill="#7b93a8">training</tspan>'
             ' (nats per token)</text>')
    s.append(f'<text x="{(w + left) / 2}" y="{h - 8}" text-anchor="middle">million tokens trained</text></svg>')
    with open(os.path.join(args.model, "loss.svg"), "w") as f:
        f.write("\n".join(s) + "\n")


if __name__ == "__main__":
    main()
