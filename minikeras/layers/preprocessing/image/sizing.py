"""Pictures of another size: resized, or cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops, random
from minikeras.engine.aval import Unknown
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image import boxes as box
from minikeras.layers.preprocessing.image.base import (
    ImageLayer,
    PlainImageOptions,
    Size,
)
from minikeras.layers.preprocessing.image.options import count

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator
    from minikeras.types import ArrayLike

_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


def _window(old: Size, new: Size) -> tuple[int, int, int, int]:
    """Top, left, height and width of the greatest middle part in the ratio of `new`."""
    height = max(min(old[0], int(old[1] * new[0] / new[1])), 1)
    width = max(min(old[1], int(old[0] * new[1] / new[0])), 1)
    return (old[0] - height) // 2, (old[1] - width) // 2, height, width


def _border(old: Size, new: Size) -> tuple[int, int]:
    """Rows above and below, columns on both sides, that give the ratio of `new`."""
    height, width = int(old[1] * new[0] / new[1]), int(old[0] * new[1] / new[0])
    return max(height - old[0], 0) // 2, max(width - old[1], 0) // 2


class _Sized(ImageLayer):
    """Pictures of a given height and width."""

    _acts_at_inference = True

    def __init__(
        self,
        height: int,
        width: int,
        data_format: str | None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = count(height, type(self).__name__, "height")
        self.width = count(width, type(self).__name__, "width")

    @property
    def _wanted(self) -> tuple[int, int]:
        return self.height, self.width

    def _resized(self, x: Tensor, interpolation: str, **how: Any) -> Tensor:
        return ops.image.resize(
            x,
            self._wanted,
            interpolation=interpolation,
            data_format=self.data_format,
            **how,
        )

    def _cut(
        self,
        x: Tensor,
        top: ArrayLike | None,
        left: ArrayLike | None,
        interpolation: str,
    ) -> Tensor:
        """The part that starts there; of smaller pictures the greatest, resized."""
        height, width = self._size(x)
        unknown = isinstance(height, Unknown) or isinstance(width, Unknown)
        if unknown or height < self.height or width < self.width or top is None:
            return self._resized(x, interpolation, crop_to_aspect_ratio=True)
        rows, columns = (axis + x.ndim for axis in self._plane)
        starts: list[Any] = [0] * x.ndim
        starts[rows], starts[columns] = top, left
        sizes = list(x.shape)
        sizes[rows], sizes[columns] = self._wanted
        if isinstance(top, int) and isinstance(left, int):
            index = tuple(slice(s, s + n) for s, n in zip(starts, sizes))
            return x[index]
        places = ops.stack([ops.cast(s, "int32") for s in starts])
        return ops.slice(x, places, sizes)

    def _boxes_in_window(
        self, found: dict[str, Any], window: tuple[Any, Any, Any, Any]
    ) -> tuple[dict[str, Any], Size]:
        """Boxes in a part of the picture that is then resized."""
        top, left, height, width = window
        moved = box.shifted(found["boxes"], -left, -top)
        scale = ops.convert_to_tensor(
            [self.width / width, self.height / height] * 2, moved.dtype
        )
        inside = box.cut({**found, "boxes": moved * scale}, *self._wanted)
        return inside, self._wanted

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "height": self.height, "width": self.width}


class Resizing(_Sized):
    """Resizes pictures, while training and at inference.

    Args:
        height: Height of the result.
        width: Width of the result.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or
            `"lanczos5"`.
        crop_to_aspect_ratio: Whether to cut the middle out first, such that the ratio of
            height and width stays.
        pad_to_aspect_ratio: Whether to pad both sides first, such that it stays.
        fill_mode: `"constant"`, the only one.
        fill_value: Value of what is padded.
        antialias: Whether pictures that become smaller are smoothed.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input, with the new height and width. Integers stay integers.

    Raises:
        ValueError: If an argument is not understood.

    Example:

    >>> keras.layers.Resizing(8, 6)(np.ones((2, 32, 32, 3), "uint8")).shape
    (2, 8, 6, 3)
    """

    _keeps_integers = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(height, width, data_format, **kwargs)
        if interpolation not in _INTERPOLATIONS:
            raise ValueError(
                f"Resizing: interpolation={interpolation!r}; expected one of "
                f"{', '.join(_INTERPOLATIONS)}."
            )
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError(
                "Resizing: crop_to_aspect_ratio=True and pad_to_aspect_ratio=True; expected "
                "one of them at most."
            )
        if fill_mode != "constant":
            raise ValueError(
                f"Resizing: fill_mode={fill_mode!r}; expected 'constant', the only one."
            )
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = antialias

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> tuple[int, ...]:
        return size

    def _size_in(self, transformation: Size | None) -> Size | None:
        return transformation

    _needs_transformation = False

    def _with(self, x: Tensor, interpolation: str, fill_value: float) -> Tensor:
        return self._resized(
            x,
            interpolation,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=fill_value,
            antialias=self.antialias and interpolation != "nearest",
        )

    def _images(self, images: Tensor, transformation: Size | None) -> Tensor:
        return self._with(images, self.interpolation, self.fill_value)

    def _masks(self, masks: Tensor, transformation: Size | None) -> Tensor:
        return self._with(masks, "nearest", self.fill_value)

    def _boxes(
        self,
        found: dict[str, Any],
        transformation: Size | None,
        size: Size,
    ) -> tuple[dict[str, Any], Size] | None:
        if size[0] is None:
            raise ValueError(
                f"{self._label()}: transformation=None; expected the height and width of the "
                "pictures, which get_random_transformation gives."
            )
        if self.crop_to_aspect_ratio:
            window = _window(size, self._wanted)
        elif self.pad_to_aspect_ratio:
            above, aside = _border(size, self._wanted)
            window = (-above, -aside, size[0] + 2 * above, size[1] + 2 * aside)
        else:
            window = (0, 0, *size)
        return self._boxes_in_window(found, window)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
        }


class CenterCrop(_Sized):
    """Cuts the middle out of pictures, while training and at inference.

    Of pictures that are smaller than that, the greatest part in the same ratio is cut
    out of the middle and resized.

    Args:
        height: Height of the result.
        width: Width of the result.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input, with the new height and width; floats.

    Raises:
        ValueError: If a size is no positive integer.

    Example:

    >>> x = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> keras.layers.CenterCrop(2, 2)(x)[0, :, :, 0].tolist()
    [[5.0, 6.0], [9.0, 10.0]]
    """

    _needs_transformation = False

    def __init__(
        self,
        height: int,
        width: int,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(height, width, data_format, **kwargs)

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: int | None = None
    ) -> dict[str, tuple[Any, ...]]:
        """The shape of the pictures: nothing is random here."""
        return {"input_shape": tuple(self._pictures(data).shape)}

    def _middle(self, size: Size) -> Size:
        return (size[0] - self.height) // 2, (size[1] - self.width) // 2

    def _images(
        self, images: Tensor, transformation: Mapping[str, Any] | None
    ) -> Tensor:
        return self._cut(images, *self._middle(self._size(images)), "bilinear")

    def _masks(self, masks: Tensor, transformation: Mapping[str, Any] | None) -> Tensor:
        return self._cut(masks, *self._middle(self._size(masks)), "nearest")

    def _boxes(
        self,
        found: dict[str, Any],
        transformation: Mapping[str, Any] | None,
        size: Size,
    ) -> tuple[dict[str, Any], Size] | None:
        if size[0] is None:
            raise ValueError(
                f"{self._label()}: transformation=None; expected {{'input_shape': ...}}, "
                "which get_random_transformation gives."
            )
        if size[0] < self.height or size[1] < self.width:
            return self._boxes_in_window(found, _window(size, self._wanted))
        return self._boxes_in_window(found, (*self._middle(size), *self._wanted))


class RandomCrop(_Sized):
    """Cuts a part out of pictures, at a place drawn for each batch while training.

    At inference, and of pictures that are smaller than that, the greatest part in the
    same ratio is cut out of the middle and resized.

    Args:
        height: Height of the result.
        width: Width of the result.
        seed: Integer, for the same places in every run.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        name: Name of the layer.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input, with the new height and width; floats.

    Raises:
        ValueError: If a size is no positive integer.

    Example:

    >>> keras.layers.RandomCrop(4, 5, seed=1)(np.ones((2, 8, 8, 3)), training=True).shape
    (2, 4, 5, 3)
    """

    _needs_transformation = False

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, data_format, name=name, **kwargs)
        # As Keras: what is drawn here is part of the config.
        self._seeded(random.make_default_seed() if seed is None else seed)

    def _draw(self, batch: int, size: Size, source: SeedGenerator | int | None) -> Any:
        room = [n - wanted for n, wanted in zip(size, self._wanted, strict=True)]
        if any(isinstance(n, Unknown) or n < 0 for n in room):
            return None
        # One more than a draw of floats can reach: the last place counts as well.
        places = random.uniform((2,), dtype="float32", seed=source)
        spaces = ops.convert_to_tensor([n + 1 for n in room], "float32")
        start = ops.cast(ops.floor(places * spaces), "int32")
        return start[0], start[1]

    def _start(self, transformation: tuple[Any, Any] | None) -> tuple[Any, Any]:
        return (None, None) if transformation is None else tuple(transformation)

    def _images(self, images: Tensor, transformation: tuple[Any, Any] | None) -> Tensor:
        return self._cut(images, *self._start(transformation), "bilinear")

    def _masks(self, masks: Tensor, transformation: tuple[Any, Any] | None) -> Tensor:
        return self._cut(masks, *self._start(transformation), "nearest")

    def _boxes(
        self,
        found: dict[str, Any],
        transformation: tuple[Any, Any] | None,
        size: Size,
    ) -> tuple[dict[str, Any], Size] | None:
        top, left = self._start(transformation)
        if top is not None:
            return self._boxes_in_window(found, (top, left, *self._wanted))
        if size[0] is None:
            raise ValueError(
                f"{self._label()}: transformation=None; expected the place, or call the layer "
                "on a dict of pictures and boxes."
            )
        return self._boxes_in_window(found, _window(size, self._wanted))

    _acts_at_inference = True

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: int | None = None
    ) -> tuple[Tensor, ...] | None:
        """Top and left of the part, int32; None where it is the middle, resized."""
        return (
            super().get_random_transformation(data, training, seed)
            if training
            else None
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "seed": self.seed}
