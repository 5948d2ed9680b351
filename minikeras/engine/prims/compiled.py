"""Rows that graph passes make; nobody binds them.

`fused`: a group of elementwise nodes over one index space, with trailing reductions,
as one node. `body.inputs` line up with the node's inputs and `body.outputs` with its
outputs; `body.constants` are scalar literals.

`epilogue`: a matmul or conv (`core`, with `core_static` as sorted items and the first
`n_core` inputs) whose result goes through an elementwise `body`: `body.inputs[0]` is
the result, the others are the rest of the node's inputs.

`chain`: nodes that each of `slices` slices of a batch goes through alone. `body` is what
they do with one slice; inputs marked in `cut`, and all outputs, are cut along their first
axis, other inputs are read whole.

`lines`: groups that go along the lines of the last axis, one after the other. `body` has
them, over the node's own inputs; all that they make is a result.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine.aval import Aval, Shape, ShapeError
from minikeras.engine.graph import Graph
from minikeras.engine.primitive import lookup, primitive


def _match(op: str, body: Graph, given: tuple[Aval, ...]) -> None:
    expected = tuple(v.aval for v in body.inputs)
    if given != expected:
        raise ShapeError(
            f"{op}: the body's inputs are ({', '.join(map(str, expected))}), the node's "
            f"are ({', '.join(map(str, given))}); a pass must keep them equal."
        )


def _infer_fused(*avals: Aval, body: Graph, space: Shape) -> tuple[Aval, ...]:
    _match("fused", body, avals)
    for v in body.constants:
        # Literals are written into the kernel's text, where an array has no place.
        if v.aval.shape != ():
            raise ShapeError(f"fused: constant {v!r} is not a scalar literal.")
    body.check()
    keys = {v for node in body.nodes if node.prim.kind == "random" for v in node.inputs}
    for v in body.inputs:
        if v in keys:
            continue  # a key is read whole, whatever the index
        shape = v.aval.shape
        tail = space[len(space) - len(shape) :] if shape else ()
        if len(shape) > len(space) or any(
            d not in (1, s) for d, s in zip(shape, tail, strict=True)
        ):
            raise ShapeError(f"fused: {v!r} does not broadcast to the space {space}.")
    return tuple(v.aval for v in body.outputs)


def _infer_epilogue(
    *avals: Aval,
    core: str,
    core_static: tuple[tuple[str, Any], ...],
    n_core: int,
    body: Graph,
) -> tuple[Aval, ...]:
    result = lookup(core).infer(*avals[:n_core], **dict(core_static))
    if not isinstance(result, Aval):
        raise ShapeError(f"epilogue: core {core} has several outputs; expected one.")
    _match("epilogue", body, (result, *avals[n_core:]))
    body.check()
    for v in body.outputs:
        if v.aval.shape != result.shape:
            raise ShapeError(
                f"epilogue: output {v!r} does not have the shape {result.shape} of the "
                f"{core}'s result."
            )
    return tuple(v.aval for v in body.outputs)


def _infer_chain(
    *avals: Aval, body: Graph, slices: int, cut: tuple[bool, ...]
) -> tuple[Aval, ...]:
    given = tuple(
        Aval((a.shape[0] // slices, *a.shape[1:]), a.dtype) if sliced else a
        for a, sliced in zip(avals, cut, strict=True)
    )
    _match("chain", body, given)
    body.check()
    return tuple(
        Aval((v.aval.shape[0] * slices, *v.aval.shape[1:]), v.aval.dtype)
        for v in body.outputs
    )


def _infer_lines(*avals: Aval, body: Graph) -> tuple[Aval, ...]:
    _match("lines", body, avals)
    body.check()
    return tuple(v.aval for v in body.outputs)


lines = primitive("lines", kind="opaque", infer=_infer_lines, vjp=None, multi=True)
chain = primitive("chain", kind="opaque", infer=_infer_chain, vjp=None, multi=True)
fused = primitive("fused", kind="opaque", infer=_infer_fused, vjp=None, multi=True)
epilogue = primitive(
    "epilogue", kind="opaque", infer=_infer_epilogue, vjp=None, multi=True
)
