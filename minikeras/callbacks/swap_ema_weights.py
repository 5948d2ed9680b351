"""SwapEMAWeights: evaluation and checkpoints with averaged weights."""

from __future__ import annotations

from typing import Any

from minikeras.callbacks.callback import Callback, Logs


class SwapEMAWeights(Callback):
    """The optimizer's moving averages in the model while it is evaluated or saved.

    For optimizers with `use_ema=True`. Training goes on with the trained weights; after
    `fit` the model keeps the averages.

    Args:
        swap_on_epoch: Whether the averages are in the model from the end of an epoch to
            the beginning of the next one, so that callbacks later in the list, such as
            `ModelCheckpoint`, see them too. By default only for the validation.

    Raises:
        ValueError: If the optimizer keeps no averages.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.1, use_ema=True), "mse")
        >>> x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
        >>> swap = keras.callbacks.SwapEMAWeights()
        >>> history = model.fit(x, y, validation_data=(x, y), verbose=0, callbacks=[swap])
        >>> list(history.history)
        ['loss', 'val_loss']
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._trained: list[Any] | None = None

    def _put_averages(self) -> None:
        """The averages into the model; the trained weights are kept here meanwhile."""
        weights = self.model.trainable_variables
        optimizer = self.model.optimizer
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        kept = [
            o.use_ema for o in getattr(inner, "optimizers", [inner]) if o is not None
        ]
        if not any(kept):
            raise ValueError(
                f"SwapEMAWeights: optimizer {getattr(optimizer, 'name', None)!r} keeps no "
                "averages; expected one made with use_ema=True."
            )
        if self._trained is None and optimizer.built:
            self._trained = [v.value for v in weights]
            optimizer.finalize_variable_values(weights)

    def _put_trained(self) -> None:
        if self._trained is not None:
            for variable, value in zip(self.model.trainable_variables, self._trained):
                variable.assign(value)
            self._trained = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget what an earlier run left."""
        self._trained = None

    def on_test_begin(self, logs: Logs = None) -> None:
        """The averages come in."""
        self._put_averages()

    def on_test_end(self, logs: Logs = None) -> None:
        """The trained weights come back."""
        self._put_trained()

    def on_predict_begin(self, logs: Logs = None) -> None:
        """The averages come in."""
        self._put_averages()

    def on_predict_end(self, logs: Logs = None) -> None:
        """The trained weights come back."""
        self._put_trained()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """The trained weights come back, to be trained on."""
        self._put_trained()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """The averages come in, where that is asked for."""
        if self.swap_on_epoch:
            self._put_averages()

    def on_train_end(self, logs: Logs = None) -> None:
        """The model keeps the averages that `fit` left in it."""
        self._trained = None
