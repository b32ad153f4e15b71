"""Writes tests/goldens/gguf_llama.json: logits of llama.cpp for the tiny models of families.json, as GGUF files.

  PACKAGES=bench tools/python.sh tools/goldens/gguf_llama.py [OUTPUT]        (llama-cpp-python, gguf, numpy)

The files are written by the `gguf` package in FP32, named and laid out as the converter of llama.cpp does it: both ways of
holding the keys and values of latents. llama.cpp computes in FP32, with a cache in FP32. DeepSeek-V2-Lite is left out: it is
known to llama.cpp by its 27 layers; qwen2 of families.json too, whose heads are wider than llama.cpp allows. No groups of experts
are written where the gate is a softmax: llama.cpp ranks them otherwise than DeepSeek-V2 does.
"""
import ctypes
import json
import os
import sys
import tempfile

import gguf
import llama_cpp
import numpy as np

from family_values import values

CASES = {"deepseek_v2": "deepseek2", "deepseek_v3": "deepseek2", "qwen3_moe": "qwen3moe",
         "qwen3": "qwen3", "llama": "llama"}
TOKENS = 24
NAMES = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
         "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "self_attn.q_a_proj": "attn_q_a",
         "self_attn.q_a_layernorm": "attn_q_a_norm", "self_attn.q_b_proj": "attn_q_b",
         "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa", "self_attn.kv_a_layernorm": "attn_kv_a_norm",
         "self_attn.kv_b_proj": "attn_kv_b", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
         "mlp.gate": "ffn_gate_inp", "mlp.shared_experts.gate_proj": "ffn_gate_shexp",
         "mlp.shared_experts.up_proj": "ffn_up_shexp", "mlp.shared_experts.down_proj": "ffn_down_shexp"}


def contents(name, kind, shape, scale, offset):
    """As families_golden.py fills tensors, rounded to their type."""
    out = values(name, shape, scale, offset)
    if kind == "BF16":
        bits = out.view(np.uint32)
        out = ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    return out


def metadata(writer, arch, config, newer):
    rope = config.get("rope_parameters") or {}
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope.get("rope_theta", 10000.0))
    writer.add_vocab_size(config["vocab_size"])
    if rope.get("rope_type") == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        if arch == "deepseek2":
            writer.add_rope_scaling_yarn_log_mul(0.1 * rope["mscale_all_dim"])
    if arch == "deepseek2":
        key = config["qk_nope_head_dim"] + config["qk_rope_head_dim"]
        if config.get("q_lora_rank"):
            writer.add_q_lora_rank(config["q_lora_rank"])
        writer.add_kv_lora_rank(config["kv_lora_rank"])
        writer.add_rope_dimension_count(config["qk_rope_head_dim"])
        writer.add_head_count_kv(1 if newer else config["num_attention_heads"])
        writer.add_key_length(config["kv_lora_rank"] + config["qk_rope_head_dim"] if newer else key)
        writer.add_value_length(config["kv_lora_rank"] if newer else config["v_head_dim"])
        if newer:
            writer.add_key_length_mla(key)
            writer.add_value_length_mla(config["v_head_dim"])
        writer.add_leading_dense_block_count(config["first_k_dense_replace"])
        writer.add_expert_count(config["n_routed_experts"])
        writer.add_expert_used_count(config["num_experts_per_tok"])
        writer.add_expert_shared_count(config["n_shared_experts"])
        writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
        writer.add_expert_weights_scale(config["routed_scaling_factor"])
        sigmoid = config["model_type"] == "deepseek_v3"
        writer.add_expert_weights_norm(bool(config.get("norm_topk_prob")) and sigmoid)
        writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID if sigmoid else gguf.ExpertGatingFuncType.SOFTMAX)
        if sigmoid:
            writer.add_expert_group_count(config["n_group"])
            writer.add_expert_group_used_count(config["topk_group"])
        return
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    if arch == "qwen3moe":
        writer.add_expert_count(config.get("num_experts") or config["num_local_experts"])
        writer.add_expert_used_count(config["num_experts_per_tok"])
        writer.add_expert_feed_forward_length(config["moe_intermediate_size"])


