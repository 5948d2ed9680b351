"""Softmax and its kin in one go, accumulating in float32 at least."""

from __future__ import annotations

from typing import Any

from minikeras_numpy.common import Array, Table, arrays, to, work_dtype


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""

    def centred(x: Array, axis: int) -> Array:
        x = to(x, work_dtype(x.dtype))
        if x.shape[axis] == 0:
            return x.copy()
        return x - x.max(axis=axis, keepdims=True)

    def softmax(x: Array, *, axis: int) -> Array:
        e = centred(x, axis)
        xp.exp(e, out=e)
        e /= e.sum(axis=axis, keepdims=True)
        return to(e, x.dtype)

    def log_softmax(x: Array, *, axis: int) -> Array:
        shifted = centred(x, axis)
        shifted -= xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))
        return to(shifted, x.dtype)

    def cross_entropy(logits: Array, target: Array) -> Array:
        shifted = centred(logits, -1)
        shifted -= xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))
        target = to(target, shifted.dtype)
        shifted[(shifted == -xp.inf) & (target == 0)] = 0  # none of infinity is 0
        shifted *= target
        return to(-xp.sum(shifted, axis=-1), logits.dtype)

    own: Table = {
        "softmax": softmax,
        "log_softmax": log_softmax,
        "softmax_cross_entropy_with_logits": cross_entropy,
    }
    return {name: arrays(xp, kernel) for name, kernel in own.items()}
