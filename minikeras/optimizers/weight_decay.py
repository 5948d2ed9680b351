"""Weight decay: variables shrink a little each step, whatever their gradients."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from minikeras import ops
from minikeras.variable import Variable


class WeightDecay:
    """The part of an optimizer that decays variables, and knows which."""

    name: str
    built: bool
    weight_decay: float | None
    learning_rate: Any
    _excluded: list[Variable]
    _excluded_names: re.Pattern[str] | None

    def exclude_from_weight_decay(
        self,
        var_list: Sequence[Variable] | None = None,
        var_names: Sequence[str] | None = None,
    ) -> None:
        """Name variables that do not decay.

        Args:
            var_list: The variables.
            var_names: Texts; a variable whose name holds one of them does not decay.

        Raises:
            ValueError: If the optimizer is built already.
        """
        if self.built:
            raise ValueError(
                f"optimizer {self.name!r}: exclude_from_weight_decay comes before build()."
            )
        self._excluded = list(var_list or ())
        self._excluded_names = re.compile("|".join(var_names)) if var_names else None

    def _use_weight_decay(self, variable: Variable) -> bool:
        if any(v is variable for v in self._excluded):
            return False
        names = self._excluded_names
        return names is None or names.search(variable.name) is None

    def _apply_weight_decay(self, variables: Sequence[Variable]) -> None:
        if self.weight_decay is None:
            return
        learning_rate = self.learning_rate
        for variable in variables:
            if self._use_weight_decay(variable):
                rate = ops.cast(learning_rate, variable.dtype)
                variable.assign(variable - variable * self.weight_decay * rate)
