"""Initializers that draw numbers scaled by the connections of a unit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minikeras import naming, random
from minikeras.engine.aval import Shape
from minikeras.engine.dtypes import DTypeLike
from minikeras.engine.tensor import Tensor
from minikeras.initializers.base import (
    RandomInitializer,
    float_dtype,
    on_host,
    sizes_of,
)
from minikeras.types import Axis, ShapeLike

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator

_MODES = ("fan_in", "fan_out", "fan_avg")

_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")

# The deviation of a standard normal distribution that is cut at two deviations.
_CUT_DEVIATION = 0.87962566103423978


class VarianceScaling(RandomInitializer):
    """Numbers whose variance is `scale / n`, n being a number of connections.

    Args:
        scale: Positive number.
        mode: `"fan_in"`: n is the number of inputs of a unit; `"fan_out"`: of outputs;
            `"fan_avg"`: the mean of both.
        distribution: `"truncated_normal"`, `"untruncated_normal"` or `"uniform"`.
        seed: Integer, `SeedGenerator`, or None.
        input_axes: Axes of the shape that count as inputs; by default the last but one.
        output_axes: Axes of the shape that count as outputs; by default the last.

    Raises:
        ValueError: If `scale` is not positive, or a name is not known.

    Example:

    >>> keras.initializers.VarianceScaling(scale=2.0, seed=1)((2, 3)).shape
    (2, 3)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | SeedGenerator | None = None,
        input_axes: Axis = None,
        output_axes: Axis = None,
    ) -> None:
        if scale <= 0:
            raise ValueError(
                f"VarianceScaling: scale={scale!r}; expected a positive number."
            )
        if mode not in _MODES:
            raise ValueError(
                f"VarianceScaling: mode={naming.shown(mode)}; expected one of {_MODES}."
            )
        distribution = str(distribution).lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        if distribution not in _DISTRIBUTIONS:
            raise ValueError(
                f"VarianceScaling: distribution={distribution!r}; expected one of "
                f"{_DISTRIBUTIONS}."
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed=seed)

    def __call__(self, shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
        """A tensor of drawn numbers.

        Args:
            shape: Shape of the result.
            dtype: Float dtype of the result; by default `keras.config.floatx()`.
        """
        owner = type(self).__name__
        sizes, name = sizes_of(shape, owner), float_dtype(dtype, owner)
        fan_in, fan_out = compute_fans(sizes, self.input_axes, self.output_axes)
        connections = {
            "fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2
        }[self.mode]  # fmt: skip
        variance = self.scale / max(1.0, connections)
        return on_host(lambda: self._drawn(sizes, variance, name), sizes, name)

    def _drawn(self, sizes: Shape, variance: float, dtype: str) -> Tensor:
        deviation = math.sqrt(variance)
        if self.distribution == "truncated_normal":
            return random.truncated_normal(
                sizes, 0.0, deviation / _CUT_DEVIATION, dtype, self.seed
            )
        if self.distribution == "untruncated_normal":
            return random.normal(sizes, 0.0, deviation, dtype, self.seed)
        limit = math.sqrt(3.0 * variance)
        return random.uniform(sizes, -limit, limit, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


def compute_fans(
    shape: Shape, input_axes: Axis = None, output_axes: Axis = None
) -> tuple[int, int]:
    """The numbers of inputs and outputs of a unit with weights of this shape.

    Axes that are neither (a convolution's window) count for both.
    """
    if input_axes is not None or output_axes is not None:
        return _fans_by_axes(shape, input_axes, output_axes)
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return int(shape[-2] * window), int(shape[-1] * window)


def _fans_by_axes(shape: Shape, input_axes: Axis, output_axes: Axis) -> tuple[int, int]:
    def listed(axes: Axis, default: int) -> list[int]:
        axes = default if axes is None else axes
        axes = [axes] if isinstance(axes, int) else list(axes)
        return [a % len(shape) for a in axes]

    inputs, outputs = listed(input_axes, -2), listed(output_axes, -1)
    rest = math.prod(
        d for i, d in enumerate(shape) if i not in inputs and i not in outputs
    )
    return (
        math.prod(shape[i] for i in inputs) * rest,
        math.prod(shape[i] for i in outputs) * rest,
    )


class GlorotUniform(VarianceScaling):
    """Uniform numbers within `sqrt(6 / (inputs + outputs))` of 0.

    Args:
        seed: Integer, `SeedGenerator`, or None.
        input_axes: Axes of the shape that count as inputs; by default the last but one.
        output_axes: Axes of the shape that count as outputs; by default the last.

    Example:

    >>> keras.initializers.GlorotUniform(seed=1)((2, 3)).shape
    (2, 3)

    Reference:
        Glorot, Bengio: Understanding the Difficulty of Training Deep Feedforward Neural
        Networks; 2010.
    """

    def __init__(
        self,
        seed: int | SeedGenerator | None = None,
        input_axes: Axis = None,
        output_axes: Axis = None,
    ) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return _without_scaling(super().get_config())


class GlorotNormal(VarianceScaling):
    """Truncated normal numbers of variance `2 / (inputs + outputs)`.

    Args:
        seed: Integer, `SeedGenerator`, or None.
        input_axes: Axes of the shape that count as inputs; by default the last but one.
        output_axes: Axes of the shape that count as outputs; by default the last.

    Example:

    >>> keras.initializers.GlorotNormal(seed=1)((2, 3)).shape
    (2, 3)

    Reference:
        Glorot, Bengio: Understanding the Difficulty of Training Deep Feedforward Neural
        Networks; 2010.
    """

    def __init__(
        self,
        seed: int | SeedGenerator | None = None,
        input_axes: Axis = None,
        output_axes: Axis = None,
    ) -> None:
        super().__init__(
            1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return _without_scaling(super().get_config())


class LecunNormal(VarianceScaling):
    """Truncated normal numbers of variance `1 / inputs`.

    Args:
        seed: Integer, `SeedGenerator`, or None.
        input_axes: Axes of the shape that count as inputs; by default the last but one.
        output_axes: Axes of the shape that count as outputs; by default the last.

    Example:

    >>> keras.initializers.LecunNormal(seed=1)((2, 3)).shape
    (2, 3)

    Reference:
        LeCun, Bottou, Orr, Mueller: Efficient BackProp; 1998.
    """

    def __init__(
        self,
        seed: int | SeedGenerator | None = None,
        input_axes: Axis = None,
        output_axes: Axis = None,
    ) -> None:
        super().__init__(
            1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return _without_scaling(super().get_config())


class LecunUniform(VarianceScaling):
    """Uniform numbers within `sqrt(3 / inputs)` of 0.

    Args:
        seed: Integer, `SeedGenerator`, or None.
        input_axes: Axes of the shape that count as inputs; by default the last but one.
        output_axes: Axes of the shape that count as outputs; by default the last.

    Example:

    >>> keras.initializers.LecunUniform(seed=1)((2, 3)).shape
    (2, 3)

    Reference:
        LeCun, Bottou, Orr, Mueller: Efficient BackProp; 1998.
    """

    def __init__(
        self,
        seed: int | SeedGenerator | None = None,
        input_axes: Axis = None,
        output_axes: Axis = None,
    ) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return _without_scaling(super().get_config())


class HeNormal(VarianceScaling):
    """Truncated normal numbers of variance `2 / inputs`.

    Args:
        seed: Integer, `SeedGenerator`, or None.
        input_axes: Axes of the shape that count as inputs; by default the last but one.
        output_axes: Axes of the shape that count as outputs; by default the last.

    Example:

    >>> keras.initializers.HeNormal(seed=1)((2, 3)).shape
    (2, 3)

    Reference:
        He, Zhang, Ren, Sun: Delving Deep into Rectifiers; 2015.
    """

    def __init__(
        self,
        seed: int | SeedGenerator | None = None,
        input_axes: Axis = None,
        output_axes: Axis = None,
    ) -> None:
        super().__init__(
            2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return _without_scaling(super().get_config())


class HeUniform(VarianceScaling):
    """Uniform numbers within `sqrt(6 / inputs)` of 0.

    Args:
        seed: Integer, `SeedGenerator`, or None.
        input_axes: Axes of the shape that count as inputs; by default the last but one.
        output_axes: Axes of the shape that count as outputs; by default the last.

    Example:

    >>> keras.initializers.HeUniform(seed=1)((2, 3)).shape
    (2, 3)

    Reference:
        He, Zhang, Ren, Sun: Delving Deep into Rectifiers; 2015.
    """

    def __init__(
        self,
        seed: int | SeedGenerator | None = None,
        input_axes: Axis = None,
        output_axes: Axis = None,
    ) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return _without_scaling(super().get_config())


def _without_scaling(config: dict[str, Any]) -> dict[str, Any]:
    return {
        k: v for k, v in config.items() if k in ("seed", "input_axes", "output_axes")
    }
