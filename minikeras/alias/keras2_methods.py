"""Methods and arguments of Keras 2 that scripts still use, given to our classes.

`give` adds them when `keras` is imported, so only programs that run under the alias have
them. Each says once what it is called now.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import ops, tree
from minikeras.alias import old_arguments
from minikeras.alias.lent import Lent
from minikeras.alias.old_arguments.of_models import trained
from minikeras.alias.old_arguments.passing import passed_on
from minikeras.engine.tracebacks import shorten
from minikeras.engine.warn import warn_user
from minikeras.layers import InputLayer, Layer
from minikeras.metrics import Metric
from minikeras.models import Model
from minikeras.types import ArrayLike, Nested
from minikeras.utils import PyDataset

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


# Said once for each name by the filter of warnings: one text at one place of a script.
_ADVICE = "{} is of Keras 2; {}"


def _note(old: str, now: str) -> None:
    warn_user(_ADVICE.format(old, now))


def _renamed(owner: str, old: str, new: str) -> Callable[..., Any]:
    def method(self: object, *args: object, **kwargs: object) -> Any:
        _note(f"{owner}.{old}", f"use {new}.")
        return getattr(self, new)(*args, **kwargs)

    method.__name__, method.__qualname__ = old, f"{owner}.{old}"
    method.__doc__ = f"Keras 2's name of `{new}`."
    return method


class _Shape:
    """The shape of `layer.input` or `layer.output`; a layer's own attribute comes first."""

    def __init__(self, of: str) -> None:
        self._of = of

    def __get__(self, layer: Layer, owner: type | None = None) -> Any:
        if layer is None:
            return self
        tensors = getattr(layer, self._of)
        if isinstance(tensors, (list, tuple)):
            return [tuple(t.shape) for t in tensors]
        return tuple(tensors.shape)


def _at(of: str) -> Callable[..., Any]:
    def method(self: Any, node_index: int) -> Any:
        nodes = self._inbound_nodes
        found = nodes[node_index]
        tensors = found.output_tensors if of == "output" else found.input_tensors
        return tensors[0] if len(tensors) == 1 else list(tensors)

    method.__doc__ = f"The {of} of the layer's call with this number."
    return method


def predict_classes(
    self: Any, x: Tensor, batch_size: object = None, verbose: object = 0
) -> np.ndarray[Any, Any]:
    """The classes of samples: the largest output, or whether the only one is above 0.5."""
    _note("predict_classes", "use numpy.argmax(model.predict(x), axis=-1).")
    found = self.predict(x, batch_size=batch_size, verbose=verbose)
    if found.shape[-1] > 1:
        return np.argmax(found, axis=-1)
    return (found > 0.5).astype("int32")


def reset_states(self: Model) -> None:
    """Forgets the states of the model's recurrent layers."""
    _note("Model.reset_states", "call layer.reset_state() of its layers.")
    for layer in self._flatten_layers():
        if layer is not self and hasattr(layer, "reset_state"):
            layer.reset_state()


def compiled_loss(
    self: Any,
    y_true: Nested[ArrayLike],
    y_pred: Nested[ArrayLike],
    sample_weight: ArrayLike | None = None,
    regularization_losses: Sequence[ArrayLike] | None = None,
) -> Tensor:
    """The losses given to `compile`, added up; they go into the metric `loss` too."""
    _note("compiled_loss", "use compute_loss(y=y, y_pred=y_pred).")
    loss = self._compile_loss
    total = ops.convert_to_tensor(0.0)
    if loss is not None:
        total = loss(y_true, y_pred, sample_weight)
    for extra in regularization_losses or ():
        total = ops.add(total, ops.sum(extra))
    tracker = self._loss_tracker
    if tracker is not None:
        first = tree.flatten(y_pred)[0]
        tracker.update_state(total, sample_weight=first.shape[0])
    return total


def _own_input(layer: Layer) -> Any:
    """The input of an `InputLayer`: its tensor, as in Keras 2, and no empty list."""
    return layer.output


class _Settable(property):
    """A property of a `PyDataset` that a subclass may set as its own attribute."""

    def __init__(self, old: property) -> None:
        super().__init__(old.fget)
        self._old, self._place = old, f"_own_{id(self)}"

    def __get__(self, owner: object, cls: type | None = None) -> Any:
        if owner is None:
            return self
        own = vars(owner)
        return own[self._place] if self._place in own else self._old.__get__(owner, cls)

    def __set__(self, owner: object, value: object) -> None:
        vars(owner)[self._place] = value


