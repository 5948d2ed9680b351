"""What the MobileNets have in common: networks of any width, trained at a few."""

from __future__ import annotations

from minikeras.applications.blocks import channel_axis
from minikeras.applications.options import Options, Shape
from minikeras.engine.warn import warn_user

WIDTH_ARGS = """\
    alpha: Width: how many times the usual channels all layers have. There are trained
        weights for {widths}.
"""


def nearest(value: float) -> int:
    """The multiple of 8 nearest to a number of channels, at least 8."""
    return max(8, int(value + 4) // 8 * 8)


def divisible(value: float) -> int:
    """The same, but not below 9/10 of the number."""
    rounded = nearest(value)
    return rounded + 8 if rounded < 0.9 * value else rounded


def rows_of(shape: Shape) -> int | None:
    """The height of a picture, by the configured data format."""
    return shape[1] if channel_axis() == 1 else shape[0]


def check_width(options: Options, alpha: float, widths: tuple[float, ...]) -> None:
    """Refuse widths that no layer can have, or that no trained weights are for.

    Raises:
        ValueError: If so.
    """
    if not alpha > 0:
        raise ValueError(
            f"{options.owner}: alpha={alpha!r}; expected a positive number."
        )
    if options.weights == "imagenet" and alpha not in widths:
        raise ValueError(
            f"{options.owner}: alpha={alpha!r} with weights='imagenet'; expected one of "
            f"{widths}, or weights=None."
        )


def trained_size(
    options: Options, sizes: tuple[int, ...], shape: Shape | None = None
) -> int:
    """The size of pictures whose trained weights fit a shape best; 224 for want of it.

    Args:
        options: What is asked for.
        sizes: For which there are weights.
        shape: Of a picture. Default: `input_shape`.
    """
    given = options.input_shape if shape is None else shape
    sides = None
    if given is not None and len(given) == 3:
        sides = given[1:] if channel_axis() == 1 else given[:2]
    fits = sides is not None and sides[0] == sides[1] and sides[0] in sizes
    if fits and sides is not None and sides[0] is not None:
        return sides[0]
    if options.weights == "imagenet" and not options.include_top:
        warn_user(
            f"{options.owner}: there are trained weights for square pictures of {sizes} "
            f"pixels; input_shape={given} gets those for 224."
        )
    return 224
