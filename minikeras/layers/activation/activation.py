"""Activations as layers."""

from __future__ import annotations

from typing import Any, Unpack

from minikeras import activations, ops
from minikeras.engine.errors import see
from minikeras.engine.prims.helpers import agree
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import (
    options_config,
    samples_apart,
    set_options,
    weight,
)
from minikeras.ops.nn.probabilities import shares
from minikeras.types import Identifier, PartialShape


def _number(value: Any, name: str, owner: str, least: float | None = 0.0) -> float:
    """`value` as a float, not below `least`."""
    if value is None or (least is not None and value < least):
        bound = "" if least is None else f" of at least {least:g}"
        raise ValueError(f"{owner}: {name}={value!r}; expected a number{bound}.")
    return float(value)


class _Elementwise(Layer):
    """What the layers here share: they keep shapes and masks, and need no building."""

    _mixes_samples = samples_apart

    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self._build_at_init()


class Activation(_Elementwise):
    """Applies a function to each element.

    Args:
        activation: Function, or its name, such as `"relu"`.
        **kwargs: See `Layer`.

    Input shape:
        Any.

    Output shape:
        As the input.

    Raises:
        ValueError: If the name is unknown.

    Example:

    >>> keras.layers.Activation("relu")(np.array([-1.0, 2.0])).numpy().tolist()
    [0.0, 2.0]
    """

    def __init__(self, activation: Identifier, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Tensor) -> Tensor:
        """The activation of the inputs."""
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "activation": activations.serialize(self.activation),
        }


class _Options(LayerOptions, total=False):
    alpha: float  # Keras 2's name of the negative slope


