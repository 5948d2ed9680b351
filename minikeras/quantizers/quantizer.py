"""Quantizers: objects that turn floats into integers and say how in their configs."""

from __future__ import annotations

from typing import Any, Self

from minikeras.quantizers.scaling import abs_max_quantize
from minikeras.types import ArrayLike, DTypeLike


class Quantizer:
    """Base of quantizers; by itself it changes nothing.

    Args:
        output_dtype: Dtype of the result.

    Example:

    >>> keras.quantizers.Quantizer()(3)
    3
    """

    def __init__(self, output_dtype: DTypeLike = "int8") -> None:
        self.output_dtype = output_dtype

    def __call__(self, x: ArrayLike) -> Any:
        """`x`, quantized."""
        return x

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The quantizer that `get_config` described."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments.

        Raises:
            NotImplementedError: If the class does not say.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: get_config() is not defined; a quantizer that is saved "
            "needs one that returns its arguments."
        )


class AbsMaxQuantizer(Quantizer):
    """Integers whose range ends at the largest absolute input.

    Args:
        axis: Axes along which numbers share a scale; None is the last one.
        value_range: The least and the greatest integer.
        epsilon: Added to the largest input.
        output_dtype: Dtype of the integers.

    Example:

    >>> quantizer = keras.quantizers.AbsMaxQuantizer(axis=-1)
    >>> numbers, scale = quantizer(np.array([[1.0, -0.5], [0.0, 3.0]]))
    >>> numbers.numpy().tolist(), scale.shape
    ([[127, -63], [0, 127]], (2, 1))
    """

    def __init__(
        self,
        axis: int | tuple[int, ...] | None = None,
        value_range: tuple[int, int] = (-127, 127),
        epsilon: float = 1e-07,
        output_dtype: DTypeLike = "int8",
    ) -> None:
        super().__init__(output_dtype)
        self.axis = (axis,) if isinstance(axis, int) else axis and tuple(axis)
        self.value_range = value_range
        self.epsilon = epsilon

    def __call__(
        self,
        x: ArrayLike,
        axis: int | tuple[int, ...] | None = None,
        to_numpy: bool = False,
    ) -> tuple[Any, Any]:
        """The integers and their scale, see `abs_max_quantize`.

        Args:
            x: Floats.
            axis: Instead of the quantizer's own.
            to_numpy: As in `abs_max_quantize`.
        """
        along = self.axis if axis is None else axis
        return abs_max_quantize(
            x,
            (-1,) if along is None else along,
            self.value_range,
            self.output_dtype,
            self.epsilon,
            to_numpy,
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config: dict[str, Any] = {
            "value_range": self.value_range,
            "epsilon": self.epsilon,
            "output_dtype": self.output_dtype,
        }
        return config if self.axis is None else {**config, "axis": self.axis}
