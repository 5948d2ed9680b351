"""TensorFlow's functions as rows: a name, the op it is, and its parameters in the op's order.

`"mean: input_tensor axis=None keepdims=False"` calls `ops.mean(input_tensor, axis, keepdims)`.
Every function takes `name=` too, which says nothing here.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from minikeras import ops


def functions(rows: Mapping[str, str]) -> dict[str, Callable[..., Any]]:
    """The functions that rows describe, by TensorFlow's names."""
    return {name: _function(name, row) for name, row in rows.items()}


def _function(name: str, row: str) -> Callable[..., Any]:
    target, _, words = row.partition(":")
    op = ops
    for part in target.split("."):
        op = getattr(op, part)
    signature = inspect.Signature(
        [_parameter(word) for word in [*words.split(), "name=None"]]
    )

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"tf {name}{signature}: {error}") from None
        bound.apply_defaults()
        values = list(bound.arguments.values())[:-1]
        return op(*values)  # type: ignore[operator]  # rows are functions

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`keras.ops.{target}`, with TensorFlow's arguments."
    call.__signature__ = signature  # type: ignore[attr-defined]  # functions take attributes
    return call


def _parameter(word: str) -> inspect.Parameter:
    name, _, default = word.partition("=")
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=ast.literal_eval(default) if default else inspect.Parameter.empty,
    )
