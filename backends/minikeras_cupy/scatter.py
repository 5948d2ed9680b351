"""CUDA source of a scatter that adds, in an order that never changes."""

from __future__ import annotations

from minikeras_cupy.ctext import CTYPES, KernelText, kernel_of


def add_rows(shape: tuple[int, int], count: int, dtype: str) -> KernelText:
    """(rows, order, values, out): `out[rows[k]] += values[order[k]]`, rows ascending.

    One thread makes one element of `out`: it finds its first row by bisection and adds
    the values one after the other, so that sums never depend on timing.

    Args:
        shape: Of `out`, (rows, width).
        count: How many rows are added.
        dtype: Of `out` and `values`; none of the 16 bit floats.
    """
    what = CTYPES[dtype]
    height, width = shape
    body = f"""
    const ix row = i / width, c = i % width;
    ix low = 0, high = count;
    while (low < high) {{
      const ix middle = (low + high) / 2;
      if (rows[middle] < (i64)row) low = middle + 1; else high = middle;
    }}
    {what} sum = out[i];
    for (; low < count && rows[low] == (i64)row; ++low) sum += values[order[low] * width + c];
    out[i] = sum;"""
    arrays = [("const i64", "rows"), ("const i64", "order")]
    arrays += [(f"const {what}", "values"), (what, "out")]
    sizes = {"width": max(width, 1), "count": count}
    return kernel_of("add_rows", arrays, sizes, height * width, body, count * width)
