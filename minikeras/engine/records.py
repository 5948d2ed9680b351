"""What a tape keeps: calls one by one, and ops by recipe as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minikeras.engine.dtypes import is_inexact
from minikeras.engine.primitive import Primitive
from minikeras.engine.recipes import Recipe
from minikeras.engine.tensor import Tensor


class Record:
    """One recorded call; has the fields of a graph node, with Tensors as values."""

    __slots__ = ("prim", "inputs", "outputs", "static")

    def __init__(
        self,
        prim: Primitive,
        inputs: Iterable[Tensor],
        outputs: Iterable[Tensor],
        static: dict[str, Any],
    ) -> None:
        self.prim = prim
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.static = static


class Bundle:
    """An op that followed its recipe: its calls, which become records if they are asked for.

    Attributes:
        given: The tensors it got.
        live: Which of them the tape had tracked.
        arrays: All arrays of the recipe.
        results: The tensors it gave, by the numbers of their arrays.
    """

    __slots__ = ("recipe", "given", "live", "arrays", "results")

    def __init__(
        self,
        recipe: Recipe,
        given: Sequence[Tensor],
        live: tuple[bool, ...],
        arrays: list[Any],
        results: Sequence[Tensor],
    ) -> None:
        self.recipe = recipe
        self.given = given
        self.live = live
        self.arrays = arrays
        self.results = results

    def records(self) -> list[Record]:
        """Its calls, on the tensors that users hold; what was made between is made tensors."""
        recipe = self.recipe
        known = dict(zip(recipe.results, self.results))
        avals = [aval for call in recipe.calls for aval in call.avals]
        tensors = [*self.given, *recipe.constants]
        for i, aval in enumerate(avals, len(tensors)):
            tensors.append(known[i] if i in known else Tensor(self.arrays[i], aval))
        return records_of(recipe, tensors, self.live)


def records_of(
    recipe: Recipe, tensors: Sequence[Tensor], live: Sequence[bool]
) -> list[Record]:
    """The calls of a recipe on these tensors (given, constants, made) that a tape records.

    Args:
        recipe: What was followed.
        tensors: All of them.
        live: Which of those given are tracked.
    """
    tracked = [*live, *[False] * (len(tensors) - len(live))]
    found = []
    at = len(live) + len(recipe.constants)
    for call in recipe.calls:
        end = at + len(call.avals)
        if call.prim.vjp is not None and any(tracked[i] for i in call.inputs):
            inputs = [tensors[i] for i in call.inputs]
            found.append(Record(call.prim, inputs, tensors[at:end], call.static))
            for i, aval in enumerate(call.avals, at):
                tracked[i] = is_inexact(aval.dtype)
        at = end
    return found
