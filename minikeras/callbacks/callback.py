"""Callback: hooks that `fit`, `evaluate` and `predict` call as they go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikeras.models.model import Model

Logs = dict[str, Any] | None


class Callback:
    """Base class of what watches or steers training.

    Override the hooks you need. `logs` holds the results so far by name, as Python
    floats. Set `self.model.stop_training = True` to stop `fit`.

    Attributes:
        params: `verbose`, `epochs` and `steps` of the run.
        model: The model that runs.

    Example:
        >>> class Count(keras.callbacks.Callback):
        ...     batches = 0
        ...     def on_train_batch_end(self, batch, logs=None):
        ...         self.batches += 1
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> count = Count()
        >>> x, y = np.ones((64, 2), "float32"), np.ones((64, 1), "float32")
        >>> _ = model.fit(x, y, epochs=3, verbose=0, callbacks=[count])
        >>> count.batches
        6
    """

    # Whether batch hooks may get tensors as logs, so that no batch waits for the device.
    _takes_tensors = False
    # Whether its hooks are called by rank 0 only, of several that train: it writes.
    _on_first_rank = False
    # Whether its hooks are called after those of all others.
    _comes_last = False
    # Whether `_see_batch(step, data)` wants each batch of training before it runs.
    _sees_batches = False

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model that runs."""
        return self.__dict__.get("_model")

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before the run with its `verbose`, `epochs` and `steps`."""
        self.params = params

    def set_model(self, model: Model) -> None:
        """Called before the run with the model."""
        self._model = model

    def _remembered(self) -> dict[str, Any]:
        """What a backup of the run keeps of this callback: by default all that is plain."""
        apart = ("_model", "params")
        return {key: v for key, v in self.__dict__.items() if key not in apart}

    def _take_back(self, state: dict[str, Any]) -> None:
        """Be again as `_remembered` said."""
        for key, value in (state or {}).items():
            setattr(self, key, value)

    def _see_batch(self, step: int, data: object) -> None:
        """A batch of training as `train_step` will get it."""

    def _counted(self, steps: int | None) -> None:
        """The batches have run: how many make an epoch, where that is known now."""

    def _on_train_broken(self) -> None:
        """An error or an interrupt ends training, so that `on_train_end` will not come."""

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Older name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Before an epoch of training; epochs count from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """After an epoch of training and its validation (names with `val_`)."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of training."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of training."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of evaluation, in `fit` too."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of evaluation, in `fit` too."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of prediction; logs has `outputs`."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """Before training."""

    def on_train_end(self, logs: Logs = None) -> None:
        """After training, with the last epoch's logs."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """Before evaluation."""

    def on_test_end(self, logs: Logs = None) -> None:
        """After evaluation."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Before prediction."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """After prediction."""
