"""Control flow rows: loops whose bodies are graphs.

`scan(*consts, *carry, *xs; body, n_consts, n_carry, length, reverse)` runs `body` once
for each slice of `xs` along their first axis. The body's inputs are the constants, the
carried values and the slices; its outputs the next carried values and what is stacked.

`while_loop(*cond_consts, *body_consts, *carry; cond, body, n_cond, n_body)` runs `body`
as long as `cond` gives true.

Both exist in graphs only (`engine/loops.py` makes them); eagerly a loop is Python's.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine.aval import Aval
from minikeras.engine.graph import Graph
from minikeras.engine.primitive import Context, primitive


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


def _vjp(context: Context, *gs: Any) -> Any:
    # The body's own trace knows how to differentiate itself; see `engine/loops.py`.
    return context.static["body"].vjp(context, gs)


def _while_infer(*avals: Aval, body: Graph, **static: Any) -> tuple[Aval, ...]:
    return tuple(v.aval for v in body.outputs)


scan = primitive("scan", kind="control", infer=_scan_infer, vjp=_vjp, multi=True)
while_loop = primitive(
    "while_loop", kind="control", infer=_while_infer, vjp=_vjp, multi=True
)
