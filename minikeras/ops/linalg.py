"""Products of tensors: matrix products, contractions, einsum, diagonals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, promote, to_tensor
from minikeras.ops.shaping import expand_dims, moveaxis, reshape, transpose
from minikeras.ops.support import axis_of, cast_to, numeric


@op
def matmul(x1: Any, x2: Any) -> Tensor:
    """The matrix product over the last two axes; those before them broadcast.

    A vector counts as a row on the left and as a column on the right, and its axis is
    taken away from the result.

    Args:
        x1: Tensor `(..., rows, inner)` or `(inner,)`.
        x2: Tensor `(..., inner, columns)` or `(inner,)`.

    Returns:
        Tensor `(..., rows, columns)`. Two int8 tensors are multiplied in int32.

    Raises:
        ShapeError: If the inner sizes differ, or an argument is a scalar.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.matmul([[1, 2], [3, 4]], [[1, 0], [0, 2]]).tolist()
    [[1, 4], [3, 8]]
    """
    a, b = _promoted(x1, x2)
    if not a.ndim or not b.ndim:
        raise ShapeError(
            f"matmul: shapes {a.shape} and {b.shape}; expected rank 1 or more. Use multiply "
            "with a scalar."
        )
    row, column = a.ndim == 1, b.ndim == 1
    a = expand_dims(a, 0) if row else a
    b = expand_dims(b, 1) if column else b
    result = prims.matmul(a, b, transpose_a=False, transpose_b=False)
    if not row and not column:
        return result
    lead, rows, columns = result.shape[:-2], result.shape[-2], result.shape[-1]
    kept = (() if row else (rows,)) + (() if column else (columns,))
    return prims.reshape(result, shape=(*lead, *kept))


def _promoted(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    a, b = to_tensor(x1), to_tensor(x2)
    if a.dtype == b.dtype == "int8":
        return cast_to(a, "int32"), cast_to(b, "int32")
    a, b = promote(x1, x2)
    return a, b


@op
def dot(x1: Any, x2: Any) -> Tensor:
    """The product over the last axis of `x1` and the last but one of `x2`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor `(*x1.shape[:-1], *x2.shape[:-2], x2.shape[-1])`; with scalars the
        elementwise product, with vectors a scalar.

    Raises:
        ShapeError: If the inner sizes differ.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.dot([1, 2], [3, 4]).tolist()
    11
    """
    a, b = promote(x1, x2)
    if not a.ndim or not b.ndim:
        return prims.mul(numeric(a), numeric(b))
    return _contract(a, b, [a.ndim - 1], [max(b.ndim - 2, 0)], "dot")


@op
def inner(x1: Any, x2: Any) -> Tensor:
    """The product over the last axes of both.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor `(*x1.shape[:-1], *x2.shape[:-1])`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.inner([1, 2], [3, 4]).tolist()
    11
    """
    a, b = promote(x1, x2)
    if not a.ndim or not b.ndim:
        return prims.mul(numeric(a), numeric(b))
    return _contract(a, b, [a.ndim - 1], [b.ndim - 1], "inner")


@op
def vdot(x1: Any, x2: Any) -> Tensor:
    """The product of two tensors taken as vectors.

    Args:
        x1: First tensor.
        x2: Second tensor, with as many elements.

    Returns:
        Tensor of shape `()`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.vdot([[1, 2]], [[3], [4]]).tolist()
    11
    """
    a, b = promote(x1, x2)
    return _contract(reshape(a, (-1,)), reshape(b, (-1,)), [0], [0], "vdot")


@op
def outer(x1: Any, x2: Any) -> Tensor:
    """Each element of `x1` times each of `x2`, both flattened.

    Args:
        x1: First tensor.
        x2: Second tensor.

    Returns:
        Tensor of shape `(x1.size, x2.size)`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.outer([1, 2], [3, 4]).tolist()
    [[3, 4], [6, 8]]
    """
    a, b = (numeric(v) for v in promote(x1, x2))
    return prims.mul(
        prims.reshape(a, shape=(a.size, 1)), prims.reshape(b, shape=(1, b.size))
    )


@op
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Tensor:
    """The product over several axes of both.

    Args:
        x1: First tensor.
        x2: Second tensor.
        axes: Number of axes, the last of `x1` with the first of `x2`; or a pair of lists,
            the axes of `x1` and those of `x2` that go with them.

    Returns:
        Tensor of the axes left: those of `x1`, then those of `x2`.

    Raises:
        ShapeError: If sizes of axes that go together differ.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.tensordot(keras.ops.ones((2, 3)), keras.ops.ones((3, 4)), axes=1).shape
    (2, 4)
    """
    a, b = promote(x1, x2)
    if isinstance(axes, int):
        left = list(range(a.ndim - axes, a.ndim))
        right = list(range(axes))
    else:
        left, right = ([v] if isinstance(v, int) else list(v) for v in axes)
    left = [axis_of(v, a.ndim, "tensordot") for v in left]
    right = [axis_of(v, b.ndim, "tensordot") for v in right]
    return _contract(a, b, left, right, "tensordot")


def _contract(
    a: Tensor, b: Tensor, left: list[int], right: list[int], name: str
) -> Tensor:
    """The sum of products over paired axes: one matrix product."""
    if a.dtype == "bool":
        a, b = numeric(a), numeric(b)
    if [a.shape[i] for i in left] != [b.shape[i] for i in right] and not _unknown(a, b):
        raise ShapeError(
            f"{name}: shapes {a.shape} and {b.shape} do not match: axes {left} of the first "
            f"and {right} of the second must have equal sizes."
        )
    free_a = [i for i in range(a.ndim) if i not in left]
    free_b = [i for i in range(b.ndim) if i not in right]
    depth = math.prod(b.shape[i] for i in right)
    shape_a, shape_b = [a.shape[i] for i in free_a], [b.shape[i] for i in free_b]
    rows = prims.reshape(transpose(a, free_a + left), shape=(math.prod(shape_a), depth))
    columns = prims.reshape(
        transpose(b, right + free_b), shape=(depth, math.prod(shape_b))
    )
    result = prims.matmul(rows, columns, transpose_a=False, transpose_b=False)
    return prims.reshape(result, shape=(*shape_a, *shape_b))


def _unknown(*tensors: Tensor) -> bool:
    return any(type(d) is not int for t in tensors for d in t.shape)


@op
def kron(x1: Any, x2: Any) -> Tensor:
    """The Kronecker product: `x2`, once for each element of `x1` and multiplied by it.

    Args:
        x1: First tensor.
        x2: Second tensor.

    Returns:
        Tensor, each size the product of the two.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.kron([[1, 2]], [[1, 1]]).tolist()
    [[1, 1, 2, 2]]
    """
    a, b = (numeric(v) for v in promote(x1, x2))
    rank = max(a.ndim, b.ndim)
    sa = (1,) * (rank - a.ndim) + a.shape
    sb = (1,) * (rank - b.ndim) + b.shape
    wide_a = tuple(d for s in sa for d in (s, 1))
    wide_b = tuple(d for s in sb for d in (1, s))
    product = prims.mul(prims.reshape(a, shape=wide_a), prims.reshape(b, shape=wide_b))
    return prims.reshape(
        product, shape=tuple(p * q for p, q in zip(sa, sb, strict=True))
    )


@op
def cross(
    x1: Any,
    x2: Any,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    """The cross product of vectors of size 2 or 3.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.
        axisa: Axis of `x1` that holds the vectors.
        axisb: Axis of `x2` that holds the vectors.
        axisc: Axis of the result that holds the vectors.
        axis: One axis for all three.

    Returns:
        Tensor of vectors; of scalars where both have size 2.

    Raises:
        ShapeError: If the vectors are not of size 2 or 3.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.cross([1, 0, 0], [0, 1, 0]).tolist()
    [0, 0, 1]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = (numeric(v) for v in promote(x1, x2))
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ShapeError(
            f"cross: vectors of size {a.shape[-1]} and {b.shape[-1]}; expected 2 or 3."
        )
    a0, a1, a2 = _components(a)
    b0, b1, b2 = _components(b)
    last = prims.sub(prims.mul(a0, b1), prims.mul(a1, b0))
    if a2 is None and b2 is None:
        return last
    first = _minus(_product(a1, b2), _product(a2, b1))
    second = _minus(_product(a2, b0), _product(a0, b2))
    parts = [expand_dims(p, -1) for p in (first, second, last)]
    return moveaxis(prims.concat(*parts, axis=last.ndim), -1, axisc)


