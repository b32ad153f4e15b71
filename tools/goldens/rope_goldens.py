"""Writes tests/goldens/rope_deepseek_v3.json: frequencies and softmax scales as transformers' DeepseekV3 computes them.

  python tools/goldens/rope_goldens.py > tests/goldens/rope_deepseek_v3.json
"""
import json
import logging

from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3RotaryEmbedding, DeepseekV3Config, yarn_apply_mscale

logging.disable(logging.WARNING)


def yarn(factor, original, fast=32, slow=1, mscale=1.0):
    return {"type": "yarn", "factor": factor, "original_max_position_embeddings": original, "beta_fast": fast,
            "beta_slow": slow, "mscale": mscale, "mscale_all_dim": mscale}


# (qk_nope_head_dim, qk_rope_head_dim, rope_theta, rope_scaling); the second is DeepSeek-V3, the third Kimi K2.
CASES = [(128, 64, 10000, yarn(4, 512)), (128, 64, 10000, yarn(40, 4096)), (128, 64, 50000, yarn(32, 4096, 1, 1)),
         (128, 64, 10000, None), (64, 32, 50000, None), (128, 128, 1000000, None), (64, 48, 10000, yarn(2.5, 100, 40, 2, 0.707)),
         (32, 16, 500, yarn(8, 64)), (128, 64, 10000, yarn(1, 4096)),
         (32, 16, 500, yarn(8, 1000000, 10000, 1)), (32, 16, 10000, yarn(8, 6))]

rows = []
for nope, rope, theta, scaling in CASES:
    row = {"qk_nope_head_dim": nope, "qk_rope_head_dim": rope, "rope_theta": theta, "rope_scaling": scaling and dict(scaling)}
    config = DeepseekV3Config(qk_nope_head_dim=nope, qk_rope_head_dim=rope, rope_theta=theta, rope_scaling=scaling)
    embedding = DeepseekV3RotaryEmbedding(config)
    assert embedding.attention_scaling == 1
    row["inv_freq"] = [float(x) for x in embedding.inv_freq]
    row["scale"] = yarn_apply_mscale(config.rope_parameters, (nope + rope) ** -0.5)
    rows.append(row)
print("[" + ",\n".join(map(json.dumps, rows)) + "]")
