"""Trainer: `fit`, `evaluate` and `predict`, for every model and every backend."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import ExitStack
from typing import Any

import numpy as np

from minikeras import config
from minikeras.callbacks import BackupAndRestore, History
from minikeras.engine.interpret import apart
from minikeras.engine.undisturbed import attended
from minikeras.training.alike import begin, share_values
from minikeras.training.arguments import (
    check_counts,
    check_frequency,
    check_verbose,
    listed,
)
from minikeras.training.batch_hooks import BatchHooks
from minikeras.training.data import (
    ArrayAdapter,
    ClassWeight,
    DataAdapter,
    Feed,
    array_parts,
    in_order,
    is_arrays,
    make_adapter,
    pack_x_y_sample_weight,
)
from minikeras.training.data import (
    validation_split as split,
)
from minikeras.training.epochs import Epochs
from minikeras.training.gathered import Gathered, joined
from minikeras.training.nan_watch import NanWatch
from minikeras.training.shards import joined_rows
from minikeras.training.steps import Scores, to_numpy
from minikeras.types import ArrayLike, Nested

_HELD = "fit (validation_data)"  # whose data it is, in errors


def _divided(
    data: tuple[Any, Any, Any],
    share: float,
    batch_size: int | None,
    held_size: int | None,
    shuffle: bool | str,
    class_weight: ClassWeight,
) -> tuple[DataAdapter, DataAdapter]:
    """Arrays `(x, y, sample_weight)` to train on, and those of their end to validate on."""
    x = data[0]
    if not is_arrays(x):
        raise ValueError(
            f"fit: validation_split={share} needs arrays; x is a {type(x).__name__}. Pass "
            "validation_data instead."
        )
    parts = array_parts(*data, class_weight, "fit", by_batch=True)
    train, held = split(parts, share)
    adapter = ArrayAdapter(*train, batch_size or 32, shuffle, "fit", class_weight)
    return adapter, ArrayAdapter(*held, held_size or 32, False, "fit")


class Trainer(Epochs):
    """Training, evaluation and prediction; `Model` inherits from it."""

    @apart
    def fit(
        self,
        x: Nested[ArrayLike] | None = None,
        y: Nested[ArrayLike] | None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: object = None,
        shuffle: bool | str = True,
        class_weight: ClassWeight = None,
        sample_weight: Nested[ArrayLike] | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Collection[int] = 1,
        *,
        backup_dir: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train for a number of epochs, passes over the data.

        Args:
            x: Arrays `(samples, ...)`, in lists or dicts for several inputs; or a
                generator, PyDataset, PyTorch DataLoader, tf.data.Dataset or iterable
                that gives batches `(x, y)` or `(x, y, sample_weight)`.
            y: Targets `(samples, ...)`, arranged like the outputs.
            batch_size: Samples in an update. Default: 32.
            epochs: The number of the last epoch.
            verbose: 0 silent, 1 a progress bar, 2 a line an epoch, `"auto"` 1.
            callbacks: List of Callbacks.
            validation_split: The fraction of the samples, taken from the end, to
                evaluate on after each epoch.
            validation_data: Data to evaluate on instead: `(x, y)`,
                `(x, y, sample_weight)`, or a source of batches.
            shuffle: Whether each epoch takes the samples in a new order (from the global
                seed, equal on every backend); `"batch"` shuffles batches only.
            class_weight: Dict from class number to weight; for several outputs a list
                of them, or a dict by output name. Not for validation.
            sample_weight: Weights `(samples,)`, or one array for each output.
            initial_epoch: The epoch to begin with.
            steps_per_epoch: Batches in an epoch. Default: one pass over the data.
            validation_steps: Batches to evaluate on. Default: all.
            validation_batch_size: Default: `batch_size`.
            validation_freq: Evaluate every so many epochs, or after the epochs listed.
            backup_dir: A folder in which the state of the run is kept, after each epoch
                and every few minutes. A run that was broken off goes on from there when
                the same script runs again, and ends with the bits of an unbroken one.
                See `keras.callbacks.BackupAndRestore`. (Keras has no such argument.)

        Returns:
            A `History`; its `history` maps each name to one value an epoch.

        Raises:
            ValueError: If the model is not compiled or an argument or the data do not
                fit; no weight has changed then.

        Example:
            >>> keras.utils.set_random_seed(1)
            >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
            >>> model.compile(keras.optimizers.SGD(0.1), "mse")
            >>> x = np.random.rand(64, 3).astype("float32")
            >>> history = model.fit(x, x.sum(1, keepdims=True), epochs=20, verbose=0)
            >>> history.history["loss"][-1] < history.history["loss"][0]
            True
        """
        self._compiled("fit")
        self._follow_ranks()
        check_counts("fit", batch_size=batch_size, steps_per_epoch=steps_per_epoch,
                      validation_steps=validation_steps, epochs=(epochs, 0),
                      validation_batch_size=validation_batch_size,
                      initial_epoch=(initial_epoch, 0))  # fmt: skip
        check_frequency(validation_freq)
        verbose = check_verbose("fit", verbose)
        # A limit for quick runs of scripts that are not one's own
        # (`keras.config.set_max_epochs`).
        epochs = min(epochs, config.max_epochs() or epochs)
        class_weight = in_order(class_weight, getattr(self, "output_names", None))
        held_size = validation_batch_size or batch_size
        data = x, y, sample_weight
        held: DataAdapter | None = None
        if validation_split and validation_data is None:
            adapter, held = _divided(
                data, validation_split, batch_size, held_size, shuffle, class_weight
            )
        else:
            adapter = make_adapter(*data, batch_size, shuffle, class_weight, "fit")
            if validation_data is not None:
                held = self._validation_adapter(validation_data, held_size)
        numbers = range(initial_epoch, epochs)
        count = max(len(numbers), 1)
        with ExitStack() as stack:
            every = self.steps_per_execution
            opened = self._open_feed(
                adapter, steps_per_epoch, count, "fit", every=every
            )
            feed, held_feed = stack.enter_context(opened), None
            if held is not None:
                opened = self._open_feed(
                    held, validation_steps, count, _HELD, restart=True
                )
                held_feed = stack.enter_context(opened)
            self._ready_to_fit(feed, held_feed, adapter, held, numbers)
            if backup_dir is not None:
                keeper = BackupAndRestore.often(backup_dir)
                callbacks = [*listed(callbacks), keeper]
            callbacks = self._callbacks(
                callbacks, verbose, add_history=True, epochs=epochs, steps=feed.steps
            )
            try:
                attended(
                    self._fit_loop, feed, held_feed, callbacks, numbers, validation_freq
                )
            # Ctrl-C too: callbacks hold files and threads that must be let go.
            except BaseException:
                callbacks._on_train_broken()
                raise
        history: History = self.history
        return history

    def _ready_to_fit(
        self,
        feed: Feed,
        held_feed: Feed | None,
        adapter: DataAdapter,
        held: DataAdapter | None,
        numbers: range,
    ) -> None:
        """All that can go wrong goes wrong here, before the first update, on every rank."""
        if feed.divider is not None:
            epochs = numbers.start, numbers.stop
            begin("fit", adapter, epochs=epochs, steps=feed.steps)
            if held is not None:
                begin(_HELD, held)
        if numbers:
            self._check_feed(feed, training=True)
            if held_feed is not None:
                self._check_feed(held_feed, training=False)
        if feed.divider is not None:
            share_values("fit", self)

    @apart
    def evaluate(
        self,
        x: Nested[ArrayLike] | None = None,
        y: Nested[ArrayLike] | None = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Nested[ArrayLike] | None = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: object,
    ) -> Scores:
        """Loss and metrics over the data, without learning.

        Args:
            x: Inputs, or a source of batches, as in `fit`.
            y: Targets.
            batch_size: Samples computed at a time. Default: 32.
            verbose: 0 silent, 1 a progress bar, 2 one line, `"auto"` 1.
            sample_weight: Weights, or None.
            steps: Batches to take. Default: all.
            callbacks: List of Callbacks.
            return_dict: Whether to give a dict by name.
            **kwargs: Not accepted; named in the error.

        Returns:
            The loss, a list of loss and metrics, or a dict.

        Raises:
            ValueError: If the model is not compiled, or the data are not fit.
            TypeError: If an argument is unknown.
        """
        if kwargs:
            raise TypeError(f"evaluate: unknown arguments {sorted(kwargs)}.")
        self._compiled("evaluate")
        check_counts("evaluate", batch_size=batch_size, steps=steps)
        verbose = check_verbose("evaluate", verbose)
        adapter = make_adapter(x, y, sample_weight, batch_size, owner="evaluate")
        self._follow_ranks()
        with self._open_feed(adapter, steps, 1, "evaluate") as feed:
            if feed.divider is not None:
                begin("evaluate", adapter, steps=feed.steps)
            self._check_feed(feed, training=False)
            if feed.divider is not None:
                share_values("evaluate", self)
            self.stop_evaluating = False
            callbacks = self._callbacks(callbacks, verbose, epochs=1, steps=feed.steps)
            state = self._compiled("evaluate")
            state.nan = NanWatch()
            results = attended(self._test_epoch, feed, callbacks)
            state.nan.judge(results, feed.all_data, "evaluate")
        return self._results(results, return_dict)

    @apart
    def predict(
        self,
        x: Nested[ArrayLike],
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for all samples.

        Args:
            x: Arrays `(samples, ...)`, or a source of batches.
            batch_size: Samples computed at a time. Default: 32.
            verbose: 0 silent, 1 a progress bar, 2 one line, `"auto"` 1.
            steps: Batches to take. Default: all.
            callbacks: List of Callbacks.

        Returns:
            NumPy arrays `(samples, ...)`, in the structure of the model's outputs.

        Raises:
            ValueError: If the inputs do not fit the model, or there is none.

        Example:
            >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
            >>> model.predict(np.ones((5, 3), "float32"), verbose=0).shape
            (5, 2)
        """
        self._follow_ranks()
        check_counts("predict", batch_size=batch_size, steps=steps)
        verbose = check_verbose("predict", verbose)
        size = len(x) if type(x) is np.ndarray and x.ndim else 0
        if (
            0 < size <= (batch_size or 32)
            and not verbose
            and not callbacks
            and steps is None
        ):
            return self.predict_on_batch(
                x
            )  # one sample a call is a common way to serve
        adapter = make_adapter(x, batch_size=batch_size, owner="predict")
        gathered = Gathered(adapter.num_samples if steps is None else None)
        with self._open_feed(adapter, steps, 1, "predict") as feed:
            divider = feed.divider
            if divider is not None:
                begin("predict", adapter, steps=feed.steps)
            self._refuse_strings(feed.peek())
            self.stop_predicting = False
            callbacks = self._callbacks(callbacks, verbose, epochs=1, steps=feed.steps)
            function = self.make_predict_function()
            callbacks.on_predict_begin()
            group: list[Any] = []

            def ended(step: int, _: object) -> None:
                callbacks.on_predict_batch_end(step, {"outputs": joined(group)})
                group.clear()

            hooks = BatchHooks(
                self.steps_per_execution, callbacks.on_predict_batch_begin, ended
            )
            # Ranks with data of their own predict for these alone, with nothing to
            # exchange.
            divides = divider is not None and divider.divides
            if divider is not None and divides:
                divider.listen(callbacks._may_stop("predict"))
            for step, batch in enumerate(feed.epoch()):
                hooks.before(step)
                if divider is not None and divides:
                    inputs, _, _ = divider.part(batch)
                    outputs = divider.run(function, pack_x_y_sample_weight(inputs))
                    outputs = joined_rows(to_numpy(outputs))
                else:
                    outputs = function(pack_x_y_sample_weight(batch[0]))
                gathered.add(outputs)
                group.append(outputs)
                hooks.after(step, None)
                if divider is not None and divides:
                    self.stop_predicting = divider.stopped(self.stop_predicting)
                if self.stop_predicting:
                    break
            hooks.finish()
            feed.end_epoch()
            callbacks._counted(feed.steps)
            callbacks.on_predict_end()
        return gathered.result()

    def _validation_adapter(self, data: object, batch_size: int | None) -> DataAdapter:
        parts: tuple[Any, ...] = (data,)
        if isinstance(data, (tuple, list)):
            parts = tuple(data)
            if not 1 <= len(parts) <= 3:
                raise ValueError(
                    f"fit: validation_data has {len(parts)} parts; expected (x, y) or "
                    "(x, y, sample_weight)."
                )
        x, y, weight = (*parts, None, None)[:3]
        return make_adapter(x, y, weight, batch_size, owner="fit (validation_data)")
