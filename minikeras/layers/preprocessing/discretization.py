"""Discretization: numbers to the ranges that they lie in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minikeras import naming, ops
from minikeras.budget import check_constant
from minikeras.engine import dtypes
from minikeras.engine.interpret import current
from minikeras.engine.staging import Abstract
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.batches import batches, numbers
from minikeras.layers.preprocessing.choices import one_of, refuse_sparse
from minikeras.layers.preprocessing.data_layer import DataLayer, encoded
from minikeras.layers.preprocessing.encoding import encoded_shape
from minikeras.layers.preprocessing.sketch import QuantileSketch
from minikeras.types import ArrayLike, PartialShape, PolicyLike
from minikeras.variable import Variable


class Discretization(DataLayer):
    """Gives each number the index of the range that it lies in.

    The ranges are given by their boundaries, or found by `adapt` so that each holds as
    many of the data. Boundaries `[0, 1]` make the ranges below 0, from 0 to below 1, and
    from 1 on; NaN goes into the last.

    Args:
        bin_boundaries: Boundaries in rising order.
        num_bins: How many ranges `adapt` is to find, instead.
        epsilon: By how much of the data a boundary may be off, in large data. Up to 131,072
            values it is exact.
        output_mode: `"int"` for the index; `"one_hot"` for a vector of zeros and a one
            for each; over the last axis `"multi_hot"` or `"count"`.
        sparse: Only False is supported.
        dtype: That of vectors; an index is int32.
        name: Name of the layer.

    Input shape:
        Any, or `(batch, values)`.

    Output shape:
        `"int"`: as the input. `"one_hot"`: `(..., bins)`, with the last axis of size 1
        left out. Otherwise `(batch, bins)`.

    Raises:
        ValueError: If neither or both of `bin_boundaries` and `num_bins` are given, or the
            layer is used before boundaries are known.

    Example:

    >>> layer = keras.layers.Discretization(num_bins=4)
    >>> layer.adapt([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]])
    >>> layer.bin_boundaries
    [0.0, 0.5, 1.3]
    >>> layer([-2.0, 0.0, 9.0]).tolist()
    [0, 1, 3]
    """

    def __init__(
        self,
        bin_boundaries: ArrayLike | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: PolicyLike | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.autocast = False  # to integers, where those are to be the result
        label = self._label()
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(
                f"{label}: Both `num_bins` and `bin_boundaries`, or neither; expected one of "
                f"them. Received: bin_boundaries={naming.shown(bin_boundaries)}, "
                f"num_bins={naming.shown(num_bins)}"
            )
        self._set_up(bin_boundaries, num_bins, epsilon)
        self.output_mode = one_of(
            output_mode, ("int", "one_hot", "multi_hot", "count"), "output_mode", label
        )
        self.sparse = refuse_sparse(sparse, label)
        self._build_at_init()

    def _set_up(self, boundaries: Any, count: object, epsilon: object) -> None:
        label = self._label()
        if count is not None and (
            not isinstance(count, (int, np.integer)) or count < 1
        ):
            raise ValueError(
                f"{label}: num_bins={naming.shown(count)}; expected an integer of at least 1."
            )
        if not isinstance(epsilon, (int, float)) or not 0 < epsilon < 1:
            raise ValueError(
                f"{label}: epsilon={epsilon!r}; expected a number between 0 and 1."
            )
        check_constant((int(count or 0),), "float64", label)
        self.num_bins: int | None = None if count is None else int(count)
        self.epsilon = float(epsilon)
        fields = self.__dict__
        fields["input_bin_boundaries"] = fields["bin_boundaries"] = None
        if boundaries is not None:
            fields["input_bin_boundaries"] = self._checked(boundaries)
            self._take(fields["input_bin_boundaries"])
        fields["_sketch"] = QuantileSketch(self.epsilon)

    def _take(self, boundaries: list[float]) -> None:
        fields = self.__dict__
        # Compiled programs read it anew, and it is no weight: a file has the numbers.
        values = np.asarray(boundaries, dtypes.floatx())
        fields["_held"] = Variable(values, trainable=False, name="bin_boundaries")
        fields["bin_boundaries"] = boundaries

    bin_boundaries: list[float] | None
    _held: Variable
    _sketch: QuantileSketch

    def _checked(self, boundaries: Sequence[float]) -> list[float]:
        array = np.asarray(boundaries)
        right = array.ndim == 1 and (array.dtype.kind in "fiu" or not array.size)
        if not right or np.isnan(array.astype("float64")).any():
            raise ValueError(
                f"{self._label()}: bin_boundaries={naming.shown(boundaries)}; "
                "expected a list of numbers."
            )
        if (np.diff(array) < 0).any():
            raise ValueError(
                f"{self._label()}: bin_boundaries={boundaries!r}; expected rising numbers."
            )
        listed: list[float] = array.astype("float64").tolist()
        return listed

    @property
    def output_dtype(self) -> str:
        """The dtype of the result."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    # --- adapting

    def adapt(self, data: ArrayLike | Iterable[Any], steps: int | None = None) -> None:
        """Find boundaries between which the data are spread evenly.

        What was found before is forgotten.

        Args:
            data: Numbers: an array or list, or what gives batches of them.
            steps: How many batches to take. Default: all.

        Raises:
            ValueError: If the boundaries were given, or the data hold no number or NaN. The
                layer is as before then.
        """
        self._refuse_given()
        label = self._label()
        sketch = QuantileSketch(self.epsilon)
        for batch in batches(data, label, steps):
            sketch.add(numbers(batch, label))
        if sketch.empty:
            raise ValueError(
                f"{label}: adapt() got no data; expected a number or more."
            )
        self._learn(sketch)

    def _refuse_given(self) -> None:
        if self.__dict__["input_bin_boundaries"] is not None:
            raise ValueError(
                f"{self._label()}: bin_boundaries were given: nothing to adapt. Make the layer "
                "with num_bins to find them."
            )

    def _learn(self, sketch: QuantileSketch) -> None:
        assert self.num_bins is not None
        fractions = np.arange(1, self.num_bins) / self.num_bins
        found = sketch.quantiles(fractions)
        if self.bin_boundaries is None:
            self._take(found.tolist())
            return
        self._held.assign(found.astype(self._held.dtype))
        self.__dict__["bin_boundaries"] = found.tolist()

    def update_state(self, data: ArrayLike) -> None:
        """Take a batch in; `finalize_state` finds the boundaries."""
        self._refuse_given()
        for batch in batches(data, self._label()):
            self._sketch.add(numbers(batch, self._label()))

    def finalize_state(self) -> None:
        """Find boundaries for what was taken in, if anything was."""
        given = self.__dict__["input_bin_boundaries"] is not None
        if not given and not self._sketch.empty:
            self._learn(self._sketch)

    def reset_state(self) -> None:
        """Forget what was taken in; the boundaries stay until others are found."""
        self.__dict__["_sketch"] = QuantileSketch(self.epsilon)

    # --- running

    def _size(self) -> int:
        boundaries = self.bin_boundaries
        if boundaries is not None:
            return len(boundaries) + 1
        assert self.num_bins is not None
        return self.num_bins

    def call(self, inputs: ArrayLike) -> Tensor:
        """The index of each number's range, or vectors of them."""
        boundaries: Any = None
        if self.bin_boundaries is not None:
            boundaries = self._held
        elif isinstance(current(), Abstract):
            boundaries = np.zeros(self._size() - 1, dtypes.floatx())  # of that shape
        else:
            raise ValueError(
                f"{self._label()} has no boundaries yet. You need to give bin_boundaries, "
                "or to call `adapt()` on data."
            )
        dtype = self.compute_dtype
        dtype = dtype if dtypes.is_float(dtype) else dtypes.floatx()
        inputs = ops.cast(inputs, dtype)
        ids = ops.digitize(inputs, ops.cast(boundaries, dtype))
        ids = ops.where(ops.isnan(inputs), self._size() - 1, ids)
        if self.output_mode == "int":
            return ops.cast(ids, "int32")
        return encoded(ids, self.output_mode, self._size(), self.compute_dtype)

    def compute_output_shape(self, input_shape: PartialShape) -> tuple[int | None, ...]:
        """The result's shape, for inputs of this shape."""
        return encoded_shape(tuple(input_shape), self.output_mode, self._size())

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer, with the boundaries that were found."""
        return {
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Discretization:
        """The layer that `get_config` described; with both, the boundaries were found."""
        config = dict(config)
        found = config.get("bin_boundaries")
        if found is None or config.get("num_bins") is None:
            return super().from_config(config)
        config["bin_boundaries"] = None
        layer = super().from_config(config)
        layer._take(layer._checked(found))
        return layer
