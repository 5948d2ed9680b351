"""StackedRNNCells: several cells as one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self, Unpack

from minikeras import ops
from minikeras.engine import tree
from minikeras.engine.aval import Aval
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.saving import serialization
from minikeras.types import PartialShape


class StackedRNNCells(Layer):
    """Cells on top of one another: each takes the output of the one before.

    Args:
        cells: List of cells.
        **kwargs: See `Layer`.

    Call arguments:
        inputs: Tensor `(batch, features)`.
        states: List of the states of each cell; those of a cell with a single one may be
            a tensor, and then come out as a tensor.
        training: For cells that take it.

    Returns:
        `(output, states)` of a call.

    Raises:
        ValueError: If one of them has no `call` or no `state_size`.

    Example:

    >>> cells = [keras.layers.LSTMCell(4), keras.layers.GRUCell(2)]
    >>> keras.layers.RNN(keras.layers.StackedRNNCells(cells))(np.ones((2, 5, 3))).shape
    (2, 2)
    """

    def __init__(self, cells: Any, **kwargs: Unpack[LayerOptions]) -> None:
        cells = list(cells)
        if not cells:
            raise ValueError("StackedRNNCells: cells=[]; expected at least one cell.")
        for cell in cells:
            if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
                raise ValueError(
                    f"StackedRNNCells: {cell!r} has no `call` or no `state_size`; expected "
                    "cells such as LSTMCell."
                )
        super().__init__(**kwargs)
        self.cells = cells

    @property
    def state_size(self) -> list[Any]:
        """The state sizes of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The output size of the last cell."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """The first states of each cell, zeros where it does not say.

        Args:
            batch_size: Number of samples.
        """
        dtype = self._run_dtype
        return [_first(cell, batch_size, dtype) for cell in self.cells]

    def build(self, input_shape: PartialShape) -> None:
        """Build the cells in turn."""
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built and cell._has_build():
                cell.build(input_shape)
                cell.built = True
            size = output_size(cell)
            sizes = (size,) if isinstance(size, int) else tuple(size)
            input_shape = (input_shape[0], *sizes)

    def call(
        self,
        inputs: Tensor,
        states: Sequence[Tensor],
        training: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, Any]:
        """One step of all cells."""
        after = []
        for cell, own in zip(self.cells, states, strict=True):
            more = {"training": training} if takes_training(cell) else {}
            inputs, new = cell(inputs, _listed(own), **more)
            after.append(new if tree.is_nested(own) else tree.flatten(new)[0])
        return inputs, after

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt cell."""
        cells = [serialization.serialize_keras_object(cell) for cell in self.cells]
        return {**super().get_config(), "cells": cells}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """The cell that `get_config` described."""
        config = dict(config)
        config["cells"] = [
            serialization.deserialize_keras_object(cell, custom_objects=custom_objects)
            for cell in config["cells"]
        ]
        return cls(**config)


def output_size(cell: Any) -> Any:
    """The size of a cell's output: where it does not say, that of its first state."""
    found = getattr(cell, "output_size", None)
    return tree.flatten(cell.state_size)[0] if found is None else found


def first_states(cell: object, batch_size: object, dtype: str) -> Any:
    """The states a cell starts from, in a list if there is one: its own, or zeros."""
    return _listed(_first(cell, batch_size, dtype))


def _first(cell: Any, batch_size: Any, dtype: str) -> Any:
    own = getattr(cell, "get_initial_state", None)
    if own is not None:
        return own(batch_size=batch_size)
    return tree.map_structure(
        lambda size: ops.zeros((batch_size, size), dtype), cell.state_size
    )


def _listed(states: object) -> Any:
    """What a cell's `call` gets."""
    return states if tree.is_nested(states) else [states]


def takes_training(cell: Layer) -> bool:
    """Whether a cell's `call` has an argument `training`."""
    return "training" in inspect.signature(cell.call).parameters


@contextmanager
def held_masks(
    cell: object, like: Aval, states: Any, training: bool | None
) -> Iterator[None]:
    """The masks of dropout of a cell drawn now, and held as long as this is open.

    Args:
        cell: A cell; of those stacked, each draws its own.
        like: Shape and dtype of one step's input.
        states: The first states.
        training: Whether anything is dropped.
    """
    cells: list[Any] = [cell]
    owned = [states]
    if isinstance(cell, StackedRNNCells):
        cells, owned = cell.cells, states
    drawn: list[Any] = []
    try:
        for one, own in zip(cells, owned, strict=True):
            if getattr(one, "holds_masks", False):
                one.hold(like, _listed(own), training)
                drawn.append(one)
            size = output_size(one)
            if isinstance(size, int):
                like = Aval((like.shape[0], size), like.dtype)
        yield
    finally:
        for one in drawn:
            one.release()
