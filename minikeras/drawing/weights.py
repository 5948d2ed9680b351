"""Weights as pictures."""

from __future__ import annotations

import numpy as np

from minikeras.drawing.svg import DIVERGING, Array, Colours, colourise


def weight_picture(values: Array, colours: Colours = DIVERGING) -> Array | None:
    """A weight as one picture: negative, nothing and positive in three colours.

    A vector is one row; a matrix lies; a kernel of a convolution `(height, width, in,
    out)` is a table of its filters, one row for each input.

    Returns:
        `(height, width, 3)` uint8, or None where there is nothing to see: one value, or
        more than four axes.
    """
    values = np.asarray(values, np.float64)
    values = values.reshape([n for n in values.shape if n != 1])
    if not values.size or not 1 <= values.ndim <= 4:
        return None
    if values.ndim == 1:
        values = values[None]
    elif values.ndim == 2:
        values = values.T if len(values) > values.shape[1] else values
    else:
        values = values[..., None, :] if values.ndim == 3 else values
        height, width, count, filters = values.shape
        values = values.transpose(2, 0, 3, 1).reshape(count * height, filters * width)
    finite = np.abs(values[np.isfinite(values)])
    reach = float(finite.max()) if finite.size else 1.0
    return colourise(values, colours, -reach or -1.0, reach or 1.0)