def _components(x: Tensor) -> list[Any]:
    parts: list[Any] = [x[..., i] for i in range(x.shape[-1])]
    return parts if len(parts) == 3 else [*parts, None]


def _product(a: Any, b: Any) -> Any:
    return None if a is None or b is None else prims.mul(a, b)


def _minus(a: Any, b: Any) -> Any:
    if a is None:
        return prims.neg(b)
    return a if b is None else prims.sub(a, b)


# --- einsum ----------------------------------------------------------------------------


@op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Tensor:
    """Products and sums in Einstein's notation.

    Args:
        subscripts: Letters for the axes of each operand, separated by commas, then `->`
            and the letters of the result. Letters missing there are summed over. `...`
            stands for axes that broadcast. Without `->`: the letters used once, in order.
        *operands: Tensors, one for each part of the subscripts.

    Returns:
        Tensor with the axes after `->`.

    Raises:
        ShapeError: If letters and axes do not fit.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.einsum("ij,jk->ik", [[1.0, 2.0]], [[3.0], [4.0]]).tolist()
    [[11.0]]
    """
    if set(kwargs) - {"optimize"}:
        raise TypeError(
            f"einsum: unknown arguments {sorted(set(kwargs) - {'optimize'})}."
        )
    if operands and all(to_tensor(v).dtype == "int8" for v in operands):
        tensors = [cast_to(to_tensor(v), "int32") for v in operands]
    else:
        tensors = [numeric(v) for v in promote(*operands)]
    terms, result = parse(subscripts, [t.ndim for t in tensors])
    parts = [_distinct(t, term) for t, term in zip(tensors, terms, strict=True)]
    _check_sizes(subscripts, parts)
    while len(parts) > 1:
        second = parts.pop(1)
        wanted = set(result).union(*(set(term) for _, term in parts[1:]))
        parts[0] = _pair(parts[0], second, wanted)
    x, term = _summed(*parts[0], set(result))
    return transpose(x, [term.index(c) for c in result])


