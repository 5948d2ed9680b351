"""Keras 2.0 to 2.16, also as tf.keras and tf_keras: configs in the words of Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from minikeras.engine.errors import see
from minikeras.saving.dialects.notes import note

Config = dict[str, Any]

_KERNEL = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")
_ROBUST = "softmax_robust_masking"
_RECURRENT = ("implementation", "time_major")
# Patterns of class names -> arguments that say nothing here.
_DEAD: dict[str, tuple[str, ...]] = {
    "*": ("dynamic", "experimental_autocast"),
    "DepthwiseConv?D": ("groups", "filters", *_KERNEL),
    "SeparableConv?D": ("groups", *_KERNEL),
    "Conv?DTranspose": ("groups",),
    "BatchNormalization": ("fused", "virtual_batch_size", "adjustment"),
    "Embedding": ("input_length",),
    "InputLayer": ("type_spec",),
    "*RNN": _RECURRENT,
    "*LSTM": _RECURRENT,
    "*GRU": _RECURRENT,
    "*Cell": ("implementation",),
    "ConvLSTM?D": _RECURRENT,
    "MultiHeadAttention": ("query_shape", "key_shape", "value_shape", _ROBUST),
    "SpatialDropout?D": ("noise_shape",),
}
# With these values an argument changes nothing; with others it cannot be dropped.
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "groups": (1, None),
    "time_major": (False, None),
    "noise_shape": (None,),
    _ROBUST: (False, None),
    "virtual_batch_size": (None,),
    "adjustment": (None,),
}
# Arguments that were renamed: class, old name, new name, last version with the old one.
_RENAMED = {
    ("LeakyReLU", "alpha"): "negative_slope",
    ("InputLayer", "batch_input_shape"): "batch_shape",
}
_ACTIVATIONS = ("activation", "recurrent_activation")
_POLICIES = ("Policy", "PolicyV1")
_GONE = ("LocallyConnected1D", "LocallyConnected2D", "TensorFlowOpLayer")


def without_dead_arguments(name: str, config: Config) -> Config:
    """The config of a class without what older versions wrote and nothing needs."""
    dead = {
        key
        for key in _dead_keys(name)
        if key in config and config[key] in _HARMLESS.get(key, (config[key],))
    }
    if not dead:
        return config
    note(name, [key for key in config if key in dead])
    return {key: value for key, value in config.items() if key not in dead}


@lru_cache(1_000)  # files may name any number of classes
def _dead_keys(name: str) -> tuple[str, ...]:
    return tuple(
        key
        for pattern, keys in _DEAD.items()
        if fnmatchcase(name, pattern)
        for key in keys
    )


def named(name: str, config: Config) -> tuple[str, Config]:
    """Class and arguments in the words of Keras 3, by rules that today's cannot match."""
    new, found = _CLASSES.get(name, _same)(dict(config))
    new = new or name
    for (owner, old), today in _RENAMED.items():
        if new == owner and old in found:
            found.setdefault(today, found.pop(old))
    found = without_dead_arguments(new, found)
    return new, found


def dated(name: str, config: Config) -> Config:
    """What a Keras 2 config means beyond what it says: defaults and formulas of then."""
    found = {
        key: _activation(value) if key in _ACTIVATIONS else value
        for key, value in config.items()
    }
    if name in ("GRU", "GRUCell"):
        # Until 2.1.4 there was no such argument, and outside TensorFlow it was False.
        found.setdefault("reset_after", False)
    if "dtype" in found:
        found["dtype"] = _policy(found["dtype"])
    if name in ("Zeros", "Ones", "Constant", "RandomNormal", "RandomUniform",
                "TruncatedNormal", "VarianceScaling", "Orthogonal", "Identity",
                "GlorotUniform", "GlorotNormal", "HeNormal", "HeUniform",
                "LecunNormal", "LecunUniform"):  # fmt: skip
        found.pop("dtype", None)  # tf.keras 1.x and 2.0
    if name == "VarianceScaling" and found.get("distribution") == "normal":
        found["distribution"] = "truncated_normal"  # its name since 2.2.3
    return found


def _activation(value: object) -> Any:
    """`hard_sigmoid` was `clip(0.2 x + 0.5, 0, 1)` in Keras 1 and 2."""
    return "hard_sigmoid_keras2" if value == "hard_sigmoid" else value


def _policy(value: object) -> Any:
    if value in ("infer", "_infer"):  # PolicyV1 of 2.0 to 2.3: the dtype of the inputs
        return None
    if isinstance(value, dict) and value.get("class_name") in _POLICIES:
        name = value["config"].get("name")
        if name in ("infer", "_infer"):
            return None
        config = {"name": name}
        return {"module": "keras", "class_name": "DTypePolicy", "config": config,
                "registered_name": None}  # fmt: skip
    return value


