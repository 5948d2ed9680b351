"""CUDA sources of im2col and col2im.

Layouts are channels-last; one to three spatial axes are written as three, with
leading ones. Sizes are words of a launch: one kernel serves them all. Every kernel gathers: one thread makes
one element of the result in a fixed order, so that nothing needs atomics and the
bits never depend on timing.
"""

# ruff: noqa: E501 - lines of C in texts
from __future__ import annotations

import math
from collections.abc import Sequence

from minikeras_numpy.windows import Geometry, Ints

from minikeras_cupy.ctext import (
    CTYPES,
    KernelText,
    compute_type,
    kernel_of,
    load,
    store,
)


def _sizes(geometry: Geometry) -> dict[str, int]:
    """The sizes by their names in C: Input, Output, Window, Stride, Padding, Dilation."""
    rows = {
        "I": _three(geometry.spatial, 1),
        "O": _three(geometry.out, 1),
        "W": _three(geometry.window, 1),
        "S": _three(geometry.strides, 1),
        "P": _three([lo for lo, _ in geometry.padding], 0),
        "D": _three(geometry.dilation, 1),
    }
    named = {f"{k}{i}": v for k, row in rows.items() for i, v in enumerate(row)}
    return {**named, "N": geometry.batch, "C": geometry.channels}


def _three(values: Sequence[int], fill: int) -> Ints:
    return (fill,) * (3 - len(values)) + tuple(values)


_COVERING_LOOP = """
  for (ix w0 = 0; w0 < W0; ++w0) { const ix t0 = p0 + P0 - w0 * D0; if (t0 < 0 || t0 % S0 || t0 / S0 >= O0) continue;
  for (ix w1 = 0; w1 < W1; ++w1) { const ix t1 = p1 + P1 - w1 * D1; if (t1 < 0 || t1 % S1 || t1 / S1 >= O1) continue;
  for (ix w2 = 0; w2 < W2; ++w2) { const ix t2 = p2 + P2 - w2 * D2; if (t2 < 0 || t2 % S2 || t2 / S2 >= O2) continue;
    const ix o0 = t0 / S0, o1 = t1 / S1, o2 = t2 / S2;
"""
_IN_COORDINATES = """
    ix r = i;
    const ix c = r % C; r /= C; const ix p2 = r % I2; r /= I2; const ix p1 = r % I1; r /= I1;
    const ix p0 = r % I0; const ix n = r / I0;
"""
_ENDS = "  }}}\n"


def _kernel(
    kind: str,
    geometry: Geometry,
    arrays: Sequence[tuple[str, str]],
    threads: int,
    body: str,
    more: dict[str, int],
) -> KernelText:
    largest = max(_size(geometry, geometry.spatial), _size(geometry, geometry.out))
    sizes = {**_sizes(geometry), **more}
    largest *= math.prod(geometry.window)
    return kernel_of(kind, arrays, sizes, threads, body, largest)


def _size(geometry: Geometry, shape: Ints) -> int:
    total = geometry.batch * geometry.channels
    for d in shape:
        total *= d
    return total


def _columns(geometry: Geometry) -> tuple[int, int]:
    """Elements of a window in one group, and channels of a group."""
    return math.prod(geometry.window) * geometry.depth, geometry.depth


def im2col(geometry: Geometry, dtype: str) -> KernelText:
    """(x, cols): windows as rows, (groups, batch * out, window * depth)."""
    t = CTYPES[dtype]
    reach, depth = _columns(geometry)
    rows = _size(geometry, geometry.out) // geometry.channels
    body = f"""
    ix r = i;
    const ix k = r % reach; r /= reach; const ix row = r % rows; const ix g = r / rows;
    const ix c = g * depth + k % depth; ix w = k / depth;
    const ix w2 = w % W2; w /= W2; const ix w1 = w % W1; const ix w0 = w / W1;
    ix o = row; const ix o2 = o % O2; o /= O2; const ix o1 = o % O1; o /= O1;
    const ix o0 = o % O0; const ix n = o / O0;
    const ix p0 = o0 * S0 - P0 + w0 * D0, p1 = o1 * S1 - P1 + w1 * D1, p2 = o2 * S2 - P2 + w2 * D2;
    const bool inside = p0 >= 0 && p0 < I0 && p1 >= 0 && p1 < I1 && p2 >= 0 && p2 < I2;
    cols[i] = inside ? x[(((n * I0 + p0) * I1 + p1) * I2 + p2) * C + c] : {t}();"""
    return _kernel(
        "im2col",
        geometry,
        [(t, "x"), (t, "cols")],
        geometry.groups * rows * reach,
        body,
        {"reach": reach, "depth": depth, "rows": rows},
    )


def col2im(geometry: Geometry, dtype: str) -> KernelText:
    """(cols, x): the transpose of `im2col`; each element sums the rows that hold it."""
    t, kind = CTYPES[dtype], compute_type(dtype)
    reach, depth = _columns(geometry)
    rows = _size(geometry, geometry.out) // geometry.channels
    place = (
        "((c / depth) * rows + ((n * O0 + o0) * O1 + o1) * O2 + o2) * reach + "
        "((w0 * W1 + w1) * W2 + w2) * depth + c % depth"
    )
    body = (
        f"{_IN_COORDINATES}    {kind} sum = 0;\n{_COVERING_LOOP}"
        f"    sum += {load(dtype, f'cols[{place}]')};\n{_ENDS}    x[i] = {store(dtype, 'sum')};"
    )
    arrays = [(t, "cols"), (t, "x")]
    sizes = {"reach": reach, "depth": depth, "rows": rows}
    threads = _size(geometry, geometry.spatial)
    return _kernel("col2im", geometry, arrays, threads, body, sizes)
