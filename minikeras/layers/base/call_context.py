"""What a call tells the calls inside it: the training flag, and whether it is symbolic."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple


class CallContext(NamedTuple):
    """The state of the outermost layer call and those below it.

    Attributes:
        entry: The layer that was called from outside.
        training: The flag that layers without an explicit one follow.
        symbolic: Whether only shapes are wanted, so that losses are not kept.
    """

    entry: Any
    training: bool | None
    symbolic: bool = False


call_context: ContextVar[CallContext | None] = ContextVar(
    "minikeras_call_context", default=None
)
