"""Variables that hold other values for a moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minikeras.variable import Variable


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
