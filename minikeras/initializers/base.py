"""What initializers share: the base class, and host-side drawing."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

import numpy as np

from minikeras import naming
from minikeras.engine import backend, dtypes
from minikeras.engine.aval import Shape
from minikeras.engine.eager import Eager
from minikeras.engine.interpret import within
from minikeras.engine.tensor import Tensor, adopt
from minikeras.random import SeedGenerator, make_default_seed
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from minikeras.types import DTypeLike, ShapeLike


class Initializer:
    """Base of all initializers: callables that make the first value of a variable.

    Subclasses implement `__call__(shape, dtype=None)`, and `get_config()` where the
    constructor takes arguments.

    Example:

    >>> class Sevens(keras.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return keras.ops.full(shape, 7.0, dtype)
    >>> keras.layers.Dense(2, kernel_initializer=Sevens()).kernel_initializer((1, 2)).tolist()
    [[7.0, 7.0]]
    """

    def __call__(self, shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
        """A tensor of that shape with first values.

        Args:
            shape: Shape of the result.
            dtype: Dtype of the result; by default `keras.config.floatx()`.
        """
        raise NotImplementedError(
            f"initializer {type(self).__name__} has no __call__(shape, dtype=None)."
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """The initializer that `get_config` described."""
        return cls(**config)

    def clone(self) -> Initializer:
        """Another initializer with the same arguments."""
        return type(self).from_config(self.get_config())


class RandomInitializer(Initializer):
    """Base of initializers that draw: an integer seed gives the same values each time."""

    def __init__(self, seed: int | SeedGenerator | None = None) -> None:
        self._init_seed = seed
        if isinstance(seed, dict):
            seed = deserialize_keras_object(
                seed, module_objects={"SeedGenerator": SeedGenerator}
            )
            self._init_seed = seed
        if seed is None:
            seed = make_default_seed()
        if isinstance(seed, bool) or not isinstance(seed, (int, SeedGenerator)):
            raise ValueError(
                f"{type(self).__name__}: seed={naming.shown(seed)}; "
                "expected an integer, a SeedGenerator or "
                "None."
            )
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"seed": serialize_keras_object(self._init_seed)}


def on_host(
    function: Callable[[], Tensor], sizes: Shape = (), dtype: str | None = None
) -> Tensor:
    """What `function` gives by the reference kernels, on the active backend.

    So equal seeds give equal weights, to the last bit, on every backend. One that promises
    the same bits computes them itself.

    Args:
        function: Draws.
        sizes: Shape of what it draws.
        dtype: Its dtype. With None it is called under `undrawn` too.
    """
    if dtype is not None and _undrawn.get():
        empty = np.zeros(sizes, dtypes.numpy_dtype(dtype))
        return Tensor(backend.active().from_host(empty))
    if backend.active().exact_draws:
        return within(Eager(backend.active()), function)
    made = within(Eager(backend.load("numpy")), function)
    return Tensor(adopt(made.value, backend.active()), made.aval)


_Made = TypeVar("_Made")
_undrawn: ContextVar[bool] = ContextVar("minikeras_undrawn", default=False)


def undrawn(function: Callable[[], _Made]) -> _Made:
    """What `function` gives where initializers that draw give zeros, which cost nothing.

    For layers whose weights are read from a file at once. Seeds are counted all the same.

    Args:
        function: Builds the layers and reads the file.
    """

    def run() -> _Made:
        _undrawn.set(True)
        return function()

    return copy_context().run(run)


def sizes_of(shape: ShapeLike, owner: str) -> Shape:
    """The shape as a tuple of integers.

    Raises:
        ValueError: If a size is not known or negative.
    """
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if any(d is None or int(d) < 0 for d in sizes):
        raise ValueError(
            f"{owner}: shape {sizes}; expected known sizes of at least 0. Build the layer on "
            "inputs whose sizes are known."
        )
    return tuple(int(d) for d in sizes)


def float_dtype(dtype: DTypeLike | None, owner: str) -> str:
    """The dtype of the result, which must be a float dtype; None means `floatx()`."""
    name = dtypes.standardize(dtype)
    if not dtypes.is_float(name):
        raise ValueError(f"{owner}: dtype={name!r}; expected a float dtype.")
    return name
