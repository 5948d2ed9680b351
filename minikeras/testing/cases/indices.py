"""Cases of the index rows and of random bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.testing.cases.case import FLOATS, WIDE, Arg, Case

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.engine.tensor import Tensor


def _indices(shape: Shape, high: int, dtype: str = "int32") -> Arg:
    return Arg(shape, 0, high - 1, dtype)


_KINDS = (*FLOATS, "int32")


def index() -> Iterator[Case]:
    yield from _look_ups()
    yield from _segments()
    yield from _element_by_element()
    yield from _windows()


def _look_ups() -> Iterator[Case]:
    """Slices of one axis, by their numbers."""
    x: tuple[int, ...]
    i: tuple[int, ...]
    at: Any
    static: dict[str, Any]
    for x, i, axis in (
        ((5, 3), (4,), 0),
        ((5, 3), (2, 2), 1),
        ((5,), (), 0),
        ((2, 4, 3), (6,), 1),
        ((5, 3), (0,), 0),
        ((3, 1), (7,), 0),
    ):
        for width in ("int32", "int64") if axis else ("uint8",):
            at = _indices(i, x[axis], width)
            static = {"axis": axis}
            yield Case("take", (Arg(x), at), static, _KINDS, _take(axis), (0,))
            g = (*x[:axis], *i, *x[axis + 1 :])
            static = {"shape": x, "axis": axis}
            check = _scatter(x, axis)
            yield Case("scatter_add_axis", (Arg(g), at), static, _KINDS, check, (0,), 2)
    for x, axis in (((5, 3), 0), ((2, 4), 1), ((3, 2, 2), 1)):
        outside = Arg((4,), dtype="int32", values=(x[axis], 0, -1, x[axis] - 1))
        at = {"axis": axis}
        check = _take_existing(axis)
        yield Case("take", (Arg(x), outside), at, WIDE, check, label="outside")
        g = (*x[:axis], 4, *x[axis + 1 :])
        static = {"shape": x, "axis": axis}
        check = _scatter_existing(x, axis)
        args = (Arg(g), outside)
        yield Case("scatter_add_axis", args, static, WIDE, check, (0,), label="outside")


def _element_by_element() -> Iterator[Case]:
    x: tuple[int, ...]
    i: tuple[int, ...]
    args: tuple[Arg, ...]
    for x, i, axis in (
        ((5, 3), (4, 3), 0),
        ((5, 3), (5, 2), 1),
        ((2, 3, 2), (2, 5, 2), 1),
    ):
        at = _indices(i, x[axis])
        check = _take_along(axis)
        yield Case("take_along_axis", (Arg(x), at), {"axis": axis}, _KINDS, check, (0,))
        static = {"shape": x, "axis": axis}
        check = _put_along(x, axis)
        yield Case("put_along_axis_add", (Arg(i), at), static, _KINDS, check, (0,), 2)
    for x, i in (
        ((3, 3, 2), (4, 2)),
        ((3,), (2, 5, 1)),
        ((3, 3), (2, 2)),
        ((3, 2), (2, 0)),
    ):
        at = _indices(i, 3)
        yield Case("gather_nd", (Arg(x), at), {}, _KINDS, _gather_nd, (0,))
        u = (*i[:-1], *x[i[-1] :])
        check = _scatter_nd(x)
        args = (at, Arg(u))
        yield Case("scatter_nd_add", args, {"shape": x}, _KINDS, check, (1,), 2)


def _windows() -> Iterator[Case]:
    """Slices that begin where an array says."""
    x: tuple[int, ...]
    sizes: tuple[int, ...]
    args: tuple[Arg, ...]
    for x, sizes, at in (
        ((5, 4), (2, 3), (1, 1)),
        ((5, 4), (2, 3), (9, -3)),
        ((3,), (3,), (0,)),
    ):
        starts = Arg((len(x),), dtype="int32", values=at)
        check = _dynamic(sizes)
        static = {"sizes": sizes}
        label = str(at)
        yield Case(
            "dynamic_slice", (Arg(x), starts), static, _KINDS, check, (0,), label=label
        )
        args = (Arg(x), Arg(sizes), starts)
        check = _update
        yield Case("dynamic_update_slice", args, {}, _KINDS, check, (0, 1), label=label)


def _take(axis: int) -> Callable[..., Any]:
    return lambda x, i: np.take(x, i, axis)


def _take_existing(axis: int) -> Callable[..., Any]:
    def reference(x: Tensor, i: Any) -> np.ndarray[Any, Any]:
        taken = np.take(x, i, axis, mode="clip")
        taken[(slice(None),) * axis + ((i < 0) | (i >= x.shape[axis]),)] = np.nan
        return taken

    return reference


def _scatter_existing(shape: Sequence[int], axis: int) -> Callable[..., Any]:
    def reference(
        g: np.ndarray[Any, Any], i: np.ndarray[Any, Any]
    ) -> np.ndarray[Any, Any]:
        exists = (i >= 0) & (i < shape[axis])
        g = g[(slice(None),) * axis + (exists,)]
        return _scatter(shape, axis)(g, i[exists])

    return reference


def _scatter(shape: Sequence[int], axis: int) -> Callable[..., Any]:
    def reference(
        g: np.ndarray[Any, Any], i: np.ndarray[Any, Any]
    ) -> np.ndarray[Any, Any]:
        out = np.zeros(shape, g.dtype)
        where: Any = (slice(None),) * axis + (i,)
        np.add.at(out, where, g)
        return out

    return reference


def _take_along(axis: int) -> Callable[..., Any]:
    return lambda x, i: np.take_along_axis(x, i, axis)


def _put_along(shape: Shape, axis: int) -> Callable[..., Any]:
    def reference(g: np.ndarray[Any, Any], i: Any) -> np.ndarray[Any, Any]:
        out = np.zeros(shape, g.dtype)
        for at in np.ndindex(*i.shape):
            place = list(at)
            place[axis] = i[at]
            out[tuple(place)] += g[at]
        return out

    return reference


def _gather_nd(
    x: np.ndarray[Any, Any], i: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    flat = i.reshape(math.prod(i.shape[:-1]), i.shape[-1])
    rows = [x[tuple(r)] for r in flat]
    return np.array(rows).reshape(*i.shape[:-1], *x.shape[i.shape[-1] :])


def _scatter_nd(shape: Shape) -> Callable[..., Any]:
    def reference(i: Any, u: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        out = np.zeros(shape, u.dtype)
        depth = i.shape[-1]
        rows = i.reshape(math.prod(i.shape[:-1]), depth)
        for r, v in zip(rows, u.reshape(len(rows), *shape[depth:])):
            out[tuple(r)] += v
        return out

    return reference


def _dynamic(sizes: Shape) -> Callable[..., Any]:
    def reference(
        x: np.ndarray[Any, Any], starts: np.ndarray[Any, Any]
    ) -> np.ndarray[Any, Any]:
        for axis, (s, d, n) in enumerate(zip(starts, x.shape, sizes)):
            x = np.take(x, range(np.clip(s, 0, d - n), np.clip(s, 0, d - n) + n), axis)
        return x

    return reference


def _update(
    x: Tensor, u: np.ndarray[Any, Any], starts: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    out = x.copy()
    starts = np.clip(starts, 0, np.array(x.shape) - u.shape)
    for at in np.ndindex(*u.shape):
        out[tuple(starts + at)] = u[at]
    return out


def philox_reference(
    seed: Any, counter: Any, size: Any, first: Any = 0
) -> np.ndarray[Any, Any]:
    """Philox 4x32-10 word by word, in Python integers, from block `first` on."""
    mask = 0xFFFFFFFF
    words = []
    for block in range(first, first - (-size // 4)):
        c, k = [block & mask, block >> 32, counter, 0], [seed, 0]
        for _ in range(10):
            p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [q >> 32 ^ c[1] ^ k[0], q & mask, p >> 32 ^ c[3] ^ k[1], p & mask]
            k = [k[0] + 0x9E3779B9 & mask, k[1] + 0xBB67AE85 & mask]
        words += c
    return np.array(words[:size], np.uint32)


def random() -> Iterator[Case]:
    for shape in ((4,), (3, 5), (), (0,), (1001,)):
        for key in ((0, 0), (0xDEADBEEF, 7)):
            size = math.prod(shape)

            def reference(
                k: np.ndarray[Any, Any], shape: Shape = shape, size: object = size
            ) -> np.ndarray[Any, Any]:
                return philox_reference(int(k[0]), int(k[1]), size).reshape(shape)

            args = (Arg((2,), dtype="uint32", values=key),)
            static = {"shape": shape}
            yield Case(
                "random_bits", args, static, ("uint32",), reference, label=str(key)
            )
    for start in (1, 4, 30, 2**34 + 3):

        def later(k: np.ndarray[Any, Any], start: int = start) -> np.ndarray[Any, Any]:
            words = philox_reference(int(k[0]), int(k[1]), 40, start // 4)
            return words[start % 4 : start % 4 + 35].reshape(5, 7)

        args = (Arg((2,), dtype="uint32", values=(7, 2)),)
        placed: dict[str, Any] = {"shape": (5, 7), "start": start}
        yield Case("random_bits", args, placed, ("uint32",), later, label=str(start))


def _segments() -> Iterator[Case]:
    """Some ids name no segment; one segment is empty."""
    for shape in ((7, 3), (7,), (7, 2, 9)):
        ids = Arg((7,), dtype="int32", values=(0, 3, 3, -1, 0, 4, 3))
        for how, low, most in (
            ("max", -99, -math.inf),
            ("min", 99, math.inf),
            ("mul", 1, 1),
        ):
            static = {"count": 4, "how": how, "start": low}
            label = f"{how} {len(shape)}"
            args = (Arg(shape, 0.5, 1.5), ids)
            check = _combine(how, 4, low)
            name = "segment_combine"
            yield Case(name, args, static, FLOATS, check, (0,), label=label)
            whole = (Arg(shape, -9, 9), ids)
            yield Case(name, whole, static, ("int32", "int64"), check, label=label)
            static = {**static, "start": most}
            yield Case(name, args, static, WIDE, _combine(how, 4, most), label=label)


def _combine(how: str, count: int, start: float) -> Callable[..., Any]:
    found: Any = {"max": np.max, "min": np.min, "mul": np.prod}[how]

    def reference(
        x: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]
    ) -> np.ndarray[Any, Any]:
        rows = [x[ids == i] for i in range(count)]
        return np.stack(
            [found(r, axis=0) if len(r) else np.full(x.shape[1:], start) for r in rows]
        )

    return reference
