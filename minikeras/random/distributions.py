"""Draws by rejection and halving: gamma, beta, binomial.

Rejection runs a fixed number of rounds for all elements at once, so that it can be
compiled; the chance that an element is still rejected then is below 1e-9. Parameters
outside of their range give NaN, as their values may not be known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikeras.engine import prims
from minikeras.engine.aval import Shape, broadcast_shapes
from minikeras.engine.dtypes import DTypeLike
from minikeras.engine.tensor import Tensor
from minikeras.ops.core.control import while_loop
from minikeras.ops.numpy.reductions import any as any_
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import cast_to, const, int_shape
from minikeras.random import bits
from minikeras.random.draws import computing, float_dtype
from minikeras.random.seed_generator import draw_seed
from minikeras.types import ArrayLike, ShapeLike

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator

_ROUNDS = 8


def _gamma(key: Tensor, shape: Shape, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Gamma numbers of scale 1: a factor, and the logarithm of another.

    Their product can be too small for a float, where alpha is. By Marsaglia and Tsang's
    method; for alpha < 1, a draw for alpha + 1 times a uniform number to the 1 / alpha.

    Marsaglia, Tsang: A Simple Method for Generating Gamma Variables; 2000.
    """
    dtype = alpha.dtype
    one, zero = const(alpha, 1), const(alpha, 0)
    small = prims.lt(alpha, one)
    raised = prims.select(small, prims.add(alpha, one), alpha)
    d = prims.sub(raised, const(alpha, 1 / 3))
    c = prims.rsqrt(prims.mul(d, const(alpha, 9)))
    result = prims.broadcast_to(d, shape=shape) if d.shape != shape else d
    done = prims.full(shape=shape, dtype="bool", value=False)
    for number in range(_ROUNDS):
        x = bits.standard_normal(bits.fork(key, 2 * number), shape, dtype)
        u = bits.positive(bits.fork(key, 2 * number + 1), shape, dtype)
        t = prims.mul(c, x)
        base = prims.add(one, t)
        fits = prims.gt(base, zero)
        v = prims.mul(prims.mul(base, base), base)
        accepted = _accepted(x, u, d, prims.select(fits, t, zero))
        new = prims.bitwise_and(
            prims.bitwise_and(fits, accepted), prims.logical_not(done)
        )
        result = prims.select(new, prims.mul(d, v), result)
        done = prims.bitwise_or(done, new)
    u = bits.positive(bits.fork(key, 2 * _ROUNDS), shape, dtype)
    shrink = prims.div(prims.log(u), prims.select(small, alpha, one))
    valid = prims.ge(alpha, zero)
    result = prims.select(valid, result, const(alpha, math.nan))
    return result, prims.select(small, shrink, zero)


def _accepted(x: Tensor, u: Tensor, d: Tensor, t: Tensor) -> Tensor:
    """Whether normal numbers become gamma numbers, d * (1 + t)**3.

    The first condition alone, a bound of the second, serves where d is so large that
    the second drowns in rounding.
    """
    square = prims.mul(x, x)
    fourth = prims.mul(prims.mul(square, square), const(x, 0.0331))
    surely = prims.lt(u, prims.sub(const(x, 1), fourth))
    three = const(x, 3)
    cubic = prims.mul(t, prims.add(three, prims.mul(t, prims.add(three, t))))
    rest = prims.sub(prims.mul(three, prims.log1p(t)), cubic)  # log v + 1 - v
    bound = prims.add(prims.mul(const(x, 0.5), square), prims.mul(d, rest))
    return prims.bitwise_or(surely, prims.lt(prims.log(u), bound))


