"""What layers of a model give on the way to its outputs, in one run of the model."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from minikeras import tree
from minikeras.engine.tensor import Tensor
from minikeras.models import Model
from minikeras.types import ArrayLike, Nested

OUTPUT = None  # the name of a model's output among those of its layers


class Features:
    """A model's outputs, and for each name what that layer gave (`OUTPUT`: the outputs).

    Whoever has the outputs of a run can ask for its features later (`of`), whatever ran
    between: a loss gets outputs only, and a second run would draw dropout anew and move
    the statistics of batch normalization twice.
    """

    def __init__(self, model: Model, names: Sequence[str | None]) -> None:
        self.names = names
        self.inner = list(dict.fromkeys(n for n in names if n is not OUTPUT))
        self.extractor = model
        self.runs = _Runs()
        if self.inner:
            inputs: Any = getattr(model, "_inputs_struct", None)
            if inputs is None:
                inputs = getattr(model, "inputs", None)
            if isinstance(inputs, list) and len(inputs) == 1:
                inputs = inputs[0]
            made = [model.get_layer(n).output for n in self.inner]
            self.extractor = Model(inputs, [model.output, made])

    def run(
        self, x: Nested[ArrayLike] | None, training: bool | None, **kwargs: Any
    ) -> Nested[Tensor]:
        """The model's outputs for `x`; `of` knows the run by them."""
        outputs, found = self._forward(x, training, **kwargs)
        if self.inner:
            self.runs.note(outputs, found)
        return outputs

    def run_with_features(
        self, x: Nested[ArrayLike] | None, training: bool | None
    ) -> tuple[Nested[Tensor], list[Nested[Tensor]]]:
        """The model's outputs for `x`, and the features of this run."""
        outputs, found = self._forward(x, training)
        return outputs, self._by_names(outputs, found)

    def of(self, outputs: Nested[Tensor]) -> list[Nested[Tensor]] | None:
        """The features of the run that gave `outputs`; None: it isn't known."""
        found = self.runs.found(outputs) if self.inner else []
        return None if found is None else self._by_names(outputs, found)

    def _forward(
        self, x: Nested[ArrayLike] | None, training: bool | None, **kwargs: Any
    ) -> tuple[Nested[Tensor], list[Nested[Tensor]]]:
        made: Any = self.extractor(x, training=training, **kwargs)
        return made if self.inner else (made, [])

    def _by_names(
        self, outputs: Nested[Tensor], found: list[Nested[Tensor]]
    ) -> list[Nested[Tensor]]:
        by_name = dict(zip(self.inner, found))
        return [outputs if n is OUTPUT else by_name[n] for n in self.names]


class _Runs:
    """Values noted with the outputs of a run, as long as somebody has these outputs."""

    def __init__(self) -> None:
        self._noted: dict[int, tuple[weakref.ref[Any], list[Any]]] = {}

    def __reduce__(self) -> tuple[type[_Runs], tuple[()]]:
        return _Runs, ()  # no outputs come along with a copy

    def note(self, outputs: Nested[Tensor], values: list[Any]) -> None:
        leaf = tree.flatten(outputs)[0]
        key, noted = id(leaf), self._noted
        # A layer may give the model's output itself, which must not keep itself alive.
        values = [_ITSELF if v is leaf else v for v in values]
        noted[key] = (weakref.ref(leaf, lambda _: noted.pop(key, None)), values)

    def found(self, outputs: Nested[Tensor]) -> list[Any] | None:
        leaf = tree.flatten(outputs)[0]
        of, values = self._noted.get(id(leaf), (None, []))
        if of is None or of() is not leaf:
            return None
        return [leaf if v is _ITSELF else v for v in values]


_ITSELF = object()
