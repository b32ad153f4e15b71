"""Values of the tiny random models of families.json, which nobody stores: see families_golden.py for the rule."""
import numpy as np


def splitmix(seed, count):
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, count + 1, dtype=np.uint64)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        return z ^ z >> np.uint64(31)


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def values(name, shape, scale, offset):
    """FP32, before they are rounded to the tensor's type."""
    z = splitmix(fnv1a(name), int(np.prod(shape)))
    fields = sum((z >> np.uint64(16 * i) & np.uint64(0xFFFF)).astype(np.int64) for i in range(4)) - 2 * 65535
    out = np.float32(offset) + np.float32(scale) * fields.astype(np.float32)
    return out.astype(np.float32).reshape(shape)
