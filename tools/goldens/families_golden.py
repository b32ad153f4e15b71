"""Writes tests/goldens/families.json: what Hugging Face transformers computes, in FP32, with tiny random models of every
family.

  python tools/goldens/families_golden.py [OUTPUT]        (torch, transformers, numpy)

A case holds config.json and the tensors (name, type, shape) as transformers saves them. Weights are not stored: value i
of a tensor is `offset + scale * sum`, rounded to the tensor's type, where `sum` adds the four 16-bit fields of number i
of splitmix64 seeded with FNV-1a of the tensor's name, less 2 * 65535; the test fills its files in the same way.
"""
import json
import os
import sys
import tempfile

import numpy as np
import torch
import transformers
from safetensors import safe_open

from family_values import fnv1a, splitmix, values

VOCABULARY = 320
TOKENS = 160  # more than one tile of attention
COMMON = dict(vocab_size=VOCABULARY, num_hidden_layers=2, max_position_embeddings=512, rms_norm_eps=1e-6,
              bos_token_id=0, eos_token_id=1, pad_token_id=None)
LATENT = dict(hidden_size=160, intermediate_size=352, moe_intermediate_size=96, num_attention_heads=2,
              num_key_value_heads=2, n_shared_experts=2, n_routed_experts=8, num_experts_per_tok=3, kv_lora_rank=128,
              qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128, first_k_dense_replace=1)
YARN = dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=64, beta_fast=32, beta_slow=1)

# name, type of weights, model class, config
CASES = [
    ("llama", "F32", "Llama", dict(hidden_size=96, intermediate_size=160, num_attention_heads=4, num_key_value_heads=2)),
    ("llama_3", "BF16", "Llama",
     dict(hidden_size=128, intermediate_size=256, num_attention_heads=4, num_key_value_heads=1, head_dim=64,
          tie_word_embeddings=True,
          rope_parameters=dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0,
                               high_freq_factor=4.0, original_max_position_embeddings=64))),
    ("llama_linear", "BF16", "Llama",
     dict(hidden_size=576, intermediate_size=320, num_attention_heads=9, num_key_value_heads=3,
          rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0))),
    ("llama_wide_heads", "BF16", "Llama",
     dict(hidden_size=160, intermediate_size=160, num_attention_heads=2, num_key_value_heads=2, head_dim=160)),
    ("qwen2", "BF16", "Qwen2",
     dict(hidden_size=160, intermediate_size=320, num_attention_heads=4, num_key_value_heads=2, head_dim=128,
          rope_parameters=dict(rope_theta=1000000.0, **YARN))),
    ("qwen3", "BF16", "Qwen3",
     dict(hidden_size=160, intermediate_size=320, num_attention_heads=4, num_key_value_heads=2, head_dim=128,
          rope_parameters=dict(rope_type="default", rope_theta=1000000.0))),
    ("qwen3_moe", "BF16", "Qwen3Moe",
     dict(hidden_size=160, intermediate_size=320, moe_intermediate_size=96, num_attention_heads=4,
          num_key_value_heads=2, head_dim=64, num_experts=10, num_experts_per_tok=3, norm_topk_prob=True,
          rope_parameters=dict(rope_type="default", rope_theta=1000000.0))),
    ("deepseek_v2_lite", "BF16", "DeepseekV2",
     dict(LATENT, q_lora_rank=None, topk_method="greedy", routed_scaling_factor=1.0,
          rope_parameters=dict(rope_theta=10000.0, mscale=0.707, mscale_all_dim=0.707, **YARN))),
    ("deepseek_v2", "BF16", "DeepseekV2",
     dict(LATENT, q_lora_rank=128, topk_method="group_limited_greedy", n_group=4, topk_group=2,
          routed_scaling_factor=16.0, rope_parameters=dict(rope_type="default", rope_theta=10000.0))),
    ("deepseek_v3", "BF16", "DeepseekV3",
     dict(LATENT, q_lora_rank=128, n_group=4, topk_group=2, routed_scaling_factor=2.5, norm_topk_prob=True,
          rope_parameters=dict(rope_theta=10000.0, mscale=1.0, mscale_all_dim=1.0, **YARN))),
]


