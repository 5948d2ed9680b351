"""`tf.linalg`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras import ops
from minikeras.alias.tensorflow.creation import eye
from minikeras.alias.tensorflow.maths import l2_normalize
from minikeras.alias.tensorflow.rows import functions
from minikeras.alias.tensorflow.shapes import einsum, global_norm, matmul, norm
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.types import Axis


_FUNCTIONS = functions(
    {
        "cholesky": "cholesky:input",
        "det": "det:input",
        "diag": "diag:diagonal",
        "diag_part": "diagonal:input",
        "eigh": "eigh:tensor",
        "inv": "inv:input",
        "cross": "cross:a b",
        "logdet": "logdet:matrix",
        "lstsq": "lstsq:matrix rhs",
        "pinv": "pinv:a",
        "slogdet": "slogdet:input",
        "qr": "qr:input",
        "solve": "solve:matrix rhs",
        "tensordot": "tensordot:a b axes",
        "trace": "trace:x",
    }
)
globals().update(_FUNCTIONS)


def matrix_transpose(a: ArrayLike, name: str | None = None) -> Tensor:
    """Rows and columns exchanged, in each matrix."""
    return ops.swapaxes(a, -1, -2)


def adjoint(matrix: ArrayLike, name: str | None = None) -> Tensor:
    """Rows and columns exchanged, and conjugates, in each matrix."""
    return ops.conj(matrix_transpose(matrix))


def svd(
    tensor: ArrayLike,
    full_matrices: bool = False,
    compute_uv: bool = True,
    name: str | None = None,
) -> Any:
    """Singular values `s`, and `u` and `v`: TensorFlow's order, and `v` not transposed."""
    if not compute_uv:
        return ops.svd(tensor, full_matrices, compute_uv=False)
    u, s, v = ops.svd(tensor, full_matrices)
    return s, u, matrix_transpose(v)


def normalize(
    tensor: ArrayLike,
    ord: object = "euclidean",
    axis: Axis = None,
    name: str | None = None,
) -> tuple[Any, Any]:
    """Vectors of length 1, and their lengths before."""
    length = norm(tensor, ord, axis, keepdims=True)
    return ops.divide(tensor, length), length


def set_diag(input: ArrayLike, diagonal: ArrayLike, name: str | None = None) -> Tensor:
    """Matrices with another diagonal."""
    input = ops.convert_to_tensor(input)
    there = ops.eye(input.shape[-2], input.shape[-1], dtype="bool")
    size = min(input.shape[-2:])
    rows, columns = (n - size for n in input.shape[-2:])
    placed = ops.expand_dims(diagonal, -1) * ops.eye(size, dtype=input.dtype)
    before = [(0, 0)] * (len(input.shape) - 2)
    return ops.where(there, ops.pad(placed, [*before, (0, rows), (0, columns)]), input)


def matvec(
    a: ArrayLike, b: ArrayLike, transpose_a: bool = False, name: str | None = None
) -> Tensor:
    """Products of matrices and vectors."""
    return ops.squeeze(matmul(a, ops.expand_dims(b, -1), transpose_a), -1)


def band_part(
    input: ArrayLike, num_lower: int, num_upper: int, name: str | None = None
) -> Tensor:
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
    *_FUNCTIONS, "adjoint", "band_part", "einsum", "eye", "global_norm", "l2_normalize",
    "matmul", "matrix_transpose", "matvec", "norm", "normalize", "set_diag", "svd",
]  # fmt: skip
