"""Loss: a number to make small, from targets and predictions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Self

from minikeras import naming, ops, settings
from minikeras.engine import dtypes, ranks, tree
from minikeras.engine.interpret import scope
from minikeras.engine.tensor import Tensor
from minikeras.losses.reduction import (
    check_reduction,
    get_mask,
    match_ranks,
    reduce_weighted_values,
)
from minikeras.ops.op import op
from minikeras.types import ArrayLike, PolicyLike


def standardize_dtype(dtype: object) -> str:
    """The name of a dtype or of the dtype that a policy computes in."""
    return dtypes.standardize(
        getattr(dtype, "compute_dtype", dtype) or settings.floatx()
    )


class Loss:
    """Base class of losses.

    A subclass writes `call(y_true, y_pred)`, which gives one value for each sample;
    calling the loss weights those values and reduces them.

    Args:
        name: Default: the class's name in snake case.
        reduction: What becomes of the values, `(batch, ...)`, one for each sample:
            `"sum_over_batch_size"` or `"mean"` their mean over all entries, `"sum"`
            their sum, `"mean_with_sample_weight"` their sum over the sum of the weights,
            `"none"` or None themselves.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Raises:
        ValueError: If `reduction` is none of these.

    Example:

    >>> class MaxError(keras.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return keras.ops.max(keras.ops.abs(y_true - y_pred), axis=-1)
    >>> float(MaxError()([[0.0, 1.0], [0.0, 0.0]], [[0.5, 1.0], [0.0, 1.5]]))
    1.0
    """

    _saved_in_parts = True  # for `saving.walk`

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: PolicyLike | None = None,
    ) -> None:
        check_reduction(reduction)
        self.name = naming.to_snake_case(type(self).__name__) if name is None else name
        self.reduction = reduction
        self._dtype = standardize_dtype(dtype)

    @property
    def dtype(self) -> str:
        """The dtype that the loss computes in."""
        return self._dtype

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
        """One value for each sample, `(batch, ...)`; a subclass writes this."""
        raise NotImplementedError(
            f"{type(self).__name__} must define call(y_true, y_pred)."
        )

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Tensor:
        """The weighted and reduced loss.

        Args:
            y_true: Targets, `(batch, ...)`, an array or a structure of arrays.
            y_pred: Predictions; a mask on them leaves entries out.
            sample_weight: Scalar, `(batch,)`, or as many axes as the values have.

        Returns:
            A scalar, or `(batch, ...)` with `reduction="none"`.
        """
        in_mask = get_mask(y_pred)
        with scope(self.name):
            losses = self.call(self._convert(y_true, True), self._convert(y_pred))
            mask = in_mask
            out_mask = get_mask(losses)
            if out_mask is not None:
                mask = (
                    out_mask
                    if mask is None
                    else ops.logical_and(*match_ranks(mask, out_mask))
                )
            return reduce_weighted_values(
                losses, self.reduction, sample_weight, mask, self.dtype
            )

    def _convert(self, values: ArrayLike, wide: bool = False) -> Tensor:
        """The arrays of a structure as tensors of the loss's dtype.

        A list or tuple of numbers is an array, one of arrays is a structure. With `wide`,
        floats wider than a dtype of 16 bits stay, for the difference to the predictions.
        """
        halves = wide and self.dtype in ("float16", "bfloat16")

        if type(values) is Tensor and values.aval.dtype == self.dtype:
            return values

        def tensor(value: Any) -> Tensor:
            if halves and str(getattr(value, "dtype", "")) in ("float32", "float64"):
                return ops.convert_to_tensor(value)
            return ops.convert_to_tensor(value, dtype=self.dtype)

        if isinstance(values, dict) or (
            isinstance(values, (list, tuple))
            and any(hasattr(v, "shape") for v in values)
        ):
            return tree.map_structure(tensor, values)
        return tensor(values)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make the same loss again."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The loss that `get_config` described."""
        return cls(**config)


_HERE = __name__.rpartition(".")[0] + "."


@functools.cache
def _remembered(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function of this package as an op, whose calls are remembered as a whole."""
    return op(fn)


class LossFunctionWrapper(Loss):
    """A loss from a function `fn(y_true, y_pred, **kwargs)`.

    Args:
        fn: Gives one value for each sample.
        reduction: As in `Loss`.
        name: Default: that of the class.
        dtype: What to compute in.
        **kwargs: Passed on to `fn`.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: PolicyLike | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
        if hasattr(y_true, "shape") and hasattr(y_pred, "shape"):
            y_true, y_pred = match_ranks(
                y_true, y_pred
            )  # labels (batch,) for (batch, 1)
        fn = self.fn
        plain = type(y_true) is Tensor and type(y_pred) is Tensor
        if plain and fn.__module__.startswith(_HERE) and ranks.shard() is None:
            fn = _remembered(fn)
        return fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        """Name, reduction and the arguments of the function; the function itself if free."""
        own = {} if type(self) is not LossFunctionWrapper else {"fn": self.fn}
        return {**super().get_config(), **own, **self._fn_kwargs}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.fn}, kwargs={self._fn_kwargs})>"
