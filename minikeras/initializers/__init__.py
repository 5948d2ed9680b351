"""First values of variables: `keras.initializers`, by class, name or config."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras.engine.tensor import Tensor
from minikeras.initializers.base import Initializer
from minikeras.initializers.constant import STFT, Constant, Identity, Ones, Zeros
from minikeras.initializers.drawn import (
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
)
from minikeras.initializers.scaled import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from minikeras.ops.core.conversion import convert_to_tensor
from minikeras.saving.identifiers import called, instance_of
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from minikeras.types import Identifier
from minikeras.variable import set_named_initializer

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.types import ArrayLike


constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFTInitializer = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

_BY_NAME: dict[str, Any] = {
    "Constant": Constant,
    "GlorotNormal": GlorotNormal,
    "GlorotUniform": GlorotUniform,
    "HeNormal": HeNormal,
    "HeUniform": HeUniform,
    "Identity": Identity,
    "IdentityInitializer": Identity,
    "Initializer": Initializer,
    "LecunNormal": LecunNormal,
    "LecunUniform": LecunUniform,
    "Ones": Ones,
    "Orthogonal": Orthogonal,
    "OrthogonalInitializer": Orthogonal,
    "RandomNormal": RandomNormal,
    "RandomUniform": RandomUniform,
    "STFT": STFT,
    "STFTInitializer": STFT,
    "TruncatedNormal": TruncatedNormal,
    "VarianceScaling": VarianceScaling,
    "Zeros": Zeros,
    "constant": Constant,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "identity": Identity,
    "initializer": Initializer,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "normal": RandomNormal,
    "one": Ones,
    "ones": Ones,
    "orthogonal": Orthogonal,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "stft": STFT,
    "truncated_normal": TruncatedNormal,
    "uniform": RandomUniform,
    "variance_scaling": VarianceScaling,
    "zero": Zeros,
    "zeros": Zeros,
}


def serialize(initializer: Identifier) -> dict[str, Any]:
    """The config of an initializer.

    Args:
        initializer: `Initializer` object or function.

    Returns:
        Dict that `deserialize` takes.

    Example:

    >>> keras.initializers.serialize(keras.initializers.Ones())["class_name"]
    'Ones'
    """
    return serialize_keras_object(initializer)


def deserialize(config: object, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer that a config describes.

    Args:
        config: Dict that `serialize` gave, or a name.
        custom_objects: Names of classes or functions that are not registered.

    Returns:
        `Initializer` object or function.

    Raises:
        ValueError: If the name is not known.

    Example:

    >>> config = keras.initializers.serialize(keras.initializers.Constant(2.0))
    >>> keras.initializers.deserialize(config).value
    2.0
    """
    return deserialize_keras_object(
        config, module_objects=_BY_NAME, custom_objects=custom_objects
    )


def get(identifier: Identifier) -> Any:
    """The initializer that an argument names.

    Args:
        identifier: Name, config, class, object, function, array (the value itself), or
            None.

    Returns:
        `Initializer` object or function; None for None.

    Raises:
        ValueError: If it names none.

    Example:

    >>> type(keras.initializers.get("he_normal")).__name__
    'HeNormal'
    """
    if identifier is None:
        return None
    if isinstance(identifier, Tensor) or hasattr(identifier, "__array__"):
        return _values(identifier)
    found = instance_of(identifier, deserialize)
    wanted = (
        "; expected a name such as 'glorot_uniform', a config, "
        "an Initializer, a function (shape, dtype) or an array."
    )
    return called(found, identifier, "initializers", wanted, _BY_NAME)


set_named_initializer(get)


def _values(array: ArrayLike) -> Callable[..., Any]:
    """An initializer that gives an array, as a function."""

    def given(shape: Shape, dtype: str | None = None) -> Tensor:
        tensor = convert_to_tensor(array, dtype)
        if tensor.shape != tuple(shape):
            raise ValueError(
                f"initializer: the array given has shape {tensor.shape}; expected {tuple(shape)}."
            )
        return tensor

    return given


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFT",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]
