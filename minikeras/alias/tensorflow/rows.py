"""TensorFlow's functions as rows: a name, the op it is, and its parameters in the op's order.

`"mean: input_tensor axis=None keepdims=False"` calls `ops.mean(input_tensor, axis, keepdims)`.
Every function takes `name=` too, which says nothing here. Arrays of strings, which ops do
not take, go through NumPy's function of the op's name.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.alias.tensorflow.values import texts
from minikeras.engine.strings import StringArray
from minikeras.engine.tensor import Tensor


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
        if of_strings(values[0]):
            return _by_numpy(target, values)
        return op(*values)  # type: ignore[operator]  # rows are functions

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`keras.ops.{target}`, with TensorFlow's arguments."
    call.__signature__ = signature  # type: ignore[attr-defined]  # functions take attributes
    return call


def of_strings(value: object) -> bool:
    """Whether a value is a string, or an array or a list of them."""
    if isinstance(value, (list, tuple)):
        return bool(value) and of_strings(value[0])
    return isinstance(value, (str, StringArray)) or (
        isinstance(value, np.ndarray) and value.dtype.kind == "U"
    )


def _by_numpy(target: str, values: list[Any]) -> StringArray | tuple[Any, ...] | Tensor:
    first = values[0]
    several = target in ("concatenate", "stack")
    first = list(map(texts, first)) if several else texts(first)
    rest = [v.numpy() if isinstance(v, Tensor) else v for v in values[1:]]
    if any(map(of_strings, rest)):
        rest = list(map(texts, rest))
    found = getattr(np, target)(first, *rest)
    if np.asarray(found).dtype == object:
        return texts(found)
    return found if isinstance(found, tuple) else ops.convert_to_tensor(found)


def _parameter(word: str) -> inspect.Parameter:
    name, _, default = word.partition("=")
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=ast.literal_eval(default) if default else inspect.Parameter.empty,
    )
