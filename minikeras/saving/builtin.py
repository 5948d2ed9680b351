"""What configs may name of this package: classes that have configs, and some functions.

Names in a file are looked up in these tables and nowhere else. A file cannot reach a
function that reads files, changes settings or trains, since those are in no table; and
no module that a file names is ever imported.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

# Modules whose classes may stand in configs.
_CLASSES = ("layers", "models", "initializers", "activations", "regularizers", "constraints",
            "losses", "metrics", "optimizers", "optimizers.schedules", "dtype_policies",
            "quantizers", "random", "distillation")  # fmt: skip
# Modules whose functions may: they take and give tensors, and touch nothing else.
_FUNCTIONS = ("activations", "losses", "metrics", "ops")
# In those modules for other reasons: they build anything from a config, or read files.
_NOT_FUNCTIONS = frozenset(("get", "serialize", "deserialize"))


# Classes in configs of `keras.applications` that no public module has.
_INSIDE = {
    "CustomScaleLayer": "applications.inception_resnet_v2",
    "LayerScale": "applications.convnext",
}


# Names of Keras's own that `.h5` files have, and its public ones.
_OTHER_NAMES = {"GroupedQueryAttention": "GroupQueryAttention"}
_OF_FEATURES = "layers.preprocessing.feature_space"


def find_class(module: str, name: str) -> Any:
    """The class that a config names by Keras's module and its name, or None."""
    if module.endswith(f".{_OF_FEATURES}") or (module, name) == (
        "keras.utils",
        "FeatureSpace",
    ):
        return _class(_OF_FEATURES, name)
    inside = _INSIDE.get(name)  # `.h5` files do not say the module
    if inside is not None and (not module or module.endswith(f".{inside}")):
        return getattr(importlib.import_module(f"minikeras.{inside}"), name)
    for part in _searched(module, _CLASSES):
        found = _class(part, _OTHER_NAMES.get(name, name))
        if found is not None:
            return found
    return None


def find_function(module: str, name: str) -> Any:
    """The function of tensors that a config names, or None."""
    for part in _searched(module, _FUNCTIONS):
        found = _function(part, name)
        if found is not None:
            return found
    return None


def names_in(module: str) -> list[str]:
    """What a config may name of a module, or of all where it is not known."""
    tables = (_class, _CLASSES), (_function, _FUNCTIONS)
    return [
        name
        for look, known in tables
        for part in _searched(module, known)
        for name in importlib.import_module(f"minikeras.{part}").__all__
        if look(part, name) is not None
    ]


def find_op(name: str) -> Any:
    """The function of `keras.ops` of this name, or None."""
    return _function("ops", name)


def _searched(module: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Our modules that stand for one that a config names, the likeliest first."""
    for other in ("tensorflow.python.keras", "tensorflow.keras", "tf_keras"):
        if module == other or module.startswith(f"{other}."):
            module = "keras" + module[len(other) :]
    root, _, rest = module.partition(".")
    if root not in ("keras", "minikeras", "builtins", ""):
        return ()
    rest = rest.removeprefix("src.")
    if ".schedules" in rest:
        return ("optimizers.schedules",)
    first = rest.split(".")[0]
    return (first,) if first in known else known


@cache
def _class(part: str, name: str) -> Any:
    found = _public(part, name)
    is_class = inspect.isclass(found) and hasattr(found, "from_config")
    return found if is_class else None


@cache
def _function(part: str, name: str) -> Any:
    found = _public(part, name)
    is_function = inspect.isfunction(found) and name not in _NOT_FUNCTIONS
    return found if is_function else None


def _public(part: str, name: str) -> Any:
    module = importlib.import_module(f"minikeras.{part}")
    names = getattr(module, "__all__", None) or dir(module)
    return getattr(module, name) if name in names and name[:1] != "_" else None


def may_stand_in_lambda(function: Callable[..., Any]) -> bool:
    """Whether a Lambda from a file may hold this function, if it is of this package."""
    module = str(getattr(function, "__module__", ""))
    if module.split(".")[0] not in ("minikeras", "minikeras_numpy"):
        return True
    name = getattr(function, "__name__", "")
    return any(_function(part, name) is function for part in ("ops", "activations"))
