"""Writes tests/goldens/chip_rules_hadal_tiny.json: the bundled model under the chip's own arithmetic.

  python tools/goldens/chip_rules.py [MODEL_DIRECTORY [OUTPUT]]                 (numpy, tokenizers)

An implementation of docs/kernels.md section 1 in numpy, independent of the compiler and of the simulators. Sums of E4M3
products are formed in float64, which holds them exactly; every FP32 operation is one numpy float32 operation.
"""
import json
import sys

import numpy as np
from tokenizers import Tokenizer

from checkpoint import Checkpoint, bf16_values, crc32
from sfu import exp2, rcp, rsqrt

F = np.float32
TOKENS = 64                         # generated for every prompt
STEPS = (0, 15, 39, 63)             # generated tokens of which logits are kept; of all others a checksum
STRIDE = 61                         # every 61st logit
LONG = 2000                         # tokens of the long sequence, bos included
LONG_POSITIONS = (31, 127, 128, 255, 256, 299, 511, 512, 1023, 1024, 1535, LONG - 1)
LONG_TOKENS = 16                    # generated after it
VARIANT_PROMPTS, VARIANT_TOKENS = 4, 16
PROMPTS = [
    "Once upon a time there was a little Red Hen",
    "It was a dark and stormy evening in December, and",
    "The old gentleman looked at her for some time without speaking, and then",
    "Mr. Elton was",
    "\"I am very sorry to hear it,\" said the young lady;",
    "Call me Ishmael.",
    "In the beginning God created the heaven and the earth.",
    "The ship lay at anchor in the harbour, and the captain",
    "There was once a king who had three sons. The eldest",
    "Alice was beginning to get very tired of",
    "She had not been long in the room before",
    "The Congress of the United States",
    "\"My dear,\" replied her mother,",
    "Buster Bear",
    "When the morning came, the two brothers set out together on the road to",
    "Nobody in the village had ever seen",
]


# -- vectors ---------------------------------------------------------------------------------------------------------

def lane_sum(x):
    """Sum of the last axis in the order of VRED: 128 lanes take columns in turn, then halve by stride 64 to 1."""
    pad = -x.shape[-1] % 128
    lanes = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, pad)]).reshape(*x.shape[:-1], -1, 128)
    total = lanes[..., 0, :]
    for i in range(1, lanes.shape[-2]):
        total = total + lanes[..., i, :]
    stride = 64
    while stride > 0:
        total = total[..., :stride] + total[..., stride:2 * stride]
        stride //= 2
    return total[..., 0]


def rmsnorm(x, w, eps):
    s = lane_sum(x * x) * F(1 / x.shape[-1])
    return x * rsqrt(s + F(eps))[..., None] * w


def sigmoid(x):
    return rcp(exp2(x * F(-np.log2(np.e))) + F(1))


