"""`ALL_OBJECTS` and `ALL_OBJECTS_DICT` of `keras.src`: what may be named in each namespace."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from typing import Any

from minikeras.naming import to_snake_case
from minikeras.saving import get_custom_objects

NAMESPACES = (
    "activations", "constraints", "initializers", "losses", "metrics", "optimizers",
    "regularizers",
)  # fmt: skip
_SHORT = ("bce", "kld", "mae", "mape", "mse", "msle")
_VERBS = ("deserialize", "get", "serialize")


class Known(dict[str, Any]):
    """A namespace's names; one that is added is known to its `get` from then on."""

    def __setitem__(self, name: str, value: object) -> None:
        super().__setitem__(name, value)
        get_custom_objects()[name] = value


@cache
def named(namespace: str) -> Known:
    """Every name that `get` of a namespace knows, and what it means.

    Args:
        namespace: One of `NAMESPACES`.

    >>> sorted(named("constraints"))[:4]
    ['Constraint', 'MaxNorm', 'MinMaxNorm', 'NonNeg']
    """
    module = importlib.import_module(f"minikeras.{namespace}")
    found: dict[str, Any] = {}
    for name in module.__all__:
        value = getattr(module, name)
        if name in _VERBS or not callable(value):
            continue
        if namespace == "optimizers":
            found[name.lower()] = value
            continue
        found[name] = value
        if inspect.isclass(value):
            found.setdefault(to_snake_case(name), value)
    for short in _SHORT if namespace in ("losses", "metrics") else ():
        function = module.get(short)
        found.setdefault(short, function)
        found.setdefault(short.upper(), function)
    return Known(found)


def __getattr__(name: str) -> Any:
    namespace, _, form = name.partition("_")
    if namespace in NAMESPACES and form in ("dict", "set"):
        objects = named(namespace)
        return objects if form == "dict" else set(objects.values())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
