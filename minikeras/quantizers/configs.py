"""How a layer is to be quantized: `layer.quantize(config=...)`."""

from __future__ import annotations

from typing import Any, Self

from minikeras import naming
from minikeras.quantizers.quantizer import AbsMaxQuantizer, Quantizer
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)


class QuantizationConfig:
    """Base of the configs.

    Args:
        weight_quantizer: Quantizer of weights; None is the layer's own.
        activation_quantizer: Quantizer of inputs; None leaves them floats.

    Example:

    >>> config = keras.quantizers.Int8QuantizationConfig(activation_quantizer=None)
    >>> isinstance(config, keras.quantizers.QuantizationConfig), config.mode
    (True, 'int8')
    """

    def __init__(
        self,
        weight_quantizer: Quantizer | None = None,
        activation_quantizer: Any = None,
    ) -> None:
        self.weight_quantizer = weight_quantizer
        self.activation_quantizer = activation_quantizer
        for label in ("weight_quantizer", "activation_quantizer"):
            given = getattr(self, label)
            if given is not None and not isinstance(given, Quantizer):
                raise ValueError(
                    f"{type(self).__name__}: {label}={naming.shown(given)}; expected a "
                    "keras.quantizers.Quantizer or None."
                )
            if given is not None and given.output_dtype != "int8":
                raise ValueError(
                    f"{type(self).__name__}: {label} gives {given.output_dtype!r}; expected "
                    "a quantizer with output_dtype='int8'."
                )

    @property
    def mode(self) -> str:
        """The mode of `quantize` that it is for.

        Raises:
            NotImplementedError: On the base class.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no mode; use one of the classes that are derived "
            "from QuantizationConfig."
        )

    def dtype_policy_string(self) -> str:
        """The first part of the dtype policy's name of a layer so quantized."""
        return self.mode

    def _without_data(self) -> Self:
        """What a layer keeps of it."""
        return self

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "weight_quantizer": _described(self.weight_quantizer),
            "activation_quantizer": _described(self.activation_quantizer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The config that `get_config` described."""
        made = dict(config)
        for label in ("weight_quantizer", "activation_quantizer"):
            if isinstance(made.get(label), dict):
                made[label] = deserialize_keras_object(made[label])
        return cls(**made)

    @staticmethod
    def weight_quantizer_or_default(
        config: QuantizationConfig | None, default: object
    ) -> Any:
        """The config's quantizer of weights, or `default` where it names none."""
        named = None if config is None else config.weight_quantizer
        return default if named is None else named

    @staticmethod
    def activation_quantizer_or_default(
        config: QuantizationConfig | None, default: object
    ) -> Any:
        """The config's quantizer of inputs, None too; `default` without a config."""
        return default if config is None else config.activation_quantizer


def _described(quantizer: Quantizer | None) -> Any:
    return None if quantizer is None else serialize_keras_object(quantizer)


class Int8QuantizationConfig(QuantizationConfig):
    """Weights in 8 bits, and inputs rounded to 8 bits at each call.

    Args:
        weight_quantizer: Quantizer of weights; None is one scale for each output.
        activation_quantizer: Quantizer of inputs; `"default"` is an `AbsMaxQuantizer`,
            None leaves inputs floats.

    Raises:
        ValueError: If a quantizer gives anything else than int8.

    Example:

    >>> keras.quantizers.Int8QuantizationConfig().mode
    'int8'
    """

    def __init__(
        self,
        weight_quantizer: Quantizer | None = None,
        activation_quantizer: Any = "default",
    ) -> None:
        if isinstance(activation_quantizer, str) and activation_quantizer == "default":
            activation_quantizer = AbsMaxQuantizer()
        super().__init__(weight_quantizer, activation_quantizer)

    @property
    def mode(self) -> str:
        """`"int8"`."""
        return "int8"


class Int4QuantizationConfig(QuantizationConfig):
    """Weights in 4 bits, two in a byte; inputs stay floats unless asked otherwise.

    Args:
        weight_quantizer: Quantizer of weights, for one scale for each output.
        activation_quantizer: Quantizer of inputs; `"default"` leaves them floats.
        block_size: How many weights of an output share a scale and a zero; None or -1 is
            all of them, without a zero.

    Raises:
        ValueError: If `block_size` is not positive, or there are quantizers and blocks.

    Example:

    >>> keras.quantizers.Int4QuantizationConfig(block_size=64).dtype_policy_string()
    'int4/64'
    """

    def __init__(
        self,
        weight_quantizer: Quantizer | None = None,
        activation_quantizer: Any = "default",
        block_size: int | None = 128,
    ) -> None:
        if isinstance(activation_quantizer, str) and activation_quantizer == "default":
            activation_quantizer = None
        super().__init__(weight_quantizer, activation_quantizer)
        whole = isinstance(block_size, int)
        if block_size is not None and (not whole or block_size < -1 or not block_size):
            raise ValueError(
                f"Int4QuantizationConfig: block_size={block_size!r}; expected a positive "
                "integer, or None or -1 for one scale for each output."
            )
        self.block_size = block_size
        if in_blocks(block_size) and (weight_quantizer or activation_quantizer):
            raise ValueError(
                f"Int4QuantizationConfig: block_size={block_size} and quantizers exclude "
                "each other; give block_size=None beside them, or leave them out."
            )

    @property
    def mode(self) -> str:
        """`"int4"`."""
        return "int4"

    def dtype_policy_string(self) -> str:
        """`"int4/BLOCK_SIZE"`."""
        return f"int4/{self.block_size if in_blocks(self.block_size) else -1}"

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "block_size": self.block_size}


def in_blocks(block_size: int | None) -> bool:
    """Whether weights are quantized in blocks."""
    return block_size is not None and block_size > 0


class Float8QuantizationConfig(QuantizationConfig):
    """Products rounded to floats of 8 bits, in training too.

    Example:

    >>> keras.quantizers.Float8QuantizationConfig().mode
    'float8'
    """

    def __init__(self) -> None:
        super().__init__()

    @property
    def mode(self) -> str:
        """`"float8"`."""
        return "float8"

    def get_config(self) -> dict[str, Any]:
        """Nothing: there are no arguments."""
        return {}