def bf16(x):
    bits = x.view(np.uint32)
    return bf16_values(((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16))


# -- numbers of eight bits -------------------------------------------------------------------------------------------

def e4m3(x):
    """Nearest E4M3 value, ties to even, saturating; as float64."""
    _, exponent = np.frexp(x)
    unit = np.exp2(np.maximum(exponent - 1, -6) - 3.0)
    return np.clip(np.rint(x / unit) * unit, -448, 448)


def quant(x, digits, group=128):
    """Digits (their sum, in units of the scale) as float64 and the scale of each group of the last axis."""
    grouped = x.reshape(*x.shape[:-1], -1, group)
    bits = np.abs(grouped).max(-1).view(np.uint32).astype(np.int64)
    exponent = np.maximum((bits >> 23) - 127 - 8 + ((bits & 0x7FFFFF) > 0x600000), -126)
    y = np.ldexp(grouped.astype(np.float64), -exponent[..., None])
    high = e4m3(y)
    total = high + e4m3(y - high) if digits == 2 else high
    return total.reshape(x.shape), np.ldexp(1.0, exponent).astype(F)


def mm(a, w, start=None, group=128):
    """a = (digits [..., m, k], scales [..., m, g]), w = (digits [..., k, n], scales [..., g, n])."""
    digits, scales = a
    total = start
    for g in range(scales.shape[-1]):
        part = slice(g * group, (g + 1) * group)
        f = np.matmul(digits[..., part], w[0][..., part, :]).astype(F)
        s = scales[..., g, None] * w[1][..., g, None, :]
        total = f * s + (F(0) if total is None else total)
    return total


# -- the model -------------------------------------------------------------------------------------------------------

class Weights:
    """Matrices as the chip multiplies them: (digits [k, n], scales [k / 128, n])."""

    def __init__(self, checkpoint):
        self.checkpoint = checkpoint

    def vector(self, name):
        return self.checkpoint.values(name + ".weight")

    def fp8(self, *names):
        """Linears side by side."""
        digits, scales = [], []
        for name in names:
            q = self.checkpoint.values(name + ".weight")
            digits.append(q.T)
            scales.append(self.checkpoint.values(name + ".weight_scale_inv").repeat(128, 0)[:q.shape[0]].T)
        return np.ascontiguousarray(np.concatenate(digits, 1)), np.concatenate(scales, 1)

    def bf16(self, name):
        """Two digits per 32 columns x 128 k."""
        w = self.vector(name)
        n, k = w.shape
        padded = np.pad(w, [(0, -n % 32), (0, 0)])
        blocks = padded.reshape(-1, 32, k // 128, 128).transpose(0, 2, 1, 3).reshape(-1, k // 128, 32 * 128)
        digits, scales = quant(blocks, 2, 32 * 128)
        digits = digits.reshape(-1, k // 128, 32, 128).transpose(0, 2, 1, 3).reshape(-1, k)[:n]
        return np.ascontiguousarray(digits.T), scales[..., 0].repeat(32, 0)[:n].T

    def mlp(self, prefix):
        return self.fp8(prefix + "gate_proj", prefix + "up_proj"), self.fp8(prefix + "down_proj")


class Layer:
    def __init__(self, weights, config, index):
        name = f"model.layers.{index}."
        attention, mlp = name + "self_attn.", name + "mlp."
        heads, nope = config["num_attention_heads"], config["qk_nope_head_dim"]
        self.input_norm = weights.vector(name + "input_layernorm")
        self.post_norm = weights.vector(name + "post_attention_layernorm")
        self.q_norm = weights.vector(attention + "q_a_layernorm")
        self.kv_norm = weights.vector(attention + "kv_a_layernorm")
        self.down = weights.fp8(attention + "q_a_proj", attention + "kv_a_proj_with_mqa")
        self.q_b = weights.fp8(attention + "q_b_proj")
        self.o = weights.fp8(attention + "o_proj")
        # kv_b_proj rows are [head][nope 128 | value 128]: transposed for the queries, as it is for the values.
        assert nope == 128 and config["v_head_dim"] == 128
        q = weights.checkpoint.values(attention + "kv_b_proj.weight").reshape(heads, 2, 128, -1)
        s = weights.checkpoint.values(attention + "kv_b_proj.weight_scale_inv").reshape(heads, 2, -1)
        self.k = q[:, 0], s[:, 0, None].repeat(128, 2)                              # [h][128, 512], [h][1, 512]
        self.v = q[:, 1].transpose(0, 2, 1), s[:, 1, :, None].repeat(128, 2)        # [h][512, 128], [h][4, 128]
        self.dense = index < config["first_k_dense_replace"]
        if self.dense:
            self.mlp = weights.mlp(mlp)
        else:
            self.mlp = weights.mlp(mlp + "shared_experts.")
            self.router = weights.bf16(mlp + "gate")
            self.bias = weights.checkpoint.values(mlp + "gate.e_score_correction_bias")
            self.experts = [weights.mlp(f"{mlp}experts.{e}.") for e in range(config["n_routed_experts"])]


def inverse_frequencies(config):
    """YaRN as published, in float32."""
    dim, base, yarn = config["qk_rope_head_dim"], config["rope_theta"], config["rope_scaling"]

    def correction(rotations):
        length = yarn["original_max_position_embeddings"]
        return dim * np.log(length / (rotations * 2 * np.pi)) / (2 * np.log(base))

    low = max(np.floor(correction(yarn["beta_fast"])), 0)
    high = min(np.ceil(correction(yarn["beta_slow"])), dim - 1)
    i = np.arange(dim // 2).astype(F)
    period = (float(base) ** (2 * i / F(dim)).astype(np.float64)).astype(F)
    keep = F(1) - np.clip((i - F(low)) / F(high - low), F(0), F(1))
    return F(1) / (F(yarn["factor"]) * period) * (F(1) - keep) + F(1) / period * keep


class Chip:
    """Sequences in slots. `tile` is the number of cached tokens an attention pass takes."""

    def __init__(self, checkpoint, slots, context, digits=2, bf16_cache=False, tile=128):
        self.digits, self.bf16_cache, self.tile = digits, bf16_cache, tile
        weights = Weights(checkpoint)
        self.c = c = checkpoint.config
        self.heads, self.rank = c["num_attention_heads"], c["kv_lora_rank"]
        self.layers = [Layer(weights, c, i) for i in range(c["num_hidden_layers"])]
        self.embedding = weights.vector("model.embed_tokens")
        self.norm = weights.vector("model.norm")
        self.head = weights.bf16("lm_head")
        yarn = c["rope_scaling"]
        mscale = 0.1 * yarn["mscale_all_dim"] * np.log(yarn["factor"]) + 1.0
        scale = (c["qk_nope_head_dim"] + c["qk_rope_head_dim"]) ** -0.5 * mscale * mscale
        self.score_scale = F(scale * np.log2(np.e))
        angle = np.arange(context).astype(F)[:, None] * inverse_frequencies(c)
        self.cos = np.cos(angle.astype(np.float64)).astype(F)
        self.sin = np.sin(angle.astype(np.float64)).astype(F)
        context += -context % tile
        shape, rope = (c["num_hidden_layers"], slots, context), c["qk_rope_head_dim"]
        self.latent = np.zeros((*shape, self.rank)), np.zeros((*shape, self.rank // 128), F)
        self.key = np.zeros((*shape, rope)), np.zeros((*shape, 1), F)

    def normed(self, x, w):
        return rmsnorm(x, w, self.c["rms_norm_eps"])

    def rope(self, x, positions):
        """x [rows][...][64], interleaved pairs."""
        shape = (len(positions),) + (1,) * (x.ndim - 2) + (-1,)
        cos, sin = self.cos[positions].reshape(shape), self.sin[positions].reshape(shape)
        y = np.empty_like(x)
        y[..., 0::2] = x[..., 1::2] * -sin + x[..., 0::2] * cos
        y[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
        return y

    def cache(self, index, ckv, kpe, slots, positions):
        latent, key = self.normed(ckv, self.layers[index].kv_norm), bf16(self.rope(kpe, positions))
        latent = quant(bf16(latent), 2) if self.bf16_cache else quant(latent, 1)
        key = quant(key, 2, 64)  # zeros that fill a group of 128 would change nothing
        for part, new in zip(self.latent + self.key, latent + key):
            part[index, slots, positions] = new

    def attention(self, index, x, slots, positions):
        layer, rows = self.layers[index], len(slots)
        down = mm(quant(self.normed(x, layer.input_norm), self.digits), layer.down)
        cq, ckv, kpe = np.split(down, [self.c["q_lora_rank"], self.c["q_lora_rank"] + self.rank], 1)
        self.cache(index, ckv, kpe, slots, positions)
        q = mm(quant(self.normed(cq, layer.q_norm), self.digits), layer.q_b).reshape(rows, self.heads, -1)
        nope = np.ascontiguousarray(q[..., :128].transpose(1, 0, 2))                # [heads][rows][128]
        qc = mm(quant(nope, 2), layer.k).transpose(1, 0, 2) * self.score_scale
        qp = self.rope(np.ascontiguousarray(q[..., 128:]), positions) * self.score_scale
        qc, qp = quant(np.ascontiguousarray(qc), 2), quant(qp, 2, 64)
        held = slots if len(set(slots)) > 1 else slots[:1]
        m = np.full((rows, self.heads, 1), F(-1e30))
        total = np.zeros((rows, self.heads), F)
        out = np.zeros((rows, self.heads, self.rank), F)
        for first in range(0, max(positions) + 1, self.tile):
            tile = slice(first, first + self.tile)
            latent, latent_scale = (part[index, held, tile] for part in self.latent)
            key, key_scale = (part[index, held, tile] for part in self.key)
            scores = mm(qc, (latent.transpose(0, 2, 1), latent_scale.transpose(0, 2, 1)))
            scores = mm(qp, (key.transpose(0, 2, 1), key_scale.transpose(0, 2, 1)), scores, 64)
            beyond = np.arange(first, first + self.tile) > np.array(positions)[:, None]
            scores = np.where(beyond[:, None], F(-1e30), scores)
            new_m = np.maximum(m, scores.max(-1, keepdims=True))
            alpha, p = exp2(m - new_m), exp2(scores - new_m)
            total = total * alpha[..., 0] + lane_sum(p)
            m = new_m
            one = np.ones((1, 1, 128), F)
            for b in range(self.rank // 128):
                part = slice(b * 128, (b + 1) * 128)
                weighted = quant(p * latent_scale[:, None, :, b], 2, self.tile)
                out[..., part] = mm(weighted, (latent[..., part], one), out[..., part] * alpha, self.tile)
        u = np.ascontiguousarray((out * rcp(total)[..., None]).transpose(1, 0, 2))
        o = mm(quant(u, 2), layer.v).transpose(1, 0, 2).reshape(rows, -1)
        return mm(quant(o, self.digits), layer.o)

    def swiglu_mlp(self, x, mlp):
        g, u = np.split(mm(quant(x, self.digits), mlp[0]), 2, 1)
        return mm(quant(sigmoid(g) * g * u, self.digits), mlp[1])

    def route(self, layer, x):
        """Experts of each row in order of selection, and their weights."""
        c, rows = self.c, np.arange(len(x))
        score = sigmoid(mm(quant(x, 2), layer.router))
        select = score + layer.bias
        grouped = select.reshape(len(x), c["n_group"], -1)
        best = np.sort(grouped, -1)
        order = np.argsort(-(best[..., -1] + best[..., -2]), -1, kind="stable")[:, :c["topk_group"]]
        kept = np.zeros(grouped.shape[:2], bool)
        kept[rows[:, None], order] = True
        select = np.where(kept[..., None], grouped, -np.inf).reshape(select.shape)
        chosen = np.argsort(-select, -1, kind="stable")[:, :c["num_experts_per_tok"]]
        weight = np.zeros_like(score)
        weight[rows[:, None], chosen] = score[rows[:, None], chosen]
        weight = weight * rcp(lane_sum(weight) + F(1e-20))[:, None] * F(c["routed_scaling_factor"])
        return chosen, weight

    def feed_forward(self, layer, x):
        sum_ = self.swiglu_mlp(x, layer.mlp)
        if layer.dense:
            return sum_
        chosen, weight = self.route(layer, x)
        parts = np.zeros((*chosen.shape, x.shape[1]), F)
        for e, mlp in enumerate(layer.experts):
            rows, ranks = np.nonzero(chosen == e)
            if len(rows):
                parts[rows, ranks] = self.swiglu_mlp(x[rows], mlp) * weight[rows, e, None]
        for rank in range(chosen.shape[1]):
            sum_ = sum_ + parts[:, rank]
        return sum_

    def step(self, tokens, slots, positions):
        """Logits of every row; a row attends to its own slot up to its own position."""
        x = self.embedding[tokens]
        for index, layer in enumerate(self.layers):
            x = x + self.attention(index, x, slots, positions)
            x = x + self.feed_forward(layer, self.normed(x, layer.post_norm))
        return mm(quant(self.normed(x, self.norm), 2), self.head)


def generate(chip, prompts, count):
    """Greedy tokens of every prompt, and the logits of each."""
    sequences, logits = [list(p) for p in prompts], [[] for _ in prompts]
    for position in range(max(map(len, prompts)) + count - 1):
        slots = [s for s, p in enumerate(prompts) if position < len(p) + count - 1]
        for slot, row in zip(slots, chip.step([sequences[s][position] for s in slots], slots, [position] * len(slots))):
            if position + 1 >= len(prompts[slot]):
                sequences[slot].append(int(row.argmax()))
                logits[slot].append(row)
    return [s[len(p):] for s, p in zip(sequences, prompts)], logits


def run_long(chip, tokens):
    """Checksums of logits inside the sequence, then generated tokens with theirs."""
    kept = {}
    for first in range(0, LONG, 32):
        positions = list(range(first, min(first + 32, LONG)))
        logits = chip.step(tokens[first:first + 32], [0] * len(positions), positions)
        kept.update({p: checksum(row) for p, row in zip(positions, logits) if p in LONG_POSITIONS})
    generated, checksums = [int(logits[-1].argmax())], []
    for position in range(LONG, LONG + LONG_TOKENS):
        row = chip.step(generated[-1:], [0], [position])[0]
        generated.append(int(row.argmax()))
        checksums.append(checksum(row))
    return {"length": LONG, "tokens_crc32": crc32(np.array(tokens, "<u4").tobytes()),
            "rows": [[p, c] for p, c in kept.items()], "generated": generated, "generated_crc32": checksums}


def checksum(row):
    return crc32(row.astype("<f4").tobytes())


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else "models/hadal-tiny"
    output = sys.argv[2] if len(sys.argv) > 2 else "tests/goldens/chip_rules_hadal_tiny.json"
    checkpoint = Checkpoint(directory)
    tokenizer = Tokenizer.from_file(directory + "/tokenizer.json")
    bos = checkpoint.config["bos_token_id"]
    prompts = [[bos] + tokenizer.encode(p, add_special_tokens=False).ids for p in PROMPTS]
    context = max(map(len, prompts)) + TOKENS
    tokens, logits = generate(Chip(checkpoint, len(prompts), context), prompts, TOKENS)
    cases = []
    for text, prompt, ids, rows in zip(PROMPTS, prompts, tokens, logits):
        kept = [[i, float(np.abs(rows[i]).max()), [float(v) for v in rows[i][::STRIDE]]] for i in STEPS]
        cases.append({"text": text, "prompt": prompt, "tokens": ids, "crc32": [checksum(r) for r in rows], "logits": kept})
        print(text + " |" + tokenizer.decode(ids))
    variants = []
    for name, chosen in {"one digit": {"digits": 1}, "BF16 cache": {"bf16_cache": True, "tile": 64},
                         "tiles of 32": {"tile": 32}}.items():
        some = prompts[:VARIANT_PROMPTS]
        ids, rows = generate(Chip(checkpoint, len(some), context, **chosen), some, VARIANT_TOKENS)
        variants.append({"name": name, "tokens": ids, "crc32": [[checksum(r) for r in row] for row in rows]})
        same = sum(a == b for i, t in enumerate(ids) for a, b in zip(t, tokens[i]))
        print(f"{name}: {same} of {VARIANT_PROMPTS * VARIANT_TOKENS} tokens as without")
    with open(directory + "/heldout.txt") as f:
        text = [bos] + tokenizer.encode(f.read(), add_special_tokens=False).ids
    long = run_long(Chip(checkpoint, 1, LONG + LONG_TOKENS), text[:LONG])
    head = {"model_crc32": checkpoint.crc32, "stride": STRIDE, "variants": variants, "long": long}
    with open(output, "w") as f:
        f.write(json.dumps(head)[:-1] + ', "cases": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]}\n")
    margins = [np.sort(row)[-1] - np.sort(row)[-2] for rows in logits for row in rows]
    print(f"smallest margin between the two largest logits: {min(margins):.6f}")


if __name__ == "__main__":
    main()