def parameters_of(name, shape):
    """Scale of the sum (whose deviation is about 37838) and offset."""
    sigma = 1 / 37838
    if name.endswith("norm.weight"):
        return 0.1 * sigma, 1.0
    if name.endswith("bias"):
        return 0.2 * sigma, 0.0
    if name.endswith("embed_tokens.weight"):
        return sigma, 0.0
    gain = 3.0 if "lm_head" in name or name.endswith("mlp.gate.weight") else 1.5
    return gain / shape[-1] ** 0.5 * sigma, 0.0


def run_case(name, kind, family, config):
    config_class = getattr(transformers, family + "Config")
    model_class = getattr(transformers, family + "ForCausalLM")
    torch.manual_seed(0)
    dtype = torch.float32 if kind == "F32" else torch.bfloat16
    with tempfile.TemporaryDirectory() as folder:
        model_class(config_class(**{**COMMON, **config})).to(dtype).save_pretrained(folder)
        tensors = []
        filled = {}
        with safe_open(os.path.join(folder, "model.safetensors"), "pt") as file:
            for key in sorted(file.keys()):
                old = file.get_tensor(key)
                scale, offset = parameters_of(key, old.shape)
                stored = {torch.float32: "F32", torch.bfloat16: "BF16"}[old.dtype]
                filled[key] = torch.from_numpy(values(key, old.shape, scale, offset)).to(old.dtype)
                tensors.append([key, stored, list(old.shape), float(np.float32(scale)), offset])
        from safetensors.torch import save_file
        save_file(filled, os.path.join(folder, "model.safetensors"), {"format": "pt"})
        with open(os.path.join(folder, "config.json")) as file:
            saved = json.load(file)
        model = model_class.from_pretrained(folder, dtype=torch.float32).eval()
        for key, tensor in filled.items():  # really these values, under these names
            own = dict(model.state_dict()).get(key)
            assert own is None or torch.equal(own, tensor.float()), key
    tokens = (splitmix(fnv1a("tokens of " + name), TOKENS) % np.uint64(VOCABULARY)).astype(np.int64)
    with torch.no_grad():
        logits = model(torch.from_numpy(tokens)[None], use_cache=False).logits[0].float()
    # The text a model would write is what it predicts well: targets are drawn from its own distribution.
    chances = torch.softmax(logits.double(), -1).numpy()
    draw = (splitmix(fnv1a("targets of " + name), TOKENS) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    targets = [int(min(VOCABULARY - 1, np.searchsorted(np.cumsum(c), d))) for c, d in zip(chances, draw)]
    nats = -torch.log_softmax(logits.double(), -1)[torch.arange(TOKENS), torch.tensor(targets)]
    top = logits.topk(2, -1).values
    margins = [float(f"{v:.4g}") for v in (top[:, 0] - top[:, 1]).tolist()]
    rows = {str(r): [float(f"{v:.7g}") for v in logits[r].tolist()] for r in (0, 1, TOKENS // 2, TOKENS - 1)}
    print(f"{name}: {nats.mean():.4f} nats, logits deviate by {logits.std():.3f}")
    return dict(name=name, config=saved, tensors=tensors, tokens=tokens.tolist(), targets=targets,
                nats=[float(f"{v:.7g}") for v in nats.tolist()], best=logits.argmax(-1).tolist(), margins=margins, logits=rows)


def main():
    output = sys.argv[1] if len(sys.argv) > 1 else "tests/goldens/families.json"
    torch.set_num_threads(1)
    cases = [run_case(*case) for case in CASES]
    with open(output, "w") as file:
        file.write('{"transformers": "%s", "cases": [\n' % transformers.__version__)
        file.write(",\n".join(json.dumps(case, separators=(",", ":")) for case in cases))
        file.write("\n]}\n")


if __name__ == "__main__":
    main()
