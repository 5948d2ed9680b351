"""Norms, distances and the derivative along a direction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine import prims, tree
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.aval import ShapeError, normalize_axis
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, promote, promote_float, to_tensor
from minikeras.ops.support import cast_to, const, floating


def _greatest(sizes: Tensor, how: dict[str, Any]) -> Tensor:
    """The greatest size, or 0: so JAX has it, whose slope at 0 is half of the other's."""
    if any(sizes.shape[a] == 0 for a in how["axes"]):
        return prims.sum(sizes, **how)
    result: Tensor = prims.maximum(prims.max(sizes, **how), const(sizes, 0))
    return result


def _vector(x: Tensor, order: Any, axis: int, keepdims: bool) -> Tensor:
    """A norm along one axis."""
    how = {"axes": (axis,), "keepdims": keepdims}
    if order is None or order == 2:
        return prims.sqrt(prims.sum(prims.mul(x, x), **how))
    if isinstance(order, str):
        raise ValueError(f"norm: ord={order!r} along one axis; expected a number.")
    size = prims.abs(x)
    if order == math.inf:
        return _greatest(size, how)
    if order == -math.inf:
        return prims.min(size, **how)
    if order == 0:
        none = prims.eq(x, const(x, 0))
        hits = prims.select(none, const(x, 0), const(x, 1))
        # The slope of a count is 0, not none; 0 times what is 0 anyway is never nan.
        slope = prims.mul(prims.select(none, x, const(x, 0)), const(x, 0))
        return prims.sum(prims.add(hits, slope), **how)
    if order == 1:
        return prims.sum(size, **how)
    total = prims.sum(prims.pow(size, const(x, float(order))), **how)
    return prims.pow(total, const(x, 1.0 / order))


def _matrix(x: Tensor, order: Any, axes: tuple[int, int], keepdims: bool) -> Tensor:
    """A norm over two axes."""
    row, column = axes
    if order is None or order == "fro":
        both = tuple(sorted(axes))
        return prims.sqrt(prims.sum(prims.mul(x, x), axes=both, keepdims=keepdims))
    if order in (1, -1, math.inf, -math.inf):
        along, across = (row, column) if abs(order) == 1 else (column, row)
        sums = prims.sum(prims.abs(x), axes=(along,), keepdims=True)
        how = {"axes": (across,), "keepdims": True}
        result = _greatest(sums, how) if order > 0 else prims.min(sums, **how)
    elif order in ("nuc", 2, -2):
        rest = tuple(i for i in range(x.ndim) if i not in axes)
        s = prims.svd(prims.transpose(x, perm=(*rest, row, column)), full=False)[1]
        how = {"axes": (s.ndim - 1,), "keepdims": False}
        if order == 2:
            result = _greatest(s, how)
        else:
            result = (prims.sum if order == "nuc" else prims.min)(s, **how)
    else:
        raise ValueError(
            f"norm: ord={order!r} over two axes; expected None, 'fro', 'nuc', 1, -1, 2, "
            "-2, inf or -inf."
        )
    shape = tuple(1 if i in axes else d for i, d in enumerate(x.shape))
    if not keepdims:
        shape = tuple(d for i, d in enumerate(x.shape) if i not in axes)
    return prims.reshape(result, shape=shape)


@op
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """A norm of vectors or matrices.

    Args:
        x: Tensor of any shape.
        ord: Which norm. For vectors a number or `inf`: the sum of powers, its root;
            None is 2. For matrices None or `"fro"` (the root of the sum of squares),
            `"nuc"` (the sum of singular values), 1, -1, 2, -2, `inf` or `-inf`.
        axis: One axis for vectors, two for matrices; None takes all axes of a tensor of
            rank 1 or 2, or with `ord=None` of any.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Raises:
        ValueError: If there is no such norm for so many axes.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.norm([3.0, 4.0]).tolist()
    5.0
    """
    narrow = floating(x)
    # Squares leave the range of 16 bits.
    halves = narrow.dtype in ("float16", "bfloat16")
    x = cast_to(narrow, "float32") if halves else narrow
    return cast_to(_normed(x, ord, axis, keepdims), narrow.dtype)


def _normed(x: Tensor, ord: Any, axis: Any, keepdims: bool) -> Tensor:
    if axis is None and ord is None:
        flat = prims.reshape(x, shape=(x.size,))
        result = _vector(flat, None, 0, False)
        return prims.reshape(result, shape=(1,) * x.ndim) if keepdims else result
    given = tuple(range(x.ndim)) if axis is None else axis
    axes = (given,) if isinstance(given, int) else tuple(given)
    axes = tuple(normalize_axis(int(a), x.ndim, "norm") for a in axes)
    if len(axes) == 1:
        return _vector(x, ord, axes[0], bool(keepdims))
    if len(axes) == 2 and axes[0] != axes[1]:
        return _matrix(x, ord, (axes[0], axes[1]), bool(keepdims))
    raise ValueError(
        f"norm: axis={axis} of a tensor of shape {x.shape}; expected one axis or two "
        "different ones."
    )


@op
def cdist(x: Any, y: Any) -> Tensor:
    """The Euclidean distances of all pairs of rows.

    Rows that are equal have no gradient, where Keras on JAX gives nan.

    Args:
        x: Tensor `(..., n, features)`.
        y: Tensor `(..., m, features)`; batch axes broadcast.

    Returns:
        Tensor `(..., n, m)`.

    Raises:
        ShapeError: If ranks are below 2 or features differ.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]]).tolist()
    [[5.0, 1.0]]
    """
    x, y = promote_float(x, y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ShapeError(
            f"cdist: shapes {x.shape} and {y.shape}; expected (..., n, features) and "
            "(..., m, features)."
        )
    left = prims.reshape(x, shape=(*x.shape[:-1], 1, x.shape[-1]))
    right = prims.reshape(y, shape=(*y.shape[:-2], 1, *y.shape[-2:]))
    gap = prims.sub(left, right)
    squares = prims.sum(prims.mul(gap, gap), axes=(gap.ndim - 1,), keepdims=False)
    # The root has no slope at 0; rows that are equal get none, rather than nan.
    same = prims.eq(squares, const(squares, 0))
    root = prims.sqrt(prims.select(same, const(squares, 1), squares))
    return prims.select(same, const(squares, 0), root)


@op
def psnr(x1: Any, x2: Any, max_val: float) -> Tensor:
    """The peak signal-to-noise ratio, in decibels: `20 log10(max) - 10 log10(mse)`.

    Args:
        x1: Tensor of any shape.
        x2: Tensor of the same shape.
        max_val: Greatest value a signal can have.

    Returns:
        Scalar tensor.

    Raises:
        ShapeError: If shapes differ.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.psnr([1.0, 1.0], [0.0, 2.0], max_val=10.0).tolist()
    20.0
    """
    a, b = promote(x1, floating(x2))
    if a.shape != b.shape:
        raise ShapeError(
            f"psnr: shapes {a.shape} and {b.shape}; expected two equal shapes."
        )
    gap = prims.sub(a, b)
    total = prims.sum(prims.mul(gap, gap), axes=tuple(range(a.ndim)), keepdims=False)
    mean = prims.div(total, const(total, a.size))
    scale = const(total, 10 / math.log(10))
    noise = prims.mul(scale, prims.log(mean))
    peak = floating(to_tensor(max_val, a.dtype))
    return prims.sub(prims.mul(const(a, 20 / math.log(10)), prims.log(peak)), noise)


@op
def jvp(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> Any:
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

    >>> import minikeras as keras
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
