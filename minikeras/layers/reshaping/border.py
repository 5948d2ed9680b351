"""Borders: zero padding and cropping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import naming, ops
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import data_format as checked_format
from minikeras.layers.base.options import samples_apart

if TYPE_CHECKING:
    from minikeras.types import ArrayLike, Sizes


Pairs = tuple[tuple[int, int], ...]


def _pairs(value: Any, rank: int, name: str, owner: str) -> Pairs:
    """(before, after) for each spatial axis, out of one number, one each, or pairs."""
    try:
        if isinstance(value, int):
            found: Pairs = ((value, value),) * rank
        elif rank == 1 and all(isinstance(v, int) for v in value) and len(value) == 2:
            found = ((value[0], value[1]),)
        elif rank == 1 and len(value) == 1 and isinstance(value[0], int):
            found = ()  # neither a number nor a pair
        else:
            found = tuple((v, v) if isinstance(v, int) else (int(v[0]), int(v[1]))
                          for v in value if isinstance(v, int) or len(v) == 2)  # fmt: skip
    except (TypeError, IndexError):
        found = ()
    if len(found) != rank or min(n for pair in found for n in pair) < 0:
        raise ValueError(
            f"{owner}: {name}={naming.shown(value)}; "
            f"expected an integer, or for each of the {rank} "
            "spatial axes an integer or a pair (before, after), none negative."
        )
    return found


class _Border(Layer):
    """What the layers here share: a data format, and a rank to check."""

    _mixes_samples = samples_apart

    _rank = 2

    def _set_format(self, data_format: str | None) -> None:
        self.data_format = checked_format(data_format, self._label())
        self.input_spec = InputSpec(ndim=self._rank + 2)

    @property
    def _first_axis(self) -> int:
        return 1 if self.data_format == "channels_last" else 2

    def _by_axis(self, values: Sequence[ArrayLike], other: object) -> list[Any]:
        """One value for each axis of the input: `values` in the spatial ones."""
        found = [other] * (self._rank + 2)
        found[self._first_axis : self._first_axis + self._rank] = list(values)
        return found


class ZeroPadding1D(_Border):
    """Adds zeros at the ends of the spatial axes.

    Args:
        padding: How many: one number, one for each axis, or pairs `(before, after)`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`.

    Output shape:
        As the input, with longer spatial axes.

    Raises:
        ValueError: If `padding` is not understood.

    Example:

    >>> keras.layers.ZeroPadding1D(1)(np.ones((2, 3, 4))).shape
    (2, 5, 4)
    """

    _rank = 1

    def __init__(
        self,
        padding: Sizes = 1,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_format(data_format)
        self._pads = _pairs(padding, 1, "padding", self._label())
        self.padding = self._pads[0]

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs with a border of zeros."""
        return ops.pad(inputs, tuple(self._by_axis(self._pads, (0, 0))))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "padding": self.padding,
            "data_format": self.data_format,
        }


class ZeroPadding2D(_Border):
    """Adds zeros at the ends of the spatial axes.

    Args:
        padding: How many: one number, one for each axis, or pairs `(before, after)`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        As the input, with longer spatial axes.

    Raises:
        ValueError: If `padding` is not understood.

    Example:

    >>> keras.layers.ZeroPadding2D(1)(np.ones((2, 3, 3, 4))).shape
    (2, 5, 5, 4)
    """

    _rank = 2

    def __init__(
        self,
        padding: object = (1, 1),
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_format(data_format)
        self._pads = _pairs(padding, 2, "padding", self._label())
        self.padding = self._pads

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs with a border of zeros."""
        return ops.pad(inputs, tuple(self._by_axis(self._pads, (0, 0))))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "padding": self.padding,
            "data_format": self.data_format,
        }


class ZeroPadding3D(_Border):
    """Adds zeros at the ends of the spatial axes.

    Args:
        padding: How many: one number, one for each axis, or pairs `(before, after)`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, depth, rows, columns, channels)`, or with `channels` second.

    Output shape:
        As the input, with longer spatial axes.

    Raises:
        ValueError: If `padding` is not understood.

    Example:

    >>> keras.layers.ZeroPadding3D(1)(np.ones((1, 3, 3, 3, 4))).shape
    (1, 5, 5, 5, 4)
    """

    _rank = 3

    def __init__(
        self,
        padding: object = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_format(data_format)
        self._pads = _pairs(padding, 3, "padding", self._label())
        self.padding = self._pads

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs with a border of zeros."""
        return ops.pad(inputs, tuple(self._by_axis(self._pads, (0, 0))))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "padding": self.padding,
            "data_format": self.data_format,
        }


