"""The writer of an ONNX graph: nodes, initializers, names, sizes known when run.

Rows (`rows/`) tell it one primitive at a time. Equal nodes are made once, what depends
on constants alone is computed here, and nodes that nobody reads are left out at the end.

Images lie channels first in ONNX and channels last here. A convolution's result is kept
as it lies (`Lying`): what works on any layout (activations, sums of two branches, means,
poolings) takes it so, and a Transpose is written only where the layout matters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minikeras.engine import backend as registry
from minikeras.engine.dtypes import numpy_dtype
from minikeras.engine.graph import Graph, Node, Value
from minikeras.export.errors import ExportError
from minikeras.export.probing import Probed, Varying
from minikeras.export.sizes import Sizes

Array = np.ndarray[Any, Any]
Row = Callable[["Writer", Node], "str | Lying | Sequence[str | Lying]"]
_FOLD_LIMIT = 1 << 24  # elements of a constant that is worked out while exporting


class Lying(NamedTuple):
    """An array that lies in another order: axis i of the value is axis perm[i] of `name`."""

    name: str
    perm: tuple[int, ...]


class Contraction(NamedTuple):
    """A convolution that was written, so that what follows can be folded into it."""

    kind: str
    x: str
    w: Array
    bias: Array | None
    out_axis: int  # of w
    attributes: dict[str, Any]
    label: str


class Scope:
    """Nodes of one graph: the main one, or the body of a loop."""

    def __init__(self, parent: Scope | None = None) -> None:
        self.nodes: list[Any] = []
        self.known: dict[Any, tuple[str, ...]] = (
            {} if parent is None else dict(parent.known)
        )


class Writer:
    """See the module's text.

    Args:
        probed: The graph and its free sizes.
        rows: Primitive name -> row.
    """

    def __init__(self, probed: Probed, rows: dict[str, Row]) -> None:
        from onnx import helper, numpy_helper

        self.helper = helper
        self.to_proto = numpy_helper.from_array
        self.probed = probed
        self.rows = rows
        self.scope = Scope()
        self.initializers: dict[str, Array] = {}
        self.arrays: dict[Value, Array] = {}  # values known now
        self.names: dict[Value, str | Lying] = {}
        self.made: dict[Value, Node] = {}
        self.counts: dict[Value, int] = {}
        self.contractions: dict[str, Contraction] = {}
        self.scaled: dict[str, tuple[str, float]] = {}  # Mul by a number, undone by Div
        self.late: dict[Value, Varying] = {}  # numbers made of free sizes
        self.sizes = Sizes(self)
        self._array_names: dict[Any, str] = {}
        self._labels: dict[int, str] = {}
        self._moved: dict[Any, Array] = {}
        self._kept: list[Array] = []  # so that no id is used twice
        self._taken: set[str] = set()
        self._count = 0
        self.source = ""

    # --- names ------------------------------------------------------------------------

    def fresh(self, hint: str) -> str:
        """A name that is not taken yet."""
        name, number = hint, 1
        while name in self._taken:
            name, number = f"{hint}_{number}", number + 1
        self._taken.add(name)
        return name

    def know(self, value: Value, array: Array, label: str = "") -> None:
        """A value whose array is known now: a constant, or a variable of this label."""
        self.arrays[value] = array
        self._kept.append(array)
        if label:
            self._labels[id(array)] = label

    def label_of(self, array: Array) -> str:
        return self._labels.get(id(array), "")

    def constant(self, array: Array, hint: str = "") -> str:
        """The name of an initializer that holds `array`."""
        array = np.asarray(array)
        self._kept.append(array)
        label = hint or self._labels.get(id(array), "")
        key: Any = (
            id(array) if label else (array.dtype.str, array.shape, array.tobytes())
        )
        found = self._array_names.get(key)
        if found is None:
            self._count += 1
            found = self.fresh(label or f"constant_{self._count}")
            self._array_names[key] = found
            self.initializers[found] = array.astype(carried_dtype(array.dtype.name))
        return found

    def like(self, value: Value, number: float) -> str:
        """A number of the dtype of `value`."""
        return self.constant(np.asarray(number, carried_dtype(value.aval.dtype)))

    def name(self, value: Value) -> str:
        """The ONNX name of a value, its axes in our order."""
        array = self.arrays.get(value)
        if array is not None:
            return self.constant(array)
        late = self.late.get(value)
        if late is not None:
            return self.sizes.number(late, value.aval.dtype)
        named = self.named(value)
        if isinstance(named, Lying):
            return self.op("Transpose", named.name, perm=list(named.perm))
        return named

    def named(self, value: Value) -> str | Lying:
        """The name of a value that was written, as it lies."""
        found = self.names.get(value)
        if found is None:
            node = self.made.get(value)
            of = f"{node.prim.name} (in {node.source})" if node else "an input"
            raise ExportError(
                f"export to ONNX: a result of {of} is used that has no form in ONNX here."
            )
        return found

    def names_of(self, values: Sequence[Value]) -> list[str]:
        return [self.name(v) for v in values]

    def lying(self, value: Value, perm: tuple[int, ...]) -> str:
        """The value with axis perm[i] ours at its place i, without a detour."""
        array = self.arrays.get(value)
        inverse = tuple(int(i) for i in np.argsort(perm))
        if array is not None:
            return self.constant(self.moved(array, perm))
        named = self.named(value)
        if isinstance(named, Lying):
            if named.perm == inverse:
                return named.name
            perm = tuple(named.perm[p] for p in perm)
            named = named.name
        return self.op("Transpose", named, perm=list(perm))

    def moved(self, array: Array, perm: tuple[int, ...]) -> Array:
        """A constant with its axes in another order, under the same name."""
        key = (id(array), perm)
        found = self._moved.get(key)
        if found is None:
            found = self._moved[key] = np.ascontiguousarray(np.transpose(array, perm))
            self._kept.extend((array, found))
            if self.label_of(array):
                self._labels[id(found)] = self.label_of(array)
        return found

    # --- nodes ------------------------------------------------------------------------

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Write a node of one output; the same node twice is written once."""
        return self.ops(kind, *inputs, **attributes)[0]

    def ops(
        self, kind: str, *inputs: str, outputs: int = 1, **attributes: object
    ) -> tuple[str, ...]:
        """Write a node of several outputs."""
        key = (kind, inputs, outputs, repr(sorted(attributes.items())))
        found = self.scope.known.get(key)
        if found is None:
            self._count += 1
            hint = f"{self.source}/{kind}" if self.source else kind
            found = tuple(self.fresh(hint) for _ in range(outputs))
            node = self.helper.make_node(
                kind, list(inputs), list(found), name=found[0], **attributes
            )
            self.scope.nodes.append(node)
            self.scope.known[key] = found
        return found

    def ints(self, numbers: Sequence[int]) -> str:
        """An int64 vector."""
        return self.constant(np.asarray(list(numbers), np.int64))

    def cast(self, name: str, dtype: str) -> str:
        kind = self.helper.np_dtype_to_tensor_dtype(np.dtype(carried_dtype(dtype)))
        return self.op("Cast", name, to=int(kind))

    # --- walking ----------------------------------------------------------------------

    def write(self, graph: Graph) -> None:
        """All nodes of a graph; its inputs must have names or arrays already."""
        for value, array in graph.constants.items():
            known = self.probed.constant(value, array)
            if isinstance(known, Varying):
                self.late[value] = known
            else:
                self.know(value, known)
        for node in graph.nodes:
            for value in dict.fromkeys(node.inputs):
                self.counts[value] = self.counts.get(value, 0) + 1
            for value in node.outputs:
                self.made[value] = node
        for value in graph.outputs:
            self.counts[value] = self.counts.get(value, 0) + 1
        for node in graph.nodes:
            self.source = node.source
            self._node(node)

    def _node(self, node: Node) -> None:
        if self._folded(node):
            return
        row = self.rows.get(node.prim.name)
        if row is None:
            raise ExportError(self._missing([node]))
        made = row(self, node)
        parts = [made] if isinstance(made, (str, Lying)) else made
        for value, part in zip(node.outputs, parts, strict=False):
            self.names[value] = part
            self.sizes.seen(value)

    def missing(self, graph: Graph) -> str:
        """What of a graph has no row, as an error's text; empty where all have one."""
        lost = [n for n in nodes_within(graph) if n.prim.name not in self.rows]
        return self._missing(lost) if lost else ""

    def _missing(self, nodes: Sequence[Node]) -> str:
        parts = dict.fromkeys(
            f"{n.prim.name}" + (f" (in {n.source})" if n.source else "") for n in nodes
        )
        return (
            f"export to ONNX: these operations have no form in ONNX here: {', '.join(parts)}. "
            "Export a model without these layers, or replace what they call."
        )

    def _folded(self, node: Node) -> bool:
        """Work out now what depends on constants and variables alone."""
        if any(v not in self.arrays for v in node.inputs):
            return False
        if node.prim.kind in ("random", "control") or len(node.outputs) != 1:
            return False
        out = node.outputs[0]
        if out.aval.size > _FOLD_LIMIT or self.varies(node):
            return False
        if node.prim.kind == "create" and out.aval.size > 4096:
            return False
        if node.prim.kind == "contract":
            return False
        kernel = registry.load("numpy").kernels.get(node.prim.name)
        if kernel is None:
            return False
        arrays = [self.arrays[v] for v in node.inputs]
        array = np.asarray(kernel(*arrays, **node.static))
        label = self.label_of(arrays[0]) if len(arrays) == 1 else ""
        self.know(out, np.ascontiguousarray(array).reshape(out.aval.shape), label)
        return True

    def varies(self, node: Node) -> bool:
        """Whether a node's result or its keywords depend on free sizes."""
        shapes = [self.probed.shape(v) for v in node.outputs]
        statics = [
            self.probed.static(node, key)
            for key, static in node.static.items()
            if not isinstance(static, Graph)
        ]
        return has_varying(shapes) or has_varying(statics)


def carried_dtype(dtype: str) -> Any:
    """The NumPy dtype that a value has in the file: bfloat16 is computed in float32."""
    return np.dtype(np.float32) if dtype == "bfloat16" else numpy_dtype(dtype)


def has_varying(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return any(has_varying(v) for v in value)
    return isinstance(value, Varying)


def nodes_within(graph: Graph) -> list[Node]:
    """The nodes of a graph and of the bodies of its loops."""
    found: list[Node] = []
    for node in graph.nodes:
        found.append(node)
        for static in node.static.values():
            if isinstance(static, Graph):
                found.extend(nodes_within(static))
    return found
