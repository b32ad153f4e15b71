"""What the golden scripts share: raw tensors of a checkpoint, and the checksums the tests compare."""
import json
import struct
import zlib

import numpy as np

DTYPES = {"F32": np.dtype("<f4"), "BF16": np.dtype("<u2"), "F8_E4M3": np.dtype("u1")}


def crc32(data):
    return zlib.crc32(data) & 0xFFFFFFFF


def file_crc32(path):
    with open(path, "rb") as f:
        return crc32(f.read())


def e4m3_values():
    """The 256 values of OCP E4M3."""
    code = np.arange(256)
    exponent, fraction = (code >> 3) & 15, code & 7
    value = np.where(exponent == 0, fraction * 2.0**-9, (8 + fraction) * 2.0 ** (np.maximum(exponent, 1) - 10.0))
    value[(code & 0x7F) == 0x7F] = np.nan
    return np.where(code & 0x80, -value, value)


def bf16_values(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


class Checkpoint:
    """model.safetensors and config.json of a directory."""

    def __init__(self, directory):
        self.directory = directory
        with open(directory + "/config.json") as f:
            self.config = json.load(f)
        with open(directory + "/model.safetensors", "rb") as f:
            data = f.read()
        self.crc32 = crc32(data)
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        self.tensors = {}
        for name, info in header.items():
            if name == "__metadata__":
                continue
            first, last = info["data_offsets"]
            raw = np.frombuffer(data[8 + size + first:8 + size + last], DTYPES[info["dtype"]])
            self.tensors[name] = (info["dtype"], raw.reshape(info["shape"]))

    def values(self, name):
        """FP32 values of a BF16 or FP32 tensor; of an FP8 one without its scales, as float64."""
        dtype, raw = self.tensors[name]
        if dtype == "BF16":
            return bf16_values(raw)
        return e4m3_values()[raw] if dtype == "F8_E4M3" else raw.astype(np.float32)
