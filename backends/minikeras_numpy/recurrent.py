"""Recurrent kernels: a loop over time, whose workspace outlives a call where it is lowered.

Each `_fill` function takes a `_Walk`, the operands and the results, which it fills.
float16 and bfloat16 are widened for the whole walk and narrowed at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras.extend import Aval, Node, lookup, numpy_dtype
from minikeras_numpy.common import Array, Kernel, Table, quiet, to, work_dtype
from minikeras_numpy.writers import Scratch

Fill = Callable[..., None]


class _Walk:
    """The steps of a sequence: namespace, workspace, mask, order."""

    def __init__(self, xp: Any, scratch: Scratch | None, reverse: bool) -> None:
        self.xp, self.scratch, self.reverse = xp, scratch, reverse
        self.mask: Any = None

    def begin(self, like: Array, mask: tuple[Array, ...]) -> None:
        self.dtype = like.dtype
        self.time = like.shape[1]
        self.mask = mask[0] if mask else None

    def space(self, name: str, *shape: int) -> Array:
        """Undefined values of the walk's dtype."""
        if self.scratch is None:
            return self.xp.empty(shape, dtype=self.dtype)
        return self.scratch.get(name, shape, self.dtype)

    def place(self, step: int) -> int:
        """Where step `step` is in `x` and in the mask."""
        return self.time - 1 - step if self.reverse else step

    def keep(self, step: int, new: Array, old: Any) -> None:
        """`new` becomes `old` where the step is not real."""
        if self.mask is None:
            return
        gone = self.xp.logical_not(self.mask[:, self.place(step), None])
        if self.xp is np:
            np.copyto(new, old, where=gone)
        else:
            new[...] = self.xp.where(gone, self.xp.zeros_like(new) + old, new)

    def logistic(self, x: Array) -> None:
        """In place."""
        xp = self.xp
        xp.multiply(x, -1, out=x)  # np.negative errs on strided columns (2.4.6)
        xp.exp(x, out=x)
        xp.add(x, 1, out=x)
        xp.true_divide(1, x, out=x)

    def slopes(self, y: Array, out: Array, tanh: slice) -> None:
        """Derivatives of the logistic where its value is `y`; of tanh in a slice."""
        xp = self.xp
        xp.multiply(y, y, out=out)
        curved = out[:, tanh].copy() if tanh.stop else None
        xp.subtract(y, out, out=out)
        if curved is not None:
            xp.subtract(1, curved, out=out[:, tanh])


def _split(x: Array, count: int) -> list[Array]:
    width = x.shape[-1] // count
    return [x[..., i * width : (i + 1) * width] for i in range(count)]


def _lstm(walk: _Walk, x: Array, h0: Array, c0: Array, w: Array, *rest: Array) -> None:
    *mask, hs, last, cs, gates = rest
    walk.begin(x, tuple(mask))
    xp, shape = walk.xp, h0.shape
    h, t, product = (walk.space(n, *shape) for n in ("h", "t", "p"))
    h[...] = h0
    last[...] = c0
    c = c0
    for step in range(walk.time):
        z = gates[step]
        xp.matmul(h, w, out=z)
        xp.add(z, x[:, walk.place(step)], out=z)
        units = h0.shape[1]
        walk.logistic(z[:, : 2 * units])
        walk.logistic(z[:, 3 * units :])
        i, f, n, o = _split(z, 4)
        xp.tanh(n, out=n)
        new = cs[step]
        xp.multiply(f, c, out=new)
        xp.multiply(i, n, out=product)
        xp.add(new, product, out=new)
        xp.tanh(new, out=t)
        xp.multiply(o, t, out=t)
        walk.keep(step, new, c)
        walk.keep(step, t, h)
        walk.keep(step, z, 0)
        h[...] = t
        hs[:, step] = t
        c = new
    last[...] = c


