"""What a call tells the calls inside it: the training flag, arguments, whether it is symbolic."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

_NO_VALUES: Mapping[str, Any] = {}


class CallContext(NamedTuple):
    """The state of the outermost layer call and those below it.

    Attributes:
        entry: The layer that was called from outside.
        training: The flag that layers without an explicit one follow.
        symbolic: Whether only shapes are wanted, so that losses are not kept.
        values: Arguments that layers have registered to follow, by name.
    """

    entry: Any
    training: bool | None
    symbolic: bool = False
    values: Mapping[str, Any] = _NO_VALUES


call_context: ContextVar[CallContext | None] = ContextVar(
    "minikeras_call_context", default=None
)


def followed(
    names: Mapping[str, None],
    known: set[str],
    kwargs: dict[str, Any],
    outer: CallContext | None,
) -> Mapping[str, Any]:
    """Fill in the arguments that a layer follows; what the calls inside it follow.

    Args:
        names: The arguments that the layer has registered.
        known: The parameters of its `call`; of the others `kwargs` keeps none.
        kwargs: What the call was given, which counts most; filled in here.
        outer: The call around it.
    """
    values = _NO_VALUES if outer is None else outer.values
    given = {n: kwargs[n] if n in kwargs else values.get(n) for n in names}
    for name, value in given.items():
        if name not in known:
            kwargs.pop(name, None)
        elif value is not None:
            kwargs[name] = value
    new = {n: v for n, v in given.items() if v is not None}
    return {**values, **new} if new else values
