"""What an error of a device without room says: which layer, and which batch would fit."""

from __future__ import annotations

from collections.abc import Sequence

from minikeras.engine.backend import OutOfMemory
from minikeras.engine.graph import Graph, Value


def explained(
    error: OutOfMemory, graph: Graph, arguments: Sequence[Value], held: int = 0
) -> OutOfMemory:
    """The error, with what the program that asked knows.

    Args:
        error: The backend's.
        graph: What was to run.
        arguments: The values that come from the caller: the first one's first axis counts
            as that of the batch.
        held: Bytes that the program has already, which grow with the batch.
    """
    parts = [str(error)]
    made = [(v.aval, node) for node in graph.nodes for v in node.outputs]
    if made:
        aval, node = max(made, key=lambda pair: pair[0].nbytes)
        where = f"layer {node.source!r}" if node.source else node.prim.name
        size = f"{aval.nbytes / 2**20:.1f} MiB"
        shape = f"{aval.dtype}{list(aval.shape)}"
        parts.append(
            f"The largest array of the program is {shape} ({size}), of {where}."
        )
    shapes = [v.aval.shape for v in arguments if v.aval.shape]
    if shapes and error.asked > error.room:
        batch = shapes[0][0]
        fits = batch * (held + error.room) // (held + error.asked)
        if fits:
            parts.append(f"A batch of about {fits} would fit, in place of {batch}.")
        else:
            parts.append("Not even one sample would fit.")
    return OutOfMemory(" ".join(parts), error.asked, error.room)
