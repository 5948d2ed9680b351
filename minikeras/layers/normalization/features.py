"""Normalization of each sample by itself: layer, group, root mean square, unit norm."""

from __future__ import annotations

from typing import Any, Unpack

from minikeras import naming, ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import (
    as_integer,
    feature_axes,
    options_config,
    positive,
    samples_apart,
    set_options,
    weight,
)
from minikeras.types import Identifier, PartialShape


class _Options(LayerOptions, total=False):
    rms_scaling: bool  # deprecated


class LayerNormalization(Layer):
    """Makes the mean 0 and the variance 1 over features, then scales and shifts.

    Args:
        axis: Axis or axes of the features.
        epsilon: Added to the variance.
        center: Whether to learn a shift `beta`.
        scale: Whether to learn a factor `gamma`.
        beta_initializer: First values of `beta`.
        gamma_initializer: First values of `gamma`.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Projection of `beta` after an update.
        gamma_constraint: Projection of `gamma` after an update.
        **kwargs: See `Layer`. `rms_scaling=True` is deprecated: inputs are only divided by
            their standard deviation, with `gamma` but no `beta`; use `RMSNormalization`.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        As the input.

    Reference:
        Ba et al., 2016, https://arxiv.org/abs/1607.06450.

    Example:

    >>> layer = keras.layers.LayerNormalization()
    >>> layer(np.array([[1.0, 3.0]])).numpy().round(2).tolist()
    [[-1.0, 1.0]]
    """

    _mixes_samples = samples_apart

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Identifier = "zeros",
        gamma_initializer: Identifier = "ones",
        beta_regularizer: Identifier = None,
        gamma_regularizer: Identifier = None,
        beta_constraint: Identifier = None,
        gamma_constraint: Identifier = None,
        **kwargs: Unpack[_Options],
    ) -> None:
        rms_scaling = kwargs.pop("rms_scaling", False)
        rest: Any = kwargs
        super().__init__(**rest)
        self.rms_scaling = bool(rms_scaling)
        self.axis = feature_axes(axis, self._label())
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        set_options(
            self,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )
        self.supports_masking = True

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(self.axis) if isinstance(self.axis, list) else (self.axis,)

    def build(self, input_shape: PartialShape) -> None:
        """Make `gamma` and `beta`, of the sizes of the feature axes in order."""
        self.axis = sorted(self._axes)
        shape = tuple(input_shape[a] for a in self._axes)
        self.gamma = weight(self, "gamma", shape) if self.scale else None
        shifts = self.center and not self.rms_scaling
        self.beta = weight(self, "beta", shape) if shifts else None

    def call(self, inputs: Tensor) -> Tensor:
        """The normalized inputs."""
        axis = self._axes if len(self._axes) > 1 else self._axes[0]
        options = {"rms_scaling": True} if self.rms_scaling else {}
        return ops.layer_normalization(
            inputs, self.gamma, self.beta, axis, self.epsilon, **options
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "rms_scaling": self.rms_scaling,
            **options_config(self, "beta", "gamma"),
        }


