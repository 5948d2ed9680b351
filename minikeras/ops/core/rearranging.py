"""Axes by name."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.types import ArrayLike

__all__ = ["rearrange"]


def _terms(side: str, pattern: str) -> list[list[str]]:
    """The axes of one side; those in brackets are one term.

    Raises:
        ValueError: If it cannot be read.
    """
    found = re.findall(r"\(([^()]*)\)|([A-Za-z_]\w*|1)|(\S)", side)
    if any(other for _, _, other in found):
        raise ValueError(
            f"rearrange: pattern {pattern!r} has {side.strip()!r}; expected names of axes, "
            "1, and brackets around names."
        )
    return [
        [] if single == "1" else [single] if single else group.split()
        for group, single, _ in found
    ]


def _sizes(
    terms: Sequence[Sequence[str]], shape: Sequence[int], given: dict[str, int]
) -> dict[str, int]:
    """The size of each name on the left side."""
    if len(terms) != len(shape):
        raise ShapeError(
            f"rearrange: the pattern names {len(terms)} axes; the tensor has shape "
            f"{tuple(shape)}."
        )
    sizes = dict(given)
    for term, d in zip(terms, shape, strict=True):
        free = [name for name in term if name not in sizes]
        known = math.prod(sizes[name] for name in term if name in sizes)
        if len(free) > 1 or (not free and known != d) or (free and d % known):
            raise ShapeError(
                f"rearrange: axis ({' '.join(term)}) of size {d} cannot be split with the "
                f"sizes {dict(given)}; give all but one of its sizes as keywords."
            )
        if free:
            sizes[free[0]] = d // known
    return sizes


@op
def rearrange(tensor: ArrayLike, pattern: str, **axes_lengths: int) -> Tensor:
    """Transpose, split and join axes by names.

    Args:
        tensor: Tensor.
        pattern: As `"b (h p) c -> b h (p c)"`: axes before and after; brackets hold axes
            that are one.
        **axes_lengths: Sizes of names, where the shape does not tell.

    Returns:
        Tensor.

    Raises:
        ValueError: If the pattern cannot be read, or its sides have different names.

    Example:

    >>> keras.ops.rearrange(keras.ops.arange(6), "(a b) -> b a", a=2).tolist()
    [[0, 3], [1, 4], [2, 5]]
    """
    x = to_tensor(tensor)
    if pattern.count("->") != 1:
        raise ValueError(f"rearrange: pattern {pattern!r}; expected one '->'.")
    left, right = (_terms(side, pattern) for side in pattern.split("->"))
    names = [name for term in left for name in term]
    target = [name for term in right for name in term]
    if sorted(names) != sorted(target) or len(set(names)) != len(names):
        raise ValueError(
            f"rearrange: pattern {pattern!r}; expected each name once on both sides."
        )
    sizes = _sizes(left, x.shape, axes_lengths)
    x = prims.reshape(x, shape=tuple(sizes[name] for name in names))
    x = prims.transpose(x, perm=tuple(names.index(name) for name in target))
    shape = tuple(math.prod(sizes[n] for n in term) for term in right)
    return prims.reshape(x, shape=shape)
