"""Projections that keep weights in a set."""

from __future__ import annotations

from typing import Any

from minikeras import ops, settings
from minikeras.engine.tensor import Tensor
from minikeras.types import Axis


class Constraint:
    """Base of all constraints: functions from a weight to an allowed one.

    Subclasses implement `__call__(w)`, and `get_config()` where the constructor takes
    arguments. Optimizers call them after each update.

    Example:

    >>> class Halves(keras.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return keras.ops.round(w * 2) / 2
    >>> Halves()(keras.ops.array([0.4, 1.1])).tolist()
    [0.5, 1.0]
    """

    def __call__(self, w: Tensor) -> Tensor:
        """The allowed weight, of the shape and dtype of `w`; here `w` itself.

        Args:
            w: Weight.
        """
        return ops.convert_to_tensor(w)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constraint:
        """The constraint that `get_config` described."""
        return cls(**config)


def _norm(w: Tensor, axis: Axis) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Vectors of a weight made no longer than a limit.

    Args:
        max_value: Greatest norm.
        axis: Axis or axes of the vectors: 0 for a Dense kernel, `(0, 1, 2)` for a Conv2D
            kernel.

    Example:

    >>> keras.constraints.MaxNorm(1.0)(keras.ops.array([[3.0], [4.0]])).tolist()
    [[0.6], [0.8]]
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        """The weight with long vectors made shorter.

        Args:
            w: Weight.
        """
        w = ops.convert_to_tensor(w)
        norms = _norm(w, self.axis)
        wanted = ops.clip(norms, 0, self.max_value)
        return ops.multiply(w, ops.divide(wanted, ops.add(settings.epsilon(), norms)))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Negative numbers of a weight set to 0.

    Example:

    >>> keras.constraints.NonNeg()(keras.ops.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: Tensor) -> Tensor:
        """The weight without negative numbers.

        Args:
            w: Weight.
        """
        w = ops.convert_to_tensor(w)
        return ops.multiply(w, ops.cast(ops.greater_equal(w, 0.0), w.dtype))


class UnitNorm(Constraint):
    """Vectors of a weight given norm 1.

    Args:
        axis: Axis or axes of the vectors: 0 for a Dense kernel, `(0, 1, 2)` for a Conv2D
            kernel.

    Example:

    >>> keras.constraints.UnitNorm()(keras.ops.array([[3.0], [4.0]])).tolist()
    [[0.6], [0.8]]
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        """The weight with vectors of norm 1.

        Args:
            w: Weight.
        """
        w = ops.convert_to_tensor(w)
        return ops.divide(w, ops.add(settings.epsilon(), _norm(w, self.axis)))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Norms of the vectors of a weight moved into a range.

    Args:
        min_value: Least norm.
        max_value: Greatest norm.
        rate: How far to move, from 0 to 1: 1 moves all the way.
        axis: Axis or axes of the vectors: 0 for a Dense kernel, `(0, 1, 2)` for a Conv2D
            kernel.

    Example:

    >>> keras.constraints.MinMaxNorm(0.0, 1.0)(keras.ops.array([[3.0], [4.0]])).tolist()
    [[0.6], [0.8]]
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: Axis = 0,
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        """The weight with norms moved into the range.

        Args:
            w: Weight.
        """
        w = ops.convert_to_tensor(w)
        norms = _norm(w, self.axis)
        inside = ops.clip(norms, self.min_value, self.max_value)
        wanted = ops.add(
            ops.multiply(self.rate, inside), ops.multiply(1 - self.rate, norms)
        )
        return ops.multiply(w, ops.divide(wanted, ops.add(settings.epsilon(), norms)))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }
