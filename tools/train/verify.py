"""Checks an exported folder against transformers' DeepseekV3ForCausalLM, in FP32.

  python verify.py --model models/hadal-tiny

Loads the dequantised tensors into the transformers model and compares the held-out loss with
model.py's, checks the file's tensors (names, types, shapes, power-of-two scales), the tokenizer
through AutoTokenizer, and prints greedy and sampled text from transformers' generate().
"""
import argparse
import json
import math
import os

import torch
from safetensors import safe_open
from transformers import AutoTokenizer, DeepseekV3Config, DeepseekV3ForCausalLM

import export
from model import Model, dequantise
from train import evaluate, heldout_windows


def read(folder):
    """Every weight of the file in FP32, dequantised."""
    out = {}
    with safe_open(os.path.join(folder, "model.safetensors"), "pt") as f:
        names = set(f.keys())
        for name in sorted(names):
            w = f.get_tensor(name)
            if name.endswith("_scale_inv"):
                assert w.dtype == torch.float32 and (torch.frexp(w)[0] == 0.5).all(), name
            elif name + "_scale_inv" in names:
                s = f.get_tensor(name + "_scale_inv")
                assert w.dtype == torch.float8_e4m3fn and w.isfinite().all(), name
                assert list(s.shape) == [-(-n // 128) for n in w.shape], name
                out[name] = dequantise(w, s)
            else:
                assert w.dtype == (torch.float32 if name.endswith("bias") else torch.bfloat16), name
                out[name] = w.float()
    return out


def reference(folder):
    """transformers' model with the folder's weights."""
    config = json.load(open(os.path.join(folder, "config.json")))
    experts = config["n_routed_experts"]
    for key in ("quantization_config", "torch_dtype"):
        config.pop(key)
    model = DeepseekV3ForCausalLM(DeepseekV3Config(**config)).float().eval()
    weights, state, used = read(folder), {}, set()

    def take(name):
        used.add(name)
        return weights[name]

    for key in model.state_dict():
        if key.endswith("experts.gate_up_proj"):
            base = key[:-len("gate_up_proj")]
            state[key] = torch.stack([torch.cat([take(f"{base}{e}.{p}_proj.weight") for p in ("gate", "up")]) for e in range(experts)])
        elif key.endswith("experts.down_proj"):
            state[key] = torch.stack([take(f"{key[:-len('down_proj')]}{e}.down_proj.weight") for e in range(experts)])
        else:
            state[key] = take(key)
    assert used == set(weights), set(weights) - used
    model.load_state_dict(state)
    return model


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--model", default="models/hadal-tiny")
    args = ap.parse_args()
    torch.set_num_threads(1)
    hf = reference(args.model)
    own = Model(os.path.join(args.model, "config.json"))
    export.load(own, args.model)
    own.dtype = torch.float32
    windows, size = heldout_windows(args.model)

    class Wrapped:
        loads = {}

        def __call__(self, x, y):
            logits = hf(x).logits
            return torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum")

    (a, n), (b, _) = evaluate(own, windows, "cpu"), evaluate(Wrapped(), windows, "cpu")
    print(f"held-out nats/token: model.py {a / n:.6f}, transformers {b / n:.6f}, difference {abs(a - b) / n:.1e}")
    print(f"bits/byte {b / math.log(2) / size:.5f} over {n} tokens, {size} bytes")
    assert abs(a - b) / n < 1e-4
    tok = AutoTokenizer.from_pretrained(args.model)
    prompt = "Once upon a time there was a little girl"
    ids = tok(prompt, return_tensors="pt").input_ids
    assert ids[0, 0] == 0 and tok.decode(ids[0], skip_special_tokens=True) == prompt
    long = torch.tensor([[0] + [i for w in windows for i in w[1:]][:2047]])
    with torch.no_grad():
        worst = (own(long) - hf(long).logits).abs().max().item()
    print(f"2048-token context: largest logit difference {worst:.1e}")
    torch.manual_seed(0)
    print(tok.decode(hf.generate(ids, max_new_tokens=60, do_sample=False)[0]))
    print(tok.decode(hf.generate(ids, max_new_tokens=150, do_sample=True, temperature=0.7, top_p=0.95)[0]))


if __name__ == "__main__":
    main()
