"""`keras.src.applications`: what networks of one's own take from those of Keras."""

from __future__ import annotations

from typing import Any

from minikeras import layers, ops, random
from minikeras.applications.blocks import halved, sides_of
from minikeras.engine.tensor import Tensor

Shape = tuple[int | None, ...]


def obtain_input_shape(
    input_shape: Shape | None,
    default_size: int,
    min_size: int,
    data_format: str,
    require_flatten: bool,
    weights: str | None = None,
) -> Shape:
    """The shape of a network's pictures.

    Args:
        input_shape: What the user gave, `(height, width, channels)` or channels first.
        default_size: Height and width where a dense layer needs them.
        min_size: The least height and width.
        data_format: `"channels_last"` or `"channels_first"`.
        require_flatten: Whether a dense layer needs height and width.
        weights: `"imagenet"`: pictures have three channels, and the default size where a
            dense layer needs it.

    Raises:
        ValueError: If the given shape does not fit.

    >>> obtain_input_shape(None, 224, 32, "channels_last", True)
    (224, 224, 3)
    """

    def ordered(height: int | None, width: int | None, channels: int) -> Shape:
        last = data_format == "channels_last"
        return (height, width, channels) if last else (channels, height, width)

    default = ordered(default_size, default_size, 3)
    if input_shape is None:
        return default if require_flatten else ordered(None, None, 3)
    given = tuple(input_shape)
    if len(given) != 3:
        raise ValueError(f"input_shape={given}; expected three sizes.")
    sides, channels = given[:2], given[2]
    if data_format == "channels_first":
        sides, channels = given[1:], given[0]
    if weights == "imagenet" and require_flatten and given != default:
        raise ValueError(
            f"input_shape={given} with imagenet weights and include_top=True; expected {default}."
        )
    if weights == "imagenet" and channels != 3:
        raise ValueError(
            f"input_shape={given} with imagenet weights; expected 3 channels."
        )
    if any(side is not None and side < min_size for side in sides):
        raise ValueError(
            f"input_shape={given}; expected at least {min_size}x{min_size} pixels."
        )
    if require_flatten and None in given:
        raise ValueError(
            f"input_shape={given} with include_top=True; expected no unknown size."
        )
    return given


def correct_pad(inputs: Any, kernel_size: int | tuple[int, int]) -> Any:
    """The border that lets strides of 2 end at the right and lower edge."""
    return halved(kernel_size, sides_of(inputs))


def validate_activation(classifier_activation: object, weights: str | None) -> None:
    """Nothing, where trained weights may have this activation behind them.

    Raises:
        ValueError: If weights are trained ones, and it is neither softmax nor None.
    """
    name = getattr(classifier_activation, "__name__", classifier_activation)
    if weights is not None and name not in (None, "softmax"):
        raise ValueError(
            f"classifier_activation={name!r} with trained weights and include_top=True; "
            "expected None or 'softmax'."
        )


class StochasticDepth(layers.Layer):
    """Leaves out whole samples of a branch while training, and scales the others up.

    Args:
        drop_path_rate: The share that is left out, from 0 to 1.
        **kwargs: See `Layer`.
    """

    def __init__(self, drop_path_rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drop_path_rate = drop_path_rate
        self.seed_generator = random.SeedGenerator()

    def call(self, x: Any, training: bool | None = None) -> Tensor:
        """Some samples as zeros, the others divided by the share that stays."""
        if not training:
            return x
        kept = 1.0 - self.drop_path_rate
        shape = (ops.shape(x)[0], *(1,) * (len(x.shape) - 1))
        drawn = random.uniform(shape, 0.0, 1.0, seed=self.seed_generator)
        return x / kept * ops.cast(ops.floor(kept + drawn), x.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "drop_path_rate": self.drop_path_rate}


__all__ = [
    "StochasticDepth",
    "correct_pad",
    "obtain_input_shape",
    "validate_activation",
]
