"""Function: the computation between KerasTensors, without a model around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.engine import tree
from minikeras.engine.symbolic import any_symbolic, infer_call
from minikeras.layers.base.call_info import shape_of
from minikeras.layers.base.node import Operation
from minikeras.layers.base.shapes import shapes_to_tensors
from minikeras.models import graph
from minikeras.models.functional import checked_ends
from minikeras.ops.op import to_tensor
from minikeras.types import PartialShape

if TYPE_CHECKING:
    from minikeras.engine.symbolic import KerasTensor
    from minikeras.types import Nested


class Function(Operation):
    """A graph of layers and ops as a plain function; it holds and trains nothing.

    Args:
        inputs: KerasTensors, in any structure of lists and dicts: of `Input`, made by hand,
            or from the middle of a graph; what comes before them does not belong to it.
        outputs: KerasTensors computed from them.
        name: Name of the function.

    Raises:
        ValueError: If inputs and outputs are not KerasTensors, or are not connected.

    Example:

    >>> x, y = keras.Input((2,)), keras.Input((2,))
    >>> f = keras.Function([x, y], x + y)
    >>> f([keras.ops.ones((1, 2)), keras.ops.ones((1, 2))]).numpy().tolist()
    [[2.0, 2.0]]
    """

    def __init__(
        self, inputs: Nested[KerasTensor], outputs: object, name: str | None = None
    ) -> None:
        super().__init__(name)
        checked_ends(inputs, outputs, f"function {self.name!r}", begun=False)
        self._inputs, self._outputs = tree.flatten(inputs), tree.flatten(outputs)
        self._output_spec = tree.flatten_spec(outputs)[1]
        self._nodes, self._operations = graph.trace(self._inputs, self._outputs)
        self._schedule = graph.Schedule(self._inputs, self._outputs, self._nodes)

    @property
    def inputs(self) -> list[Any]:
        """The input tensors as a flat list."""
        return list(self._inputs)

    @property
    def outputs(self) -> list[Any]:
        """The output tensors as a flat list."""
        return list(self._outputs)

    @property
    def operations(self) -> list[Any]:
        """Layers and ops between them."""
        return list(self._operations)

    def __call__(self, inputs: object) -> Any:
        """`call`; on KerasTensors each of the operations is recorded."""
        return self.call(inputs)

    def call(self, inputs: object) -> Any:
        """The outputs for these inputs, in the structure of `outputs`.

        Raises:
            ValueError: If the number of inputs is another.
        """
        values = tree.flatten(inputs)
        if len(values) != len(self._inputs):
            raise ValueError(
                f"function {self.name!r}: got {len(values)} inputs, expected "
                f"{len(self._inputs)}."
            )
        if not any_symbolic(*values):
            values = [to_tensor(v, t.dtype) for v, t in zip(values, self._inputs)]
        return tree.unflatten(self._output_spec, self._schedule.run(values))

    def compute_output_spec(self, inputs: object) -> Any:
        """What a call on these KerasTensors would return; nothing is recorded."""
        return infer_call(self, inputs)

    def compute_output_shape(self, input_shape: PartialShape) -> Any:
        """The shapes of the outputs for inputs of these shapes."""
        tensors = shapes_to_tensors(input_shape, self._inputs[0].dtype)
        return shape_of(self.compute_output_spec(tensors))
