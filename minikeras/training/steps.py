"""One batch: the default training, test and prediction steps, and their compilation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import ranks, tree
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import Function
from minikeras.engine.tensor import Tensor, host_array
from minikeras.engine.warn import warn_user
from minikeras.layers.base.call_info import accepted
from minikeras.training.compiling import CompileState, Compiling
from minikeras.training.data import (
    Batch,
    unpack_x_y_sample_weight,
)
from minikeras.training.data.leaves import refuse_strings
from minikeras.training.host_first import HostFirst
from minikeras.training.preparation import prepare, to_tensors
from minikeras.training.shards import (
    compiled,
)

if TYPE_CHECKING:
    from minikeras.optimizers.optimizer import Optimizer
    from minikeras.types import Nested


BatchFunction = Callable[[Any], Any]
# What was measured: the loss alone, with metrics behind it, or all by their names.
Scores = float | list[float] | dict[str, float]


class Steps(Compiling):
    """What happens with one batch."""

    train_function: Any = None
    test_function: Any = None
    predict_function: Any = None
    _train_alone: Any = None  # like the two above, but beginning the metrics anew
    _test_alone: Any = None

    def train_step(self, data: object) -> dict[str, Any]:
        """One update of the weights; override it for a training loop of your own.

        It runs once per signature to be compiled, then as a program; print inside
        shows only the first time (unless `compile(run_eagerly=True)`).

        Args:
            data: `x`, `(x, y)` or `(x, y, sample_weight)` of tensors.

        Returns:
            What to log: a dict from name to scalar tensor.

        Example:
            >>> class Mine(keras.Sequential):
            ...     def train_step(self, data):
            ...         x, y = data
            ...         with keras.GradientTape() as tape:
            ...             loss = self.compute_loss(x, y, self(x, training=True))
            ...         grads = tape.gradient(loss, self.trainable_variables)
            ...         self.optimizer.apply(grads, self.trainable_variables)
            ...         return {"my_loss": loss}
            >>> model = Mine([keras.Input((2,)), keras.layers.Dense(1)])
            >>> model.compile("sgd", "mse")
            >>> x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
            >>> list(model.fit(x, y, verbose=0).history)
            ['my_loss']
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        model: Any = self
        state = self._compiled("fit")
        optimizer = self.optimizer
        with GradientTape() as tape:
            y_pred = model(x, training=True)
            loss = self.compute_loss(
                x=x,
                y=y,
                y_pred=y_pred,
                sample_weight=sample_weight,
                **self._phase(True),
            )
            # The scaled loss is differentiated, the plain one reported; `apply` scales
            # back.
            target = optimizer.scale_loss(loss)
        state.tracker.update_state(loss, sample_weight=_batch_size(x))
        weights = model.trainable_variables
        if weights:
            gradients = tape.gradient(target, weights)
            if state.loss is not None and state.loss.leaves_out:
                # The user left outputs out on purpose: no warning for what is before them.
                pairs = [p for p in zip(gradients, weights) if p[0] is not None]
                if pairs:
                    gradients, weights = map(list, zip(*pairs))
            optimizer.apply(gradients, weights)
        else:
            warn_user(
                f"model {model.name!r} has no trainable weights; nothing is learned. Set "
                "trainable = True on its layers."
            )
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def _phase(self, training: bool) -> dict[str, Any]:
        """`training` for a `compute_loss` that takes it; older ones do not."""
        return accepted(type(self).compute_loss, {"training": training})

    def test_step(self, data: object) -> dict[str, Any]:
        """The metrics of one batch, without learning; override it for your own.

        Args:
            data: `x`, `(x, y)` or `(x, y, sample_weight)` of tensors.

        Returns:
            A dict from name to scalar tensor.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        model: Any = self
        y_pred = model(x, training=False)
        loss = self.compute_loss(
            x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **self._phase(False)
        )
        self._compiled("evaluate").tracker.update_state(
            loss, sample_weight=_batch_size(x)
        )
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data: object) -> Nested[Tensor]:
        """The outputs for one batch; override it for your own.

        Args:
            data: `x`, or a tuple that begins with it.

        Returns:
            A tensor, or a structure of them.
        """
        x, _, _ = unpack_x_y_sample_weight(data)
        model: Any = self
        return model(x, training=False)

    # --- functions of a batch

    # Who talked when the functions were made, and whether ranks were compared since.
    _ranks: ranks.Communicator = ranks.ALONE
    _alike = False

    def _follow_ranks(self) -> None:
        """Have functions made anew if other ranks are there than they were made for."""
        if self._ranks is not ranks.communicator():
            self._forget_functions()
            self._ranks = ranks.communicator()

    def _forget_functions(self) -> None:
        self._alike = False
        self.train_function = self.test_function = self.predict_function = None
        self._train_alone = self._test_alone = None

    def make_train_function(self, force: bool = False) -> BatchFunction:
        """The function that `fit` calls with each batch, compiled unless run eagerly.

        Args:
            force: Whether to make it anew.

        Returns:
            A function of `data`, which gives the logs.
        """
        # Kept until `compile` or other ranks make it invalid: a new function would be
        # traced anew.
        if force or self.train_function is None:
            self.train_function = self._function(self.train_step, "train_step")
        return self.train_function

    def make_test_function(self, force: bool = False) -> BatchFunction:
        """The function that `evaluate` calls with each batch.

        Args:
            force: Whether to make it anew.

        Returns:
            A function of `data`, which gives the logs.
        """
        if force or self.test_function is None:
            self.test_function = self._function(self.test_step, "test_step")
        return self.test_function

    def make_predict_function(self, force: bool = False) -> BatchFunction:
        """The function that `predict` calls with each batch.

        Args:
            force: Whether to make it anew.

        Returns:
            A function of `data`, which gives the outputs.
        """
        if force or self.predict_function is None:
            self.predict_function = self._function(self.predict_step, "predict_step")
        return self.predict_function

    def _function(self, step: BatchFunction, name: str) -> BatchFunction:
        if self.run_eagerly:
            return lambda data: step(to_tensors(data))
        function = compiled(step, f"{type(self).__name__}.{name}")
        if not self._runs_on_host():
            return function
        return HostFirst(self, step, function, name == "train_step")

    _host_part: Any = None

    def _runs_on_host(self) -> bool:
        """Whether a layer of it runs outside compiled steps, as those of text do."""
        model: Any = self
        return any(getattr(p, "_on_host", False) for p in model._flatten_layers())

    def _before_step(self, x: object, training: bool) -> Any:
        """The inputs after the layers that run outside compiled steps."""
        return x

    def _refuse_strings(self, batch: Batch) -> None:
        """Raise where strings came and numbers are wanted."""
        x, y, weight = batch
        try:
            refuse_strings(x, "x")
        except ValueError:
            if not self._runs_on_host():  # a walk over all layers, so it comes second
                raise
        refuse_strings(y, "y")
        refuse_strings(weight, "sample_weight")

    # --- before the first batch

    def _ready(self, batch: Batch, training: bool) -> CompileState:
        """The compile state, everything built for this batch."""
        self._refuse_strings(batch)
        state = self._compiled("fit" if training else "evaluate")
        if not state.ready or (training and not _built(self.optimizer)):
            step = "train_step" if training else "test_step"
            if getattr(type(self), step) is getattr(Steps, step):
                prepare(self, state, batch, training)
        return state


def _built(optimizer: Optimizer) -> bool:
    return optimizer is None or bool(optimizer.built)


def _batch_size(x: object) -> int:
    return int(next(leaf for leaf in tree.flatten(x) if leaf is not None).shape[0])


def to_floats(logs: Mapping[str, Any] | None) -> dict[str, Any]:
    """A step's logs as Python floats in the order of their names; arrays become NumPy's.

    This waits for the device.
    """
    flat: dict[str, Any] = {}
    for name, value in (logs or {}).items():
        if isinstance(value, dict):
            flat.update(value)
        else:
            flat[name] = value
    return {name: _to_float(flat[name]) for name in sorted(flat)}


def _to_float(value: object) -> int | float | np.ndarray[Any, Any]:
    if type(value) is Tensor:
        value = host_array(value.value)
    if isinstance(value, (int, float)):
        return value
    array = np.asarray(value)
    return float(array) if array.ndim == 0 and array.dtype.kind != "O" else array


def to_numpy(outputs: object) -> Any:
    """Tensors as NumPy arrays that the caller owns."""
    if type(outputs) is Tensor:
        return host_array(outputs.value)
    return tree.map_structure(
        lambda v: host_array(v.value) if isinstance(v, Tensor) else v, outputs
    )


def compiled_well(function: Callable[..., Any]) -> bool:
    """Whether a step's batch memory may be used again: its program keeps no reference."""
    return isinstance(function, Function) and not function.fallback
