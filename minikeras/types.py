"""What arguments are: the names that signatures say it with.

`ArrayLike` is what becomes a tensor; what is one already is a `Tensor`. `Shape`, in
`engine.aval`, is a shape that is known; a `ShapeLike` is one as users write it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from minikeras.engine.dtypes import DTypeLike as DTypeLike
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor
from minikeras.variable import Variable


class SupportsArray(Protocol):
    """What NumPy can read: pandas's series, other libraries' tensors."""

    def __array__(self) -> np.ndarray[Any, Any]: ...


Scalar: TypeAlias = bool | int | float | complex | np.generic
ArrayLike: TypeAlias = (
    Tensor
    | Variable
    | KerasTensor
    | np.ndarray[Any, Any]
    | Scalar
    | SupportsArray
    | Sequence["ArrayLike"]
)


class Policy(Protocol):
    """A dtype policy, as far as losses, metrics and layers ask."""

    @property
    def compute_dtype(self) -> str: ...


PolicyLike: TypeAlias = DTypeLike | Policy | Mapping[str, Any]
Axis: TypeAlias = int | Sequence[int] | None
ShapeLike: TypeAlias = int | Sequence[int | None] | Tensor | np.ndarray[Any, Any]
# One size for all axes, or one for each.
Sizes: TypeAlias = int | Sequence[int]

T = TypeVar("T")
# One, or lists, tuples and dicts of them, and of such again.
Nested: TypeAlias = T | Sequence["Nested[T]"] | Mapping[str, "Nested[T]"]
# A shape whose sizes may be unknown.
PartialShape: TypeAlias = tuple[int | None, ...]
# What a namespace's `get` makes an object of: a name, a config, the object itself.
Identifier: TypeAlias = str | Mapping[str, Any] | Callable[..., Any] | type | None
Config: TypeAlias = dict[str, Any]
# A number, a schedule, or a function that gives the number.
LearningRate: TypeAlias = float | Callable[..., Any]
