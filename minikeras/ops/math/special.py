"""The error function and its kin; the reciprocal root."""

from __future__ import annotations

from collections.abc import Sequence

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op
from minikeras.ops.support import cast_to, const, floating
from minikeras.types import ArrayLike

__all__ = ["rsqrt", "erf", "erfinv", "erfc"]


@op
def rsqrt(x: ArrayLike) -> Tensor:
    """One over the square root.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.rsqrt([4.0, 16.0]).tolist()
    [0.5, 0.25]
    """
    return prims.rsqrt(floating(x))


@op
def erf(x: ArrayLike) -> Tensor:
    """The error function, `2 / sqrt(pi)` times the integral of `exp(-t**2)` from 0 to `x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.erf([0.0, 1.0]).tolist()
    [0.0, 0.8427]
    """
    return prims.erf(floating(x))


@op
def erfinv(x: ArrayLike) -> Tensor:
    """The inverse of the error function, for `x` within -1 and 1.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.erfinv([0.0, 0.5]).tolist()
    [0.0, 0.4769]
    """
    return prims.erfinv(floating(x))


@op
def erfc(x: ArrayLike) -> Tensor:
    """`1 - erf(x)`, with all its digits for large `x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.erfc([0.0, 1.0]).tolist()
    [1.0, 0.1573]
    """
    x = floating(x)
    wide = cast_to(x, "float32") if x.dtype in ("float16", "bfloat16") else x
    size = prims.abs(wide)
    t = prims.div(const(wide, 2), prims.add(size, const(wide, 2)))
    terms = _ERFC if wide.dtype == "float64" else _ERFC[:12]
    power = prims.sub(_chebyshev(prims.sub(prims.add(t, t), const(t, 1)), terms),
                      prims.mul(size, size))  # fmt: skip
    tail = prims.mul(t, prims.exp(power))
    mirrored = prims.sub(const(wide, 2), tail)
    value = prims.select(prims.lt(wide, const(wide, 0)), mirrored, tail)
    # 1 - erf(x) has no digits left where x is large, but its slope has.
    slope = prims.sub(const(wide, 1), prims.erf(wide))
    return cast_to(prims.with_gradient_of(value, slope), x.dtype)


def _chebyshev(x: Tensor, terms: Sequence[float]) -> Tensor:
    """A sum of Chebyshev polynomials on [-1, 1], by Clenshaw's recurrence."""
    twice = prims.add(x, x)
    one, two = const(x, terms[-1]), const(x, 0)
    for term in reversed(terms[1:-1]):
        grown = prims.sub(prims.mul(twice, one), two)
        one, two = prims.add(grown, const(x, term)), one
    return prims.add(prims.sub(prims.mul(x, one), two), const(x, terms[0]))


# log(erfc(x) exp(x**2) / t) for t = 2 / (2 + x), as a sum of polynomials in 2 t - 1:
# interpolated at 200 Chebyshev nodes, with the continued fraction of erfc for large x.
_ERFC = (
    -0.6513268598908547, 0.6419697923564902, 0.019476473204185853,
    -0.009561514786808828, -0.0009465953444817115, 0.0003668394978524331,
    4.252332480718324e-05, -2.027857811267242e-05, -1.6242900045704278e-06,
    1.303655835452333e-06, 1.562644188157769e-08, -8.523809633398382e-08,
    6.5290548756369305e-09, 5.05934323657975e-09, -9.91363683922053e-10,
    -2.2736569627035407e-10, 9.646862586532024e-11, 2.3931867598747658e-12,
    -6.8853500678756065e-12, 8.940698181802986e-13, 3.133054926607315e-13,
    -1.1334322369549454e-13, 8.08242361927114e-16, 6.606937219544306e-15,
)  # fmt: skip
