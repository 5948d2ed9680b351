"""Images under maps of the plane: affine, perspective, and elastic ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.image.common import computing, images_of, one_of, unknown
from minikeras.ops.image.filters import smoothed
from minikeras.ops.image.sampling import FILL_MODES, interpolate
from minikeras.ops.nn.convolution import to_first, to_last
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import cast_to, const, sub_slice
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.random.seed_generator import SeedGenerator


__all__ = ["affine_transform", "perspective_transform", "elastic_transform"]

_ORDERS = {"nearest": 0, "bilinear": 1}


def _batched(
    images: ArrayLike, data_format: str | None, name: str
) -> tuple[Tensor, bool, bool]:
    """Images `(batch, height, width, channels)`; whether channels stood first, and
    whether there was no batch axis."""
    x, first = images_of(images, data_format, name)
    single = x.ndim == 3
    x = prims.reshape(x, shape=(1, *x.shape)) if single else x
    return (to_last(x) if first else x), first, single


def _unbatched(y: Tensor, first: bool, single: bool) -> Tensor:
    y = to_first(y) if first else y
    return prims.reshape(y, shape=y.shape[1:]) if single else y


def _grid(x: Tensor, dtype: str) -> tuple[Tensor, Tensor]:
    """Rows and columns of the pixels, `(1, height, width)`."""
    shape = (1, x.shape[1], x.shape[2])
    rows = prims.iota(shape=shape, dtype=dtype, axis=1)
    return rows, prims.iota(shape=shape, dtype=dtype, axis=2)


def _numbers(rows: Tensor) -> list[Tensor]:
    """The columns of `(batch, n)`, each `(batch, 1, 1)`."""
    batch, n = rows.shape
    return [
        prims.reshape(sub_slice(rows, 1, i, i + 1), shape=(batch, 1, 1))
        for i in range(n)
    ]


def _line(a: Tensor, b: Tensor, c: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """a x + b y + c."""
    return prims.add(prims.add(prims.mul(a, x), prims.mul(b, y)), c)


def _check_batch(x: Tensor, given: Tensor, argument: str, name: str) -> None:
    n, m = x.shape[0], given.shape[0]
    if n != m and not unknown(n, m):
        raise ShapeError(
            f"{name}: {argument} has shape {given.shape} for a batch of {n} images; expected "
            f"{n} in the first axis."
        )


@op
def affine_transform(
    images: ArrayLike,
    transform: ArrayLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images under an affine map.

    The pixel at column `x` and row `y` of the result comes from column
    `a0 x + a1 y + a2` and row `b0 x + b1 y + b2` of the image.

    Args:
        images: Tensor `(batch, height, width, channels)`, or one image without the batch
            axis; with `channels_first` channels stand before the height.
        transform: Tensor `(batch, 8)` of `a0, a1, a2, b0, b1, b2, c0, c1`, for one image
            also `(8,)`. The last two do not count; see `perspective_transform`.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_mode: What stands beyond the border: `"constant"`, `"nearest"`, `"wrap"`,
            `"mirror"` or `"reflect"`, as for `map_coordinates`.
        fill_value: Value beyond the border in mode `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor of the shape and dtype of the images.

    Raises:
        ShapeError: If shapes do not fit one another.
        ValueError: If an argument is not understood.

    Example:

    >>> x = keras.ops.array([[[1.0], [2.0], [3.0]]])
    >>> move = keras.ops.array([1.0, 0, 1, 0, 1, 0, 0, 0])
    >>> keras.ops.image.affine_transform(x, move).tolist()
    [[[2.0], [3.0], [0.0]]]
    """
    name = "affine_transform"
    order = _ORDERS[one_of(interpolation, tuple(_ORDERS), name, "interpolation")]
    one_of(fill_mode, FILL_MODES, name, "fill_mode")
    x, first, single = _batched(images, data_format, name)
    t = to_tensor(transform)
    t = cast_to(t, computing(t.dtype))
    if t.ndim not in (1, 2) or t.shape[-1] != 8:
        raise ShapeError(
            f"{name}: transform has shape {t.shape}; expected (batch, 8), or (8,) for one image."
        )
    t = prims.reshape(t, shape=(1, 8)) if t.ndim == 1 else t
    _check_batch(x, t, "transform", name)
    a0, a1, a2, b0, b1, b2, _, _ = _numbers(t)
    rows, columns = _grid(x, t.dtype)
    to_column = _line(a0, a1, a2, columns, rows)
    to_row = _line(b0, b1, b2, columns, rows)
    y = interpolate(x, [to_row, to_column], order, fill_mode, fill_value)
    return _unbatched(y, first, single)


