"""CuPy as the generic kernels need it: NumPy's interface where CuPy's differs.

The kernels of `minikeras_numpy` take this in place of NumPy. What is not named here is
CuPy's own.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import numpy as np

from minikeras_cupy.launch import Launcher
from minikeras_cupy.scatter import add_rows

Array = Any


class Namespace:
    """The module cupy, with ours in place of what it does otherwise than NumPy.

    Args:
        cp: The module cupy.
        launch: Runs generated kernels.
    """

    def __init__(self, cp: Any, launch: Launcher) -> None:
        self._cp = cp
        self.add = _Add(cp, launch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cp, name)

    @property
    def linalg(self) -> Any:
        """Decompositions that fail where NumPy's do: CuPy's give numbers of no meaning."""
        return _Linalg(self._cp)

    def where(self, condition: Array, a: Array, b: Array) -> Array:
        """CuPy's has no loop for bfloat16, and gives float32: here its bits are chosen."""
        halves = [x for x in (a, b) if _is_bfloat16(x)]
        if not halves:
            return self._cp.where(condition, a, b)
        kind = halves[0].dtype
        bits = [self._as(x, kind).view("uint16") for x in (a, b)]
        return self._cp.where(condition, *bits).view(kind)

    def _as(self, x: Array, kind: Any) -> Array:
        """`x` as an array of a dtype, in C order."""
        x = self._cp.asarray(x)
        return self._cp.ascontiguousarray(x.astype(kind)).reshape(x.shape)

    def sort(self, x: Array, *, axis: int, kind: str | None = None) -> Array:
        """bfloat16 by way of float32, which holds all of it."""
        if not _is_bfloat16(x):
            return self._cp.sort(x, axis=axis, kind=kind)
        wide = self._cp.sort(x.astype("float32"), axis=axis, kind=kind)
        return wide.astype(x.dtype)

    def argsort(self, x: Array, *, axis: int = -1, kind: str | None = None) -> Array:
        """The same order as of float32."""
        x = x.astype("float32") if _is_bfloat16(x) else x
        return self._cp.argsort(x, axis=axis, kind=kind)


@functools.cache
def _say_once(text: str) -> None:
    logging.getLogger("minikeras").info(text)


def _is_bfloat16(x: Any) -> bool:
    dtype = getattr(x, "dtype", None)
    return dtype is not None and dtype.name == "bfloat16"


class _Linalg:
    """`cupy.linalg`, told to raise LinAlgError; what an old cuSOLVER lacks is NumPy's."""

    def __init__(self, cp: Any) -> None:
        self._cp, self._module = cp, cp.linalg

    def eig(self, x: Array) -> tuple[Array, Array]:
        """Eigenvalues and vectors; on the host where the device has no function."""
        try:
            found: tuple[Array, Array] = self.__getattr__("eig")(x)
        except (AttributeError, NotImplementedError, RuntimeError) as error:
            _say_once(f"eig is computed on the host, by NumPy: {error}")
            w, v = np.linalg.eig(x.get())
            return self._cp.asarray(w), self._cp.asarray(v)
        return found

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._module, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            import cupyx

            with cupyx.errstate(linalg="raise"):
                return function(*args, **kwargs)

        return call


class _Add:
    """`add` and `add.at`; CuPy's `at` knows few dtypes, and sums in no fixed order."""

    def __init__(self, cp: Any, launch: Launcher) -> None:
        self._cp = cp
        self._launch = launch

    def __call__(self, *args: Any, **kwargs: Any) -> Array:
        return self._cp.add(*args, **kwargs)

    def at(self, out: Array, rows: Array, values: Array) -> None:
        """`out[rows[i]] += values[i]` for matrices `out` and `values`."""
        order = self._cp.argsort(rows, kind="stable").astype("int64")
        kernel = add_rows(out.shape, rows.size, out.dtype.name)
        rows = rows[order].astype("int64")
        self._launch(kernel, rows, order, self._cp.ascontiguousarray(values), out)
