"""The argument names of older Keras: `lr=` and `decay=`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypedDict

from minikeras.optimizers.schedules.decay import InverseTimeDecay

if TYPE_CHECKING:
    from minikeras.types import LearningRate


_log = logging.getLogger("minikeras")
_told: set[str] = set()


class OldNames(TypedDict, total=False):
    """What `**kwargs` of an optimizer may hold."""

    lr: float
    decay: float


def _tell_once(name: str, text: str) -> None:
    if name not in _told:
        _told.add(name)
        _log.warning(text)


def translate(learning_rate: LearningRate, kwargs: OldNames) -> Any:
    """The learning rate that `lr=` and `decay=`, taken out of `kwargs`, ask for."""
    if "lr" in kwargs:
        learning_rate = kwargs.pop("lr")
        _tell_once("lr", "optimizers: `lr=` is now called `learning_rate=`.")
    decay = kwargs.pop("decay", None)
    if decay:
        if not isinstance(learning_rate, (int, float)):
            raise ValueError(
                f"decay={decay} together with learning_rate={learning_rate!r}; expected a "
                "number as learning rate, or a schedule without decay."
            )
        _tell_once(
            "decay",
            "optimizers: `decay=d` is now the schedule "
            "InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=d).",
        )
        return InverseTimeDecay(float(learning_rate), 1, float(decay))
    return learning_rate
