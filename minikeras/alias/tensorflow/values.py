"""What TensorFlow's values can do besides: shapes with `as_list`, parts that are assigned.

`give` gives it to ours when `tensorflow` is imported, so no other program has it.
"""

from __future__ import annotations

import math
import operator
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.alias.lent import Attribute, Lent
from minikeras.engine.numpy_calls import call_on_values, call_ufunc, is_operator
from minikeras.engine.strings import StringArray, as_strings
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor, from_numpy
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.types import ArrayLike, ShapeLike


class TensorShape(tuple[Any, ...]):
    """A shape: a tuple, with TensorFlow's methods.

    >>> shape = TensorShape([None, 3])
    >>> shape.as_list(), shape.rank, shape[1:].num_elements(), shape == (None, 3)
    ([None, 3], 2, 3, True)
    """

    __slots__ = ()

    def __new__(cls, dims: Iterable[int | None] = ()) -> TensorShape:
        return super().__new__(cls, dims)

    def as_list(self) -> list[int | None]:
        """The sizes."""
        return list(self)

    @property
    def dims(self) -> list[int | None]:
        """The sizes."""
        return list(self)

    @property
    def rank(self) -> int:
        """How many axes there are."""
        return len(self)

    ndims = rank

    def num_elements(self) -> int | None:
        """The product of the sizes; None where one is unknown."""
        return None if None in self else math.prod(self)

    def is_fully_defined(self) -> bool:
        """Whether all sizes are known."""
        return None not in self

    def is_compatible_with(self, other: Iterable[int | None]) -> bool:
        """Whether both could be the shape of one array."""
        other = tuple(other)
        return len(self) == len(other) and all(
            a is None or b is None or a == b for a, b in zip(self, other, strict=True)
        )

    def assert_is_compatible_with(self, other: Iterable[int | None]) -> None:
        """Refuses a shape that no array of this one can have.

        Raises:
            ValueError: If it is such a shape.
        """
        if not self.is_compatible_with(other := tuple(other)):
            raise ValueError(f"Shapes {self} and {other} are incompatible.")

    def concatenate(self, other: Iterable[int | None]) -> TensorShape:
        """Both, one behind the other."""
        return TensorShape((*self, *other))

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return TensorShape(found) if isinstance(key, slice) else found

    def __add__(self, other: Iterable[Any]) -> TensorShape:
        return TensorShape((*self, *other))

    def __radd__(self, other: Iterable[Any]) -> TensorShape:
        return TensorShape((*other, *self))

    def __reduce__(self) -> tuple[Any, ...]:
        return TensorShape, (tuple(self),)


class Size(int):
    """A size, as `tf.shape(x)[0]` gives it: an integer that has `numpy`."""

    def numpy(self) -> np.int32:
        """Itself, as NumPy's integer."""
        return np.int32(self)


class Sizes(TensorShape):
    """What `tf.shape` gives: a shape that is computed with as if it were a tensor.

    >>> sizes = Sizes((2, 3))
    >>> sizes * 2, sizes[1:] + 1, sizes.numpy(), sizes[0].numpy()
    ((4, 6), (4,), array([2, 3], dtype=int32), np.int32(2))
    """

    __slots__ = ()

    def numpy(self) -> np.ndarray[Any, Any]:
        """The sizes, as an array of int32."""
        return np.asarray(tuple(self), np.int32)

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        if isinstance(key, slice):
            return Sizes(found)
        return Size(found) if type(found) is int else found

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))


def _by_element(
    function: Callable[[Any, Any], Any], swapped: bool
) -> Callable[..., Any]:
    def method(self: Sizes, other: object) -> Any:
        if isinstance(other, int):
            other = (other,) * len(self)
        if isinstance(other, tuple | list) and len(other) == len(self):
            pairs = zip(self, other, strict=True)
            return Sizes(
                function(b, a) if swapped else function(a, b) for a, b in pairs
            )
        tensor = from_numpy(self.numpy())
        return function(other, tensor) if swapped else function(tensor, other)

    return method


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    _function = getattr(operator, _name)
    setattr(Sizes, f"__{_name}__", _by_element(_function, swapped=False))
    setattr(Sizes, f"__r{_name}__", _by_element(_function, swapped=True))


class Text(str):
    """A string that answers as TensorFlow's do, which hold bytes."""

    __slots__ = ()
    shape = TensorShape()
    dtype = "string"

    def numpy(self) -> Text:
        """Itself."""
        return self

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Itself, for it is text already."""
        return str(self)


def texts(values: object) -> StringArray:
    """Strings in lists or arrays, as TensorFlow's string tensors are here."""
    found = as_strings(values)
    return np.array(list(map(Text, found.ravel())), object).reshape(found.shape).view(
        StringArray
    )  # fmt: skip


def _shaped(owner: type) -> property:
    own = vars(owner)["shape"]
    read: Callable[[Any], Any] = own.fget

    def shape(self: Any) -> TensorShape:
        return TensorShape(read(self))

    return property(shape, doc=own.__doc__)


# Tensors that are a part of a variable, by their ids: the variable, and the key.
_parts: dict[int, tuple[Variable, Any]] = {}


def _part(self: Variable, key: object) -> Any:
    found = Tensor.__getitem__(self, key)
    if isinstance(found, Tensor):
        _parts[id(found)] = self, key
        weakref.finalize(found, _parts.pop, id(found), None)
    return found


