"""Random bits as numbers of each float dtype, evenly spaced and exact."""

from __future__ import annotations

import math

from minikeras.engine import prims
from minikeras.engine.aval import Shape
from minikeras.engine.tensor import Tensor

# How many random bits a float of each dtype takes: as many as its significand holds.
_WIDTH = {"float32": 24, "float16": 11, "bfloat16": 8}


def words(key: Tensor, shape: Shape) -> Tensor:
    """uint32 random words of a shape."""
    return prims.random_bits(key, shape=tuple(shape))


def fork(key: Tensor, number: int) -> Tensor:
    """Another key for the same draw, for a second stream of bits."""
    from_seed = prims.full(shape=(2,), dtype="uint32", value=0)
    lane = prims.iota(shape=(2,), dtype="uint32", axis=0)
    mix = (0x9E3779B9 * (number + 1)) % 2**32
    first = prims.eq(lane, from_seed)
    return prims.select(first, prims.bitwise_xor(key, prims.const(key, mix)), key)


def _wide(key: Tensor, shape: Shape) -> Tensor:
    """53 random bits as whole float64 numbers."""
    pair = words(key, (2, *shape))
    steps = (1,) * pair.ndim

    def half(i: int, drop: int) -> Tensor:
        at = prims.slice(
            pair, starts=(i,) + (0,) * len(shape), stops=(i + 1, *shape), steps=steps
        )
        kept = prims.shift_right(at, prims.const(at, drop))
        return prims.cast(prims.reshape(kept, shape=tuple(shape)), dtype="float64")

    high = half(0, 5)
    return prims.add(prims.mul(high, prims.const(high, 2.0**26)), half(1, 6))


def _whole(key: Tensor, shape: Shape, dtype: str) -> tuple[Tensor, int]:
    """Whole random numbers below 2**width as floats, and the width."""
    if dtype == "float64":
        return _wide(key, shape), 53
    width = _WIDTH[dtype]
    bits = words(key, shape)
    # The detour by int32 is free of loss, and kernels convert it to floats faster.
    kept = prims.cast(
        prims.shift_right(bits, prims.const(bits, 32 - width)), dtype="int32"
    )
    return prims.cast(kept, dtype=dtype), width


def unit(key: Tensor, shape: Shape, dtype: str) -> Tensor:
    """Floats of at least 0 and less than 1."""
    k, width = _whole(key, shape, dtype)
    return prims.mul(k, prims.const(k, 2.0**-width))


def symmetric(key: Tensor, shape: Shape, dtype: str) -> Tensor:
    """Floats within -1 and 1 that are neither of the two, nor 0: odd multiples of a step."""
    k, width = _whole(key, shape, dtype)
    # k - (2**(width - 1) - 1/2), doubled so that it stays whole, is exact.
    centred = prims.sub(k, prims.const(k, 2.0 ** (width - 1)))
    doubled = prims.add(prims.add(centred, centred), prims.const(k, 1))
    return prims.mul(doubled, prims.const(k, 2.0**-width))


def positive(key: Tensor, shape: Shape, dtype: str) -> Tensor:
    """Floats above 0 and below 1."""
    x = symmetric(key, shape, dtype)
    half = prims.const(x, 0.5)
    return prims.add(prims.mul(x, half), half)


def standard_normal(key: Tensor, shape: Shape, dtype: str) -> Tensor:
    """Normal numbers, mean 0 and deviation 1, by the inverse of their distribution."""
    x = prims.erfinv(symmetric(key, shape, dtype))
    return prims.mul(x, prims.const(x, math.sqrt(2)))
