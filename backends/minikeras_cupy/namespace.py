"""CuPy as the generic kernels need it: NumPy's interface where CuPy's differs.

The kernels of `minikeras_numpy` take this in place of NumPy. What is not named here is
CuPy's own.
"""

from __future__ import annotations

from typing import Any

from minikeras_cupy.launch import Launcher
from minikeras_cupy.scatter import add_rows

Array = Any


class Namespace:
    """The module cupy, with an `add` whose `at` is ours.

    Args:
        cp: The module cupy.
        launch: Runs generated kernels.
    """

    def __init__(self, cp: Any, launch: Launcher) -> None:
        self._cp = cp
        self.add = _Add(cp, launch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cp, name)


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
