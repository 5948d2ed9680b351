"""Decompositions and solutions of linear systems, over the last two axes.

Gradients follow M. Giles, "Collected matrix derivative results for forward and reverse
mode algorithmic differentiation" (2008), and, for `qr`, S. F. Walter and L. Lehmann,
"Algorithmic differentiation of linear algebra functions" (2010). Where factors are not
unique (equal eigenvalues) they are not differentiable, and gradients are not finite.
`eig` has none: its results are complex.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.primitive import Context, primitive
from minikeras.engine.prims.contract import matmul
from minikeras.engine.prims.create import const, iota, zeros
from minikeras.engine.prims.elementwise import add, div, eq, ge, mul, neg, select, sub
from minikeras.engine.prims.helpers import (
    agree,
    check_dtype,
    check_rank,
    check_same_dtype,
)
from minikeras.engine.prims.movement import reshape, slice_, transpose

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor

Grads = tuple[Any, ...]


def _matrix(op: str, argument: str, x: Aval, *, square: bool = False) -> None:
    check_dtype(op, argument, x, "float")
    check_rank(op, argument, x, 2, None)
    if square and not agree(x.shape[-1], x.shape[-2]):
        raise ShapeError(
            f"{op}: argument `{argument}` has shape {x.shape}; expected square matrices, "
            f"the last two sizes equal."
        )


def _t(x: Tensor) -> Any:
    """The matrices transposed."""
    n = len(x.shape)
    return transpose(x, perm=(*range(n - 2), n - 1, n - 2))


def _mm(a: Tensor, b: Tensor, ta: bool = False, tb: bool = False) -> Any:
    return matmul(a, b, transpose_a=ta, transpose_b=tb)


def _part(x: Tensor, low: bool, offset: int = 0) -> Any:
    """The triangle at and below (`low`) or above the diagonal, moved by `offset`."""
    shape = x.shape[-2:]
    rows = iota(shape=shape, dtype="int32", axis=0)
    columns = iota(shape=shape, dtype="int32", axis=1)
    shift = const(rows, offset)
    if low:
        keep = ge(add(rows, shift), columns)
    else:
        keep = ge(columns, add(rows, shift))
    return select(keep, x, const(x, 0))


def _on_diagonal(x: Tensor) -> Any:
    """Where a square matrix has its diagonal."""
    shape = x.shape[-2:]
    rows = iota(shape=shape, dtype="int32", axis=0)
    return eq(rows, iota(shape=shape, dtype="int32", axis=1))


def _column(x: Tensor) -> Any:
    return reshape(x, shape=(*x.shape, 1))


def _row(x: Tensor) -> Any:
    return reshape(x, shape=(*x.shape[:-1], 1, x.shape[-1]))


def _or_zeros(g: Tensor | None, like: Tensor) -> Tensor:
    return zeros(like.shape, like.dtype) if g is None else g


# --- systems ------------------------------------------------------------------------


def _infer_solve(a: Aval, b: Aval, **static: bool) -> Aval:
    _matrix("solve", "a", a, square=True)
    _matrix("solve", "b", b)
    check_same_dtype("solve", ("a", "b"), (a, b))
    same = len(a.shape) == len(b.shape) and all(map(agree, a.shape[:-1], b.shape[:-1]))
    if not same:
        raise ShapeError(
            f"solve: argument `b` has shape {b.shape}; expected "
            f"{(*a.shape[:-1], 'columns')}, to go with `a` of shape {a.shape}."
        )
    return b


def _infer_triangular(a: Aval, b: Aval, *, lower: bool, transpose_a: bool) -> Aval:
    return _infer_solve(a, b)


def _solve_vjp(ctx: Context, g: Tensor) -> Grads:
    gb = solve(_t(ctx.inputs[0]), g)
    return neg(_mm(gb, ctx.outputs[0], tb=True)), gb


def _triangular_vjp(ctx: Context, g: Tensor) -> Grads:
    a, x = ctx.inputs[0], ctx.outputs[0]
    lower, flipped = ctx.static["lower"], ctx.static["transpose_a"]
    gb = triangular_solve(a, g, lower=lower, transpose_a=not flipped)
    ga = _mm(x, gb, tb=True) if flipped else _mm(gb, x, tb=True)
    return neg(_part(ga, lower)), gb


solve = primitive("solve", kind="opaque", infer=_infer_solve, vjp=_solve_vjp)
triangular_solve = primitive(
    "triangular_solve", kind="opaque", infer=_infer_triangular, vjp=_triangular_vjp
)


# --- factors --------------------------------------------------------------------------


def _infer_cholesky(x: Aval) -> Aval:
    _matrix("cholesky", "x", x, square=True)
    return x


def _half_diagonal(x: Tensor) -> Any:
    """The lower triangle, its diagonal halved."""
    low = _part(x, True)
    return select(_on_diagonal(x), mul(low, const(low, 0.5)), low)


def _symmetric(x: Tensor) -> Any:
    return mul(add(x, _t(x)), const(x, 0.5))


def _cholesky_vjp(ctx: Context, g: Tensor) -> Grads:
    factor = ctx.outputs[0]
    inner = _half_diagonal(_mm(factor, g, ta=True))
    left = triangular_solve(factor, inner, lower=True, transpose_a=True)
    both = triangular_solve(factor, _t(left), lower=True, transpose_a=True)
    return (_symmetric(both),)


cholesky = primitive(
    "cholesky", kind="opaque", infer=_infer_cholesky, vjp=_cholesky_vjp
)


def _infer_lu(x: Aval) -> tuple[Aval, Aval, Aval]:
    _matrix("lu", "x", x)
    *batch, m, n = x.shape
    return x, Aval((*batch, min(m, n)), "int32"), Aval((*batch, m), "int32")


def _lu_vjp(ctx: Context, g: Tensor | None, *_: Any) -> Grads:
    """Of the packed factors; rows of the gradient go back to where they came from."""
    packed, _pivots, order = ctx.outputs
    if packed.shape[-1] != packed.shape[-2]:
        raise NotImplementedError(
            f"lu: gradients are for square matrices; got shape {packed.shape}."
        )
    g = _or_zeros(g, packed)
    unit = _unit_lower(packed)
    upper = _part(packed, False)
    low = _part(_mm(unit, _part(g, True, -1), ta=True), True, -1)
    high = _part(_mm(_part(g, False), upper, tb=True), False)
    inner = triangular_solve(unit, add(low, high), lower=True, transpose_a=True)
    permuted = _t(triangular_solve(upper, _t(inner), lower=False, transpose_a=False))
    return (_unpermuted(permuted, order),)


def _unit_lower(packed: Tensor) -> Any:
    return select(_on_diagonal(packed), const(packed, 1), _part(packed, True))


def _unpermuted(x: Tensor, order: Tensor) -> Any:
    """Rows moved back: row `order[i]` of the result is row `i` of `x`."""
    size = x.shape[-2]
    targets = iota(shape=(size, size), dtype="int32", axis=0)
    hit = eq(targets, _row(order))
    picker = select(hit, const(x, 1), const(x, 0))
    return _mm(picker, x)


lu = primitive("lu", kind="opaque", infer=_infer_lu, vjp=_lu_vjp, multi=True)


def _infer_qr(x: Aval, *, full: bool) -> tuple[Aval, Aval]:
    _matrix("qr", "x", x)
    *batch, m, n = x.shape
    k = m if full else min(m, n)
    return Aval((*batch, m, k), x.dtype), Aval((*batch, k, n), x.dtype)


def _qr_vjp(ctx: Context, gq: Tensor | None, gr: Tensor | None) -> Grads:
    q, r = ctx.outputs
    m, n = ctx.inputs[0].shape[-2:]
    if m < n or q.shape[-1] != n:
        raise NotImplementedError(
            f"qr: no gradient for matrices of shape {(m, n)} with q of shape "
            f"{q.shape[-2:]}; it needs rows >= columns and mode='reduced'."
        )
    gq, gr = _or_zeros(gq, q), _or_zeros(gr, r)
    mixed = sub(_mm(r, gr, tb=True), _mm(gq, q, ta=True))
    mirrored = add(_part(mixed, True), _t(_part(mixed, True, -1)))
    total = add(gq, _mm(q, mirrored))
    return (_t(triangular_solve(r, _t(total), lower=False, transpose_a=False)),)


qr = primitive("qr", kind="opaque", infer=_infer_qr, vjp=_qr_vjp, multi=True)


def _infer_svd(x: Aval, *, full: bool) -> tuple[Aval, Aval, Aval]:
    _matrix("svd", "x", x)
    *batch, m, n = x.shape
    k = min(m, n)
    rows, columns = (m, n) if full else (k, k)
    return (
        Aval((*batch, m, rows), x.dtype),
        Aval((*batch, k), x.dtype),
        Aval((*batch, columns, n), x.dtype),
    )


def _gaps(values: Tensor) -> Any:
    """At (i, j) one over `values[j] - values[i]`; 0 on the diagonal."""
    difference = sub(_row(values), _column(values))
    diagonal = _on_diagonal(difference)
    safe = select(diagonal, const(values, 1), difference)
    return select(diagonal, const(values, 0), div(const(values, 1), safe))


def _svd_vjp(
    ctx: Context, gu: Tensor | None, gs: Tensor | None, gv: Tensor | None
) -> Grads:
    u, s, vh = ctx.outputs
    if gu is None and gv is None:
        if gs is None:
            return (None,)
        k = s.shape[-1]
        return (_mm(mul(_leading(u, k, -1), _row(gs)), _leading(vh, k, -2)),)
    if u.shape[-1] != s.shape[-1] or vh.shape[-2] != s.shape[-1]:
        raise NotImplementedError(
            f"svd: no gradient of full factors of a matrix of shape "
            f"{ctx.inputs[0].shape[-2:]}; use full_matrices=False."
        )
    gaps = _gaps(mul(s, s))
    centre = zeros((*s.shape, s.shape[-1]), s.dtype)
    outer: Any = None
    if gs is not None:
        centre = select(_on_diagonal(centre), _row(gs), centre)
    if gu is not None:
        skew = _mm(u, gu, ta=True)
        centre = add(centre, mul(mul(gaps, sub(skew, _t(skew))), _row(s)))
        rest = div(sub(gu, _mm(u, skew)), _row(s))
        outer = _mm(rest, vh)
    if gv is not None:
        skew = _mm(vh, gv, tb=True)
        centre = add(centre, mul(_column(s), mul(gaps, sub(skew, _t(skew)))))
        rest = div(sub(gv, _mm(skew, vh, ta=True)), _column(s))
        more = _mm(u, rest)
        outer = more if outer is None else add(outer, more)
    return (add(_mm(_mm(u, centre), vh), outer),)


def _leading(x: Tensor, count: int, axis: int) -> Any:
    """The first `count` along an axis."""
    stops = list(x.shape)
    stops[axis] = count
    zero, one = (0,) * len(stops), (1,) * len(stops)
    return slice_(x, starts=zero, stops=tuple(stops), steps=one)


svd = primitive("svd", kind="opaque", infer=_infer_svd, vjp=_svd_vjp, multi=True)


def _infer_eigh(x: Aval) -> tuple[Aval, Aval]:
    _matrix("eigh", "x", x, square=True)
    return Aval(x.shape[:-1], x.dtype), x


def _eigh_vjp(ctx: Context, gw: Tensor | None, gv: Tensor | None) -> Grads:
    w, v = ctx.outputs
    centre = zeros(v.shape, v.dtype)
    if gw is not None:
        centre = select(_on_diagonal(centre), _row(gw), centre)
    if gv is not None:
        centre = add(centre, mul(_gaps(w), _mm(v, gv, ta=True)))
    return (_symmetric(_mm(_mm(v, centre), v, tb=True)),)


eigh = primitive("eigh", kind="opaque", infer=_infer_eigh, vjp=_eigh_vjp, multi=True)


def _infer_eig(x: Aval) -> tuple[Aval, Aval, Aval, Aval]:
    _matrix("eig", "x", x, square=True)
    values = Aval(x.shape[:-1], x.dtype)
    return values, values, x, x


eig = primitive("eig", kind="opaque", infer=_infer_eig, vjp=None, multi=True)
