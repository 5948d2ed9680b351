"""Draws: uniform, normal, integers, categories, shuffles, dropout.

Each takes a shape and a seed: an integer always gives the same numbers, a
`SeedGenerator` goes on with each draw, None uses the global one. Equal seeds give
equal bits on every backend.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import Shape, ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.core.conversion import saturate_cast
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import axis_of, cast_to, const, floating, int_shape
from minikeras.random import bits
from minikeras.random.seed_generator import draw_seed
from minikeras.types import ArrayLike, DTypeLike, ShapeLike

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator


def float_dtype(dtype: DTypeLike | None, name: str) -> str:
    """The dtype of a draw of floats; None means `floatx()`.

    Raises:
        ValueError: If it is not a float dtype.
    """
    wanted = dtypes.standardize(dtype)
    if not dtypes.is_float(wanted):
        raise ValueError(f"random.{name}: dtype={wanted!r}; expected a float dtype.")
    return wanted


def computing(dtype: str) -> str:
    """The dtype to compute in: half precision goes through float32."""
    return dtype if dtype in ("float32", "float64") else "float32"


@op
def normal(
    shape: object,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike | None = None,
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """Numbers from a normal distribution.

    Args:
        shape: Shape of the result.
        mean: Mean of the distribution.
        stddev: Standard deviation.
        dtype: Float dtype of the result; by default `keras.config.floatx()`.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Tensor of that shape.

    Raises:
        ValueError: If `dtype` is not a float dtype.

    Example:

    >>> keras.random.normal((2, 3), seed=1).shape
    (2, 3)
    """
    wanted = float_dtype(dtype, "normal")
    compute = computing(wanted)
    x = bits.standard_normal(draw_seed(seed), int_shape(shape, "normal"), compute)
    return cast_to(_scaled(x, mean, stddev), wanted)


def _scaled(x: Tensor, offset: ArrayLike, factor: ArrayLike) -> Tensor:
    return prims.add(
        prims.mul(x, to_tensor(factor, x.dtype)), to_tensor(offset, x.dtype)
    )


@op
def truncated_normal(
    shape: object,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike | None = None,
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """Numbers from a normal distribution, none further than two deviations from the mean.

    Args:
        shape: Shape of the result.
        mean: Mean of the distribution before the cut.
        stddev: Standard deviation before the cut.
        dtype: Float dtype of the result; by default `keras.config.floatx()`.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Tensor of that shape.

    Raises:
        ValueError: If `dtype` is not a float dtype.

    Example:

    >>> x = keras.random.truncated_normal((100,), seed=1).numpy()
    >>> bool((abs(x) <= 2).all())
    True
    """
    wanted = float_dtype(dtype, "truncated_normal")
    sizes = int_shape(shape, "truncated_normal")
    u = bits.symmetric(draw_seed(seed), sizes, computing(wanted))
    share = math.erf(
        math.sqrt(2)
    )  # of the distribution that lies within two deviations
    x = prims.mul(prims.erfinv(prims.mul(u, const(u, share))), const(u, math.sqrt(2)))
    x = prims.minimum(prims.maximum(x, const(x, -2)), const(x, 2))
    return cast_to(_scaled(x, mean, stddev), wanted)


@op
def uniform(
    shape: object,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: DTypeLike | None = None,
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """Numbers equally likely everywhere between two ends.

    Args:
        shape: Shape of the result.
        minval: Least number; number, or a tensor that broadcasts to `shape`.
        maxval: Upper end, which is not drawn itself. If it is not above `minval`, that
            is drawn alone.
        dtype: Float dtype of the result; by default `keras.config.floatx()`.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Tensor of that shape.

    Raises:
        ValueError: If `dtype` is not a float dtype; use `randint` for integers.

    Example:

    >>> x = keras.random.uniform((100,), seed=1).numpy()
    >>> bool((x >= 0).all() and (x < 1).all())
    True
    """
    wanted = float_dtype(dtype, "uniform")
    sizes, key = int_shape(shape, "uniform"), draw_seed(seed)
    known = isinstance(minval, (int, float)) and isinstance(maxval, (int, float))
    if known and (minval, maxval) == (0, 1):
        return bits.unit(key, sizes, wanted)
    x = bits.unit(key, sizes, computing(wanted))
    return (_in_known_range if known else _in_range)(x, minval, maxval, wanted)


def _in_known_range(x: Tensor, low: float, high: float, dtype: str) -> Tensor:
    """Shares of a range as numbers in it."""
    with np.errstate(all="ignore"):  # an end that a half cannot hold is infinite
        first, end = np.asarray([low, high]).astype(dtypes.numpy_dtype(dtype))
        last = np.nextafter(end, first)
    span, widest = high - low, float(np.finfo(x.dtype).max)
    if abs(span) > widest:  # as the distance of the ends overflows, half of it
        x = _scaled(x, low / 2, span / 2)
        low, span = 0, 2
    return _cut(_scaled(x, low, span), first, last, dtype)


def _in_range(x: Tensor, low: ArrayLike, high: ArrayLike, dtype: str) -> Tensor:
    """Shares of ranges, which are tensors, as numbers in them."""
    low, high = to_tensor(low, x.dtype), to_tensor(high, x.dtype)
    x = _scaled(x, low, prims.sub(high, low))
    ends = (prims.stop_gradient(cast_to(v, dtype)) for v in (high, low))
    return _cut(x, cast_to(low, dtype), prims.nextafter(*ends), dtype)


def _cut(x: Tensor, first: ArrayLike, last: ArrayLike, dtype: str) -> Tensor:
    """`x` in a dtype; what is rounded up to the end goes to the last number before it."""
    x = prims.minimum(cast_to(x, dtype), to_tensor(last))
    return prims.maximum(x, to_tensor(first))


@op
def randint(
    shape: ShapeLike,
    minval: ArrayLike,
    maxval: ArrayLike,
    dtype: DTypeLike = "int32",
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """Integers, each equally likely, from `minval` up to but without `maxval`.

    Args:
        shape: Shape of the result.
        minval: Least number; like `maxval` cut to what the dtype holds. Number, or a
            tensor that broadcasts to `shape`.
        maxval: Upper end, which is not drawn itself. If it is not above `minval`, that
            is drawn alone.
        dtype: Integer dtype of the result; None means int32.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Tensor of that shape.

    Raises:
        ValueError: If `dtype` is not an integer dtype.

    Example:

    >>> x = keras.random.randint((100,), 0, 6, seed=1).numpy()
    >>> bool((x >= 0).all() and (x < 6).all())
    True
    """
    wanted = "int32" if dtype is None else dtypes.standardize(dtype)
    if not dtypes.is_integer(wanted):
        raise ValueError(
            f"random.randint: dtype={wanted!r}; expected an integer dtype."
        )
    sizes, key = int_shape(shape, "randint"), draw_seed(seed)
    info = np.iinfo(wanted)
    ends = (int(info.min), int(info.max) + 1)
    if isinstance(minval, (int, np.integer)) and isinstance(maxval, (int, np.integer)):
        first, stop = (min(max(int(v), ends[0]), ends[1]) for v in (minval, maxval))
        drawn = bits.below(key, sizes, max(stop - first, 1))
        return _moved(drawn, const(drawn, first % 2**64), wanted)
    work = "uint64" if wanted == "uint64" else "int64"
    low, high = saturate_cast(minval, work), saturate_cast(maxval, work)
    if wanted not in ("int64", "uint64"):
        low, high = (
            prims.maximum(prims.minimum(v, const(v, ends[1])), const(v, ends[0]))
            for v in (low, high)
        )
    span = prims.select(prims.gt(high, low), prims.sub(high, low), const(low, 1))
    drawn = bits.below(key, sizes, cast_to(span, "uint64"))
    return _moved(drawn, cast_to(low, "uint64"), wanted)


def _moved(drawn: Tensor, low: Tensor, dtype: str) -> Tensor:
    """uint64 numbers from `low` on, in another dtype; what wraps around wraps back."""
    return cast_to(prims.add(drawn, low), dtype)


@op
def categorical(
    logits: ArrayLike,
    num_samples: int,
    dtype: DTypeLike = "int32",
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """Class indices, each as likely as the softmax of the logits says.

    Args:
        logits: Tensor `(batch, classes)`.
        num_samples: How many to draw for each row.
        dtype: Integer dtype of the result.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Tensor `(batch, num_samples)`.

    Raises:
        ShapeError: If the logits do not have two axes, or no classes.
        ValueError: If `num_samples` is below 0.

    Example:

    >>> keras.random.categorical([[0.0, 100.0]], 3, seed=1).tolist()
    [[1, 1, 1]]
    """
    logits = floating(logits)
    if logits.ndim != 2:
        raise ShapeError(
            f"random.categorical: logits have shape {logits.shape}; expected (batch, classes)."
        )
    if num_samples < 0:
        raise ValueError(
            f"random.categorical: num_samples={num_samples}; expected at least 0."
        )
    batch, classes = logits.shape
    compute = computing(logits.dtype)
    u = bits.positive(draw_seed(seed), (batch, num_samples, classes), compute)
    # The class with the greatest logit plus Gumbel noise is distributed as wanted.
    noise = prims.neg(prims.log(prims.neg(prims.log(u))))
    rows = prims.reshape(cast_to(logits, compute), shape=(batch, 1, classes))
    drawn = prims.argmax(prims.add(rows, noise), axis=2)
    return cast_to(drawn, dtypes.standardize(dtype))


@op
def shuffle(
    x: ArrayLike, axis: int = 0, seed: int | SeedGenerator | None = None
) -> Tensor:
    """The slices along an axis in random order.

    Args:
        x: Tensor of rank 1 or more.
        axis: Axis to shuffle along.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> sorted(keras.random.shuffle(keras.ops.arange(5), seed=1).tolist())
    [0, 1, 2, 3, 4]
    """
    x = to_tensor(x)
    at = axis_of(axis, x.ndim, "shuffle")
    order = prims.argsort(bits.words(draw_seed(seed), (x.shape[at],)), axis=0)
    return prims.take(x, order, axis=at)


@op
def dropout(
    inputs: ArrayLike,
    rate: float,
    noise_shape: Sequence[int | None] | None = None,
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """Some elements set to 0 at random, the others scaled so that the mean stays.

    Args:
        inputs: Tensor of any shape.
        rate: Share of elements to set to 0, from 0 to 1.
        noise_shape: Shape of the mask, which broadcasts to `inputs`; None in it takes the
            size of `inputs`. By default that of `inputs`.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Float tensor of the shape of `inputs`.

    Raises:
        ValueError: If `rate` is not from 0 to 1.
        ShapeError: If `noise_shape` does not broadcast to the shape of `inputs`.

    Example:

    >>> x = keras.random.dropout(keras.ops.ones((100,)), 0.5, seed=1).numpy()
    >>> sorted(set(x.tolist()))
    [0.0, 2.0]

    Reference:
        Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout; 2014.
    """
    if not 0 <= rate <= 1:
        raise ValueError(
            f"random.dropout: rate={rate!r}; expected a number from 0 to 1."
        )
    x = floating(inputs)
    key = draw_seed(seed)
    sizes = _noise_shape(x.shape, noise_shape)
    shared = noise_shape is not None and sizes[:1] == (1,) and 1 in noise_shape[:1]
    return x if rate == 0 else dropped(x, rate, key, sizes, None if shared else 0)


def dropped(
    x: Tensor, rate: float, key: Tensor, noise_shape: Shape, axis: int | None = 0
) -> Tensor:
    """`dropout` with all given; rows of the batch lie along `axis`, None: they share."""
    keep = 1.0 - rate
    words = bits.words(key, noise_shape, axis=axis)
    kept = prims.lt(words, const(words, min(round(keep * 2**32), 2**32 - 1)))
    scaled = prims.mul(x, const(x, 1 / keep if keep else 0))
    return prims.select(kept, scaled, const(x, 0))


def _noise_shape(shape: Shape, wanted: Any) -> Shape:
    if wanted is None:
        return shape
    sizes = tuple(wanted)
    if len(sizes) > len(shape):
        raise ShapeError(
            f"random.dropout: noise_shape={sizes} has more axes than the inputs of shape "
            f"{shape}; expected at most {len(shape)}."
        )
    filled = (None,) * (len(shape) - len(sizes)) + sizes
    made = tuple(d if n is None else int(n) for d, n in zip(shape, filled, strict=True))
    pairs = zip(shape, made, strict=True)
    if not all(n in (1, d) or isinstance(d, Unknown) for d, n in pairs):
        raise ShapeError(
            f"random.dropout: noise_shape={sizes} does not broadcast to the inputs of "
            f"shape {shape}; expected 1, None or the size itself in each axis."
        )
    return made
