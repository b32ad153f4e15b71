"""The functional simulator beside llama.cpp (llama-cpp-python) on one checkpoint and the same processors: make bench-llama.

    llama.py [MODEL.gguf] [--rounds N] [--threads N]

llama.cpp gets the weights as Q8_0 (requantised from the same file), the simulator its exact E4M3 digits: two a weight, nearly
BF16 as in every figure of quality, or one, as many bytes as Q8_0. Both go in turn, several rounds, so that a busy machine
hurts both alike; what is printed is the median of the rounds.
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


def llama_rates(path, threads):
    model = llama_cpp.Llama(path, n_threads=threads, n_threads_batch=threads, n_ctx=256, n_batch=PREFILL_TOKENS, verbose=False)
    model.eval([10] * PREFILL_TOKENS)  # touches the weights
    model.reset()
    start = time.perf_counter()
    model.eval([10] * PREFILL_TOKENS)
    prefill = PREFILL_TOKENS / (time.perf_counter() - start)
    model.reset()
    start = time.perf_counter()
    for _ in range(DECODE_TOKENS):
        model.eval([10])
    return {"decode": DECODE_TOKENS / (time.perf_counter() - start), "prefill": prefill}


def bench(source, *options):
    return subprocess.run(["build/bench_runtime", *options], env={**os.environ, "HADAL_CHECKPOINT": source}, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def hadal_rates(source, threads):
    """Each in a process of its own, whose memory it is."""
    rates = {}
    for name in bench(source, f"--benchmark_filter=^checkpoint/.*/{threads}/", "--benchmark_list_tests").split():
        report = bench(source, f"--benchmark_filter=^{name}$", "--benchmark_min_time=2", "--benchmark_format=json")
        rates[name.split("/")[1]] = json.loads(report)["benchmarks"][0]
    return rates


def main():
    parser = argparse.ArgumentParser(description="The functional simulator beside llama.cpp.")
    parser.add_argument("model", nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    source = options.model or subprocess.run(["tools/fetch_smollm2.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    q8 = requantised(source)
    ours, theirs = [], []
    for round_ in range(options.rounds):
        print(f"round {round_ + 1} of {options.rounds}", flush=True)
        theirs.append(llama_rates(q8, options.threads))
        ours.append(hadal_rates(source, options.threads))
    print(f"\n{os.path.basename(source)}, {options.threads} threads, median of {options.rounds} rounds\n")
    print(f"{'':34}{'tokens/s':>10}{'llama.cpp Q8_0':>16}{'ratio':>8}{'limit':>7}{'memory':>9}")
    for name in ours[0]:
        kind = name.split("_")[0]
        rate = statistics.median(r[name]["tokens_per_s"] for r in ours)
        peer = statistics.median(r[kind] for r in theirs)
        ratio = statistics.median(o[name]["tokens_per_s"] / t[kind] for o, t in zip(ours, theirs))
        memory = statistics.median(r[name]["memory_ratio"] for r in ours)
        print(f"{name.replace('_', ' '):34}{rate:10.1f}{peer:16.1f}{ratio:8.2f}{LIMITS[kind]:7.1f}{memory:9.2f}")
    print("\nmemory: resident bytes of the simulator's process / bytes of weights and cache on the chip")


main()
