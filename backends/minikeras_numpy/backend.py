"""The NumPy backend: kernels, memory, and lowering to prepared ufunc calls."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.extend import Aval, Backend, Node, Shape, Step, Value, numpy_dtype
from minikeras_numpy import lowering
from minikeras_numpy.common import bare
from minikeras_numpy.contract import of_matrices
from minikeras_numpy.recycling import RESULTS
from minikeras_numpy.settled import settled
from minikeras_numpy.table import build_table

_ALIGN = 64
# Copies of so many bytes begin at a cache line.
_LARGE = 1 << 16


@functools.cache
def _zero(dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    return np.zeros((), dtype)


class NumpyBackend(Backend):
    """Everything in NumPy; other CPU backends inherit it and override what pays."""

    name = "numpy"
    exact_draws = True
    fresh_results = True
    array_type = np.ndarray

    def __init__(self) -> None:
        self.kernels = build_table(np, settled)
        maximum = self.kernels["maximum"]
        self.shortcuts = {"relu": lambda x: maximum(x, _zero(x.dtype))}

    def describe(self) -> dict[str, str]:
        built: Any = np.show_config(mode="dicts")
        blas = built.get("Build Dependencies", {}).get("blas", {})
        return {
            "BLAS": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
        }

    def kernel_for(self, name: str, avals: Sequence[Aval]) -> Callable[..., Any] | None:
        """What an eager call of a row on arrays of these shapes runs."""
        return self.eager_kernel(name)

    def prepared(
        self, name: str, static: Mapping[str, Any], avals: Sequence[Aval], out: Aval
    ) -> Callable[..., Any]:
        kernel = self.kernel_for(name, avals)
        if name == "matmul":
            product = of_matrices(static, avals)
            if product is not None:
                return settled(product)
        if name == "relu" and out.shape:
            zero = _zero(numpy_dtype(out.dtype))
            return lambda x: np.maximum(x, zero)
        function = None if kernel is None else bare(kernel)
        if function is None or not out.shape:  # which may be a scalar of NumPy's
            return super().prepared(name, static, avals, out)
        return functools.partial(function, **static) if static else function

    def from_host(self, array: np.ndarray[Any, Any]) -> Any:
        return array

    def to_host(self, array: Any) -> np.ndarray[Any, Any]:
        return array  # type: ignore[no-any-return]  # its own array

    def copy(self, array: Any) -> Any:
        if array.nbytes < _LARGE:
            return np.array(array, order="C")
        memory = self.alloc(array.nbytes)
        made = np.ndarray(array.shape, array.dtype, memory)
        made[...] = array
        return made

    def alloc(self, nbytes: int) -> Any:
        raw = np.empty(nbytes + _ALIGN, dtype=np.uint8)
        start = -raw.ctypes.data % _ALIGN
        return raw[start : start + nbytes]

    def view(self, buffer: Any, offset: int, shape: Shape, dtype: str) -> Any:
        return np.ndarray(shape, numpy_dtype(dtype), buffer, offset)

    def fresh(self, shape: Shape, dtype: str) -> Any:
        return RESULTS.empty(shape, numpy_dtype(dtype))

    def fusible(self, node: Node) -> bool:
        return lowering.fusible(node)

    strided_products = True

    def has_epilogues(self, node: Node) -> bool:
        moved = node.static.get("perm_out")  # rows that do not lie one after the other
        return node.prim in lowering.EPILOGUE_CORES and not moved and not node.for_numpy

    def lower(self, node: Node, regs: Mapping[Value, int]) -> Step:
        return lowering.lower(self.kernels, node, regs)
