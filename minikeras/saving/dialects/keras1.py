"""Keras 1.0 to 1.2: configs of layers in the words of Keras 2.

Every rule here holds for all of Keras 1; 2.0 renamed the classes and arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras.saving.dialects import nodes
from minikeras.saving.dialects.notes import note

Config = dict[str, Any]

_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "TimeDistributedDense": "Dense",
}
_ARGUMENTS = {
    "output_dim": "units",
    "nb_filter": "filters",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "bias": "use_bias",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "U_constraint": "recurrent_constraint",
    "b_constraint": "bias_constraint",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "filter_length": "kernel_size",
    "subsample": "strides",
    "subsample_length": "strides",
    "atrous_rate": "dilation_rate",
    "pool_length": "pool_size",
    "stride": "strides",
    "length": "size",
    "p": "rate",
    "sigma": "stddev",
    "input_dtype": "dtype",
    "beta_init": "beta_initializer",
    "gamma_init": "gamma_initializer",
}
_OTHERWISE: dict[str, dict[str, str]] = {
    "Embedding": {
        "output_dim": "output_dim",
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "PReLU": {"init": "alpha_initializer"},
    "RepeatVector": {},
}
_DEAD = (
    "input_dim",
    "input_length",
    "consume_less",
    "weights",
)  # said nothing even then
_NOTED = {"Embedding": ("dropout",), "Conv2DTranspose": ("output_shape",),
          "Conv3DTranspose": ("output_shape",)}  # fmt: skip
_FORMATS = {"th": "channels_first", "tf": "channels_last", "default": None}
_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Dot",
}
BRANCHES = "keras_1_branches"
_GONE = ("MaxoutDense", "Highway", "SReLU", "ParametricSoftplus")


def layer(name: str, config: Config) -> tuple[str, Config]:
    """Class and arguments in the words of Keras 2.

    Raises:
        ValueError: If Keras 2 had no such layer any more.
    """
    if name in _GONE:
        raise ValueError(
            f"layer {config.get('name')!r} is a {name} of Keras 1, which later versions "
            "dropped; pass a class of your own in custom_objects."
        )
    if name == "Merge":
        return _merge(config)
    new = _CLASSES.get(name, name)
    found = dict(config)
    note(new, [k for k in _NOTED.get(new, ()) if found.pop(k, None)])
    if new != "Embedding":
        for key in _DEAD:
            found.pop(key, None)
    if new != "InputLayer":
        found.pop("input_dtype", None)  # of the data, not of the layer
    for change in _CHANGES.get(new, ()):
        change(found)
    renames = {**_ARGUMENTS, **_OTHERWISE.get(new, {})}
    found = {renames.get(key, key): value for key, value in found.items()}
    return new, {key: _value(key, value) for key, value in found.items()}


def _value(key: str, value: Any) -> Any:
    if key == "data_format":
        return _FORMATS.get(value, value)
    if key.endswith(("_regularizer", "_constraint")) and isinstance(value, dict):
        return _penalty(value)
    return value


def _penalty(old: Config) -> dict[str, Any]:
    """A regularizer or constraint: `{"name": "MaxNorm", "m": 2}` in Keras 1."""
    if "name" not in old or "class_name" in old:
        return old
    rest = {key: value for key, value in old.items() if key != "name"}
    name = old["name"]
    if name in ("WeightRegularizer", "ActivityRegularizer", "L1L2Regularizer"):
        name = "L1L2"
    if "m" in rest:
        rest["max_value"] = rest.pop("m")
    return {"class_name": name, "config": rest}


def _kernel_size(config: Config) -> None:
    for parts in (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3")):
        if all(part in config for part in parts):
            config["kernel_size"] = [config.pop(part) for part in parts]


def _separable(config: Config) -> None:
    _kernel_size(config)
    first = config.pop("init", None)
    for part in ("depthwise", "pointwise"):
        config[f"{part}_initializer"] = first
        for option in ("regularizer", "constraint"):
            value = config.pop(f"{part}_{option}", None)
            config[f"{part}_{option}"] = _value(f"_{option}", value)
    for key in ("W_regularizer", "W_constraint"):
        config.pop(key, None)


def _recurrent(config: Config) -> None:
    if "forget_bias_init" in config:
        config["unit_forget_bias"] = config.pop("forget_bias_init") in ("one", "ones")


def _gru(config: Config) -> None:
    config.setdefault("reset_after", False)


def _normalization(config: Config) -> None:
    """Modes 0 (one mean for each feature) and 2 (always of the batch); 1 was dropped."""
    mode = config.pop("mode", 0)
    if mode == 1:
        raise ValueError(
            f"layer {config.get('name')!r}: BatchNormalization(mode=1) of Keras 1 "
            "normalizes each sample, which no later version does."
        )
    note("BatchNormalization", ["mode"] if mode else [])


_CHANGES: dict[str, tuple[Callable[[Config], None], ...]] = {
    "Conv2D": (_kernel_size,),
    "Conv3D": (_kernel_size,),
    "Conv2DTranspose": (_kernel_size,),
    "Conv3DTranspose": (_kernel_size,),
    "SeparableConv2D": (_separable,),
    "LSTM": (_recurrent,),
    "GRU": (_gru,),
    "BatchNormalization": (_normalization,),
}


def _merge(config: Config) -> tuple[str, Config]:
    """`Merge(mode=...)` as the layer of that mode."""
    mode = config.get("mode")
    if not isinstance(mode, str) or mode not in _MERGES:
        raise ValueError(
            f"layer {config.get('name')!r}: Merge(mode={mode!r}) of Keras 1; only the modes "
            f"{', '.join(_MERGES)} have a layer today."
        )
    found = {"name": config.get("name")}
    if config.get("layers"):
        found[BRANCHES] = config["layers"]
    if mode == "concat":
        found["axis"] = config.get("concat_axis", -1)
    elif mode in ("dot", "cos"):
        axes = config.get("dot_axes", -1)
        found["axes"] = axes
        found["normalize"] = mode == "cos"
    return _MERGES[mode], found


# --- Sequential models that begin with several branches


def has_branches(config: Config) -> bool:
    """Whether a Sequential's first layer is a Merge of models of its own."""
    layers = config.get("layers") if isinstance(config, dict) else None
    first = layers[0] if isinstance(layers, list) and layers else None
    return isinstance(first, dict) and BRANCHES in (first.get("config") or {})


