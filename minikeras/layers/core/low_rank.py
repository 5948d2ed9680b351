"""Low-rank adaptation: training a small correction of a weight that stays as it is."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import ops
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import positive

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor
    from minikeras.types import Identifier
    from minikeras.variable import Variable


def adapted(name: str) -> Any:
    """A property: the weight that `build` keeps as `_name`, and its correction if on."""
    stored = f"_{name}"

    def get(layer: Any) -> Any:
        try:
            weight = layer.__dict__[stored]
        except KeyError:
            raise AttributeError(
                f"{layer._label()} has no `{name}` before it is built."
            ) from None
        plain = not layer.lora_enabled and layer._kept_as is None
        return weight if plain else layer._corrected(weight)

    return property(get, doc="The weight, with the correction where there is one.")


class LowRank(Layer):
    """Base of layers that can freeze their weight `W` and learn `W + alpha / rank * A B`.

    `A` and `B` have `rank` columns and rows, so there is little to train.

    Reference:
        Hu et al., LoRA: Low-rank adaptation of large language models, 2021,
        https://arxiv.org/abs/2106.09685, section 4.1.
    """

    _adapted = "kernel"
    lora_enabled = False
    lora_rank: Any = None
    lora_alpha: Any = None

    def _plan_adaptation(self, rank: object, alpha: object) -> None:
        """Keep the constructor's arguments; `_adapt_if_planned` ends `build`."""
        if rank is not None:
            positive(rank, "lora_rank", self._label())
        self.lora_rank = rank
        self.lora_alpha = rank if alpha is None else alpha

    def _adapt_if_planned(self) -> None:
        if self.lora_rank:
            self._adapt(self.lora_rank, self.lora_alpha, "he_uniform", "zeros")

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Identifier = "he_uniform",
        b_initializer: Identifier = "zeros",
    ) -> None:
        """Freeze the weight and learn a correction of low rank instead.

        Args:
            rank: Rank of the correction.
            lora_alpha: The correction is multiplied by `lora_alpha / rank`; default 1.
            a_initializer: First values of the first factor.
            b_initializer: First values of the second; zeros change nothing yet.

        Raises:
            ValueError: If the layer is not built, has a constraint on the weight, or is
                adapted already.
        """
        rank = positive(rank, "rank", self._label())
        if not self.built:
            raise ValueError(
                f"{self._label()}: enable_lora() comes after building; call the layer, or "
                "build(), first."
            )
        if self.lora_enabled:
            raise ValueError(f"{self._label()}: enable_lora() was called before.")
        tracker = self.__dict__["_tracker"]
        locked = tracker.locked
        tracker.unlock()
        try:
            self._adapt(rank, lora_alpha, a_initializer, b_initializer)
        finally:
            tracker.locked = locked

    def _adapt(self, rank: int, alpha: object, first: Any, second: Any) -> None:
        name = self._adapted
        if getattr(self, f"{name}_constraint") is not None:
            raise ValueError(
                f"{self._label()}: low-rank adaptation and {name}_constraint exclude each "
                "other; leave one out."
            )
        weight = self.__dict__[f"_{name}"]
        shape = self._weight_shape()
        shapes = {"a": (*shape[:-1], rank), "b": (rank, shape[-1])}
        for part, initializer in (("a", first), ("b", second)):
            made = self.add_weight(
                name=f"lora_{name}_{part}",
                shape=shapes[part],
                initializer=initializer,
                regularizer=getattr(self, f"{name}_regularizer"),
            )
            setattr(self, f"lora_{name}_{part}", made)
        weight.trainable = False
        self.lora_rank = rank
        self.lora_alpha = rank if alpha is None else alpha
        self.lora_enabled = True

    def _weight_shape(self) -> tuple[int, ...]:
        """The shape of the weight as it is multiplied."""
        shape: tuple[int, ...] = self.__dict__[f"_{self._adapted}"].shape
        return shape

    def _factors(self) -> tuple[Any, ...]:
        """`A` and `B`, or nothing."""
        if not self.lora_enabled:
            return ()
        return tuple(getattr(self, f"lora_{self._adapted}_{part}") for part in "ab")

    def _corrected(self, weight: Variable | Tensor) -> Tensor:
        a, b = self._factors()
        return ops.add(weight, ops.matmul(a, b) * (self.lora_alpha / self.lora_rank))

    def _own_variables(self) -> list[Any]:
        factors = self._factors()
        return [v for v in super()._own_variables() if not any(v is f for f in factors)]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """As every layer; the weight with its correction, which is not kept apart."""
        super().save_own_variables(store)
        if self.lora_enabled:
            weight = self.__dict__[f"_{self._adapted}"]
            place = [v is weight for v in self._own_variables()].index(True)
            store[str(place)] = self._corrected(weight).numpy()

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """As every layer; the correction starts from nothing.

        Raises:
            ValueError: If the number of variables or a shape is wrong.
        """
        super().load_own_variables(store)
        for factor in self._factors():
            factor.assign(np.zeros(factor.shape, "float32"))

    def _adaptation_config(self) -> dict[str, Any]:
        if not self.lora_rank:
            return {}
        return {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}
