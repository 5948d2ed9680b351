"""Cases of products with banded matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minikeras.engine.prims.banded import Band
from minikeras.testing.cases.case import FLOATS, Arg, Case


def banded() -> Iterator[Case]:
    """Few taps and many, few elements at a place and many; more places and fewer; none."""
    for shape, axis in (((2, 6), 1), ((6, 3), 0), ((2, 6, 5), 1), ((6, 2, 19), 0)):
        yield _case(shape, axis, 9, 2)
        yield _case(shape, axis, 4, 3)
    yield _case((30, 3), 0, 7, 13)
    yield _case((30, 11), 0, 7, 13)
    yield _case((2, 40, 1), 1, 300, 1)
    yield _case((3, 4), 0, 5, 3)
    yield _case((0, 4), 1, 5, 2)
    yield _case((2, 4), 1, 0, 2)


def _case(shape: tuple[int, ...], axis: int, size: int, taps: int) -> Case:
    n = shape[axis]
    rng = np.random.default_rng(taps)
    starts = np.sort(rng.integers(0, n - taps + 1, size))
    weights = rng.uniform(-1, 1, (size, taps)).astype("float16").astype("float64")
    band = Band(n, starts, weights)
    return Case(
        "banded",
        (Arg(shape),),
        {"band": band, "axis": axis},
        FLOATS,
        _reference(starts, weights, axis),
        (0,) if all(shape) and size else (),
        label=f"{size}-of-{taps}-along-{axis}",
    )


def _reference(
    starts: np.ndarray[Any, Any], weights: np.ndarray[Any, Any], axis: int
) -> Callable[..., Any]:
    """Element by element."""

    def reference(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        lines = np.moveaxis(x, axis, 0)
        made = np.zeros((len(starts), *lines.shape[1:]), x.dtype)
        for place, first in enumerate(starts):
            for tap, weight in enumerate(weights[place]):
                made[place] += weight * lines[first + tap]
        return np.moveaxis(made, 0, axis)

    return reference
