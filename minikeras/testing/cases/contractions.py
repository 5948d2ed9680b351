"""Cases of products, convolutions, pooling and softmax."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.testing.cases.case import FLOATS, WIDE, Arg, Case, along

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.engine.tensor import Tensor
    from minikeras.types import ArrayLike, Axis


def contract() -> Iterator[Case]:
    a: tuple[int, ...]
    b: tuple[int, ...]
    kinds: tuple[str, ...]
    for a, b, ta, tb in (
        ((3, 4), (4, 5), False, False),
        ((4, 3), (4, 5), True, False),
        ((3, 4), (5, 4), False, True),
        ((4, 3), (5, 4), True, True),
        ((2, 3, 4), (4, 5), False, False),
        ((2, 3, 4), (5, 4), False, True),
        ((2, 4, 3), (4, 5), True, False),
        ((3, 4), (2, 4, 5), False, False),
        ((2, 1, 3, 4), (3, 5, 4), False, True),
        ((0, 3, 4), (4, 5), False, False),
        ((3, 0), (0, 5), False, False),
    ):
        static: dict[str, Any] = {"transpose_a": ta, "transpose_b": tb}
        label = f"{ta}{tb}"
        kinds = (*FLOATS, "int32") if len(a) == len(b) == 2 else WIDE
        check = _matmul(ta, tb)
        yield Case("matmul", (Arg(a), Arg(b)), static, kinds, check, (0, 1), 4, label)

    a, b = (2, 5, 3, 4), (2, 6, 3, 4)  # (batch, steps, heads, width)
    heads = (0, 2, 1, 3)
    static = {"transpose_a": False, "transpose_b": True, "perm_a": heads}

    def scores(a: Tensor, b: Tensor) -> np.ndarray[Any, Any]:
        return np.einsum("bthd,bshd->bhts", a, b)

    given = (Arg(a), Arg(b))
    static["perm_b"] = heads
    yield Case("matmul", given, static, WIDE, scores, label="scores")
    c = (2, 3, 5, 6)
    static = {"perm_b": heads, "perm_out": heads}

    def mixed(c: Tensor, b: Tensor) -> np.ndarray[Any, Any]:
        return np.einsum("bhts,bshd->bthd", c, b)

    given = (Arg(c), Arg(b))
    yield Case("matmul", given, static, WIDE, mixed, label="mixed")


def _matmul(ta: object, tb: object) -> Callable[..., Any]:
    def reference(a: Tensor, b: Tensor) -> np.ndarray[Any, Any]:
        left = "...ki" if ta else "...ik"
        right = "...jk" if tb else "...kj"
        return np.einsum(f"{left},{right}->...ij", a, b)

    return reference


GEOMETRY = ("strides", "padding", "dilation", "groups")
CONVS = (
    # x, w, strides, padding, dilation, groups
    ((2, 7, 3), (3, 3, 4), (1,), ((0, 0),), (1,), 1),
    ((2, 8, 2), (3, 2, 3), (2,), ((2, 0),), (2,), 1),
    ((2, 6, 5, 3), (3, 2, 3, 4), (1, 1), ((1, 1), (0, 1)), (1, 1), 1),
    ((1, 7, 6, 4), (3, 3, 2, 6), (2, 1), ((0, 1), (1, 1)), (1, 2), 2),
    ((2, 5, 5, 3), (2, 2, 1, 6), (1, 1), ((0, 0), (1, 0)), (1, 1), 3),
    ((2, 5, 4, 3), (1, 1, 3, 5), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ((2, 5, 4, 3), (1, 1, 3, 5), (2, 2), ((0, 0), (0, 0)), (1, 1), 1),
    ((2, 4, 5, 3), (2, 3, 3, 4), (3, 3), ((0, 0), (1, 1)), (1, 1), 1),
    (
        (1, 4, 3, 4, 2),
        (2, 2, 3, 2, 3),
        (1, 1, 2),
        ((0, 0), (1, 0), (1, 1)),
        (2, 1, 1),
        1,
    ),
    ((0, 4, 4, 2), (3, 3, 2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ((1, 5, 5, 20), (3, 3, 20, 4), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
)


def conv_reference(
    x: Any,
    w: Any,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
) -> np.ndarray[Any, Any]:
    """Convolution as it is defined: a sum over the places in the window."""
    rank = len(strides)
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    *kernel, depth, cout = w.shape
    out = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[1:-1], kernel, strides, dilation)
    ]
    y = np.zeros((x.shape[0], *out, cout), dtype=np.result_type(x, w))
    per = cout // groups
    for tap in np.ndindex(*kernel):
        at = tuple(
            slice(t * d, t * d + (n - 1) * s + 1, s)
            for t, d, n, s in zip(tap, dilation, out, strides)
        )
        for g in range(groups):
            part = x[(slice(None), *at, slice(g * depth, (g + 1) * depth))]
            block = w[(*tap, slice(None), slice(g * per, (g + 1) * per))]
            y[..., g * per : (g + 1) * per] += np.tensordot(part, block, 1)
    assert y.ndim == rank + 2
    return y


def _transposed(
    linear: Callable[..., np.ndarray[Any, Any]], shape: Shape
) -> Callable[..., Any]:
    """The transpose of a linear function of arrays of `shape`, column by column."""

    def apply(g: object) -> np.ndarray[Any, Any]:
        out = np.zeros(shape)
        for at in np.ndindex(*shape):
            unit = np.zeros(shape)
            unit[at] = 1
            out[at] = np.sum(linear(unit) * g)
        return out

    return apply


def conv() -> Iterator[Case]:
    forward: Any
    to_input: Any
    to_filter: Any
    check: Any
    static: dict[str, Any]
    kinds: tuple[str, ...]
    for number, (x, w, *rest) in enumerate(CONVS):
        how: dict[str, Any] = dict(zip(GEOMETRY, rest, strict=True))

        def forward(
            a: Tensor, b: Tensor, how: Mapping[str, Any] = how
        ) -> np.ndarray[Any, Any]:
            return conv_reference(a, b, **how)

        def to_input(
            dy: Tensor,
            b: ArrayLike,
            how: Mapping[str, Any] = how,
            x: tuple[int, ...] = x,
        ) -> np.ndarray[Any, Any]:
            return _transposed(lambda a: conv_reference(a, b, **how), x)(dy)

        def to_filter(
            a: object, dy: Tensor, how: Mapping[str, Any] = how, w: tuple[int, ...] = w
        ) -> np.ndarray[Any, Any]:
            return _transposed(lambda b: conv_reference(a, b, **how), w)(dy)

        y = conv_reference(np.zeros(x), np.zeros(w), **how).shape
        kinds = (*FLOATS, "int32") if number == 2 else WIDE
        grads = kinds[:4]
        label = str(number)
        pair = (Arg(x), Arg(w))
        yield Case("conv", pair, how, kinds, forward, (0, 1), 10, label)
        static = {"input_shape": x, **how}
        small = math.prod(x) < 400
        check = to_input if small else None
        pair = (Arg(y), Arg(w))
        yield Case("conv_input_grad", pair, static, grads, check, (0, 1), 10, label)
        static = {"kernel_shape": w, **how}
        check = to_filter if math.prod(w) < 400 else None
        pair = (Arg(x), Arg(y))
        yield Case("conv_filter_grad", pair, static, grads, check, (0, 1), 10, label)


POOLS = (
    # x, window, strides, padding
    ((2, 6, 3), (2,), (2,), ((0, 0),)),
    ((2, 6, 6, 3), (2, 2), (2, 2), ((0, 0), (0, 0))),
    ((1, 7, 5, 2), (3, 2), (2, 1), ((1, 1), (0, 1))),
    ((2, 5, 5, 2), (2, 2), (3, 3), ((0, 1), (1, 0))),
    ((1, 4, 4, 4, 2), (2, 2, 2), (2, 2, 2), ((0, 0), (0, 0), (0, 0))),
    ((2, 3, 3, 2), (1, 1), (1, 1), ((0, 0), (0, 0))),
)


def _windows(
    x: Any, fill: float, window: tuple[int, ...], strides: tuple[int, ...], padding: str
) -> np.ndarray[Any, Any]:
    """Every window, its places flattened: (batch, *out, channels, places)."""
    wide = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    axes = tuple(range(1, x.ndim - 1))
    seen = np.lib.stride_tricks.sliding_window_view(wide, window, axes)
    cut = (slice(None), *(slice(None, None, s) for s in strides))
    seen = seen[cut]
    return seen.reshape(*seen.shape[: x.ndim], -1)


def pooling() -> Iterator[Case]:
    for number, (x, *rest) in enumerate(POOLS):
        how = dict(zip(("window", "strides", "padding"), rest))

        def peak(a: Tensor, how: Mapping[str, Any] = how) -> np.ndarray[Any, Any]:
            low = np.iinfo(a.dtype).min if a.dtype.kind == "i" else -np.inf
            return _windows(a, low, **how).max(-1)

        def gather(
            a: Tensor, g: Tensor, how: Mapping[str, Any] = how
        ) -> np.ndarray[Any, Any]:
            first = _windows(a, -np.inf, **how).argmax(-1)[..., None]
            return np.take_along_axis(_windows(g, 0, **how), first, -1)[..., 0]

        def spread(
            a: ArrayLike,
            dy: Tensor,
            gather: Callable[..., Any] = gather,
            x: tuple[int, ...] = x,
        ) -> np.ndarray[Any, Any]:
            return _transposed(lambda g: gather(a, g), x)(dy)

        def total(a: object, how: Mapping[str, Any] = how) -> np.ndarray[Any, Any]:
            return _windows(a, 0, **how).sum(-1)

        def share(
            dy: Tensor, total: Callable[..., Any] = total, x: tuple[int, ...] = x
        ) -> np.ndarray[Any, Any]:
            return _transposed(total, x)(dy)

        y = total(np.zeros(x)).shape
        label = str(number)
        kinds = (*FLOATS, "int32")
        yield Case("max_pool", (Arg(x),), how, kinds, peak, (0,), label=label)
        yield Case("sum_pool", (Arg(x),), how, kinds, total, (0,), 4, label)
        pair = (Arg(x), Arg(y))
        yield Case("max_pool_grad", pair, how, FLOATS, spread, (1,), 2, label)
        pair = (Arg(x), Arg(x))
        yield Case("max_pool_gather", pair, how, FLOATS, gather, (1,), label=label)
        static = {"input_shape": x, **how}
        yield Case("sum_pool_grad", (Arg(y),), static, FLOATS, share, (0,), 4, label)
    how = {"window": (2, 2), "strides": (1, 1), "padding": ((0, 0), (0, 0))}
    ties = (Arg((1, 3, 3, 1), values=[1.0] * 9), Arg((1, 2, 2, 1)))
    expected = _ties
    yield Case("max_pool_grad", ties, how, FLOATS, expected, (1,), label="ties")
    yield from _as_low_as_the_border()


def _as_low_as_the_border() -> Iterator[Case]:
    """Windows of -inf beside a border: the first element is the maximum, not the border."""
    how = {"window": (3, 2), "strides": (2, 1), "padding": ((1, 1), (1, 0))}
    lowest = Arg((1, 3, 2, 3), values=[-np.inf] * 18)

    def spread(_: object, dy: Tensor) -> np.ndarray[Any, Any]:
        out = np.zeros((1, 3, 2, 3))
        for row, column in np.ndindex(2, 2):
            out[:, row, max(column - 1, 0)] += dy[:, row, column]
        return out

    def gather(_: object, g: Tensor) -> np.ndarray[Any, Any]:
        out = np.zeros((1, 2, 2, 3))
        for row, column in np.ndindex(2, 2):
            out[:, row, column] = g[:, row, max(column - 1, 0)]
        return out

    label = "-inf"
    given = (lowest, Arg((1, 2, 2, 3)))
    yield Case("max_pool_grad", given, how, FLOATS, spread, (1,), 2, label)
    given = (lowest, Arg((1, 3, 2, 3)))
    yield Case("max_pool_gather", given, how, FLOATS, gather, (1,), label=label)


def _ties(_: object, dy: Tensor) -> np.ndarray[Any, Any]:
    out = np.zeros((1, 3, 3, 1))
    out[:, :2, :2] = dy
    return out


def fused() -> Iterator[Case]:
    shape: tuple[int, ...]
    args: tuple[Arg, ...]
    for shape, axis in (
        ((3, 5), 1),
        ((3, 5), 0),
        ((2, 3, 4), 1),
        ((4,), 0),
        ((2, 70), 1),
    ):
        args = (Arg(shape, -4, 4),)
        for name, reference in (("softmax", _softmax), ("log_softmax", _log_softmax)):
            check = along(reference, axis)
            static = {"axis": axis}
            yield Case(name, args, static, FLOATS, check, (0,), 2, str(axis))
    far = Arg((2, 3), values=[1000.0, 0.0, -1000.0, -5000.0, -5000.0, -5001.0])
    static = {"axis": 1}
    yield Case("softmax", (far,), static, WIDE, along(_softmax, 1), label="far")
    yield Case("log_softmax", (far,), static, WIDE, along(_log_softmax, 1), label="far")
    name = "softmax_cross_entropy_with_logits"
    for shape in ((4, 5), (2, 3, 4), (6,)):
        args = (Arg(shape, -4, 4), Arg(shape, 0, 1))
        yield Case(name, args, {}, FLOATS, _cross_entropy, (0, 1), 4)


def _softmax(x: Tensor, axis: Axis) -> np.ndarray[Any, Any]:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _log_softmax(x: Tensor, axis: Axis) -> np.ndarray[Any, Any]:
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def _cross_entropy(x: Tensor, t: object) -> np.ndarray[Any, Any]:
    return -np.sum(t * _log_softmax(x, -1), -1)