def _lstm_grad(
    walk: _Walk, g: Array, gc: Array, cs: Array, gates: Array, c0: Array, w: Array,
    *rest: Array,
) -> None:  # fmt: skip
    *mask, dx, dh, dc = rest
    walk.begin(g, tuple(mask))
    xp, (batch, units) = walk.xp, c0.shape
    dz, slope = (walk.space(n, batch, 4 * units) for n in ("dz", "slope"))
    t, inner, total = (walk.space(n, batch, units) for n in ("t", "inner", "total"))
    dh.fill(0)
    dc[...] = gc
    for step in reversed(range(walk.time)):
        i, f, n, o = _split(gates[step], 4)
        di, df, dn, do = _split(dz, 4)
        xp.add(dh, g[:, step], out=total)
        xp.tanh(cs[step], out=t)
        xp.multiply(total, t, out=do)
        xp.multiply(t, t, out=t)
        xp.subtract(1, t, out=t)
        xp.multiply(total, o, out=inner)
        xp.multiply(inner, t, out=inner)
        xp.add(inner, dc, out=inner)
        xp.multiply(inner, n, out=di)
        xp.multiply(inner, cs[step - 1] if step else c0, out=df)
        xp.multiply(inner, i, out=dn)
        walk.slopes(gates[step], slope, slice(2 * units, 3 * units))
        xp.multiply(dz, slope, out=dz)
        walk.keep(step, dz, 0)
        dx[:, walk.place(step)] = dz
        xp.matmul(dz, w.swapaxes(0, 1), out=dh)
        xp.multiply(inner, f, out=inner)
        walk.keep(step, inner, dc)
        walk.keep(step, dh, total)
        dc[...] = inner


def _gru(walk: _Walk, x: Array, h0: Array, w: Array, b: Array, *rest: Array) -> None:
    *mask, hs, saved = rest
    walk.begin(x, tuple(mask))
    xp, (batch, units) = walk.xp, h0.shape
    h, new = (walk.space(name, batch, units) for name in ("h", "new"))
    z = walk.space("z", batch, 3 * units)
    h[...] = h0
    for step in range(walk.time):
        here = x[:, walk.place(step)]
        xp.matmul(h, w, out=z)
        xp.add(z, b, out=z)
        gates, n, value = (
            saved[step][:, : 2 * units],
            saved[step][:, 2 * units : 3 * units],
            saved[step][:, 3 * units :],
        )
        n[...] = z[:, 2 * units :]
        xp.add(z[:, : 2 * units], here[:, : 2 * units], out=gates)
        walk.logistic(gates)
        update, reset = _split(gates, 2)
        xp.multiply(reset, n, out=value)
        xp.add(value, here[:, 2 * units :], out=value)
        xp.tanh(value, out=value)
        xp.subtract(h, value, out=new)
        xp.multiply(update, new, out=new)
        xp.add(new, value, out=new)
        walk.keep(step, new, h)
        walk.keep(step, saved[step], 0)
        h[...] = new
        hs[:, step] = new


def _gru_grad(
    walk: _Walk, g: Array, hs: Array, saved: Array, h0: Array, w: Array, *rest: Array
) -> None:
    *mask, dx, da, dh = rest
    walk.begin(g, tuple(mask))
    xp, (batch, units) = walk.xp, h0.shape
    outer, inner = (walk.space(name, batch, 3 * units) for name in ("outer", "inner"))
    total, slope = (walk.space(name, batch, units) for name in ("total", "slope"))
    nothing = slice(0, 0)
    dh.fill(0)
    for step in reversed(range(walk.time)):
        z, r, n, new = _split(saved[step], 4)
        dz, dr, dn = _split(outer, 3)
        xp.add(dh, g[:, step], out=total)
        xp.subtract(1, z, out=dn)
        xp.multiply(dn, total, out=dn)
        xp.multiply(new, new, out=slope)
        xp.subtract(1, slope, out=slope)
        xp.multiply(dn, slope, out=dn)
        xp.subtract(hs[:, step - 1] if step else h0, new, out=dz)
        xp.multiply(dz, total, out=dz)
        walk.slopes(z, slope, nothing)
        xp.multiply(dz, slope, out=dz)
        xp.multiply(dn, n, out=dr)
        walk.slopes(r, slope, nothing)
        xp.multiply(dr, slope, out=dr)
        inner[...] = outer
        xp.multiply(dn, r, out=inner[:, 2 * units :])
        walk.keep(step, outer, 0)
        walk.keep(step, inner, 0)
        dx[:, walk.place(step)] = outer
        da[:, walk.place(step)] = inner
        xp.matmul(inner, w.swapaxes(0, 1), out=dh)
        xp.multiply(total, z, out=slope)
        xp.add(dh, slope, out=dh)
        walk.keep(step, dh, total)


