"""Input: where data enters a functional model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import naming
from minikeras.engine import dtypes
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.warn import warn_user
from minikeras.layers.base.keywords import PenaltyOptions, PlainOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.node import Node
from minikeras.layers.base.options import as_integer, samples_apart
from minikeras.types import DTypeLike

if TYPE_CHECKING:
    from minikeras.types import ShapeLike


Shape = Sequence[int | None]


class _Options(PlainOptions, PenaltyOptions, total=False):
    input_dim: int


class InputLayer(Layer):
    """The layer behind `keras.Input`; it gives its tensor on.

    Args:
        shape: Sizes without the batch axis, None where unknown.
        batch_size: Size of the batch axis.
        dtype: Dtype of the data; default `floatx()`.
        sparse: Only False is supported.
        ragged: Only False is supported.
        batch_shape: Sizes with the batch axis, instead of `shape`.
        input_tensor: A KerasTensor to use instead of a new one.
        optional: Whether the model may be called with None here.
        name: Default `input_layer`, `input_layer_1`, ...

    Output shape:
        `(batch, *shape)`.

    Raises:
        ValueError: If neither or both of the shapes are given.

    Example:

    >>> model = keras.Sequential([keras.layers.InputLayer((3,)), keras.layers.Dense(2)])
    >>> model.output_shape
    (None, 2)
    """

    _mixes_samples = samples_apart

    def __init__(
        self,
        shape: Shape | None = None,
        batch_size: int | None = None,
        dtype: DTypeLike | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Shape | None = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Unpack[_Options],
    ) -> None:
        if "input_shape" in kwargs and shape is None:
            warn_user("InputLayer: input_shape= is an older name; use shape=.")
            given = kwargs.pop("input_shape")
            shape = (given,) if isinstance(given, int) else given
        if "batch_input_shape" in kwargs and batch_shape is None:
            batch_shape = kwargs.pop("batch_input_shape")
        super().__init__(name=name, **kwargs)
        if sparse or ragged:
            raise ValueError(
                f"{self._label()}: sparse and ragged inputs are not supported."
            )
        if batch_size is not None and batch_shape is not None and input_tensor is None:
            raise ValueError(
                f"{self._label()}: got batch_size={batch_size} and batch_shape={batch_shape}, "
                "which says the batch size too; expected one of them."
            )
        if input_tensor is not None:
            if shape is not None and batch_shape is None:
                batch_shape = (input_tensor.shape[0], *shape)
            self._check_tensor(input_tensor, batch_size, batch_shape, dtype)
            batch_shape, dtype = input_tensor.shape, input_tensor.dtype
        elif (shape is None) == (batch_shape is None):
            raise ValueError(
                f"{self._label()}: give either shape (without the batch axis) or batch_shape; "
                f"got shape={shape}, batch_shape={batch_shape}."
            )
        if batch_shape is None:
            assert shape is not None
            batch_shape = (batch_size, *_checked(shape, "shape"))
        self._batch_shape = _checked(batch_shape, "batch_shape")
        self._dtype = dtypes.standardize(dtype)
        self.sparse = self.ragged = False
        self.optional = bool(optional)
        tensor = input_tensor
        if tensor is None:
            tensor = KerasTensor(self._batch_shape, self._dtype, name=self.name)
        Node(self, (), {}, tensor)
        self._build_at_init()

    def _check_tensor(
        self,
        tensor: object,
        batch_size: object,
        batch_shape: Sequence[int | None] | None,
        dtype: DTypeLike | None,
    ) -> None:
        if not isinstance(tensor, KerasTensor):
            raise ValueError(
                f"{self._label()}: input_tensor={tensor!r} of type {type(tensor).__name__}; "
                "expected a KerasTensor."
            )
        wrong = (
            (dtype is not None and dtypes.standardize(dtype) != tensor.dtype)
            or (batch_size is not None and batch_size != tensor.shape[0])
            or (batch_shape is not None and tuple(batch_shape) != tensor.shape)
        )
        if wrong:
            raise ValueError(
                f"{self._label()}: input_tensor has shape {tensor.shape} and dtype "
                f"{tensor.dtype}; got dtype={dtype}, batch_size={batch_size}, "
                f"batch_shape={batch_shape} besides, which differ."
            )

    def call(self) -> None:
        """An input layer is not called; models feed its tensor."""

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The sizes with the batch axis."""
        return self._batch_shape

    @property
    def dtype(self) -> str:
        """The dtype of the data."""
        return self._dtype

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            "batch_shape": self._batch_shape,
            "dtype": self._dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": self.optional,
        }

    def __getstate__(self) -> dict[str, Any]:
        return {
            k: v for k, v in super().__getstate__().items() if k != "_inbound_nodes"
        }

    def __setstate__(self, fields: dict[str, Any]) -> None:
        super().__setstate__(fields)
        self.__dict__["_inbound_nodes"] = []
        Node(self, (), {}, KerasTensor(self._batch_shape, self._dtype, name=self.name))


def _checked(shape: ShapeLike, name: str) -> tuple[int | None, ...]:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    for size in shape:
        whole = 0 if size is None else as_integer(size)
        if whole is None or whole < 0:
            raise ValueError(
                f"Input: {name}={naming.shown(shape)}; expected sizes that are integers, or None."
            )
    return tuple(None if s is None else int(s) for s in shape)


def Input(
    shape: Shape | None = None,
    batch_size: int | None = None,
    dtype: DTypeLike | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Shape | None = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor that stands for data: the start of a functional model.

    Args:
        shape: Sizes without the batch axis, None where unknown.
        batch_size: Size of the batch axis, if it is fixed.
        dtype: Dtype of the data; default `floatx()`.
        sparse: Only False is supported.
        ragged: Only False is supported.
        batch_shape: Sizes with the batch axis, instead of `shape`.
        name: Name of the input; dict data is matched by it.
        tensor: A KerasTensor to use instead of a new one.
        optional: Whether the model may be called with None here.

    Returns:
        A KerasTensor of shape `(batch, *shape)`.

    Raises:
        ValueError: If neither or both of `shape` and `batch_shape` are given.

    Example:

    >>> x = keras.Input((3,), name="pixels")
    >>> y = keras.layers.Dense(2)(x)
    >>> keras.Model(x, y).output_shape
    (None, 2)
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        name=name,
        input_tensor=tensor,
        optional=optional,
    )
    made: KerasTensor = layer._inbound_nodes[0].outputs
    return made
