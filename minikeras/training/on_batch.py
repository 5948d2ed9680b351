"""One batch by hand: `train_on_batch`, `test_on_batch` and `predict_on_batch`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine import ranks
from minikeras.engine.compile import Function
from minikeras.engine.interpret import apart
from minikeras.training.alike import share_values
from minikeras.training.data import (
    Batch,
    ClassWeight,
    array_parts,
    host_structure,
    in_order,
    named_leaves,
    pack_x_y_sample_weight,
)
from minikeras.training.data.leaves import check_lengths
from minikeras.training.preparation import check_values
from minikeras.training.shards import (
    compiled,
    own_share,
    rows_of_batch,
    shard_of_own,
    step_of,
)
from minikeras.training.steps import BatchFunction, Scores, Steps, to_floats, to_numpy
from minikeras.types import ArrayLike, Nested


class OnBatch(Steps):
    """Steps on batches that the caller holds, without epochs or callbacks."""

    @apart
    def train_on_batch(
        self,
        x: Nested[ArrayLike],
        y: Nested[ArrayLike] | None = None,
        sample_weight: Any = None,
        class_weight: ClassWeight = None,
        return_dict: bool = False,
    ) -> Scores:
        """One update of the weights from one batch.

        Args:
            x: Inputs.
            y: Targets.
            sample_weight: Weights, or None.
            class_weight: Weights by class number, or None.
            return_dict: Whether to give a dict by name.

        Returns:
            The loss, a list of loss and metrics, or a dict, of this batch alone.

        Raises:
            ValueError: If the model is not compiled, or the data are not fit.
        """
        self._compiled("train_on_batch")
        batch = self._one_batch(x, y, sample_weight, class_weight, "train_on_batch")
        return self._on_batch(batch, True, return_dict)

    @apart
    def test_on_batch(
        self,
        x: Nested[ArrayLike],
        y: Nested[ArrayLike] | None = None,
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> float | list[Any] | dict[str, Any]:
        """Loss and metrics of one batch.

        Args:
            x: Inputs.
            y: Targets.
            sample_weight: Weights, or None.
            return_dict: Whether to give a dict by name.

        Returns:
            The loss, a list of loss and metrics, or a dict, of this batch alone.

        Raises:
            ValueError: If the model is not compiled, or the data are not fit.
        """
        self._compiled("test_on_batch")
        batch = self._one_batch(x, y, sample_weight, None, "test_on_batch")
        return self._on_batch(batch, False, return_dict)

    def _on_batch(self, batch: Batch, training: bool, return_dict: bool) -> Scores:
        """The results of one batch, into which no earlier one runs."""
        self._follow_ranks()
        state = self._ready(batch, training)
        check_values(state, batch)
        step = self._train_alone if training else self._test_alone
        if step is None:
            step = self._alone(training)
        if ranks.several():
            batch, step = self._on_ranks(batch, step)
        logs = to_floats(step(pack_x_y_sample_weight(*batch)))
        state.nan.judge(logs, batch, "train_on_batch" if training else "test_on_batch")
        return self._results(logs, return_dict)

    def _on_ranks(
        self, batch: Batch, step: BatchFunction
    ) -> tuple[Batch, BatchFunction]:
        """The rows that are here, and the step on them."""
        if not self._alike:
            share_values("train_on_batch", self)
            self._alike = True
        if ranks.divides():
            batch, shard = rows_of_batch(batch, own_share)
        else:
            shard = shard_of_own(batch)
        return batch, lambda data: ranks.on(shard, step, data)

    def _alone(self, training: bool) -> BatchFunction:
        """A step before which all metrics begin anew.

        Where the beginning is ours it is compiled into the step, since from outside it
        costs as much as a small step; a user's own runs each time.
        """
        made = self.make_train_function() if training else self.make_test_function()
        # A reset of the user's own may do anything, and so runs outside the program;
        # ours are assignments, which a program makes for nothing.
        if not isinstance(made, Function) or not self._resets_plainly():
            # Looked up each time: a user may have put another function there.
            name = "train_function" if training else "test_function"

            def outside(data: object) -> Any:
                self.reset_metrics()
                return getattr(self, name)(data)

            return outside
        inner = step_of(made)

        def step(data: object) -> Any:
            self.reset_metrics()
            return inner(data)

        function = compiled(step, made.name)
        if training:
            self._train_alone = function
        else:
            self._test_alone = function
        return function

    def _resets_plainly(self) -> bool:
        """Whether beginning the metrics anew only assigns variables."""
        inner = [part for m in self.metrics for part in getattr(m, "metrics", ())]
        resets = [type(m).reset_state for m in (*self.metrics, *inner)]
        resets.append(type(self).reset_metrics)
        return all(reset.__module__.startswith("minikeras.") for reset in resets)

    @apart
    def predict_on_batch(self, x: Nested[ArrayLike]) -> np.ndarray[Any, Any]:
        """The outputs for one batch.

        Args:
            x: Inputs, `(batch, ...)` each.

        Returns:
            NumPy arrays, in the structure of the model's outputs.

        Raises:
            ValueError: If the inputs do not fit the model.
        """
        step = self.predict_function or self.make_predict_function()
        x = host_structure(x, "x")
        self._refuse_strings((x, None, None))
        return to_numpy(step(pack_x_y_sample_weight(x)))

    def _one_batch(
        self,
        x: object,
        y: object,
        sample_weight: Nested[ArrayLike],
        class_weight: ClassWeight,
        owner: str,
    ) -> Batch:
        class_weight = in_order(class_weight, getattr(self, "output_names", None))
        batch = array_parts(x, y, sample_weight, class_weight, owner)
        if (
            type(batch[0]) is np.ndarray
            and type(batch[1]) is np.ndarray
            and batch[2] is None
        ):
            # The common case skips the walk over structures, which takes longer than a
            # small step.
            if len(batch[0]) == len(batch[1]) and len(batch[0]):
                return batch
        named = [
            leaf
            for name, part in zip(("x", "y", "sample_weight"), batch)
            for leaf in named_leaves(part, name)
        ]
        check_lengths(named, owner)
        return batch

    def _results(self, logs: dict[str, Any], return_dict: bool) -> Any:
        if return_dict:
            return logs
        order = self._result_order()
        values = [logs[name] for name in order if name in logs]
        # Names that only a custom step reports come last.
        values += [logs[name] for name in sorted(logs) if name not in order]
        return values[0] if len(values) == 1 else values
