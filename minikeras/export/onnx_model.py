"""A function and its inputs as an ONNX model, checked and written to a file."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from minikeras.engine.backend import Backend
from minikeras.engine.errors import see
from minikeras.engine.graph import Graph, Value
from minikeras.engine.passes.inline import inline
from minikeras.engine.state import State
from minikeras.engine.tensor import TraceError, host_array
from minikeras.export import beside
from minikeras.export.errors import UntraceableError
from minikeras.export.probing import Probed, Spec, Varying, probe
from minikeras.export.rows import ROWS
from minikeras.export.writer import Writer, carried_dtype
from minikeras.saving.atomic import replaced_file
from minikeras.version import __version__

OPSET = 21
_IR_VERSION = 10  # the one that came with opset 21
_EXTERNAL_ABOVE = 2**31 - 2**20  # bytes; a protocol buffer ends at 2 GiB


def onnx() -> ModuleType:
    """The onnx package.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise ImportError(
            "this needs the package onnx: pip install 'minikeras[onnx]'."
            + see("guides/onnx.md")
        ) from error


def onnx_model(
    function: Callable[..., Any],
    specs: Sequence[Spec],
    output_names: Sequence[str] | None = None,
    name: str = "model",
    opset: int = OPSET,
    apart: dict[str, np.ndarray[Any, Any]] | None = None,
) -> Any:
    """The ONNX model that computes `function`.

    Args:
        function: Takes a tensor for each spec; returns tensors in any structure.
        specs: The inputs. A text in a shape is a size that stays free.
        output_names: Names of the outputs, in the order of the flattened result.
        name: Name of the graph.
        opset: ONNX's version of operators; 18 to 21.
        apart: Gets the arrays, by name, where they are too many bytes for one message; to
            be handed to `write_onnx`.

    Returns:
        An `onnx.ModelProto`.

    Raises:
        ExportError: If something has no form in ONNX; all that hasn't is named.
        ImportError: If onnx is not installed.
    """
    package = onnx()
    if not 18 <= opset <= OPSET:
        raise ValueError(f"export to ONNX: opset is {opset}; expected 18 to {OPSET}.")
    try:
        probed = probe(function, specs, _prepared)
    except TraceError as error:
        raise UntraceableError(
            f"export to ONNX: {error} What runs in NumPy or Python has no form in ONNX: export "
            "the part of the model behind it, keras.Model(its_results, outputs), and give the "
            "file what that part takes."
        ) from error
    writer = Writer(probed, ROWS)
    missing = writer.missing(_live(probed.graph))
    if missing:
        from minikeras.export.errors import ExportError

        raise ExportError(missing)
    return _assembled(package, writer, probed, specs, output_names, name, opset, apart)


def _prepared(graph: Graph) -> Graph:
    """Without dead nodes, and with composed rows that ONNX has no row for spelled out."""
    graph = inline(_live(graph), _KEPT)
    nodes = []
    for node in graph.nodes:
        static = {
            key: _prepared(value) if isinstance(value, Graph) else value
            for key, value in node.static.items()
        }
        changed = any(static[key] is not node.static[key] for key in static)
        nodes.append(type(node)(node.prim, node.inputs, node.outputs, static, node.source)
                     if changed else node)  # fmt: skip
    return _live(Graph(graph.inputs, graph.constants, nodes, graph.outputs))


class _Kept:
    """What `inline` asks a backend for: the composed rows that stay."""

    kernels = ROWS


_KEPT: Backend = _Kept()  # type: ignore[assignment]  # only `kernels` is asked for


def _live(graph: Graph) -> Graph:
    live: set[Value] = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if any(v in live for v in node.outputs):
            live.update(node.inputs)
            kept.append(node)
    constants = {v: a for v, a in graph.constants.items() if v in live}
    return Graph(graph.inputs, constants, reversed(kept), graph.outputs)


