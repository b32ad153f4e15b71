"""A compact DeepSeek-V3 language model (MLA, sigmoid-gated MoE with bias balancing) for training.

Numerically the same function as transformers' DeepseekV3ForCausalLM: interleaved RoPE with
YaRN frequencies, softmax scale 192^-0.5 * m^2, group-limited top-k routing. Matrices are FP32
master parameters, cast to the compute type (BF16 or FP32) on use. With `fake_quant` on, every
matrix that is exported as FP8 is rounded to E4M3 in 128x128 blocks with power-of-two scales
first (gradients pass straight through).
"""
import itertools
import json
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

BLOCK = 128


def block_scales(w):
    """Power-of-two scales of 128x128 blocks: s = 2^ceil(log2(amax / 448)). w: [..., N, K] -> [..., nb, kb]."""
    n, k = w.shape[-2:]
    p = F.pad(w, (0, -k % BLOCK, 0, -n % BLOCK))
    p = p.unflatten(-1, (-1, BLOCK)).unflatten(-3, (-1, BLOCK))
    amax = p.abs().amax(dim=(-3, -1)).clamp(min=1e-12)
    mant, exp = torch.frexp(amax / 448.0)  # amax/448 = mant * 2^exp, mant in [0.5, 1)
    return torch.ldexp(torch.ones_like(amax), exp - (mant == 0.5).int())


def spread(s, shape):
    """Expands block scales over the elements of a matrix of that shape."""
    return s.repeat_interleave(BLOCK, -2)[..., :shape[-2], :].repeat_interleave(BLOCK, -1)[..., :shape[-1]]


def quantise(w):
    """w -> (E4M3 values, FP32 scales)."""
    s = block_scales(w.float())
    q = (w.float() / spread(s, w.shape)).clamp(-448, 448).to(torch.float8_e4m3fn)
    return q, s


def dequantise(q, s):
    return q.float() * spread(s, q.shape)


class Straight(torch.autograd.Function):
    """Rounds to FP8 and back in the forward pass only."""
    @staticmethod
    def forward(ctx, w, dtype):
        return dequantise(*quantise(w)).to(dtype)

    @staticmethod
    def backward(ctx, g):
        return g.float(), None


def norm(x, w, eps):
    h = x.float()
    h = h * torch.rsqrt(h.square().mean(-1, keepdim=True) + eps)
    return (h * w).to(w.dtype)


def swiglu(gu):
    g, u = gu.chunk(2, -1)
    return F.silu(g.float()).mul(u.float()).to(gu.dtype)


def swiglu_weighted(gu, w):
    g, u = gu.chunk(2, -1)
    return (F.silu(g.float()) * u.float() * w[:, None]).to(gu.dtype)


def rope(x, cos, sin):
    """Interleaved pairs. x: [B, T, H, 64]; cos, sin: [T, 32] FP32."""
    a, b = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2).to(x.dtype)


def make_qkv(q, kv, kpe, cos, sin, nope, scale):
    """-> q, k [B, H, T, 192] (q scaled) and v [B, H, T, 128]."""
    h = q.shape[2]
    q = torch.cat((q[..., :nope], rope(q[..., nope:], cos, sin)), -1).float().mul(scale).to(q.dtype)
    kpe = rope(kpe[:, :, None], cos, sin).expand(-1, -1, h, -1)
    k = torch.cat((kv[..., :nope], kpe), -1)
    return q.transpose(1, 2).contiguous(), k.transpose(1, 2).contiguous(), kv[..., nope:].transpose(1, 2).contiguous()


def masked_softmax(s, first):
    """Causal softmax of scores [BH, rows, cols]; row r may see columns up to first + r."""
    rows, cols = s.shape[-2:]
    hide = torch.full((rows, cols), float("-inf"), device=s.device).triu(first + 1)
    return torch.softmax(s.float() + hide, -1).to(s.dtype)


def softmax_rows(s, hide):
    return torch.softmax(s.float() + hide, -1).to(s.dtype)


def softmax_grad(p, dp):
    p, dp = p.float(), dp.float()
    return (p * (dp - (p * dp).sum(-1, keepdim=True))).to(torch.bfloat16)


