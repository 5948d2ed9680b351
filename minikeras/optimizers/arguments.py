"""Checks of what an optimizer is made and called with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.engine.warn import warn_user
from minikeras.variable import Variable


class Pairing:
    """The part of an optimizer that pairs gradients with variables."""

    name: str
    built: bool
    _index: dict[Variable, int]
    _trainable_variables: list[Variable]

    def _variables_for(
        self, grads: list[Any], variables: Sequence[Variable] | None
    ) -> list[Variable]:
        if variables is None:
            if not self.built:
                raise ValueError(
                    f"optimizer {self.name!r}: apply(grads) without variables needs "
                    "build(variables) first; or call apply(grads, variables)."
                )
            variables = self._trainable_variables
        variables = list(variables)
        if len(grads) != len(variables):
            raise ValueError(
                f"optimizer {self.name!r}: {len(grads)} gradients for {len(variables)} "
                "variables; expected one for each."
            )
        for gradient, variable in zip(grads, variables):
            if type(gradient) is Tensor:
                shape: Any = gradient.aval.shape
            else:
                shape = None if gradient is None else tuple(ops.shape(gradient))
            if shape not in (None, variable.shape):
                raise ValueError(
                    f"optimizer {self.name!r}: the gradient of variable {variable.path!r} "
                    f"has shape {shape}; expected {variable.shape}."
                )
        if all(g is None for g in grads):
            raise ValueError(
                f"optimizer {self.name!r}: no gradient for any variable; all "
                f"{len(grads)} are None. The loss does not depend on the variables."
            )
        if not self.built:
            self.build(variables)  # type: ignore[attr-defined]  # the optimizer has it
        for variable in variables:
            if variable not in self._index:
                raise ValueError(
                    f"optimizer {self.name!r}: variable {variable.path!r} is unknown; it "
                    f"was built with {len(self._index)} others. Make a new optimizer for "
                    "other variables."
                )
        return variables

    def _without_none(
        self, grads: list[Any], variables: list[Variable]
    ) -> tuple[list[Any], list[Variable]]:
        """The pairs with a gradient, as tensors of the variable's dtype."""
        missing = [v.path for g, v in zip(grads, variables) if g is None]
        if missing:
            warn_user(
                f"optimizer {self.name!r}: no gradients for {missing}; they stay as they "
                "are. Does the loss depend on them?"
            )
        pairs = [(g, v) for g, v in zip(grads, variables) if g is not None]
        kept = [v for _, v in pairs]
        return [_as_tensor(g, v.dtype) for g, v in pairs], kept


def _as_tensor(gradient: Tensor, dtype: str) -> Tensor:
    if type(gradient) is Tensor and gradient.aval.dtype == dtype:
        return gradient
    return ops.convert_to_tensor(gradient, dtype=dtype)


def check_clipping(owner: str, *clips: float | None) -> None:
    """Refuse two ways of clipping."""
    if sum(c is not None for c in clips) > 1:
        raise ValueError(
            f"{owner}: got (clipnorm, clipvalue, global_clipnorm) = {clips}; expected at "
            "most one of them."
        )


def check_steps(owner: str, name: str, value: object, least: int) -> None:
    """Refuse what is no count of at least `least`; 0 and None mean none."""
    if value and (not isinstance(value, int) or value < least):
        raise ValueError(f"{owner}: {name}={value!r}; expected an integer >= {least}.")


def check_momentum(owner: str, name: str, value: Any) -> None:
    """Refuse a number that is not in `[0, 1]`."""
    if not 0 <= value <= 1:
        raise ValueError(f"{owner}: {name}={value!r}; expected a number in [0, 1].")
