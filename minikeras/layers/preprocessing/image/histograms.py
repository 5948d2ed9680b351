"""Pictures whose values are spread evenly, by their histogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image.base import PlainImageOptions
from minikeras.layers.preprocessing.image.options import (
    count,
    to_range,
)
from minikeras.layers.preprocessing.image.options import (
    value_range as checked_range,
)
from minikeras.layers.preprocessing.image.tones import BYTES, Toned


def _counts(values: Tensor, bins: int) -> Tensor:
    """How often each of 0 ... bins - 1 is in each row of `(rows, n)`, float32."""
    rows = values.shape[0]
    offset = ops.arange(rows, dtype="int32")[:, None] * bins
    flat = ops.reshape(values + offset, (-1,))
    ones = ops.ones_like(flat, dtype="float32")
    total = ops.segment_sum(ones, flat, num_segments=rows * bins)
    return ops.reshape(total, (rows, bins))


class _Spread(Toned):
    """Channels of pictures one by one, as rows of whole values."""

    _acts_at_inference = True
    _needs_transformation = False

    def _last(self, x: Tensor) -> Tensor:
        return ops.moveaxis(x, -1, 1) if self.data_format == "channels_last" else x

    def _back(self, x: Tensor) -> Tensor:
        return ops.moveaxis(x, 1, -1) if self.data_format == "channels_last" else x


class Equalization(_Spread):
    """Equalizes the histogram of each channel of each picture.

    It acts while training and at inference. A channel of one value stays as it is.

    Args:
        value_range: The least and greatest value of the pictures.
        bins: Number of bins of the histogram.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Gonzalez, Woods: Digital Image Processing; 2008, section 3.3.1.

    Example:

    >>> x = np.array([[[10.0], [11.0], [12.0], [13.0]]])
    >>> keras.layers.Equalization()(x).tolist()
    [[[0.0], [85.0], [170.0], [255.0]]]
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.bins = count(bins, "Equalization", "bins")
        self.value_range = checked_range(value_range, "Equalization")

    def _images(
        self, images: Tensor, transformation: Mapping[str, Any] | None
    ) -> Tensor:
        x = self._last(ops.cast(images, "float32"))
        batch, channels, height, width = x.shape
        x = ops.clip(to_range(x, self.value_range, BYTES), *BYTES)
        rows = ops.reshape(x, (batch * channels, height * width))
        values = ops.cast(ops.floor(rows), "int32")
        places = values
        if self.bins != 256:
            places = ops.cast(ops.floor(rows * (self.bins - 1) / 255), "int32")
        summed = ops.cumsum(_counts(places, self.bins), axis=1)
        whole = summed[:, -1:]
        first = ops.min(ops.where(summed > 0, summed, whole), axis=1, keepdims=True)
        room = whole - first
        table = ops.round(
            (summed - first) / ops.where(room > 0, room, ops.ones_like(room)) * 255.0
        )
        spread = ops.take_along_axis(ops.maximum(table, 0.0), places, axis=1)
        spread = ops.where(room > 0, spread, rows)
        spread = to_range(
            ops.reshape(spread, (batch, channels, height, width)),
            BYTES,
            self.value_range,
        )
        return ops.cast(self._back(spread), images.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "bins": self.bins}


