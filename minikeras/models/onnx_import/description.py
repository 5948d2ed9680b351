"""An ONNX graph as plain data, and the checks of a file that may come from anyone.

Nothing in a file is run: it holds names of operators, numbers and arrays. Limits are on
what a few bytes could ask for: shapes of arrays that are not there, data outside of the
file's folder, cycles, depth.
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine.dtypes import numpy_dtype

if TYPE_CHECKING:
    import onnx

Array = np.ndarray[Any, Any]
OLDEST, NEWEST = 1, 28  # versions of ONNX's operators
_MAX_NODES = 200_000
_MAX_DEPTH = 16


class OnnxError(ValueError):
    """A file that cannot be loaded, and why."""


@dataclass
class Node:
    """One call of an operator. An input that is left out is ""."""

    kind: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    name: str = ""


@dataclass
class Port:
    """An input or output: its name, dtype, and shape with None for free sizes."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass
class Description:
    """A graph: constants are arrays of the file, by name."""

    inputs: list[Port]
    outputs: list[Port]
    nodes: list[Node]
    constants: dict[str, Array] = field(default_factory=dict)
    opset: int = NEWEST
    weights: dict[str, Any] = field(
        default_factory=dict
    )  # shapes of arrays given later


def onnx_package() -> ModuleType:
    """The onnx package.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise ImportError(
            "load_onnx needs the package onnx: pip install 'minikeras[onnx]'."
        ) from error


def read(path: str | os.PathLike[str]) -> Description:
    """The graph of a file, checked.

    Raises:
        OnnxError: If it is no ONNX file, or asks for something that is refused.
    """
    path = os.fspath(path)
    return describe(proto_of(path), os.path.dirname(os.path.abspath(path)), path)


def proto_of(path: str) -> Any:
    """The `ModelProto` of a file, without arrays that lie elsewhere.

    Raises:
        OnnxError: If it is no ONNX file.
    """
    try:
        model = onnx_package().load_model(path, load_external_data=False)
    except (OSError, ImportError):
        raise
    except Exception as error:  # the parser of protocol buffers has its own classes
        raise OnnxError(f"{path}: this is no ONNX file ({error}).") from error
    if not model.HasField("graph") or not model.opset_import:
        raise OnnxError(f"{path}: this is no ONNX file: it holds no graph.")
    return model


def describe(
    model: onnx.ModelProto, folder: str | None = None, what: str = "the model"
) -> Description:
    """A `ModelProto` as plain data.

    Args:
        model: The model.
        folder: Where files of external data may lie; None for none.
        what: What to call it in errors.
    """
    opset = _opset(model, what)
    if model.functions:
        raise OnnxError(
            f"{what}: it defines functions of its own, which are not read. Inline them with "
            "onnx.inliner.inline_local_functions first."
        )
    found = _graph(model.graph, folder, what, 0)
    found.opset = opset
    return found


def _opset(model: onnx.ModelProto, what: str) -> int:
    versions = {text(entry.domain): entry.version for entry in model.opset_import}
    opset = versions.get("", versions.get("ai.onnx", 0))
    if not OLDEST <= opset <= NEWEST:
        raise OnnxError(
            f"{what}: operators of ONNX version {opset}; expected {OLDEST} to {NEWEST}. "
            "onnx.version_converter can convert it."
        )
    return int(opset)


def _graph(
    graph: onnx.GraphProto, folder: str | None, what: str, depth: int
) -> Description:
    if depth > _MAX_DEPTH:
        raise OnnxError(f"{what}: graphs in graphs more than {_MAX_DEPTH} deep.")
    if len(graph.node) > _MAX_NODES:
        raise OnnxError(
            f"{what}: {len(graph.node)} nodes; expected {_MAX_NODES} at most."
        )
    if graph.sparse_initializer:
        raise OnnxError(f"{what}: sparse initializers are not read.")
    constants = {text(t.name): array_of(t, folder, what) for t in graph.initializer}
    nodes = [_node(n, folder, what, depth) for n in graph.node]
    inputs = [_port(v, what) for v in graph.input if text(v.name) not in constants]
    outputs = [_port(v, what) for v in graph.output]
    return Description(inputs, outputs, nodes, constants)


def _node(node: onnx.NodeProto, folder: str | None, what: str, depth: int) -> Node:
    kind, domain = text(node.op_type), text(node.domain)
    if domain not in ("", "ai.onnx"):
        kind = f"{domain}.{kind}"
    attributes = {
        text(a.name): _attribute(a, folder, what, depth) for a in node.attribute
    }
    if "broadcast" in attributes or "consumed_inputs" in attributes:
        raise OnnxError(
            f"{what}: {kind} is of ONNX before version 7; onnx.version_converter can "
            "convert the file."
        )
    inputs, outputs = [text(n) for n in node.input], [text(n) for n in node.output]
    return Node(kind, inputs, outputs, attributes, text(node.name))


def text(value: str | bytes) -> str:
    """A name in a file; the parser gives bytes where it is no UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _attribute(
    attribute: onnx.AttributeProto, folder: str | None, what: str, depth: int
) -> Any:
    kinds = type(attribute)
    if attribute.type == kinds.GRAPH:
        return _graph(attribute.g, folder, what, depth + 1)
    if attribute.type == kinds.TENSOR:
        return array_of(attribute.t, folder, what)
    if attribute.type == kinds.STRING:
        return attribute.s.decode("utf-8", "replace")
    if attribute.type == kinds.STRINGS:
        return [s.decode("utf-8", "replace") for s in attribute.strings]
    if attribute.type == kinds.FLOAT:
        return float(attribute.f)
    if attribute.type == kinds.INT:
        return int(attribute.i)
    if attribute.type == kinds.FLOATS:
        return [float(v) for v in attribute.floats]
    if attribute.type == kinds.INTS:
        return [int(v) for v in attribute.ints]
    raise OnnxError(
        f"{what}: attribute {attribute.name!r} is of a kind that is not read."
    )


