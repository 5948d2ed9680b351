"""From a user's function to an entry for native calls, and where Numba keeps its code.

The entry is a Python function that Numba compiles too: it makes arrays of the addresses in
the registers and of the sizes in the meta, and calls the user's function. It lies in a file
of the kernel cache, named by all that it depends on, so that Numba's own cache serves the
entry with the user's function in it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from minikeras_kernels import objects

# The meta's first words: the step's number for failures, the meta's own address.
NUMBER, OWN, FIRST = 0, 1, 2
Kinds = Sequence[tuple[str, int]]  # of an array: its dtype and its rank


def entry_text(
    arrays: Kinds, numbers: Sequence[tuple[str, str]], fixed: Sequence[str], rows: bool
) -> str:
    """The entry's source.

    Args:
        arrays: Of the arrays and results, in order.
        numbers: Static parameters that stand in the meta: name, and "int" or "float".
        fixed: Static parameters that are constants, `fixed_NAME` in the module.
        rows: Whether the function takes the rows that it writes.
    """
    at, words = FIRST + len(arrays), []
    for i, (dtype, rank) in enumerate(arrays):
        sizes = "".join(f"meta[{at + axis}], " for axis in range(rank))
        at += rank
        words.append(f"carray(point(regs[meta[{FIRST + i}]], {dtype}), ({sizes}))")
    if rows:
        words += ["start=start", "stop=stop"]
    for place, (name, kind) in enumerate(numbers, at):
        value = f"meta[{place}]"
        words.append(f"{name}={value if kind == 'int' else f'point({own(place)})[0]'}")
    words += [f"{name}=fixed_{name}" for name in fixed]
    call = ",\n            ".join(words)
    return (
        "def entry(regs, meta, start, stop, thread, threads):\n"
        "    try:\n"
        f"        kernel(\n            {call},\n        )\n"
        "    except Exception:\n"
        f"        regs[-1] = meta[{NUMBER}]\n"
    )


def own(place: int) -> str:
    """Arguments of `point` for a float in the meta."""
    return f"meta[{OWN}] + {8 * place}, float64"


def digest(function: types.FunctionType, about: object) -> str | None:
    """What the code of a function depends on; None where that cannot be told."""
    found = hashlib.blake2b(repr(about).encode(), digest_size=20)
    try:
        for part in _parts(function, set()):
            found.update(part.encode() + b"\0")
    except _Untold:
        return None
    return found.hexdigest()


class _Untold(Exception):
    """Something that a function uses and that has no text."""


def _parts(function: types.FunctionType, seen: set[int]) -> Iterator[str]:
    if id(function) in seen:
        return
    seen.add(id(function))
    yield from _code_parts(function.__code__)
    yield repr((function.__defaults__, function.__kwdefaults__))
    cells = zip(function.__code__.co_freevars, function.__closure__ or ())
    known = {name: cell.cell_contents for name, cell in cells}
    names = sorted(_names(function.__code__))
    known |= {n: function.__globals__[n] for n in names if n in function.__globals__}
    for name, value in known.items():
        yield name
        yield from _value_parts(value, seen)


def _code_parts(code: types.CodeType) -> Iterator[str]:
    yield repr((code.co_code, code.co_names, code.co_varnames, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code_parts(constant)
        else:
            yield repr(constant)


def _names(code: types.CodeType) -> set[str]:
    inner = (_names(c) for c in code.co_consts if isinstance(c, types.CodeType))
    return set(code.co_names).union(*inner)


def _value_parts(value: Any, seen: set[int]) -> Iterator[str]:
    compiled = getattr(value, "py_func", None)
    if isinstance(
        value, (bool, int, float, complex, str, bytes, type(None), np.generic)
    ):
        yield repr(value)
    elif isinstance(value, tuple):
        for part in value:
            yield from _value_parts(part, seen)
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        yield repr((value.dtype.str, value.shape, value.tobytes()))
    elif isinstance(value, types.ModuleType):
        yield value.__name__
    elif compiled is not None:
        yield repr(value.targetoptions)
        yield from _parts(compiled, seen)
    elif isinstance(value, types.FunctionType) and value.__module__ in (
        "numpy",
        "math",
    ):
        yield value.__qualname__
    elif isinstance(value, (types.BuiltinFunctionType, type, np.ufunc)):
        yield f"{getattr(value, '__module__', '')}.{value.__name__}"
    else:
        raise _Untold


def load(text: str, name: str | None, inside: dict[str, Any]) -> tuple[Any, bool]:
    """The entry's function, and whether it lies in a file that Numba's cache may go by."""
    folder = _folder()
    if name is None or folder is None:
        made: dict[str, Any] = dict(inside)
        exec(compile(text, "<entry>", "exec"), made)
        return made["entry"], False
    path = folder / f"entry_{name}.py"
    if not path.is_file() or path.read_text("utf-8") != text:
        objects.write_text(path, text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        return load(text, None, inside)
    module = importlib.util.module_from_spec(spec)
    vars(module).update(inside)
    sys.modules[path.stem] = module  # where what comes from Numba's cache looks for it
    spec.loader.exec_module(module)
    return module.entry, True


@functools.cache
def _folder() -> Path | None:
    root = objects.root()
    folder = None if root is None else root / "numba-user"
    return folder if folder is not None and objects.usable(folder) else None
