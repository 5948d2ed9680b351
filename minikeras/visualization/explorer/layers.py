"""The layers of a staged model as the page lists them, and the edges between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.engine.dtypes import STRING
from minikeras.engine.graph import Node, Value
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.node import OpCall
from minikeras.visualization.explorer.capture import LayerCall
from minikeras.visualization.explorer.geometry import flops, geometry, receptive
from minikeras.visualization.explorer.kinds import kind_of, view_of
from minikeras.visualization.explorer.plain import plain
from minikeras.visualization.explorer.program import Program
from minikeras.visualization.explorer.staged import Staged

if TYPE_CHECKING:
    from minikeras.layers.base.node import Operation

Json = Any
Place = tuple[int, int]  # a layer and which of its results

_EXPLAINED = ("conv", "depthwise", "separable", "transposed", "dense", "pool", "globalpool",
              "normalization", "embedding", "merge")  # fmt: skip


class Layers:
    """The rows of `Payload.layers`; the inputs come first.

    Args:
        found: The staged model.
        program: Its program.
        inputs: Rows of the inputs: name, class, view.
        weights: Ids of the model's weights -> their numbers.

    Attributes:
        rows: What the page gets.
        edges: What the page gets.
        outputs: Which layer gives each of the model's outputs, and which of its results.
        calls: For each row the call it is about; None for inputs.
    """

    def __init__(
        self,
        found: Staged,
        program: Program,
        inputs: list[Json],
        weights: dict[int, int],
    ) -> None:
        self._found, self._program, self._weights = found, program, weights
        self._producer = found.raw.producers()
        # By value of the graph; of a model that was not staged by the tensor itself.
        self._owner: dict[Any, Place] = {}
        self._numbers: dict[LayerCall, int] = {}
        self._paths: dict[str, int] = {}
        self._ends: dict[int, Tensor] = {}
        self.rows: list[Json] = []
        self.edges: list[Json] = []
        self.calls: list[LayerCall | None] = []
        for tensor, given in zip(found.inputs, inputs, strict=True):
            self._add_input(tensor, given)
        # Numbers first: a call inside another ends before it, and names it as its parent.
        for i, call in enumerate(found.calls):
            self._numbers[call] = len(found.inputs) + i
        for call in found.calls:
            self._add(call)
        self.outputs = [self._add_output(t, i) for i, t in enumerate(found.outputs)]
        self._add_edges()

    def _add_input(self, tensor: Tensor, given: Json) -> None:
        number = len(self.rows)
        shape = tensor.shape[1:]
        self._owner[key_of(tensor)] = (number, 0)
        window = None
        if given["view"]["kind"] in ("maps", "sequence", "plane"):
            rank = 1 if given["view"]["kind"] == "sequence" else 2
            window = {"size": [1] * rank, "stride": [1] * rank, "start": [0] * rank}
        self.calls.append(None)
        self.rows.append(
            {
                **_blank(given["name"], given["name"], "InputLayer", "input"),
                "outputs": [self._output(tensor, shape, given["view"])],
                "live": True,
                "receptive": window,
                "gradient": self._gradient(tensor),
            }
        )

    def _gradient(self, tensor: Tensor) -> bool:
        gradient, inputs = self._found.gradient, self._found.inputs
        if gradient is None:
            return False
        place = next(i for i, t in enumerate(inputs) if t is tensor)
        return self._program.number(gradient.inputs[place]) >= 0

    def _output(self, tensor: Tensor, shape: tuple[int, ...], view: Json) -> Json:
        # Where the model runs eagerly text is an array of NumPy.
        text = not isinstance(tensor, Tensor) or tensor.dtype == STRING
        return {
            "shape": list(shape),
            "dtype": "uint8" if text else str(tensor.dtype),
            "view": view,
            "value": self._program.number(key_of(tensor)),
        }

    def _add(self, call: LayerCall) -> None:
        number, operation = self._numbers[call], call.operation
        kind = kind_of(operation)
        nodes = self._own_nodes(call)
        sources = [self._source(t) for t in call.given]
        first = sources[0] if sources else None
        before = None if first is None else self._row(first)
        view_before = None if before is None else before["outputs"][first[1]]["view"]  # type: ignore[index]  # with `before` there is one
        outputs = [
            self._output(
                t, unbatched(t), view_of(operation, kind, unbatched(t), view_before)
            )
            for t in call.made
        ]
        window = geometry(operation, kind, nodes)
        name = operation.name
        row = _blank(name, self._path(call), _class_name(operation), kind)
        row.update(
            parent=None if call.parent is None else self._numbers.get(call.parent),
            depth=_depth(call),
            arguments=[
                self._argument(t, s) for t, s in zip(call.given, sources, strict=True)
            ],
            outputs=outputs,
            live=all(o["value"] >= 0 for o in outputs),
            flops=flops(nodes),
            geometry=window,
            explainable=kind in _EXPLAINED,
            parts=self._parts(call, kind),
            gradient=self._layer_gradient(call),
            activation=_activation(operation),
            config=_config(operation),
            **self._parameters(call),
        )
        if outputs and before is not None and first is not None:
            given = before["outputs"][first[1]]
            windows = [
                None if source is None else self._row(source)["receptive"]
                for source in sources
            ]
            row["receptive"] = receptive(
                kind, outputs[0]["view"], window, windows, spatial(given)
            )
        for i, (inner, made) in enumerate(zip(call.inner, call.made, strict=True)):
            self._owner[key_of(made)] = (number, i)
            self._owner.setdefault(key_of(inner), (number, i))
        self.calls.append(call)
        self.rows.append(row)

    def _add_output(self, tensor: Tensor, place: int) -> Place:
        """The layer of an output; a row of its own for one that plain functions make."""
        found = self._owner.get(key_of(tensor))
        if found is not None:
            return found
        number, name = len(self.rows), f"output_{place + 1}"
        shape = unbatched(tensor)
        output = self._output(tensor, shape, view_of(None, "other", shape, None))
        row = _blank(name, name, "output", "operation")
        row.update(outputs=[output], live=output["value"] >= 0)
        self._ends[number] = tensor
        self.calls.append(None)
        self.rows.append(row)
        return number, 0

    def _row(self, place: Place) -> Json:
        return self.rows[place[0]]

    def _own_nodes(self, call: LayerCall) -> list[Node]:
        """The nodes of a call that are not of calls inside it."""
        inside = [range(c.first, c.last) for c in call.children]
        return [
            self._found.raw.nodes[i]
            for i in range(call.first, call.last)
            if not any(i in span for span in inside)
        ]

    def _source(self, tensor: Tensor) -> Place | None:
        """The layer whose result a tensor is; casts and the like are looked through."""
        value = key_of(tensor)
        while value in self._owner or isinstance(value, Value):
            if value in self._owner:
                return self._owner[value]
            node = self._producer.get(value)
            if node is None or node.prim.name not in ("cast", "reshape"):
                return None
            value = node.inputs[0]
            if _without_ones(value) != _without_ones(node.outputs[0]):
                return None
        return None

    def _argument(self, tensor: Tensor, source: Place | None) -> Json:
        return {
            "value": self._program.number(key_of(tensor)),
            "shape": list(unbatched(tensor)),
            "layer": -1 if source is None else source[0],
            "output": 0 if source is None else source[1],
        }

    def _path(self, call: LayerCall) -> str:
        names = [call.operation.name]
        at = call.parent
        while at is not None:
            names.insert(0, at.operation.name)
            at = at.parent
        path = "/".join(names)
        self._paths[path] = self._paths.get(path, 0) + 1
        count = self._paths[path]
        return path if count == 1 else f"{path} ({count})"

    def _parameters(self, call: LayerCall) -> Json:
        weights = list(getattr(call.operation, "weights", ()))
        inside = {
            id(w) for c in call.children for w in getattr(c.operation, "weights", ())
        }
        own = [w for w in weights if id(w) not in inside and id(w) in self._weights]
        counts = [(int(w.value.size), w.trainable) for w in weights]
        return {
            "parameters": sum(n for n, _ in counts),
            "trainable": sum(n for n, trainable in counts if trainable),
            "weights": [{"role": w.name, "weight": self._weights[id(w)]} for w in own],
        }

    def _layer_gradient(self, call: LayerCall) -> bool:
        gradient = self._found.gradient
        if gradient is None:
            return False
        value = gradient.layers[self._found.calls.index(call)]
        return value is not None and self._program.number(value) >= 0

    def _parts(self, call: LayerCall, kind: str) -> list[Json]:
        if kind == "attention":
            return self._scores(call)
        if kind == "recurrent" and not call.children:
            return self._states(call)
        return []

    def _scores(self, call: LayerCall) -> list[Json]:
        """Weights that queries give to keys: what softmax makes inside."""
        for node in self._found.raw.nodes[call.first : call.last]:
            if node.prim.name == "softmax":
                out = node.outputs[0]
                heads = out.aval.shape[1:]
                shape = [1] * (3 - len(heads)) + list(heads)
                number = self._program.number(out)
                if len(shape) == 3 and number >= 0:
                    return [
                        {
                            "kind": "attention",
                            "shape": shape,
                            "names": [],
                            "value": number,
                        }
                    ]
        return []

    def _states(self, call: LayerCall) -> list[Json]:
        for node in self._own_nodes(call):
            if node.prim.name in ("lstm", "gru", "simple_rnn"):
                return self._sequence(node)
        return []

    def _sequence(self, node: Node) -> list[Json]:
        _, time, units = node.outputs[0].aval.shape
        long, short = node.prim.name == "lstm", node.prim.name == "simple_rnn"
        names = ["input", "forget", "candidate", "output"]
        if not long:
            names = ["update", "reset", "recurrent part", "candidate"]
        rows: list[tuple[str, Value, int, list[str]]] = [
            ("states", node.outputs[0], units, [])
        ]
        if long:
            rows.append(("cells", node.outputs[2], units, []))
        if not short:
            rows.append(("gates", node.outputs[-1], 4 * units, names))
        return [
            {"kind": kind, "shape": [time, width], "names": names, "value": number}
            for kind, value, width, names in rows
            if (number := self._program.number(value)) >= 0
        ]

    def _add_edges(self) -> None:
        for number, call in enumerate(self.calls):
            if call is None and number not in self._ends:
                continue
            if call is None:
                tensors = [self._ends[number]]
            else:
                tensors = call.inner if call.children else call.given
            found: list[Place] = []
            for tensor in tensors:
                found += self._behind(key_of(tensor), number)
            self.rows[number]["inputs"] = list(dict.fromkeys(n for n, _ in found))
            for source, output in dict.fromkeys(found):
                shape = self.rows[source]["outputs"][output]["shape"]
                self.edges.append(
                    {"from": source, "to": number, "output": output, "shape": shape}
                )

    def _behind(self, start: Any, number: int) -> list[Place]:
        """The layers whose results a value is computed from, the nearest ones."""
        found: list[Place] = []
        stack, seen = [start], set()
        while stack:
            value = stack.pop()
            if value in seen:
                continue
            seen.add(value)
            owner = self._owner.get(value)
            if owner is not None and owner[0] < number:
                found.append(owner)
                continue
            node = self._producer.get(value)
            if node is not None:
                stack.extend(reversed(node.inputs))
        return found


def key_of(tensor: Tensor) -> Any:
    """What a tensor is known by: its value in the graph; itself where there is no graph."""
    value = getattr(tensor, "value", tensor)
    return value if isinstance(value, Value) else id(tensor)


def _blank(name: str, path: str, class_name: str, kind: str) -> Json:
    return {
        "name": name, "path": path, "className": class_name, "kind": kind,
        "parent": None, "depth": 0, "inputs": [], "arguments": [], "outputs": [],
        "live": False, "parameters": 0, "trainable": 0, "flops": 0, "weights": [],
        "config": {}, "activation": None, "geometry": None, "receptive": None,
        "explainable": False, "parts": [], "gradient": False,
    }  # fmt: skip


def unbatched(tensor: Tensor) -> tuple[int, ...]:
    """The shape of one sample's values, of what was staged for a batch of one."""
    shape = tuple(int(d) for d in tensor.shape)
    return shape[1:] if shape[:1] == (1,) else shape


def spatial(output: Json) -> list[int]:
    """Sizes of the axes along which windows move."""
    view, shape = output["view"], output["shape"]
    names = {
        "maps": ("rows", "columns"),
        "sequence": ("steps",),
        "plane": ("rows", "columns"),
    }
    return [shape[view[name]] for name in names.get(view["kind"], ())]


def _without_ones(value: Value) -> list[int]:
    return [d for d in value.aval.shape if d != 1]


def _depth(call: LayerCall) -> int:
    depth, at = 0, call.parent
    while at is not None:
        depth, at = depth + 1, at.parent
    return depth


def _class_name(operation: object) -> str:
    if isinstance(operation, OpCall):
        return str(getattr(operation.function, "__name__", "function"))
    return type(operation).__name__


def _activation(operation: object) -> str | None:
    function = getattr(operation, "activation", None)
    name = getattr(function, "__name__", None) or getattr(function, "name", None)
    return None if function is None or name == "linear" else str(name or function)


def _config(operation: Operation) -> Json:
    try:
        config = operation.get_config()
    except (NotImplementedError, TypeError, AttributeError):
        return {}
    return plain(config)