def _assembled(
    package: object, w: Writer, probed: Probed, specs: Sequence[Spec],
    output_names: Sequence[str] | None, name: str, opset: int,
    apart: dict[str, np.ndarray[Any, Any]] | None,
) -> Any:  # fmt: skip
    graph, count = probed.graph, len(specs)
    inputs = []
    for value, spec in zip(graph.inputs[:count], specs, strict=True):
        w.names[value] = w.fresh(spec.name)
        w.sizes.seen(value)
        inputs.append(_info(w, w.names[value], spec.dtype, spec.shape))
    for value, state in zip(graph.inputs[count:], probed.states, strict=True):
        w.know(value, _array(state), state.label)
    w.write(graph)
    outputs = []
    for place, value in enumerate(graph.outputs):
        hint = output_names[place] if output_names else f"output_{place}"
        made = w.name(value)
        label = w.fresh(hint)
        w.scope.nodes.append(w.helper.make_node("Identity", [made], [label]))
        outputs.append(_info(w, label, value.aval.dtype, _dims(probed, value, specs)))
    nodes = _renamed(_needed(w.scope.nodes, [o.name for o in outputs]), outputs)
    used = _used(nodes)
    arrays = {n: a for n, a in w.initializers.items() if n in used}
    tensors = _tensors(package, w, arrays, apart)
    proto = w.helper.make_graph(nodes, name, inputs, outputs, initializer=tensors)
    model = w.helper.make_model(
        proto,
        opset_imports=[w.helper.make_opsetid("", opset)],
        producer_name="minikeras",
        producer_version=__version__,
        ir_version=_IR_VERSION,
    )
    w.helper.set_model_props(
        model,
        {"minikeras_version": __version__, "opset": str(opset), "source": "keras"},
    )
    return model


def _tensors(
    package: object,
    w: Writer,
    arrays: dict[str, np.ndarray[Any, Any]],
    apart: dict[str, np.ndarray[Any, Any]] | None,
) -> list[Any]:
    """The arrays as tensors, or what says where they will lie."""
    if apart is None or sum(a.nbytes for a in arrays.values()) <= _EXTERNAL_ABOVE:
        return [w.to_proto(a, n) for n, a in arrays.items()]
    tensors, offset = [], 0
    for name, array in arrays.items():
        if array.nbytes < beside.LEAST:
            tensors.append(w.to_proto(array, name))
            continue
        tensors.append(beside.reference(package, array, name, offset))
        apart[name] = array
        offset = beside.after(offset, array)
    return tensors


def _array(state: State) -> np.ndarray[Any, Any]:
    return host_array(state.array())


def _info(
    w: Writer, name: object, dtype: str, shape: Sequence[int | str | None]
) -> Any:
    kind = w.helper.np_dtype_to_tensor_dtype(np.dtype(carried_dtype(dtype)))
    return w.helper.make_tensor_value_info(name, int(kind), list(shape))


def _dims(
    probed: Probed, value: Value, specs: Sequence[Spec]
) -> list[int | str | None]:
    """Sizes of an output: free ones by the name of the input's size that they equal."""
    names: dict[tuple[float, ...], str] = {}
    for spec, given in zip(specs, probed.graph.inputs, strict=False):
        for label, dim in zip(spec.shape, probed.shape(given), strict=True):
            if isinstance(label, str) and isinstance(dim, Varying):
                names[tuple(dim.values)] = label
    return [
        names.get(tuple(d.values)) if isinstance(d, Varying) else d
        for d in probed.shape(value)
    ]


def _needed(nodes: Sequence[Any], outputs: Sequence[str]) -> list[Any]:
    """The nodes that outputs depend on."""
    live, kept = set(outputs), []
    for node in reversed(nodes):
        if live.intersection(node.output):
            live.update(_used([node]))
            kept.append(node)
    return kept[::-1]


def _used(nodes: Sequence[Any]) -> set[str]:
    """All names that nodes read, in their bodies too."""
    names: set[str] = set()
    for node in nodes:
        names.update(node.input)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                names.update(_used(attribute.g.node))
                names.update(o.name for o in attribute.g.output)
    return names


def _renamed(nodes: list[Any], outputs: Sequence[Any]) -> list[Any]:
    """Without the Identity of an output, where the node before can bear its name."""
    made = {name: node for node in nodes for name in node.output}
    ends = {o.name for o in outputs}
    kept = list(nodes)
    for node in nodes:
        if node.op_type != "Identity" or node.output[0] not in ends:
            continue
        source = node.input[0]
        before = made.get(source)
        if before is None or source in ends:
            continue
        users = [n for n in kept if source in _used([n])]
        if len(users) != 1:
            continue
        before.output[list(before.output).index(source)] = node.output[0]
        kept.remove(node)
    return kept


def write_onnx(
    model: Any,
    path: str | os.PathLike[str],
    apart: Mapping[str, np.ndarray[Any, Any]] | None = None,
) -> None:
    """Check a model and write it; the old file stays until the new one is whole.

    Args:
        model: What `onnx_model` gave.
        path: The file.
        apart: Arrays that go into a file `NAME.data` beside it.
    """
    package = onnx()
    path = os.fspath(path)
    if apart:
        beside.write(package, model, path, apart)
        return
    package.checker.check_model(model, full_check=True)
    with replaced_file(path) as part:
        part.write_bytes(model.SerializeToString())
