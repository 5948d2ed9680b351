"""Dropout of whole channels."""

from __future__ import annotations

from typing import Any

from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.options import data_format as checked_format
from minikeras.layers.regularization.noise import Dropout
from minikeras.types import PolicyLike


class _SpatialDropout(Dropout):
    """Dropout of whole channels; subclasses say the rank."""

    _rank = 1

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = checked_format(data_format, self._label())
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def _get_noise_shape(self, inputs: Tensor) -> tuple[Any, ...]:
        """The shape of the mask; subclasses may share it along other axes."""
        ones = (1,) * self._rank
        if self.data_format == "channels_first":
            return (inputs.shape[0], inputs.shape[1], *ones)
        return (inputs.shape[0], *ones, inputs.shape[-1])

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = {**super().get_config(), "data_format": self.data_format}
        config["dtype"] = self.dtype_policy.name  # as Keras writes it here
        return {
            k: v for k, v in config.items() if k not in ("noise_shape", "trainable")
        }


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of sequences.

    Args:
        rate: Fraction of the channels that is set to 0 while training.
        seed: Integer, for the same masks in every run.
        name: Name of the layer.
        dtype: Dtype or dtype policy.

    Input shape:
        `(batch, steps, channels)`.

    Output shape:
        As the input.

    Raises:
        ValueError: If the rate is not from 0 to 1.

    Reference:
        Tompson et al., 2014, https://arxiv.org/abs/1411.4280.

    Example:

    >>> y = keras.layers.SpatialDropout1D(0.5, seed=1)(np.ones((1, 9, 4)), training=True)
    >>> bool((y.numpy() == y.numpy()[:, :1]).all())
    True
    """

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(rate, "channels_last", seed, name, dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = super().get_config()
        del config["data_format"]
        return config


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of pictures.

    Args:
        rate: Fraction of the channels that is set to 0 while training.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        seed: Integer, for the same masks in every run.
        name: Name of the layer.
        dtype: Dtype or dtype policy.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        As the input.

    Raises:
        ValueError: If the rate is not from 0 to 1.

    Reference:
        Tompson et al., 2014, https://arxiv.org/abs/1411.4280.

    Example:

    >>> keras.layers.SpatialDropout2D(0.5)(np.ones((1, 4, 4, 3))).shape
    (1, 4, 4, 3)
    """

    _rank = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of volumes.

    Args:
        rate: Fraction of the channels that is set to 0 while training.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        seed: Integer, for the same masks in every run.
        name: Name of the layer.
        dtype: Dtype or dtype policy.

    Input shape:
        `(batch, depth, rows, columns, channels)`, or with `channels` second.

    Output shape:
        As the input.

    Raises:
        ValueError: If the rate is not from 0 to 1.

    Example:

    >>> keras.layers.SpatialDropout3D(0.5)(np.ones((1, 2, 2, 2, 3))).shape
    (1, 2, 2, 2, 3)
    """

    _rank = 3
