"""CallbackList: many callbacks called as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.callbacks.callback import Callback, Logs
from minikeras.callbacks.history import History
from minikeras.callbacks.progbar_logger import ProgbarLogger
from minikeras.callbacks.simple import LambdaCallback
from minikeras.engine import ranks, tree
from minikeras.engine.tensor import Tensor

if TYPE_CHECKING:
    from minikeras.models.model import Model


_OURS = "minikeras."


class CallbackList(Callback):
    """Calls the hooks of all its callbacks, in order.

    Batch hooks go only to the callbacks that have one, and a batch's results are
    fetched from the device only for those that look at them.

    Args:
        callbacks: The callbacks.
        add_history: Whether to add a `History` if there is none.
        add_progbar: Whether to add a `ProgbarLogger` if there is none.
        model: The model that runs; its `history` becomes the History.
        **params: `verbose`, `epochs`, `steps`, for the callbacks.

    Raises:
        ValueError: If something is no Callback.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> ended = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))
    >>> all_of_them = keras.callbacks.CallbackList([ended], model=model, epochs=1)
    >>> all_of_them.on_epoch_end(0, {"loss": 0.5})
    0 {'loss': 0.5}
    """

    def __init__(
        self,
        callbacks: Iterable[Callback] | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: object,
    ) -> None:
        super().__init__()
        self.callbacks: list[Callback] = list(tree.flatten(list(callbacks or [])))
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise ValueError(
                    f"callbacks holds {callback!r}; expected instances of "
                    "keras.callbacks.Callback. Did you pass the class, without ()?"
                )
        if add_history:
            history = next((c for c in self.callbacks if isinstance(c, History)), None)
            if history is None:
                history = History()
                self.callbacks.append(history)
            if model is not None:
                model.history = history
        if add_progbar and not any(
            isinstance(c, ProgbarLogger) for c in self.callbacks
        ):
            self.callbacks.append(ProgbarLogger())
        self.callbacks.sort(
            key=lambda c: c._comes_last
        )  # keeps the order of the others
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)
        self._sort_out()

    def _sort_out(self) -> None:
        """Note who is called here, and who has a batch hook of its own."""
        first = ranks.first()
        self._heard = [c for c in self.callbacks if first or not c._on_first_rank]
        self._with: dict[str, list[Callback]] = {}
        for mode in ("train", "test", "predict"):
            for when in ("begin", "end"):
                hook = f"on_{mode}_batch_{when}"
                older = f"on_batch_{when}" if mode == "train" else None
                self._with[hook] = [
                    c
                    for c in self._heard
                    if _has(c, hook) or (older and _has(c, older))
                ]

        self.watchers = [c for c in self._heard if c._sees_batches]

    def _may_stop(self, mode: str) -> bool:
        """Whether a batch hook that a user wrote may stop a run, on this rank alone too."""
        hooks = f"on_{mode}_batch_begin", f"on_{mode}_batch_end"
        return any(
            isinstance(c, LambdaCallback) or not type(c).__module__.startswith(_OURS)
            for hook in hooks
            for c in self._with[hook]
        )

    def _see_batch(self, step: int, data: object) -> None:
        for callback in self.watchers:
            callback._see_batch(step, data)

    def _counted(self, steps: int | None) -> None:
        for callback in self._heard:
            callback._counted(steps)

    def _on_train_broken(self) -> None:
        for callback in self._heard:
            callback._on_train_broken()

    def append(self, callback: Callback) -> None:
        """Add a callback."""
        self.callbacks.append(callback)
        self._sort_out()

    def set_params(self, params: dict[str, Any]) -> None:
        """Pass the run's parameters on."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Model) -> None:
        """Pass the model on."""
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def _batch(self, hook: str, batch: int, logs: Logs) -> None:
        floats: dict[str, Any] | None = None
        for callback in self._with[hook]:
            if callback._takes_tensors:
                getattr(callback, hook)(batch, logs=logs)
                continue
            if floats is None:
                floats = fetched(logs)
            getattr(callback, hook)(batch, logs=floats)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Pass on."""
        self._batch("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Pass on."""
        self._batch("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Pass on."""
        self._batch("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Pass on."""
        self._batch("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Pass on."""
        self._batch("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Pass on."""
        self._batch("on_predict_batch_end", batch, logs)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Pass on."""
        for callback in self._heard:
            callback.on_epoch_begin(epoch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Pass on; a callback may add to the logs for those after it."""
        logs = {} if logs is None else logs
        for callback in self._heard:
            callback.on_epoch_end(epoch, logs)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Pass on."""
        for callback in self._heard:
            callback.on_train_begin(logs or {})

    def on_train_end(self, logs: Logs = None) -> None:
        """Pass on."""
        for callback in self._heard:
            callback.on_train_end(logs or {})

    def on_test_begin(self, logs: Logs = None) -> None:
        """Pass on."""
        for callback in self._heard:
            callback.on_test_begin(logs or {})

    def on_test_end(self, logs: Logs = None) -> None:
        """Pass on."""
        for callback in self._heard:
            callback.on_test_end(logs or {})

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Pass on."""
        for callback in self._heard:
            callback.on_predict_begin(logs or {})

    def on_predict_end(self, logs: Logs = None) -> None:
        """Pass on."""
        for callback in self._heard:
            callback.on_predict_end(logs or {})


def _has(callback: Callback, hook: str) -> bool:
    """Whether a hook is more than the empty one of the base class."""
    own = getattr(callback, hook, None)
    return getattr(own, "__func__", own) is not getattr(Callback, hook)


def fetched(logs: Logs) -> dict[str, Any]:
    """The logs as Python floats, in the order of their names, and NumPy arrays."""
    flat: dict[str, Any] = {}
    for name, value in (logs or {}).items():
        flat.update(
            value if isinstance(value, dict) and name != "outputs" else {name: value}
        )
    return {name: tree.map_structure(_fetch, flat[name]) for name in sorted(flat)}


def _fetch(value: object) -> Any:
    if isinstance(value, (Tensor, np.generic)):
        value = np.asarray(value)
    return float(value) if isinstance(value, np.ndarray) and not value.ndim else value
