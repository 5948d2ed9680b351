"""Lambda: any function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack

from minikeras import naming
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import ArgumentError
from minikeras.saving import dialects, serialization
from minikeras.types import PartialShape

if TYPE_CHECKING:
    from minikeras.types import ArrayLike, Nested, ShapeLike


class Lambda(Layer):
    """Wraps a function of tensors, written with `minikeras.ops`, as a layer.

    A function that uses variables belongs into a `Layer` subclass instead: their
    values would not be trained or saved here.

    Args:
        function: Takes the inputs; may also take `mask` and `training`.
        output_shape: Shape of a sample of the result (or a function of the input's
            shape), used where it cannot be found by tracing.
        mask: Mask of the output, or a function `(inputs, mask) -> mask`.
        arguments: Further keyword arguments for the function.
        **kwargs: See `Layer`.

    Input shape:
        Any.

    Output shape:
        That of the function's result.

    Example:

    >>> layer = keras.layers.Lambda(lambda x: x ** 2)
    >>> layer(np.array([[1.0, 3.0]])).numpy().tolist()
    [[1.0, 9.0]]
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: ShapeLike | None = None,
        mask: ArrayLike | Callable[..., Any] | None = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if not callable(function):
            raise ArgumentError(
                f"Lambda: function={naming.shown(function)}; expected a function."
            )
        super().__init__(**kwargs)
        self.function = function
        self._output_shape = output_shape
        self.mask = mask
        self.arguments = arguments or {}
        self.supports_masking = mask is not None
        self._build_at_init()
        try:
            known = set(inspect.signature(function).parameters)
        except (TypeError, ValueError):  # some builtins have no signature
            known = set()
        self._passed_on = known & {"mask", "training"}

    def call(
        self,
        inputs: Tensor,
        mask: Nested[ArrayLike] | None = None,
        training: bool | None = None,
    ) -> Any:
        """`function(inputs, **arguments)`."""
        more = dict(self.arguments)
        for name, value in (("mask", mask), ("training", training)):
            if name in self._passed_on:
                more[name] = value
        return self.function(inputs, **more)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The `mask` argument, or its result."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: PartialShape) -> Any:
        """What `output_shape` says, else what tracing the function gives."""
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return tuple(self._output_shape(input_shape))
        given = self._output_shape
        batch = input_shape[0] if input_shape else None
        return (batch, *((given,) if isinstance(given, int) else given))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer; a Python lambda by its code."""
        serialize = serialization.serialize_keras_object
        config = {
            **super().get_config(),
            "function": serialize(self.function),
            "arguments": serialize(dict(self.arguments)),
        }
        if self._output_shape is not None:
            config["output_shape"] = serialize(self._output_shape)
        if self.mask is not None:
            config["mask"] = serialize(self.mask)
        return config

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
        safe_mode: bool | None = None,
    ) -> Self:
        """The layer that `get_config` described.

        Raises:
            ValueError: If it holds a Python lambda and safe mode is on.
        """
        safe = (
            serialization.functions.in_safe_mode() if safe_mode is None else safe_mode
        )
        config = dialects.modern_lambda(config)
        for key in ("function", "output_shape", "mask", "arguments"):
            if isinstance(config.get(key), dict):
                config[key] = serialization.deserialize_keras_object(
                    config[key], custom_objects=custom_objects, safe_mode=safe
                )
        with serialization.functions.safe_mode_scope(safe):
            for key in ("function", "output_shape", "mask"):
                if callable(config.get(key)):
                    serialization.functions.check_lambda(config[key])
        return cls(**config)
