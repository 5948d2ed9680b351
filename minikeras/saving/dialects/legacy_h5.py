"""Whole models and weights in HDF5, as Keras 1, 2 and (as its older format) 3 write them."""

from __future__ import annotations

import io
import json
import os
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minikeras.engine import backend as registry
from minikeras.saving import (
    dialects,
    hdf5,
    hdf5_attributes,
    limits,
    model_files,
    serialization,
    sharing,
)
from minikeras.saving.dialects import h5_layers, h5_matching, h5_optimizer
from minikeras.saving.hdf5_attributes import read as attribute
from minikeras.saving.limits import FileError
from minikeras.version import KERAS_VERSION

if TYPE_CHECKING:
    import h5py

    from minikeras.models.model import Model
    from minikeras.saving.tree import Tree


# Names that Keras's own reader of `.h5` does not know.
_LONG_NAMES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
}


def save_model(
    model: Model, target: io.BytesIO, include_optimizer: bool = True
) -> None:
    """Write a model with its weights, and its optimizer's state, as a new HDF5 file.

    Args:
        model: A model. What is not built yet has no weights to write.
        target: What the file is written into.
        include_optimizer: Whether to keep how it was compiled.
    """
    import h5py

    with sharing.shared_objects():
        config = serialization.serialize_keras_object(model)
        for layer, part in sharing.described(config):
            _keep_vocabulary(layer, part["config"])
    config.pop("compile_config", None)
    # The reader of this format knows arguments of `compile` alone, not what hooks add.
    compiled = model._compile_arguments()
    with h5py.File(target, "w") as file:
        _stamp(file)
        file.attrs["model_config"] = json.dumps(sharing.without_single_numbers(config))
        group = file.create_group("model_weights")
        _stamp(group)
        layers = [(v.name, h5_matching.ordered_variables(v)) for v in model.layers]
        h5_layers.write_layers(group, layers, h5_matching.own_variables(model))
        if include_optimizer and compiled:
            file.attrs["training_config"] = json.dumps(_training_config(compiled))
            h5_optimizer.write_optimizer(file, model.optimizer)


def _keep_vocabulary(layer: Any, config: Any) -> None:
    """What a layer learnt of words stands in its config: here are no files for it beside."""
    if not hasattr(layer, "get_vocabulary") or "vocabulary" not in config:
        return
    lookup = getattr(layer, "_lookup_layer", layer)
    if config["vocabulary"] is None and getattr(lookup, "_table", None) is not None:
        weights = lookup.idf_weights
        learnt = {
            "vocabulary": layer.get_vocabulary(),
            "idf_weights": None if weights is None else weights.tolist(),
        }
        config.update(serialization.serialize_keras_object(learnt))


def _stamp(group: h5py.Group) -> None:
    group.attrs["keras_version"] = KERAS_VERSION
    group.attrs["backend"] = registry.current_name()


def _training_config(compiled: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `compile` in the order and words that Keras's reader takes."""
    rest = {key: value for key, value in compiled.items() if key != "optimizer"}
    for key in ("loss", "metrics", "weighted_metrics"):
        rest[key] = _long_names(rest.get(key))
    return {**rest, "optimizer_config": compiled["optimizer"]}


def _long_names(value: object) -> Any:
    if isinstance(value, str):
        return _LONG_NAMES.get(value, value)
    if isinstance(value, list):
        return [_long_names(v) for v in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _long_names(v) for key, v in value.items()}
    return value


def load_model(
    filepath: str | PathLike[str],
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model that an HDF5 file of any Keras holds.

    Args:
        filepath: A path, or an open binary file.
        custom_objects: Names of classes and functions that are not part of the package.
        compile: Whether to compile the model as it was.
        safe_mode: Whether to refuse code of Python lambdas.

    Raises:
        ValueError: If the file is damaged, holds no model, names unknown objects, or its
            weights do not fit.
    """
    label = (
        repr(os.fspath(filepath)) if isinstance(filepath, (str, Path)) else "the file"
    )
    with hdf5.opened(filepath, label) as file:
        text = h5_layers.text(attribute(file, "model_config"))
        if text is None:
            raise FileError(
                f"load_model: {label} holds weights alone (no 'model_config'). Make the model "
                "in Python, then model.load_weights(path)."
            )
        version = h5_layers.text(attribute(file, "keras_version"))
        config = _parsed(text, f"{label}: model_config")
        told = version or ("1.2.0" if "keras_version" not in config else None)
        with dialects.one_note():
            modern = dialects.modern_config(config, told)
            modern.pop("compile_config", None)
            tree = hdf5.read_tree(h5_layers.weights_group(file))
            size = len(hdf5_attributes.source_of(file).data)
            model = model_files.build_model(
                modern, tree, size, custom_objects, safe_mode, label
            )
            stored = h5_layers.read_layers(file, label)
            names = h5_matching.load_layers(model, stored, label=label)
            if compile and _compile(
                model, tree, file, version, custom_objects, safe_mode, label
            ):
                h5_optimizer.load_optimizer(model, file, version, names, label)
    return model


def _parsed(text: str, label: str) -> dict[str, Any]:
    value = limits.parse_json(text, label)
    if isinstance(value, str):  # encoded twice
        value = limits.parse_json(value, label)
    if not isinstance(value, dict) or "class_name" not in value:
        raise FileError(f"{label} describes no model.")
    return value


def _compile(
    model: Model,
    tree: Tree,
    file: object,
    version: str | None,
    custom_objects: dict[str, Any] | None,
    safe_mode: bool,
    label: str,
) -> bool:
    """Compile a model as the file says; whether it says so."""
    text = h5_layers.text(attribute(file, "training_config"))
    if text is None:
        return False
    config = limits.parse_json(text, f"{label}: training_config")
    written = dialects.version.parse(version) or (1, 2)
    outputs = len(getattr(model, "output_names", None) or [model.name])
    arguments = dialects.modern_compile_config(config, written, outputs)
    try:
        with model_files.limit_of_arrays(
            tree,
            len(hdf5_attributes.source_of(file).data),
            arguments,
            safe_mode,
            label,
        ):
            model.compile(
                **{
                    key: serialization.deserialize_keras_object(
                        value, custom_objects=custom_objects, safe_mode=safe_mode
                    )
                    for key, value in arguments.items()
                }
            )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{label}: the model could not be compiled as it was: {error} Pass what is "
            "missing in custom_objects, or compile=False and compile it yourself."
        ) from error
    return True


def load_weights(
    model: Model,
    filepath: str | PathLike[str],
    by_name: bool = False,
    skip_mismatch: bool = False,
) -> None:
    """Read a model's weights from an HDF5 file in the layout of Keras 1 and 2.

    Args:
        model: A built model.
        filepath: A file of weights or a whole model, by its path or opened.
        by_name: Whether layers are found by their names alone; the others keep what they
            have.
        skip_mismatch: Whether layers that do not fit keep what they have, with a warning.

    Raises:
        ValueError: If the weights do not fit; the model is as before then.
    """
    label = (
        repr(os.fspath(filepath)) if isinstance(filepath, (str, Path)) else "the file"
    )
    with hdf5.opened(filepath, label) as file:
        stored = h5_layers.read_layers(file, label)
        h5_matching.load_layers(model, stored, by_name, skip_mismatch, label)
