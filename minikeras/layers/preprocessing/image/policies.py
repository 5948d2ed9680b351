"""Policies that draw which changes to make: RandAugment, AugMix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops, random
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image.axis_warps import (
    RandomShear,
    RandomTranslation,
)
from minikeras.layers.preprocessing.image.base import (
    ImageLayer,
    PlainImageOptions,
    Size,
)
from minikeras.layers.preprocessing.image.colours import RandomColorDegeneration
from minikeras.layers.preprocessing.image.filters import RandomSharpness
from minikeras.layers.preprocessing.image.histograms import Equalization
from minikeras.layers.preprocessing.image.options import (
    INTERPOLATIONS,
    Pair,
    count,
    interval,
    one_of,
    within,
)
from minikeras.layers.preprocessing.image.options import (
    value_range as checked_range,
)
from minikeras.layers.preprocessing.image.tones import (
    AutoContrast,
    RandomBrightness,
    RandomContrast,
    RandomPosterization,
    Solarization,
    Toned,
)
from minikeras.layers.preprocessing.image.warps import RandomRotation

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator

# Draws that come from numbers of at most this many steps are one call.
_COLOUR_STEPS = (
    "random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness",
)  # fmt: skip


class _Policy(Toned):
    """Some of a set of changes, one after the other."""

    def __init__(
        self,
        value_range: Sequence[float],
        factor: float | Pair,
        interpolation: str,
        seed: int | None,
        data_format: str | None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        owner = type(self).__name__
        checked_range(value_range, owner)
        self.value_range = value_range
        self.factor = within(interval(factor, 0, 1, owner), 0, 1, owner, "factor")
        self.interpolation = one_of(
            interpolation, INTERPOLATIONS, owner, "interpolation"
        )
        self._seeded(seed)

    def _changes(self) -> dict[str, Any]:
        """Keras's names of the changes, and what makes each."""
        factor, values = self.factor, {"value_range": self.value_range}
        seeded = {"seed": self.seed}
        sampled = {"interpolation": self.interpolation, **seeded}
        bits = max(int(8 * factor[1]), 1)
        return {
            "random_shear": (RandomShear, (factor, factor), sampled),
            "random_translation": (RandomTranslation, (factor, factor), sampled),
            "random_rotation": (RandomRotation, (factor,), sampled),
            "random_brightness": (RandomBrightness, (factor,), {**values, **seeded}),
            "random_color_degeneration": (
                RandomColorDegeneration, (factor,), {**values, **seeded},
            ),
            "random_contrast": (RandomContrast, (factor,), {**values, **seeded}),
            "random_sharpness": (RandomSharpness, (factor,), {**values, **seeded}),
            "random_posterization": (RandomPosterization, (bits,), {**values, **seeded}),
            "solarization": (Solarization, (factor, factor), {**values, **seeded}),
            "auto_contrast": (AutoContrast, (), values),
            "equalization": (Equalization, (), values),
        }  # fmt: skip

    def _make(self, left_out: Sequence[str] = ()) -> None:
        self._names = [n for n in self._changes() if n not in left_out]
        for name, (kind, args, kwargs) in self._changes().items():
            if name not in left_out:
                made = kind(
                    *args,
                    **kwargs,
                    data_format=self.data_format,
                    dtype=self.dtype_policy,
                    name=name,
                )
                setattr(self, name, made)

    def _layers_here(self) -> list[ImageLayer]:
        return [getattr(self, name) for name in self._names]

    def _drawn_by_all(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        own = getattr(self, "generator", None)
        return {
            layer.name: layer._draw(
                batch,
                size,
                getattr(layer, "generator", None) if source is own else source,
            )
            for layer in self._layers_here()
        }

    def _picked(
        self, index: Tensor, drawn: dict[str, Any], what: str, operand: Tensor
    ) -> Tensor:
        """What one of the changes, by its number, makes of an operand."""
        branches: list[Callable[[Any], Any]] = [
            _bound(getattr(layer, what), drawn[layer.name])
            for layer in self._layers_here()
        ]
        branches.append(lambda x: x)  # a number beyond the end changes nothing
        return ops.switch(index, branches, operand)


def _bound(method: Callable[[Any, Any], Any], drawn: object) -> Callable[[Any], Any]:
    return lambda x: method(x, drawn)


def _box_change(
    layer: ImageLayer, drawn: Mapping[str, Any] | None, size: Size
) -> Callable[[Any], Any]:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        moved = layer._boxes(found, drawn, size)
        return found if moved is None else moved[0]

    return change


_MOST_CHANGES = 1000  # one after the other, each a step of the graph


class RandAugment(_Policy):
    """Makes some of eleven changes to pictures, drawn for each batch while training.

    They are shear, translation, rotation, brightness, color degeneration, contrast,
    sharpness, posterization, solarization, auto contrast and equalization.

    Args:
        value_range: The least and greatest value of the pictures.
        num_ops: How many changes are made, one after the other; 0 makes none.
        factor: Strength from 0 to 1, or two numbers between which is drawn; one number `f`
            stands for `(0, f)`.
        interpolation: `"nearest"` or `"bilinear"`.
        seed: Integer, for the same changes in every run.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, 3)`, `(batch, 3, rows, columns)`, or one picture without
        the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Cubuk et al., 2019, https://arxiv.org/abs/1909.13719.

    Example:

    >>> layer = keras.layers.RandAugment(seed=1)
    >>> layer(np.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_ops: int = 2,
        factor: float | Pair = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(
            value_range, factor, interpolation, seed, data_format, **kwargs
        )
        self.num_ops = (
            num_ops if num_ops == 0 else count(num_ops, "RandAugment", "num_ops")
        )
        if self.num_ops > _MOST_CHANGES:
            raise ValueError(
                f"RandAugment: num_ops={num_ops}; expected at most {_MOST_CHANGES}."
            )
        self._make()

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        drawn = self._drawn_by_all(batch, size, source)
        picked = random.randint((self.num_ops,), 0, len(drawn), seed=source)
        return {"transforms": drawn, "layer_idxes": picked}

    def _steps(self, transformation: Mapping[str, Any]) -> list[Any]:
        picked = ops.convert_to_tensor(transformation["layer_idxes"])
        return [picked[i] for i in range(picked.shape[0])]

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        for index in self._steps(transformation):
            images = self._picked(
                index, transformation["transforms"], "_images", images
            )
        return images

    def _masks(self, masks: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        for index in self._steps(transformation):
            masks = self._picked(index, transformation["transforms"], "_masks", masks)
        return masks

    def _boxes(
        self, found: dict[str, Any], transformation: Mapping[str, Any], size: Size
    ) -> tuple[dict[str, Any], Size] | None:
        drawn = transformation["transforms"]
        changes = [_box_change(x, drawn[x.name], size) for x in self._layers_here()]
        for index in self._steps(transformation):
            given = {"boxes": found["boxes"], "labels": found["labels"]}
            found = {**found, **ops.switch(index, changes, given)}
        return found, size

    def _size_in(self, transformation: Mapping[str, Any] | None) -> Size | None:
        known = transformation["transforms"] if transformation else {}
        return super()._size_in(known.get("random_rotation"))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "num_ops": self.num_ops,
            "factor": self.factor,
            "interpolation": self.interpolation,
            "seed": self.seed,
        }


class AugMix(_Policy):
    """Mixes pictures with chains of changes to them, drawn for each batch while training.

    Args:
        value_range: The least and greatest value of the pictures.
        num_chains: How many chains are mixed.
        chain_depth: The greatest number of changes in a chain; each has 1 up to that.
        factor: Strength from 0 to 1, or two numbers between which is drawn; one number `f`
            stands for `(0, f)`.
        alpha: Shares of the chains are drawn from a Dirichlet distribution of this number,
            that of the picture itself from `Beta(alpha, alpha)`.
        all_ops: Whether brightness, color degeneration, contrast and sharpness are among
            the changes, besides shear, translation, rotation, posterization,
            solarization, auto contrast and equalization.
        interpolation: `"nearest"` or `"bilinear"`.
        seed: Integer, for the same changes in every run.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, 3)`, `(batch, 3, rows, columns)`, or one picture without
        the batch; or a dict with the key `"images"`. Masks and boxes stay.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Hendrycks et al., 2019, https://arxiv.org/abs/1912.02781.

    Example:

    >>> keras.layers.AugMix(seed=1)(np.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: float | Pair = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(
            value_range, factor, interpolation, seed, data_format, **kwargs
        )
        self.num_chains = count(num_chains, "AugMix", "num_chains")
        self.chain_depth = count(chain_depth, "AugMix", "chain_depth")
        if not isinstance(alpha, (int, float)) or alpha <= 0:
            raise ValueError(f"AugMix: alpha={alpha!r}; expected a positive number.")
        self.alpha = alpha
        self.all_ops = all_ops
        self._make(() if all_ops else _COLOUR_STEPS)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        shares = random.gamma((self.num_chains,), self.alpha, seed=source)
        shape = (self.num_chains, self.chain_depth)
        picked = random.randint(shape, 0, len(self._names), seed=source)
        depth = random.randint(
            (self.num_chains, 1), 1, self.chain_depth + 1, seed=source
        )
        step = ops.arange(self.chain_depth, dtype=depth.dtype)
        picked = ops.where(step < depth, picked, len(self._names))
        own = random.beta((), self.alpha, self.alpha, seed=source)
        chains = [
            [
                self._step(picked[i, j], self._drawn_by_all(batch, size, source))
                for j in range(self.chain_depth)
            ]
            for i in range(self.num_chains)
        ]
        return {
            "chain_mixing_weights": ops.cast(shares / ops.sum(shares), "float32"),
            "weight_sample": ops.cast(own, "float32"),
            "chain_transforms": [[s for s in c if s is not None] for c in chains],
        }

    def _step(self, index: Tensor, drawn: dict[str, Any]) -> dict[str, Any] | None:
        """A change by its name, or while a step is traced by a number not known yet."""
        if index.staged:
            return {"layer_idx": index, "transforms": drawn}
        number = int(index)
        if number == len(self._names):
            return None
        name = self._names[number]
        return {"layer_name": name, "transformation": drawn[name]}

    def _changed(self, images: Tensor, step: dict[str, Any]) -> Tensor:
        if "layer_name" in step:
            layer: ImageLayer = getattr(self, step["layer_name"])
            return layer._images(images, step["transformation"])
        return self._picked(step["layer_idx"], step["transforms"], "_images", images)

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        shares = ops.cast(transformation["chain_mixing_weights"], images.dtype)
        own = ops.cast(transformation["weight_sample"], images.dtype)
        mixed = ops.zeros_like(images)
        for number, chain in enumerate(transformation["chain_transforms"]):
            x = images
            for step in chain:
                x = self._changed(x, step)
            mixed = mixed + shares[number] * x
        return own * images + (1.0 - own) * mixed

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "num_chains": self.num_chains,
            "chain_depth": self.chain_depth,
            "factor": self.factor,
            "alpha": self.alpha,
            "all_ops": self.all_ops,
            "interpolation": self.interpolation,
            "seed": self.seed,
        }
