"""Scaled dot product attention."""

from __future__ import annotations

import math

import numpy as np

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote_float, to_tensor
from minikeras.ops.support import boolean, cast_to, const
from minikeras.types import ArrayLike

__all__ = ["dot_product_attention"]


def _check(q: Tensor, k: Tensor, v: Tensor) -> None:
    fits = q.ndim == k.ndim == v.ndim == 4
    fits = fits and k.shape[1:3] == v.shape[1:3] and q.shape[3] == k.shape[3]
    if not fits or k.shape[2] == 0 or q.shape[2] % k.shape[2]:
        raise ShapeError(
            f"dot_product_attention: query {q.shape}, key {k.shape}, value {v.shape}; "
            "expected (batch, targets, heads, depth), and twice (batch, sources, groups, "
            "depth) with a number of heads divisible by that of the groups."
        )


def _heads_first(x: Tensor) -> Tensor:
    return prims.transpose(x, perm=(0, 2, 1, 3))


def _grouped(x: Tensor, groups: int) -> Tensor:
    """(batch, heads, steps, depth) as (batch, groups, heads // groups, steps, depth)."""
    batch, heads, steps, depth = x.shape
    return prims.reshape(x, shape=(batch, groups, heads // groups, steps, depth))


def _product(a: Tensor, b: Tensor, flip: bool) -> Tensor:
    """Matrix products of each head of `a` with the head of `b` it shares."""
    heads, groups = a.shape[1], b.shape[1]
    if heads == groups:
        return prims.matmul(a, b, transpose_a=False, transpose_b=flip)
    # Grouped queries: an axis of heads per group against an axis of 1, so keys are not
    # repeated.
    out = prims.matmul(
        _grouped(a, groups), _one_each(b), transpose_a=False, transpose_b=flip
    )
    return prims.reshape(out, shape=(out.shape[0], heads, *out.shape[3:]))


def _one_each(x: Tensor) -> Tensor:
    return prims.reshape(x, shape=(*x.shape[:2], 1, *x.shape[2:]))


def _causal(targets: int, sources: int) -> Tensor:
    rows = prims.iota(shape=(targets, sources), dtype="int32", axis=0)
    columns = prims.iota(shape=(targets, sources), dtype="int32", axis=1)
    return prims.ge(rows, columns)


@op
def dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    bias: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """The mean of `value`, weighed by how well each key fits the query.

    `softmax(scale * query @ key.T + bias) @ value`, for each head. With fewer key and
    value heads than query heads, each is shared by a group of them (grouped query
    attention).

    Args:
        query: Tensor `(batch, targets, heads, depth)`.
        key: Tensor `(batch, sources, groups, depth)`.
        value: Tensor `(batch, sources, groups, depth)`.
        bias: Tensor that broadcasts to `(batch, heads, targets, sources)`, added to the
            logits.
        mask: Bool tensor that broadcasts to the same shape: true where a target may
            look.
        scale: Factor on the logits; by default `1 / sqrt(depth)`.
        is_causal: Whether a target sees only sources up to its own place.
        flash_attention: Kept for Keras's signature; the result does not depend on it.
        attn_logits_soft_cap: If given, logits `l` become `cap * tanh(l / cap)`.

    Returns:
        Tensor `(batch, targets, heads, depth)`.

    Raises:
        ShapeError: If shapes do not fit.

    Example:

    >>> x = keras.ops.ones((2, 5, 4, 8))
    >>> keras.ops.dot_product_attention(x, x[:, :3, :2], x[:, :3, :2]).shape
    (2, 5, 4, 8)

    Reference:

    - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), equation 1.
    """
    q, k, v = promote_float(query, key, value)
    _check(q, k, v)
    if scale is None:
        scale = 1.0 / math.sqrt(q.shape[3])
    q, k, v = _heads_first(q), _heads_first(k), _heads_first(v)
    logits = _product(q, k, True)
    # The softmax of 16 bit logits is taken in 32 bits.
    if q.dtype in ("float16", "bfloat16"):
        logits = cast_to(logits, "float32")
    logits = prims.mul(logits, const(logits, float(scale)))
    if attn_logits_soft_cap is not None:
        cap = const(logits, float(attn_logits_soft_cap))
        logits = prims.mul(cap, prims.tanh(prims.div(logits, cap)))
    if bias is not None:
        logits = prims.add(logits, to_tensor(bias, logits.dtype))
    # Not -inf, with which a row where all is masked would be nan; and not the least
    # number, less a positive maximum it would be -inf.
    lowest = const(logits, -0.7 * float(np.finfo(logits.dtype).max))
    if mask is not None:
        logits = prims.select(boolean(mask), logits, lowest)
    if is_causal:
        allowed = _causal(logits.shape[2], logits.shape[3])
        logits = prims.select(allowed, logits, lowest)
    weights = cast_to(prims.softmax(logits, axis=3), q.dtype)
    return _heads_first(_product(weights, v, False))
