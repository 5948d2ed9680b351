"""Decompositions and solutions of linear systems, over the last two axes.

Gradients follow M. Giles, "Collected matrix derivative results for forward and reverse
mode algorithmic differentiation" (2008), and, for `qr`, S. F. Walter and L. Lehmann,
"Algorithmic differentiation of linear algebra functions" (2010). Where factors are not
unique (equal eigenvalues) they are not differentiable; such directions count as 0.
`eig` has none: its results are complex.

Of complex matrices the rules of `solve`, `triangular_solve` and `lu` are those of real ones.
The others, whose factors have conjugates in them, are written for gradients d/dx + i d/dy
with conjugate transposes; `_turned` goes there and back. Where a factor is unique but for a
phase, the phase is `u`'s (S. Townsend, "Differentiating the singular value decomposition",
2016, and its extension by Z.-Q. Wan and S.-X. Zhang, arXiv:1909.02659).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.dtypes import is_complex, real_of
from minikeras.engine.primitive import Context, primitive
from minikeras.engine.prims.contract import matmul
from minikeras.engine.prims.create import const, iota, zeros
from minikeras.engine.prims.elementwise import (
    add,
    cast,
    complex_,
    div,
    eq,
    ge,
    imag,
    mul,
    neg,
    real,
    select,
    sub,
)
from minikeras.engine.prims.helpers import (
    Grads,
    agree,
    check_dtype,
    check_rank,
    check_same_dtype,
)
from minikeras.engine.prims.movement import concat, reshape, slice_, transpose

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def _matrix(op: str, argument: str, x: Aval, *, square: bool = False) -> None:
    check_dtype(op, argument, x, "inexact")
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


def _turned(x: Tensor | None) -> Any:
    """The complex conjugates; real numbers, and None, themselves."""
    if x is None or not is_complex(x.dtype):
        return x
    return complex_(real(x), neg(imag(x)))


def _h(x: Tensor) -> Any:
    """The matrices transposed, and conjugate."""
    return _t(_turned(x))


def _real_diagonal(x: Tensor) -> Any:
    """A matrix without the imaginary part of its diagonal."""
    if not is_complex(x.dtype):
        return x
    return select(_on_diagonal(x), cast(real(x), dtype=x.dtype), x)


def _mm(a: Tensor, b: Tensor, ta: bool = False, tb: bool = False) -> Any:
    """The product; a factor that is transposed is conjugate too."""
    a, b = _turned(a) if ta else a, _turned(b) if tb else b
    return matmul(a, b, transpose_a=ta, transpose_b=tb)


def _plain(a: Tensor, b: Tensor, ta: bool = False, tb: bool = False) -> Any:
    """The product; nothing becomes conjugate."""
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


def _cut(x: Tensor, start: int, stop: int, axis: int) -> Any:
    """From `start` to `stop` along an axis."""
    starts, stops = [0] * len(x.shape), list(x.shape)
    starts[axis], stops[axis] = start, stop
    if tuple(stops) == tuple(x.shape) and not start:
        return x
    ones = (1,) * len(stops)
    return slice_(x, starts=tuple(starts), stops=tuple(stops), steps=ones)


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
    # x = a^-1 b: db = a^-T dx, da = -db x^T (Giles).
    gb = solve(_t(ctx.inputs[0]), g)
    return neg(_plain(gb, ctx.outputs[0], tb=True)), gb


def _triangular_vjp(ctx: Context, g: Tensor) -> Grads:
    a, x = ctx.inputs[0], ctx.outputs[0]
    lower, flipped = ctx.static["lower"], ctx.static["transpose_a"]
    # As `solve`; of `a` only the triangle that is read has a gradient.
    gb = triangular_solve(a, g, lower=lower, transpose_a=not flipped)
    ga = _plain(x, gb, tb=True) if flipped else _plain(gb, x, tb=True)
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
    return mul(add(x, _h(x)), const(x, 0.5))


def _cholesky_vjp(ctx: Context, g: Tensor) -> Grads:
    factor, g = ctx.outputs[0], _turned(g)
    # With L the factor and P(x) the lower triangle, its diagonal halved: dA is the
    # symmetric part of L^-H P(L^H dL) L^-1.
    inner = _half_diagonal(_real_diagonal(_mm(factor, g, ta=True)))
    factor = _turned(factor)
    left = triangular_solve(factor, inner, lower=True, transpose_a=True)
    both = triangular_solve(factor, _h(left), lower=True, transpose_a=True)
    return (_turned(_symmetric(both)),)


cholesky = primitive(
    "cholesky", kind="opaque", infer=_infer_cholesky, vjp=_cholesky_vjp
)


def _infer_lu(x: Aval) -> tuple[Aval, Aval, Aval]:
    _matrix("lu", "x", x)
    *batch, m, n = x.shape
    return x, Aval((*batch, min(m, n)), "int32"), Aval((*batch, m), "int32")


def _lu_vjp(ctx: Context, g: Tensor | None, *_: object) -> Grads:
    """Of the packed factors; rows of the gradient go back to where they came from.

    Of a matrix that is not square, what is beyond its leading square solves a
    triangular system with one factor, and is taken back first.
    """
    packed, _pivots, order = ctx.outputs
    g = _or_zeros(g, packed)
    m, n = packed.shape[-2:]
    k = min(m, n)
    core, g_core = _cut(packed, 0, k, -2), _cut(g, 0, k, -2)
    unit = _unit_lower(_cut(core, 0, k, -1))
    upper = _part(_cut(core, 0, k, -1), False)
    g_low, g_high = _cut(g_core, 0, k, -1), _cut(g_core, 0, k, -1)
    beyond: Any = None
    if n > k:  # u2 = l^-1 a2
        right = _cut(core, k, n, -1)
        beyond = triangular_solve(
            unit, _cut(g_core, k, n, -1), lower=True, transpose_a=True
        )
        g_low = sub(g_low, _plain(beyond, right, tb=True))
    elif m > k:  # l2 = a2 u^-1
        below = _cut(packed, k, m, -2)
        beyond = _over(_cut(g, k, m, -2), upper)
        g_high = sub(g_high, _plain(below, beyond, ta=True))
    # dA = L^-T (tril(L^T dL, -1) + triu(dU U^T)) U^-T.
    low = _part(_plain(unit, _part(g_low, True, -1), ta=True), True, -1)
    high = _part(_plain(_part(g_high, False), upper, tb=True), False)
    inner = triangular_solve(unit, add(low, high), lower=True, transpose_a=True)
    result = _over(inner, upper)
    if beyond is not None:
        result = concat(result, beyond, axis=len(g.shape) - (1 if n > k else 2))
    return (_unpermuted(result, order),)


def _over(g: Tensor, upper: Tensor) -> Any:
    """`g @ upper^-T`."""
    return _t(triangular_solve(upper, _t(g), lower=False, transpose_a=False))


def _unit_lower(packed: Tensor) -> Any:
    return select(_on_diagonal(packed), const(packed, 1), _part(packed, True))


def _unpermuted(x: Tensor, order: Tensor) -> Any:
    """Rows moved back: row `order[i]` of the result is row `i` of `x`."""
    size = x.shape[-2]
    targets = iota(shape=(size, size), dtype="int32", axis=0)
    hit = eq(targets, _row(order))
    picker = select(hit, const(x, 1), const(x, 0))
    return _plain(picker, x)


lu = primitive("lu", kind="opaque", infer=_infer_lu, vjp=_lu_vjp, multi=True)


def _infer_qr(x: Aval, *, full: bool) -> tuple[Aval, Aval]:
    _matrix("qr", "x", x)
    *batch, m, n = x.shape
    k = m if full else min(m, n)
    return Aval((*batch, m, k), x.dtype), Aval((*batch, k, n), x.dtype)


def _qr_vjp(ctx: Context, gq: Tensor | None, gr: Tensor | None) -> Grads:
    """Columns beyond the leading square are `q` times those of `r`."""
    q, r = ctx.outputs
    m, n = ctx.inputs[0].shape[-2:]
    if q.shape[-1] > n:
        raise NotImplementedError(
            f"qr: no gradient of a complete q for matrices of shape {(m, n)}, whose last "
            "columns are not unique; use mode='reduced'."
        )
    gq, gr = _turned(_or_zeros(gq, q)), _turned(_or_zeros(gr, r))
    beyond: Any = None
    if n > m:
        right, g_right = _cut(ctx.inputs[0], m, n, -1), _cut(gr, m, n, -1)
        beyond = _mm(q, g_right)
        gq = add(gq, _mm(right, g_right, tb=True))
        r, gr = _cut(r, 0, m, -1), _cut(gr, 0, m, -1)
    # M = R dR^H - dQ^H Q; dA = (dQ + Q copyltu(M)) R^-H, where copyltu mirrors the
    # lower triangle (Walter and Lehmann).
    mixed = sub(_mm(r, gr, tb=True), _mm(gq, q, ta=True))
    below = _part(mixed, True, -1)
    mirrored = add(_real_diagonal(_part(mixed, True)), _h(below))
    result = _over(add(gq, _mm(q, mirrored)), _turned(r))
    if beyond is not None:
        result = concat(result, beyond, axis=len(q.shape) - 1)
    return (_turned(result),)


qr = primitive("qr", kind="opaque", infer=_infer_qr, vjp=_qr_vjp, multi=True)


def _infer_svd(x: Aval, *, full: bool) -> tuple[Aval, Aval, Aval]:
    _matrix("svd", "x", x)
    *batch, m, n = x.shape
    k = min(m, n)
    rows, columns = (m, n) if full else (k, k)
    return (
        Aval((*batch, m, rows), x.dtype),
        Aval((*batch, k), real_of(x.dtype)),
        Aval((*batch, columns, n), x.dtype),
    )


def _inverse(x: Tensor) -> Any:
    """One over `x`; 0 where `x` is 0.

    Factors have no slope along directions that are not unique. With 0 there, results
    that are, such as the sum of equal singular values, keep their finite gradients.
    """
    none = eq(x, const(x, 0))
    safe = select(none, const(x, 1), x)
    return select(none, const(x, 0), div(const(x, 1), safe))


def _gaps(values: Tensor) -> Any:
    """At (i, j) one over `values[j] - values[i]`; 0 where they are equal."""
    return _inverse(sub(_row(values), _column(values)))


def _svd_vjp(
    ctx: Context, gu: Tensor | None, gs: Tensor | None, gv: Tensor | None
) -> Grads:
    u, s, vh = ctx.outputs
    if gu is None and gv is None:
        if gs is None:
            return (None,)
        k = s.shape[-1]
        # dA = U dS V^H: singular values alone need no gaps, which may be zero.
        left = mul(_leading(u, k, -1), _row(cast(gs, dtype=u.dtype)))
        return (_turned(_mm(left, _leading(vh, k, -2))),)
    if u.shape[-1] != s.shape[-1] or vh.shape[-2] != s.shape[-1]:
        raise NotImplementedError(
            f"svd: no gradient of full factors of a matrix of shape "
            f"{ctx.inputs[0].shape[-2:]}; use full_matrices=False."
        )
    gu, gv = _turned(gu), _turned(gv)
    gaps, over = (cast(x, dtype=u.dtype) for x in (_gaps(mul(s, s)), _inverse(s)))
    s = cast(s, dtype=u.dtype)
    centre = zeros((*s.shape, s.shape[-1]), u.dtype)
    outer: Any = None
    if gs is not None:
        diagonal = _row(cast(gs, dtype=u.dtype))
        centre = select(_on_diagonal(centre), diagonal, centre)
    if gu is not None:
        skew = _mm(u, gu, ta=True)
        # F has one over s_j^2 - s_i^2 off the diagonal: (F * (U^H dU - dU^H U)) S, and
        # what of dU lies outside the columns of U goes over 1 / S.
        centre = add(centre, mul(mul(gaps, sub(skew, _h(skew))), _row(s)))
        rest = mul(sub(gu, _mm(u, skew)), _row(over))
        outer = _mm(rest, vh)
        if is_complex(u.dtype):
            phase = mul(sub(skew, _real_diagonal(skew)), _row(over))
            centre = add(centre, phase)
    if gv is not None:
        skew = _mm(vh, gv, tb=True)
        centre = add(centre, mul(_column(s), mul(gaps, sub(skew, _h(skew)))))
        rest = mul(sub(gv, _mm(skew, vh, ta=True)), _column(over))
        more = _mm(u, rest)
        outer = more if outer is None else add(outer, more)
    return (_turned(add(_mm(_mm(u, centre), vh), outer)),)


def _leading(x: Tensor, count: int, axis: int) -> Any:
    """The first `count` along an axis."""
    return _cut(x, 0, count, axis)


svd = primitive("svd", kind="opaque", infer=_infer_svd, vjp=_svd_vjp, multi=True)


def _infer_eigh(x: Aval) -> tuple[Aval, Aval]:
    _matrix("eigh", "x", x, square=True)
    return Aval(x.shape[:-1], real_of(x.dtype)), x


def _eigh_vjp(ctx: Context, gw: Tensor | None, gv: Tensor | None) -> Grads:
    w, v = ctx.outputs
    centre = zeros(v.shape, v.dtype)
    if gw is not None:
        diagonal = _row(cast(gw, dtype=v.dtype))
        centre = select(_on_diagonal(centre), diagonal, centre)
    if gv is not None:
        gaps = cast(_gaps(w), dtype=v.dtype)
        # dA = V (diag(dw) + F * (V^H dV)) V^H, with one over w_j - w_i in F (Giles).
        centre = add(centre, mul(gaps, _mm(v, _turned(gv), ta=True)))
    return (_turned(_symmetric(_mm(_mm(v, centre), v, tb=True))),)


eigh = primitive("eigh", kind="opaque", infer=_infer_eigh, vjp=_eigh_vjp, multi=True)


def _infer_eig(x: Aval) -> tuple[Aval, Aval, Aval, Aval]:
    _matrix("eig", "x", x, square=True)
    dtype = real_of(x.dtype)
    values, vectors = Aval(x.shape[:-1], dtype), Aval(x.shape, dtype)
    return values, values, vectors, vectors


eig = primitive("eig", kind="opaque", infer=_infer_eig, vjp=None, multi=True)
