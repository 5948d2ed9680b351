"""Assignments that happen only under a condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.variable import Variable


def assign_if(
    condition: Tensor, variables: Sequence[Variable], step: Callable[[], None]
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
