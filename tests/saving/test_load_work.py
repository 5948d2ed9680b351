"""How much is done to load a file of many small layers: counted, each thing once a layer."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import minikeras as keras
from minikeras.layers.base import symbolic_calls
from minikeras.saving import (
    hdf5,
    hdf5_attributes,
    limits,
    model_files,
    state,
    walk,
)


def _dense(count: int) -> list[Any]:
    return [keras.layers.Dense(2) for _ in range(count)]


def _sequential(count: int) -> Any:
    return keras.Sequential([keras.Input((2,)), *_dense(count)])


def _functional(count: int) -> Any:
    x = start = keras.Input((2,))
    for layer in _dense(count):
        x = layer(x)
    return keras.Model(start, x)


# The dear steps of loading, each by where it is found.
_STEPS = (
    (hdf5, "check", "look through the file"),
    (hdf5, "read_tree", "list the arrays"),
    (hdf5, "_entry", "look at an array"),
    (hdf5, "_check_creation", "look at how an array is packed"),
    (h5py.h5o, "open", "open an object"),
    (h5py.h5a, "open", "open an attribute"),
    (state, "walk", "walk the model"),
    (walk, "_attributes", "walk a part"),
    (model_files, "asset_paths", "walk for assets"),
    (symbolic_calls, "infer_call", "infer a call"),
    (hdf5_attributes, "_attributes", "read a header"),
)


def _count(patch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each step is taken from now on."""
    done: Counter[str] = Counter()

    def counted(whole: Callable[..., Any], step: str) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            done[step] += 1
            return whole(*args, **kwargs)

        return run

    for owner, name, step in _STEPS:
        patch.setattr(owner, name, counted(getattr(owner, name), step))
    return done


@pytest.mark.parametrize("make", [_sequential, _functional])
def test_each_layer_costs_the_same_and_once(
    make: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    work = {}
    for count in (4, 24):
        path = tmp_path / f"{count}.keras"
        made = make(count)
        made.save(path)
        with monkeypatch.context() as patch:
            work[count] = _count(patch)
            loaded = keras.models.load_model(path)
        for one, other in zip(made.weights, loaded.weights, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
    once = ("look through the file", "list the arrays", "walk the model")
    assert {step: work[24][step] for step in once} == dict.fromkeys(once, 1)
    each = {step: (work[24][step] - work[4][step]) / 20 for step in work[24]}
    assert {step: times for step, times in each.items() if times} == {
        "look at an array": 2,  # kernel and bias
        "open an object": 4,  # the layer's group, that of its variables, and the two
        "read a header": 1,  # the layer's name stands in it
        "walk a part": 1,
        "infer a call": 1,
    }
    # There are no assets, so nobody looks for parts that would read them.
    assert "walk for assets" not in work[24]


def test_the_collector_rests_while_a_model_is_loaded_and_goes_on_whatever_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.keras"
    _sequential(2).save(path)
    seen = []
    load = model_files.load_state
    monkeypatch.setattr(
        model_files,
        "load_state",
        lambda *a, **k: (seen.append(gc.isenabled()), load(*a, **k))[1],
    )
    assert gc.isenabled()
    keras.models.load_model(path)
    assert (seen, gc.isenabled()) == ([False], True)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"damaged|zip|known"):
        keras.models.load_model(path)
    assert gc.isenabled()


@pytest.mark.parametrize("kind", ["Dense", "BatchNormalization", "PReLU", "LSTM"])
def test_however_many_layers_a_file_has_it_may_be_read(
    kind: str, tmp_path: Path
) -> None:
    """Each further layer brings bytes enough for its groups and arrays."""
    options: dict[str, Any] = {
        "Dense": {"units": 1},
        "LSTM": {"units": 1, "return_sequences": True},
    }.get(kind, {})
    found = []
    for count in (40, 140):
        made = [getattr(keras.layers, kind)(**options) for _ in range(count)]
        path = tmp_path / f"{count}.weights.h5"
        keras.Sequential([keras.Input((3, 1)), *made]).save_weights(path)
        names: list[str] = []
        with h5py.File(path) as file:
            file.visit(names.append)
        found.append((path.stat().st_size, len(names)))
    (size, objects), (larger, more) = found
    assert larger - size > limits.OBJECT_BYTES * (more - objects)
