"""A user's kernel, compiled by Numba for given dtypes and ranks: an address.

Numba is imported here, when such a kernel is first needed.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from minikeras.extend import (
    Aval,
    BackendError,
    KernelError,
    UserKernel,
    UserRow,
    finish_before_fork,
    pause,
)
from minikeras_numba.machine.jit import Address, stats
from minikeras_numba.user import text

DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "complex64", "complex128"),
)
_OURS = ("parallel", "grain")
_MOST_KEPT = 256


class Compiled(NamedTuple):
    """A kernel for given dtypes, ranks and constants.

    Attributes:
        address: Of a kernel of ours.
        function: The user's, as Numba has it; says what an error was.
        numbers: The static parameters that the meta holds, with "int" or "float".
        keep: What owns the code.
    """

    address: Address
    function: Any
    numbers: tuple[tuple[str, str], ...]
    keep: Any


_lock = threading.RLock()
_kept: OrderedDict[Any, Compiled] = OrderedDict()
finish_before_fork(_lock)  # Numba's own lock cannot be made anew in the child


def compiled(
    row: UserRow, kernel: UserKernel, avals: Sequence[Aval], static: Mapping[str, Any]
) -> Compiled:
    """The kernel for arrays and results such as `avals`.

    Raises:
        KernelError: If it does not compile.
    """
    kinds = tuple((a.dtype, a.ndim) for a in avals)
    numbers = tuple(
        (name, "int" if type(value) is int else "float")
        for name, value in static.items()
        if type(value) in (int, float)
    )
    held = {name for name, _ in numbers}
    fixed = tuple((n, v) for n, v in sorted(static.items()) if n not in held)
    key = id(kernel), kinds, numbers, tuple((n, type(v), v) for n, v in fixed)
    pause()  # to compile takes long: a fork that waits goes first
    with _lock:
        found = _kept.get(key)
        if found is None:
            entry, function = _compile(row, kernel, kinds, numbers, dict(fixed))
            found = Compiled(Address(entry.address), function, numbers, (entry, kernel))
            _kept[key] = found
            while len(_kept) > _MOST_KEPT:
                _kept.popitem(last=False)
        else:
            _kept.move_to_end(key)
    return found


def _compile(
    row: UserRow,
    kernel: UserKernel,
    kinds: text.Kinds,
    numbers: Sequence[tuple[str, str]],
    fixed: Mapping[str, Any],
) -> tuple[Any, Any]:
    """The entry as Numba compiled it, and the user's function."""
    numba = _numba(row)
    function = _dispatcher(row, kernel, numba)
    shared = bool(kernel.options.get("parallel"))
    source = text.entry_text(kinds, numbers, list(fixed), shared)
    dtypes = {dtype for dtype, _ in kinds} | {"float64"}
    inside = {
        "kernel": function,
        "carray": numba.carray,
        "point": _point(),
        **{d: getattr(numba.types, "boolean" if d == "bool" else d) for d in dtypes},
        **{f"fixed_{name}": value for name, value in fixed.items()},
    }
    options = sorted(map(repr, function.targetoptions.items()))
    about = source, sorted(map(repr, fixed.items())), options, numba.__version__
    entry, on_disk = text.load(source, text.digest(function.py_func, about), inside)
    word = numba.types.int64
    words = numba.types.CPointer(word)
    signature = numba.types.void(words, words, word, word, word, word)
    try:
        made = numba.cfunc(signature, cache=on_disk)(entry)
    except numba.core.errors.NumbaError as error:
        shown = ", ".join(f"{d}[{', '.join(':' * n)}]" for d, n in kinds)
        raise KernelError(
            f"op {row.label!r}: its kernel {function.py_func.__qualname__!r} for the backend "
            f"numba does not compile for ({shown}), {dict(fixed)}:\n{error}\nMend it, or "
            "leave it out: the reference runs then."
        ) from error
    if made.cache_hits:
        stats.loaded += 1
    else:
        stats.compiled += 1
    return made, function


def _numba(row: UserRow) -> Any:
    try:
        import numba
    except ImportError as error:
        raise BackendError(
            f"op {row.label!r}: its kernel for the backend numba needs the package numba "
            f"({error}): pip install 'minikeras[numba]'."
        ) from error
    return numba


def installed() -> bool:
    """Whether Numba is there; nothing is imported."""
    return importlib.util.find_spec("numba") is not None


def _dispatcher(row: UserRow, kernel: UserKernel, numba: Any) -> Any:
    """The function as Numba has it."""
    function, options = kernel.function, dict(kernel.options)
    for name in _OURS:
        options.pop(name, None)
    if not hasattr(function, "py_func"):
        return numba.njit(**options)(function)
    if options:
        raise KernelError(
            f"op {row.label!r}: kernel('numba') got {sorted(options)} for a function that "
            "numba.njit made already; pass them there."
        )
    if function.targetoptions.get("parallel"):
        raise KernelError(
            f"op {row.label!r}: its kernel was made with numba.njit(parallel=True), whose "
            "threads are not ours. Pass parallel=True to kernel() instead: the kernel "
            "takes `start` and `stop`, and writes these rows."
        )
    return function


@functools.cache
def _point() -> Any:
    """In Numba's code: the address `word` as a pointer to elements of a dtype."""
    import numba
    from numba.extending import intrinsic

    @intrinsic
    def point(typing: Any, word: Any, dtype: Any) -> Any:
        pointer = numba.types.CPointer(dtype.dtype)

        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            return builder.inttoptr(given[0], context.get_value_type(pointer))

        return pointer(word, dtype), generate

    return point
