"""Random bits as numbers of each float dtype, evenly spaced and exact."""

from __future__ import annotations

import math

from minikeras.engine import prims, ranks
from minikeras.engine.aval import Shape
from minikeras.engine.tensor import Tensor

# How many random bits a float of each dtype takes: as many as its significand holds.
_WIDTH = {"float32": 24, "float16": 11, "bfloat16": 8}
_GOLDEN = 0x9E3779B9  # 2**32 over the golden ratio: its multiples are far apart


def words(key: Tensor, shape: Shape, half: int = 0, axis: int | None = 0) -> Tensor:
    """uint32 random words of a shape.

    Where only some rows of a batch are here, and the shape has an entry for each, they
    are the words that these rows have in a draw for the whole batch.

    Args:
        key: uint32[2].
        shape: Shape of the result.
        half: Which of several such arrays, one after the other in the stream.
        axis: The axis that the rows of a batch would lie along; None: there are none.
    """
    shape = tuple(shape)
    shard = ranks.shard()
    rows = shape[axis : axis + 1] if axis is not None else ()
    if shard is not None and axis is not None and rows == (shard.rows,):
        lead, rest = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
        firsts = [(half * lead + i) * shard.whole + shard.start for i in range(lead)]
        parts = [_words(key, shape[axis:], first * rest) for first in firsts]
        return (
            prims.reshape(prims.concat(*parts, axis=0), shape=shape)
            if axis
            else parts[0]
        )
    return _words(key, shape, half * math.prod(shape))


def _words(key: Tensor, shape: Shape, start: int) -> Tensor:
    if not start:
        return prims.random_bits(key, shape=shape)
    return prims.random_bits(key, shape=shape, start=start)


def fork(key: Tensor, number: int | Tensor) -> Tensor:
    """Another key for the same draw, for a second stream of bits."""
    if isinstance(number, int):
        mix = prims.const(key, _GOLDEN * (number + 1) % 2**32)
    else:
        following = prims.add(number, prims.const(number, 1))
        mix = prims.mul(following, prims.const(number, _GOLDEN))
    lane = prims.iota(shape=(2,), dtype="uint32", axis=0)
    first = prims.eq(lane, prims.const(lane, 0))
    return prims.select(first, prims.bitwise_xor(key, mix), key)


def pair(key: Tensor, shape: Shape, axis: int = 0) -> tuple[Tensor, Tensor]:
    """Two uint32 random words for each element."""
    if ranks.shard() is not None:
        return words(key, shape, 0, axis), words(key, shape, 1, axis)
    both = words(key, (2, *shape))
    steps = (1,) * both.ndim

    def half(i: int) -> Tensor:
        starts, stops = (i,) + (0,) * len(shape), (i + 1, *shape)
        at = prims.slice(both, starts=starts, stops=stops, steps=steps)
        return prims.reshape(at, shape=tuple(shape))

    return half(0), half(1)


def _wide(key: Tensor, shape: Shape, axis: int) -> Tensor:
    """53 random bits as whole float64 numbers."""

    def kept(half: Tensor, drop: int) -> Tensor:
        left = prims.shift_right(half, prims.const(half, drop))
        return prims.cast(left, dtype="float64")

    first, second = pair(key, shape, axis)
    high, low = kept(first, 5), kept(second, 6)
    return prims.add(prims.mul(high, prims.const(high, 2.0**26)), low)


def below(key: Tensor, shape: Shape, span: int | Tensor) -> Tensor:
    """Whole numbers of at least 0 and below `span`, uint64, each equally likely.

    They are the high words of random words times `span` (Lemire: Fast Random Integer
    Generation in an Interval; 2019). Without rejection, a number is more likely than
    another by a share of span / 2**32 or span / 2**64 at most; the narrow words serve
    the small spans.

    Args:
        key: uint32[2].
        shape: Shape of the result.
        span: From 1 to 2**64, or a uint64 tensor of at least 1.
    """
    if isinstance(span, int) and span <= 2**16:
        wide = prims.cast(words(key, shape), dtype="uint64")
        product = prims.mul(wide, prims.const(wide, span))
        return prims.shift_right(product, prims.const(wide, 32))
    r1, r0 = (prims.cast(half, dtype="uint64") for half in pair(key, shape))
    bits, word = prims.const(r1, 32), prims.const(r1, 2**32 - 1)
    if isinstance(span, int) and span == 2**64:
        return prims.bitwise_or(prims.shift_left(r1, bits), r0)
    s = prims.const(r1, span) if isinstance(span, int) else span
    s1, s0 = prims.shift_right(s, bits), prims.bitwise_and(s, word)
    cross, other = prims.mul(s0, r1), prims.mul(s1, r0)
    carry = prims.add(
        prims.add(prims.bitwise_and(cross, word), prims.bitwise_and(other, word)),
        prims.shift_right(prims.mul(s0, r0), bits),
    )
    parts = (cross, other, carry)
    high = prims.mul(s1, r1)
    for part in parts:
        high = prims.add(high, prims.shift_right(part, bits))
    return high


def _whole(key: Tensor, shape: Shape, dtype: str, axis: int = 0) -> tuple[Tensor, int]:
    """Whole random numbers below 2**width as floats, and the width."""
    if dtype == "float64":
        return _wide(key, shape, axis), 53
    width = _WIDTH[dtype]
    bits = words(key, shape, axis=axis)
    # The detour by int32 is free of loss, and kernels convert it to floats faster.
    kept = prims.cast(
        prims.shift_right(bits, prims.const(bits, 32 - width)), dtype="int32"
    )
    return prims.cast(kept, dtype=dtype), width


def unit(key: Tensor, shape: Shape, dtype: str, axis: int = 0) -> Tensor:
    """Floats of at least 0 and less than 1; see `words` for `axis`."""
    k, width = _whole(key, shape, dtype, axis)
    return prims.mul(k, prims.const(k, 2.0**-width))


def symmetric(key: Tensor, shape: Shape, dtype: str) -> Tensor:
    """Floats within -1 and 1 that are neither of the two, nor 0: odd multiples of a step."""
    k, width = _whole(key, shape, dtype)
    # k - (2**(width - 1) - 1/2), doubled so that it stays whole, is exact.
    centred = prims.sub(k, prims.const(k, 2.0 ** (width - 1)))
    doubled = prims.add(prims.add(centred, centred), prims.const(k, 1))
    return prims.mul(doubled, prims.const(k, 2.0**-width))


def positive(key: Tensor, shape: Shape, dtype: str) -> Tensor:
    """Floats above 0 and below 1, float32 or float64."""
    x = symmetric(key, shape, dtype)
    half, most = prims.const(x, 0.5), 1 - 2.0 ** -(53 if dtype == "float64" else 24)
    # The uppermost of them would round to 1.
    return prims.minimum(prims.add(prims.mul(x, half), half), prims.const(x, most))


def standard_normal(key: Tensor, shape: Shape, dtype: str) -> Tensor:
    """Normal numbers, mean 0 and deviation 1, by the inverse of their distribution."""
    x = prims.erfinv(symmetric(key, shape, dtype))
    return prims.mul(x, prims.const(x, math.sqrt(2)))
