"""Mean and variance of each channel, over the rows that are here or those of all ranks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from minikeras import ops, settings
from minikeras.engine import ranks
from minikeras.engine.ranks import Shard
from minikeras.ops import collective
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


class Moments(NamedTuple):
    """What a batch's values are like, one number for each channel."""

    mean: Any
    variance: Any


def moments(inputs: Tensor, channel: int, mask: object, synchronized: bool) -> Moments:
    """Mean and (biased) variance of each channel, over what is not masked.

    Args:
        inputs: Tensor `(batch, ...)` of floats.
        channel: The axis of channels.
        mask: Booleans of the first axes of the inputs, or None.
        synchronized: Whether to take the batch's rows on all ranks into account.
    """
    shard = ranks.shard() if synchronized and channel else None
    axes = [i for i in range(len(inputs.shape)) if i != channel]
    if mask is None and shard is None:
        return Moments(*ops.moments(inputs, axes=axes))
    weights = None if mask is None else _weights(inputs, channel, mask)
    mean, count = _mean(inputs, axes, weights, shard)
    # How the variance depends on the mean is nothing in sum, as the mean is where the
    # squares are least. So its gradient need not wait for that of the variance.
    centre = mean if shard is None else ops.stop_gradient(mean)
    squares = ops.square(inputs - centre)
    variance, _ = _mean(squares, axes, weights, shard, count)
    return Moments(ops.squeeze(mean, axes), ops.squeeze(variance, axes))


def _weights(inputs: Tensor, channel: int, mask: Any) -> Tensor:
    """The mask as numbers that broadcast to the inputs."""
    weights = ops.cast(mask, inputs.dtype)
    weights = ops.reshape(
        weights, (*weights.shape, *([1] * (len(inputs.shape) - len(weights.shape))))
    )
    shape = list(inputs.shape)
    shape[channel] = weights.shape[channel]  # 1, unless the channels are the steps
    return ops.broadcast_to(weights, shape)


def _mean(
    values: Tensor,
    axes: list[int],
    weights: ArrayLike | None,
    shard: Shard | None,
    count: object = None,
) -> tuple[Any, Any]:
    """The weighted mean over axes, which are kept, and the count that divides."""
    if weights is not None:
        values = weights * values
    total = ops.sum(values, axis=axes, keepdims=True)
    if count is None and weights is not None:
        count = ops.sum(weights, axis=axes, keepdims=True)
        if shard is not None:
            (count,) = collective.sums([count])
        count = count + settings.epsilon()
    elif count is None:
        sizes = [shard.whole if shard and i == 0 else values.shape[i] for i in axes]
        count = float(max(math.prod(sizes), 1))
    if shard is not None:
        (total,) = collective.sums([total])
    return total / count, count


def average(found: Moments, synchronized: bool) -> Moments:
    """What moving averages follow: the mean over the ranks, weighted by their rows."""
    shard = ranks.shard()
    if shard is None or synchronized:
        return found
    part = shard.rows / shard.whole
    still = [ops.stop_gradient(v) for v in found]
    own = [v * part if shard.rows else collective.nothing(v) for v in still]
    return Moments(*collective.sums(own))
