"""Random bits by counter: the same key and shape give the same bits everywhere.

Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2,
3; SC 2011). The key is uint32[2], (seed, counter): Philox's key words are (seed, 0),
its counter words (low i, high i, counter, 0), and element e of the flat result is
word e % 4 of block i = e // 4. With `start`, the result begins at element `start` of
that stream: a process that holds rows of a batch draws those rows, and no others.
"""

from __future__ import annotations

from minikeras.engine.aval import Aval, Shape, ShapeError
from minikeras.engine.primitive import primitive


def _infer_random_bits(key: Aval, *, shape: Shape, start: int = 0) -> Aval:
    if key.dtype != "uint32" or key.shape != (2,):
        raise ShapeError(
            f"random_bits: argument `key` is {key}; expected uint32[2], (seed, counter)."
        )
    return Aval(shape, "uint32")


random_bits = primitive(
    "random_bits", kind="random", infer=_infer_random_bits, vjp=None
)
