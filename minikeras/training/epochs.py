"""An epoch of training and one of evaluation, and what runs them one after the other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from minikeras.callbacks import BackupAndRestore, CallbackList
from minikeras.callbacks.backup import Run
from minikeras.engine import ranks
from minikeras.training.alike import check_values_alike
from minikeras.training.arguments import listed
from minikeras.training.batch_hooks import BatchHooks
from minikeras.training.data import (
    ArrayAdapter,
    DataAdapter,
    Feed,
    pack_x_y_sample_weight,
)
from minikeras.training.nan_watch import NanWatch
from minikeras.training.on_batch import OnBatch
from minikeras.training.preparation import check_values
from minikeras.training.shards import Divider, any_rank
from minikeras.training.steps import compiled_well, to_floats

if TYPE_CHECKING:
    from minikeras.callbacks.callback import Callback


class Epochs(OnBatch):
    """What happens with all batches of a source, once or several times."""

    stop_evaluating: bool = False
    stop_predicting: bool = False
    history: Any = None

    def _fit_loop(
        self,
        feed: Feed,
        held: Feed | None,
        callbacks: CallbackList,
        epochs: range,
        validation_freq: int | Collection[int],
    ) -> None:
        self.stop_training = False
        state = self._compiled("fit")
        state.nan = NanWatch()
        callbacks.on_train_begin()
        logs: dict[str, Any] = {}
        # After a backup the first epoch goes on in its midst: `done` of its batches are
        # behind it, its metrics are restored, and its callbacks have seen it begin.
        run = self._resumed(feed, callbacks, epochs)
        for epoch in epochs[max(run.epoch - epochs.start, 0) :]:
            if run.stopped or not feed.ready():
                break
            done, run.batch, run.epoch = run.batch, 0, epoch
            if not done:
                self.reset_metrics()
                callbacks.on_epoch_begin(epoch)
            # No batch may be left of an epoch that a backup broke off at its end: its
            # logs were kept.
            logs = self._train_epoch(feed, callbacks, done) or run.logs
            state.nan.judge(logs, feed.all_data, "fit")
            if held is not None and held.ready() and _due(epoch, validation_freq):
                found = self._test_epoch(held, callbacks)
                logs = {
                    **logs,
                    **{f"val_{name}": value for name, value in found.items()},
                }
            # Ranks that drifted apart would go on training different models in silence.
            if feed.divider is not None:
                check_values_alike("fit", self)
            callbacks.on_epoch_end(epoch, logs)
            if (
                feed.divider is not None
            ):  # a rank by itself may have seen a reason to stop
                self.stop_training = any_rank(self.stop_training)
            if self.stop_training or feed.exhausted:
                break
        if epochs:
            self._finalize_weights()
        callbacks.on_train_end(logs)

    def _resumed(self, feed: Feed, callbacks: CallbackList, epochs: range) -> Run:
        """The run, at its start or where a backup says that it was broken off."""
        run = Run(self, feed, callbacks.callbacks, epochs.start)
        for keeper in callbacks.callbacks:
            if isinstance(keeper, BackupAndRestore):
                keeper.attach(run)
                keeper.restore(callbacks.on_epoch_begin)
        return run

    def _finalize_weights(self) -> None:
        """What the optimizer leaves in the model: averages, where it keeps them."""
        optimizer = self.optimizer
        if optimizer is not None and optimizer.built:
            model: Any = self
            optimizer.finalize_variable_values(model.trainable_variables)

    def _train_epoch(
        self, feed: Feed, callbacks: CallbackList, done: int = 0
    ) -> dict[str, Any]:
        function = self.make_train_function()
        state = self._compiled("fit")
        adapter = feed.adapter
        hooks = BatchHooks(
            self.steps_per_execution,
            callbacks.on_train_batch_begin,
            callbacks.on_train_batch_end,
        )
        logs: Any = {}
        # A program keeps none of its arguments, so a later batch may be gathered into the
        # arrays of an earlier one. A step in plain Python may keep them, and gets new ones.
        adapter.reuse = compiled_well(function)
        divider = feed.divider
        run = function if divider is None else partial(divider.run, function)
        if divider is not None:
            divider.listen(callbacks._may_stop("train"))
        for step, batch in enumerate(feed.epoch(), done):
            hooks.before(step)
            if divider is not None:
                batch = divider.part(batch)
            if not adapter.checked:
                check_values(state, batch)
                state.nan.see(batch)
            data = pack_x_y_sample_weight(*batch)
            # Most callbacks never see the data, so it is handed on only where one does.
            if callbacks.watchers:
                callbacks._see_batch(step, data)
            logs = run(data)
            hooks.after(step, logs)
            # The first batch may show that the step cannot be compiled.
            if adapter.reuse and not compiled_well(function):
                adapter.reuse = False
            if divider is not None:
                self.stop_training = divider.stopped(self.stop_training)
            if self.stop_training:
                break
        else:
            if divider is not None:
                divider.ended()
        # Also after a break: callbacks must see the end of every group that has begun.
        hooks.finish()
        feed.end_epoch()
        callbacks._counted(feed.steps)
        return to_floats(logs)

    def _test_epoch(self, feed: Feed, callbacks: CallbackList) -> dict[str, Any]:
        function = self.make_test_function()
        state = self._compiled("evaluate")
        self.reset_metrics()
        callbacks.on_test_begin()
        hooks = BatchHooks(
            self.steps_per_execution,
            callbacks.on_test_batch_begin,
            callbacks.on_test_batch_end,
        )
        logs: Any = {}
        divider = feed.divider
        run = function if divider is None else partial(divider.run, function)
        if divider is not None:
            divider.listen(callbacks._may_stop("test"))
        for step, batch in enumerate(feed.epoch()):
            hooks.before(step)
            if divider is not None:
                batch = divider.part(batch)
            if not feed.adapter.checked:
                check_values(state, batch)
                state.nan.see(batch)
            logs = run(pack_x_y_sample_weight(*batch))
            hooks.after(step, logs)
            if divider is not None:
                self.stop_evaluating = divider.stopped(self.stop_evaluating)
            if self.stop_evaluating:
                break
        else:
            if divider is not None:
                divider.ended()
        hooks.finish()
        feed.end_epoch()
        callbacks._counted(feed.steps)
        results = to_floats(logs)
        callbacks.on_test_end(results)
        return results

    # --- before the first batch

    def _open_feed(
        self,
        adapter: DataAdapter,
        steps: int | None,
        epochs: int,
        owner: str,
        restart: bool = False,
        every: int = 1,
    ) -> Feed:
        # To debug, everything runs in the thread that asked for it.
        ahead = not self.run_eagerly
        divider = Divider(adapter, owner, ahead) if ranks.several() else None
        feed = Feed(adapter, steps, epochs, owner, ahead, restart, every)
        feed.divider = divider
        return feed

    def _callbacks(
        self,
        callbacks: Callback | Sequence[Callback],
        verbose: int,
        epochs: int,
        steps: int | None,
        add_history: bool = False,
    ) -> CallbackList:
        if isinstance(callbacks, CallbackList):
            return callbacks
        return CallbackList(
            listed(callbacks),
            add_history=add_history,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )

    def _check_feed(self, feed: Feed, training: bool) -> None:
        """Build everything for the first batch, and look at all values that are at hand."""
        state = self._ready(feed.peek(), training)
        adapter = feed.adapter
        if isinstance(adapter, ArrayAdapter) and not adapter.on_demand:
            check_values(state, adapter.parts)
            adapter.checked = True


def _due(epoch: int, frequency: int | Collection[int]) -> bool:
    """Whether to validate after this epoch (counted from 0)."""
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency
