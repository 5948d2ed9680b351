"""Random rectangles in pictures, to erase or to exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image.options import uniform

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator


def _span(length: int, ratio: Tensor, source: SeedGenerator) -> tuple[Tensor, Tensor]:
    """Start and end along one axis, within it, of a share `ratio` of the area."""
    n = ops.cast(length, "float32")
    size = ops.sqrt(ratio) * n
    start = uniform(ratio.shape, (0.0, 1.0), source) * (n - size)
    return ops.round(start), ops.round(start + size)


def _inside(length: int, span: tuple[Tensor, Tensor]) -> Tensor:
    place = ops.arange(length, dtype="float32")
    start, end = (v[:, None] for v in span)
    return ops.logical_and(place >= start, place < end)


def masks(
    size: tuple[Any, Any], ratios: tuple[Tensor, Tensor], first: bool, source: Any
) -> Tensor:
    """Which pixels lie in a rectangle of each picture, bool.

    Args:
        size: Height and width of the pictures.
        ratios: For each axis, the share of it to cover, squared: `(batch,)`.
        first: Whether channels stand before the height.
        source: Where to draw from.

    Returns:
        Tensor `(batch, height, width, 1)`, or with the channel before the height.
    """
    rows, columns = (
        _inside(n, _span(n, ratio, source))
        for n, ratio in zip(size, ratios, strict=True)
    )
    plane = ops.logical_and(rows[:, :, None], columns[:, None, :])
    return ops.expand_dims(plane, 1 if first else -1)
