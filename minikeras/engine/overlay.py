"""Overlay: states that have other values, and keep what is assigned, for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.engine.interpret import Interpreter

if TYPE_CHECKING:
    from minikeras.engine.primitive import Primitive
    from minikeras.engine.state import State
    from minikeras.engine.tensor import Tensor


class Overlay(Interpreter):
    """Passes calls on, and keeps the values of states to itself."""

    def __init__(self, parent: Interpreter, values: dict[State, Tensor]) -> None:
        self.parent = parent
        self.staging = parent.staging
        self.wants_paths = parent.wants_paths
        self.values = values

    def run(
        self, prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]
    ) -> Any:
        return self.parent.run(prim, arrays, static)

    def read(self, state: State) -> Tensor:
        found = self.values.get(state)
        return self.parent.read(state) if found is None else found

    def assign(self, state: State, value: Tensor) -> None:
        self.values[state] = value