@op
def gamma(
    shape: Sequence[int | None],
    alpha: ArrayLike,
    dtype: DTypeLike | None = None,
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """Numbers from a gamma distribution of scale 1.

    Args:
        shape: Shape of the result.
        alpha: Shape parameter, positive; broadcasts to `shape`. 0 gives 0, and less
            than 0 NaN.
        dtype: Float dtype of the result; by default `keras.config.floatx()`.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Tensor of that shape.

    Example:

    >>> bool((keras.random.gamma((100,), 2.0, seed=1).numpy() > 0).all())
    True
    """
    wanted = float_dtype(dtype, "gamma")
    a = to_tensor(alpha, computing(wanted))
    factor, log = _gamma(draw_seed(seed), int_shape(shape, "gamma"), a)
    return cast_to(prims.mul(factor, prims.exp(log)), wanted)


def _beta(key: Tensor, shape: Shape, alpha: Tensor, beta: Tensor) -> Tensor:
    """The share of one gamma number in the sum of two.

    Both may be too small for a float, so the greater logarithm is taken out of them.
    """
    x, log_x = _gamma(bits.fork(key, 100), shape, alpha)
    y, log_y = _gamma(bits.fork(key, 200), shape, beta)
    most = prims.maximum(log_x, log_y)
    x = prims.mul(x, prims.exp(prims.sub(log_x, most)))
    y = prims.mul(y, prims.exp(prims.sub(log_y, most)))
    return prims.div(x, prims.add(x, y))


@op
def beta(
    shape: ShapeLike,
    alpha: ArrayLike,
    beta: ArrayLike,
    dtype: DTypeLike | None = None,
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """Numbers from a beta distribution.

    Args:
        shape: Shape of the result.
        alpha: First parameter, positive; broadcasts to `shape`.
        beta: Second parameter, positive; broadcasts to `shape`.
        dtype: Float dtype of the result; by default `keras.config.floatx()`.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Tensor of that shape.

    Example:

    >>> x = keras.random.beta((100,), 2.0, 3.0, seed=1).numpy()
    >>> bool((x > 0).all() and (x < 1).all())
    True
    """
    wanted = float_dtype(dtype, "beta")
    compute = computing(wanted)
    a, b = to_tensor(alpha, compute), to_tensor(beta, compute)
    return cast_to(_beta(draw_seed(seed), int_shape(shape, "beta"), a, b), wanted)


_FEW = 16  # up to so many trials are drawn one by one


@op
def binomial(
    shape: Shape,
    counts: ArrayLike,
    probabilities: ArrayLike,
    dtype: DTypeLike | None = None,
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """How many of a number of trials succeed.

    Args:
        shape: Shape of the result.
        counts: Number of trials, whose fraction is dropped; broadcasts to `shape`. Less
            than 0 gives NaN.
        probabilities: Chance of success of each, from 0 to 1, else NaN is drawn;
            broadcasts to `shape`.
        dtype: Float dtype of the result; by default `keras.config.floatx()`.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Tensor of that shape.

    Example:

    >>> x = keras.random.binomial((100,), 5, 0.5, seed=1).numpy()
    >>> bool((x >= 0).all() and (x <= 5).all())
    True

    Reference:
        Devroye: Non-Uniform Random Variate Generation, chapter X.4; 1986.
    """
    wanted = float_dtype(dtype, "binomial")
    sizes = int_shape(shape, "binomial")
    key = draw_seed(seed)
    compute = computing(wanted)
    n, p = to_tensor(counts, compute), to_tensor(probabilities, compute)
    broadcast_shapes(n.shape, p.shape, sizes, op="random.binomial")
    n, p = (
        prims.stop_gradient(
            v if v.shape == sizes else prims.broadcast_to(v, shape=sizes)
        )
        for v in (n, p)
    )
    zero, one = const(n, 0), const(n, 1)
    chance = prims.bitwise_and(prims.ge(p, zero), prims.le(p, one))
    valid = prims.bitwise_and(chance, prims.ge(n, zero))
    endless = prims.isinf(n)
    whole = prims.select(endless, zero, prims.select(valid, prims.floor(n), zero))
    drawn = _successes(key, sizes, whole, prims.select(chance, p, zero))
    drawn = prims.select(endless, prims.mul(n, p), drawn)
    return cast_to(prims.select(valid, drawn, const(n, math.nan)), wanted)


def _successes(key: Tensor, shape: Shape, n: Tensor, p: Tensor) -> Tensor:
    """The successes among n trials: n is halved until few are left, which are drawn."""

    def many(number: Tensor, n: Tensor, p: Tensor, total: Tensor) -> Tensor:
        return any_(prims.gt(n, const(n, _FEW)))

    def halve(number: Tensor, n: Tensor, p: Tensor, total: Tensor) -> Any:
        n, p, total = _halved(bits.fork(key, number), shape, n, p, total)
        return prims.add(number, const(number, 1)), n, p, total

    first = to_tensor(1000, "uint32")
    start = (first, n, p, prims.mul(n, const(n, 0)))
    _, n, p, total = while_loop(many, halve, start)
    u = bits.unit(key, (_FEW, *shape), n.dtype, axis=1)
    trial = prims.iota(shape=(_FEW, *shape), dtype=n.dtype, axis=0)
    hit = prims.bitwise_and(prims.lt(u, p), prims.lt(trial, n))
    won = prims.select(hit, const(n, 1), const(n, 0))
    return prims.add(total, prims.sum(won, axes=(0,), keepdims=False))


def _halved(
    key: Tensor, shape: Shape, n: Tensor, p: Tensor, total: Tensor
) -> tuple[Any, ...]:
    """The same question for at most half as many trials.

    Of n uniform numbers the a-th smallest is beta distributed. If it is below p, at
    least a trials have succeeded, and only those above it are left; else only those
    below it are.
    """
    one, zero = const(n, 1), const(n, 0)
    many = prims.gt(n, const(n, _FEW))
    a = prims.add(one, prims.floor(prims.mul(n, const(n, 0.5))))
    b = prims.sub(prims.add(n, one), a)
    x = _beta(key, shape, a, prims.maximum(b, one))
    below = prims.le(x, p)
    left = prims.select(below, prims.sub(b, one), prims.sub(a, one))
    ratio = prims.select(
        below,
        prims.div(prims.sub(p, x), prims.maximum(prims.sub(one, x), const(n, 1e-30))),
        prims.div(p, prims.maximum(x, const(n, 1e-30))),
    )
    gained = prims.select(prims.bitwise_and(many, below), a, zero)
    return (
        prims.select(many, left, n),
        prims.select(many, ratio, p),
        prims.add(total, gained),
    )
