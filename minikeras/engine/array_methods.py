"""What arrays have as methods: `x.sum(axis=0)`, `x.reshape(2, 3)`, `x.astype("int32")`.

Code for Keras often leans on the arrays below it (JAX's, NumPy's), so a Tensor has
those methods too. Each calls the function of the same name in `minikeras.ops`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minikeras.engine.dtypes import itemsize
from minikeras.engine.operators import namespace
from minikeras.engine.tracebacks import shorten

if TYPE_CHECKING:
    from minikeras.engine.dtypes import DTypeLike
    from minikeras.engine.tensor import Tensor


Method = Callable[..., Any]


def _method(name: str) -> Method:
    def method(self: Tensor, *args: object, **kwargs: object) -> Any:
        try:
            return getattr(namespace(), name)(self, *args, **kwargs)
        except Exception as error:
            shorten(error)
            raise

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"`minikeras.ops.{name}` of this tensor."
    return method


def _listed(sizes: tuple[Any, ...]) -> Sequence[int]:
    """`(2, 3)` or `((2, 3),)` as the former, for methods that take both."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        return sizes[0]
    return sizes


class ArrayMethods:
    """The methods of arrays, by way of `minikeras.ops`."""

    __slots__ = ()

    shape: tuple[int, ...]
    dtype: str

    all = _method("all")
    any = _method("any")
    argmax = _method("argmax")
    argmin = _method("argmin")
    argpartition = _method("argpartition")
    argsort = _method("argsort")
    conj = _method("conj")
    conjugate = _method("conj")
    cumprod = _method("cumprod")
    cumsum = _method("cumsum")
    diagonal = _method("diagonal")
    dot = _method("dot")
    flatten = _method("ravel")
    max = _method("max")
    mean = _method("mean")
    min = _method("min")
    nonzero = _method("nonzero")
    prod = _method("prod")
    ravel = _method("ravel")
    repeat = _method("repeat")
    round = _method("round")
    sort = _method("sort")
    squeeze = _method("squeeze")
    std = _method("std")
    sum = _method("sum")
    swapaxes = _method("swapaxes")
    take = _method("take")
    trace = _method("trace")
    var = _method("var")

    def astype(self, dtype: DTypeLike) -> Any:
        """The same values in another dtype."""
        return namespace().cast(self, dtype)

    def clip(self, min: object = None, max: object = None) -> Any:
        """Values below `min` become `min`, above `max` become `max`; None is no bound."""
        ops = namespace()
        low = self if min is None else ops.maximum(self, min)
        return low if max is None else ops.minimum(low, max)

    def copy(self) -> Any:
        """The tensor itself, which never changes."""
        return self

    def reshape(self, *shape: object) -> Any:
        """Another shape, given as one tuple or as several integers."""
        return namespace().reshape(self, tuple(_listed(shape)))

    def transpose(self, *axes: object) -> Any:
        """The axes in another order, given as one tuple or as integers; else reversed."""
        order = _listed(axes)
        plain = not order or order[0] is None
        return namespace().transpose(self, axes=None if plain else tuple(order))

    @property
    def T(self) -> Any:
        """The axes in reversed order."""
        return namespace().transpose(self)

    @property
    def mT(self) -> Any:
        """The last two axes swapped: the transposes of a batch of matrices."""
        return namespace().swapaxes(self, -1, -2)

    @property
    def real(self) -> Any:
        return namespace().real(self)

    @property
    def imag(self) -> Any:
        return namespace().imag(self)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return itemsize(self.dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return math.prod(self.shape) * self.itemsize
