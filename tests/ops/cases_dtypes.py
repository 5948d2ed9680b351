"""Rows of the table of dtypes: one call for each op, with arrays of every dtype.

A row is a case of the other tables whose arrays are drawn anew in each dtype: the
arrays in `slots` take all dtypes, or all pairs of them; the others stay as they are.
Rows of `WEAK` also take Python numbers in the place of an array.
"""

from __future__ import annotations

import dataclasses
import itertools
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from minikeras.engine import dtypes
from tests.ops import (  # noqa: F401 - they fill the table
    cases_arrays,
    cases_elementwise,
    cases_more,
    cases_nn,
)
from tests.ops.cases_image import IMAGES
from tests.ops.cases_linalg import LINALG
from tests.ops.table import CASES, Case, F, fill, flat

SMALL = (
    "bool", "uint8", "uint16", "uint32", "int8", "int16", "int32",
    "bfloat16", "float16", "float32",
)  # fmt: skip
ALL = (*SMALL, "uint64", "int64", "float64")
NUMBERS = {"True": True, "1": 1, "1.0": 1.0}
WEAK = (
    "add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum",
    "arctan2", "logaddexp", "logaddexp2", "hypot", "divide_no_nan", "floor_divide",
    "mod", "fmod", "fmax", "fmin", "power", "logical_and", "logical_or", "logical_xor",
    "ldexp", "nextafter", "gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor",
    "left_shift", "bitwise_left_shift", "right_shift", "bitwise_right_shift", "equal",
    "not_equal", "less", "less_equal", "greater", "greater_equal", "isclose", "where",
    "heaviside",
)  # fmt: skip
EXTRA = [
    Case("argpartition", (F(5),), {"kth": 2}, ""),
    Case("array", (F(3),), {}, ""),
    Case("conjugate", (F(3),), {}, ""),
    Case("copy", (F(3),), {}, ""),
    Case("empty_like", (F(3),), {}, ""),
    Case("heaviside", (F(3), F(3)), {}, ""),
]


@dataclasses.dataclass(frozen=True)
class Row:
    """One op, and which of its arrays take every dtype."""

    label: str
    case: Case
    slots: tuple[int, ...]

    def combinations(self, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """What the slots take: names of dtypes, or of Python numbers."""
        yield from itertools.product(names, repeat=len(self.slots))
        if self.case.name in WEAK and len(self.slots) == 2:
            for number, name in itertools.product(NUMBERS, names):
                yield number, name
                yield name, number

    def arguments(self, combination: tuple[str, ...]) -> tuple[Any, ...]:
        """The arguments of the op; Python numbers are themselves."""
        seed = zlib.crc32(self.label.encode())
        drawn = [s.draw(seed + i) for i, s in enumerate(flat(self.case.args))]
        for slot, name in zip(self.slots, combination, strict=True):
            if name in NUMBERS:
                drawn[slot] = NUMBERS[name]
            else:
                drawn[slot] = converted(drawn[slot], name)
        given = iter(drawn)
        return tuple(fill(a, given) for a in self.case.args)


def converted(array: np.ndarray, name: str) -> np.ndarray:
    """The sizes of the elements, in a dtype that holds them."""
    finite = np.nan_to_num(array, posinf=1.0, neginf=1.0)
    return np.abs(finite).astype(dtypes.numpy_dtype(name))


def _rows() -> Iterator[Row]:
    """For each op the first case with each number of arrays."""
    seen = set()
    for case in itertools.chain(CASES, LINALG, IMAGES, EXTRA):
        kinds = [s.draw(0).dtype.kind for s in flat(case.args)]
        if not kinds or (case.name, len(kinds)) in seen:
            continue
        seen.add((case.name, len(kinds)))
        # Arrays that are alike meet in pairs; indices and conditions vary alone.
        first = [i for i, k in enumerate(kinds) if k == kinds[0]][:2]
        rest = [i for i in range(len(kinds)) if i not in first][:2]
        for slots in (first, rest):
            if slots:
                text = ",".join(map(str, slots))
                yield Row(f"{case.name}({len(kinds)})[{text}]", case, tuple(slots))


ROWS = list(_rows())
