"""Draws by rejection and recursion: gamma, beta, binomial.

Rejection runs a fixed number of rounds for all elements at once, so that it can be
compiled; the chance that an element is still rejected then is below 1e-9.
"""

from __future__ import annotations

import math
from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import Shape, broadcast_shapes
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, to_tensor
from minikeras.ops.support import cast_to, const, int_shape
from minikeras.random import bits
from minikeras.random.draws import computing, float_dtype
from minikeras.random.seed_generator import draw_seed

_ROUNDS = 8


def _gamma(key: Tensor, shape: Shape, alpha: Tensor) -> Tensor:
    """Gamma numbers of scale 1, by Marsaglia and Tsang's method.

    Marsaglia, Tsang: A Simple Method for Generating Gamma Variables; 2000.
    """
    dtype = alpha.dtype
    one = const(alpha, 1)
    small = prims.lt(alpha, one)
    raised = prims.select(small, prims.add(alpha, one), alpha)
    d = prims.sub(raised, const(alpha, 1 / 3))
    c = prims.rsqrt(prims.mul(d, const(alpha, 9)))
    result = prims.broadcast_to(d, shape=shape) if d.shape != shape else d
    done = prims.full(shape=shape, dtype="bool", value=False)
    for number in range(_ROUNDS):
        x = bits.standard_normal(bits.fork(key, 2 * number), shape, dtype)
        u = bits.positive(bits.fork(key, 2 * number + 1), shape, dtype)
        base = prims.add(one, prims.mul(c, x))
        fits = prims.gt(base, const(x, 0))
        safe = prims.select(fits, base, one)
        v = prims.mul(prims.mul(safe, safe), safe)
        square = prims.mul(const(x, 0.5), prims.mul(x, x))
        rest = prims.add(prims.sub(d, prims.mul(d, v)), prims.mul(d, prims.log(v)))
        accepted = prims.lt(prims.log(u), prims.add(square, rest))
        new = prims.bitwise_and(
            prims.bitwise_and(fits, accepted), prims.logical_not(done)
        )
        result = prims.select(new, prims.mul(d, v), result)
        done = prims.bitwise_or(done, new)
    # For alpha < 1: a draw for alpha + 1, times a uniform number to the 1 / alpha.
    u = bits.positive(bits.fork(key, 2 * _ROUNDS), shape, dtype)
    safe = prims.select(small, alpha, one)
    shrink = prims.exp(prims.div(prims.log(u), safe))
    return prims.mul(result, prims.select(small, shrink, one))


@op
def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Numbers from a gamma distribution of scale 1.

    Args:
        shape: Shape of the result.
        alpha: Shape parameter, positive; broadcasts to `shape`.
        dtype: Float dtype of the result; by default `keras.config.floatx()`.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Tensor of that shape.

    Example:

    >>> import minikeras as keras
    >>> bool((keras.random.gamma((100,), 2.0, seed=1).numpy() > 0).all())
    True
    """
    wanted = float_dtype(dtype, "gamma")
    a = to_tensor(alpha, computing(wanted))
    return cast_to(_gamma(draw_seed(seed), int_shape(shape, "gamma"), a), wanted)


def _beta(key: Tensor, shape: Shape, alpha: Tensor, beta: Tensor) -> Tensor:
    x = _gamma(bits.fork(key, 100), shape, alpha)
    y = _gamma(bits.fork(key, 200), shape, beta)
    return prims.div(x, prims.add(x, y))


@op
def beta(
    shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None
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

    >>> import minikeras as keras
    >>> x = keras.random.beta((100,), 2.0, 3.0, seed=1).numpy()
    >>> bool((x > 0).all() and (x < 1).all())
    True
    """
    wanted = float_dtype(dtype, "beta")
    compute = computing(wanted)
    a, b = to_tensor(alpha, compute), to_tensor(beta, compute)
    return cast_to(_beta(draw_seed(seed), int_shape(shape, "beta"), a, b), wanted)


_FEW = 16  # up to so many trials are drawn one by one


def _most(counts: Tensor) -> int:
    """The greatest number of trials; 2**24, where floats end to be exact, if unknown."""
    if counts.staged:
        return 2**24
    return max(int(counts.numpy().max(initial=0)), 0)


@op
def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Tensor:
    """How many of a number of trials succeed.

    Args:
        shape: Shape of the result.
        counts: Number of trials; broadcasts to `shape`.
        probabilities: Chance of success of each; broadcasts to `shape`.
        dtype: Float dtype of the result; by default `keras.config.floatx()`.
        seed: Integer, `SeedGenerator`, or None for the global one.

    Returns:
        Tensor of that shape.

    Example:

    >>> import minikeras as keras
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
    given = to_tensor(counts)
    n, p = cast_to(given, compute), to_tensor(probabilities, compute)
    broadcast_shapes(n.shape, p.shape, sizes, op="random.binomial")
    n, p = (
        prims.broadcast_to(v, shape=sizes) if v.shape != sizes else v for v in (n, p)
    )
    zero, one, total = const(n, 0), const(n, 1), prims.mul(n, const(n, 0))
    rounds = max(0, math.ceil(math.log2(max(_most(given), 1) / _FEW)))
    for number in range(rounds):
        n, p, total = _halved(bits.fork(key, 1000 + number), sizes, n, p, total)
    u = bits.unit(key, (_FEW, *sizes), compute)
    trial = prims.iota(shape=(_FEW, *sizes), dtype=compute, axis=0)
    hit = prims.bitwise_and(prims.lt(u, p), prims.lt(trial, n))
    won = prims.sum(prims.select(hit, one, zero), axes=(0,), keepdims=False)
    return cast_to(prims.add(total, won), wanted)


def _halved(key: Tensor, shape: Shape, n: Tensor, p: Tensor, total: Tensor) -> Any:
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
