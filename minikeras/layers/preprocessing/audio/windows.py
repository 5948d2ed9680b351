"""Window functions of short-time Fourier transforms."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
NAMED = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}


def window_of(
    window: object, length: int, periodic: bool, owner: str, argument: str = "window"
) -> Array:
    """A window by its name or values, float64; ones for None.

    Raises:
        ValueError: If the name is not known, or the values have another length.
    """
    if window is None:
        return np.ones(length)
    if isinstance(window, str):
        if window not in NAMED:
            raise ValueError(
                f"{owner}: {argument}={window!r}; expected one of {', '.join(NAMED)}, an "
                "array or None."
            )
        if length == 1:
            return np.ones(1)
        mean, wave = NAMED[window]
        steps = length if periodic else length - 1
        return mean - wave * np.cos(2 * np.pi * np.arange(length) / steps)
    values = np.asarray(window, "float64")
    if values.shape != (length,):
        raise ValueError(
            f"{owner}: {argument} has shape {values.shape}; expected ({length},)."
        )
    return values
