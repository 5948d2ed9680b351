"""Functions of single elements made functions of tensors."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minikeras.engine import prims, tree
from minikeras.engine.aval import broadcast_shapes
from minikeras.engine.tensor import Tensor
from minikeras.ops.core.sweeps import vectorized_map
from minikeras.ops.op import op, to_tensor

__all__ = ["vectorize"]


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
        # What the function does not take of each argument broadcasts, and is mapped
        # over as one axis.
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