def _points(points: ArrayLike, argument: str, name: str) -> Tensor:
    p = to_tensor(points)
    if p.ndim not in (2, 3) or p.shape[-2:] != (4, 2):
        raise ShapeError(
            f"{name}: {argument} has shape {p.shape}; expected (batch, 4, 2), or (4, 2) for "
            "one image: four corners, each x and y."
        )
    p = prims.reshape(p, shape=(1, 4, 2)) if p.ndim == 2 else p
    return cast_to(p, computing(p.dtype))


def _homography(source: Tensor, target: Tensor) -> Tensor:
    """The eight numbers `(batch, 8)` of the map that takes four points to four others."""
    batch = source.shape[0]
    x, y = (sub_slice(source, 2, i, i + 1) for i in range(2))
    one = prims.full(shape=x.shape, dtype=x.dtype, value=1)
    zero = prims.full(shape=x.shape, dtype=x.dtype, value=0)
    # With the ninth number 1, x' (c0 x + c1 y + 1) = a0 x + a1 y + a2, and the same for
    # y': two linear equations per corner, eight in all.
    halves = []
    for i, lead in enumerate(
        ((x, y, one, zero, zero, zero), (zero, zero, zero, x, y, one))
    ):
        goal = sub_slice(target, 2, i, i + 1)
        products = (prims.neg(prims.mul(v, goal)) for v in (x, y))
        halves.append((prims.concat(*lead, *products, axis=2), goal))
    system = prims.concat(*(s for s, _ in halves), axis=1)
    goals = prims.concat(*(g for _, g in halves), axis=1)
    return prims.reshape(prims.solve(system, goals), shape=(batch, 8))


