"""Writes tests/goldens/transformers_hadal_tiny.bin: what Hugging Face transformers predicts on held-out text, in FP32.

  python tools/goldens/transformers_golden.py [MODEL_DIRECTORY [OUTPUT]]        (torch, transformers, tokenizers)

Windows of 512 tokens as the model's card defines them. The file, little-endian: magic "HADALREF"; u32 CRC-32 of
model.safetensors; u32 CRC-32 of the text's tokens used (as u16); u32 window length; u32 windows; per predicted position
in order u16 likeliest token; then per position f32 negative log-likelihood of the token that follows.
"""
import struct
import sys

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

from checkpoint import Checkpoint, crc32

LENGTH = 512
WINDOWS = 40  # 20,440 predictions


def load(checkpoint):
    config = dict(checkpoint.config)
    config.pop("quantization_config")
    model = DeepseekV3ForCausalLM(DeepseekV3Config(**config)).float().eval()
    state = {}
    for name, (dtype, raw) in checkpoint.tensors.items():
        if name.endswith("weight_scale_inv"):
            continue
        value = checkpoint.values(name)
        if dtype == "F8_E4M3":
            scale = checkpoint.values(name + "_scale_inv").repeat(128, 0).repeat(128, 1)
            value = (value * scale[:value.shape[0], :value.shape[1]]).astype(np.float32)  # exact: a power of two
        state[name] = torch.from_numpy(np.array(value))
    # transformers holds the routed experts of a layer in two tensors.
    for layer in range(config["first_k_dense_replace"], config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}.mlp.experts."
        part = {kind: [state.pop(f"{prefix}{e}.{kind}_proj.weight") for e in range(config["n_routed_experts"])]
                for kind in ("gate", "up", "down")}
        state[prefix + "gate_up_proj"] = torch.cat([torch.stack(part["gate"]), torch.stack(part["up"])], 1)
        state[prefix + "down_proj"] = torch.stack(part["down"])
    model.load_state_dict(state)  # strict: every tensor is placed
    return model


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else "models/hadal-tiny"
    output = sys.argv[2] if len(sys.argv) > 2 else "tests/goldens/transformers_hadal_tiny.bin"
    torch.set_num_threads(1)
    checkpoint = Checkpoint(directory)
    model = load(checkpoint)
    with open(directory + "/heldout.txt") as f:
        text = f.read()
    ids = Tokenizer.from_file(directory + "/tokenizer.json").encode(text, add_special_tokens=False).ids
    ids = np.array(ids[:WINDOWS * (LENGTH - 1)])
    assert len(ids) == WINDOWS * (LENGTH - 1), "the held-out text is too short"
    best, nats = [], []
    for piece in ids.reshape(WINDOWS, LENGTH - 1):
        window = torch.tensor([[checkpoint.config["bos_token_id"], *piece[:-1]]])
        with torch.no_grad():
            logits = model(window, use_cache=False).logits[0]
        best.append(logits.argmax(-1).numpy())
        likelihood = torch.log_softmax(logits.double(), -1)
        nats.append(-likelihood[torch.arange(LENGTH - 1), torch.from_numpy(piece)].numpy())
    with open(output, "wb") as f:
        f.write(b"HADALREF" + struct.pack("<4I", checkpoint.crc32, crc32(ids.astype("<u2").tobytes()), LENGTH, WINDOWS))
        f.write(np.concatenate(best).astype("<u2").tobytes() + np.concatenate(nats).astype("<f4").tobytes())
    print(f"{len(ids)} tokens, cross-entropy {np.concatenate(nats).mean():.6f} nats")


if __name__ == "__main__":
    main()
