"""Penalties on weights."""

from __future__ import annotations

import math
from typing import Any

from minikeras import naming, ops
from minikeras.engine.tensor import Tensor


def _checked(value: object, owner: str, name: str) -> float:
    """A factor as a float.

    Raises:
        ValueError: If it is not a finite number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        value = value.item() if getattr(value, "shape", None) == () else value  # type: ignore[attr-defined]  # as arrays and tensors have
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
    ):
        raise ValueError(
            f"{owner}: {name}={naming.shown(value)}; expected a finite number."
        )
    return float(value)


class Regularizer:
    """Base of all regularizers: functions of a weight that give a scalar penalty.

    Subclasses implement `__call__(x)`, and `get_config()` where the constructor takes
    arguments.

    Example:

    >>> class Squares(keras.regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         return 0.1 * keras.ops.sum(x * x)
    >>> float(Squares()(keras.ops.ones((2, 5))))
    1.0
    """

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty, a scalar.

        Args:
            x: Weight.
        """
        raise NotImplementedError(
            f"regularizer {type(self).__name__} has no __call__(x)."
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        raise NotImplementedError(
            f"regularizer {type(self).__name__} has no get_config(); add one that returns the "
            "constructor's arguments, to save it."
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """The regularizer that `get_config` described."""
        return cls(**config)


class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x**2)`.

    Args:
        l1: Factor of the sizes.
        l2: Factor of the squares.

    Raises:
        ValueError: If a factor is not a finite number.

    Example:

    >>> float(keras.regularizers.L1L2(l1=0.5, l2=0.25)(keras.ops.array([1.0, -2.0])))
    2.75
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        l1, l2 = (0.0 if v is None else v for v in (l1, l2))
        self.l1 = _checked(l1, "L1L2", "l1")
        self.l2 = _checked(l2, "L1L2", "l2")

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty, a scalar.

        Args:
            x: Weight.
        """
        total = ops.zeros((), dtype=x.dtype)
        if self.l1:
            total = total + self.l1 * ops.sum(ops.absolute(x))
        if self.l2:
            total = total + self.l2 * ops.sum(ops.square(x))
        return total

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """`l1 * sum(|x|)`.

    Args:
        l1: Factor.

    Raises:
        ValueError: If the factor is not a finite number.

    Example:

    >>> float(keras.regularizers.L1(0.5)(keras.ops.array([1.0, -2.0])))
    1.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _checked(0.01 if l1 is None else l1, "L1", "l1")

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty, a scalar.

        Args:
            x: Weight.
        """
        return self.l1 * ops.sum(ops.absolute(x))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"l1": self.l1}


class L2(Regularizer):
    """`l2 * sum(x**2)`.

    Args:
        l2: Factor.

    Raises:
        ValueError: If the factor is not a finite number.

    Example:

    >>> float(keras.regularizers.L2(0.5)(keras.ops.array([1.0, -2.0])))
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _checked(0.01 if l2 is None else l2, "L2", "l2")

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty, a scalar.

        Args:
            x: Weight.
        """
        return self.l2 * ops.sum(ops.square(x))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """The mean of the sizes of the products of different rows (or columns) of unit norm.

    Args:
        factor: Factor of the penalty.
        mode: `"rows"` or `"columns"`: which should be orthogonal.

    Raises:
        ValueError: If the factor is not finite or the mode is not known.

    Example:

    >>> float(keras.regularizers.OrthogonalRegularizer(1.0)(keras.ops.eye(3)))
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _checked(factor, "OrthogonalRegularizer", "factor")
        if mode not in ("rows", "columns"):
            shown = naming.shown(mode).strip("'")
            raise ValueError(
                "OrthogonalRegularizer: Invalid value for argument `mode`. Expected one of "
                f'{{"rows", "columns"}}. Received: mode={shown}'
            )
        self.mode = mode

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty, a scalar.

        Args:
            x: Weight of rank 2.

        Raises:
            ValueError: If the weight is not of rank 2.
        """
        if len(x.shape) != 2:
            raise ValueError(
                "Inputs to OrthogonalRegularizer must have rank 2. Received: "
                f"inputs.shape={tuple(x.shape)}"
            )
        axis = 1 if self.mode == "rows" else 0
        unit = ops.normalize(x, axis=axis)
        flipped = ops.transpose(unit)
        products = ops.matmul(unit, flipped) if axis else ops.matmul(flipped, unit)
        size = x.shape[0 if axis else 1]
        others = products * (1.0 - ops.eye(size, dtype=products.dtype))
        pairs = size * (size - 1.0) / 2.0
        return self.factor * 0.5 * ops.sum(ops.absolute(others)) / pairs

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"factor": self.factor, "mode": self.mode}
