"""Arguments of models, and of what trains them."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minikeras.alias.old_arguments.passing import Words, say
from minikeras.engine.warn import warn_user
from minikeras.models import Model


def ends(
    self: object, args: tuple[Any, ...], kwargs: Words
) -> tuple[tuple[Any, ...], Words]:
    """`Model(input=, output=)` of Keras 1."""
    renamed = {"input": "inputs", "output": "outputs"}
    gone = [word for word in renamed if word in kwargs]
    if not gone or not (args or "outputs" in kwargs or "output" in kwargs):
        return args, kwargs
    say("Model", gone, [renamed[word] for word in gone])
    return args, {renamed.get(word, word): value for word, value in kwargs.items()}


def new_model(made: Any) -> Any:
    @functools.wraps(made)
    def new(cls: type, *args: object, **kwargs: Any) -> Any:
        if cls is Model:
            words = {"input": "inputs", "output": "outputs"}
            kwargs = {words.get(word, word): kwargs[word] for word in kwargs}
        return made(cls, *args, **kwargs)

    return staticmethod(new)


def compiled(
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
