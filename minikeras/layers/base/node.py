"""The graph of a functional model: one `Node` for each call on KerasTensors.

Layers record their own calls; `minikeras.ops` hands its calls in through the
recorder that this module installs, each as an `OpCall` with a name of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from minikeras import naming
from minikeras.engine import tree
from minikeras.engine.symbolic import KerasTensor, infer_call
from minikeras.ops import core_op


class KerasHistory(NamedTuple):
    """Where a KerasTensor comes from: output `tensor_index` of an operation's n-th call."""

    operation: Any
    node_index: int
    tensor_index: int


class Node:
    """One symbolic call: the operation, its arguments, the KerasTensors it gave."""

    def __init__(
        self,
        operation: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        outputs: Any,
    ) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs
        self.index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for i, tensor in enumerate(self.output_tensors):
            tensor._keras_history = KerasHistory(operation, self.index, i)

    @property
    def input_tensors(self) -> list[KerasTensor]:
        """The KerasTensors among the arguments."""
        leaves = tree.flatten((self.args, self.kwargs))
        return [leaf for leaf in leaves if isinstance(leaf, KerasTensor)]

    @property
    def output_tensors(self) -> list[KerasTensor]:
        """The KerasTensors among the results."""
        leaves = tree.flatten(self.outputs)
        return [leaf for leaf in leaves if isinstance(leaf, KerasTensor)]

    @property
    def is_input(self) -> bool:
        """Whether this is where data enters."""
        return not self.input_tensors

    @property
    def parent_nodes(self) -> list[Node]:
        """The nodes whose outputs this one takes."""
        return [node_of(t) for t in self.input_tensors]

    def __repr__(self) -> str:
        return f"<Node {self.operation.name}[{self.index}]>"


def node_of(tensor: KerasTensor) -> Node:
    """The node that made a KerasTensor.

    Raises:
        ValueError: If no call made it, e.g. `KerasTensor(...)` by hand.
    """
    history = tensor._keras_history
    if history is None:
        raise ValueError(
            f"{tensor!r} was not made by keras.Input() or by a call of a layer or op; a "
            "functional model cannot start from it."
        )
    node: Node = history.operation._inbound_nodes[history.node_index]
    return node


class OpCall:
    """A function of `minikeras.ops` used in a functional model."""

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        self.function = function
        self.name = naming.auto_name(function.__name__) if name is None else name
        self._inbound_nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if core_op.any_symbolic(args, kwargs):
            return self.record(args, kwargs)
        return self.function(*args, **kwargs)

    def record(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call on KerasTensors: infer the result, add a node."""
        outputs = infer_call(self.function, *args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    @property
    def output(self) -> Any:
        """The result of the only call."""
        return self._inbound_nodes[0].outputs

    def __getstate__(self) -> dict[str, Any]:
        # As for layers: nodes lead to the whole graph, which the model keeps.
        return {**self.__dict__, "_inbound_nodes": []}

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


def _record(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    return OpCall(function).record(args, kwargs)


core_op.set_recorder(_record)
