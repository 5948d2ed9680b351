"""Control flow rows: loops and conditions whose bodies are graphs.

`scan(*consts, *carry, *xs; body, n_consts, n_carry, length, reverse)` runs `body` once
for each slice of `xs` along their first axis. The body's inputs are the constants, the
carried values and the slices; its outputs the next carried values and what is stacked.

`while_loop(*cond_consts, *body_consts, *carry; cond, body, n_cond, n_body)` runs `body`
as long as `cond` gives true.

`cond(taken, *yes_consts, *no_consts; yes, no, n_yes)` runs one of the two graphs.

They exist in graphs only (`engine/loops.py` and `engine/branches.py` make them); eagerly
a loop or a condition is Python's.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine.aval import Aval
from minikeras.engine.graph import Graph
from minikeras.engine.primitive import Context, Facets, primitive


def _scan_infer(
    *avals: Aval,
    body: Graph,
    n_consts: int,
    n_carry: int,
    length: int,
    reverse: bool,
) -> tuple[Aval, ...]:
    outputs = [v.aval for v in body.outputs]
    return (
        *outputs[:n_carry],
        *(Aval((length, *a.shape), a.dtype) for a in outputs[n_carry:]),
    )


def _cond_infer(*avals: Aval, yes: Graph, no: Graph, n_yes: int) -> tuple[Aval, ...]:
    return tuple(v.aval for v in yes.outputs)


def _vjp(context: Context, *gs: object) -> Any:
    # The trace of a body or branch knows how to differentiate itself.
    static = context.static
    return static["body" if "body" in static else "yes"].vjp(context, gs)


def _while_infer(*avals: Aval, body: Graph, **static: object) -> tuple[Aval, ...]:
    return tuple(v.aval for v in body.outputs)


# Their bodies may hold what may raise.
_ENDS = Facets(may_raise=True)
scan = primitive(
    "scan", kind="control", infer=_scan_infer, vjp=_vjp, multi=True, facets=_ENDS
)
while_loop = primitive(
    "while_loop",
    kind="control",
    infer=_while_infer,
    vjp=_vjp,
    multi=True,
    facets=_ENDS,
)
cond = primitive(
    "cond", kind="control", infer=_cond_infer, vjp=_vjp, multi=True, facets=_ENDS
)
