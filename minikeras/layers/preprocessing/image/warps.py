"""Affine maps of pictures: what they have in common, and rotation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image import boxes as box
from minikeras.layers.preprocessing.image.base import (
    ImageLayer,
    PlainImageOptions,
    Size,
)
from minikeras.layers.preprocessing.image.options import (
    FILL_MODES,
    INTERPOLATIONS,
    Pair,
    interval,
    one_of,
    uniform,
)

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator


def rows(*numbers: Any) -> Tensor:
    """Eight numbers of each picture, `(batch, 8)`, some of which may be constants."""
    like = next(n for n in numbers if isinstance(n, Tensor))
    return ops.stack(
        [n if isinstance(n, Tensor) else ops.full_like(like, n) for n in numbers],
        axis=-1,
    )


class Warp(ImageLayer):
    """Pictures under an affine map; a subclass says which, by `_matrix`."""

    fill_mode: str
    interpolation: str
    fill_value: float

    def _sampled(
        self, fill_mode: str, interpolation: str, fill_value: float, seed: int | None
    ) -> None:
        owner = type(self).__name__
        self.fill_mode = one_of(fill_mode, FILL_MODES, owner, "fill_mode")
        self.interpolation = one_of(
            interpolation, INTERPOLATIONS, owner, "interpolation"
        )
        self.fill_value = fill_value
        self._seeded(seed)

    def _shape(self, batch: object, size: Size) -> tuple[Any, ...]:
        first = self.data_format == "channels_first"
        return (batch, 1, *size) if first else (batch, *size, 1)

    def _matrix(self, transformation: Mapping[str, Any], size: Size) -> Tensor:
        """`(batch, 8)`: from places in the result to places in the picture."""
        raise NotImplementedError

    def _warped(
        self, x: Tensor, transformation: Mapping[str, Any], interpolation: str
    ) -> Tensor:
        matrix = self._matrix(transformation, self._size(x))
        return ops.image.affine_transform(
            x,
            matrix,
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._warped(images, transformation, self.interpolation)

    def _masks(self, masks: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._warped(masks, transformation, "nearest")

    def _boxes(
        self, found: dict[str, Any], transformation: Mapping[str, Any], size: Size
    ) -> tuple[dict[str, Any], Size] | None:
        boxes = found["boxes"]
        matrix = ops.cast(self._matrix(transformation, size), boxes.dtype)
        numbers = [ops.reshape(matrix[:, i], (-1, 1, 1)) for i in range(6)]
        a0, a1, a2, b0, b1, b2 = numbers
        determinant = a0 * b1 - a1 * b0

        def plane(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            x, y = x - a2, y - b2
            return (b1 * x - a1 * y) / determinant, (a0 * y - b0 * x) / determinant

        return box.cut({**found, "boxes": box.moved_by(boxes, plane)}, *size), size

    def _sampling_config(self) -> dict[str, Any]:
        return {
            "fill_mode": self.fill_mode,
            "interpolation": self.interpolation,
            "seed": self.seed,
            "fill_value": self.fill_value,
        }


class RandomRotation(Warp):
    """Turns pictures around their middle at random while training.

    Args:
        factor: Two numbers from -1 to 1, parts of a full turn counterclockwise between which
            is drawn; one number `f` stands for `(-f, f)`.
        fill_mode: What stands beyond the border of `a b c d`: `"reflect"`:
            `b a | a b c d | d c`; `"constant"`: the fill value; `"wrap"`:
            `c d | a b c d | a b`; `"nearest"`: `a a | a b c d | d d`.
        interpolation: `"nearest"` or `"bilinear"`.
        seed: Integer, for the same turns in every run.
        fill_value: Value beyond the border in mode `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the factor is out of range.
        NotImplementedError: If a mode is not known.

    Example:

    >>> quarter = keras.layers.RandomRotation((0.25, 0.25))
    >>> x = np.array([[[1.0], [2.0]], [[3.0], [4.0]]])
    >>> quarter(x, training=True)[:, :, 0].tolist()
    [[2.0, 4.0], [1.0, 3.0]]
    """

    def __init__(
        self,
        factor: float | Pair,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval(factor, -1, 1, "RandomRotation")
        self._sampled(fill_mode, interpolation, fill_value, seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        low, high = (f * 360.0 for f in self.factor)
        angle = uniform((batch,), (low, high), source)
        turn = angle * (math.pi / 180)
        cos, sin = ops.cos(turn), ops.sin(turn)
        bottom, right = (ops.cast(n, "float32") - 1 for n in size)
        column = (right - (cos * right - sin * bottom)) / 2
        row = (bottom - (sin * right + cos * bottom)) / 2
        return {
            "angle": angle,
            "rotation_matrix": rows(cos, -sin, column, sin, cos, row, 0.0, 0.0),
            "image_height": size[0],
            "image_width": size[1],
            "batch_size": batch,
        }

    def _matrix(self, transformation: Mapping[str, Any], size: Size) -> Tensor:
        given = ops.convert_to_tensor(transformation["rotation_matrix"])
        return ops.reshape(given, (-1, 8))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "factor": self.factor,
            **self._sampling_config(),
        }
