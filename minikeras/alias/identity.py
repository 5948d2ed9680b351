"""What the library says it is, to packages that ask Keras for its version and backend."""

from __future__ import annotations

import os

from minikeras.engine.errors import see
from minikeras.settings import backend as _own

# The Keras whose names and behaviour these are.
__version__ = "3.15.1"
_KNOWN = ("tensorflow", "jax", "torch", "numpy", "openvino")


def version() -> str:
    """The version of Keras that this stands for; `minikeras.version()` is our own.

    >>> version()
    '3.15.1'
    """
    return __version__


def backend() -> str:
    """A backend's name that Keras knows, since packages branch on it.

    `"numpy"`, or what the environment variable `MINIKERAS_KERAS_BACKEND_NAME` says.
    `minikeras.config.backend()` tells the engine that is really in use.

    Raises:
        ValueError: If the variable holds a name that no Keras backend has.

    >>> backend()
    'numpy'
    """
    name = os.environ.get("MINIKERAS_KERAS_BACKEND_NAME") or "numpy"
    if name not in _KNOWN and name != _own():
        raise ValueError(
            f"MINIKERAS_KERAS_BACKEND_NAME is {name!r}; expected one of {', '.join(_KNOWN)}."
            + see("guides/drop-in.md#what-packages-are-told")
        )
    return name


__all__ = ["backend", "version"]
