"""Metrics of a batch whose rows are on several ranks: what each adds is added up.

After an update the variables of a metric are the same on every rank, and those of one
process that saw the whole batch. So a result needs no message, and what rank 0 writes
down of a run is all of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from minikeras import ops
from minikeras.engine import ranks
from minikeras.engine.interpret import current, within
from minikeras.engine.overlay import Overlay
from minikeras.engine.tensor import Tensor
from minikeras.ops import collective
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.metrics.metric import Metric


# Whether a metric outside of this one adds up.
_inside: ContextVar[bool] = ContextVar("minikeras_metric_inside", default=False)


def together(update: Callable[..., Any]) -> Callable[..., Any]:
    """`update_state` of a metric, for the rows of all ranks where there are several."""

    @functools.wraps(update)
    def wrapped(self: Metric, *args: object, **kwargs: object) -> Any:
        if ranks.shard() is None or _inside.get():
            return update(self, *args, **kwargs)
        token = _inside.set(True)
        try:
            return _update(update, self, args, kwargs)
        finally:
            _inside.reset(token)

    return wrapped


def _update(
    update: Callable[..., Any], metric: Metric, args: object, kwargs: object
) -> Any:
    """Update variables that begin at zero, and add what came of it on all ranks."""
    known = metric.variables
    overlay, result = _apart(update, metric, args, kwargs)
    if len(metric.variables) > len(known):
        # The first update made variables: once more, now that they are there.
        overlay, result = _apart(update, metric, args, kwargs)
    summed, averaged = _of(metric, "sum"), _of(metric, "mean")
    common = {v.state for v in (*summed, *averaged)}
    for state, value in overlay.values.items():
        if state not in common:
            state.assign(value)  # such as a seed's count
    own = [_own(overlay.read(v.state)) for v in summed]
    if summed:
        for variable, total in zip(summed, collective.sums(own)):
            variable.assign(variable.value + total)
    if averaged:
        values = [overlay.read(v.state) for v in averaged]
        for variable, mean in zip(averaged, collective.means(values)):
            variable.assign(mean)
    return result


def _apart(
    update: Callable[..., Any], metric: Metric, args: Any, kwargs: Any
) -> tuple[Overlay, Any]:
    """An update that changes nothing but what it gives: the values of states after it."""
    zeros = {
        v.state: ops.zeros(v.shape, dtype=v.state.aval.dtype)
        for v in _of(metric, "sum")
    }
    overlay = Overlay(current(), zeros)
    return overlay, within(overlay, update, metric, *args, **kwargs)


def _own(value: Any) -> Tensor:
    """What this rank adds: nothing if it has no rows, of which a mean is NaN."""
    shard = ranks.shard()
    return collective.nothing(value) if shard is not None and not shard.rows else value


def _of(metric: Metric, aggregation: str) -> list[Variable]:
    return [v for v in metric.variables if v.aggregation == aggregation]
