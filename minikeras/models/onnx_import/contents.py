"""What is in an ONNX file, told without building anything."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

from minikeras.models.onnx_import.description import onnx_package, proto_of, text
from minikeras.models.onnx_import.operators import OPERATORS

_FLOATS = ("float", "float16", "double", "bfloat16")
_NAMES = {"float": "float32", "double": "float64"}


def lines(path: str | os.PathLike[str]) -> Iterator[str]:
    """The lines that `minikeras inspect` prints of an ONNX file.

    Args:
        path: The file. Files of arrays beside it are not opened.

    Raises:
        OnnxError: If it is no ONNX file.
        ImportError: If the package onnx is not installed.
    """
    name = os.fspath(path)
    model = proto_of(name)
    yield f"{name}: ONNX, {os.stat(name).st_size:,} bytes"
    yield from _about(model)
    yield "Inputs:"
    given = {t.name for t in model.graph.initializer}
    yield from map(_port, (v for v in model.graph.input if v.name not in given))
    yield "Outputs:"
    yield from map(_port, model.graph.output)
    graphs = list(_graphs(model.graph))
    yield from _operators(graphs)
    yield from _arrays(graphs)


def _about(model: Any) -> Iterator[str]:
    made = f"{text(model.producer_name)} {text(model.producer_version)}".strip()
    if made:
        yield f"producer: {made}"
    for entry in model.opset_import:
        yield f"opset{f' of {text(entry.domain)}' if entry.domain else ''}: {entry.version}"
    for entry in model.metadata_props:
        yield f"{text(entry.key)}: {text(entry.value)}"


def _port(value: Any) -> str:
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        return f"  {text(value.name)}: no array"
    if not kind.HasField("shape"):
        return f"  {text(value.name)}: {_dtype(kind.elem_type)} of any shape"
    sizes = [
        text(d.dim_param) or "None" if not d.HasField("dim_value") else str(d.dim_value)
        for d in kind.shape.dim
    ]
    return f"  {text(value.name)}: ({', '.join(sizes)}) {_dtype(kind.elem_type)}"


def _dtype(number: int) -> str:
    kinds = onnx_package().TensorProto.DataType
    if number not in kinds.values():
        return f"dtype {number}"
    name = str(kinds.Name(number)).lower()
    return _NAMES.get(name, name)


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph, and those inside its loops and branches."""
    waiting = [graph]
    while waiting:
        found = waiting.pop()
        yield found
        for node in found.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    waiting.append(attribute.g)
                waiting.extend(attribute.graphs)


def _operators(graphs: list[Any]) -> Iterator[str]:
    counts = Counter(
        f"{text(n.domain)}.{text(n.op_type)}"
        if n.domain not in ("", "ai.onnx")
        else text(n.op_type)
        for graph in graphs
        for n in graph.node
    )
    yield f"Operators: {sum(counts.values()):,}"
    for kind, count in sorted(counts.items(), key=lambda found: (-found[1], found[0])):
        yield f"  {kind}: {count:,}" + (
            "" if kind in OPERATORS else " (load_onnx does not know it)"
        )


def _arrays(graphs: list[Any]) -> Iterator[str]:
    arrays = [t for graph in graphs for t in graph.initializer]
    arrays += [
        a.t
        for graph in graphs
        for node in graph.node
        for a in node.attribute
        if a.HasField("t") and node.op_type == "Constant"
    ]
    numbers = {True: 0, False: 0}
    yield "Arrays:"
    for array in arrays:
        dtype = str(onnx_package().TensorProto.DataType.Name(array.data_type)).lower()
        numbers[dtype in _FLOATS] += math.prod(array.dims)
        shape = "x".join(map(str, array.dims)) or "scalar"
        yield f"  {text(array.name) or 'constant'}: {shape} {_NAMES.get(dtype, dtype)}"
    yield f"Parameters: {numbers[True]:,}; other numbers: {numbers[False]:,}"
