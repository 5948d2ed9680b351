"""Staging: run a Python function on abstract values and keep the graph.

Each primitive becomes a node. A state that is read becomes an input of the graph,
one that is assigned an output; the program later feeds and updates it in place.
A concrete array that is met on the way becomes a constant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import is_integer
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.interpret import Interpreter, base, current, scope_path
from minikeras.engine.tensor import Tensor, host_array

if TYPE_CHECKING:
    import numpy as np

    from minikeras.engine.primitive import Primitive
    from minikeras.engine.state import State


_FEW = 16  # entries: more axes than these no array has


def _sizes(
    prim: Primitive, arrays: tuple[Tensor, ...], avals: tuple[Aval, ...]
) -> bool:
    """Whether a call works out a few whole numbers from known ones.

    Sizes and axes are reckoned so, in tensors, by code that was written for graphs:
    `tile(mask, concat([expand_dims(batch, 0), [1, 1]]))`. They are kept concrete, so that
    they can be read where a shape is wanted.
    """
    return (
        bool(arrays)
        and prim.kind in ("elementwise", "movement", "reduce")
        and all(_few_integers(aval) for aval in avals)
        and all(type(a.value) is not Value and _few_integers(a.aval) for a in arrays)
    )


def _few_integers(aval: Aval) -> bool:
    return is_integer(aval.dtype) and aval.ndim < 2 and aval.size <= _FEW


class Staging(Interpreter):
    """Builds a graph. After the run: `nodes`, `constants`, `reads`, `writes`."""

    staging = True
    wants_paths = True
    # Whether sizes stand for any others: one graph is wanted for all of them, so that
    # code must not choose by them, nor work out arrays from them.
    sizes_are_free = False

    def __init__(self) -> None:
        self.inputs: list[Value] = []
        self.nodes: list[Node] = []
        self.constants: dict[Value, np.ndarray[Any, Any]] = {}
        self.reads: dict[State, Value] = {}  # state -> the graph input it became
        self.writes: dict[State, Tensor] = {}  # state -> its last assigned value
        self._current: dict[State, Tensor] = {}
        self._constant_of: dict[int, tuple[Any, Tensor]] = {}

    def add_input(self, aval: Aval, label: str = "") -> Tensor:
        """A new graph input."""
        value = Value(aval, label)
        self.inputs.append(value)
        return Tensor(value, aval)

    def lift(self, tensor: Tensor) -> Value:
        """The graph value of a tensor; a concrete one becomes a constant."""
        if type(tensor.value) is Value:
            return tensor.value
        found = self._constant_of.get(id(tensor.value))
        if found is None:
            value = Value(tensor.aval)
            self.constants[value] = host_array(tensor.value)
            # The array is kept beside its entry, so that its id is not used again.
            found = self._constant_of[id(tensor.value)] = (
                tensor.value,
                Tensor(value, tensor.aval),
            )
        lifted: Value = found[1].value
        return lifted

    def run(
        self, prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]
    ) -> Any:
        inferred = prim.infer(*[a.aval for a in arrays], **static)
        avals = (inferred,) if isinstance(inferred, Aval) else inferred
        if not arrays and not avals[0].shape:
            # A number is a number: kept concrete, so that whoever looks at the tape's
            # records (stabilise) can read it. It becomes a literal where it is used.
            return base().run(prim, arrays, static)
        if _sizes(prim, arrays, avals):
            return base().run(prim, arrays, static)
        outputs = [Value(aval) for aval in avals]
        self.nodes.append(
            Node(prim, [self.lift(a) for a in arrays], outputs, static, scope_path())
        )
        tensors = tuple(Tensor(v, v.aval) for v in outputs)
        return tensors if prim.multi else tensors[0]

    def read(self, state: State) -> Tensor:
        tensor = self._current.get(state)
        if tensor is None:
            state.settle()
            value = self.reads[state] = Value(state.aval, state.label)
            tensor = self._current[state] = Tensor(value, state.aval)
        return tensor

    def assign(self, state: State, value: Tensor) -> None:
        if state not in self.reads:
            self.read(state)  # a written state is always an input too: its buffer
        self._current[state] = self.writes[state] = value

    def graph(self, outputs: list[Tensor]) -> Graph:
        """The graph: inputs then states read; outputs then states written, in order."""
        results = [self.lift(t) for t in (*outputs, *self.writes.values())]
        return Graph(
            [*self.inputs, *self.reads.values()], self.constants, self.nodes, results
        )


def sizes_are_free() -> bool:
    """Whether the graph that is made is to serve for sizes that are not known."""
    return getattr(current(), "sizes_are_free", False)


class Abstract(Staging):
    """Staging that keeps no graph: only shapes and dtypes are wanted."""

    def run(
        self, prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]
    ) -> Any:
        inferred = prim.infer(*[a.aval for a in arrays], **static)
        avals = (inferred,) if isinstance(inferred, Aval) else inferred
        if _sizes(prim, arrays, avals):
            return base().run(prim, arrays, static)
        if isinstance(inferred, Aval):
            return Tensor(Value(inferred), inferred)
        return tuple(Tensor(Value(aval), aval) for aval in inferred)

    def read(self, state: State) -> Tensor:
        tensor = self._current.get(state)
        if tensor is None:
            tensor = self._current[state] = Tensor(Value(state.aval), state.aval)
        return tensor

    def assign(self, state: State, value: Tensor) -> None:
        self._current[state] = value
