"""Kernels written by hand as CUDA C++: how dtypes are stored and computed in them.

float16 and bfloat16 are loaded as float and rounded when stored. A kernel's text names
its words: addresses, numbers, and last the number of threads. So one text serves all
sizes, and counts in 32 bits where they are enough.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

CTYPES = {
    "bool": "bool",
    "int8": "i8",
    "uint8": "u8",
    "int16": "i16",
    "uint16": "u16",
    "int32": "i32",
    "uint32": "u32",
    "int64": "i64",
    "uint64": "u64",
    "float16": "f16",
    "bfloat16": "b16",
    "float32": "float",
    "float64": "double",
}
HALVES = ("float16", "bfloat16")
# Indices are stepped by the whole grid, and must not overflow at the end.
_NARROW = 2**31 - 2**25


class KernelText(NamedTuple):
    """A kernel for some sizes: its name and text, which know none of them, and they.

    `numbers` stand behind the addresses of the arrays; `threads` is the last word.
    """

    name: str
    text: str
    numbers: tuple[int, ...]
    threads: int


def compute_type(dtype: str) -> str:
    """The C type in which values of `dtype` are computed."""
    return "float" if dtype in HALVES else CTYPES[dtype]


def load(dtype: str, expression: str) -> str:
    """A stored element as its compute type."""
    return f"half_to_float({expression})" if dtype in HALVES else expression


def store(dtype: str, expression: str) -> str:
    """A computed value as it is stored."""
    if dtype == "float16":
        return f"float_to_half({expression})"
    return f"float_to_bf16({expression})" if dtype == "bfloat16" else expression


def kernel_of(
    kind: str,
    arrays: Sequence[tuple[str, str]],
    sizes: dict[str, int],
    threads: int,
    body: str,
    largest: int = 0,
) -> KernelText:
    """A kernel that runs `body` for each index `i` below `threads`.

    Args:
        kind: What it does, for its name.
        arrays: For each array its C type and its name, in the order of the call.
        sizes: Names and values of the numbers that the body uses.
        threads: How many indices.
        body: C++; whole numbers are of type `ix`.
        largest: Elements of the largest array, if that is more than `threads`.
    """
    count = len(arrays) + len(sizes)
    wide = max(threads, largest, *sizes.values(), 0) >= _NARROW
    lines = [f"  typedef {'i64' if wide else 'i32'} ix;"]
    for at, (what, name) in enumerate(arrays):
        lines.append(f"  {what}* const {name} = ({what}*)words[{at}];")
    for at, name in enumerate(sizes, len(arrays)):
        lines.append(f"  const ix {name} = (ix)words[{at}];")
    lines.append(f"  EACH_INDEX(i, words[{count}]) {{\n{body}\n  }}")
    code = "\n".join(lines)
    digest = hashlib.blake2b(code.encode(), digest_size=8).hexdigest()
    name = f"{kind}_{digest}"
    text = f"GRID({name}, {count + 1}) {{\n{code}\n}}\n"
    return KernelText(name, text, tuple(sizes.values()), threads)
