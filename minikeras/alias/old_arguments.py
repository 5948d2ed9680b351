"""Arguments of Keras 1 and 2, taken by our classes while the alias is installed.

Each wrapper looks only at names that today's signature does not have, so nothing that
means something today changes. What was translated is said once.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from minikeras import callbacks, initializers, layers, losses, regularizers
from minikeras.engine.tracebacks import shorten
from minikeras.engine.warn import warn_user
from minikeras.layers import Layer
from minikeras.models import Model
from minikeras.models.functional import Functional
from minikeras.saving.dialects import keras1, keras2
from minikeras.saving.dialects.notes import no_note

Words = dict[str, Any]

_OF_LAYERS = {
    "activity_regularizer", "autocast", "batch_input_shape", "batch_size", "dtype",
    "input_dim", "input_shape", "name", "trainable",
}  # fmt: skip


def say(owner: str, gone: Iterable[str], now: Iterable[str] = ()) -> None:
    """A note on arguments of an older Keras, and those that stand for them."""
    old, new = (", ".join(f"{name}=" for name in names) for names in (gone, now))
    today = f"today it is {owner}({new})" if new else "it means nothing any more"
    warn_user(f"{owner}({old}) is of an older Keras; {today}.")


def passed_on(
    method: Callable[..., Any], change: Callable[..., tuple[tuple[Any, ...], Words]]
) -> Callable[..., Any]:
    """`method` with its arguments changed first, and no frame of this in tracebacks."""

    @functools.wraps(method)
    def called(self: object, *args: object, **kwargs: object) -> Any:
        args, kwargs = change(self, args, kwargs)
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            shorten(error)
            raise

    return called


# --- layers


def _layer(cls: type, method: Callable[..., Any]) -> Callable[..., Any]:
    places = [
        name
        for name, one in inspect.signature(method).parameters.items()
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ][1:]
    known = {*inspect.signature(method).parameters, *_OF_LAYERS}

    def change(
        self: object, args: tuple[Any, ...], kwargs: Words
    ) -> tuple[tuple[Any, ...], Words]:
        if known.issuperset(kwargs):
            return args, kwargs
        return in_todays_words(cls.__name__, places, known, args, kwargs)

    return passed_on(method, change)


def in_todays_words(
    name: str, places: list[str], known: set[str], args: tuple[Any, ...], kwargs: Words
) -> tuple[tuple[Any, ...], Words]:
    """The arguments of a layer of Keras 1 or 2 by the names that they have now.

    Args:
        name: Of the class, today.
        places: Names of its positional arguments.
        known: All names that it takes.
        args: What came by position.
        kwargs: What came by name.
    """
    given = dict(zip(_places(name, places, args, kwargs), args)) | kwargs
    found = dict(given)
    weights = found.pop("weights", None) if "weights" not in known else None
    if "input_length" in found and "input_dim" not in places:
        steps, features = found.pop("input_length"), found.pop("input_dim", None)
        found.setdefault("input_shape", (steps, features))
    with no_note():
        if any(_is_old(word, known) for word in found):
            kept = {word: found[word] for word in _OF_LAYERS & set(found)}
            changed = keras1.layer(name, found)[1]
            found = {k: v for k, v in changed.items() if k in known and v is not None}
            found |= kept
        found = keras2.named(name, found)[1]
    if weights is not None:
        found |= _initial(name, weights)
    gone = [word for word in given if word not in found]
    if not gone:
        return args, kwargs
    say(name, gone, [word for word in found if word not in given])
    return (), found


def _is_old(word: str, known: set[str]) -> bool:
    """Whether only Keras 1 knew an argument."""
    return word not in known and (
        word in keras1._ARGUMENTS or word in _PARTS or word in _DROPPED
    )


_PARTS = ("nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3")
_DROPPED = ("consume_less", "mode", "forget_bias_init")


def _places(
    name: str, places: list[str], args: tuple[Any, ...], kwargs: Words
) -> list[str]:
    """What stands where: in Keras 1 the sides of a kernel were arguments of their own."""
    modern = {"kernel_size", "strides", "padding"} & set(kwargs)
    if "Conv" in name and len(args) > 2 and not modern:
        parts = {3: _PARTS[:2], 4: _PARTS[2:]}.get(len(args))
        if parts is not None:
            return [places[0], *parts]
    if name in ("Conv2D", "SeparableConv2D") and "nb_col" in kwargs and len(args) == 2:
        return [places[0], "nb_row"]
    return places


def _initial(name: str, weights: Any) -> Words:
    """`weights=[kernel, bias]` as the initializers that give them."""
    order = {
        "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
        "Embedding": ("embeddings",),
    }.get(name, ("kernel", "bias"))
    if name in ("LSTM", "GRU", "SimpleRNN"):
        order = ("kernel", "recurrent_kernel", "bias")
    if len(weights) > len(order):
        raise ValueError(
            f"{name}: weights= holds {len(weights)} arrays; expected {', '.join(order)}."
        )
    short = {"recurrent_kernel": "recurrent"}
    return {
        f"{short.get(part, part)}_initializer": initializers.Constant(np.asarray(array))
        for part, array in zip(order, weights)
    }


# --- models and what trains them


def _ends(
    self: object, args: tuple[Any, ...], kwargs: Words
) -> tuple[tuple[Any, ...], Words]:
    """`Model(input=, output=)` of Keras 1."""
    renamed = {"input": "inputs", "output": "outputs"}
    gone = [word for word in renamed if word in kwargs]
    if not gone or not (args or "outputs" in kwargs or "output" in kwargs):
        return args, kwargs
    say("Model", gone, [renamed[word] for word in gone])
    return args, {renamed.get(word, word): value for word, value in kwargs.items()}


def _new_model(made: Any) -> Any:
    @functools.wraps(made)
    def new(cls: type, *args: object, **kwargs: Any) -> Any:
        if cls is Model:
            words = {"input": "inputs", "output": "outputs"}
            kwargs = {words.get(word, word): kwargs[word] for word in kwargs}
        return made(cls, *args, **kwargs)

    return staticmethod(new)


def _compile(
    self: object, args: tuple[Any, ...], kwargs: Words
) -> tuple[tuple[Any, ...], Words]:
    """Metrics in the third place, and arguments that chose ways of TensorFlow's."""
    dead = ("sample_weight_mode", "experimental_run_tf_function", "target_tensors",
            "experimental_steps_per_execution", "from_serialized")  # fmt: skip
    gone = [word for word in dead if word in kwargs]
    if gone:
        say("compile", gone)
        kwargs = {word: kwargs[word] for word in kwargs if word not in gone}
    if len(args) > 2 and "metrics" not in kwargs and _are_metrics(args[2]):
        warn_user(
            "compile(optimizer, loss, metrics) is of an older Keras, which had metrics in "
            "the third place; today it is compile(optimizer, loss, metrics=)."
        )
        weights = args[3] if len(args) > 3 else None
        return args[:2], {**kwargs, "metrics": args[2], "loss_weights": weights}
    return args, kwargs


