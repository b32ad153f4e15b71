"""Writes tests/goldens/gguf_blocks.json: random blocks of each quantised format as the `gguf` package dequantises them.

  python tools/goldens/gguf_golden.py [OUTPUT]        (gguf, numpy)
"""
import json
import sys

import gguf
import numpy as np

FORMATS = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"]
# Where the half-precision scales stand in a block.
HALVES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0]}
BLOCKS = 3


def main():
    output = sys.argv[1] if len(sys.argv) > 1 else "tests/goldens/gguf_blocks.json"
    random = np.random.default_rng(5)
    formats = {}
    for name in FORMATS:
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        data = random.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
        for at in HALVES[name]:
            scales = random.normal(0, 0.1, BLOCKS).astype("<f2")
            data[:, at:at + 2] = scales.view(np.uint8).reshape(BLOCKS, 2)
        values = gguf.quants.dequantize(data.reshape(1, -1), kind).reshape(-1)
        assert values.size == BLOCKS * elements
        formats[name] = {"elements": elements, "bytes": size, "data": data.tobytes().hex(),
                         "values": [float(v) for v in values.astype(np.float64)]}
    with open(output, "w") as file:
        json.dump(formats, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
