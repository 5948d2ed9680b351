"""Moving averages of the trained variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras import ops
from minikeras.engine.attributes import UntilSet
from minikeras.variable import Variable


class MovingAverage:
    """The part of an optimizer that keeps averages: `use_ema` and its settings."""

    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    _averages: dict[Variable, Variable]
    _trainable_variables: list[Variable]

    def _build_averages(self, variables: Sequence[Variable]) -> None:
        self._averages = {}
        if self.use_ema:
            made: list[Any] = self.add_optimizer_variables(  # type: ignore[attr-defined]  # the optimizer has it
                variables, "average"
            )
            self._averages = {v: a for v, a in zip(variables, made) if a is not None}

    @UntilSet
    def _model_variables_moving_average(self) -> list[Variable | None]:
        """The averages in the order of the variables, as code written for Keras asks."""
        if not self.use_ema:
            raise AttributeError("no moving averages: use_ema is off")
        return [self._averages.get(v) for v in self._trainable_variables]

    def _update_averages(self, variables: Sequence[Variable]) -> None:
        """`average = momentum * average + (1 - momentum) * variable`; the first is a copy."""
        if not self.use_ema:
            return
        iterations = self.iterations  # type: ignore[attr-defined]  # the optimizer has it
        later = ops.not_equal(iterations, 0)
        for variable in variables:
            average = self._averages[variable]
            momentum = ops.cast(later, variable.dtype) * self.ema_momentum
            average.assign(momentum * average + (1.0 - momentum) * variable)
        if self.ema_overwrite_frequency:
            due = ops.equal(ops.mod(iterations + 1, self.ema_overwrite_frequency), 0)
            for variable in variables:
                variable.assign(ops.where(due, self._averages[variable], variable))

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Replace variables by their averages, at the end of training.

        Args:
            var_list: The model's trainable variables.

        Raises:
            ValueError: If `use_ema` is on and they are not those of `build`.
        """
        if not self.use_ema:
            return
        unknown = [
            v.path
            for v in var_list
            if v not in self._averages and not v.overwrite_with_gradient
        ]
        if unknown:
            raise ValueError(
                f"finalize_variable_values: no averages of {unknown}; expected the "
                "variables that the optimizer was built with."
            )
        for variable in var_list:
            if variable in self._averages:
                variable.assign(self._averages[variable].value)