def array_of(tensor: Any, folder: str | None, what: str = "the model") -> Array:
    """The array of a `TensorProto`; never more memory than its bytes are there for."""
    package = onnx_package()
    shape = tuple(int(d) for d in tensor.dims)
    if any(d < 0 for d in shape):
        raise OnnxError(f"{what}: array {tensor.name!r} has shape {shape}.")
    dtype = numpy_dtype(dtype_of(tensor.data_type, f"{what}: array {tensor.name!r}"))
    wanted = math.prod(shape) * dtype.itemsize
    if tensor.data_location == type(tensor).EXTERNAL:
        return _external(tensor, shape, dtype, wanted, folder, what)
    given = len(tensor.raw_data) or dtype.itemsize * max(
        len(tensor.float_data), len(tensor.int32_data), len(tensor.int64_data),
        len(tensor.double_data), len(tensor.uint64_data), len(tensor.string_data),
    )  # fmt: skip
    if given != wanted:
        raise OnnxError(
            f"{what}: array {tensor.name!r} of shape {shape} needs {wanted} bytes; the file "
            f"holds {given} for it."
        )
    array = package.numpy_helper.to_array(tensor)
    return np.array(array, copy=True).reshape(shape)


def _external(
    tensor: onnx.TensorProto,
    shape: tuple[int, ...],
    dtype: Any,
    wanted: int,
    folder: str | None,
    what: str,
) -> Array:
    """An array that lies in another file of the same folder."""
    entries = {text(e.key): text(e.value) for e in tensor.external_data}
    name = entries.get("location", "")
    inside = (
        name
        and not os.path.isabs(name)
        and ".." not in name.replace("\\", "/").split("/")
    )
    if folder is None or not inside:
        raise OnnxError(
            f"{what}: array {tensor.name!r} is said to lie in {name!r}; only files beside the "
            "model are read."
        )
    base = os.path.realpath(folder)
    path = os.path.realpath(os.path.join(base, name))
    if os.path.commonpath([base, path]) != base or not os.path.isfile(path):
        raise OnnxError(f"{what}: {name!r} is no file in the folder of the model.")
    try:
        offset = int(entries.get("offset", 0))
        length = int(entries.get("length", wanted))
    except ValueError as error:
        raise OnnxError(f"{what}: array {tensor.name!r}: {error}.") from error
    if offset < 0 or length != wanted or offset + length > os.path.getsize(path):
        raise OnnxError(
            f"{what}: array {tensor.name!r} of shape {shape} needs {wanted} bytes of "
            f"{name!r}, which does not hold them."
        )
    with open(path, "rb") as file:
        file.seek(offset)
        raw = file.read(wanted)
    return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def dtype_of(kind: int, what: str) -> str:
    """Our name of an ONNX dtype.

    Raises:
        OnnxError: If we have no such dtype.
    """
    name = _DTYPES.get(int(kind))
    if name is None:
        raise OnnxError(f"{what} has a dtype (number {kind}) that is not read.")
    return name


# TensorProto.DataType of the format -> ours.
_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip


def _port(value: Any, what: str) -> Port:
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        raise OnnxError(f"{what}: {value.name!r} is no array; sequences are not read.")
    shape = None
    if kind.HasField("shape"):
        shape = tuple(
            int(d.dim_value) if d.HasField("dim_value") and d.dim_value > 0 else None
            for d in kind.shape.dim
        )
    dtype = (
        dtype_of(kind.elem_type, f"{what}: {value.name!r}")
        if kind.elem_type
        else "float32"
    )
    return Port(text(value.name), dtype, shape)


def check(graph: Description, known: Iterable[str], outer: Sequence[str] = ()) -> None:
    """Operators that are known, each array made before it is read, and made once.

    Raises:
        OnnxError: Naming all operators that are not known, or the array.
    """
    known = set(known)
    lost = sorted({n.kind for n in nodes_within(graph)} - known)
    if lost:
        raise OnnxError(
            f"these operators of the file are not known: {', '.join(lost)}. Known are the "
            "operators in minikeras.models.onnx_import.CLAIMED."
        )
    _ordered(graph, set(outer))


def _ordered(graph: Description, outer: set[str]) -> None:
    made = {*graph.constants, *graph.weights, *(p.name for p in graph.inputs)}
    for node in graph.nodes:
        for name in node.inputs:
            if name and name not in made and name not in outer:
                raise OnnxError(
                    f"node {node.name or node.kind!r} reads {name!r}, which no node before it "
                    "makes (the graph has a cycle or a part is missing)."
                )
        for inner in node.attributes.values():
            if isinstance(inner, Description):
                _ordered(inner, outer | made)
        for name in filter(None, node.outputs):
            if name in made:
                raise OnnxError(
                    f"{name!r} is made a second time, by {node.name or node.kind!r}."
                )
            made.add(name)
    for port in graph.outputs:
        if port.name not in made and port.name not in outer:
            raise OnnxError(f"the output {port.name!r} is never made.")


def nodes_within(graph: Description) -> list[Node]:
    """The nodes of a graph and of the graphs in it."""
    found = []
    for node in graph.nodes:
        found.append(node)
        for inner in node.attributes.values():
            if isinstance(inner, Description):
                found.extend(nodes_within(inner))
    return found
