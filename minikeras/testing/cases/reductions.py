"""Cases of the rows that create, reduce, scan and sort."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine.dtypes import numpy_dtype
from minikeras.testing.cases.case import FLOATS, INTS, WIDE, Arg, Case, along
from minikeras.types import Axis

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.engine.tensor import Tensor
    from minikeras.types import DTypeLike


def create() -> Iterator[Case]:
    shape: tuple[int, ...]
    static: dict[str, Any]
    for shape, dtype, value in (
        ((2, 3), "float32", 1.5),
        ((), "float64", -0.0),
        ((), "int32", 7),
        ((0, 2), "bfloat16", 1.0),
        ((4,), "bool", True),
        ((2,), "float32", float("inf")),
    ):
        static = {"shape": shape, "dtype": dtype, "value": value}
        yield Case("full", (), static, (dtype,), _full(**static), label=str(value))
    for shape, dtype, axis in (
        ((5,), "int32", 0),
        ((2, 3, 4), "float32", 1),
        ((2, 3), "uint8", 1),
        ((0, 3), "float64", 0),
    ):
        static = {"shape": shape, "dtype": dtype, "axis": axis}
        yield Case("iota", (), static, (dtype,), _iota(**static))


def _full(shape: Shape, dtype: DTypeLike, value: object) -> Callable[..., Any]:
    return lambda: np.full(shape, value, numpy_dtype(dtype))


def _iota(shape: Shape, dtype: DTypeLike, axis: Axis) -> Callable[..., Any]:
    return lambda: np.indices(shape)[axis].astype(numpy_dtype(dtype))


AXES = ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2), ())


def reduce() -> Iterator[Case]:
    yield from _variances()
    yield from _reductions()


def _variances() -> Iterator[Case]:
    for axes, keep in (((0, 1), False), ((1,), True), ((0, 1, 2), False)):
        static: dict[str, Any] = {"axes": axes, "keepdims": keep}

        def reference(x: Tensor, axes: Axis = axes, keep: bool = keep) -> Any:
            return np.var(x, axis=axes, keepdims=keep)

        args = (Arg((3, 4, 2)),)
        yield Case("variance", args, static, WIDE, reference, (0,), 4, str(axes))


def _reductions() -> Iterator[Case]:
    yield from _folds()
    yield from _scans()
    yield from _orders()


def _folds() -> Iterator[Case]:
    """What is left of an axis is one number."""
    axes: tuple[int, ...]
    args: tuple[Arg, ...]
    kinds: tuple[str, ...]
    static: dict[str, Any]
    names = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
    for name, reference in names.items():
        for axes, keep in itertools.product(AXES, (False, True)):
            full_set = axes == (0, 2) and keep
            kinds = (*FLOATS, "int32") if full_set else ("float32",)
            if axes == () and name in ("max", "min"):
                kinds = ("float32",)
            static = {"axes": axes, "keepdims": keep}
            args = (Arg((2, 3, 4), 0.3, 1.7),)
            smooth = (0,) if keep or axes == (0, 1) else ()
            check = _over(reference, axes, keep)
            label = f"{axes}{keep}"
            yield Case(name, args, static, kinds, check, smooth, 2, label)
        zero_d = {"axes": (), "keepdims": False}
        yield Case(name, (Arg(()),), zero_d, ("float32",), lambda x: x, (0,))
    for name in ("sum", "prod"):
        static = {"axes": (0,), "keepdims": False}
        check = _over(names[name], (0,), False)
        yield Case(name, (Arg((0, 3)),), static, ("float32",), check)
    zeros = Arg((2, 4), values=[0.0, 2.0, 3.0, 0.5, 0.0, 1.5, 0.0, 2.5])
    for axes in ((1,), (0, 1)):
        static = {"axes": axes, "keepdims": False}
        label = f"zeros{axes}"
        yield Case(
            "prod",
            (zeros,),
            static,
            WIDE,
            _over(np.prod, axes, False),
            (0,),
            label=label,
        )
    for name, reference in (("any", np.any), ("all", np.all)):
        for axes in ((1,), (0, 1)):
            static = {"axes": axes, "keepdims": True}
            check = _over(reference, axes, True)
            yield Case(name, (Arg((3, 4)),), static, ("bool",), check, label=str(axes))
    for name, reference in (("argmax", np.argmax), ("argmin", np.argmin)):
        for axis in (0, 1):
            check = along(reference, axis)
            kinds = (*FLOATS, "int32")
            yield Case(
                name, (Arg((5, 6)),), {"axis": axis}, kinds, check, label=str(axis)
            )


def _scans() -> Iterator[Case]:
    static: dict[str, Any]
    for name, reference in (("cumsum", np.cumsum), ("cumprod", np.cumprod)):
        for axis, reverse in itertools.product((0, 1), (False, True)):
            static = {"axis": axis, "reverse": reverse}
            check = _scan(reference, axis, reverse)
            args = (Arg((4, 5), 0.5, 1.5),)
            label = f"{axis}{reverse}"
            yield Case(name, args, static, (*FLOATS, "int32"), check, (0,), 2, label)
    zeros = Arg((5,), values=[2.0, 0.0, 3.0, 0.0, 0.5])
    static = {"axis": 0}
    yield Case("cumprod", (zeros,), static, WIDE, np.cumprod, (0,), label="zeros")


def _orders() -> Iterator[Case]:
    """What comes before what."""
    args: tuple[Arg, ...]
    check: Callable[..., Any]
    kinds: tuple[str, ...]
    for k in (1, 3, 6):
        args, label = (Arg((4, 6)),), str(k)
        kinds = (*FLOATS, "int32")
        yield Case("top_k", args, {"k": k}, kinds, _greatest(k), (0,), label=label)
    for right in (False, True):
        line = Arg((6,), values=[-1.0, 0.0, 0.0, 0.5, 1.0, 2.0])
        args = (line, Arg((3, 5), values=np.linspace(-2, 3, 15).round(1).reshape(3, 5)))
        side = "right" if right else "left"
        check = functools.partial(_places, side=side)
        yield Case("searchsorted", args, {"right": right}, FLOATS, check, label=side)
    for name, reference in (("sort", np.sort), ("argsort", np.argsort)):
        for axis in (0, 1):
            check = along(reference, axis, kind="stable")
            smooth = (0,) if name == "sort" else ()
            args = (Arg((5, 4)),)
            kinds = (*FLOATS, "int32")
            yield Case(
                name, args, {"axis": axis}, kinds, check, smooth, label=str(axis)
            )


def _places(line: Any, x: np.ndarray[Any, Any], side: Any) -> np.ndarray[Any, Any]:
    line, x = (np.asarray(a, "float64") for a in (line, x))
    return np.searchsorted(line, x, side=side)


def _greatest(k: int) -> Callable[..., Any]:
    def reference(
        x: np.ndarray[Any, Any],
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        at = np.argsort(-np.asarray(x, "float64"), axis=-1, kind="stable")[..., :k]
        return np.take_along_axis(x, at, -1), at

    return reference


def _over(function: Any, axes: Axis, keep: object) -> Callable[..., Any]:
    return lambda x: function(x, axis=axes, keepdims=keep) if axes else x


def _scan(
    function: Callable[..., Any], axis: int, reverse: object
) -> Callable[..., Any]:
    def reference(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if not reverse:
            return function(x, axis=axis)
        return np.flip(function(np.flip(x, axis), axis=axis), axis)

    return reference


def over_ranks() -> Iterator[Case]:
    """Alone, each array is its own sum; ranks that are there have tests of their own."""
    args = (Arg((3, 4)), Arg((5,)), Arg(()))
    means = {"means": (False, True, False)}
    yield Case(
        "all_reduce", args, means, WIDE, lambda *arrays: arrays, smooth=(0, 1, 2)
    )
    counts = {"means": (False,)}
    yield Case("all_reduce", (Arg((0, 2)),), counts, INTS, lambda a: (a,))