def _are_metrics(value: object) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)) or not value:
        return False
    return not all(isinstance(one, (int, float, np.number)) for one in value)


_EPOCHS = {"nb_epoch": "epochs", "generator": "x"}
_SAMPLES = {"samples_per_epoch": "steps_per_epoch", "nb_val_samples": "validation_steps",
            "val_samples": "steps"}  # fmt: skip


def trained(
    self: object, args: tuple[Any, ...], kwargs: Words
) -> tuple[tuple[Any, ...], Words]:
    """`nb_epoch`, and numbers of samples where there are numbers of batches now."""
    renamed = {**_EPOCHS, **_SAMPLES}
    gone = [word for word in renamed if word in kwargs]
    if not gone:
        return args, kwargs
    say("fit", gone, [renamed[word] for word in gone])
    kwargs = {renamed.get(word, word): value for word, value in kwargs.items()}
    for word in set(gone) & set(_SAMPLES):
        if word == "nb_val_samples":
            size, source = _batch_size(kwargs.get("validation_data"))
            kwargs["validation_data"] = source
        else:
            size, source = _batch_size(args[0] if args else kwargs["x"])
            if args:
                args = (source, *args[1:])
            else:
                kwargs["x"] = source
        kwargs[_SAMPLES[word]] = math.ceil(kwargs[_SAMPLES[word]] / size)
    return args, kwargs


def _batch_size(source: Any) -> tuple[int, Any]:
    """Samples in a source's first batch, and the source with that batch still in it."""
    if not isinstance(source, Iterator):
        first = source[0] if hasattr(source, "__getitem__") else next(iter(source))
    else:
        first = next(source)
        source = itertools.chain([first], source)
    x = first[0] if isinstance(first, (tuple, list)) else first
    while isinstance(x, (tuple, list, dict)):
        x = next(iter(x.values())) if isinstance(x, dict) else x[0]
    return len(x), source


# --- callbacks, losses


def _checkpoint(
    self: Any, args: tuple[Any, ...], kwargs: Words
) -> tuple[tuple[Any, ...], Words]:
    """`period=`, and files of any name, which are written under that name."""
    kwargs = dict(kwargs)
    for word in ("period", "options", "load_weights_on_restart"):
        if word in kwargs:
            value = kwargs.pop(word)
            say("ModelCheckpoint", [word])
            self._every = int(value) if word == "period" else 1
    return args, kwargs


