"""Which stored layer belongs to which layer of a model, and giving it the arrays.

Everything is compared before the first variable changes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine.warn import warn_user
from minikeras.saving.dialects.h5_layers import StoredLayer, StoredModel
from minikeras.saving.dialects.old_arrays import modern_arrays
from minikeras.saving.dialects.version import TODAY, Version, parse

if TYPE_CHECKING:
    from minikeras.layers.base.layer import Layer
    from minikeras.models.model import Model


Pair = tuple[Any, StoredLayer]
Array = np.ndarray[Any, Any]


def ordered_variables(layer: Any) -> list[Any]:
    """A layer's variables as old files order them: the trainable ones first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def layers_of(model: Model) -> list[Any]:
    """The layers directly inside a model that have variables."""
    return [layer for layer in model.layers if ordered_variables(layer)]


def own_variables(model: Model) -> list[Any]:
    """The variables of a model that no layer of it has."""
    inside = {id(v) for layer in model.layers for v in ordered_variables(layer)}
    return [v for v in ordered_variables(model) if id(v) not in inside]


def load_layers(
    model: Model,
    stored: StoredModel,
    by_name: bool = False,
    skip_mismatch: bool = False,
    label: str = "the file",
) -> dict[int, str]:
    """Give a model's layers the arrays of a file.

    Args:
        model: A built model.
        stored: What the file holds.
        by_name: Whether layers are found by name alone, and others left as they are.
        skip_mismatch: Whether layers that do not fit are left as they are, with a warning.
        label: What to call the file in errors.

    Returns:
        What the file calls each variable, by the variable's `id`.

    Raises:
        ValueError: If layers do not fit; the model is as before then.
    """
    version = parse(stored.version) or ((1, 2) if stored.backend is None else TODAY)
    pairs = (
        _by_name(model, stored, label)
        if by_name
        else _in_order(model, stored, version, label)
    )
    own = own_variables(model)
    if stored.own.entries and not by_name:
        pairs.append((_Own(model, own), stored.own))
    ready: list[tuple[Any, Array]] = []
    wrong: list[str] = []
    for layer, entry in pairs:
        variables = ordered_variables(layer)
        try:
            found = _arrays(layer, entry, version, stored.backend)
        except (ValueError, IndexError) as error:
            wrong.append(f"  layer {layer.name!r}: {str(error).splitlines()[0]}")
            continue
        complaint = _misfit(layer, variables, entry, found, stored)
        if complaint is not None:
            wrong.append(complaint)
        else:
            ready.extend(zip(variables, found, strict=True))
    if wrong:
        _tell(wrong, skip_mismatch, label)
    for variable, array in ready:
        variable.assign(array)
    return {
        id(variable): name
        for layer, entry in pairs
        for variable, (name, _) in zip(ordered_variables(layer), entry.entries)
    }


class _Own:
    """The variables of the model itself, as if they were a layer's."""

    def __init__(self, model: Model, variables: list[Any]) -> None:
        self.name = model.name
        self.trainable_weights = variables
        self.non_trainable_weights: list[Any] = []


def _arrays(
    layer: Mapping[str, Any], entry: StoredLayer, version: Version, backend: str | None
) -> list[Array]:
    arrays = [e.read() for name, e in entry.entries if not _is_count(layer, name)]
    return modern_arrays(layer, arrays, version, backend)


def _is_count(layer: Mapping[str, Any], name: str) -> bool:
    """Keras 2's Normalization counted samples; today's has mean and variance alone."""
    counted = type(layer).__name__ == "Normalization" and name.split(":")[0].endswith(
        "/count"
    )
    return counted and len(ordered_variables(layer)) == 2


def _misfit(
    layer: Layer,
    variables: list[Any],
    entry: StoredLayer,
    arrays: list[Array],
    stored: StoredModel,
) -> str | None:
    """What does not fit, or None."""
    expected = [tuple(v.shape) for v in variables]
    got = [tuple(a.shape) for a in arrays]
    if expected == got and all(a.dtype.kind in "biufV" for a in arrays):
        return None
    text = (
        f"  layer {layer.name!r} ({type(layer).__name__}): expected {len(expected)} arrays "
        f"of shapes {expected}; found {len(got)} of shapes {got}, in {entry.name!r}."
    )
    others = [
        s.name for s in stored.layers if s.shapes() == expected and s is not entry
    ]
    near = difflib.get_close_matches(layer.name, others, 1, 0.0)
    return f"{text} {near[0]!r} would fit." if near else text


def _tell(wrong: list[str], skip_mismatch: bool, label: str) -> None:
    shown = "\n".join(wrong[:5])
    if len(wrong) > 5:
        shown += f"\n  ... and {len(wrong) - 5} more."
    if skip_mismatch:
        warn_user(
            f"{label}: {len(wrong)} layers do not fit and keep their values:\n{shown}"
        )
        return
    raise ValueError(
        f"{label}: the weights of {len(wrong)} layers do not fit:\n{shown}\n"
        "To load the others and leave these as they are, pass skip_mismatch=True."
    )


def _by_name(model: Model, stored: StoredModel, label: str) -> list[Pair]:
    """Pairs of equal names; what the file or the model has beside is left alone.

    Raises:
        ValueError: If no layer of the model is in the file.
    """
    known: dict[str, list[Any]] = {}
    for layer in layers_of(model):
        known.setdefault(layer.name, []).append(layer)
    pairs = [(layer, s) for s in stored.layers for layer in known.get(s.name, ())]
    if known and not pairs:
        theirs = [s.name for s in stored.layers]
        near = {n: difflib.get_close_matches(n, theirs, 1) for n in known}
        hints = [f"{n!r} resembles {c[0]!r}" for n, c in near.items() if c]
        raise ValueError(
            f"{label} has no layer of the names in model {model.name!r}, so by_name=True would "
            f"load nothing. The model has {_listed(list(known), theirs)}; the file has "
            f"{_listed(theirs, list(known))}."
            + (f" In the file {', '.join(hints[:3])}." if hints else "")
        )
    return pairs


def _in_order(
    model: Model, stored: StoredModel, version: Version, label: str
) -> list[Pair]:
    """Pairs by name where all names agree, else by order."""
    layers = layers_of(model)
    if len(layers) != len(stored.layers) and version < (2, 0):
        flat = list(_flat(model))  # Keras 1 listed what is in nested Sequentials
        layers = flat if len(flat) == len(stored.layers) else layers
    names = {layer.name: layer for layer in layers}
    if len(names) == len(layers) and set(names) == {s.name for s in stored.layers}:
        return [(names[s.name], s) for s in stored.layers]
    if len(layers) != len(stored.layers):
        ours = [layer.name for layer in layers]
        theirs = [s.name for s in stored.layers]
        raise ValueError(
            f"{label} has weights of {len(theirs)} layers, but model {model.name!r} has "
            f"{len(ours)} layers with weights; expected as many. Only in the file: "
            f"{_listed(theirs, ours)}; only in the model: {_listed(ours, theirs)}. To load "
            "what has the same name, pass by_name=True."
        )
    return list(zip(layers, stored.layers, strict=True))


def _listed(names: list[str], others: list[str]) -> str:
    only = [name for name in names if name not in others]
    shown = ", ".join(map(repr, only[:8])) + (", ..." if len(only) > 8 else "")
    return shown or "none"


def _flat(model: Any) -> Iterator[Any]:
    """The layers with variables, nested models taken apart."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _flat(layer)
        elif ordered_variables(layer):
            yield layer
