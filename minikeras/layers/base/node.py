"""The graph of a functional model: one `Node` for each call on KerasTensors.

Layers record their own calls; `minikeras.ops` hands its calls in through the
recorder that this module installs, each as an `OpCall` with a name of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, Self

from minikeras import naming
from minikeras.engine import tree
from minikeras.engine.symbolic import KerasTensor, any_symbolic, infer_call
from minikeras.layers.base.describing import init_config, takes
from minikeras.ops.op import set_recorder


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


class _Signature:
    """`inspect.signature` of an operation's class: what its constructor takes.

    Without it, some versions of Python show `__new__`, which takes anything.
    """

    def __get__(self, instance: object, owner: type) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")  # that of __call__ then
        whole = inspect.signature(owner.__init__)  # type: ignore[misc]  # only read
        return whole.replace(parameters=list(whole.parameters.values())[1:])


class Operation:
    """A function of tensors that can be a step of a functional model.

    Layers are operations, and so are the functions of `keras.ops` in a model. A subclass
    says in `call` what it computes; called on KerasTensors it is recorded.

    Args:
        name: Default: the class's name in snake case, numbered.

    Raises:
        ValueError: If the name is no string, or holds a `/`.

    Example:

    >>> class Times(keras.Operation):
    ...     def __init__(self, factor, name=None):
    ...         super().__init__(name=name)
    ...         self.factor = factor
    ...     def call(self, x):
    ...         return x * self.factor
    >>> x = keras.Input((2,))
    >>> model = keras.Model(x, Times(3.0)(x))
    >>> model(keras.ops.ones((1, 2))).tolist()
    [[3.0, 3.0]]
    """

    name: str
    _inbound_nodes: list[Node]

    __signature__ = _Signature()

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        made = super().__new__(cls)
        made.__dict__["_inbound_nodes"] = []
        made.__dict__["_init_arguments"] = (args, kwargs)
        return made

    def __init__(self, name: str | None = None) -> None:
        kind = type(self).__name__
        chosen = naming.auto_name(kind) if name is None else name
        self.name = naming.check_name(chosen, kind)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`call`, or what records it if a KerasTensor is among the arguments."""
        if any_symbolic(args, kwargs):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What it computes, on tensors."""
        raise NotImplementedError(
            f"{type(self).__name__}: it has no call(); define call(self, ...) with what "
            "it computes."
        )

    def symbolic_call(self, *args: object, **kwargs: object) -> Any:
        """Call on KerasTensors: infer the result, add a node."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What a call on these KerasTensors would return; nothing is recorded."""
        return infer_call(self.call, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal operation."""
        config: dict[str, Any] = {"name": self.name}
        config |= init_config(self, config)
        if not takes(type(self), "name"):
            del config["name"]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The operation that `get_config` described."""
        return cls(**config)

    @property
    def input(self) -> Any:
        """The KerasTensors of the first symbolic call: one, or a flat list."""
        node = self._first_node("input")
        return _one_or_list((node.args, node.kwargs))

    @property
    def output(self) -> Any:
        """The KerasTensors that the first symbolic call returned: one, or a flat list."""
        return _one_or_list(self._first_node("output").outputs)

    def _first_node(self, wanted: str) -> Node:
        nodes: list[Node] = self.__dict__["_inbound_nodes"]
        if not nodes:
            raise AttributeError(
                f"{self._label()} has no `{wanted}`: it was never called on a KerasTensor."
            )
        return nodes[0]

    def _label(self) -> str:
        return f"operation {self.name!r} ({type(self).__name__})"

    def __getstate__(self) -> dict[str, Any]:
        # As for layers: nodes lead to the whole graph, which the model keeps.
        return {**self.__dict__, "_inbound_nodes": []}

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


def _one_or_list(structure: object) -> KerasTensor | list[Any]:
    found = [t for t in tree.flatten(structure) if isinstance(t, KerasTensor)]
    return found[0] if len(found) == 1 else found


class OpCall(Operation):
    """A function of `minikeras.ops` used in a functional model."""

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        self.function = function
        self.name = naming.auto_name(function.__name__) if name is None else name

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The function on these arguments."""
        return self.function(*args, **kwargs)


def _record(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    return OpCall(function).symbolic_call(*args, **kwargs)


set_recorder(_record)