Part = tuple[Tensor, str]


def parse(subscripts: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """One letter for each axis of each operand, and the letters of the result."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ShapeError(
            f"einsum: {subscripts!r} has {len(terms)} parts for {len(ranks)} operands."
        )
    spare = [c for c in map(chr, range(192, 600)) if c.isalpha() and c not in text]
    most = 0
    for term, rank in zip(terms, ranks, strict=True):
        letters = term.replace("...", "")
        extra = rank - len(letters)
        if extra < 0 or (extra and "..." not in term):
            raise ShapeError(
                f"einsum: part {term!r} of {subscripts!r} names {len(letters)} axes; its "
                f"operand has rank {rank}."
            )
        most = max(most, extra)
    dots = "".join(spare[:most])
    full = []
    for term, rank in zip(terms, ranks, strict=True):
        extra = rank - len(term.replace("...", ""))
        full.append(term.replace("...", dots[most - extra :] if extra else ""))
    if arrow:
        return full, right.replace("...", dots)
    used = left.replace("...", "").replace(",", "")
    once = sorted(c for c in set(used) if used.count(c) == 1)
    return full, dots + "".join(once)


def _check_sizes(subscripts: str, parts: Sequence[Part]) -> None:
    sizes: dict[str, int] = {}
    for x, term in parts:
        for c, d in zip(term, x.shape, strict=True):
            have = sizes.setdefault(c, d)
            if have == 1:
                sizes[c] = d
            elif d not in (1, have) and type(d) is int and type(have) is int:
                raise ShapeError(
                    f"einsum: in {subscripts!r} axis {c!r} has sizes {have} and {d}; expected "
                    "equal sizes."
                )


def _distinct(x: Tensor, term: str) -> Part:
    """A letter that occurs twice in one operand: its diagonal."""
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            i = term.index(c)
            j = term.index(c, i + 1)
            x = diagonal(x, 0, i, j)
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + c
    return x, term


def _summed(x: Tensor, term: str, wanted: set[str]) -> Part:
    axes = tuple(i for i, c in enumerate(term) if c not in wanted)
    if not axes:
        return x, term
    return prims.sum(x, axes=axes, keepdims=False), "".join(
        c for c in term if c in wanted
    )


def _pair(first: Part, second: Part, wanted: set[str]) -> Part:
    """Two operands as one: a batched matrix product over the letters not wanted."""
    a, term_a = _summed(*first, wanted | set(second[1]))
    b, term_b = _summed(*second, wanted | set(first[1]))
    a, term_a, b, term_b = _drop_ones(a, term_a, b, term_b)
    both = [c for c in term_a if c in term_b]
    batch = [c for c in both if c in wanted]
    joined = [c for c in both if c not in wanted]
    rows = [c for c in term_a if c not in term_b]
    columns = [c for c in term_b if c not in term_a]
    size = {
        **dict(zip(term_b, b.shape, strict=True)),
        **dict(zip(term_a, a.shape, strict=True)),
    }
    a = transpose(a, [term_a.index(c) for c in batch + rows + joined])
    b = transpose(b, [term_b.index(c) for c in batch + joined + columns])
    lead = tuple(size[c] for c in batch)
    m, k, n = (math.prod(size[c] for c in group) for group in (rows, joined, columns))
    if not joined:
        a = prims.reshape(a, shape=(*lead, m, 1))
        product = prims.mul(a, prims.reshape(b, shape=(*lead, 1, n)))
    else:
        a = prims.reshape(a, shape=(*lead, m, k))
        b = prims.reshape(b, shape=(*lead, k, n))
        product = prims.matmul(a, b, transpose_a=False, transpose_b=False)
    term = "".join(batch + rows + columns)
    return prims.reshape(product, shape=tuple(size[c] for c in term)), term


def _drop_ones(
    a: Tensor, term_a: str, b: Tensor, term_b: str
) -> tuple[Tensor, str, Tensor, str]:
    """Size 1 against a larger size broadcasts: the axis is left to the larger one."""
    for c in [c for c in term_a if c in term_b]:
        i, j = term_a.index(c), term_b.index(c)
        if a.shape[i] == b.shape[j]:
            continue
        if a.shape[i] == 1:
            a, term_a = _without(a, i), term_a[:i] + term_a[i + 1 :]
        elif b.shape[j] == 1:
            b, term_b = _without(b, j), term_b[:j] + term_b[j + 1 :]
    return a, term_a, b, term_b


def _without(x: Tensor, axis: int) -> Tensor:
    return prims.reshape(x, shape=x.shape[:axis] + x.shape[axis + 1 :])


# --- diagonals ---------------------------------------------------------------------------


@op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of the planes of two axes.

    Args:
        x: Tensor of rank 2 or more.
        offset: Which diagonal: 0 the main one, positive ones above it.
        axis1: Axis of the rows.
        axis2: Axis of the columns.

    Returns:
        Tensor without the two axes, the diagonal as its last axis.

    Raises:
        ShapeError: If `x` has fewer than two axes, or both axes are one.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.diagonal(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [1, 4]
    """
    x = to_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"diagonal: `x` has shape {x.shape}; expected rank 2 or more.")
    i, j = axis_of(axis1, x.ndim, "diagonal"), axis_of(axis2, x.ndim, "diagonal")
    if i == j:
        raise ShapeError(
            f"diagonal: axis1 {axis1} and axis2 {axis2} are the same axis."
        )
    rest = [a for a in range(x.ndim) if a not in (i, j)]
    x = transpose(x, [*rest, i, j])
    *lead, rows, columns = x.shape
    down, right = max(-offset, 0), max(offset, 0)
    n = max(min(rows - down, columns - right), 0)
    flat = prims.reshape(x, shape=(*lead, rows * columns))
    # The diagonal of a matrix in row-major order is every (columns + 1)th element.
    start = down * columns + right if n else 0
    stop = start + (n - 1) * (columns + 1) + 1 if n else start
    return prims.slice(
        flat,
        starts=(0,) * len(lead) + (start,),
        stops=(*lead, stop),
        steps=(1,) * len(lead) + (columns + 1,),
    )


