"""Variables that hold other values for a moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from minikeras.engine.interpret import current, within
from minikeras.engine.overlay import Overlay
from minikeras.variable import Variable

R = TypeVar("R")


def with_values(
    variables: Sequence[Variable], values: Sequence[Any], function: Callable[[], R]
) -> R:
    """What `function` gives where `variables` have `values`; they themselves stay as they are.

    Raises:
        ValueError: If there are not as many values as variables.
    """
    if len(variables) != len(values):
        raise ValueError(
            f"got {len(values)} values for {len(variables)} variables; expected as many, "
            "in the order of `variables`."
        )

    def run() -> R:
        for variable, value in zip(variables, values):
            variable.assign(value)
        return function()

    return within(Overlay(current(), {}), run)
