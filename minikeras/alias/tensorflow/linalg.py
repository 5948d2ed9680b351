"""`tf.linalg`."""

from __future__ import annotations

from typing import Any

from minikeras import ops
from minikeras.alias.tensorflow.creation import eye
from minikeras.alias.tensorflow.maths import l2_normalize
from minikeras.alias.tensorflow.rows import functions
from minikeras.alias.tensorflow.shapes import einsum, matmul, norm
from minikeras.types import ArrayLike

_FUNCTIONS = functions(
    {
        "cholesky": "cholesky:input",
        "det": "det:input",
        "diag": "diag:diagonal",
        "diag_part": "diagonal:input",
        "eigh": "eigh:tensor",
        "inv": "inv:input",
        "lstsq": "lstsq:matrix rhs",
        "qr": "qr:input",
        "solve": "solve:matrix rhs",
        "tensordot": "tensordot:a b axes",
        "trace": "trace:x",
    }
)
globals().update(_FUNCTIONS)


def matrix_transpose(a: ArrayLike, name: str | None = None) -> Any:
    """Rows and columns exchanged, in each matrix."""
    return ops.swapaxes(a, -1, -2)


def matvec(
    a: ArrayLike, b: ArrayLike, transpose_a: bool = False, name: str | None = None
) -> Any:
    """Products of matrices and vectors."""
    return ops.squeeze(matmul(a, ops.expand_dims(b, -1), transpose_a), -1)


def band_part(
    input: ArrayLike, num_lower: int, num_upper: int, name: str | None = None
) -> Any:
    """The diagonals near the middle one, zeros elsewhere; -1 keeps all on that side."""
    input = ops.convert_to_tensor(input)
    rows = ops.expand_dims(ops.arange(input.shape[-2]), 1)
    columns = ops.expand_dims(ops.arange(input.shape[-1]), 0)
    kept = ops.ones((input.shape[-2], input.shape[-1]), "bool")
    if num_lower >= 0:
        kept = ops.logical_and(kept, rows - columns <= num_lower)
    if num_upper >= 0:
        kept = ops.logical_and(kept, columns - rows <= num_upper)
    return ops.where(kept, input, ops.zeros_like(input))


__all__ = [
    *_FUNCTIONS, "band_part", "einsum", "eye", "l2_normalize", "matmul",
    "matrix_transpose", "matvec", "norm",
]  # fmt: skip
