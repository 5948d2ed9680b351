"""A step of a model whose first layers run on the host, such as those of text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.strings import is_strings
from minikeras.training.data.packing import (
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from minikeras.training.preparation import to_tensors


class HostFirst:
    """Runs a model's layers of text in NumPy, then the compiled step on the rest.

    A model that cannot be cut in two, as one that is a class of the user's, runs eagerly
    on strings; on numbers it is compiled.

    Args:
        model: The model.
        step: What is done with a batch.
        compiled: The same, compiled.
        training: Whether it trains.
    """

    def __init__(
        self,
        model: Any,
        step: Callable[[Any], Any],
        compiled: Callable[[Any], Any],
        training: bool,
    ) -> None:
        self._model, self._training = model, training
        self._step, self.compiled = step, compiled

    def __call__(self, data: object) -> Any:
        x, y, weight = unpack_x_y_sample_weight(data)
        x = self._model._before_step(x, self._training)
        data = pack_x_y_sample_weight(x, y, weight)
        part = self._model._host_part
        # What cannot be cut, or strings that are still there, run step by step in
        # Python.
        uncut = part is not None and not part.whole
        if uncut or _holds_strings(x):
            return self._step(to_tensors(data))
        return self.compiled(data)


def _holds_strings(structure: object) -> bool:
    leaves = tree.flatten(structure)
    return any(isinstance(v, np.ndarray) and is_strings(v) for v in leaves)