class Cropping1D(_Border):
    """Cuts off the ends of the spatial axes.

    Args:
        cropping: How much: one number, one for each axis, or pairs `(before, after)`.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`.

    Output shape:
        As the input, with shorter spatial axes.

    Raises:
        ValueError: If `cropping` is not understood.
        ShapeError: When called, if nothing would be left.

    Example:

    >>> keras.layers.Cropping1D(1)(np.ones((2, 5, 4))).shape
    (2, 3, 4)
    """

    _rank = 1

    def __init__(
        self,
        cropping: Sizes | Sequence[Sequence[int]] = (1, 1),
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_format("channels_last")
        self._cuts = _pairs(cropping, 1, "cropping", self._label())
        self.cropping = self._cuts[0]

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs without their border."""
        return _cropped(inputs, self._by_axis(self._cuts, (0, 0)))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "cropping": self.cropping}


class Cropping2D(_Border):
    """Cuts off the ends of the spatial axes.

    Args:
        cropping: How much: one number, one for each axis, or pairs `(before, after)`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        As the input, with shorter spatial axes.

    Raises:
        ValueError: If `cropping` is not understood.
        ShapeError: When called, if nothing would be left.

    Example:

    >>> keras.layers.Cropping2D(1)(np.ones((2, 5, 5, 4))).shape
    (2, 3, 3, 4)
    """

    _rank = 2

    def __init__(
        self,
        cropping: Sizes | Sequence[Sequence[int]] = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_format(data_format)
        self._cuts = _pairs(cropping, 2, "cropping", self._label())
        self.cropping = self._cuts

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs without their border."""
        return _cropped(inputs, self._by_axis(self._cuts, (0, 0)))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "cropping": self.cropping,
            "data_format": self.data_format,
        }


class Cropping3D(_Border):
    """Cuts off the ends of the spatial axes.

    Args:
        cropping: How much: one number, one for each axis, or pairs `(before, after)`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, depth, rows, columns, channels)`, or with `channels` second.

    Output shape:
        As the input, with shorter spatial axes.

    Raises:
        ValueError: If `cropping` is not understood.
        ShapeError: When called, if nothing would be left.

    Example:

    >>> keras.layers.Cropping3D(1)(np.ones((1, 5, 5, 5, 4))).shape
    (1, 3, 3, 3, 4)
    """

    _rank = 3

    def __init__(
        self,
        cropping: Sizes | Sequence[Sequence[int]] = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_format(data_format)
        self._cuts = _pairs(cropping, 3, "cropping", self._label())
        self.cropping = self._cuts

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs without their border."""
        return _cropped(inputs, self._by_axis(self._cuts, (0, 0)))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "cropping": self.cropping,
            "data_format": self.data_format,
        }


def _cropped(inputs: Tensor, cuts: list[tuple[int, int]]) -> Tensor:
    """`inputs` without `(before, after)` elements of each axis."""
    for size, (before, after) in zip(inputs.shape, cuts):
        if before + after >= size:
            raise ShapeError(
                f"cropping {before} and {after} from an axis of size {size} leaves nothing; "
                f"the input has shape {inputs.shape}."
            )
    return inputs[
        tuple(slice(a, n - b) if a or b else slice(None)
              for n, (a, b) in zip(inputs.shape, cuts))
    ]  # fmt: skip
