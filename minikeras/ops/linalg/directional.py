"""Derivatives along a direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine import prims, tree
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import const, floating

__all__ = ["jvp"]


@op
def jvp(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """A function's value, and its derivative along a direction.

    The derivative along `t` is the gradient, by `v`, of the product of `t` and the
    gradient with `v` for the cotangent: reverse mode twice.

    Args:
        fun: Function of tensors that gives a tensor or a structure of them.
        primals: Its arguments, a list or tuple.
        tangents: The direction: for each argument a tensor of its shape.
        has_aux: Whether `fun` gives a pair of which the second is passed through.

    Returns:
        Pair of the value and the derivative, of equal structure; with `has_aux` the
        second part of what `fun` gives as a third.

    Raises:
        ValueError: If there is not one tangent for each primal.

    Example:

    >>> value, slope = keras.ops.jvp(lambda x: x * x, (3.0,), (1.0,))
    >>> value.tolist(), slope.tolist()
    (9.0, 6.0)
    """
    if not isinstance(primals, (list, tuple)) or not isinstance(
        tangents, (list, tuple)
    ):
        raise ValueError("jvp: expected primals and tangents as lists or tuples.")
    points = [floating(p) for p in primals]
    along = [to_tensor(t, p.dtype) for t, p in zip(tangents, points, strict=True)]
    with GradientTape(persistent=True) as outer:
        with GradientTape() as inner:
            inner.watch(points)
            made = fun(*points)
            out, aux = made if has_aux else (made, None)
        leaves, spec = tree.flatten_spec(out)
        # The gradient is linear in its seed v: g(v) = J'v. Differentiated by v along
        # the tangents t it gives J t ("double backward").
        seeds = [_ones(leaf) for leaf in leaves]
        outer.watch(seeds)
        pulled = inner.gradient(
            leaves, points, output_gradients=seeds, unconnected_gradients="zero"
        )
    slopes = outer.gradient(
        pulled, seeds, output_gradients=along, unconnected_gradients="zero"
    )
    result = (out, tree.unflatten(spec, list(slopes)))
    return (*result, aux) if has_aux else result


def _ones(like: Tensor) -> Tensor:
    """Ones, not a literal, so that a tape can watch them."""
    return prims.add(prims.mul(like, const(like, 0)), const(like, 1))
