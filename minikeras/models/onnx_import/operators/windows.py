"""Convolutions and poolings. ONNX has channels first, our rows have them last."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from minikeras import ops
from minikeras.engine.prims import contract, pooling
from minikeras.models.onnx_import.operators.elementwise import dtype, like
from minikeras.models.onnx_import.operators.reducing import total
from minikeras.models.onnx_import.operators.shaping import padded
from minikeras.models.onnx_import.values import Call, Operator, Value

Pads = tuple[tuple[int, int], ...]


def last(x: Value) -> Value:
    """(batch, channels, *spatial) -> (batch, *spatial, channels)."""
    rank = len(x.shape)
    return ops.transpose(x, (0, *range(2, rank), 1))


def first(x: Value) -> Value:
    """The other way."""
    rank = len(x.shape)
    return ops.transpose(x, (0, rank - 1, *range(1, rank - 1)))


class Window(NamedTuple):
    """A window that slides: sizes, steps, distances inside, borders."""

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pads

    def reach(self, axis: int) -> int:
        return self.dilation[axis] * (self.size[axis] - 1) + 1


def window(call: Call, spatial: Sequence[int], size: Sequence[int]) -> Window:
    """What the attributes of a node say of its window."""
    rank = len(size)
    strides = tuple(call.get("strides") or [1] * rank)
    dilation = tuple(call.get("dilations") or [1] * rank)
    auto = call.get("auto_pad", "NOTSET")
    pads = _explicit(call.get("pads") or [0] * (2 * rank))
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pads = tuple(
            _same(n, k, s, d, auto == "SAME_UPPER")
            for n, k, s, d in zip(spatial, size, strides, dilation, strict=True)
        )
    elif auto == "VALID":
        pads = ((0, 0),) * rank
    return Window(tuple(size), strides, dilation, pads)


def _explicit(flat: Sequence[int]) -> Pads:
    half = len(flat) // 2
    return tuple(zip(flat[:half], flat[half:], strict=True))


def _same(n: int, k: int, s: int, d: int, upper: bool) -> tuple[int, int]:
    missing = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
    low = missing // 2
    return (low, missing - low) if upper else (missing - low, low)


def _conv(call: Call, x: Value, w: Value, bias: Value = None) -> Value:
    rank = len(x.shape)
    win = window(call, x.shape[2:], w.shape[2:])
    kernel = ops.transpose(w, (*range(2, rank), 1, 0))
    made = contract.conv(
        ops.convert_to_tensor(last(x)), ops.convert_to_tensor(kernel), strides=win.strides,
        padding=win.pads, dilation=win.dilation, groups=call.get("group", 1),
    )  # fmt: skip
    return first(made if bias is None else ops.add(made, bias))


def _conv_transpose(call: Call, x: Value, w: Value, bias: Value = None) -> Value:
    rank, groups = len(x.shape), call.get("group", 1)
    size = tuple(w.shape[2:])
    n = len(size)
    strides = tuple(call.get("strides") or [1] * n)
    dilation = tuple(call.get("dilations") or [1] * n)
    extra = call.get("output_padding") or [0] * n
    whole = [
        s * (d - 1) + e + (k - 1) * g + 1
        for s, d, e, k, g in zip(
            strides, x.shape[2:], extra, size, dilation, strict=True
        )
    ]
    pads = _output_pads(call, x.shape[2:], strides, whole)
    wanted = [a - lo - hi for a, (lo, hi) in zip(whole, pads, strict=True)]
    # Borders that are negative are added to the result, not cut off.
    cut = tuple((max(lo, 0), max(hi, 0)) for lo, hi in pads)
    sizes = [a - lo - hi for a, (lo, hi) in zip(whole, cut, strict=True)]
    kernel = ops.transpose(w, (*range(2, rank), 1, 0))
    made = contract.conv_input_grad(
        ops.convert_to_tensor(last(x)), ops.convert_to_tensor(kernel),
        input_shape=(x.shape[0], *sizes, w.shape[1] * groups), strides=strides, padding=cut,
        dilation=dilation, groups=groups,
    )  # fmt: skip
    if sizes != wanted:
        border = [(0, 0), *((max(-lo, 0), max(-hi, 0)) for lo, hi in pads), (0, 0)]
        made = padded(made, border, like(made, 0))
    return first(made if bias is None else ops.add(made, bias))


def _output_pads(
    call: Call, spatial: Sequence[int], strides: Sequence[int], whole: Sequence[int]
) -> Pads:
    given = call.get("output_shape")
    auto = call.get("auto_pad", "NOTSET")
    if given is None and auto not in ("SAME_UPPER", "SAME_LOWER"):
        return _explicit(call.get("pads") or [0] * (2 * len(whole)))
    if given is None:
        given = [d * s for d, s in zip(spatial, strides, strict=True)]
    pads = []
    for a, b in zip(whole, given[-len(whole) :], strict=True):
        missing = a - b
        half = missing // 2
        pads.append(
            (half, missing - half) if auto == "SAME_UPPER" else (missing - half, half)
        )
    return tuple(pads)


def _rounded_up(call: Call, win: Window, spatial: Sequence[int]) -> Window:
    """With `ceil_mode` the last window may hang over the end."""
    if not call.get("ceil_mode", 0):
        return win
    pads = []
    for axis, n in enumerate(spatial):
        lo, hi = win.pads[axis]
        room = n + lo + hi - win.reach(axis)
        step = win.strides[axis]
        count = -(-room // step) + 1
        if (count - 1) * step >= n + lo:  # it would begin behind the end
            count -= 1
        pads.append((lo, max((count - 1) * step + win.reach(axis) - n - lo, hi)))
    return win._replace(pads=tuple(pads))


def _taken(x: Value, win: Window, value: Value) -> list[Value]:
    """For each place in the window what the windows see there: (batch, channels, *out)."""
    x = padded(x, [(0, 0), (0, 0), *win.pads], value)
    rank = len(win.size)
    outs = [(x.shape[2 + i] - win.reach(i)) // win.strides[i] + 1 for i in range(rank)]
    taken = []
    for place in product(*(range(k) for k in win.size)):
        where: list[Any] = [slice(None), slice(None)]
        for i, p in enumerate(place):
            start = p * win.dilation[i]
            where.append(
                slice(start, start + (outs[i] - 1) * win.strides[i] + 1, win.strides[i])
            )
        taken.append(x[tuple(where)])
    return taken


def _plain(win: Window) -> bool:
    """Whether a row of ours does it."""
    inside = all(
        lo < k and hi < k for k, (lo, hi) in zip(win.size, win.pads, strict=True)
    )
    return inside and all(d == 1 for d in win.dilation)


def _max_pool(call: Call, x: Value) -> Any:
    size = call.get("kernel_shape")
    spatial = x.shape[2:]
    win = _rounded_up(call, window(call, spatial, size), spatial)
    places = len(call.node.outputs) > 1 and call.node.outputs[1]
    if _plain(win) and not places:
        row = pooling.max_pool(
            ops.convert_to_tensor(last(x)),
            window=win.size,
            strides=win.strides,
            padding=win.pads,
        )
        return first(row)
    low = _lowest(dtype(x))
    parts = ops.stack(_taken(x, win, ops.cast(low, dtype(x))), axis=0)
    made = ops.max(parts, axis=0)
    if not places:
        return made
    flat = np.arange(math.prod(spatial)).reshape(1, 1, *spatial)
    if call.get("storage_order", 0):
        flat = flat.reshape(1, 1, *spatial[::-1]).transpose(
            0, 1, *range(len(size) + 1, 1, -1)
        )
    lead = np.arange(x.shape[0] * x.shape[1]).reshape(
        x.shape[0], x.shape[1], *[1] * len(size)
    )
    where = ops.stack(_taken(flat + lead * math.prod(spatial), win, -1), axis=0)
    best = ops.expand_dims(ops.argmax(parts, axis=0), 0)
    found = ops.take_along_axis(where, best, axis=0)
    return [made, ops.cast(ops.squeeze(found, 0), "int64")]


def _lowest(name: str) -> int | float:
    return np.iinfo(name).min if name.startswith(("int", "uint")) else -np.inf


def _average_pool(call: Call, x: Value) -> Value:
    spatial = x.shape[2:]
    exact = window(call, spatial, call.get("kernel_shape"))
    win = _rounded_up(call, exact, spatial)
    counted = np.ones((1, 1, *spatial), np.float64)
    rest = win
    if call.get("count_include_pad", 0):
        border = [(0, 0), (0, 0), *exact.pads]
        counted = np.pad(counted, border, constant_values=1.0)
        hang = zip(win.pads, exact.pads, strict=True)
        rest = win._replace(pads=tuple((0, a[1] - b[1]) for a, b in hang))
    counts = sum(np.asarray(p) for p in _taken(counted, rest, np.float64(0)))
    return ops.divide(_summed(x, win), ops.cast(counts, dtype(x)))


def _summed(x: Value, win: Window) -> Value:
    if _plain(win):
        row = pooling.sum_pool(
            ops.convert_to_tensor(last(x)),
            window=win.size,
            strides=win.strides,
            padding=win.pads,
        )
        return first(row)
    return total(_taken(x, win, like(x, 0)))


def _lp_pool(call: Call, x: Value) -> Value:
    win = window(call, x.shape[2:], call.get("kernel_shape"))
    win = _rounded_up(call, win, x.shape[2:])
    p = call.get("p", 2)
    powers = ops.power(ops.abs(x), like(x, p))
    return ops.power(_summed(powers, win), like(x, 1 / p))


def _over_space(function: Callable[..., Any]) -> Operator:
    def operator(call: Call, x: Value) -> Value:
        return function(x, axis=tuple(range(2, len(x.shape))), keepdims=True)

    return operator


OPERATORS: dict[str, Operator] = {
    "AveragePool": _average_pool,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "GlobalAveragePool": _over_space(ops.mean),
    "GlobalMaxPool": _over_space(ops.max),
    "LpPool": _lp_pool,
    "MaxPool": _max_pool,
}
