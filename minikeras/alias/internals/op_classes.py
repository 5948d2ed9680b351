"""`keras.src.ops.numpy.Add` and the like: a class for each function of `ops`, made when asked.

There is no class per op here. Names, and which arguments are the class's and which the
call's, come from the table by which functions stand in the configs of models.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from minikeras.layers.base.node import Operation
from minikeras.models.op_config import found_op, is_static


class _Function(Operation):
    """An operation that calls a function of `ops` with the arguments of its making."""

    function: Callable[..., Any]
    statics: tuple[str, ...]

    def __init__(
        self, *args: object, name: str | None = None, **kwargs: object
    ) -> None:
        super().__init__(name)
        kind, known = type(self).__name__, type(self).statics
        if len(args) > len(known):
            raise TypeError(
                f"{kind}: got {len(args)} arguments, expected {list(known)}."
            )
        given = dict(zip(known, args))
        for word in kwargs:
            if word not in known or word in given:
                raise TypeError(
                    f"{kind}: argument {word!r}; expected each of {list(known)} once."
                )
        self._given = {**given, **kwargs}
        self.__dict__.update(self._given)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The function of these tensors."""
        function, given = type(self).function, dict(self._given)
        parameters = inspect.signature(function).parameters.values()
        waiting = list(args)
        first: list[Any] = []
        for one in parameters:
            if one.kind is one.VAR_POSITIONAL:
                break
            if one.kind is not one.POSITIONAL_OR_KEYWORD or one.name in kwargs:
                continue
            if one.name in given:
                first.append(given.pop(one.name))
            elif waiting:
                first.append(waiting.pop(0))
            elif one.default is one.empty:
                break
            else:
                first.append(one.default)
        return function(*first, *waiting, **kwargs, **given)

    def get_config(self) -> dict[str, Any]:
        """The arguments and the name."""
        return {**self._given, "name": self.name}


def _parameters(function: Callable[..., Any]) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind in kinds]


@cache
def operation_class(name: str) -> type[Operation] | None:
    """The class of a function of `ops`, by the name that it has in `keras.src.ops`.

    Args:
        name: In camel case, such as `"LogSoftmax"`.

    >>> softmax = operation_class("LogSoftmax")(axis=0)
    >>> np.exp(softmax(np.zeros((2, 1)))).tolist()
    [[0.5], [0.5]]
    >>> operation_class("NoSuch") is None
    True
    """
    function = found_op(name)
    if function is None:
        return None
    statics = tuple(n for n in _parameters(function) if is_static(function, n))
    fields = {
        "__module__": __name__,
        "__doc__": f"`ops.{function.__name__}` as a step of a functional model.",
        "function": staticmethod(function),
        "statics": statics,
    }
    return type(name, (_Function,), fields)


def __getattr__(name: str) -> Any:
    found = operation_class(name) if name[:1].isupper() else None
    if found is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found
