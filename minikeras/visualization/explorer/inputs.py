"""What a model's inputs are: pictures, tokens, sequences, tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minikeras.layers.base.node import OpCall

Array = np.ndarray[Any, Any]
Json = Any

_CHANNELS = (1, 3, 4)
_PICTURES = (
    784,
    1024,
    3072,
)  # lengths that are pictures where there are no data to tell
_ALIKE = 0.5  # correlation of neighbours above which values are pixels
_EVEN = 0.85  # share of a border that is the ground, in drawings
_STEADY = 0.04  # of a side: how far centres of mass may stray in centred drawings


def input_kind(
    shape: tuple[int, ...], dtype: str, layer: object, x: Array | None
) -> str:
    """The page's kind of an input.

    Args:
        shape: Of one sample.
        dtype: Of the data.
        layer: The first layer that takes it, or None.
        x: Samples, or None.
    """
    name = "" if layer is None else type(layer).__name__
    if name == "Embedding" or (
        len(shape) == 1 and "int" in dtype and name == "Masking"
    ):
        return "tokens"
    if len(shape) == 3:
        return "image" if shape[-1] in _CHANNELS or shape[0] in _CHANNELS else "tensor"
    if len(shape) == 2:
        flat = name in ("Flatten", "Reshape", "Rescaling", "Conv2D", "") or isinstance(
            layer, OpCall
        )
        return "image" if flat and min(shape) >= 8 else "sequence"
    if len(shape) == 1:
        return "image" if _flat_picture(shape[0], x) is not None else "table"
    return "tensor"


def _flat_picture(length: int, x: Array | None) -> tuple[int, int] | None:
    """Side and channels, if a row of so many values is a square picture."""
    for channels in (1, 3):
        side = math.isqrt(length // channels)
        if side < 8 or side * side * channels != length:
            continue
        if x is None:
            return (side, channels) if length in _PICTURES else None
        planes = np.asarray(x[:256], "float64").reshape(-1, side, side, channels)
        a, b = planes[:, :, 1:].reshape(-1), planes[:, :, :-1].reshape(-1)
        if a.std() and b.std() and np.corrcoef(a, b)[0, 1] > _ALIKE:
            return side, channels
    return None


def image_info(shape: tuple[int, ...], x: Array | None) -> Json:
    """How a picture lies in the input, and whether one can draw such."""
    layout = "none"
    if len(shape) == 1:
        side, channels = _flat_picture(shape[0], x) or (math.isqrt(shape[0]), 1)
        rows, columns, layout = side, side, "flat"
    elif len(shape) == 2:
        rows, columns, channels = *shape, 1
    elif shape[-1] in _CHANNELS:
        rows, columns, channels = shape
        layout = "channels_last"
    else:
        channels, rows, columns = shape
        layout = "channels_first"
    info = {
        "rows": rows, "columns": columns, "channels": channels, "layout": layout,
        "background": 0.0, "ink": 1.0, "drawable": channels == 1, "centre": False,
    }  # fmt: skip
    if x is not None:
        info.update(_drawing(planes(x, info)))
    return info


def planes(x: Array, info: Json) -> Array:
    """Pictures as `(samples, rows, columns, channels)`, in float64."""
    x = np.asarray(x, "float64")
    if info["layout"] == "channels_first":
        return x.transpose(0, 2, 3, 1)
    return x.reshape(len(x), info["rows"], info["columns"], info["channels"])


def _drawing(pictures: Array) -> Json:
    """The ground, the ink, and whether drawings lie in the middle."""
    pictures = pictures[:512]
    edge = np.concatenate(
        [pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]], axis=1
    )
    ground = float(np.median(edge))
    low, high = float(pictures.min()), float(pictures.max())
    ink = high if abs(high - ground) >= abs(low - ground) else low
    even = float(np.mean(np.abs(edge - ground) <= 0.1 * abs(ink - ground)))
    drawable = pictures.shape[-1] == 1 and even >= _EVEN and ink != ground
    return {
        "background": ground,
        "ink": ink if ink != ground else ground + 1.0,
        "drawable": drawable,
        "centre": drawable and _centred((pictures[..., 0] - ground) / (ink - ground)),
    }


def _centred(ink: Array) -> bool:
    """Whether the centres of mass lie in the middle, as MNIST's do."""
    _, rows, columns = ink.shape
    ink = np.maximum(ink, 0)
    total = ink.sum(axis=(1, 2))
    ink = ink[total > 0] / total[total > 0][:, None, None]
    y = (ink.sum(axis=2) * (np.arange(rows) + 0.5)).sum(axis=1) / rows
    x = (ink.sum(axis=1) * (np.arange(columns) + 0.5)).sum(axis=1) / columns
    off = np.concatenate([np.abs(x - 0.5), np.abs(y - 0.5)])
    return bool(off.size and np.quantile(off, 0.9) < _STEADY)


def input_view(kind: str, shape: tuple[int, ...], image: Json | None) -> Json:
    """How an input is drawn."""
    if image is not None and image["layout"] == "channels_first":
        return {"kind": "maps", "channels": 0, "rows": 1, "columns": 2}
    if len(shape) == 3:
        return {"kind": "maps", "rows": 0, "columns": 1, "channels": 2}
    if len(shape) == 2:
        if kind == "image":
            return {"kind": "plane", "rows": 0, "columns": 1}
        return {"kind": "sequence", "steps": 0, "features": 1}
    return {"kind": ("scalar", "vector")[len(shape)] if len(shape) < 2 else "tensor"}