class BlockAttention(torch.autograd.Function):
    """Causal attention on CPU by plain products over blocks of rows: faster there than the fused
    kernel, which wants equal head sizes. q (scaled), k [BH, T, 192], v [BH, T, 128]."""
    STEP = 256

    @staticmethod
    def forward(ctx, q, k, v):
        t, probs = q.shape[1], []
        o = torch.empty_like(v)
        for a in range(0, t, BlockAttention.STEP):
            e = min(a + BlockAttention.STEP, t)
            s = torch.bmm(q[:, a:e], k[:, :e].mT)
            hide = torch.full((e - a, e), float("-inf"), device=s.device).triu(a + 1)
            probs.append(softmax_rows(s, hide))
            o[:, a:e] = torch.bmm(probs[-1], v[:, :e])
        ctx.save_for_backward(q, k, v, *probs)
        return o

    @staticmethod
    def backward(ctx, g):
        q, k, v, *probs = ctx.saved_tensors
        t = q.shape[1]
        dq, dk, dv = torch.empty_like(q), None, None
        for i in reversed(range(len(probs))):
            a, e = i * BlockAttention.STEP, min((i + 1) * BlockAttention.STEP, t)
            part = g[:, a:e].contiguous()
            ds = softmax_grad(probs[i], torch.bmm(part, v[:, :e].mT))
            dq[:, a:e] = torch.bmm(ds, k[:, :e])
            dki, dvi = torch.bmm(ds.mT, q[:, a:e]), torch.bmm(probs[i].mT, part)
            if dk is None:
                dk, dv = dki, dvi
            else:
                dk[:, :e] += dki
                dv[:, :e] += dvi
        return dq, dk, dv


def log_sums(logits):
    return torch.logsumexp(logits.float(), -1)


def softmax_scaled(logits, sums, scale):
    return (torch.exp(logits.float() - sums[:, None]) * scale[:, None]).to(logits.dtype)


class LossSum(torch.autograd.Function):
    """Summed cross-entropy of BF16 logits; target 0 (bos) is ignored."""
    @staticmethod
    def forward(ctx, logits, targets):
        sums = log_sums(logits)
        ctx.save_for_backward(logits, targets, sums)
        return ((sums - logits.gather(1, targets[:, None])[:, 0].float()) * (targets != 0)).sum()

    @staticmethod
    def backward(ctx, g):
        logits, targets, sums = ctx.saved_tensors
        scale = g * (targets != 0)
        d = softmax_scaled(logits, sums, scale)
        d.scatter_add_(1, targets[:, None], -scale[:, None].to(d.dtype))
        return d, None


def loss_sum(logits, targets):
    if torch.is_grad_enabled():
        return LossSum.apply(logits, targets)
    return F.cross_entropy(logits.float(), targets, ignore_index=0, reduction="sum")


class GroupedLinear(torch.autograd.Function):
    """y[rows of expert e] = x[rows of e] @ w[e]^T for rows sorted by expert."""
    @staticmethod
    def forward(ctx, x, w, bounds):
        ctx.save_for_backward(x, w)
        ctx.bounds = bounds
        y = x.new_empty(x.shape[0], w.shape[1])
        for e, (a, b) in enumerate(bounds):
            if a < b:
                torch.mm(x[a:b], w[e].t(), out=y[a:b])
        return y

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        g = g.contiguous()
        dx, dw = torch.empty_like(x), torch.zeros_like(w)
        for e, (a, b) in enumerate(ctx.bounds):
            if a < b:
                torch.mm(g[a:b], w[e], out=dx[a:b])
                torch.mm(g[a:b].t(), x[a:b], out=dw[e])
        return dx, dw, None


class Dispatch(torch.autograd.Function):
    """Token rows -> rows sorted by expert."""
    @staticmethod
    def forward(ctx, x, rows, inverse, k):
        ctx.save_for_backward(inverse)
        ctx.k = k
        return x.index_select(0, rows)

    @staticmethod
    def backward(ctx, g):
        inverse, = ctx.saved_tensors
        return g.index_select(0, inverse).unflatten(0, (-1, ctx.k)).sum(1), None, None, None


class Combine(torch.autograd.Function):
    """Sorted rows -> sum over the k rows of every token."""
    @staticmethod
    def forward(ctx, y, rows, inverse, k):
        ctx.save_for_backward(rows)
        return y.index_select(0, inverse).unflatten(0, (-1, k)).sum(1)

    @staticmethod
    def backward(ctx, g):
        rows, = ctx.saved_tensors
        return g.index_select(0, rows), None, None, None


def compile_pieces():
    """Fuses the element-wise parts (needs a C++ compiler on CPU)."""
    torch._dynamo.config.recompile_limit = 64
    for name in ("norm", "swiglu", "swiglu_weighted", "make_qkv", "route"):
        plain = globals()[name]
        fused = torch.compile(plain, dynamic=name == "swiglu_weighted")
        globals()[name] = lambda *a, plain=plain, fused=fused: (fused if torch.is_grad_enabled() else plain)(*a)
    # Called inside autograd functions, where gradients are off.
    for name in ("softmax_rows", "softmax_grad", "log_sums", "softmax_scaled"):
        globals()[name] = torch.compile(globals()[name], dynamic=False)


