"""Resize and Upsample: along each axis a matrix of weights, worked out while tracing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.dtypes import is_float
from minikeras.engine.interpret import current
from minikeras.engine.staging import Abstract
from minikeras.models.onnx_import.description import OnnxError
from minikeras.models.onnx_import.operators.elementwise import dtype, like
from minikeras.models.onnx_import.operators.shaping import checked
from minikeras.models.onnx_import.values import Call, Operator, Value

Array = np.ndarray[Any, Any]


def _origins(
    mode: str, size: int, out: int, scale: float, roi: tuple[float, float]
) -> Array:
    """Where each place of the result lies on the input's axis."""
    x = np.arange(out, dtype=np.float64)
    if mode == "align_corners":
        return x * (size - 1) / (scale * size - 1) if out > 1 else np.zeros(out)
    if mode == "asymmetric":
        return x / scale
    if mode == "tf_crop_and_resize":
        start, end = roi
        if out == 1:
            return np.full(1, 0.5 * (start + end) * (size - 1))
        return start * (size - 1) + x * (end - start) * (size - 1) / (out - 1)
    if mode == "pytorch_half_pixel" and out == 1:
        return np.full(1, -0.5)
    shift = 0.0
    if mode == "half_pixel_symmetric":
        shift = size / 2 * (1 - out / (scale * size))
    return shift + (x + 0.5) / scale - 0.5


_NEAREST: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _triangle(distance: Array) -> Array:
    return np.clip(1 - np.abs(distance), 0, None)


def _cubic(a: float) -> Callable[[Array], Array]:
    """Keys, "Cubic convolution interpolation for digital image processing" (1981), eq. 15."""

    def kernel(distance: Array) -> Array:
        d = np.abs(distance)
        near = (a + 2) * d**3 - (a + 3) * d**2 + 1
        far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
        return np.where(d <= 1, near, np.where(d < 2, far, 0.0))

    return kernel


_LONGEST = 2**22  # places of an axis
_LARGEST = 2**25  # weights of an axis, which are worked out while the model is built


def _weights(
    origins: Array, size: int, kernel: Callable[[Array], Array], reach: int, squeeze: float,
    inside: bool,
) -> Array:  # fmt: skip
    """A row of weights over the input's axis for each place of the result.

    Args:
        origins: Places on the input's axis.
        size: Its length.
        kernel: Weight by distance.
        reach: How far the kernel goes.
        squeeze: At most 1; below 1 the kernel is as much wider (no aliases).
        inside: Whether places outside get no weight; else they count as the edge.
    """
    span = math.ceil(reach / squeeze) + 1
    if len(origins) * max(size, 2 * span) > _LARGEST:
        raise OnnxError(f"Resize: an axis of {size} made {len(origins)} is refused.")
    matrix = np.zeros((len(origins), size))
    rows = np.arange(len(origins))
    total = np.zeros(len(origins))
    for step in range(-span, span + 1):
        place = np.floor(origins).astype(int) + step
        weight = kernel((place - origins) * squeeze)
        if inside:
            weight = np.where((place >= 0) & (place < size), weight, 0.0)
        np.add.at(matrix, (rows, np.clip(place, 0, size - 1)), weight)
        total += weight
    return matrix / total[:, None]


def _resize(
    call: Call, x: Value, roi: Value = None, scales: Value = None, sizes: Value = None
) -> Value:
    if call.opset < 11:  # (x, scales), asymmetric; floor before there was a choice
        return _resized(
            call, x, _floats(call, roi, "scales"), None, None, "asymmetric", "floor"
        )
    mode = call.get("coordinate_transformation_mode", "half_pixel")
    nearest = call.get("nearest_mode", "round_prefer_floor")
    factors = _floats(call, scales, "scales")
    wanted = None if sizes is None else call.ints(sizes, "sizes")
    region = _floats(call, roi, "roi") if mode == "tf_crop_and_resize" else None
    return _resized(call, x, factors or None, wanted, region, mode, nearest)


def _floats(call: Call, value: Value, what: str) -> list[float]:
    return (
        [] if value is None else [float(v) for v in call.known(value, what).reshape(-1)]
    )