def _simple_rnn(
    walk: _Walk, x: Array, h0: Array, w: Array, *rest: Array, activation: str
) -> None:
    *mask, hs = rest
    walk.begin(x, tuple(mask))
    xp = walk.xp
    h, z = (walk.space(name, *h0.shape) for name in ("h", "z"))
    h[...] = h0
    for step in range(walk.time):
        xp.matmul(h, w, out=z)
        xp.add(z, x[:, walk.place(step)], out=z)
        if activation == "tanh":
            xp.tanh(z, out=z)
        elif activation == "relu":
            xp.maximum(z, 0, out=z)
        walk.keep(step, z, h)
        h[...] = z
        hs[:, step] = z


def _simple_rnn_grad(
    walk: _Walk, g: Array, hs: Array, w: Array, *rest: Array, activation: str
) -> None:
    *mask, dx, dh = rest
    walk.begin(g, tuple(mask))
    xp = walk.xp
    dz, total = (walk.space(name, *dh.shape) for name in ("dz", "total"))
    dh.fill(0)
    for step in reversed(range(walk.time)):
        h = hs[:, step]
        xp.add(dh, g[:, step], out=total)
        if activation == "tanh":
            xp.multiply(h, h, out=dz)
            xp.subtract(1, dz, out=dz)
            xp.multiply(dz, total, out=dz)
        elif activation == "relu":
            xp.multiply(total, h > 0, out=dz)
        else:
            dz[...] = total
        walk.keep(step, dz, 0)
        dx[:, walk.place(step)] = dz
        xp.matmul(dz, w.swapaxes(0, 1), out=dh)
        walk.keep(step, dh, total)


FILLS: dict[str, Fill] = {
    "lstm": _lstm,
    "lstm_grad": _lstm_grad,
    "gru": _gru,
    "gru_grad": _gru_grad,
    "simple_rnn": _simple_rnn,
    "simple_rnn_grad": _simple_rnn_grad,
}


def prepared(node: Node) -> Callable[..., None]:
    """`run(*operands, *results)` with workspace of its own, for float32 and float64."""
    static = dict(node.static)
    reverse, fill = static.pop("reverse"), FILLS[node.prim.name]
    scratch = Scratch()

    def run(*arrays: Array) -> None:
        fill(_Walk(np, scratch, reverse), *arrays, **static)

    return run


def _eager(xp: Any, name: str) -> Kernel:
    row, fill = lookup(name), FILLS[name]

    def kernel(*arrays: Array, reverse: bool, **static: Any) -> Any:
        avals = [Aval(tuple(a.shape), a.dtype.name) for a in arrays]
        made: Any = row.infer(*avals, reverse=reverse, **static)
        results = made if row.multi else (made,)
        work = work_dtype(numpy_dtype(avals[0].dtype))
        wide = [a if a.dtype.kind == "b" else to(a, work) for a in arrays]
        outs = [xp.empty(aval.shape, dtype=work) for aval in results]
        fill(_Walk(xp, None, reverse), *wide, *outs, **static)
        outs = [to(out, numpy_dtype(avals[0].dtype)) for out in outs]
        return tuple(outs) if row.multi else outs[0]

    return kernel


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""
    return {name: quiet(_eager(xp, name)) for name in FILLS}
