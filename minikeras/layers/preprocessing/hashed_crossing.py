"""HashedCrossing: combinations of categories to a fixed number of bins."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from minikeras import naming
from minikeras.engine import dtypes
from minikeras.engine.symbolic import KerasTensor
from minikeras.layers.base.keywords import PenaltyOptions, PlainOptions
from minikeras.layers.preprocessing import fingerprints
from minikeras.layers.preprocessing.choices import one_of, refuse_sparse
from minikeras.layers.preprocessing.encoding import Array, encode, encoded_shape
from minikeras.layers.preprocessing.hashing import distinct
from minikeras.layers.preprocessing.host import HostLayer
from minikeras.types import PolicyLike


class _Options(PlainOptions, PenaltyOptions, total=False):
    """What it does not name."""


class HashedCrossing(HostLayer):
    """Puts combinations of two features or more into bins by a hash.

    Strings are hashed by FarmHash's Fingerprint64, integers stand for themselves, and
    those of a sample are joined to one hash; the bins are TensorFlow's. It runs in NumPy:
    on arrays, in a data pipeline, or as a model's first layer.

    Args:
        num_bins: The number of bins.
        output_mode: `"int"` for the bins, `"one_hot"` for vectors.
        sparse: Only False is supported.
        name: Name of the layer.
        dtype: That of the result. Default: int64, and float for vectors.
        **kwargs: See `Layer`.

    Input shape:
        A list or tuple of two features or more, of strings or integers, each `(batch,)`,
        `(batch, 1)` or `()`.

    Output shape:
        That of the features; with `"one_hot"` `(batch, num_bins)`.

    Raises:
        ValueError: If an argument is wrong, or the features differ in shape.

    Example:

    >>> layer = keras.layers.HashedCrossing(num_bins=5)
    >>> layer((["A", "B", "A"], [101, 101, 102])).tolist()
    [1, 4, 3]
    """

    _takes_many = True

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: PolicyLike | None = None,
        **kwargs: Unpack[_Options],
    ) -> None:
        if dtype is None:
            dtype = "int64" if output_mode == "int" else dtypes.floatx()
        super().__init__(name=name, dtype=dtype, **kwargs)
        label = self._label()
        if not isinstance(num_bins, (int, np.integer)) or num_bins < 1:
            raise ValueError(
                f"{label}: num_bins={naming.shown(num_bins)}; expected an integer of at least 1."
            )
        self.num_bins = int(num_bins)
        self.output_mode = one_of(output_mode, ("int", "one_hot"), "output_mode", label)
        self.sparse = refuse_sparse(sparse, label)
        if output_mode == "int" and not dtypes.is_integer(self.compute_dtype):
            raise ValueError(
                f"{label}: dtype={self.compute_dtype!r} with output_mode='int'; expected an "
                "integer dtype."
            )

    def _run_on_host(self, *inputs: Array) -> Array:
        self._check([a.shape for a in inputs])
        for array in inputs:
            if array.dtype.kind == "f":
                raise ValueError(
                    f"{self._label()}: inputs should have an integer or string dtype; got "
                    f"values of dtype {array.dtype}."
                )
        features = [_hashes(a) for a in inputs]
        ids = fingerprints.crossed_bins(features, self.num_bins)
        ids = ids.reshape(inputs[0].shape)
        if self.output_mode == "int":
            return ids.astype(self.compute_dtype)
        return encode(ids, "one_hot", self.num_bins, self.compute_dtype)

    def _check(self, shapes: list[tuple[int | None, ...]]) -> None:
        if len(shapes) < 2:
            raise ValueError(
                f"{self._label()}: got {len(shapes)} features; it should be called on a list "
                "or tuple of at least two inputs."
            )
        for shape in shapes:
            if len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
                raise ValueError(
                    f"{self._label()}: inputs should have shape (batch,), (batch, 1) or (); "
                    f"got a feature of shape {tuple(shape)}."
                )
        if len({tuple(s) for s in shapes}) > 1:
            raise ValueError(
                f"{self._label()}: got features of shapes "
                f"{', '.join(str(tuple(s)) for s in shapes)}; expected equal ones."
            )

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """The result's shape and dtype, as a KerasTensor."""
        many = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        shapes = [tuple(t.shape) for t in many]
        self._check(shapes)
        shape = encoded_shape(shapes[0], self.output_mode, self.num_bins)
        return KerasTensor(shape, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The result's shape, for a list of the features' shapes."""
        spec = self.compute_output_spec(
            [KerasTensor(shape, dtypes.STRING) for shape in input_shape]
        )
        return spec.shape

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.compute_dtype,
        }


def _hashes(array: Array) -> Array:
    """One feature: the hash of each string, or the integers themselves."""
    if array.dtype.kind in "iub":
        return array.ravel().astype("int64").view("uint64")
    values, places = distinct(array)
    return fingerprints.hashed(values)[places]
