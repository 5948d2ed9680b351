"""Runs the text of a CUDA kernel on a processor: a warp's 32 lanes side by side, in step.

The kernel's own text and `scalars.h`, which says what a lane computes, are those that
run on a GPU; what a warp is comes from `lockstep.h`. Needs a C++ compiler.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from minikeras_cupy import render
from minikeras_kernels.code import Code
from minikeras_kernels.group import Place

HERE = Path(__file__).parent
FLAGS = ["-O0", "-w", "-std=c++17", "-fwrapv", "-fPIC", "-ffp-contract=off"]
FLAGS += ["-fno-strict-aliasing"]


def compiler() -> str | None:
    """The C++ compiler, if there is one."""
    return shutil.which("g++") or shutil.which("clang++")


@functools.cache
def folder() -> Path:
    """Where compiled kernels lie while this process lives, with the headers compiled."""
    folder = Path(tempfile.mkdtemp(prefix="lockstep"))
    scalars = (Path(render.__file__).parent / "headers" / "scalars.h").read_text()
    before, warp = (
        (HERE / f"{n}.h").read_text() for n in ("lockstep_before", "lockstep")
    )
    header = folder / "headers.h"
    header.write_text(before + scalars + warp)
    found = compiler()
    assert found is not None
    command = [found, *FLAGS, "-x", "c++-header", str(header), "-o", f"{header}.gch"]
    subprocess.run(command, check=True)
    return folder


_functions: dict[str, Any] = {}
_waiting: dict[str, render.Source] = {}


def later(source: render.Source) -> None:
    """Compile a kernel with others, when one of them is called first."""
    if source.name not in _functions:
        _waiting[source.name] = source


def build(sources: Iterable[render.Source]) -> None:
    """Compile those kernels that are new, all in one go: a compiler's start is dear."""
    asked = [*_waiting.values(), *sources]
    _waiting.clear()
    fresh = {s.name: s for s in asked if s.name not in _functions}
    if not fresh:
        return
    made = ctypes.CDLL(str(library("".join(s.text for s in fresh.values()))))
    _functions.update({name: getattr(made, name) for name in fresh})


_numbers = itertools.count()


def library(text: str) -> Path:
    """A shared library of kernels; its path."""
    where = folder()
    stem = where / f"part{next(_numbers)}"
    stem.with_suffix(".cpp").write_text(f'#include "headers.h"\n{text}')
    command = [str(compiler()), *FLAGS, "-I", str(where), "-shared"]
    done = subprocess.run(
        [*command, "-o", str(stem.with_suffix(".so")), str(stem.with_suffix(".cpp"))],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[:4000]
    return stem.with_suffix(".so")


class Call:
    """A kernel over its units; `words` are numbers, arrays, or places that have one."""

    def __init__(self, code: Code, words: Sequence[Any], units: int) -> None:
        self.source = render.source(code, len(words))
        self.keep = words
        self.table = np.zeros(len(words) + 1, np.int64)
        for i, word in enumerate(words):
            array = word.array if isinstance(word, Place) else word
            address = isinstance(array, np.ndarray)
            self.table[i] = array.ctypes.data if address else array
        self.table[-1] = units

    def __call__(self, warps: int = 3) -> None:
        build([self.source])
        call(self.source.name, self.table, warps)


def call(name: str, words: np.ndarray[Any, Any], warps: int = 3) -> None:
    """Run a kernel on its words, by so many warps."""
    if name not in _functions:
        build([])
    pointer = ctypes.c_void_p(words.ctypes.data)
    _functions[name](pointer, ctypes.c_uint64(warps))
