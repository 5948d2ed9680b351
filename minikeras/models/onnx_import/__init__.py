"""Models from ONNX files.

A graph of common operators becomes a functional model: `OnnxGraph`, a layer that runs
the operators as functions of `ops`, with the file's arrays as weights. So it predicts,
trains, is saved and exported like any other model, and needs the onnx package for reading
the file only.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from minikeras.engine.symbolic import KerasTensor
from minikeras.layers import Input
from minikeras.models.model import Model
from minikeras.models.onnx_import.description import Description, OnnxError, check, read
from minikeras.models.onnx_import.layer import OnnxGraph
from minikeras.models.onnx_import.operators import CLAIMED, OPERATORS

if TYPE_CHECKING:
    from minikeras.models.onnx_import.description import Port

__all__ = ["CLAIMED", "OnnxError", "OnnxGraph", "load_onnx"]


def load_onnx(path: str | os.PathLike[str]) -> Model:
    """A model that computes what an ONNX file describes.

    Args:
        path: The file. Arrays in other files are read if these lie beside it.

    Returns:
        A functional model with the file's inputs and outputs, in its order and under its
        names. Float arrays of the file are weights; statistics of batch normalization are
        not trainable.

    Raises:
        ValueError: If it is no ONNX file, has operators that are not known (all are
            named), or asks for what is refused.
        ImportError: If onnx is not installed: `pip install 'minikeras[onnx]'`.

    Example:

    >>> model = keras.models.load_onnx("network.onnx")  # doctest: +SKIP
    >>> model.fit(x, y)  # doctest: +SKIP
    """
    graph = read(path)
    check(graph, OPERATORS)
    if not graph.inputs or not graph.outputs:
        raise OnnxError(f"{os.fspath(path)}: its graph has no inputs or no outputs.")
    constants_from_nodes(graph)
    inputs = [_input(port, os.fspath(path)) for port in graph.inputs]
    layer = OnnxGraph(graph, name="onnx_graph")  # type: ignore[arg-type]  # its own form
    return Model(inputs, layer(inputs[0] if len(inputs) == 1 else inputs))


def constants_from_nodes(graph: Description) -> None:
    """`Constant` nodes that hold arrays as constants: some exporters keep weights so."""
    kept = []
    for node in graph.nodes:
        value = node.attributes.get("value")
        if node.kind == "Constant" and value is not None:
            graph.constants[node.outputs[0]] = value
        else:
            kept.append(node)
    graph.nodes = kept


def _input(port: Port, path: str) -> KerasTensor:
    if port.shape is None or not port.shape:
        raise OnnxError(
            f"{path}: the input {port.name!r} has no shape, or is a single number; expected "
            "arrays whose first axis is the batch."
        )
    name = port.name.replace("/", "_").replace(":", "_")
    if port.shape[0] is None:
        return Input(port.shape[1:], dtype=port.dtype, name=name)
    return Input(batch_shape=port.shape, dtype=port.dtype, name=name)
