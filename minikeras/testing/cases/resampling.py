"""Cases of images that are read at any places."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minikeras.engine.prims.resampling import BORDERS
from minikeras.testing.cases.case import WIDE, Arg, Case

_INTEGERS = ("uint8", "int64", "float16", "bool")


def resampling() -> Iterator[Case]:
    """Every border and order; one axis and three; many channels, few, none."""
    for border in BORDERS:
        yield _case(0, border, (4, 5), (3, 6), 3)
        yield _case(1, border, (4, 5), (3, 6), 3)
        yield _case(1, border, (1, 6), (19,), 1)
    for channels in (0, 4, 13):
        yield _case(1, "reflect", (3, 4), (2, 2), channels)
    yield _case(1, "constant", (7,), (5,), 2)
    yield _case(1, "constant", (2, 3, 4), (5,), 2)
    yield _case(0, "wrap", (4, 5), (0, 6), 2)
    for border in ("constant", "reflect"):
        yield _case(0, border, (4, 5), (3, 6), 3, _INTEGERS, "float32")


def _case(
    order: int,
    border: str,
    sizes: tuple[int, ...],
    out: tuple[int, ...],
    channels: int,
    dtypes: tuple[str, ...] = WIDE,
    place: str | None = None,
) -> Case:
    images, fill = Arg((2, *sizes, channels), 0, 9), Arg((), 0, 9)
    places = [Arg((2, *out), -1.5 * n - 1, 2.5 * n + 1, place) for n in sizes]
    smooth = (0, *range(2, 2 + len(places)), 1) if order else (0,)
    return Case(
        "resample",
        (images, fill, *places),
        {"order": order, "border": border},
        dtypes,
        _reference(order, border),
        () if place or not channels or 0 in out else tuple(sorted(smooth)),
        label=f"{order}-{border}" + "-whole" * bool(place),
    )


def _reference(order: int, border: str) -> Callable[..., Any]:
    """Pixel by pixel, corner by corner, in Python's numbers."""

    def read(image: np.ndarray[Any, Any], fill: float, at: tuple[int, ...]) -> Any:
        found = []
        for i, n in zip(at, image.shape, strict=False):
            if border == "constant" and not 0 <= i < n:
                return fill
            ends = [*range(n), *(range(n - 2, 0, -1) if border == "mirror" else ())]
            ends += range(n - 1, -1, -1) if border == "reflect" else ()
            near = border in ("constant", "nearest")
            found.append(min(max(i, 0), n - 1) if near else ends[i % len(ends)])
        return image[tuple(found)]

    def one(image: np.ndarray[Any, Any], fill: float, place: list[float]) -> Any:
        if order == 0:
            whole = (int(math.copysign(math.floor(abs(p) + 0.5), p)) for p in place)
            return read(image, fill, tuple(whole))
        total: Any = 0.0
        for side in itertools.product((0, 1), repeat=len(place)):
            low = [math.floor(p) for p in place]
            shares = [
                abs(1 - s - (p - i)) for s, p, i in zip(side, place, low, strict=True)
            ]
            corner = tuple(i + s for i, s in zip(low, side, strict=True))
            total = total + math.prod(shares) * read(image, fill, corner)
        return total

    def reference(
        images: np.ndarray[Any, Any], fill: float, *places: np.ndarray[Any, Any]
    ) -> np.ndarray[Any, Any]:
        result = np.empty((*places[0].shape, images.shape[-1]), images.dtype)
        for index in np.ndindex(*places[0].shape):
            place = [float(p[index]) for p in places]
            result[index] = one(images[index[0]], fill, place)
        return result

    return reference
