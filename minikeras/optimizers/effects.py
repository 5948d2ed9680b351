"""Assignments that happen only under a condition, or only for a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minikeras import ops
from minikeras.variable import Variable


def assign_if(
    condition: Any, variables: Sequence[Variable], step: Callable[[], None]
) -> None:
    """Run `step`; its assignments to `variables` stay only where `condition` holds.

    Eagerly, `step` is not run at all otherwise. In a compiled step the values are
    selected, which stays elementwise and so part of the same fused loops.
    """
    if not condition.staged:
        if bool(condition):
            step()
        return
    before = [v.value for v in variables]
    step()
    for variable, old in zip(variables, before):
        new = variable.value
        if new is not old:
            variable.assign(ops.where(condition, new, old))


@contextmanager
def values_for_now(
    variables: Sequence[Variable], values: Sequence[Any]
) -> Iterator[None]:
    """Variables hold `values` inside the block and their own values after it.

    Raises:
        ValueError: If there are not as many values as variables.
    """
    if len(variables) != len(values):
        raise ValueError(
            f"got {len(values)} values for {len(variables)} variables; expected as many, "
            "in the order of `variables`."
        )
    before = [v.value for v in variables]
    try:
        for variable, value in zip(variables, values):
            variable.assign(value)
        yield
    finally:
        for variable, old in zip(variables, before):
            variable.assign(old)