def _assigning(name: str, function: Callable[[Any, Any], Any]) -> property:
    """A method of the tensors that are parts of variables; others do not have it."""

    def found(self: Tensor) -> Callable[[object], Variable]:
        if id(self) not in _parts:
            raise AttributeError(f"a tensor has no {name!r}; a tf.Variable has.")

        def method(value: object) -> Variable:
            variable, key = _parts[id(self)]
            array = variable.numpy()
            array[key] = function(array[key], np.asarray(value))
            variable.assign(array)
            return variable

        return method

    return property(found)


_UFUNCS: dict[str, Any] = {"add": np.add, "sub": np.subtract}


def _scattered(name: str) -> Callable[..., Variable]:
    ufunc = _UFUNCS.get(name)

    def method(
        self: Variable, indices: ArrayLike, updates: object, name: str | None = None
    ) -> Variable:
        array = self.numpy()
        places = tuple(np.moveaxis(np.asarray(indices), -1, 0))
        if ufunc is None:
            array[places] = np.asarray(updates)
        else:
            ufunc.at(array, places, np.asarray(updates))
        self.assign(array)
        return self

    method.__name__ = f"scatter_nd_{name}"
    method.__doc__ = f"`tf.tensor_scatter_nd_{name}`, in place; gives the variable."
    return method


def _set_shape(self: Tensor, shape: Iterable[int | None]) -> None:
    TensorShape(self.shape).assert_is_compatible_with(shape)


def _item(self: StringArray, key: Any) -> Any:
    found = np.ndarray.__getitem__(self, key)
    return Text(found) if isinstance(found, str) else found


def _items(self: StringArray) -> Iterator[Any]:
    return (self[i] for i in range(len(self)))


def _numpy(self: StringArray) -> Text | np.ndarray[Any, Any]:
    return Text(self.item()) if self.ndim == 0 else texts(self).view(np.ndarray)


def _decode(self: StringArray, *args: str) -> str:
    return str(self.item())


def _equal(self: StringArray, other: object) -> Tensor:
    return from_numpy(np.asarray(np.asarray(self) == np.asarray(other), bool))


def _unequal(self: StringArray, other: object) -> Tensor:
    return from_numpy(np.asarray(np.asarray(self) != np.asarray(other), bool))


def _dense(
    self: StringArray, default_value: str = "", shape: ShapeLike | None = None
) -> StringArray:
    return self


def _filled(
    self: Tensor, default_value: object = None, shape: ShapeLike | None = None
) -> Tensor:
    """Itself: what would be ragged is filled up here already."""
    return self


_STRINGS = {
    "__eq__": _equal,
    "__getitem__": _item,
    "__iter__": _items,
    "__ne__": _unequal,
    "decode": _decode,
    "numpy": _numpy,
    "to_tensor": _dense,
}
_PARTS = {
    "assign": _assigning("assign", lambda _, new: new),
    "assign_add": _assigning("assign_add", np.add),
    "assign_sub": _assigning("assign_sub", np.subtract),
}
_VARIABLES = {
    "__getitem__": _part,
    "scatter_nd_add": _scattered("add"),
    "scatter_nd_sub": _scattered("sub"),
    "scatter_nd_update": _scattered("update"),
}


def _numpy_function(
    self: Tensor, func: Any, types: object, args: Any, kwargs: Any
) -> Any:
    """TensorFlow's tensors are arrays to NumPy, also `np.squeeze(probabilities)` in a tape."""
    return call_on_values(func, args, kwargs)


def _numpy_ufunc(
    self: Tensor, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: object
) -> Any:
    if is_operator(ufunc, method, kwargs):
        return call_ufunc(ufunc, method, inputs, kwargs)
    return call_on_values(getattr(ufunc, method), inputs, kwargs)


def _scalar_of(owner: type[Tensor | Variable]) -> Callable[[Any], Any]:
    """`numpy()` that gives a scalar of NumPy's for one number, which can be a key of a dict."""
    plain: Callable[[Any], Any] = owner.numpy

    def numpy(self: Any) -> np.int32:
        """The values as a NumPy array, one number as NumPy's scalar."""
        return plain(self)[()]

    return numpy


def _given() -> list[Attribute]:
    """What lets shapes and strings answer as TensorFlow's do."""
    shaped = (Tensor, Variable, KerasTensor)
    given: list[Attribute] = [(owner, "shape", _shaped(owner)) for owner in shaped]
    given += [(owner, "get_shape", lambda self: self.shape) for owner in shaped]
    given += [(Variable, name, function) for name, function in _VARIABLES.items()]
    given += [(Tensor, name, found) for name, found in _PARTS.items()]
    given.append((Tensor, "__array_function__", _numpy_function))
    given.append((Tensor, "__array_ufunc__", _numpy_ufunc))
    given.append((Tensor, "set_shape", _set_shape))
    given += [(owner, "numpy", _scalar_of(owner)) for owner in (Tensor, Variable)]
    given.append((Tensor, "to_tensor", _filled))
    given += [(StringArray, name, function) for name, function in _STRINGS.items()]
    return given


_lent = Lent(_given)
give, take = _lent.give, _lent.take

__all__ = ["TensorShape"]