@op
def perspective_transform(
    images: ArrayLike,
    start_points: ArrayLike,
    end_points: ArrayLike,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images seen from elsewhere: what lies at the start points moves to the end points.

    Args:
        images: Tensor `(batch, height, width, channels)`, or one image without the batch
            axis; with `channels_first` channels stand before the height.
        start_points: Tensor `(batch, 4, 2)`, for one image also `(4, 2)`: columns and rows
            of four places, no three in one line.
        end_points: Tensor of the same shape: where they are in the result.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_value: Value beyond the border.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor of the shape and dtype of the images.

    Raises:
        ShapeError: If shapes do not fit one another.
        ValueError: If an argument is not understood.

    Example:

    >>> x = keras.ops.array([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
    >>> start = keras.ops.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [2.0, 1.0]])
    >>> moved = keras.ops.image.perspective_transform(x, start, start + [1.0, 0.0])
    >>> moved[:, :, 0].tolist()
    [[0.0, 1.0, 2.0], [0.0, 4.0, 5.0]]

    Reference:
        Hartley, Zisserman: Multiple View Geometry in Computer Vision; 2004, section 4.1.
    """
    name = "perspective_transform"
    order = _ORDERS[one_of(interpolation, tuple(_ORDERS), name, "interpolation")]
    x, first, single = _batched(images, data_format, name)
    start = _points(start_points, "start_points", name)
    end = _points(end_points, "end_points", name)
    _check_batch(x, start, "start_points", name)
    _check_batch(x, end, "end_points", name)
    wide = "float64" if "float64" in (start.dtype, end.dtype) else "float32"
    # From the end points back to the start points: each pixel of the result asks where
    # it comes from.
    numbers = _homography(cast_to(end, wide), cast_to(start, wide))
    a0, a1, a2, b0, b1, b2, c0, c1 = _numbers(numbers)
    rows, columns = _grid(x, wide)
    depth = _line(c0, c1, const(c0, 1), columns, rows)
    to_column = prims.div(_line(a0, a1, a2, columns, rows), depth)
    to_row = prims.div(_line(b0, b1, b2, columns, rows), depth)
    y = interpolate(x, [to_row, to_column], order, "constant", fill_value)
    return _unbatched(y, first, single)


@op
def elastic_transform(
    images: ArrayLike,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: int | SeedGenerator | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images whose pixels are moved by a smooth random field.

    Args:
        images: Tensor `(batch, height, width, channels)`, or one image without the batch
            axis; with `channels_first` channels stand before the height.
        alpha: Strength, in pixels before smoothing.
        sigma: Standard deviation of the Gaussian that smooths the field, in pixels.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_mode: What stands beyond the border: `"constant"`, `"nearest"`, `"wrap"`,
            `"mirror"` or `"reflect"`, as for `map_coordinates`.
        fill_value: Value beyond the border in mode `"constant"`.
        seed: Integer, `SeedGenerator`, or None for the global one.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor of the shape and dtype of the images.

    Raises:
        ShapeError: If the images have another rank.
        ValueError: If an argument is not understood.

    Example:

    >>> x = keras.random.uniform((2, 8, 8, 3), seed=1)
    >>> keras.ops.image.elastic_transform(x, seed=2).shape
    (2, 8, 8, 3)

    Reference:
        Simard, Steinkraus, Platt: Best Practices for Convolutional Neural Networks Applied
        to Visual Document Analysis; 2003.
    """
    name = "elastic_transform"
    order = _ORDERS[one_of(interpolation, tuple(_ORDERS), name, "interpolation")]
    one_of(fill_mode, FILL_MODES, name, "fill_mode")
    x, first, single = _batched(images, data_format, name)
    reach = int(6 * sigma) | 1  # three deviations to each side
    wide = computing(x.dtype)
    down, right = random_field(x.shape[:3], alpha, sigma, reach, wide, seed)
    y = _moved(x, down, right, order, fill_mode, fill_value)
    return _unbatched(y, first, single)


def random_field(
    shape: Shape,
    alpha: ArrayLike,
    sigma: ArrayLike,
    reach: int,
    dtype: str,
    seed: int | SeedGenerator | None,
) -> list[Tensor]:
    """Smooth random moves down and to the right, each `(batch, height, width)`.

    `reach` is the size of the window that smooths: a number, as `sigma` may be a tensor.
    """
    # Up the same floor: random is built on ops.
    from minikeras.random import normal

    noise = normal((2, *shape), dtype=dtype, seed=seed)
    one = cast_to(to_tensor(sigma), dtype)
    spread = prims.broadcast_to(one, shape=(2,))
    field = smoothed(noise, (reach, reach), spread, "same")
    field = prims.mul(field, cast_to(to_tensor(alpha), dtype))
    return [
        prims.reshape(sub_slice(field, 0, i, i + 1), shape=tuple(shape))
        for i in range(2)
    ]


def _moved(
    x: Tensor, down: Tensor, right: Tensor, order: int, mode: str, fill_value: ArrayLike
) -> Tensor:
    rows, columns = _grid(x, down.dtype)
    to_row, to_column = prims.add(rows, down), prims.add(columns, right)
    return interpolate(x, [to_row, to_column], order, mode, fill_value)


def displaced(
    images: Tensor,
    field: list[Tensor],
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    data_format: str,
) -> Tensor:
    """A batch of images whose pixels are moved by `random_field`."""
    x, first, single = _batched(images, data_format, "displaced")
    down, right = field
    order = _ORDERS[interpolation]
    y = _moved(x, down, right, order, fill_mode, fill_value)
    return _unbatched(y, first, single)
