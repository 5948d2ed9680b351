"""Activation functions of layers: `keras.activations`, by function, name or config."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras.activations.rectifiers import (
    hard_shrink,
    hard_sigmoid,
    hard_sigmoid_keras2,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    linear,
    relu,
    relu6,
    soft_shrink,
    sparse_plus,
    sparse_sigmoid,
    threshold,
)
from minikeras.activations.smooth import (
    celu,
    elu,
    exponential,
    gelu,
    glu,
    log_sigmoid,
    log_softmax,
    mish,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    sparsemax,
    squareplus,
    swish,
    tanh,
    tanh_shrink,
)
from minikeras.saving.identifiers import called, object_of
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)

if TYPE_CHECKING:
    from minikeras.types import Identifier


_FUNCTIONS = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_swish,
    hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6, selu,
    sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid,
    sparsemax, squareplus, swish, tanh, tanh_shrink, threshold,
)  # fmt: skip
_BY_NAME: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (*_FUNCTIONS, hard_sigmoid_keras2)
}
_CANONICAL = {"swish": "silu", "hard_swish": "hard_silu"}


def serialize(activation: Identifier) -> Any:
    """The name of one of these functions, or the config of another object.

    Args:
        activation: Function or object with a config.

    Returns:
        Name, or dict that `deserialize` takes.

    Example:

    >>> keras.activations.serialize(keras.activations.silu)
    'silu'
    """
    config = serialize_keras_object(activation)
    if isinstance(config, dict) and config.get("class_name") == "function":
        name = config["config"]
        if _BY_NAME.get(name) is activation:
            return _CANONICAL.get(name, name)
    return config


def deserialize(config: object, custom_objects: dict[str, Any] | None = None) -> Any:
    """The activation that a name or config describes.

    Args:
        config: Name, or dict that `serialize` gave.
        custom_objects: Names of functions that are not registered.

    Returns:
        Function.

    Raises:
        ValueError: If the name is not known.

    Example:

    >>> keras.activations.deserialize("relu") is keras.activations.relu
    True
    """
    return deserialize_keras_object(
        config, module_objects=_BY_NAME, custom_objects=custom_objects
    )


def get(identifier: object) -> Any:
    """The activation that an argument names.

    Args:
        identifier: Name, config, function, or None for `linear`.

    Returns:
        Function.

    Raises:
        ValueError: If it names none.

    Example:

    >>> keras.activations.get("relu") is keras.activations.relu
    True
    """
    if identifier is None:
        return linear
    found = object_of(identifier, deserialize)
    wanted = "; expected a function, a config or a name."
    return called(found, identifier, "activations", wanted, _BY_NAME)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]
