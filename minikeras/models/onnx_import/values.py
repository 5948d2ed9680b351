"""What operators work on: arrays known while tracing, and tensors.

Shapes are integers while a function is traced, and so is all that exporters compute from
them. `Values` keeps such numbers as NumPy arrays: an operator all of whose inputs are
known is run at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from minikeras.engine.interpret import base, interpreting
from minikeras.engine.tensor import Tensor
from minikeras.models.onnx_import.description import Description, Node, OnnxError

Array = np.ndarray[Any, Any]
Value = Any  # Tensor, or a NumPy array that is known now
Operator = Callable[..., Any]


class Call:
    """A node while it is run: its attributes, and what it may ask for.

    Attributes:
        node: The node.
        opset: Version of the operators.
        run: Runs a graph that is an attribute, given values for its inputs.
    """

    def __init__(
        self,
        node: Node,
        opset: int,
        run: Callable[[Description, Sequence[Value]], list[Value]],
    ) -> None:
        self.node = node
        self.opset = opset
        self.run = run

    def get(self, name: str, default: object = None) -> Any:
        """An attribute, or its default."""
        return self.node.attributes.get(name, default)

    def fail(self, why: str) -> OnnxError:
        """An error that names the node."""
        name = f" {self.node.name!r}" if self.node.name else ""
        return OnnxError(f"ONNX operator {self.node.kind}{name}: {why}")

    def known(self, value: Value, what: str) -> Array:
        """The numbers of an input that must be known while tracing.

        Raises:
            OnnxError: If it depends on the values of the model's inputs.
        """
        if isinstance(value, np.ndarray):
            return value
        if isinstance(value, Tensor) and not value.staged:
            return value.numpy()
        raise self.fail(
            f"{what} depends on the values of the inputs; it must follow from their shapes."
        )

    def ints(self, value: Value, what: str) -> list[int]:
        """Whole numbers that must be known."""
        return [int(v) for v in np.asarray(self.known(value, what)).reshape(-1)]

    def axis(self, given: int, rank: int) -> int:
        """An axis from 0, of one that may be counted from the end.

        Raises:
            OnnxError: If there is no such axis.
        """
        if not -rank <= given < rank:
            raise self.fail(f"axis {given} of an array with {rank} axes.")
        return int(given) % rank

    def listed(
        self, place: int, name: str, inputs: Sequence[Value]
    ) -> list[int] | None:
        """Whole numbers given by an input, or in older files by an attribute."""
        if len(inputs) > place and inputs[place] is not None:
            return self.ints(inputs[place], name)
        found = self.get(name)
        return None if found is None else [int(v) for v in np.atleast_1d(found)]


# Arrays made out of nothing: only small ones are worked out at once. While a model is
# built, sizes that are free are probed with large numbers.
_SMALL = 4096


_STEPS = 200_000  # operators that are run while a graph is traced, its loops unrolled
_left: ContextVar[list[int] | None] = ContextVar("minikeras_onnx_steps", default=None)


@contextmanager
def step_limit() -> Iterator[None]:
    """Operators run inside are counted, so that loops in loops end."""
    token = _left.set([_STEPS])
    try:
        yield
    finally:
        _left.reset(token)


def call(operator: Operator, node: Call, inputs: Sequence[Value]) -> list[Value]:
    """Run an operator; now, where all that it reads is known.

    Raises:
        OnnxError: If it gets what it cannot take, or too many were run.
    """
    left = _left.get()
    if left is not None:
        left[0] -= 1
        if left[0] < 0:
            raise node.fail(f"the graph's loops run more than {_STEPS:,} operators.")
    try:
        return _call(operator, node, inputs)
    except (TypeError, LookupError, AttributeError, ArithmeticError, MemoryError,
            RuntimeError) as error:  # fmt: skip
        # An operator takes its inputs and attributes as they should be.
        raise node.fail(f"its inputs or attributes do not fit: {error}") from error


def _call(operator: Operator, node: Call, inputs: Sequence[Value]) -> list[Value]:
    known = all(
        v is None or (isinstance(v, np.ndarray) and v.size <= _SMALL) for v in inputs
    )
    if known and not _has_graph(node) and _result_size(node, inputs) <= _SMALL:
        with interpreting(base()):
            made = operator(node, *inputs)
            return [
                np.asarray(_host(v)) if v is not None else None for v in _listed(made)
            ]
    return _listed(operator(node, *inputs))


# What shapes are never computed with, and can make much of little.
_GROWING = ("EyeLike", "OneHot", "Trilu", "Resize", "Upsample", "Conv", "ConvTranspose",
            "MaxPool", "AveragePool", "LpPool", "DFT", "STFT")  # fmt: skip


def _result_size(node: Call, inputs: Sequence[Value]) -> int:
    """How many elements a node makes out of known inputs, where that can be many.

    What is computed for shapes has one axis. What has more, such as a recurrent layer's
    first state, is an array of the model: its sizes may be free.
    """
    kind = node.node.kind
    if kind in _GROWING:
        return _SMALL + 1
    if kind == "ConstantOfShape":
        shape = tuple(node.ints(inputs[0], "the shape"))
    elif kind == "Expand":
        wanted = tuple(node.ints(inputs[1], "the shape"))
        shape = np.broadcast_shapes(inputs[0].shape, wanted)
    elif kind == "Tile":
        counts = node.ints(inputs[1], "repeats")
        shape = tuple(d * c for d, c in zip(inputs[0].shape, counts, strict=True))
    else:
        return 0
    return _SMALL + 1 if len(shape) > 1 else math.prod(shape)


def _has_graph(call: Call) -> bool:
    return any(isinstance(a, Description) for a in call.node.attributes.values())


def _host(value: Value) -> Array:
    return value.numpy() if isinstance(value, Tensor) else np.asarray(value)


def _listed(made: object) -> list[Value]:
    return list(made) if isinstance(made, (list, tuple)) else [made]
