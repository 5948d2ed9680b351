"""Pictures turned over: left to right, top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import naming, ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image import boxes as box
from minikeras.layers.preprocessing.image.base import (
    ImageLayer,
    PlainImageOptions,
    Size,
)
from minikeras.layers.preprocessing.image.options import (
    uniform,
)

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(ImageLayer):
    """Flips pictures at random while training, each along each axis with a chance of 1/2.

    Args:
        mode: `"horizontal"` (left to right), `"vertical"` (top to bottom) or
            `"horizontal_and_vertical"`.
        seed: Integer, for the same flips in every run.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the mode is not known.

    Example:

    >>> layer = keras.layers.RandomFlip("horizontal", seed=2)
    >>> layer(np.array([[[1.0], [2.0]]]), training=True).tolist()
    [[[2.0], [1.0]]]
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        if mode not in _MODES:
            raise ValueError(
                f"RandomFlip: mode={naming.shown(mode)}; expected one of {', '.join(_MODES)}."
            )
        super().__init__(data_format=data_format, **kwargs)
        self._seeded(seed)
        self.mode = mode

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        shape = (batch, *size, 1)
        if self.data_format == "channels_first":
            shape = (batch, 1, *size)
        # Across and down are drawn apart where both may be.
        drawn = uniform((batch, 1, 1, 2), (0.0, 1.0), source)
        across, down = ops.split(ops.less(drawn, 0.5), 2, axis=-1)
        if self.mode != _MODES[2]:
            return {"flips": across, "input_shape": shape}
        return {"flips": across, "vertical_flips": down, "input_shape": shape}

    def _flipped(self, x: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        across = self._each(transformation["flips"], x)
        down = self._each(transformation.get("vertical_flips", across), x)
        rows, columns = self._plane
        if self.mode != "vertical":
            x = ops.where(across, ops.flip(x, columns), x)
        if self.mode != "horizontal":
            x = ops.where(down, ops.flip(x, rows), x)
        return x

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._flipped(images, transformation)

    def _masks(self, masks: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._flipped(masks, transformation)

    def _boxes(
        self, found: dict[str, Any], transformation: Mapping[str, Any], size: Size
    ) -> tuple[dict[str, Any], Size] | None:
        flips = transformation["flips"]
        across, down = (
            ops.reshape(ops.convert_to_tensor(given), (-1, 1, 1))
            for given in (flips, transformation.get("vertical_flips", flips))
        )
        x1, y1, x2, y2 = box.columns(found["boxes"])
        height, width = (ops.cast(n, x1.dtype) for n in size)
        if self.mode != "vertical":
            x1, x2 = (
                ops.where(across, width - x2, x1),
                ops.where(across, width - x1, x2),
            )
        if self.mode != "horizontal":
            y1, y2 = ops.where(down, height - y2, y1), ops.where(down, height - y1, y2)
        moved = ops.concatenate([x1, y1, x2, y2], axis=-1)
        return box.cut({**found, "boxes": moved}, *size), size

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "seed": self.seed, "mode": self.mode}