@op
def diag(x: Any, k: int = 0) -> Tensor:
    """The diagonal of a matrix, or a matrix with a vector as its diagonal.

    Args:
        x: Tensor of rank 1 or 2.
        k: Which diagonal: 0 the main one, positive ones above it.

    Returns:
        Vector for a matrix, matrix for a vector.

    Raises:
        ShapeError: If the rank is neither 1 nor 2.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.diag([1, 2]).tolist()
    [[1, 0], [0, 2]]
    """
    x = to_tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ShapeError(f"diag: `x` has shape {x.shape}; expected rank 1 or 2.")
    size = x.size + abs(k)
    down, right = max(-k, 0), max(k, 0)
    if not x.size:
        return prims.full(shape=(size, size), dtype=x.dtype, value=0)
    start = down * size + right
    stop = start + (x.size - 1) * (size + 1) + 1
    flat = prims.pad_strided(
        x, shape=(size * size,), starts=(start,), stops=(stop,), steps=(size + 1,)
    )
    return prims.reshape(flat, shape=(size, size))


@op
def diagflat(x: Any, k: int = 0) -> Tensor:
    """A matrix with the flattened tensor as its diagonal.

    Args:
        x: Tensor of any shape.
        k: Which diagonal: 0 the main one, positive ones above it.

    Returns:
        Tensor of rank 2.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.diagflat([[1, 2]]).tolist()
    [[1, 0], [0, 2]]
    """
    x = to_tensor(x)
    return diag(prims.reshape(x, shape=(x.size,)), k)


