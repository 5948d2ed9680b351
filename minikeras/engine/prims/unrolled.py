"""Gradients of the recurrent rows, written step by step with other primitives.

They are the compositions of `lstm_grad`, `gru_grad` and `simple_rnn_grad`: exact, and
differentiable in turn, at the price of some twenty nodes for each time step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.engine.prims.contract import matmul
from minikeras.engine.prims.create import const, zeros
from minikeras.engine.prims.elementwise import add, gt, mul, select, sub, tanh
from minikeras.engine.prims.movement import concat, reshape, slice_

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor

Parts = tuple[Any, ...]


def _at(x: Tensor, axis: int, index: int) -> Any:
    """`x[index]` along an axis, which goes."""
    starts, stops = [0] * x.ndim, list(x.shape)
    starts[axis], stops[axis] = index, index + 1
    part = slice_(x, starts=tuple(starts), stops=tuple(stops), steps=(1,) * x.ndim)
    return reshape(part, shape=(*x.shape[:axis], *x.shape[axis + 1 :]))


def _blocks(x: Tensor, count: int) -> list[Any]:
    """The last axis of a matrix in equal parts."""
    rows, width = x.shape[0], x.shape[1] // count
    return [
        slice_(x, starts=(0, i * width), stops=(rows, (i + 1) * width), steps=(1, 1))
        for i in range(count)
    ]


def _times(a: Tensor, w: Tensor) -> Any:
    return matmul(a, w, transpose_a=False, transpose_b=True)


def _less(a: Tensor) -> Any:
    return sub(const(a, 1), a)


def _logistic_slope(y: Tensor) -> Any:
    return mul(y, _less(y))


def _tanh_slope(y: Tensor) -> Any:
    return _less(mul(y, y))


class _Walk:
    """The steps from the last to the first, and what a mask does to them."""

    def __init__(self, g: Tensor, mask: tuple[Tensor, ...], reverse: bool) -> None:
        self.batch, self.time, _ = g.shape
        self.mask = mask
        self.reverse = reverse

    def place(self, step: int) -> int:
        """The position in `x` and `mask` of a step."""
        return self.time - 1 - step if self.reverse else step

    def kept(self, step: int, new: Tensor, old: Tensor) -> Any:
        """`new` where the step is real, else `old`."""
        if not self.mask:
            return new
        m = _at(self.mask[0], 1, self.place(step))
        return select(reshape(m, shape=(self.batch, 1)), new, old)

    def joined(self, parts: list[Any], width: int, dtype: str) -> Any:
        """Gradients of the steps, last step first, as gradient of `x`."""
        if not parts:
            return zeros((self.batch, 0, width), dtype)
        ordered = parts if self.reverse else parts[::-1]
        rows = [reshape(p, shape=(self.batch, 1, width)) for p in ordered]
        return concat(*rows, axis=1)


def lstm_grad(
    g: Tensor, gc: Tensor, cs: Tensor, gates: Tensor, c0: Tensor, w: Tensor,
    *mask: Tensor, reverse: bool, saved: Parts = (),
) -> Parts:  # fmt: skip
    """Cotangents of x, h0 and c0; `saved` has those of `cs` and `gates`."""
    walk = _Walk(g, mask, reverse)
    dh, dc, parts = zeros(c0.shape, g.dtype), gc, []
    for step in reversed(range(walk.time)):
        i, f, n, o = _blocks(_at(gates, 0, step), 4)
        before = _at(cs, 0, step - 1) if step else c0
        dh = add(dh, _at(g, 1, step))
        dc = add(dc, _at(saved[0], 0, step)) if saved else dc
        t = tanh(_at(cs, 0, step))
        # h = o tanh(c), so dc gains dh o (1 - tanh(c)^2).
        inner = add(dc, mul(mul(dh, o), _tanh_slope(t)))
        # c = i n + f c_before: the gates' gradients in the order i, f, c, o.
        grads = [mul(inner, n), mul(inner, before), mul(inner, i), mul(dh, t)]
        if saved:
            more = _blocks(_at(saved[1], 0, step), 4)
            grads = [add(a, b) for a, b in zip(grads, more, strict=True)]
        slopes = [_logistic_slope(i), _logistic_slope(f), _tanh_slope(n)]
        slopes.append(_logistic_slope(o))
        dz = concat(*map(mul, grads, slopes), axis=1)
        dz = walk.kept(step, dz, const(dz, 0))
        parts.append(dz)
        dh = walk.kept(step, _times(dz, w), dh)
        dc = walk.kept(step, mul(inner, f), dc)
    return walk.joined(parts, w.shape[1], g.dtype), dh, dc


def gru_grad(
    g: Tensor, hs: Tensor, saved: Tensor, h0: Tensor, w: Tensor,
    *mask: Tensor, reverse: bool, gs: Tensor | None = None,
) -> Parts:  # fmt: skip
    """Cotangents of x, of h w + b, and of h0; `gs` is that of `saved`."""
    walk = _Walk(g, mask, reverse)
    dh, outer, inner = zeros(h0.shape, g.dtype), [], []
    for step in reversed(range(walk.time)):
        z, r, n, new = _blocks(_at(saved, 0, step), 4)
        before = _at(hs, 1, step - 1) if step else h0
        dh = add(dh, _at(g, 1, step))
        # h' = z h + (1 - z) n': dz = dh (h - n').
        dz, dr, dn = mul(dh, sub(before, new)), None, None
        dnew = mul(dh, _less(z))
        if gs is not None:
            more = _blocks(_at(gs, 0, step), 4)
            dz, dr, dn, dnew = add(dz, more[0]), more[1], more[2], add(dnew, more[3])
        dnew = mul(dnew, _tanh_slope(new))
        # n' = tanh(x_h + r n), where n is the recurrent share with its bias.
        through = mul(dnew, n)
        dr = through if dr is None else add(dr, through)
        through = mul(dnew, r)
        dn = through if dn is None else add(dn, through)
        dz, dr = mul(dz, _logistic_slope(z)), mul(dr, _logistic_slope(r))
        # x and h w + b have the same gradients but in the last block: there the reset
        # gate stands between.
        whole = [concat(dz, dr, last, axis=1) for last in (dnew, dn)]
        whole = [walk.kept(step, part, const(part, 0)) for part in whole]
        outer.append(whole[0])
        inner.append(whole[1])
        dh = walk.kept(step, add(mul(dh, z), _times(whole[1], w)), dh)
    width = w.shape[1]
    joined = [walk.joined(parts, width, g.dtype) for parts in (outer, inner)]
    return (*joined, dh)


def simple_rnn_grad(
    g: Tensor, hs: Tensor, w: Tensor, *mask: Tensor, reverse: bool, activation: str
) -> Parts:
    """Cotangents of x and h0."""
    walk = _Walk(g, mask, reverse)
    dh, parts = zeros((walk.batch, w.shape[0]), g.dtype), []
    for step in reversed(range(walk.time)):
        h = _at(hs, 1, step)
        dh = add(dh, _at(g, 1, step))
        dz: Any = dh
        if activation == "tanh":
            dz = mul(dh, _tanh_slope(h))
        elif activation == "relu":
            dz = select(gt(h, const(h, 0)), dh, const(dh, 0))
        dz = walk.kept(step, dz, const(dz, 0))
        parts.append(dz)
        dh = walk.kept(step, _times(dz, w), dh)
    return walk.joined(parts, w.shape[0], g.dtype), dh
