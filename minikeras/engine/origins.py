"""Where eager probabilities come from, so that their logarithms are the stable ones.

A compiled program computes log(clip(softmax(x))) as log_softmax(x) (see
`passes/stabilise.py`). Eagerly the softmax is long done when the logarithm is asked
for; so its result remembers the logits, and what clips or complements it remembers it,
for a few steps: as far as the patterns go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from minikeras.engine.prims.composed import softmax
from minikeras.engine.prims.elementwise import (
    div,
    log,
    log1p,
    logistic,
    maximum,
    minimum,
    neg,
    sub,
)
from minikeras.engine.prims.reduce import sum_
from minikeras.engine.tensor import Tensor

if TYPE_CHECKING:
    from minikeras.engine.primitive import Primitive

LOGARITHMS = frozenset((log, log1p))
ROOTS = frozenset((softmax, logistic))
_STEPS = frozenset((maximum, minimum, sub, neg, sum_, div))
REMEMBERED = ROOTS | _STEPS
_MOST = 8  # steps from a root; a loop must not keep all its past


class Origin(NamedTuple):
    """The call that made a tensor, with the fields of a graph's node."""

    prim: Primitive
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    static: dict[str, Any]
    depth: int = 0


def origin(
    prim: Primitive, inputs: tuple[Tensor, ...], static: dict[str, Any]
) -> Origin | None:
    """What the result of a remembered row should remember."""
    if prim in ROOTS:
        return Origin(prim, inputs, (), static)
    depth = max((t.origin.depth + 1 for t in inputs if t.origin), default=_MOST)
    return Origin(prim, inputs, (), static, depth) if depth < _MOST else None


def stable(
    prim: Primitive, inputs: tuple[Tensor, ...], static: dict[str, Any]
) -> Origin | None:
    """The stable call for a logarithm of probabilities, where they are known as such."""
    from minikeras.engine.passes.stabilise import stabilise

    (x,) = inputs
    log = Origin(prim, inputs, (Tensor(None, x.aval),), static)
    calls, waiting = [log], [x]
    seen: dict[int, Tensor] = {}
    while waiting:
        tensor = waiting.pop()
        made = tensor.origin
        if made is not None and id(tensor) not in seen:
            seen[id(tensor)] = tensor
            calls.append(made._replace(outputs=(tensor,)))
            waiting.extend(made.inputs)
    first = stabilise(calls)[0]
    return None if first is log else first