@op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of the diagonal of the planes of two axes.

    Args:
        x: Tensor of rank 2 or more.
        offset: Which diagonal: 0 the main one, positive ones above it.
        axis1: Axis of the rows.
        axis2: Axis of the columns.

    Returns:
        Tensor without the two axes.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.trace(keras.ops.array([[1, 2], [3, 4]])).tolist()
    5
    """
    line = diagonal(x, offset, axis1, axis2)
    if line.dtype in ("bool", "int8", "int16", "uint8", "uint16"):
        wide = "uint32" if line.dtype.startswith("u") else "int32"
        line = prims.cast(line, dtype=wide)
    return prims.sum(line, axes=(line.ndim - 1,), keepdims=False)


def _triangle(x: Any, k: int, lower: bool) -> Tensor:
    x = to_tensor(x)
    if x.ndim < 2:
        raise ShapeError(
            f"tril/triu: `x` has shape {x.shape}; expected rank 2 or more."
        )
    rows, columns = x.shape[-2:]
    row = prims.iota(shape=(rows, columns), dtype="int32", axis=0)
    gap = prims.sub(prims.iota(shape=(rows, columns), dtype="int32", axis=1), row)
    edge = prims.const(gap, int(k))
    keep = prims.le(gap, edge) if lower else prims.ge(gap, edge)
    return prims.select(keep, x, prims.const(x, 0))


@op
def tril(x: Any, k: int = 0) -> Tensor:
    """The lower triangle of matrices, zeros above it.

    Args:
        x: Tensor `(..., rows, columns)`.
        k: Last diagonal to keep: 0 the main one, positive ones above it.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.tril(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [[1, 0], [3, 4]]
    """
    return _triangle(x, k, True)


@op
def triu(x: Any, k: int = 0) -> Tensor:
    """The upper triangle of matrices, zeros below it.

    Args:
        x: Tensor `(..., rows, columns)`.
        k: First diagonal to keep: 0 the main one, positive ones above it.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.triu(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [[1, 2], [0, 4]]
    """
    return _triangle(x, k, False)