def branched(config: Config) -> Config:
    """Such a Sequential as a functional model with an input for each branch."""
    merge, *rest = config["layers"]
    inner = dict(merge["config"])
    inputs, layers, ends = [], [], []
    for branch in inner.pop(BRANCHES):
        entry = _input_of(branch)
        name = _name_of(branch)
        layers += [
            entry,
            {**branch, "name": name, "inbound_nodes": [[[entry["name"], 0, 0, {}]]]},
        ]
        inputs.append([entry["name"], 0, 0])
        ends.append([name, 0, 0, {}])
    last = _name_of(merge)
    layers.append({**merge, "config": inner, "name": last, "inbound_nodes": [ends]})
    for layer in rest:
        name = _name_of(layer)
        layers.append({**layer, "name": name, "inbound_nodes": [[[last, 0, 0, {}]]]})
        last = name
    name = config.get("name") or "sequential"
    whole = {"name": name, "layers": layers, "input_layers": inputs,
             "output_layers": [last, 0, 0]}  # fmt: skip
    return {"module": "keras", "class_name": "Functional", "config": nodes.modern_graph(whole),
            "registered_name": None}  # fmt: skip


def _name_of(layer: Config) -> str:
    config = layer["config"]
    known = layer.get("name") or config.get("name")
    # Keras 1 gave no names to Sequentials in files; that of the first layer tells them apart.
    return str(known or f"branch_{_name_of(config['layers'][-1])}")


def _input_of(branch: Config) -> Config:
    """An InputLayer for a branch: the one that it begins with, under another name."""
    first = branch["config"]["layers"][0]["config"]
    shape = first.get("batch_shape") or first.get("batch_input_shape")
    if shape is None:
        raise ValueError(
            f"layer {_name_of(branch)!r}: a branch of a Merge without an input shape."
        )
    name = f"{_name_of(branch)}_data"
    config = {
        "name": name,
        "batch_shape": shape,
        "dtype": first.get("dtype") or "float32",
    }
    return {"module": "keras.layers", "class_name": "InputLayer", "config": config,
            "registered_name": None, "name": name, "inbound_nodes": []}  # fmt: skip
