"""Prepared functions of single nodes that are more than a ufunc.

`BUILDERS[name](node)` gives `run(*operands, *results)`, which fills the results,
C-contiguous and distinct from the operands. Workspace is made in the first run and kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras.extend import Fill, Node, numpy_dtype
from minikeras_numpy.common import Array, lowest, work_dtype
from minikeras_numpy.conv import Conv
from minikeras_numpy.index import fill_outside
from minikeras_numpy.movement import slices
from minikeras_numpy.pooling import Pool
from minikeras_numpy.products import multiply_some
from minikeras_numpy.recurrent import FILLS, prepared
from minikeras_numpy.sharing import lanes, share
from minikeras_numpy.windows import Geometry, copy_runs
from minikeras_numpy.writers import INTS, Scratch

Run = Callable[..., None]

_GATHERED = 9  # places in a window of which copies are made, up to this many
_BLOCK = 3 << 16  # elements worked on at a time where several passes go over them
_SHARED = 1 << 18  # elements of several passes that are worth waking another thread


def _matmul(node: Node) -> Fill:
    a, b = node.inputs[0].aval, node.inputs[1].aval
    ta = node.static.get("transpose_a", False)
    tb = node.static.get("transpose_b", False)
    dtype = numpy_dtype(a.dtype)
    work = work_dtype(dtype)
    perm_a, perm_b, perm_out = (node.static.get(f"perm_{n}") for n in ("a", "b", "out"))
    inverse = None if perm_out is None else tuple(np.argsort(perm_out))
    flat = b.ndim == 2 and a.ndim > 2 and not (ta or perm_a or perm_out)
    shape = node.outputs[0].aval.shape

    def run(x: Array, y: Array, out: Array) -> None:
        if work != dtype:
            x, y = x.astype(work), y.astype(work)
        if perm_a:
            x = x.transpose(perm_a)
        if perm_b:
            y = y.transpose(perm_b)
        if inverse:
            out = out.transpose(inverse)
        if ta:
            x = x.swapaxes(-1, -2)
        if tb:
            y = y.swapaxes(-1, -2)
        if work != dtype:
            np.copyto(out, np.matmul(x, y), casting="unsafe")
        elif flat:
            rows = math.prod(shape[:-1])
            target = out.reshape(rows, shape[-1])
            multiply_some(x.reshape(rows, x.shape[-1]), y, target)
        elif x.ndim == y.ndim == 2 and out.flags.c_contiguous:
            multiply_some(x, y, out)
        else:
            np.matmul(x, y, out=out)

    return Fill(run, work != dtype)


def _plan(node: Node, x_shape: Any, w_shape: Any) -> Conv:
    dtype = numpy_dtype(node.inputs[0].aval.dtype)
    geometry = Geometry.of_conv(x_shape, w_shape, node.static)
    return Conv(np, geometry, dtype, lasting=True)


def _conv(node: Node) -> Run:
    return _plan(node, node.inputs[0].aval.shape, node.inputs[1].aval.shape).forward


def _conv_input_grad(node: Node) -> Run:
    plan = _plan(node, node.static["input_shape"], node.inputs[1].aval.shape)
    return plan.input_grad


def _conv_filter_grad(node: Node) -> Run:
    plan = _plan(node, node.inputs[0].aval.shape, node.static["kernel_shape"])
    return plan.filter_grad


def _pool(node: Node, x_shape: Any) -> Pool:
    static = node.static
    return Pool(x_shape, static["window"], static["strides"], static["padding"])


def _widened(pool: Pool, x: Array, fill: Any, scratch: Scratch, name: str) -> Array:
    if not pool.padded:
        return x
    wide = scratch.get(name, (x.shape[0], *pool.padded_shape[1:]), x.dtype)
    wide.fill(fill)
    wide[pool.inner] = x
    return wide


def _by_samples(batch: int, size: int, work: Callable[..., None]) -> Run:
    """`work(scratch, *arrays)` for some samples of a batch at a time.

    `size` is the elements that it goes over for a sample; each place in a window reads the
    same few arrays.
    """
    count = -(-batch * size // _BLOCK)
    if batch * size >= _SHARED:  # as many for each thread
        count = -(-count // lanes()) * lanes()
    step = max(1, -(-batch // max(1, count)))
    blocks = [slice(at, at + step) for at in range(0, batch, step)]
    scratch: dict[int, Scratch] = {}

    def run(*given: Array) -> None:
        def on(lane: int, number: int) -> None:
            work(scratch[lane], *(a[blocks[number]] for a in given))

        shared = batch * size >= _SHARED and len(blocks) > 1
        if (
            len(scratch) < (lanes() if shared else 1) and blocks
        ):  # whoever comes to help in later runs finds memory made
            for lane in range(lanes() if shared else 1):
                scratch.setdefault(lane, Scratch())
                on(lane, 0)
        share(len(blocks), on, shared)

    return run


def _near(pool: Pool, wide: Array, shape: Any, scratch: Scratch) -> list[Array]:
    """For each place in the window, what is there: copied to where it lies side by side."""
    seen = [wide[place] for place in pool.places]
    if len(seen) > _GATHERED:
        return seen
    copies = scratch.get("near", (len(seen), *shape), wide.dtype)
    for copy, place in zip(copies, seen, strict=True):
        copy_runs(np, copy, place)
    return list(copies)


def _max_pool(node: Node) -> Run:
    shape = node.inputs[0].aval.shape
    pool = _pool(node, shape)

    def work(scratch: Scratch, x: Array, out: Array) -> None:
        wide = _widened(pool, x, lowest(x.dtype), scratch, "wide")
        _reduce(np.maximum, _near(pool, wide, out.shape, scratch), out)

    return _by_samples(shape[0], math.prod(pool.out_shape[1:]), work)


def _reduce(ufunc: Any, arrays: list[Array], out: Array) -> None:
    """`ufunc` over all arrays in order, into `out`."""
    first, *rest = arrays
    if not rest:
        np.copyto(out, first)
    for number, array in enumerate(rest):
        ufunc(first if number == 0 else out, array, out=out)


def _max_pool_grad(node: Node) -> Run:
    x_aval = node.inputs[0].aval
    pool = _pool(node, x_aval.shape)
    inside = pool.inside(np)
    bits = INTS[numpy_dtype(x_aval.dtype).itemsize]
    spatial = x_aval.shape[1:-1]
    whole = pool.disjoint and pool.covers(spatial, node.static["window"])

    def spread(scratch: Scratch, x: Array, dy: Array, out: Array) -> None:
        wide = _widened(pool, x, lowest(x.dtype), scratch, "wide")
        target = out
        if pool.padded:
            target = scratch.get("target", wide.shape, x.dtype)
        if not whole:
            target.fill(0)
        peak = scratch.get("peak", dy.shape, x.dtype)
        left = scratch.get("left", dy.shape, np.bool_)
        hit = scratch.get("hit", dy.shape, np.bool_)
        part = scratch.get("part", dy.shape, x.dtype)
        byte, mask, given = hit.view(np.int8), part.view(bits), dy.view(bits)
        near = _near(pool, wide, dy.shape, scratch)
        _reduce(np.maximum, near, peak)
        left.fill(True)
        for place, seen, real in zip(pool.places, near, inside, strict=True):
            np.equal(seen, peak, out=hit)
            np.logical_and(hit, left, out=hit)
            if real is not None:
                np.logical_and(hit, real, out=hit)
            np.logical_xor(left, hit, out=left)
            np.negative(byte, out=byte)
            np.copyto(mask, byte)
            np.bitwise_and(given, mask, out=mask)
            if pool.disjoint:
                copy_runs(np, target[place], part)
            else:
                target[place] += part
        if pool.padded:
            np.copyto(out, target[pool.inner])

    return _by_samples(x_aval.shape[0], math.prod(pool.out_shape[1:]), spread)


def _sum_pool(node: Node) -> Run:
    shape = node.inputs[0].aval.shape
    pool = _pool(node, shape)

    def work(scratch: Scratch, x: Array, out: Array) -> None:
        wide = _widened(pool, x, 0, scratch, "wide")
        _reduce(np.add, _near(pool, wide, out.shape, scratch), out)

    return _by_samples(shape[0], math.prod(pool.out_shape[1:]), work)


def _sum_pool_grad(node: Node) -> Run:
    shape = node.static["input_shape"]
    pool = _pool(node, shape)
    whole = pool.disjoint and pool.covers(shape[1:-1], node.static["window"])

    def work(scratch: Scratch, dy: Array, out: Array) -> None:
        target = out
        if pool.padded:
            wide = (dy.shape[0], *pool.padded_shape[1:])
            target = scratch.get("target", wide, dy.dtype)
        if not whole:
            target.fill(0)
        for place in pool.places:
            if pool.disjoint:
                copy_runs(np, target[place], dy)
            else:
                target[place] += dy
        if pool.padded:
            np.copyto(out, target[pool.inner])

    return _by_samples(shape[0], math.prod(shape[1:]), work)


def _row_sums(x: Array, axis: int, out: Array) -> None:
    """Sums along `axis`, kept as 1; short rows by BLAS, which has no cost per row."""
    n = x.shape[axis]
    if axis == x.ndim - 1 and n < 64 and x.dtype.kind == "f" and x.size:
        np.matmul(x.reshape(-1, n), np.ones(n, x.dtype), out=out.reshape(-1))
    else:
        np.add.reduce(x, axis=axis, keepdims=True, out=out)


def _centre(x: Array, axis: int, out: Array, peak: Array) -> None:
    np.maximum.reduce(x, axis=axis, keepdims=True, out=peak)
    np.subtract(x, peak, out=out)


def _softmax(node: Node) -> Run:
    axis = node.static["axis"]
    scratch = Scratch()

    def run(x: Array, out: Array) -> None:
        shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
        peak = scratch.get("peak", shape, x.dtype)
        _centre(x, axis, out, peak)
        np.exp(out, out=out)
        _row_sums(out, axis, peak)
        np.divide(out, peak, out=out)

    return run


def _log_softmax(node: Node) -> Run:
    axis = node.static["axis"]
    scratch = Scratch()

    def run(x: Array, out: Array) -> None:
        shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
        peak = scratch.get("peak", shape, x.dtype)
        _centre(x, axis, out, peak)
        e = scratch.get("e", x.shape, x.dtype)
        np.exp(out, out=e)
        _row_sums(e, axis, peak)
        np.log(peak, out=peak)
        np.subtract(out, peak, out=out)

    return run


def _cross_entropy(node: Node) -> Run:
    axis = node.inputs[0].aval.ndim - 1
    scratch = Scratch()

    def run(x: Array, target: Array, out: Array) -> None:
        peak = scratch.get("peak", (*x.shape[:-1], 1), x.dtype)
        shifted = scratch.get("shifted", x.shape, x.dtype)
        e = scratch.get("e", x.shape, x.dtype)
        _centre(x, axis, shifted, peak)
        np.exp(shifted, out=e)
        _row_sums(e, axis, peak)
        np.log(peak, out=peak)
        np.subtract(shifted, peak, out=shifted)
        low = scratch.get("low", x.shape, np.dtype(bool))
        np.equal(shifted, -np.inf, out=low)
        if low.any():
            shifted[low & (target == 0)] = 0  # none of infinity is 0
        np.multiply(shifted, target, out=shifted)
        _row_sums(shifted, axis, peak)
        np.negative(peak[..., 0], out=out)

    return run


def _pad(node: Node) -> Run:
    widths = node.static["widths"]
    sizes = zip(node.inputs[0].aval.shape, widths, strict=True)
    inner = tuple(slice(lo, lo + d) for d, (lo, _) in sizes)

    def run(x: Array, value: Array, out: Array) -> None:
        np.copyto(out, value)
        out[inner] = x

    return run


def _pad_strided(node: Node) -> Run:
    static = node.static
    place = slices(static["starts"], static["stops"], static["steps"])

    def run(g: Array, out: Array) -> None:
        out.fill(0)
        out[place] = g

    return run


def _concat(node: Node) -> Run:
    axis = node.static["axis"]

    def run(*arrays: Array) -> None:
        *parts, out = arrays
        np.concatenate(parts, axis=axis, out=out)

    return run


def _take(node: Node) -> Run:
    axis = node.static["axis"]

    def run(x: Array, indices: Array, out: Array) -> None:
        np.take(x, indices, axis=axis, out=out, mode="clip")
        fill_outside(out, indices, x.shape[axis], axis)

    return run


BUILDERS: dict[str, Callable[[Node], Run | Fill]] = {
    "matmul": _matmul,
    "conv": _conv,
    "conv_input_grad": _conv_input_grad,
    "conv_filter_grad": _conv_filter_grad,
    "max_pool": _max_pool,
    "max_pool_grad": _max_pool_grad,
    "sum_pool": _sum_pool,
    "sum_pool_grad": _sum_pool_grad,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "softmax_cross_entropy_with_logits": _cross_entropy,
    "pad": _pad,
    "pad_strided": _pad_strided,
    "concat": _concat,
    "take": _take,
    **dict.fromkeys(FILLS, prepared),
}
# Builders that also serve the 16 bit floats; the others leave them to the kernels,
# which accumulate in float32.
ANY_FLOAT = frozenset(
    ("matmul", "conv", "conv_input_grad", "conv_filter_grad", "max_pool", "pad")
) | {"pad_strided", "concat", "take"}
