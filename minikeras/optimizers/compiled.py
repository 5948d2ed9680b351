"""Updates of eager loops, compiled.

A step of Adam is twenty small operations for each variable, which cost more when they are
called one by one than all the rest of a small model's step. So an optimizer of this package
whose `apply` is called eagerly again and again, on the same variables, has its update traced
and run as a program. The bits are the same: all of it is elementwise. What a user wrote (a
class, a schedule, a constraint), and what folds (norms), stays eager.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from minikeras.engine.compile import Function
from minikeras.engine.tensor import Tensor
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.optimizers.optimizer import Optimizer

# Calls with the same arguments before the update is worth a trace.
EAGER_CALLS = 2
_HERE = __name__.rpartition(".")[0]
_ELEMENTWISE = frozenset(
    f"{_HERE}.{name}"
    for name in (
        *("adadelta", "adagrad", "adam", "adamax", "ftrl", "lion", "nadam", "rmsprop"),
        "sgd",
    )
)
_FOLDS = ("clipnorm", "global_clipnorm", "use_ema", "gradient_accumulation_steps")
_PLAIN = (bool, int, float, str)
_RATES = f"{_HERE}.schedules."
_MOST_KEPT = 4


def _numbers(settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """The settings that are numbers, names, or not set."""
    return tuple(
        [(k, v) for k, v in settings.items() if v is None or type(v) in _PLAIN]
    )


class _Updates:
    """The updates of one optimizer that were asked for: by variables and settings."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.owner = weakref.ref(optimizer)
        self.calls: dict[Any, int] = {}
        self.functions: dict[Any, Function] = {}

    def function(self, key: object, variables: list[Variable]) -> Function | None:
        """The compiled update; None while it is asked for the first times."""
        known = self.functions.get(key)
        if known is not None:
            return known
        seen = self.calls[key] = self.calls.get(key, 0) + 1
        if seen <= EAGER_CALLS:
            return None
        if len(self.functions) >= _MOST_KEPT:
            self.functions.clear()
            self.calls.clear()
        owner = self.owner

        def update(grads: list[Tensor]) -> None:
            optimizer = owner()
            assert optimizer is not None
            optimizer._apply(grads, variables)

        made = self.functions[key] = Function(update, "optimizer.apply")
        return made


_known: weakref.WeakKeyDictionary[Optimizer, _Updates] = weakref.WeakKeyDictionary()


def compiled_update(
    optimizer: Optimizer, grads: Sequence[Any], variables: list[Variable]
) -> Function | None:
    """The update as a function of the gradients; None where it is to run eagerly."""
    kind = type(optimizer)
    settings = vars(optimizer)
    if kind.__module__ not in _ELEMENTWISE or any(map(settings.get, _FOLDS)):
        return None
    rate = settings["_learning_rate"]
    known_rate = isinstance(rate, Variable) or type(rate).__module__.startswith(_RATES)
    if not known_rate:
        return None
    for gradient, variable in zip(grads, variables):
        if type(gradient) is not Tensor:
            return None
        aval, wanted = gradient.aval, variable.state.aval
        if (
            aval.shape != wanted.shape
            or aval.dtype != wanted.dtype
            or aval.dtype not in ("float32", "float64")
            or variable.constraint is not None
            or variable.overwrite_with_gradient
        ):
            return None
    # What may be set between two steps is part of what was traced.
    key: tuple[Any, ...] = (tuple(map(id, variables)), _numbers(settings))
    if not isinstance(rate, Variable):
        key = (*key, type(rate), _numbers(vars(rate)))
    updates = _known.get(optimizer)
    if updates is None:
        updates = _known[optimizer] = _Updates(optimizer)
    return updates.function(key, variables)
