"""Identity, Masking, and the mask that a tensor carries."""

from __future__ import annotations

from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.masking import set_mask
from minikeras.layers.base.options import samples_apart


class Identity(Layer):
    """Gives back what it gets; for places where a layer is needed.

    Args:
        **kwargs: See `Layer`.

    Input shape:
        Any, or a structure of tensors.

    Output shape:
        As the input.

    Example:

    >>> keras.layers.Identity()(np.ones((2, 3))).shape
    (2, 3)
    """

    _mixes_samples = samples_apart

    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self._build_at_init()

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs."""
        return inputs


class Masking(Layer):
    """Marks steps whose features all equal a value as padding that later layers skip.

    Args:
        mask_value: The value.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, features)`.

    Output shape:
        As the input; masked steps become zeros.

    Example:

    >>> layer = keras.layers.Masking()
    >>> y = layer(np.array([[[1.0, 2.0], [0.0, 0.0]]]))
    >>> y._keras_mask.numpy().tolist()
    [[True, False]]
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True
        self._build_at_init()

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """True where a step has a feature that differs from the value."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs with masked steps zeroed."""
        kept = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        outputs = ops.multiply(inputs, ops.cast(kept, inputs.dtype))
        set_mask(outputs, ops.squeeze(kept, axis=-1))
        return outputs

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {**super().get_config(), "mask_value": self.mask_value}


class CarriedMask(Layer):
    """The mask that a tensor carries, as a tensor.

    Keras 3 hands a mask on by itself only to layers that take one tensor: a recurrent
    layer that is also given its first states gets none. With this layer it is handed on by
    name, as Keras 2 did; models of Keras 2 that are loaded use it.

    Args:
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, ...)`.

    Output shape:
        `(batch, steps)`, bools: True everywhere where there is no mask.

    Example:

    >>> x = keras.layers.Masking()(np.array([[[1.0, 2.0], [0.0, 0.0]]]))
    >>> keras.layers.CarriedMask()(x).numpy().tolist()
    [[True, False]]
    """

    _mixes_samples = samples_apart

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """The mask of the inputs."""
        return ops.ones(ops.shape(inputs)[:2], "bool") if mask is None else mask

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> None:
        """None: a mask has no mask."""
        return None
