"""The special function unit (docs/numerics.md) in numpy, on the coefficients of src/numerics/sfu_tables.h."""
import os
import re

import numpy as np

HEADER = os.path.join(os.path.dirname(__file__), "../../src/numerics/sfu_tables.h")


def read_tables():
    with open(HEADER) as f:
        text = f.read()
    found = re.findall(r"kSfu(\w+)C(\d)\[kSfuSegments\] = \{([^}]*)\}", text)
    return {(name, int(c)): np.array([int(v) for v in body.split(",") if v.strip()], np.int64) for name, c, body in found}


TABLES = read_tables()


def interpolate(name, fraction):
    """Mantissa in units of 2^-23 for a 23-bit fraction."""
    segment, t = fraction >> 16, fraction & 0xFFFF
    square = ((t >> 4) * (t >> 4)) >> 12
    c0, c1, c2 = (TABLES[name, i][segment] for i in range(3))
    return (c0 + ((c1 * t) >> 15) + ((c2 * square) >> 11) + 8) >> 4


def split(x):
    """Exponent and 23-bit fraction of positive finite normal numbers."""
    bits = x.view(np.int32).astype(np.int64)
    assert np.all((bits >= 0x00800000) & (bits < 0x7F800000)), "outside what the model needs"
    return (bits >> 23) - 127, bits & 0x7FFFFF


def compose(mantissa, exponent):
    # ldexp rounds a result below the normal range to nearest even.
    return np.ldexp(mantissa.astype(np.float64), exponent - 23).astype(np.float32)


def exp2(x):
    inside = (x >= np.float32(-149.5)) & (x < np.float32(128))
    fixed = np.floor(np.where(inside, x, 0).astype(np.float64) * 2.0**23).astype(np.int64)
    y = compose(interpolate("Exp2", fixed & 0x7FFFFF), fixed >> 23)
    return np.where(inside, y, np.where(x < 0, np.float32(0), np.float32(np.inf)))


def rcp(x):
    exponent, fraction = split(x)
    return compose(interpolate("Rcp", fraction), -exponent - 1)


def rsqrt(x):
    exponent, fraction = split(x)
    odd = exponent & 1
    mantissa = np.where(odd == 1, interpolate("RsqrtOdd", fraction), interpolate("RsqrtEven", fraction))
    return compose(mantissa, -((exponent - odd) // 2) - 1)
