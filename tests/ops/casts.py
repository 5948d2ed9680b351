"""The rule of casts in plain Python, and values at which an implementation may fail."""

import numpy as np

from minikeras.engine import dtypes
from minikeras.engine.dtypes import ALLOWED, COMPLEX, FLOATS, numpy_dtype

# Around the ends of every integer dtype and of float16, ties of the halves, the rest.
_POWERS = [7, 8, 11, 15, 16, 24, 31, 32, 53, 63, 64]
_INTEGERS = sorted(
    {s * (2**p + d) for p in _POWERS for d in (-1, 0, 1) for s in (1, -1)}
    | {0, 1, -1, 2, 300, -300, 65503, 65504, 65519, 65520, 65536, 70000, 257, 259}
)
_FRACTIONS = [0.5, -0.5, 0.999, -0.999, 1.5, -1.5, 127.5, 127.999, -128.5, -128.999]
_FRACTIONS += [255.999, -1e-30, 1e-30, 32767.75, 65535.5, 1e30, -1e30, 3.4e38, 1e300]
_FRACTIONS += [1 + 2.0**-11 + 2.0**-40, 65519.9999999999, -0.0]
_FRACTIONS += [np.inf, -np.inf, np.nan]


def is_float(dtype):
    return dtypes.is_float(dtype) or dtypes.is_float8(dtype)


def values(source):
    """Edge values in a dtype, more than a vector of any machine holds."""
    if source == "bool":
        return np.array([False, True, True, False] * 9)
    if is_float(source):
        with np.errstate(over="ignore"):
            wide = np.array([*map(float, _INTEGERS), *_FRACTIONS])
            return wide.astype(numpy_dtype(source))
    info = np.iinfo(source)
    held = [n for n in _INTEGERS if info.min <= n <= info.max]
    return np.array(held * 3, source)


def cast(array, target):
    """What a cast gives: floats clip, integers wrap around, halves go through float32."""
    with np.errstate(over="ignore"):
        if target == "bool":
            return np.array([bool(v != 0) for v in array.tolist()])
        if is_float(target):
            if numpy_dtype(target).itemsize < 4:
                array = array.astype("float32")
            return array.astype(numpy_dtype(target))
    info = np.iinfo(target)
    if not is_float(array.dtype.name):
        count = int(info.max) - int(info.min) + 1
        first = int(info.min)
        held = [(int(v) - first) % count + first for v in array.tolist()]
    else:
        held = [_clipped(v, info) for v in array.astype("float64").tolist()]
    return np.array(held, target)


def _clipped(value, info):
    if value != value:
        return 0
    if value in (float("inf"), float("-inf")):
        return int(info.max if value > 0 else info.min)
    return min(max(int(value), int(info.min)), int(info.max))


def assert_same(got, wanted, what):
    """Equal dtypes and values, NaN and the sign of zero too."""
    assert got.dtype == wanted.dtype, f"{what}: {got.dtype}, expected {wanted.dtype}"
    if is_float(wanted.dtype.name):
        got, wanted = got.astype("float64"), wanted.astype("float64")
        np.testing.assert_array_equal(np.signbit(got), np.signbit(wanted), what)
    np.testing.assert_array_equal(got, wanted, what)


# Casts of complex numbers: test_complex.py.
SOURCES = TARGETS = tuple(d for d in ALLOWED if d not in COMPLEX)
FLOAT_SOURCES = FLOATS
# Floats of 8 bits beside Keras: tests/quantizers/test_float8.py. JAX wraps those that an
# integer cannot hold around, and clips all other floats.
COMPARED = tuple(d for d in SOURCES if not dtypes.is_float8(d))
