"""Names of Keras 2 that Keras 3 dropped and scripts still use, as what does the same now."""

from __future__ import annotations

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


class Reduction:
    """Names of reductions, as losses take them."""

    AUTO = "sum_over_batch_size"
    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"


__all__ = ["CuDNNGRU", "CuDNNLSTM", "Reduction", "ThresholdedReLU"]
