"""BatchNormalization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from minikeras import naming, ops
from minikeras.engine.dtypes import is_float
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import (
    ArgumentError,
    options_config,
    set_options,
    weight,
)
from minikeras.layers.normalization.moments import Moments, average, moments
from minikeras.types import DTypeLike, Identifier, PartialShape
from minikeras.variable import Variable

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLIPPING = ("rmax", "rmin", "dmax")
# What renorm adds, in order.
_RENORM_WEIGHTS = ("moving_stddev", "renorm_mean", "renorm_stddev")


class BatchNormalization(Layer):
    """Makes each channel's mean 0 and variance 1 over the batch, then scales and shifts.

    While training, the statistics are those of the batch, and moving averages of them
    are kept; at inference (or with `layer.trainable = False`) the averages are used.

    Args:
        axis: The axis of channels; statistics are taken over all others.
        momentum: Weight of the old value in the moving averages.
        epsilon: Added to the variance.
        center: Whether to learn a shift `beta`.
        scale: Whether to learn a factor `gamma`.
        beta_initializer: First values of `beta`.
        gamma_initializer: First values of `gamma`.
        moving_mean_initializer: First values of the moving mean.
        moving_variance_initializer: First values of the moving variance.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Projection of `beta` after an update.
        gamma_constraint: Projection of `gamma` after an update.
        renorm: Whether to normalize with moving averages while training too, and learn
            as if with the batch's statistics (batch renormalization); for small batches.
        renorm_clipping: Dict with some of `"rmax"`, `"rmin"` and `"dmax"`: bounds of the
            factor (`rmin` to `rmax`) and of the shift (`-dmax` to `dmax`) by which the
            averages may differ from the batch. None: no bounds.
        renorm_momentum: Weight of the old value in the averages that `renorm` uses.
        synchronized: Whether the statistics of training are those of the whole batch, where
            several processes have a part of it each. Otherwise each takes those of its
            own part; the moving averages follow the mean of all in either case.
        **kwargs: See `Layer`.

    Call arguments:
        inputs: A tensor.
        training: Whether to use the batch's statistics, and to update the averages.
        mask: Booleans `(batch, steps)`, or `(batch, ...)` for all axes but the last; what is
            False does not count.

    Input shape:
        Any.

    Output shape:
        As the input.

    Raises:
        ValueError: If the axis is unknown or not there, or an option is not supported.

    Reference:
        Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167; for `renorm`, Ioffe,
        2017, https://arxiv.org/abs/1702.03275.

    Example:

    >>> layer = keras.layers.BatchNormalization()
    >>> y = layer(np.array([[1.0], [3.0]]), training=True)
    >>> y.numpy().round(2).tolist()
    [[-1.0], [1.0]]
    """

    moving_variance_initializer: Any
    moving_stddev: Variable
    renorm_mean: Variable
    renorm_stddev: Variable

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Identifier = "zeros",
        gamma_initializer: Identifier = "ones",
        moving_mean_initializer: Identifier = "zeros",
        moving_variance_initializer: Identifier = "ones",
        beta_regularizer: Identifier = None,
        gamma_regularizer: Identifier = None,
        beta_constraint: Identifier = None,
        gamma_constraint: Identifier = None,
        renorm: bool = False,
        renorm_clipping: Mapping[str, Any] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        unknown = set(renorm_clipping or ()) - set(_CLIPPING)
        if unknown:
            raise ValueError(
                f"{self._label()}: renorm_clipping has keys {sorted(unknown)}; expected some "
                f"of {', '.join(_CLIPPING)}."
            )
        if not isinstance(axis, int):
            if not isinstance(axis, (list, tuple)) or len(axis) != 1:
                raise ArgumentError(
                    f"{self._label()}: axis={naming.shown(axis)}; expected one integer."
                )
            axis = axis[0]
        self.axis = axis
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.synchronized = bool(synchronized)
        self.renorm = bool(renorm)
        self.renorm_clipping = (renorm_clipping or {}) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        set_options(
            self,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            moving_mean_initializer=moving_mean_initializer,
            moving_variance_initializer=moving_variance_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )
        self.supports_masking = True
        self.gamma: Any = None
        self.beta: Any = None
        self.moving_mean: Any = None
        self.moving_variance: Any = None

    def _mixes_samples(self, training: bool | None) -> bool:
        return bool(training)

    def build(self, input_shape: PartialShape) -> None:
        """Make `gamma`, `beta` and the moving averages, one number for each channel."""
        rank = len(input_shape)
        if not -rank <= self.axis < rank:
            raise ValueError(
                f"{self._label()}: axis={self.axis} is not there in an input of shape "
                f"{tuple(input_shape)}."
            )
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(
                f"{self._label()}: the size of axis {self.axis} must be known; got input "
                f"shape {tuple(input_shape)}."
            )
        shape = (channels,)
        self.gamma = weight(self, "gamma", shape) if self.scale else None
        self.beta = weight(self, "beta", shape) if self.center else None
        # Averages stay in float32 however the layer computes: small steps must not vanish.
        still: dict[str, Any] = {"trainable": False, "autocast": False}
        self.moving_mean = weight(self, "moving_mean", shape, **still)
        self.moving_variance = weight(self, "moving_variance", shape, **still)
        if self.renorm:
            for name in _RENORM_WEIGHTS:
                first = "zeros" if name == "renorm_mean" else self._first_deviation
                made = self.add_weight(
                    name=name, shape=shape, initializer=first, **still
                )
                setattr(self, name, made)
        self.input_spec = InputSpec(ndim=rank, axes={self.axis: channels})

    def _first_deviation(
        self, shape: PartialShape, dtype: DTypeLike | None = None
    ) -> Tensor:
        return ops.sqrt(self.moving_variance_initializer(shape, dtype))

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """The normalized inputs."""
        if mask is not None:
            _check_mask(mask, inputs, self._label())
        outer_dtype = inputs.dtype
        half = outer_dtype in ("float16", "bfloat16")
        if half or not is_float(outer_dtype):
            inputs = ops.cast(inputs, "float32" if half else self._run_dtype)
        scale, offset = self.gamma, self.beta
        if training and self.trainable:
            mean, variance = found = Moments(*self._moments(inputs, mask))
            if self.renorm:
                scale, offset = self._renormalized(found)
            self._remember(average(found, self.synchronized))
        else:
            mean = ops.cast(self.moving_mean, inputs.dtype)
            variance = ops.cast(self.moving_variance, inputs.dtype)
        outputs = ops.batch_normalization(
            inputs,
            mean=mean,
            variance=variance,
            axis=self.axis,
            offset=None if offset is None else ops.cast(offset, inputs.dtype),
            scale=None if scale is None else ops.cast(scale, inputs.dtype),
            epsilon=self.epsilon,
        )
        return ops.cast(outputs, outer_dtype) if half else outputs

    def _moments(self, inputs: Tensor, mask: Tensor | None) -> tuple[Any, Any]:
        """Mean and variance of each channel of a batch; subclasses may take others."""
        channel = self.axis % len(inputs.shape)
        return moments(inputs, channel, mask, self.synchronized)

    def _renormalized(self, found: Moments) -> tuple[Any, Any]:
        """Scale and offset that turn the batch's statistics into the averages.

        Those of the paper, `r` and `d`, joined with `gamma` and `beta`. The averages move
        after they were used.
        """
        mean, variance = found
        deviation = ops.sqrt(variance + self.epsilon)
        ratio = ops.divide(deviation, self.renorm_stddev)
        shift = ops.divide(mean - self.renorm_mean, self.renorm_stddev)
        limits = self.renorm_clipping or {}
        if limits.get("rmax") is not None:
            ratio = ops.minimum(ratio, limits["rmax"])
        if limits.get("rmin") is not None:
            ratio = ops.maximum(ratio, limits["rmin"])
        if limits.get("dmax") is not None:
            shift = ops.clip(shift, -limits["dmax"], limits["dmax"])
        ratio, shift = ops.stop_gradient(ratio), ops.stop_gradient(shift)
        common = average(Moments(mean, deviation), self.synchronized)
        _move(self.renorm_mean, common.mean, self.renorm_momentum)
        _move(self.renorm_stddev, common.variance, self.renorm_momentum)
        if self.gamma is not None:
            ratio, shift = ratio * self.gamma, shift * self.gamma
        return ratio, shift if self.beta is None else shift + self.beta

    def _remember(self, found: Moments) -> None:
        """Move the averages towards the batch's statistics."""
        mean, variance = found
        _move(self.moving_mean, mean, self.momentum)
        if not self.renorm:
            _move(self.moving_variance, variance, self.momentum)
            return
        # What is averaged here is the deviation; the variance follows it.
        _move(self.moving_stddev, ops.sqrt(variance + self.epsilon), self.momentum)
        squared = ops.square(self.moving_stddev) - self.epsilon
        self.moving_variance.assign(ops.maximum(squared, 0.0))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **options_config(self, "beta", "gamma", "moving_mean", "moving_variance"),
            "synchronized": self.synchronized,
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
        }


def _move(average: Variable, new: Tensor, momentum: float) -> None:
    """Move an average towards a new value."""
    new = ops.stop_gradient(ops.cast(new, average.dtype))
    average.assign(average * momentum + new * (1.0 - momentum))


def _check_mask(mask: Tensor, inputs: Tensor, owner: str) -> None:
    shape, sizes = tuple(mask.shape), tuple(inputs.shape)
    fits = all(a is None or b is None or a in (1, b) for a, b in zip(shape, sizes))
    if not 0 < len(shape) < len(sizes) or not fits:
        raise ValueError(
            f"{owner}: mask has shape {shape}; expected one dimension less than the inputs, "
            f"which have shape {sizes}, or only its first axes."
        )
