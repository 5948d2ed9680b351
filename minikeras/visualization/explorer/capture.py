"""Watching the calls of a model's layers: what went in, what came out, in which order.

While a model is watched, each layer's `call` notes itself. Results pass through a reshape
to their own shape, so that every layer's result is a value of its own in the graph, even
where the layer gives back what it got.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from minikeras.engine import prims, tree
from minikeras.engine.autodiff import Tape
from minikeras.engine.dtypes import is_inexact
from minikeras.engine.interpret import Interpreter, current
from minikeras.engine.tensor import Tensor
from minikeras.layers import InputLayer, Layer
from minikeras.layers.base import masking
from minikeras.layers.base.node import OpCall

if TYPE_CHECKING:
    from minikeras.models.model import Model


@dataclass(eq=False)
class LayerCall:
    """One call of a layer, or of a function of `ops` in a functional model.

    Attributes:
        operation: Whose call.
        parent: The call in which it was made.
        given: The tensors among its arguments.
        inner: The tensors it returned.
        made: What stands for them from then on.
        first: Number of the first node that the call made; `last` is one behind its last.
    """

    operation: Any
    parent: LayerCall | None
    given: list[Tensor]
    first: int
    last: int = 0
    inner: list[Tensor] = field(default_factory=list)
    made: list[Tensor] = field(default_factory=list)
    children: list[LayerCall] = field(default_factory=list)


class Capture:
    """The calls of one run of a model.

    Args:
        base: Calls under another interpreter (the body of a loop) are left out.
        count: How many nodes there are so far.

    Attributes:
        calls: Those that ended, in the order of their ends.
    """

    def __init__(self, base: Interpreter, count: Callable[[], int]) -> None:
        self.base, self.count = base, count
        self.calls: list[LayerCall] = []
        self._open: list[LayerCall] = []

    def note(
        self,
        operation: object,
        call: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run a call and note it."""
        inside = current()
        tape = inside if isinstance(inside, Tape) else None
        while isinstance(inside, Tape):
            inside = inside.parent
        if inside is not self.base:
            return call(*args, **kwargs)
        parent = self._open[-1] if self._open else None
        given = [t for t in tree.flatten((args, kwargs)) if isinstance(t, Tensor)]
        made = LayerCall(operation, parent, _arguments(given, kwargs), self.count())
        self._open.append(made)
        try:
            result = call(*args, **kwargs)
        finally:
            self._open.pop()
        made.last = self.count()
        if parent is not None:
            parent.children.append(made)
        self.calls.append(made)

        def stand_in(leaf: object) -> Any:
            if not isinstance(leaf, Tensor):
                return leaf
            made.inner.append(leaf)
            new = masking.copy_mask(leaf, prims.reshape(leaf, shape=leaf.shape))
            made.made.append(new)
            if tape is not None and is_inexact(new.dtype):
                tape.watch(new)
            return new

        return tree.map_structure(stand_in, result)


def _arguments(given: list[Tensor], kwargs: dict[str, Any]) -> list[Tensor]:
    """Without masks, which nobody passed."""
    masks = [v for k, v in kwargs.items() if k.endswith("mask")]
    hidden = {id(t) for t in tree.flatten(masks)}
    return [t for t in given if id(t) not in hidden]


_watching: ContextVar[Capture | None] = ContextVar("minikeras_explore", default=None)


@contextmanager
def watched(model: Model, capture: Capture) -> Iterator[None]:
    """A block in which the calls of the model's parts are noted."""
    parts = _parts(model)
    for part in parts:
        part.__dict__["call"] = _noting(part, part.call)
    token = _watching.set(capture)
    try:
        yield
    finally:
        _watching.reset(token)
        for part in parts:
            part.__dict__.pop("call", None)


def _noting(part: object, call: Callable[..., Any]) -> Any:
    @functools.wraps(call)  # wrappers such as TimeDistributed look at its signature
    def noted(*args: object, **kwargs: object) -> Any:
        capture = _watching.get()  # None in other threads, which use the model too
        if capture is None:
            return call(*args, **kwargs)
        return capture.note(part, call, args, kwargs)

    return noted


def _parts(model: Model) -> list[Any]:
    """What is watched: all layers inside, and functions in functional models."""
    layers: list[Layer] = model._flatten_layers()
    found: list[Any] = [
        part
        for part in layers
        if part is not model
        and not isinstance(part, InputLayer)
        and "call" not in part.__dict__
        and hasattr(type(part), "call")
    ]
    for layer in layers:
        found += [o for o in getattr(layer, "operations", ()) if isinstance(o, OpCall)]
    return list(dict.fromkeys(found))
