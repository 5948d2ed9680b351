"""Hashing: categories to a fixed number of bins, without a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from minikeras import naming
from minikeras.engine import dtypes
from minikeras.engine.symbolic import KerasTensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.preprocessing import fingerprints
from minikeras.layers.preprocessing.choices import check_salt, one_of, refuse_sparse
from minikeras.layers.preprocessing.encoding import Array, encode, encoded_shape
from minikeras.layers.preprocessing.host import HostLayer
from minikeras.layers.preprocessing.vocabulary import to_bytes

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


class Hashing(HostLayer):
    """Puts strings or integers into bins by a hash.

    The hash is FarmHash's Fingerprint64, with a salt SipHash-2-4; integers are hashed by
    their digits. Both are fixed for ever, and the bins are TensorFlow's. It runs in NumPy:
    on arrays, in a data pipeline, or as a model's first layer.

    Args:
        num_bins: The number of bins, with that of the mask.
        mask_value: What stands for nothing and goes into bin 0, which has nothing else in
            it then; None: there is none.
        salt: An integer or two, the key of the other hash; None: no salt.
        output_mode: `"int"` for the bins; `"one_hot"`, `"multi_hot"` or `"count"` for
            vectors, as in `StringLookup`.
        sparse: Only False is supported.
        **kwargs: See `Layer`; the dtype is that of the result: int64, and float for vectors.

    Input shape:
        Any, or `(batch, tokens)`.

    Output shape:
        As that of `StringLookup`.

    Raises:
        ValueError: If an argument is wrong.

    Reference:
        Aumasson and Bernstein, 2012, "SipHash: a fast short-input PRF".

    Example:

    >>> keras.layers.Hashing(num_bins=3)([["A"], ["B"], ["C"]]).tolist()
    [[1], [0], [1]]
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else dtypes.floatx()
        super().__init__(**kwargs)
        label = self._label()
        self.num_bins = _positive(num_bins, label)
        self.output_mode = one_of(
            output_mode, ("int", "one_hot", "multi_hot", "count"), "output_mode", label
        )
        self.salt = check_salt(salt, label)
        self.mask_value = mask_value
        self.sparse = refuse_sparse(sparse, label)
        self._check_dtype()

    def _check_dtype(self) -> None:
        if self.output_mode == "int" and not dtypes.is_integer(self.compute_dtype):
            raise ValueError(
                f"{self._label()}: dtype={self.compute_dtype!r} with output_mode='int'; "
                "expected an integer dtype."
            )

    def _run_on_host(self, *inputs: Array) -> Array:
        array = inputs[0]
        masked = self._masked(array) if self.num_bins > 1 else None
        bins = self.num_bins - (masked is not None)
        values, places = distinct(array)
        ids = fingerprints.bins(values, bins, self.salt)[places].reshape(array.shape)
        if masked is not None:
            ids = np.where(masked, 0, ids + 1)
        if self.output_mode == "int":
            return ids.astype(self.compute_dtype)
        return encode(ids, self.output_mode, self.num_bins, self.compute_dtype)

    def _masked(self, array: Array) -> Array | None:
        if self.mask_value is None:
            return None
        mask = self.mask_value
        text = isinstance(mask, (str, bytes))
        if text != (array.dtype.kind not in "fiub"):
            raise ValueError(
                f"{self._label()}: mask_value={mask!r}, and the inputs have dtype "
                f"{array.dtype}; expected both to be strings, or both integers."
            )
        if not text:
            return np.asarray(array == mask)
        wanted = mask if isinstance(mask, bytes) else to_bytes(mask)
        same = [token == wanted for token in utf8(array)]
        return np.array(same, bool).reshape(array.shape)

    def compute_output_spec(self, inputs: Tensor) -> KerasTensor:
        """The result's shape and dtype, as a KerasTensor."""
        shape = encoded_shape(inputs.shape, self.output_mode, self.num_bins)
        return KerasTensor(shape, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }


def _positive(count: object, owner: str) -> int:
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(
            f"{owner}: num_bins={naming.shown(count)}; expected an integer of at least 1."
        )
    return int(count)


def utf8(array: Array) -> list[bytes]:
    """Strings, and integers by their digits, as bytes."""
    flat = array.ravel().tolist()
    if array.dtype.kind in "iub":
        return [b"%d" % v for v in flat]
    if array.dtype.kind == "f":
        return [b"%d" % int(v) for v in flat]
    return [v if isinstance(v, bytes) else to_bytes(v) for v in flat]


def distinct(array: Array) -> tuple[list[bytes], Array]:
    """The different values of an array, as bytes, and which of them each element is."""
    values = utf8(array)
    numbers: dict[bytes, int] = {}
    places = [numbers.setdefault(v, len(numbers)) for v in values]
    return list(numbers), np.array(places, "int64")
