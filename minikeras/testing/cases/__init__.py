"""The one table of primitive cases, which the tests of rows and backends are made of.

A case is a row's name, a sampler of its arrays, its static keywords, the dtypes it is
tried in, and a reference in plain NumPy that shares nothing with our kernels; it gets
float64 where the case has a float dtype.
"""

from minikeras.testing.cases import (
    bands,
    contractions,
    indices,
    matrices,
    moves,
    pointwise,
    recurrences,
    reductions,
    resampling,
)
from minikeras.testing.cases.case import TOLERANCE, Arg, Case

FAMILIES = (
    pointwise.elementwise,
    pointwise.binary,
    pointwise.other,
    pointwise.complex_numbers,
    reductions.create,
    reductions.reduce,
    reductions.over_ranks,
    moves.movement,
    contractions.contract,
    contractions.conv,
    contractions.pooling,
    contractions.fused,
    indices.index,
    indices.random,
    matrices.linalg,
    matrices.spectral,
    recurrences.recurrent,
    resampling.resampling,
    bands.banded,
)
CASES = [case for family in FAMILIES for case in family()]
COMPILED = (
    "fused",
    "epilogue",
    "chain",
    "lines",
    "scan",
    "while_loop",
    "cond",
)  # nobody binds them: they have tests of their own

__all__ = ["CASES", "COMPILED", "TOLERANCE", "Arg", "Case"]
