"""Reductions, scans and sorting."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras_numpy.common import Array, Table, arrays, to, work_dtype
from minikeras_numpy.sorting import sorted_order, sorted_values

Axes = tuple[int, ...]
_total: Any = np.add.reduce


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""
    own = {**_folds(xp), **_scans_and_orders(xp)}
    return {name: arrays(xp, kernel) for name, kernel in own.items()}


def _folds(xp: Any) -> Table:
    def sum_(x: Array, *, axes: Axes, keepdims: bool) -> Array:
        work = work_dtype(x.dtype)
        if xp is np:  # without the way there, which takes longer than a small sum
            total = _total(x, axes, work, keepdims=keepdims)
        else:
            total = xp.sum(x, axis=axes, dtype=work, keepdims=keepdims)
        return to(total, x.dtype)

    def prod(x: Array, *, axes: Axes, keepdims: bool) -> Array:
        total = xp.prod(x, axis=axes, dtype=work_dtype(x.dtype), keepdims=keepdims)
        return to(total, x.dtype)

    def max_(x: Array, *, axes: Axes, keepdims: bool) -> Array:
        return xp.max(x, axis=axes, keepdims=keepdims) if axes else x

    def min_(x: Array, *, axes: Axes, keepdims: bool) -> Array:
        return xp.min(x, axis=axes, keepdims=keepdims) if axes else x

    def any_(x: Array, *, axes: Axes, keepdims: bool) -> Array:
        return xp.any(x, axis=axes, keepdims=keepdims)

    def all_(x: Array, *, axes: Axes, keepdims: bool) -> Array:
        return xp.all(x, axis=axes, keepdims=keepdims)

    return {
        "sum": sum_,
        "prod": prod,
        "max": max_,
        "min": min_,
        "any": any_,
        "all": all_,
    }


def _scans_and_orders(xp: Any) -> Table:
    def indices(size: int) -> Any:
        return xp.int32 if size <= 1 << 31 else xp.int64

    def argmax(x: Array, *, axis: int) -> Array:
        return to(xp.asarray(xp.argmax(x, axis=axis)), indices(x.shape[axis]))

    def argmin(x: Array, *, axis: int) -> Array:
        return to(xp.asarray(xp.argmin(x, axis=axis)), indices(x.shape[axis]))

    def scan(function: Any) -> Any:
        def kernel(x: Array, *, axis: int, reverse: bool = False) -> Array:
            if reverse:
                x = xp.flip(x, axis)
            total = to(function(x, axis=axis, dtype=work_dtype(x.dtype)), x.dtype)
            return xp.flip(total, axis) if reverse else total

        return kernel

    def sort(x: Array, *, axis: int) -> Array:
        if xp is np:
            return sorted_values(x, axis)
        return xp.sort(x, axis=axis, kind="stable")

    def argsort(x: Array, *, axis: int) -> Array:
        if xp is np:
            order = sorted_order(x, axis)
        else:
            order = xp.argsort(x, axis=axis, kind="stable")
        return order.astype(indices(x.shape[axis]))

    return {
        "argmax": argmax,
        "argmin": argmin,
        "cumsum": scan(xp.cumsum),
        "cumprod": scan(xp.cumprod),
        "sort": sort,
        "argsort": argsort,
    }
