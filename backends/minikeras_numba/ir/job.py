"""Jobs: the rows of the tables that one driver runs; each is a call of a kernel.

A kernel is called as `kernel(A, B, C, S, job)`: four places, and the address of its row,
which goes on behind the `Job` with what this kind of kernel asks for. Each kind says that
by a NamedTuple of its own, beside the kernel; its words lie in the order of its fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# Words of a row, the same for all kinds, so that one table holds jobs of several.
WORDS = 20


class Job(NamedTuple):
    """A call: which kernel, where, and its fields.

    Attributes:
        fn: The kernel's address.
        a, b, c: Bytes from the bases of a range to A, B and C.
        s: The address of S; 0 where that is C; or `behind` so many bytes the S of a table.
        fields: A NamedTuple of the kernel's kind.
    """

    fn: int
    a: int = 0
    b: int = 0
    c: int = 0
    s: int = 0
    fields: tuple[int, ...] = ()


def behind(nbytes: int) -> int:
    """The S of a job, so many bytes behind that of its table."""
    return ~nbytes


HEAD = Job._fields[:-1]


def place(kind: type[tuple[Any, ...]], name: str) -> int:
    """The word of a row at which kernels of a kind find a field."""
    names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]  # a NamedTuple
    return len(HEAD) + names.index(name)


def job_table(jobs: Iterable[Job]) -> npt.NDArray[np.int64]:
    """The table: a row for each job, zeros behind what its kind has."""
    made = [(*job[:-1], *job.fields) for job in jobs]
    table = np.zeros((len(made), WORDS), np.int64)
    for row, words in zip(table, made):
        row[: len(words)] = words
    return table