def _every_period(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def called(self: Any, epoch: int, logs: Any = None) -> None:
        every = getattr(self, "_every", 1)
        if (epoch + 1) % every == 0:
            method(self, epoch, logs)

    return called


def _any_ending(self: Any) -> None:
    """Any name of a file: Keras 2 had no rule for it."""
    known = (".weights.h5", ".keras", ".h5", ".hdf5")
    if not self.filepath.endswith(known) or (
        self.save_weights_only and not self.filepath.endswith(known[0])
    ):
        today = ".weights.h5" if self.save_weights_only else ".keras"
        warn_user(
            f"ModelCheckpoint: {os.path.basename(self.filepath)!r} is a name of an older "
            f"Keras; today names end in {today}."
        )


# What the metric "accuracy" was called in logs until Keras 2.3.
_IN_LOGS = {"acc": "accuracy", "val_acc": "val_accuracy"}


def _note_log(old: str) -> str:
    now = _IN_LOGS[old]
    warn_user(f"{old!r} in logs is of an older Keras; today it is {now!r}.")
    return now


def _monitored(method: Callable[..., Any]) -> Callable[..., Any]:
    """`monitor="val_acc"`, where only `val_accuracy` is logged."""

    @functools.wraps(method)
    def called(self: Any, logs: Any) -> Any:
        logs = logs or {}
        if self.monitor not in logs and _IN_LOGS.get(self.monitor) in logs:
            self.monitor = _note_log(self.monitor)
        return method(self, logs)

    return called


def _named_by_logs(method: Callable[..., Any]) -> Callable[..., Any]:
    """Names of files with `{val_acc:.2f}`."""

    @functools.wraps(method)
    def called(self: Any, epoch: int, logs: Words, batch: int | None) -> Any:
        old = {word: logs[now] for word, now in _IN_LOGS.items() if now in logs}
        return method(self, epoch, {**old, **logs}, batch)

    return called


class OldNames(dict[str, Any]):
    """A history that is asked for `"acc"` and has `"accuracy"`."""

    def __missing__(self, key: str) -> Any:
        if _IN_LOGS.get(key) not in self:
            raise KeyError(key)
        return self[_note_log(key)]


def _with_old_names(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def called(self: Any, logs: Any = None) -> None:
        method(self, logs)
        self.history = OldNames(self.history)

    return called


def _without(owner: str, *dead: str) -> Callable[..., tuple[tuple[Any, ...], Words]]:
    """Leaves out arguments that mean nothing any more."""

    def change(
        self: object, args: tuple[Any, ...], kwargs: Words
    ) -> tuple[tuple[Any, ...], Words]:
        gone = [word for word in dead if word in kwargs]
        if gone:
            say(owner, gone)
        return args, {word: kwargs[word] for word in kwargs if word not in gone}

    return change


def _factor(name: str) -> Callable[..., tuple[tuple[Any, ...], Words]]:
    """`L2(l=0.01)`, whose argument is `l2` today."""

    def change(
        self: object, args: tuple[Any, ...], kwargs: Words
    ) -> tuple[tuple[Any, ...], Words]:
        if "l" in kwargs:
            say(name.upper(), ["l"], [name])
            kwargs = {name if word == "l" else word: kwargs[word] for word in kwargs}
        return args, kwargs

    return change


def _reduction(
    self: object, args: tuple[Any, ...], kwargs: Words
) -> tuple[tuple[Any, ...], Words]:
    if kwargs.get("reduction") == "auto":
        kwargs = {**kwargs, "reduction": "sum_over_batch_size"}
    return args, kwargs


def given() -> Iterable[tuple[type, str, Any]]:
    """What is lent: owner, name, wrapper."""
    for name in layers.__all__:
        cls = getattr(layers, name)
        if isinstance(cls, type) and issubclass(cls, Layer):
            if "__init__" in vars(cls) and cls is not Layer:
                yield cls, "__init__", _layer(cls, vars(cls)["__init__"])
    for one in (Model, Functional):
        yield one, "__init__", passed_on(vars(one)["__init__"], _ends)
    yield Model, "__new__", _new_model(vars(Model)["__new__"].__func__)
    owner = next(cls for cls in Model.__mro__ if "compile" in vars(cls))
    yield owner, "compile", passed_on(vars(owner)["compile"], _compile)
    keep = callbacks.ModelCheckpoint
    yield keep, "__init__", passed_on(vars(keep)["__init__"], _checkpoint)
    yield keep, "_check_ending", _any_ending
    yield keep, "_path", _named_by_logs(vars(keep)["_path"])
    watch = next(cls for cls in keep.__mro__ if "monitor_value" in vars(cls))
    yield watch, "monitor_value", _monitored(vars(watch)["monitor_value"])
    history = callbacks.History
    begin = _with_old_names(vars(history)["on_train_begin"])
    yield history, "on_train_begin", begin
    yield keep, "on_epoch_end", _every_period(vars(keep)["on_epoch_end"])
    for penalty in (regularizers.L1, regularizers.L2):
        change = _factor(penalty.__name__.lower())
        yield penalty, "__init__", passed_on(vars(penalty)["__init__"], change)
    board = callbacks.TensorBoard
    dead = ("write_grads", "batch_size", "embeddings_layer_names", "embeddings_data")
    drop = _without("TensorBoard", *dead)
    yield board, "__init__", passed_on(vars(board)["__init__"], drop)
    yield (
        losses.Loss,
        "__init__",
        passed_on(vars(losses.Loss)["__init__"], _reduction),
    )
