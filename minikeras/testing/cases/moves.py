"""Cases of the movement rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.testing.cases.case import FLOATS, Arg, Case

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape


_KINDS = (*FLOATS, "int32", "bool")


def movement() -> Iterator[Case]:
    yield from _rearranged()
    yield from _spread()
    yield from _cut()
    yield from _joined_and_flipped()


def _rearranged() -> Iterator[Case]:
    """Rows that move each element, and lose none."""
    shape: tuple[int, ...]
    old: tuple[int, ...]
    new: tuple[int, ...]
    perm: tuple[int, ...]
    for old, new in (((2, 6), (3, 4)), ((), (1, 1)), ((0, 3), (3, 0, 2)), ((4,), (4,))):
        check = _reshape(new)
        yield Case("reshape", (Arg(old),), {"shape": new}, _KINDS, check, (0,))
    for shape, perm in (((2, 3, 4), (2, 0, 1)), ((3,), (0,)), ((), ())):
        check = _transpose(perm)
        yield Case("transpose", (Arg(shape),), {"perm": perm}, _KINDS, check, (0,))
    # Sizes at which kernels go by vectors, and have some elements left.
    for shape, perm in (((19, 37), (1, 0)), ((3, 18, 21), (2, 1, 0))):
        check = _transpose(perm)
        yield Case("transpose", (Arg(shape),), {"perm": perm}, _KINDS, check)
    yield Case("flip", (Arg((5, 37)),), {"axes": (1,)}, _KINDS, _flip((1,)))
    part = (slice(0, 6), slice(1, 38))
    static = {"starts": (0, 1), "stops": (6, 38), "steps": (1, 1)}
    yield Case("slice", (Arg((6, 40)),), static, _KINDS, lambda x: x[part])


def _spread() -> Iterator[Case]:
    """Rows whose results are larger."""
    shape: tuple[int, ...]
    new: tuple[int, ...]
    widths: tuple[tuple[int, int], ...]
    check = _broadcast((37, 35))
    static = {"shape": (37, 35)}
    yield Case("broadcast_to", (Arg((37, 1)),), static, _KINDS, check)
    for shape, new in (
        ((3, 1), (2, 3, 4)),
        ((), (2, 2)),
        ((1,), (1, 1)),
        ((2,), (0, 2)),
    ):
        check = _broadcast(new)
        yield Case("broadcast_to", (Arg(shape),), {"shape": new}, _KINDS, check, (0,))
    for shape, widths in (
        ((2, 3), ((1, 0), (0, 2))),
        ((0, 2), ((1, 1), (0, 0))),
        ((), ()),
    ):
        args = (Arg(shape), Arg(()))
        check = _pad(widths)
        yield Case("pad", args, {"widths": widths}, _KINDS, check, (0, 1))


def _cut() -> Iterator[Case]:
    """Slices, and their gradients."""
    shape: tuple[int, ...]
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]
    static: dict[str, Any]
    cuts = (
        ((5, 6), (1, 0), (5, 6), (2, 1)),
        ((5, 6), (4, 5), (-1, 0), (-1, -2)),
        ((5, 6), (2, 3), (2, 6), (1, 1)),
        ((4,), (3,), (-1,), (-3,)),
        ((), (), (), ()),
    )
    for shape, starts, stops, steps in cuts:
        static = {"starts": starts, "stops": stops, "steps": steps}
        at = np.ix_(*[range(a, b, s) for a, b, s in zip(starts, stops, steps)])
        check = _index(at)
        label = str(starts)
        yield Case("slice", (Arg(shape),), static, _KINDS, check, (0,), label=label)
        size = tuple(len(range(a, b, s)) for a, b, s in zip(starts, stops, steps))
        check = _place(shape, at)
        wide = {"shape": shape, **static}
        args = (Arg(size),)
        yield Case("pad_strided", args, wide, _KINDS, check, (0,), label=label)


def _joined_and_flipped() -> Iterator[Case]:
    axes: tuple[int, ...]
    args: tuple[Arg, ...]
    for shapes, axis in (
        (((2, 3), (2, 1), (2, 0)), 1),
        (((3,), (2,)), 0),
        (((2, 2),), 0),
    ):
        args = tuple(map(Arg, shapes))
        smooth = tuple(range(len(args)))
        yield Case("concat", args, {"axis": axis}, _KINDS, _concat(axis), smooth)
    for axes in ((0,), (0, 2), ()):
        check = _flip(axes)
        yield Case(
            "flip",
            (Arg((2, 3, 4)),),
            {"axes": axes},
            _KINDS,
            check,
            (0,),
            label=str(axes),
        )


def _reshape(shape: Shape) -> Callable[..., Any]:
    return lambda x: np.reshape(x, shape)


def _transpose(perm: Sequence[int]) -> Callable[..., Any]:
    return lambda x: np.transpose(x, perm)


def _broadcast(shape: Shape) -> Callable[..., Any]:
    return lambda x: np.broadcast_to(x, shape)


def _pad(widths: Sequence[tuple[int, ...]]) -> Callable[..., Any]:
    return lambda x, v: np.pad(x, widths, constant_values=v) if widths else x


def _index(at: object) -> Callable[..., Any]:
    return lambda x: x[at]


def _place(
    shape: Sequence[int],
    at: Sequence[Any],
) -> Callable[..., Any]:
    def reference(g: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        out = np.zeros(shape, g.dtype)
        out[at] = g
        return out

    return reference


def _concat(axis: int) -> Callable[..., Any]:
    return lambda *xs: np.concatenate(xs, axis)


def _flip(axes: Any) -> Callable[..., Any]:
    return lambda x: np.flip(x, axes)