def vocabulary(writer, count):
    itself = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    tokens = [chr(b) if b in itself else chr(next(others)) for b in range(256)] + ["ab"]
    tokens += [f"<{i}>" for i in range(257, count)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * count)
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)


def tensors(writer, arch, case, newer):
    config, all_ = case["config"], {t[0]: contents(*t) for t in case["tensors"]}
    writer.add_tensor("token_embd.weight", all_["model.embed_tokens.weight"])
    writer.add_tensor("output_norm.weight", all_["model.norm.weight"])
    if "lm_head.weight" in all_ and not config.get("tie_word_embeddings"):
        writer.add_tensor("output.weight", all_["lm_head.weight"])
    for layer in range(config["num_hidden_layers"]):
        source, target = f"model.layers.{layer}.", f"blk.{layer}."
        for old, new in NAMES.items():
            for suffix in (".weight", ".bias"):
                value = all_.get(source + old + suffix)
                if value is None:
                    continue
                if new == "attn_kv_b" and newer:
                    heads, rank = config["num_attention_heads"], value.shape[1]
                    per_head = value.reshape(heads, -1, rank)
                    keys = config["qk_nope_head_dim"]
                    writer.add_tensor(target + "attn_k_b.weight", per_head[:, :keys].transpose(0, 2, 1).copy())
                    writer.add_tensor(target + "attn_v_b.weight", per_head[:, keys:].copy())
                    continue
                if arch == "llama" and new in ("attn_q", "attn_k"):
                    heads = config["num_attention_heads" if new == "attn_q" else "num_key_value_heads"]
                    value = value.reshape(heads, 2, -1, value.shape[1]).swapaxes(1, 2).reshape(value.shape)
                writer.add_tensor(target + new + suffix, value.copy())
        bias = all_.get(source + "mlp.gate.e_score_correction_bias")
        if bias is not None:
            writer.add_tensor(target + "exp_probs_b.bias", bias)
        for part in ("gate", "up", "down"):
            experts = []
            while f"{source}mlp.experts.{len(experts)}.{part}_proj.weight" in all_:
                experts.append(all_[f"{source}mlp.experts.{len(experts)}.{part}_proj.weight"])
            if experts:
                writer.add_tensor(f"{target}ffn_{part}_exps.weight", np.stack(experts))


def logits(path, tokens):
    model = llama_cpp.Llama(path, n_ctx=64, n_batch=64, n_threads=1, logits_all=True, type_k=0, type_v=0, flash_attn=False,
                            verbose=False)
    model.eval(tokens)
    return np.array(model.scores[:len(tokens)], dtype=np.float64)


@llama_cpp.llama_log_callback
def quiet(level, text, user_data):
    if level >= 4:  # errors
        sys.stderr.write(text.decode())


def main():
    output = sys.argv[1] if len(sys.argv) > 1 else "tests/goldens/gguf_llama.json"
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    with open("tests/goldens/families.json") as file:
        families = {case["name"]: case for case in json.load(file)["cases"]}
    found = []
    for name, arch in CASES.items():
        case = families[name]
        for newer in ([False, True] if arch == "deepseek2" else [False]):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "model.gguf")
                writer = gguf.GGUFWriter(path, arch)
                metadata(writer, arch, case["config"], newer)
                vocabulary(writer, case["config"]["vocab_size"])
                tensors(writer, arch, case, newer)
                writer.write_header_to_file()
                writer.write_kv_data_to_file()
                writer.write_tensors_to_file()
                writer.close()
                rows = logits(path, case["tokens"][:TOKENS])
            print(f"{name}, {'apart' if newer else 'together'}: logits deviate by {rows.std():.3f}; against transformers: " +
                  ", ".join(f"{np.abs(rows[int(r)] - np.array(v)).max() / np.std(v):.2g}"
                            for r, v in case["logits"].items() if int(r) < TOKENS), flush=True)
            found.append({"name": name, "newer": newer, "logits": {
                str(r): [float(f"{v:.6g}") for v in rows[r]] for r in (1, TOKENS - 1)}})
    with open(output, "w") as file:
        file.write('{"llama_cpp_python": "%s", "cases": [\n' % llama_cpp.__version__)
        file.write(",\n".join(json.dumps(case, separators=(",", ":")) for case in found) + "\n]}\n")


if __name__ == "__main__":
    main()