class ReLU(_Elementwise):
    """Rectified linear unit: `max(x, 0)`, with a ceiling, slope and threshold on demand.

    Args:
        max_value: Greatest output; None is no limit.
        negative_slope: Slope below the threshold.
        threshold: Elements below it are `negative_slope * (x - threshold)`.
        **kwargs: See `Layer`.

    Input shape:
        Any.

    Output shape:
        As the input.

    Raises:
        ValueError: If a number is negative.

    Example:

    >>> keras.layers.ReLU(max_value=6)(np.array([-1.0, 3.0, 9.0])).numpy().tolist()
    [0.0, 3.0, 6.0]
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Unpack[_Options],
    ) -> None:
        if "alpha" in kwargs:  # Keras 2's name
            negative_slope = kwargs.pop("alpha")
        rest: Any = kwargs
        super().__init__(**rest)
        owner = self._label()
        self.max_value = (
            None if max_value is None else _number(max_value, "max_value", owner)
        )
        self.negative_slope = _number(negative_slope, "negative_slope", owner)
        self.threshold = _number(threshold, "threshold", owner)

    def call(self, inputs: Tensor) -> Tensor:
        """The rectified inputs."""
        return activations.relu(
            inputs,
            negative_slope=self.negative_slope,
            max_value=self.max_value,
            threshold=self.threshold,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class LeakyReLU(_Elementwise):
    """`x` where positive, `negative_slope * x` elsewhere.

    Args:
        negative_slope: Slope below zero.
        **kwargs: See `Layer`.

    Input shape:
        Any.

    Output shape:
        As the input.

    Raises:
        ValueError: If the slope is None.

    Example:

    >>> keras.layers.LeakyReLU(0.5)(np.array([-2.0, 2.0])).numpy().tolist()
    [-1.0, 2.0]
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Unpack[_Options]) -> None:
        if "alpha" in kwargs:  # Keras 2's name
            negative_slope = kwargs.pop("alpha")
        rest: Any = kwargs
        super().__init__(**rest)
        self.negative_slope = _number(negative_slope, "negative_slope", self._label())

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs, their negative part scaled."""
        return ops.leaky_relu(inputs, negative_slope=self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "negative_slope": self.negative_slope}


class PReLU(Layer):
    """`x` where positive, `alpha * x` elsewhere, with a learnt `alpha`.

    Args:
        alpha_initializer: First values of `alpha`.
        alpha_regularizer: Penalty on `alpha`.
        alpha_constraint: Projection of `alpha` after an update.
        shared_axes: Axes along which `alpha` is one number, e.g. `[1, 2]` for pictures.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, ...)`.

    Output shape:
        As the input.

    Example:

    >>> layer = keras.layers.PReLU(alpha_initializer="ones")
    >>> layer(np.array([[-2.0, 2.0]])).numpy().tolist()
    [[-2.0, 2.0]]
    """

    _mixes_samples = samples_apart

    def __init__(
        self,
        alpha_initializer: Identifier = "Zeros",
        alpha_regularizer: Identifier = None,
        alpha_constraint: Identifier = None,
        shared_axes: object = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        set_options(
            self,
            alpha_initializer=alpha_initializer,
            alpha_regularizer=alpha_regularizer,
            alpha_constraint=alpha_constraint,
        )
        if shared_axes is not None and not isinstance(shared_axes, (list, tuple)):
            shared_axes = [shared_axes]
        self.shared_axes = None if shared_axes is None else list(shared_axes)

    def build(self, input_shape: PartialShape) -> None:
        """Make `alpha`, of a sample's shape with size 1 in the shared axes."""
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            shape[axis - 1] = 1
        self.alpha = weight(self, "alpha", tuple(shape))
        sizes = {i: n for i, n in enumerate(input_shape) if i and shape[i - 1] != 1}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=sizes)

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs, their negative part scaled by `alpha`."""
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            **options_config(self, "alpha"),
            "shared_axes": self.shared_axes,
        }


class ELU(_Elementwise):
    """Exponential linear unit: `x` where positive, `alpha * (exp(x) - 1)` elsewhere.

    Args:
        alpha: Its limit for very negative inputs is `-alpha`.
        **kwargs: See `Layer`.

    Input shape:
        Any.

    Output shape:
        As the input.

    Reference:
        Clevert et al., 2016, https://arxiv.org/abs/1511.07289.

    Example:

    >>> keras.layers.ELU()(np.array([-1.0, 2.0])).numpy().round(3).tolist()
    [-0.632, 2.0]
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Tensor) -> Tensor:
        """The exponential linear unit of the inputs."""
        return activations.elu(inputs, alpha=self.alpha)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "alpha": float(self.alpha)}


class Softmax(_Elementwise):
    """Positive numbers that sum to 1 along an axis: `exp(x) / sum(exp(x))`.

    Args:
        axis: Axis, or several, along which the result sums to 1.
        **kwargs: See `Layer`.

    Call arguments:
        inputs: The logits.
        mask: Booleans of the inputs' shape; where False the result is 0.

    Input shape:
        Any.

    Output shape:
        As the input.

    Example:

    >>> keras.layers.Softmax()(np.array([[1.0, 1.0]])).numpy().tolist()
    [[0.5, 0.5]]
    """

    def __init__(self, axis: Any = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def _check_mask(self, shape: tuple[int, ...], given: tuple[int, ...]) -> None:
        fits = len(given) <= len(shape) and all(
            m == 1 or agree(m, n) for m, n in zip(given[::-1], shape[::-1])
        )
        if not fits:
            raise ValueError(
                f"{self._label()}: mask has shape {given}, the inputs {shape}; expected a "
                "mask with the inputs' shape, or one that broadcasts to it."
                + see("guides/custom-layers.md#masks")
            )

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """The softmax of the inputs.

        Raises:
            ValueError: If the mask's shape does not broadcast to that of the inputs.
        """
        if mask is not None:
            self._check_mask(inputs.shape, mask.shape)
            largest = -3e4 if inputs.dtype == "float16" else -1e9
            inputs = inputs + (1.0 - ops.cast(mask, inputs.dtype)) * largest
        axis = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        if isinstance(axis, tuple) and len(axis) == 1:
            found = shares(inputs, axis[0])  # attention's: one source is no mistake
        else:
            found = ops.softmax(inputs, axis=axis)
        # Rows that are masked everywhere are 0 too.
        return found if mask is None else found * ops.cast(mask, found.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "axis": self.axis}