class GroupNormalization(Layer):
    """Makes the mean 0 and the variance 1 over groups of channels and all positions.

    Args:
        groups: Number of groups; -1 is one for each channel (instance normalization).
        axis: The axis of channels.
        epsilon: Added to the variance.
        center: Whether to learn a shift `beta`.
        scale: Whether to learn a factor `gamma`.
        beta_initializer: First values of `beta`.
        gamma_initializer: First values of `gamma`.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Projection of `beta` after an update.
        gamma_constraint: Projection of `gamma` after an update.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, ..., channels)`.

    Output shape:
        As the input.

    Raises:
        ValueError: When built, if the channels cannot be split into the groups.

    Reference:
        Wu and He, 2018, https://arxiv.org/abs/1803.08494.

    Example:

    >>> layer = keras.layers.GroupNormalization(groups=2)
    >>> layer(np.array([[1.0, 3.0, 5.0, 9.0]])).numpy().round(2).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    _mixes_samples = samples_apart

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Identifier = "zeros",
        gamma_initializer: Identifier = "ones",
        beta_regularizer: Identifier = None,
        gamma_regularizer: Identifier = None,
        beta_constraint: Identifier = None,
        gamma_constraint: Identifier = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.groups = (
            -1
            if as_integer(groups) == -1
            else positive(groups, "groups", self._label())
        )
        self.axis = axis
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        set_options(
            self,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )
        self.supports_masking = True

    def build(self, input_shape: PartialShape) -> None:
        """Make `gamma` and `beta`, one number for each channel."""
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(
                f"{self._label()}: the size of axis {self.axis} must be known; got input "
                f"shape {tuple(input_shape)}."
            )
        groups = channels if self.groups == -1 else self.groups
        if channels % groups:
            raise ValueError(
                f"{self._label()}: groups={groups} does not divide the {channels} channels "
                f"of an input of shape {tuple(input_shape)}."
            )
        self.groups = groups
        self.gamma = weight(self, "gamma", (channels,)) if self.scale else None
        self.beta = weight(self, "beta", (channels,)) if self.center else None
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs: Tensor) -> Tensor:
        """The normalized inputs."""
        shape = inputs.shape
        axis = self.axis % len(shape)
        split = (
            *shape[:axis],
            self.groups,
            shape[axis] // self.groups,
            *shape[axis + 1 :],
        )
        half = inputs.dtype in ("float16", "bfloat16")
        x = ops.cast(inputs, "float32") if half else inputs
        x = ops.reshape(x, split)
        axes = [i for i in range(1, len(split)) if i != axis]
        mean, variance = ops.moments(x, axes=axes, keepdims=True)
        x = (x - mean) * ops.rsqrt(variance + self.epsilon)
        x = ops.reshape(x, shape)
        along = [1] * len(shape)
        along[axis] = shape[axis]
        if self.gamma is not None:
            x = x * ops.reshape(ops.cast(self.gamma, x.dtype), along)
        if self.beta is not None:
            x = x + ops.reshape(ops.cast(self.beta, x.dtype), along)
        return ops.cast(x, inputs.dtype) if half else x

    def compute_output_shape(self, input_shape: PartialShape) -> tuple[Any, ...]:
        """The input's shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "groups": self.groups,
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **options_config(self, "beta", "gamma"),
        }


class RMSNormalization(Layer):
    """Divides features by their root mean square, then scales them.

    Args:
        axis: Axis or axes of the features.
        epsilon: Added to the mean square.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        As the input.

    Reference:
        Zhang and Sennrich, 2019, https://arxiv.org/abs/1910.07467.

    Example:

    >>> layer = keras.layers.RMSNormalization()
    >>> layer(np.array([[3.0, 3.0]])).numpy().round(2).tolist()
    [[1.0, 1.0]]
    """

    _mixes_samples = samples_apart

    def __init__(
        self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon = epsilon

    def build(self, input_shape: PartialShape) -> None:
        """Make `scale`, of the sizes of the feature axes."""
        self.axis = self.axis if isinstance(self.axis, list) else [self.axis]
        shape = tuple(input_shape[a] for a in self.axis)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")

    def call(self, x: Any) -> Tensor:
        """The normalized inputs."""
        axis = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        return ops.rms_normalization(
            x, scale=self.scale, axis=axis, epsilon=self.epsilon
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class UnitNormalization(Layer):
    """Divides each vector by its Euclidean length.

    Args:
        axis: Axis or axes of the vectors.
        **kwargs: See `Layer`.

    Input shape:
        Any.

    Output shape:
        As the input.

    Raises:
        TypeError: If `axis` is no integer, nor a list of them.

    Example:

    >>> keras.layers.UnitNormalization()(np.array([[3.0, 4.0]])).numpy().tolist()
    [[0.6, 0.8]]
    """

    _mixes_samples = samples_apart

    def __init__(self, axis: Any = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(
                f"{self._label()}: axis={naming.shown(axis)}; expected an integer or a list."
            )
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.supports_masking = True
        self._build_at_init()

    def call(self, inputs: Tensor) -> Tensor:
        """The vectors at length 1."""
        axis = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        half = inputs.dtype in ("float16", "bfloat16")  # which squares leave
        x = ops.cast(inputs, "float32") if half else inputs
        squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
        least = _LEAST_HALF if inputs.dtype == "float16" else _LEAST
        return ops.cast(x * ops.rsqrt(ops.maximum(squares, least)), inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "axis": self.axis}


_LEAST = 1e-12  # of a squared length, against division by zero
_LEAST_HALF = 2.0**-28  # so that float16 holds the slope at zero, its inverse root
