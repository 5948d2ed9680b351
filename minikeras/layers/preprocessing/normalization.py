"""Normalization: mean 0 and variance 1, by statistics of the data."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from minikeras import naming, ops, settings
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.options import ArgumentError
from minikeras.layers.preprocessing.batches import batches, gives_batches, numbers
from minikeras.layers.preprocessing.data_layer import DataLayer
from minikeras.layers.preprocessing.moments import Moments
from minikeras.types import ArrayLike, PartialShape

if TYPE_CHECKING:
    from minikeras.types import Axis


class Normalization(DataLayer):
    """Subtracts the mean of the data and divides by their standard deviation.

    Mean and variance are found by `adapt`, or given. Computes
    `(inputs - mean) / max(sqrt(variance), epsilon())`.

    Args:
        axis: The axis or axes that keep statistics of their own for each index, such as
            that of the features; None: one mean and variance for everything.
        mean: Means that broadcast against the sizes of those axes.
        variance: Variances; with `mean`.
        invert: Whether to do the reverse: from normalized values back to the data's.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, ..., features)`; the sizes of `axis` must be known.

    Output shape:
        As the input.

    Raises:
        ValueError: If only one of `mean` and `variance` is given, or an axis is out of
            range.

    Example:

    >>> layer = keras.layers.Normalization()
    >>> layer.adapt(np.array([[0.0, 7.0, 4.0], [2.0, 9.0, 6.0]]))
    >>> layer(np.array([[0.0, 9.0, 5.0]])).numpy().tolist()
    [[-1.0, 1.0, 0.0]]
    """

    def __init__(
        self,
        axis: Axis = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        axes = () if axis is None else axis
        self.axis = tuple(axes) if isinstance(axes, (list, tuple)) else (axes,)
        if not all(isinstance(a, (int, np.integer)) for a in self.axis):
            raise ValueError(
                f"{self._label()}: axis={naming.shown(axis)}; "
                "expected an integer, a tuple of them, or None."
            )
        self.invert = bool(invert)
        self.supports_masking = True
        if (mean is None) != (variance is None):
            raise ValueError(
                f"{self._label()}: mean={naming.shown(mean)} and "
                f"variance={naming.shown(variance)}; expected both, or neither "
                "and a call of adapt()."
            )
        self.input_mean = _plain(mean)
        self.input_variance = _plain(variance)
        self._given: tuple[Any, Any] | None = None
        self._kept_shape: tuple[int, ...] = ()
        self._rank = 0

    def build(self, input_shape: Any) -> None:
        """Make `mean`, `variance` and `count`, unless they were given."""
        self._rank = rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(
                f"{self._label()}: axis={self.axis} of inputs of shape {tuple(input_shape)}; "
                f"expected axes from {-rank} to {rank - 1}."
            )
        kept = self._kept()
        sizes = tuple(input_shape[a] for a in kept)
        if None in sizes:
            raise ValueError(
                f"{self._label()}: axis={self.axis} of inputs of shape {tuple(input_shape)}: "
                "the sizes of these axes must be known. Give keras.Input a whole shape."
            )
        self._kept_shape = tuple(
            input_shape[a] if a in kept else 1 for a in range(rank)
        )
        if self.input_mean is not None:
            self._given = (
                self._spread(self.input_mean, "mean", sizes),
                self._spread(self.input_variance, "variance", sizes),
            )
            return
        self.adapt_mean = self.add_weight(
            name="mean", shape=sizes, initializer="zeros", trainable=False
        )
        self.adapt_variance = self.add_weight(
            name="variance", shape=sizes, initializer="ones", trainable=False
        )
        # Not used since Keras 3; files have it.
        self.count = self.add_weight(
            name="count", shape=(), dtype="int64", initializer="zeros", trainable=False
        )

    def _kept(self) -> tuple[int, ...]:
        """The axes with statistics of their own, from 0, in order."""
        return tuple(sorted({a % self._rank for a in self.axis}))

    def _spread(
        self, value: ArrayLike, name: str, sizes: tuple[int, ...]
    ) -> np.ndarray[Any, Any]:
        array = np.asarray(value, "float64")
        try:
            whole = np.broadcast_to(array, sizes)
        except ValueError:
            raise ValueError(
                f"{self._label()}: {name} of shape {array.shape} does not broadcast to "
                f"{sizes}, the sizes of axis={self.axis}."
            ) from None
        return whole.reshape(self._kept_shape).astype(settings.floatx())

    def adapt(self, data: ArrayLike | Iterable[Any]) -> None:
        """Find mean and variance; what was found before is forgotten.

        Args:
            data: An array `(samples, ...)`; or what gives batches: a Dataset, a
                PyDataset, a generator. Of a batch `(x, y)` the first part counts. Samples
                without a batch axis are taken too, if they are vectors.

        Raises:
            ValueError: If mean and variance were given, the data hold no sample or NaN,
                or their shape is not that of the inputs. The layer is as before then.
        """
        label = self._label()
        if self.input_mean is not None:
            raise ValueError(
                f"{label}: mean and variance were given: nothing to adapt."
            )
        pieces = gives_batches(data)
        moments = None
        for batch in batches(data, label):
            if pieces and batch.ndim == 1 and self.axis:
                batch = batch[None]
            batch = numbers(batch, label)
            if moments is None:
                self._check_data(batch)
                moments = Moments(self._reduced(batch.ndim))
            moments.add(batch)
        if moments is None or not moments.count:
            raise ValueError(
                f"{label}: adapt() got no data; expected a sample or more."
            )
        if not self.built:
            self.build(moments.shape)
            self.built = True
        sizes = self.adapt_mean.shape
        self.adapt_mean.assign(moments.mean.reshape(sizes).astype(self.dtype))
        self.adapt_variance.assign(moments.variance.reshape(sizes).astype(self.dtype))

    def _reduced(self, rank: int) -> tuple[int, ...]:
        kept = {a % rank for a in self.axis}
        return tuple(a for a in range(rank) if a not in kept)

    def _check_data(self, batch: np.ndarray[Any, Any]) -> None:
        rank = batch.ndim
        if any(not -rank <= a < rank for a in self.axis):
            raise ArgumentError(
                f"{self._label()}: axis={self.axis} of data of shape {batch.shape}; expected "
                f"axes from {-rank} to {rank - 1}."
            )
        if not self.built:
            return
        kept = self._kept()
        wanted = tuple(s if a in kept else None for a, s in enumerate(self._kept_shape))
        same = rank == self._rank and all(
            batch.shape[a] == self._kept_shape[a] for a in kept
        )
        if not same:
            raise ValueError(
                f"{self._label()}: adapt() got data of shape {batch.shape}; the layer is "
                f"built for {wanted}."
            )

    def finalize_state(self) -> None:
        """Nothing: what `adapt` found is used at once."""

    @property
    def mean(self) -> Any:
        """The means, in a shape that broadcasts against the inputs; None if not built."""
        return self._statistic(0)

    @property
    def variance(self) -> Any:
        """The variances, in the same shape."""
        return self._statistic(1)

    def _statistic(self, which: int) -> Any:
        if not self.built:
            return None
        if self._given is not None:
            return ops.convert_to_tensor(self._given[which])
        return ops.reshape(
            (self.adapt_mean, self.adapt_variance)[which], self._kept_shape
        )

    def call(self, inputs: Tensor) -> Tensor:
        """The normalized inputs, or with `invert` the restored ones."""
        self._check_sizes(inputs.shape)
        dtype = self.compute_dtype
        mean = ops.cast(self._statistic(0), dtype)
        deviation = ops.sqrt(ops.cast(self._statistic(1), dtype))
        deviation = ops.maximum(deviation, settings.epsilon())
        inputs = ops.cast(inputs, dtype)
        if self.invert:
            return mean + inputs * deviation
        return (inputs - mean) / deviation

    def _check_sizes(self, shape: tuple[int, ...]) -> None:
        if len(shape) != self._rank:
            return  # a sample without its batch axis broadcasts
        for axis in self._kept():
            if shape[axis] != self._kept_shape[axis]:
                raise ValueError(
                    f"{self._label()}: got inputs of shape {tuple(shape)}, whose axis {axis} "
                    f"has another size than the {self._kept_shape[axis]} of the statistics."
                )

    def compute_output_shape(self, input_shape: PartialShape) -> tuple[int | None, ...]:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unadapted layer."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": self.input_mean,
            "variance": self.input_variance,
        }

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Take mean and variance from a file, and build by their shape if need be."""
        if not self.built and self.input_mean is None and len(store):
            sizes = np.shape(store["0"])
            if len(sizes) == 1 and self.axis == (-1,):
                self.build((None, *sizes))
                self.built = True
        super().load_own_variables(store)


def _plain(value: ArrayLike) -> Any:
    """Numbers as a config holds them."""
    return None if value is None else np.asarray(value, "float64").tolist()
