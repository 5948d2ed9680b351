"""How per-sample values are masked, weighted and reduced to one number.

Losses and mean metrics share these rules. A mask travels on the array that it
belongs to, as its attribute `_keras_mask`; it counts as weights of 0 and 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minikeras import naming, ops, settings
from minikeras.engine import ranks
from minikeras.engine.aval import ShapeError, broadcast_shapes
from minikeras.engine.ranks import Shard
from minikeras.engine.tensor import Tensor
from minikeras.ops import collective
from minikeras.ops.op import op
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.types import Nested


REDUCTIONS = (
    "sum_over_batch_size",
    "sum",
    "mean",
    "mean_with_sample_weight",
    "none",
    None,
)


def check_reduction(reduction: str | None) -> None:
    """Refuse a name that is no reduction."""
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"reduction={naming.shown(reduction)}; expected one of {REDUCTIONS}."
        )


def get_mask(value: object) -> Any:
    """The mask that a layer or a loss left on `value`, or None."""
    return getattr(value, "_keras_mask", None)


def match_ranks(x1: Any, x2: Any, expand_rank_1: bool = True) -> tuple[Any, Any]:
    """The two tensors with a last axis of size 1 added or dropped where ranks differ by one.

    Args:
        x1: First tensor, e.g. labels `(batch,)`.
        x2: Second tensor, e.g. predictions `(batch, 1)`.
        expand_rank_1: Give a rank 1 tensor the extra axis rather than take it from the
            other one.
    """
    if len(x1.shape) == len(x2.shape) + 1:
        x2, x1 = match_ranks(x2, x1, expand_rank_1)
        return x1, x2
    if len(x2.shape) == len(x1.shape) + 1 and x2.shape[-1] == 1:
        if len(x1.shape) == 1 and expand_rank_1:
            return ops.expand_dims(x1, -1), x2
        return x1, ops.squeeze(x2, -1)
    return x1, x2


def apply_mask(
    sample_weight: ArrayLike | None, mask: Any, dtype: str, reduction: str | None
) -> Any:
    """Weights that also hold the mask.

    For a mean, a masked entry must not count in the divisor either: the mask is
    scaled by `total / valid`, which makes up for dividing by all entries later.
    """
    if mask is None:
        return sample_weight
    mask = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        total, valid = float(math.prod(mask.shape)), None
        shard = ranks.shard()
        if shard is not None:
            total = collective.count_of(mask, shard)
            valid = collective.total_of(mask, shard)
        valid = ops.sum(mask) if valid is None else valid
        mask = mask * (total / (valid + settings.epsilon()))
    if sample_weight is None:
        return mask
    sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
    mask, sample_weight = align(mask, sample_weight)
    return sample_weight * mask


def weigh(values: Tensor, sample_weight: Tensor) -> tuple[Any, Any]:
    """`values * sample_weight`, and the weights in a shape that broadcasts to the values.

    Weights of the first axes, `(batch,)`, are one for each sample; those that only fit
    the last axes are broadcast as NumPy would. A loss that is one value for the whole
    batch counts as that of every sample.
    """
    if not values.shape:
        values = ops.broadcast_to(values, sample_weight.shape)
    values, weights = align(values, sample_weight)
    try:
        broadcast = broadcast_shapes(values.shape, weights.shape)
    except ShapeError:
        broadcast = ()
    if len(weights.shape) > len(values.shape) or broadcast != values.shape:
        raise ShapeError(
            f"sample_weight has shape {weights.shape}, but there is one loss value for each "
            f"entry of shape {values.shape}; expected weights of that shape, or of its "
            "first axes, e.g. (batch,)."
        )
    return values * weights, weights


def align(values: Any, weights: Any) -> tuple[Any, Any]:
    """Ranks matched, and weights of the first axes given axes of size 1 behind them."""
    values, weights = match_ranks(values, weights)
    lacking = len(values.shape) - len(weights.shape)
    fits = all(w in (1, v) for w, v in zip(weights.shape, values.shape))
    if weights.shape and lacking > 0 and fits:
        weights = ops.reshape(weights, (*weights.shape, *[1] * lacking))
    return values, weights


def reduce_values(
    values: Any, weights: ArrayLike | None = None, reduction: str | None = "mean"
) -> Tensor:
    """One number from `values` (weighted already; `weights` only divides)."""
    if reduction in (None, "none"):
        return values
    shard = ranks.shard()
    if shard is not None:
        return _over_ranks(values, weights, reduction, shard)
    if values.shape == ():
        return values
    total = ops.sum(values)
    if reduction == "mean_with_sample_weight" and weights is not None:
        return ops.divide_no_nan(total, ops.sum(weights))
    if reduction == "sum":
        return total
    return total / float(max(math.prod(values.shape), 1))


def _over_ranks(
    values: Tensor, weights: Any, reduction: object, shard: Shard
) -> Tensor:
    """The number for the whole batch, of which some rows are here."""
    if values.shape == ():
        return collective.common_mean(values, shard)
    total = collective.total_of(values, shard)
    if reduction == "mean_with_sample_weight" and weights is not None:
        return ops.divide_no_nan(total, collective.total_of(weights, shard))
    if reduction == "sum":
        return total
    return total / collective.count_of(values, shard)


@op
def _reduced(values: ArrayLike, reduction: str | None, dtype: str) -> Tensor:
    """Values without weights as one number: an op, which is remembered as a whole."""
    return reduce_values(ops.cast(values, dtype), None, reduction)


def reduce_weighted_values(
    values: ArrayLike,
    reduction: Any = "sum_over_batch_size",
    sample_weight: Any = None,
    mask: Nested[ArrayLike] | None = None,
    dtype: str | None = None,
) -> Tensor:
    """Mask, weight, then reduce.

    Args:
        values: `(batch, ...)`, one loss for each entry.
        reduction: One of `REDUCTIONS`.
        sample_weight: Scalar, or weights of the first axes of `values`.
        mask: Booleans of the first axes of `values`; False leaves an entry out.
        dtype: The dtype to compute in.

    Returns:
        A scalar, or weighted values of the shape of `values` for `"none"`.
    """
    check_reduction(reduction)
    dtype = dtype or settings.floatx()
    plain = sample_weight is None and mask is None and type(values) is Tensor
    if plain and ranks.shard() is None:
        return _reduced(values, reduction, dtype)
    values = ops.cast(ops.convert_to_tensor(values), dtype)
    sample_weight = apply_mask(sample_weight, mask, dtype, reduction)
    weights = None
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
        values, weights = weigh(values, sample_weight)
    return reduce_values(values, weights, reduction)