_OF_WORKERS = (
    "max_queue_size", "workers", "use_multiprocessing", "max_q_size", "nb_worker", "pickle_safe",
)  # fmt: skip


def _without_workers(method: Callable[..., Any]) -> Callable[..., Any]:
    """`fit` and the like, which leave out what a `PyDataset` says itself now."""

    @functools.wraps(method)
    def called(self: object, *args: object, **kwargs: object) -> Any:
        for name in _OF_WORKERS:
            if name in kwargs:
                _note(f"{method.__name__}({name}=)", "give it to the PyDataset.")
                del kwargs[name]
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            shorten(error)  # of this frame
            raise

    return called


def _any_name(method: Callable[..., Any]) -> Callable[..., Any]:
    """`save_weights` for any name, in Keras 3's format; `load_weights` looks inside."""

    @functools.wraps(method)
    def called(self: object, filepath: str, *args: object, **kwargs: object) -> Any:
        kwargs.pop("save_format", None)
        name = os.fspath(filepath)
        known = (".weights.h5", ".weights.json", ".npz", ".safetensors")
        if name.lower().endswith(known) or kwargs.get("max_shard_size") is not None:
            try:
                return method(self, filepath, *args, **kwargs)
            except Exception as error:
                shorten(error)
                raise
        _note(f"save_weights({name!r})", "names end in `.weights.h5`.")
        os.makedirs(os.path.dirname(os.path.abspath(name)), exist_ok=True)
        part = f"{name}.{os.getpid()}.weights.h5"
        method(self, part, *args, **kwargs)
        os.replace(part, name)
        return None

    return called


def _any_file(method: Callable[..., Any]) -> Callable[..., Any]:
    """`save` to any name, in Keras 3's format; `load_model` looks inside."""

    @functools.wraps(method)
    def called(self: object, filepath: Any, *args: object, **kwargs: object) -> Any:
        kind = kwargs.pop("save_format", None)
        try:
            name = os.fspath(filepath)
        except TypeError:  # an open file
            return method(self, filepath, *args, **kwargs)
        known = name.lower().endswith((".keras", ".h5", ".hdf5"))
        try:
            if known or kwargs.get("zipped") is False:
                return method(self, filepath, *args, **kwargs)
            ending = "h5" if kind in ("h5", "hdf5") else "keras"
            _note(f"save({name!r})", f"names end in `.{ending}`.")
            name = name.rstrip("/")
            os.makedirs(os.path.dirname(os.path.abspath(name)), exist_ok=True)
            part = f"{name}.{os.getpid()}.{ending}"
            method(self, part, *args, **kwargs)
            os.replace(part, name)
        except Exception as error:
            shorten(error)
            raise
        return None

    return called


def _given() -> list[tuple[type, str, Any]]:
    own = Model.__mro__
    found: list[tuple[type, str, Any]] = [
        (Metric, "reset_states", _renamed("Metric", "reset_states", "reset_state")),
        (Layer, "input_shape", _Shape("input")),
        (Layer, "output_shape", _Shape("output")),
        (Layer, "get_input_at", _at("input")),
        (Layer, "get_output_at", _at("output")),
        (Model, "predict_classes", predict_classes),
        (Model, "predict_proba", _renamed("Model", "predict_proba", "predict")),
        (Model, "reset_states", reset_states),
        (Model, "compiled_loss", property(lambda self: partial(compiled_loss, self))),
        (Model, "_is_compiled", property(lambda self: self.compiled)),
        (InputLayer, "input", property(_own_input)),
        (PyDataset, "num_batches", _Settable(vars(PyDataset)["num_batches"])),
    ]
    for name in ("fit", "evaluate", "predict"):
        old = f"{name}_generator"
        found.append((Model, old, _renamed("Model", old, name)))
        owner = next(cls for cls in own if name in vars(cls))
        method = _without_workers(vars(owner)[name])
        found.append((owner, name, passed_on(method, trained)))
    owner = next(cls for cls in own if "save_weights" in vars(cls))
    found.append((owner, "save_weights", _any_name(vars(owner)["save_weights"])))
    owner = next(cls for cls in own if "save" in vars(cls))
    found.append((owner, "save", _any_file(vars(owner)["save"])))
    return [*found, *old_arguments.given()]


_lent = Lent(_given)
give, take = _lent.give, _lent.take
