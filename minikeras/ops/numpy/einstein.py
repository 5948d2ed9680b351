"""Products and sums in Einstein's notation, as matrix products of pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.diagonals import diagonal
from minikeras.ops.numpy.shaping import transpose
from minikeras.ops.op import op, promote, to_tensor
from minikeras.ops.support import boolean, cast_to, numeric
from minikeras.types import ArrayLike

__all__ = ["einsum"]


@op
def einsum(subscripts: str, *operands: ArrayLike, **kwargs: object) -> Tensor:
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

    >>> keras.ops.einsum("ij,jk->ik", [[1.0, 2.0]], [[3.0], [4.0]]).tolist()
    [[11.0]]
    """
    if set(kwargs) - {"optimize"}:
        raise TypeError(
            f"einsum: unknown arguments {sorted(set(kwargs) - {'optimize'})}."
        )
    if not isinstance(subscripts, str):
        raise TypeError(
            f"einsum: the first argument is of type {type(subscripts).__name__}; expected a "
            "text such as 'ij,jk->ik' before the tensors."
        )
    if operands and all(to_tensor(v).dtype == "int8" for v in operands):
        # Sums of products of bytes do not fit into bytes: `matmul` does the same.
        tensors = [cast_to(to_tensor(v), "int32") for v in operands]
    else:
        tensors = list(promote(*operands))
        if tensors and tensors[0].dtype == "bool":
            return boolean(einsum(subscripts, *map(numeric, tensors)))
    terms, result = parse(subscripts, [t.ndim for t in tensors])
    parts = [_distinct(t, term) for t, term in zip(tensors, terms, strict=True)]
    _check_sizes(subscripts, parts)
    # From left to right, as written. No better order is looked for.
    while len(parts) > 1:
        second = parts.pop(1)
        # A letter that neither the result nor a later operand has can be summed away
        # now.
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
    # `...` stands for axes without a name: they get letters that no user has written.
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
        # Counted from the last axis, as broadcasting does.
        full.append(term.replace("...", dots[most - extra :] if extra else ""))
    if arrow:
        return full, right.replace("...", dots)
    used = left.replace("...", "").replace(",", "")
    # Without an arrow: letters that occur once, in alphabetical order, as in NumPy.
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
    # Both as stacks of matrices: (batch, rows, joined) times (batch, joined, columns).
    a = transpose(a, [term_a.index(c) for c in batch + rows + joined])
    b = transpose(b, [term_b.index(c) for c in batch + joined + columns])
    lead = tuple(size[c] for c in batch)
    m, k, n = (math.prod(size[c] for c in group) for group in (rows, joined, columns))
    # An outer product is a broadcast multiplication; as a matrix product its depth
    # would be 1.
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
