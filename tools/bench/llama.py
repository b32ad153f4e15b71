"""The functional simulator beside llama.cpp (llama-cpp-python) on one checkpoint and the same processors: make bench-llama.

    llama.py [MODEL.gguf] [--rounds N] [--threads N]

llama.cpp gets the weights as Q8_0 (requantised from the same file), the simulator its exact E4M3 digits: two a weight, nearly
BF16 as in every figure of quality, or one, as many bytes as Q8_0. Each figure is measured right after its peer, several rounds:
the state of a shared machine changes within seconds. What is printed is the median of the ratios, and their range.
"""
import argparse
import ctypes
import json
import os
import statistics
import subprocess
import time

import llama_cpp

DECODE_TOKENS, PREFILL_TOKENS = 64, 128
LIMITS = {"decode": 0.4, "prefill": 0.3}


@llama_cpp.llama_log_callback
def quiet(level, text, user_data):
    pass


def requantised(source):
    target = os.path.splitext(source)[0] + ".Q8_0-requantised.gguf"
    if not os.path.exists(target):
        parameters = llama_cpp.llama_model_quantize_default_params()
        parameters.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
        parameters.allow_requantize = True
        if llama_cpp.llama_model_quantize(source.encode(), (target + ".part").encode(), ctypes.byref(parameters)) != 0:
            raise SystemExit(f"{source}: llama.cpp cannot requantise it")
        os.rename(target + ".part", target)
    return target


def llama_rate(model, kind):
    model.reset()
    start = time.perf_counter()
    if kind == "prefill":
        model.eval([10] * PREFILL_TOKENS)
        return PREFILL_TOKENS / (time.perf_counter() - start)
    for _ in range(DECODE_TOKENS):
        model.eval([10])
    return DECODE_TOKENS / (time.perf_counter() - start)


def bench(source, *options):
    return subprocess.run(["build/bench_runtime", *options], env={**os.environ, "HADAL_CHECKPOINT": source}, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def hadal_rate(source, name):
    """In a process of its own, whose memory it is."""
    report = bench(source, f"--benchmark_filter=^{name}$", "--benchmark_min_time=1", "--benchmark_format=json")
    return json.loads(report)["benchmarks"][0]


def main():
    parser = argparse.ArgumentParser(description="The functional simulator beside llama.cpp.")
    parser.add_argument("model", nargs="?")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    source = options.model or subprocess.run(["tools/fetch_smollm2.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    q8 = requantised(source)
    peer = llama_cpp.Llama(q8, n_threads=options.threads, n_threads_batch=options.threads, n_ctx=256, n_batch=PREFILL_TOKENS,
                           verbose=False)
    peer.eval([10] * PREFILL_TOKENS)  # touches the weights
    names = bench(source, f"--benchmark_filter=^checkpoint/.*/{options.threads}/", "--benchmark_list_tests").split()
    pairs = {name: [] for name in names}
    for round_ in range(options.rounds):
        print(f"round {round_ + 1} of {options.rounds}", flush=True)
        for name in names:  # one right after the other: the machine's state changes within seconds
            theirs = llama_rate(peer, name.split("/")[1].split("_")[0])
            pairs[name].append((theirs, hadal_rate(source, name)))
    print(f"\n{os.path.basename(source)}, {options.threads} threads, median of {options.rounds} rounds\n")
    print(f"{'':34}{'tokens/s':>10}{'llama.cpp Q8_0':>16}{'ratio':>8}{'lowest':>8}{'highest':>9}{'limit':>7}{'memory':>9}")
    for name, measured in pairs.items():
        title = name.split("/")[1]
        rate = statistics.median(ours["tokens_per_s"] for _, ours in measured)
        theirs = statistics.median(rate for rate, _ in measured)
        ratios = [ours["tokens_per_s"] / rate for rate, ours in measured]
        memory = statistics.median(ours["memory_ratio"] for _, ours in measured)
        print(f"{title.replace('_', ' '):34}{rate:10.1f}{theirs:16.1f}{statistics.median(ratios):8.2f}{min(ratios):8.2f}{max(ratios):9.2f}"
              f"{LIMITS[title.split('_')[0]]:7.1f}{memory:9.2f}")
    print("\nmemory: resident bytes of the simulator's process / bytes of weights and cache on the chip")


main()
