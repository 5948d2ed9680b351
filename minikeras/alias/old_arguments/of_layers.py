"""Arguments of layers of Keras 1 and 2."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras import initializers
from minikeras.alias.old_arguments.passing import Words, passed_on, say
from minikeras.saving.dialects import keras1, keras2
from minikeras.saving.dialects.notes import no_note

_OF_LAYERS = {
    "activity_regularizer", "autocast", "batch_input_shape", "batch_size", "dtype",
    "input_dim", "input_shape", "name", "trainable",
}  # fmt: skip


def of_layer(cls: type, method: Callable[..., Any]) -> Callable[..., Any]:
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