def _upsample(call: Call, x: Value, scales: Value = None) -> Value:
    factors = _floats(call, scales, "scales") or call.get("scales")
    return _resized(call, x, factors, None, None, "asymmetric", "floor")


def _resized(
    call: Call, x: Value, scales: Sequence[float] | None, sizes: Sequence[int] | None,
    roi: Sequence[float] | None, mode: str, nearest: str,
) -> Value:  # fmt: skip
    rank = len(x.shape)
    axes = [call.axis(a, rank) for a in call.get("axes") or range(rank)]
    factors, outs = _targets(call, [x.shape[a] for a in axes], scales, sizes)
    checked(call, _with(x.shape, axes, outs), x)
    how = call.get("mode", "nearest")
    exact = dtype(x)
    if how != "nearest" and not is_float(exact):
        x = ops.cast(x, "float32")
    for place, (axis, factor, out) in enumerate(zip(axes, factors, outs, strict=True)):
        size = x.shape[axis]
        if out == size and factor == 1 and roi is None:
            continue
        if out > _LONGEST:
            raise call.fail(f"an axis of {out:,} places is refused.")
        ends = (0.0, 1.0) if not roi else (roi[place], roi[place + len(axes)])
        origins = _origins(mode, size, out, factor, ends)
        if isinstance(
            current(), Abstract
        ):  # only shapes count, of which some are large
            made = ops.take(x, np.zeros(out, np.int32), axis=axis)
        elif how == "nearest":
            places = np.clip(_NEAREST[nearest](origins), 0, size - 1).astype(np.int32)
            made = ops.take(x, places, axis=axis)
        else:
            made = _mixed(x, _matrix(call, how, origins, size, factor), axis)
        if mode == "tf_crop_and_resize":
            made = _blank(call, made, origins, size, axis)
        x = made
    return ops.cast(x, exact)


def _with(shape: Sequence[int], axes: list[int], outs: Sequence[int]) -> list[int]:
    """A shape with other sizes along some axes."""
    sizes = list(shape)
    for axis, out in zip(axes, outs, strict=True):
        sizes[axis] = out
    return sizes


def _matrix(call: Call, how: str, origins: Array, size: int, factor: float) -> Array:
    squeeze = min(factor, 1.0) if call.get("antialias", 0) else 1.0
    inside = bool(call.get("exclude_outside", 0))
    if how == "linear":
        return _weights(origins, size, _triangle, 1, squeeze, inside)
    if how == "cubic":
        kernel = _cubic(call.get("cubic_coeff_a", -0.75))
        return _weights(origins, size, kernel, 2, squeeze, inside)
    raise call.fail(f"mode is {how!r}; expected nearest, linear or cubic.")


def _mixed(x: Value, matrix: Array, axis: int) -> Value:
    weights = ops.cast(matrix, dtype(x))
    made = ops.tensordot(x, weights, axes=[[axis], [1]])
    return ops.moveaxis(made, -1, axis)


def _blank(call: Call, x: Value, origins: Array, size: int, axis: int) -> Value:
    """Outside of the input everything has the value that was given for that."""
    outside = (origins < 0) | (origins > size - 1)
    shape = [1] * len(x.shape)
    shape[axis] = len(origins)
    filler = like(x, call.get("extrapolation_value", 0.0))
    return ops.where(outside.reshape(shape), filler, x)


def _targets(
    call: Call,
    given: Sequence[int],
    scales: Sequence[float] | None,
    sizes: Sequence[int] | None,
) -> tuple[list[float], list[int]]:
    """Factor and result's size for each axis."""
    if sizes is None:
        if scales is None:
            raise call.fail("it has neither scales nor sizes.")
        return list(scales), [
            math.floor(n * s) for n, s in zip(given, scales, strict=True)
        ]
    policy = call.get("keep_aspect_ratio_policy", "stretch")
    factors = [s / n for s, n in zip(sizes, given, strict=True)]
    if policy == "stretch":
        return factors, list(sizes)
    one = min(factors) if policy == "not_larger" else max(factors)
    return [one] * len(given), [math.floor(one * n + 0.5) for n in given]


OPERATORS: dict[str, Operator] = {"Resize": _resize, "Upsample": _upsample}
