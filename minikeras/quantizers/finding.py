"""Quantizers by name, config or class; the config that arguments of `quantize` mean."""

from __future__ import annotations

import inspect
from typing import Any

from minikeras import naming
from minikeras.quantizers.calibrated import AWQConfig, GPTQConfig
from minikeras.quantizers.configs import (
    Float8QuantizationConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)
from minikeras.quantizers.quantizer import AbsMaxQuantizer, Quantizer
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)

_BY_NAME: dict[str, Any] = {
    made.__name__: made
    for made in (
        AWQConfig, AbsMaxQuantizer, Float8QuantizationConfig, GPTQConfig,
        Int4QuantizationConfig, Int8QuantizationConfig, QuantizationConfig, Quantizer,
    )
}  # fmt: skip
_BY_NAME |= {"abs_max_quantizer": AbsMaxQuantizer, "quantizer": Quantizer}
_CONFIGS: dict[str, Any] = {
    "int8": Int8QuantizationConfig,
    "int4": Int4QuantizationConfig,
    "float8": Float8QuantizationConfig,
}
MODES = ("int8", "float8", "int4", "gptq", "awq")


def serialize(initializer: object) -> Any:
    """The config of a quantizer.

    Args:
        initializer: The quantizer; the name is Keras's.

    Example:

    >>> keras.quantizers.serialize(keras.quantizers.AbsMaxQuantizer(axis=0))["config"]["axis"]
    (0,)
    """
    return serialize_keras_object(initializer)


def deserialize(config: object, custom_objects: dict[str, Any] | None = None) -> Any:
    """The quantizer that a config describes.

    Args:
        config: What `serialize` gave, or a name.
        custom_objects: Names of classes that are not registered.

    Raises:
        ValueError: If the name is not known.

    Example:

    >>> config = keras.quantizers.serialize(keras.quantizers.AbsMaxQuantizer(axis=0))
    >>> keras.quantizers.deserialize(config).axis
    (0,)
    """
    return deserialize_keras_object(
        config, module_objects=_BY_NAME, custom_objects=custom_objects
    )


def get(identifier: object, **kwargs: object) -> Any:
    """The quantizer that an argument names.

    Args:
        identifier: Name, config, class, object, function, or None.
        **kwargs: For the constructor, where a name or class is given.

    Returns:
        The quantizer; None for None.

    Raises:
        ValueError: If it names none.

    Example:

    >>> keras.quantizers.get("abs_max_quantizer", axis=-1).axis
    (-1,)
    """
    if identifier is None:
        return None
    found: Any = identifier
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str):
        found = _BY_NAME.get(identifier)
        if found is None:
            try:
                found = deserialize(identifier)
            except (TypeError, ValueError):
                found = None
    if inspect.isclass(found):
        return found(**kwargs)
    if callable(found):
        return found
    raise ValueError(
        f"quantizers.get: {naming.shown(identifier)}; expected a name such as "
        "'abs_max_quantizer', a config, a Quantizer or a function."
    )


def config_for(mode: object, config: object, owner: str) -> QuantizationConfig:
    """The config that the arguments of `quantize` come to.

    Args:
        mode: Name of a mode, or None.
        config: A config, or None.
        owner: Of the call, for errors.

    Raises:
        ValueError: If there is neither, or they contradict each other.
    """
    if config is None and mode is None:
        raise ValueError(
            f"{owner}.quantize: neither mode nor config is given; expected one of "
            f"{', '.join(map(repr, MODES))}, or a keras.quantizers.QuantizationConfig."
        )
    if isinstance(config, str) and mode in (None, config):
        mode, config = config, None
    if config is not None and not isinstance(config, QuantizationConfig):
        raise ValueError(
            f"{owner}.quantize: config={naming.shown(config)} of type "
            f"{type(config).__name__}; expected a keras.quantizers.QuantizationConfig."
        )
    if mode is not None and mode not in MODES:
        raise ValueError(
            f"{owner}.quantize: mode={naming.shown(mode)}; expected one of "
            f"{', '.join(map(repr, MODES))}."
        )
    if config is None:
        if mode not in _CONFIGS:
            kind = "GPTQConfig" if mode == "gptq" else "AWQConfig"
            raise ValueError(
                f"{owner}.quantize: mode={mode!r} looks at data; pass it as "
                f"config=keras.quantizers.{kind}(dataset, tokenizer)."
            )
        found: QuantizationConfig = _CONFIGS[mode]()
        return found
    if mode is not None and config.mode != mode:
        raise ValueError(
            f"{owner}.quantize: mode={mode!r}, but the config's mode is {config.mode!r}; "
            "leave one out."
        )
    return config
