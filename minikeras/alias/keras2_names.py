"""Names of Keras 2 that Keras 3 dropped and scripts still use, as what does the same now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras import layers


def ThresholdedReLU(theta: float = 1.0, **kwargs: Any) -> layers.ReLU:
    """A `ReLU` layer with the threshold `theta`: `x` above it, else 0.

    Args:
        theta: The threshold, 0 or more.
        **kwargs: Of `Layer`.

    Raises:
        ValueError: If `theta` is missing or below 0.

    Example:
        >>> ThresholdedReLU(theta=1.0)(np.float32([0.5, 2.0])).numpy().tolist()
        [0.0, 2.0]
    """
    if theta is None or theta < 0:
        raise ValueError(f"ThresholdedReLU: theta={theta}; expected 0 or more.")
    return layers.ReLU(threshold=float(theta), **kwargs)


def CuDNNLSTM(units: int, **kwargs: Any) -> layers.LSTM:
    """An `LSTM` layer, whose default activations are the only ones that this had."""
    return layers.LSTM(units, **kwargs)


def CuDNNGRU(units: int, **kwargs: Any) -> layers.GRU:
    """A `GRU` layer, whose default activations are the only ones that this had."""
    return layers.GRU(units, **kwargs)


def SyncBatchNormalization(**kwargs: Any) -> layers.BatchNormalization:
    """A `BatchNormalization` layer whose moments are those of all processes' batches."""
    return layers.BatchNormalization(synchronized=True, **kwargs)


_MODES = {
    "ave": layers.Average,
    "max": layers.Maximum,
    "mul": layers.Multiply,
    "sum": layers.Add,
}


def merge(
    inputs: list[Any],
    mode: str | Callable[[list[Any]], Any] = "sum",
    dot_axes: Any = -1,
    concat_axis: int = -1,
    output_shape: object = None,
    name: str | None = None,
    **kwargs: object,
) -> Any:
    """Keras 1's function: tensors joined in one of seven ways, or by a function of the list.

    Args:
        inputs: Tensors.
        mode: `"sum"`, `"mul"`, `"ave"`, `"max"`, `"concat"`, `"dot"`, `"cos"`, or a function.
        dot_axes: For `"dot"` and `"cos"`: what is summed over.
        concat_axis: For `"concat"`.
        output_shape: Of the function's result; worked out by itself here.
        name: Of the layer.
        **kwargs: Masks and arguments for the function, which layers do not take today.

    Raises:
        ValueError: If there is no such mode.

    Example:
        >>> merge([np.ones((1, 2)), np.ones((1, 3))], mode="concat").shape
        (1, 5)
    """
    if callable(mode):
        return layers.Lambda(mode, name=name)(inputs)
    if mode == "concat":
        return layers.Concatenate(concat_axis, name=name)(inputs)
    if mode in ("dot", "cos"):
        return layers.Dot(dot_axes, normalize=mode == "cos", name=name)(inputs)
    if mode not in _MODES:
        known = ", ".join(sorted({*_MODES, "concat", "cos", "dot"}))
        raise ValueError(
            f"merge: mode={mode!r}; expected one of {known}, or a function."
        )
    return _MODES[mode](name=name)(inputs)


class Reduction:
    """Names of reductions, as losses take them."""

    AUTO = "sum_over_batch_size"
    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"


__all__ = [
    "CuDNNGRU", "CuDNNLSTM", "Reduction", "SyncBatchNormalization", "ThresholdedReLU", "merge",
]  # fmt: skip
