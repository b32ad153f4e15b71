"""Exports a training checkpoint as a Hugging Face folder with FP8 block-scaled weights, and loads one back.

  python export.py --checkpoint build/train/checkpoint.pt --model models/hadal-tiny

Matrices: F8_E4M3 with FP32 power-of-two `weight_scale_inv` per 128x128 block. Embedding, head,
norms and router: BF16. Router bias: FP32.
"""
import argparse
import os

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from model import Model, dequantise, quantise

SIMPLE = {"in_norm": "input_layernorm", "post_norm": "post_attention_layernorm", "q_a": "self_attn.q_a_proj",
          "q_norm": "self_attn.q_a_layernorm", "q_b": "self_attn.q_b_proj", "kv_a": "self_attn.kv_a_proj_with_mqa",
          "kv_norm": "self_attn.kv_a_layernorm", "kv_b": "self_attn.kv_b_proj", "o": "self_attn.o_proj", "gate": "mlp.gate"}


def names(config):
    """Yields (parameter, index into it or None, 'all'|'gate'|'up' rows, HF name without '.weight')."""
    yield "embed", None, "all", "model.embed_tokens"
    for i in range(config["num_hidden_layers"]):
        dense = i < config["first_k_dense_replace"]
        for short, long in SIMPLE.items():
            if not (dense and short == "gate"):
                yield f"l{i}_{short}", None, "all", f"model.layers.{i}.{long}"
        shared = f"model.layers.{i}.mlp" + ("" if dense else ".shared_experts")
        parts = [("shared_gu", "shared_down", None, shared)]
        if not dense:
            parts += [("gu", "down", e, f"model.layers.{i}.mlp.experts.{e}") for e in range(config["n_routed_experts"])]
        for gu, down, e, long in parts:
            yield f"l{i}_{gu}", e, "gate", long + ".gate_proj"
            yield f"l{i}_{gu}", e, "up", long + ".up_proj"
            yield f"l{i}_{down}", e, "all", long + ".down_proj"
    yield "norm", None, "all", "model.norm"
    yield "head", None, "all", "lm_head"


def view(model, param, index, rows):
    w = getattr(model, param).data
    w = w if index is None else w[index]
    return w if rows == "all" else w.chunk(2, 0)[0 if rows == "gate" else 1]


@torch.no_grad()
def export(model, folder):
    out = {}
    for param, index, rows, long in names(model.c):
        w = view(model, param, index, rows).cpu()
        if param.split("_", 1)[-1] in Model.FP8:
            out[long + ".weight"], out[long + ".weight_scale_inv"] = quantise(w)
        else:
            out[long + ".weight"] = w.to(torch.bfloat16)
    for name, bias in model.named_buffers():
        if name.endswith("_bias"):
            out[f"model.layers.{name[1:-5]}.mlp.gate.e_score_correction_bias"] = bias.float().cpu()
    path = os.path.join(folder, "model.safetensors")
    save_file({k: v.contiguous().clone() for k, v in out.items()}, path + ".part", metadata={"format": "pt"})
    os.chmod(path + ".part", 0o644)
    os.replace(path + ".part", path)
    return os.path.getsize(path)


@torch.no_grad()
def load(model, folder):
    """Fills a model's FP32 parameters from an exported folder."""
    with safe_open(os.path.join(folder, "model.safetensors"), "pt") as f:
        have = set(f.keys())
        for param, index, rows, long in names(model.c):
            w = f.get_tensor(long + ".weight")
            if long + ".weight_scale_inv" in have:
                w = dequantise(w, f.get_tensor(long + ".weight_scale_inv"))
            view(model, param, index, rows).copy_(w)
        for name, bias in model.named_buffers():
            if name.endswith("_bias"):
                bias.copy_(f.get_tensor(f"model.layers.{name[1:-5]}.mlp.gate.e_score_correction_bias"))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--checkpoint", default="build/train/checkpoint.pt")
    ap.add_argument("--model", default="models/hadal-tiny")
    args = ap.parse_args()
    model = Model(os.path.join(args.model, "config.json"))
    state = torch.load(args.checkpoint, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    print(f"step {state['step']}: {export(model, args.model)} bytes")


if __name__ == "__main__":
    main()