class ContrastLimitedAdaptiveHistogramEqualization(_Spread):
    """Equalizes the histograms of tiles of pictures, and blends from tile to tile.

    It acts while training and at inference. Bins above a limit give what they have more
    to all others evenly, so that noise in even regions is not blown up.

    Args:
        value_range: The least and greatest value of the pictures.
        clip_limit: That limit, in parts of the mean of all 256 bins of a tile.
        tile_grid_size: Rows and columns of tiles.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input. Integers stay integers.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Zuiderveld: Contrast Limited Adaptive Histogram Equalization; Graphics Gems IV, 1994.

    Example:

    >>> layer = keras.layers.ContrastLimitedAdaptiveHistogramEqualization()
    >>> layer(np.ones((32, 32, 3), "uint8")).shape
    (32, 32, 3)
    """

    _keeps_integers = True

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: tuple[int, int] = (8, 8),
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        owner = "ContrastLimitedAdaptiveHistogramEqualization"
        checked_range(value_range, owner)
        self.value_range = value_range
        if not isinstance(clip_limit, (int, float)) or clip_limit <= 0:
            raise ValueError(
                f"{owner}: clip_limit={clip_limit!r}; expected a positive number."
            )
        self.clip_limit = clip_limit
        if not isinstance(tile_grid_size, (tuple, list)) or len(tile_grid_size) != 2:
            raise ValueError(
                f"{owner}: tile_grid_size={tile_grid_size!r}; expected two positive integers."
            )
        self.tile_grid_size = tuple(
            count(n, owner, "tile_grid_size") for n in tile_grid_size
        )

    def _images(
        self, images: Tensor, transformation: Mapping[str, Any] | None
    ) -> Tensor:
        x = self._last(ops.cast(images, "float32"))
        x = ops.clip(to_range(x, self.value_range, BYTES), *BYTES)
        batch, channels, height, width = x.shape
        grid = self.tile_grid_size
        tile = tuple(-(-n // k) for n, k in zip((height, width), grid, strict=True))
        values = ops.cast(ops.floor(x), "int32")
        values = ops.reshape(values, (batch * channels, height, width))
        tables = self._tables(values, tile)
        blended = self._blended(tables, values, tile)
        y = ops.reshape(blended, (batch, channels, height, width))
        return ops.cast(self._back(to_range(y, BYTES, self.value_range)), images.dtype)

    def _tables(self, values: Tensor, tile: tuple[Any, ...]) -> Tensor:
        """What each value becomes in each tile, `(pictures * tiles, 256)`."""
        pictures, height, width = values.shape
        grid = self.tile_grid_size
        widths = [(0, 0)] + [
            (0, k * t - n) for k, t, n in zip(grid, tile, (height, width), strict=True)
        ]
        # Incomplete tiles at the end see the picture mirrored.
        padded = ops.pad(values, widths, mode="symmetric")
        cut = ops.reshape(padded, (pictures, grid[0], tile[0], grid[1], tile[1]))
        rows = ops.reshape(
            ops.transpose(cut, (0, 1, 3, 2, 4)),
            (pictures * grid[0] * grid[1], tile[0] * tile[1]),
        )
        found = _counts(rows, 256)
        area = float(tile[0] * tile[1])
        kept = ops.minimum(found, self.clip_limit * area / 256)
        spare = ops.sum(found - kept, axis=1, keepdims=True)
        summed = ops.cumsum(kept + spare / 256, axis=1)
        least = ops.min(summed, axis=1, keepdims=True)
        room = summed[:, -1:] - least
        table = (
            (summed - least) / ops.where(room > 0, room, ops.ones_like(room)) * 255.0
        )
        return ops.clip(table, *BYTES)

    def _blended(self, tables: Tensor, values: Tensor, tile: tuple[Any, ...]) -> Tensor:
        """Each value in the tables of the four nearest tiles, by their distance."""
        pictures = values.shape[0]
        grid = self.tile_grid_size
        lows, highs, shares = [], [], []
        for n, k, t in zip(values.shape[1:], grid, tile, strict=True):
            place = ops.arange(n, dtype="float32") / t - 0.5
            low = ops.floor(place)
            shares.append(place - low)
            lows.append(ops.cast(ops.clip(low, 0, k - 1), "int32"))
            highs.append(ops.cast(ops.clip(low + 1, 0, k - 1), "int32"))
        base = ops.arange(pictures, dtype="int32")[:, None, None] * (grid[0] * grid[1])
        flat = ops.reshape(tables, (-1,))

        def seen(rows: Tensor, columns: Tensor) -> Tensor:
            number = base + rows[:, None] * grid[1] + columns[None, :]
            return ops.take(flat, number * 256 + values)

        down, right = shares[0][:, None], shares[1][None, :]
        above = seen(lows[0], lows[1]) * (1 - right) + seen(lows[0], highs[1]) * right
        below = seen(highs[0], lows[1]) * (1 - right) + seen(highs[0], highs[1]) * right
        return above * (1 - down) + below * down

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "clip_limit": self.clip_limit,
            "tile_grid_size": self.tile_grid_size,
        }
