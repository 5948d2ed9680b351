"""Kernels that users give for their own ops: functions of CuPy arrays, or CUDA's text."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minikeras.extend import Aval, KernelError, UserRow
from minikeras_cupy.ctext import CTYPES, HALVES, KernelText, kernel_of
from minikeras_cupy.launch import Launcher

Array = Any


def usable(row: UserRow, avals: Sequence[Aval]) -> bool:
    """Whether a row has a kernel for such arrays; texts compute in no 16 bit floats."""
    kernel = row.kernels.get("cupy")
    if kernel is None:
        return False
    text = isinstance(kernel.function, str)
    known = CTYPES.keys() - set(HALVES)
    return not text or all(a.dtype in known for a in avals)


def prepared(
    launch: Launcher, row: UserRow, avals: Sequence[Aval], static: Mapping[str, Any]
) -> Callable[..., None]:
    """What writes a row's results: a function of its arrays and results.

    Raises:
        KernelError: If the kernel does not compile.
    """
    function = row.kernels["cupy"].function
    if not isinstance(function, str):
        return functools.partial(function, **static)
    kernel = kernel_for(row, avals, static)
    try:
        call = launch.grid(kernel, len(avals))
    except RuntimeError as error:
        raise KernelError(
            f"op {row.label!r}: its kernel for the backend cupy does not compile for "
            f"{', '.join(map(str, avals))}:\n{error}"
        ) from error

    def run(*arrays: Array) -> None:
        for i, array in enumerate(arrays):
            call.words[i] = array.data.ptr
        launch.driver.start(call)

    return run if kernel.threads else _nothing


def _nothing(*arrays: Array) -> None:
    """There are no elements."""


def kernel_for(
    row: UserRow, avals: Sequence[Aval], static: Mapping[str, Any]
) -> KernelText:
    """The kernel around a user's text: element `i` of the first result for a thread.

    Sizes and whole numbers are words, so new ones compile nothing; other numbers and bools
    stand in the text.
    """
    body = row.kernels["cupy"].function
    names = (*row.arrays, *row.result_names)
    sizes = {
        f"{name}_{axis}": size
        for name, aval in zip(names, avals)
        for axis, size in enumerate(aval.shape)
    }
    fixed = []
    for name, value in static.items():
        if type(value) is int:
            sizes[name] = value
        elif type(value) is bool:
            fixed.append(f"  const bool {name} = {str(value).lower()};")
        elif type(value) is float:
            fixed.append(f"  const double {name} = {_number(value)};")
    known = [(CTYPES[a.dtype], name) for name, a in zip(names, avals)]
    threads = avals[len(row.arrays)].size
    largest = max(a.size for a in avals)
    return kernel_of("user", known, sizes, threads, "\n".join([*fixed, body]), largest)


def _number(value: float) -> str:
    if value != value or value in (float("inf"), -float("inf")):
        sign = "-" if value < 0 else ""
        return f"({sign}INFINITY_F)" if value == value else "(INFINITY_F - INFINITY_F)"
    return value.hex()
