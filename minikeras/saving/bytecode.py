"""Compiled Python functions in files: only those that this Python's compiler could have made.

The format of compiled code changes with each minor version, and a file does not say which
one wrote it. Code of another version may crash the interpreter, so its instructions are
checked one by one before it may run.
"""

from __future__ import annotations

import dis
import marshal
import opcode
import sys
import types
from functools import cache
from typing import Any

_STARTS = (
    "RESUME",
    "COPY_FREE_VARS",
    "MAKE_CELL",
    "RETURN_GENERATOR",
    "POP_TOP",
    "NOP",
)
_ENDS = ("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_BACKWARD",
         "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_FORWARD")  # fmt: skip
_NAME_FLAGS = 4  # up to two bits beside the number of a name say how it is used


def load_code(data: bytes) -> types.CodeType:
    """The code that `marshal.dumps` wrote.

    Raises:
        ValueError: If it is none of this Python version.
    """
    try:
        code = marshal.loads(data)
    except (ValueError, EOFError, TypeError) as error:
        raise ValueError(_refusal(str(error))) from None
    if not isinstance(code, types.CodeType):
        raise ValueError(_refusal(f"it is {type(code).__name__}"))
    _check(code)
    return code


def _refusal(reason: str) -> str:
    version = ".".join(map(str, sys.version_info[:2]))
    return (
        f"the file holds a compiled function that Python {version} cannot run ({reason}): it "
        "was made by another version of Python. Load it with that version, or pass the "
        "function in custom_objects and give the layer its name."
    )


def _caches(op: int) -> int:
    """How many empty units follow an instruction."""
    known: Any = getattr(opcode, "_inline_cache_entries", ())
    if isinstance(known, dict):  # since 3.13
        return int(known.get(dis.opname[op], 0))
    return int(known[op]) if op < len(known) else 0


@cache
def _comparisons() -> frozenset[int]:
    """The arguments that this version gives to COMPARE_OP; each version has its own."""
    found = set()
    for sign in ("<", "<=", "==", "!=", ">", ">="):
        for text in (f"a {sign} b", f"1 if a {sign} b else 2", f"a {sign} b {sign} c"):
            for step in dis.get_instructions(compile(text, "", "eval")):
                found.add(step.arg if step.opname == "COMPARE_OP" else None)
    return frozenset(arg for arg in found if arg is not None)


def _fits(code: types.CodeType, op: int, argument: int) -> bool:
    """Whether an instruction's argument names something that the code has."""
    local = len(code.co_varnames) + len(code.co_cellvars) + len(code.co_freevars)
    name = dis.opname[op]
    if name == "COMPARE_OP":
        return argument in _comparisons()
    if name.count("_FAST") == 2:  # since 3.13: two of 16 locals
        return argument >> 4 < local and argument & 15 < local
    if op in dis.hasconst:
        return argument < len(code.co_consts)
    if op in dis.hasname:
        return argument < _NAME_FLAGS * len(code.co_names)
    return argument < local if op in dis.haslocal or op in dis.hasfree else True


def _check(code: types.CodeType) -> None:
    """Refuse code with instructions that this version does not have, or not so.

    Raises:
        ValueError: If there are any.
    """
    raw, place, extended, started = code.co_code, 0, 0, False
    name = ""
    while place < len(raw) - 1:
        op, argument = raw[place], raw[place + 1] | extended
        name = dis.opname[op]
        if name.startswith("<") or name == "CACHE":
            raise ValueError(_refusal(f"it has an unknown instruction {op}"))
        if not started and name not in _STARTS:
            raise ValueError(_refusal("it does not begin as functions do"))
        started = started or name == "RESUME"
        extended = argument << 8 if name == "EXTENDED_ARG" else 0
        empty = raw[place + 2 : place + 2 + 2 * _caches(op)]
        if any(empty) or not _fits(code, op, argument):
            raise ValueError(_refusal(f"{name} does not look so here"))
        place += 2 + len(empty)
    if name not in _ENDS or not started:
        raise ValueError(_refusal("it does not end as functions do"))
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            _check(value)
