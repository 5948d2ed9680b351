"""CUDA source of a scatter that adds, in an order that never changes."""

from __future__ import annotations

from minikeras_cupy.fused import Kernel, kernel_of
from minikeras_cupy.source import CTYPES


def add_rows(shape: tuple[int, int], count: int, dtype: str) -> Kernel:
    """(rows, order, values, out): `out[rows[k]] += values[order[k]]`, rows ascending.

    One thread makes one element of `out`: it finds its first row by bisection and adds
    the values one after the other, so that sums never depend on timing.

    Args:
        shape: Of `out`, (rows, width).
        count: How many rows are added.
        dtype: Of `out` and `values`; none of the 16 bit floats.
    """
    t = CTYPES[dtype]
    height, width = shape
    body = f"""
    const i64 row = (i64)(i / {max(width, 1)}ull), c = (i64)(i % {max(width, 1)}ull);
    i64 low = 0, high = {count};
    while (low < high) {{
      const i64 middle = (low + high) / 2;
      if (rows[middle] < row) low = middle + 1; else high = middle;
    }}
    {t} sum = out[i];
    for (; low < {count} && rows[low] == row; ++low) sum += values[order[low] * {width} + c];
    out[i] = sum;"""
    params = f"const i64* rows, const i64* order, const {t}* values, {t}* out"
    return kernel_of("add_rows", params, height * width, body, (dtype,))