# --- classes that were renamed or dropped


def _same(config: Config) -> tuple[str | None, Config]:
    return None, config


def _thresholded(config: Config) -> tuple[str, Config]:
    """`ThresholdedReLU(theta)`: x where x > theta, else 0; gone since 3.0."""
    found = {key: value for key, value in config.items() if key != "theta"}
    return "ReLU", {**found, "threshold": float(config.get("theta", 1.0))}


def _cudnn(kind: str) -> Callable[[Config], tuple[str, Config]]:
    """Layers of 2.0.9 to 2.3 for one library; the same sums, two biases in each gate."""

    def change(config: Config) -> tuple[str, Config]:
        found = {"recurrent_activation": "sigmoid", "activation": "tanh", **config}
        if kind == "GRU":
            found["reset_after"] = True
        return kind, found

    return change


def _passing_on(name: str) -> Callable[[Config], tuple[str, Config]]:
    """`model.add_loss(tensor)` and `add_metric` of 2.x, which left layers that change nothing."""

    def change(config: Config) -> tuple[str, Config]:
        note(name, ["tensor"])
        return "Identity", {"name": config.get("name")}

    return change


def _gone(name: str) -> Callable[[Config], tuple[str, Config]]:
    def refuse(config: Config) -> tuple[str, Config]:
        raise ValueError(
            f"layer {config.get('name')!r} is a {name}, which Keras 3 dropped; pass a class "
            f"of your own in custom_objects={{{name!r}: ...}}."
            + see("guides/saving.md#classes-of-your-own")
        )

    return refuse


_CLASSES: dict[str, Callable[[Config], tuple[str | None, Config]]] = {
    "ThresholdedReLU": _thresholded,
    "CuDNNLSTM": _cudnn("LSTM"),
    "CuDNNGRU": _cudnn("GRU"),
    "LSTMV2": lambda config: ("LSTM", config),
    "GRUV2": lambda config: ("GRU", config),
    "BatchNormalizationV1": lambda config: ("BatchNormalization", config),
    "BatchNormalizationV2": lambda config: ("BatchNormalization", config),
    "SyncBatchNormalization": lambda config: (
        "BatchNormalization", {**config, "synchronized": True}
    ),
    "AddLoss": _passing_on("AddLoss"),
    "AddMetric": _passing_on("AddMetric"),
    **{name: _gone(name) for name in _GONE},
}  # fmt: skip


# --- Lambda


def modern_lambda(config: Config) -> Config:
    """A Lambda's config of Keras 2 in the form of Keras 3."""
    kinds = {
        key: config.get(f"{key}_type") for key in ("function", "output_shape", "mask")
    }
    extra = ("module", *(f"{k}_type" for k in kinds), *(f"{k}_module" for k in kinds))
    found = {key: value for key, value in config.items() if key not in extra}
    for key, kind in kinds.items():
        if kind == "lambda":
            found[key] = {"class_name": "__lambda__", "config": {"value": config[key]}}
        elif kind == "function":
            found[key] = {"class_name": "function", "config": config[key]}
    return found


# --- Sequential


def with_input(config: Config) -> Config:
    """A Sequential's config that starts with its input.

    Until 2.x the first layer could hold the data's shape, as `batch_input_shape`.
    """
    layers = config.get("layers")
    if not isinstance(layers, list) or not layers or not isinstance(layers[0], dict):
        return config
    first = layers[0].get("config")
    if not isinstance(first, dict) or layers[0].get("class_name") == "InputLayer":
        return config
    shape = first.get("batch_input_shape")
    if shape is None:
        return config
    dtype = "int32" if layers[0].get("class_name") == "Embedding" else "float32"
    start = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": shape, "dtype": dtype,
                   "name": f"{first.get('name', 'first')}_input"},
        "registered_name": None,
    }  # fmt: skip
    return {**config, "layers": [start, *map(_shapeless, layers)]}


def _shapeless(layer: Mapping[str, Any]) -> Any:
    if not isinstance(layer, dict) or not isinstance(layer.get("config"), dict):
        return layer
    inner = {k: v for k, v in layer["config"].items() if k != "batch_input_shape"}
    return {**layer, "config": inner}


# --- modules


def home(data: Config) -> Config:
    """The module of a class, where it is said: packages of 2.x lie in `keras` today."""
    module = data.get("module")
    if not isinstance(module, str):
        return {}
    for old in ("tensorflow.python.keras", "tensorflow.keras", "tf_keras.src", "tf_keras",
                "keras.src"):  # fmt: skip
        if module == old or module.startswith(f"{old}."):
            module = "keras" + module[len(old) :]
            break
    if module.startswith(("keras.engine.", "keras.saving.")):
        module = "keras"
    return {"module": module}