def route(x, w, bias, groups, topk_group, k, scaling):
    """-> expert weights [T, k], expert indices [T, k]."""
    s = F.linear(x.float(), w.float()).sigmoid()
    sel = (s + bias).detach()
    group = sel.unflatten(-1, (groups, -1)).topk(2, -1)[0].sum(-1)
    kept = torch.zeros_like(group).scatter_(1, group.topk(topk_group, -1)[1], 1.0)
    sel = sel.masked_fill(kept.repeat_interleave(sel.shape[1] // groups, 1) == 0, float("-inf"))
    idx = sel.topk(k, -1)[1]
    w = s.gather(1, idx)
    return w / (w.sum(-1, keepdim=True) + 1e-20) * scaling, idx


class Model(nn.Module):
    FP8 = ("q_a", "q_b", "kv_a", "kv_b", "o", "gu", "down", "shared_gu", "shared_down")

    def __init__(self, config):
        super().__init__()
        self.c = c = config if isinstance(config, dict) else json.load(open(config))
        d, h = c["hidden_size"], c["num_attention_heads"]
        qk = c["qk_nope_head_dim"] + c["qk_rope_head_dim"]
        self.layers = []
        p, self.bias = {}, {}
        for i in range(c["num_hidden_layers"]):
            n = f"l{i}_"
            p[n + "in_norm"], p[n + "post_norm"] = (d,), (d,)
            p[n + "q_a"], p[n + "q_norm"] = (c["q_lora_rank"], d), (c["q_lora_rank"],)
            p[n + "q_b"] = (h * qk, c["q_lora_rank"])
            p[n + "kv_a"], p[n + "kv_norm"] = (c["kv_lora_rank"] + c["qk_rope_head_dim"], d), (c["kv_lora_rank"],)
            p[n + "kv_b"] = (h * (c["qk_nope_head_dim"] + c["v_head_dim"]), c["kv_lora_rank"])
            p[n + "o"] = (d, h * c["v_head_dim"])
            if i < c["first_k_dense_replace"]:
                p[n + "shared_gu"], p[n + "shared_down"] = (2 * c["intermediate_size"], d), (d, c["intermediate_size"])
            else:
                e, m = c["n_routed_experts"], c["moe_intermediate_size"]
                s = m * c["n_shared_experts"]
                p[n + "gate"] = (e, d)
                p[n + "gu"], p[n + "down"] = (e, 2 * m, d), (e, d, m)
                p[n + "shared_gu"], p[n + "shared_down"] = (2 * s, d), (d, s)
                self.register_buffer(n + "bias", torch.zeros(e))
        p["embed"], p["head"], p["norm"] = (c["vocab_size"], d), (c["vocab_size"], d), (d,)
        for name, shape in p.items():
            if name.endswith("norm"):
                w = torch.ones(shape)
            else:
                std = c["initializer_range"]
                if name.endswith(("_o", "down")):
                    std /= math.sqrt(2 * c["num_hidden_layers"])
                w = torch.randn(shape) * std
            self.register_parameter(name, nn.Parameter(w))
        r = c["rope_scaling"]
        dim, base = c["qk_rope_head_dim"], c["rope_theta"]

        def turn(rotations):
            return dim * math.log(r["original_max_position_embeddings"] / (rotations * 2 * math.pi)) / (2 * math.log(base))

        low, high = max(math.floor(turn(r["beta_fast"])), 0), min(math.ceil(turn(r["beta_slow"])), dim - 1)
        freq = 1.0 / base ** (torch.arange(0, dim, 2).float() / dim)
        ramp = ((torch.arange(dim // 2).float() - low) / (high - low)).clamp(0, 1)
        freq = freq / r["factor"] * ramp + freq * (1 - ramp)
        angle = torch.arange(c["max_position_embeddings"]).float()[:, None] * freq
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        m = 0.1 * r["mscale_all_dim"] * math.log(r["factor"]) + 1
        self.scale = qk ** -0.5 * m * m
        self.dtype, self.fake_quant = torch.bfloat16, False
        self.loads = {}  # rows per expert of the latest forward passes, by layer

    def weight(self, name):
        w = getattr(self, name)
        if name.endswith("norm"):
            # Exported as BF16: round, then compute in the compute type.
            return w.to(torch.bfloat16).to(self.dtype)
        if self.fake_quant and name.split("_", 1)[-1] in self.FP8:
            return Straight.apply(w, self.dtype)
        return w.to(torch.bfloat16).to(self.dtype) if name in ("embed", "head") or name.endswith("gate") else w.to(self.dtype)

    def attention(self, n, x, cos, sin):
        c, (b, t, _) = self.c, x.shape
        h, nope, eps, lora = c["num_attention_heads"], c["qk_nope_head_dim"], c["rms_norm_eps"], c["kv_lora_rank"]
        cq = norm(F.linear(x, self.weight(n + "q_a")), self.weight(n + "q_norm"), eps)
        q = F.linear(cq, self.weight(n + "q_b")).unflatten(-1, (h, -1))
        ckv = F.linear(x, self.weight(n + "kv_a"))
        kv = F.linear(norm(ckv[..., :lora], self.weight(n + "kv_norm"), eps), self.weight(n + "kv_b")).unflatten(-1, (h, -1))
        q, k, v = make_qkv(q, kv, ckv[..., lora:], cos, sin, nope, self.scale)
        if x.device.type == "cpu":
            q, k, v = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
            if torch.is_grad_enabled():
                o = BlockAttention.apply(q, k, v)
            else:
                o = torch.bmm(masked_softmax(torch.bmm(q, k.mT), 0), v)
            o = o.unflatten(0, (b, h))
        else:
            o = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)
        return F.linear(o.transpose(1, 2).flatten(2), self.weight(n + "o"))

    def mlp(self, n, x):
        return F.linear(swiglu(F.linear(x, self.weight(n + "shared_gu"))), self.weight(n + "shared_down"))

    def moe(self, n, x):
        c, k = self.c, self.c["num_experts_per_tok"]
        w, idx = route(x, self.weight(n + "gate"), getattr(self, n + "bias"), c["n_group"], c["topk_group"], k,
                       c["routed_scaling_factor"])
        flat = idx.flatten()
        order = flat.argsort(stable=True)
        count = torch.bincount(flat, minlength=c["n_routed_experts"])
        self.loads[n] = self.loads.get(n, 0) + count
        # Every expert's rows are padded to a multiple of 64 (row 0 with weight 0): matrix
        # libraries prepare code per shape, so few distinct shapes are much faster.
        counts = count.tolist()
        ends = list(itertools.accumulate(-(-x // 64) * 64 for x in counts))
        starts = [0] + ends[:-1]
        shift = count.new_tensor([s - r for s, r in zip(starts, itertools.accumulate([0] + counts[:-1]))])
        slot = torch.arange(flat.numel(), device=flat.device) + shift[flat[order]]
        source = torch.full((ends[-1],), flat.numel(), device=flat.device).index_copy_(0, slot, order)
        inverse = torch.empty_like(order).index_copy_(0, order, slot)
        rows = source.remainder(flat.numel()) // k
        bounds = list(zip(starts, ends))
        h = GroupedLinear.apply(Dispatch.apply(x, rows, inverse, k), self.weight(n + "gu"), bounds)
        # The routing weight commutes with the down projection; it is cheaper here.
        h = swiglu_weighted(h, F.pad(w.flatten(), (0, 1)).index_select(0, source))
        y = GroupedLinear.apply(h, self.weight(n + "down"), bounds)
        return Combine.apply(y, rows, inverse, k)

    def forward(self, tokens, targets=None):
        """tokens [B, T]. Returns logits, or with targets the summed loss (targets 0 = bos are ignored)."""
        c, t = self.c, tokens.shape[1]
        cos, sin, eps = self.cos[:t], self.sin[:t], c["rms_norm_eps"]
        x = F.embedding(tokens, self.weight("embed")).float()
        for i in range(c["num_hidden_layers"]):
            n = f"l{i}_"
            x = x + self.attention(n, norm(x, self.weight(n + "in_norm"), eps), cos, sin)
            h = norm(x, self.weight(n + "post_norm"), eps)
            if i < c["first_k_dense_replace"]:
                x = x + self.mlp(n, h)
            else:
                flat = h.flatten(0, 1)
                x = x + (self.moe(n, flat) + self.mlp(n, flat)).view_as(x)
        x = norm(x, self.weight("norm"), eps)
        logits = F.linear(x, self.weight("head"))
        if targets is None:
            return logits
        return loss_sum(logits.flatten(0, 1), targets.flatten())

    @torch.no_grad()
    def balance(self, gamma):
        """Auxiliary-loss-free load balancing; returns the worst expert's load over the mean."""
        worst = 0.0
        for n, count in self.loads.items():
            count = count.float()
            getattr(self, n + "bias").add_(gamma * torch.sign(count.mean() - count))
            worst = max(worst, (count.max() / count.mean()).item())
        self.loads = {}
        return worst
