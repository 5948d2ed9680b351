"""Axes by name, and functions of single elements made functions of tensors."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minikeras.engine import prims, tree
from minikeras.engine.aval import ShapeError, broadcast_shapes
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, to_tensor
from minikeras.ops.sweeps import vectorized_map


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
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Tensor:
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

    >>> import minikeras as keras
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


def _core_ranks(signature: str | None, count: int) -> list[int]:
    """How many axes the function itself takes of each argument."""
    if signature is None:
        return [0] * count
    groups = re.findall(r"\(([^()]*)\)", signature.split("->")[0])
    if "->" not in signature or len(groups) != count:
        raise ValueError(
            f"vectorize: signature={signature!r} for {count} arguments; expected one "
            "bracket for each, as in '(n),(n)->()'."
        )
    return [len([n for n in g.split(",") if n.strip()]) for g in groups]


def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Iterable[int | str] | None = None,
    signature: str | None = None,
) -> Callable[..., Any]:
    """A function of single elements as a function of tensors.

    Args:
        pyfunc: Function to call once for each element.
        excluded: Numbers or names of arguments to pass on as they are.
        signature: As `"(n),(n)->()"`: axes that the function itself takes, the last of
            each argument; by default none.

    Returns:
        Function whose tensor arguments broadcast; results are stacked.

    Raises:
        TypeError: If `pyfunc` cannot be called.

    Example:

    >>> import minikeras as keras
    >>> clipped = keras.ops.vectorize(lambda a, b: keras.ops.maximum(a - b, 0))
    >>> clipped([[1, 4], [5, 2]], 3).tolist()
    [[0, 1], [2, 0]]
    """
    if not callable(pyfunc):
        raise TypeError(f"vectorize: pyfunc={pyfunc!r} is not callable.")
    left_out = set(excluded or ())

    @op
    def vectorized(*args: Any, **kwargs: Any) -> Any:
        places = [i for i in range(len(args)) if i not in left_out]
        names = [k for k in kwargs if k not in left_out]
        tensors = [to_tensor(args[i]) for i in places]
        tensors += [to_tensor(kwargs[k]) for k in names]
        ranks = _core_ranks(signature, len(tensors))
        cuts = [t.ndim - r for t, r in zip(tensors, ranks, strict=True)]
        batch = broadcast_shapes(
            *(t.shape[:c] for t, c in zip(tensors, cuts, strict=True)), op="vectorize"
        )
        flat = [
            prims.reshape(
                prims.broadcast_to(t, shape=(*batch, *t.shape[c:])),
                shape=(math.prod(batch), *t.shape[c:]),
            )
            for t, c in zip(tensors, cuts, strict=True)
        ]

        def call(parts: Sequence[Tensor]) -> Any:
            given, named = list(args), dict(kwargs)
            for i, part in zip(places, parts, strict=False):
                given[i] = part
            named.update(zip(names, parts[len(places) :], strict=True))
            return pyfunc(*given, **named)

        out = vectorized_map(call, flat)
        return tree.map_structure(
            lambda t: prims.reshape(t, shape=(*batch, *t.shape[1:])), out
        )

    return vectorized
