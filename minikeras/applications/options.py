"""What a caller asks of a network: the arguments that all of them have, and their checks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from os import PathLike
from typing import Any

from minikeras import activations, settings
from minikeras.engine.symbolic import KerasTensor, is_keras_tensor
from minikeras.engine.warn import warn_user
from minikeras.layers import Input
from minikeras.utils.sources import get_source_inputs

CLASSES = 1000  # of ImageNet
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Options:
    """The arguments of a network's function; see `build.COMMON_ARGS` for what they mean.

    Attributes:
        owner: The function's name, for errors.
    """

    owner: str
    include_top: bool
    weights: Any
    input_tensor: Any
    input_shape: Any
    pooling: str | None
    classes: int
    classifier_activation: Any
    name: str | None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before anything is built."""
        weights, top = self.weights, self.include_top
        if weights not in (None, "imagenet") and not _is_file(weights):
            raise ValueError(
                f"{self.owner}: weights={weights!r}; expected None (drawn at random), "
                "'imagenet', or the path of a file that exists."
            )
        if weights == "imagenet" and top and self.classes != CLASSES:
            raise ValueError(
                f"{self.owner}: classes={self.classes} with weights='imagenet' and "
                f"include_top=True, whose last layer has {CLASSES}; expected "
                f"classes={CLASSES}, include_top=False, or weights=None."
            )
        if self.pooling not in (None, "avg", "max"):
            raise ValueError(
                f"{self.owner}: pooling={self.pooling!r}; expected None, 'avg' or 'max'."
            )
        activation = activations.get(self.classifier_activation)
        allowed = (activations.softmax, activations.linear)
        if weights is not None and top and activation not in allowed:
            raise ValueError(
                f"{self.owner}: classifier_activation={self.classifier_activation!r} with "
                "trained weights and include_top=True; expected 'softmax' or None, which "
                "they were trained for."
            )

    def shape(self, size: int, least: int, fixed: bool | None = None) -> Shape:
        """The shape of a picture, without the batch.

        Args:
            size: Height and width where nothing else is said.
            least: The smallest height and width that the layers can do with.
            fixed: Whether the size must be known. Default: `include_top`.

        Raises:
            ValueError: If `input_shape` does not fit the network or its weights.
        """
        first = settings.image_data_format() == "channels_first"
        fixed = self.include_top if fixed is None else fixed
        given = None if self.input_shape is None else tuple(self.input_shape)
        channels = self._channels(given, first)
        default = (
            (channels, size, size) if first else (size, size, channels)
        )  # fmt: skip
        trained = self.weights == "imagenet"
        if trained and fixed and given not in (None, default):
            raise ValueError(
                f"{self.owner}: input_shape={given} with weights='imagenet' and "
                f"include_top=True; expected {default}, or include_top=False."
            )
        if given is None:
            sides: Shape = (size, size) if fixed else (None, None)
            return (channels, *sides) if first else (*sides, channels)
        sides = given[1:] if first else given[:2]
        if any(side is not None and side < least for side in sides):
            raise ValueError(
                f"{self.owner}: input_shape={given}; expected at least {least} x {least} "
                "pixels."
            )
        if fixed and None in given:
            raise ValueError(
                f"{self.owner}: input_shape={given}; expected known sizes, which the "
                "layers here need."
            )
        return given

    def _channels(self, given: Shape | None, first: bool) -> int:
        if given is None:
            return 3
        if len(given) != 3:
            raise ValueError(
                f"{self.owner}: input_shape={given}; expected three numbers, of a picture "
                "without the batch."
            )
        channels = given[0] if first else given[2]
        if not isinstance(channels, int):
            raise ValueError(
                f"{self.owner}: input_shape={given} with {channels!r} channels; expected a "
                "known number, most often 3."
            )
        if self.weights == "imagenet" and channels != 3:
            raise ValueError(
                f"{self.owner}: input_shape={given} with weights='imagenet'; expected 3 "
                "channels."
            )
        if channels not in (1, 3):
            warn_user(
                f"{self.owner}: input_shape={given} has {channels} channels; pictures have "
                "1 or 3."
            )
        return channels

    def image(self, shape: Shape) -> KerasTensor:
        """The tensor that the first layer gets: the caller's, or a new input."""
        if self.input_tensor is None:
            return Input(shape=shape)
        if is_keras_tensor(self.input_tensor):
            return self.input_tensor
        raise ValueError(
            f"{self.owner}: input_tensor is a {type(self.input_tensor).__name__}; expected "
            "a KerasTensor, such as the result of keras.Input or of a layer called on it."
        )

    def sources(self, image: KerasTensor) -> Any:
        """The inputs of the model: where the caller's tensor comes from, or the new one."""
        if self.input_tensor is None:
            return image
        return get_source_inputs(self.input_tensor)


def _is_file(weights: str | PathLike[str] | None) -> bool:
    return isinstance(weights, (str, os.PathLike)) and os.path.exists(weights)
