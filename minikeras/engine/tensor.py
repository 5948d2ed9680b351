"""Tensor: what every op returns, on every backend.

It holds either a backend array or, while a function is staged, a graph `Value`.
Anything that needs concrete numbers (`numpy()`, `bool()`, `float()`) raises
`TraceError` on a staged one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import backend as registry
from minikeras.engine import operators
from minikeras.engine.array_methods import ArrayMethods
from minikeras.engine.aval import Aval, Shape
from minikeras.engine.casting import convert
from minikeras.engine.dtypes import DTYPES, DType, numpy_dtype, standardize
from minikeras.engine.errors import NumPyCallError as NumPyCallError
from minikeras.engine.errors import TraceError as TraceError
from minikeras.engine.errors import ValueShapeError as ValueShapeError
from minikeras.engine.errors import see
from minikeras.engine.given import plain
from minikeras.engine.graph import Value
from minikeras.engine.interpret import current
from minikeras.engine.numpy_calls import call_function, call_ufunc
from minikeras.engine.quiet import quietly

if TYPE_CHECKING:
    from minikeras.engine.dtypes import DTypeLike
    from minikeras.engine.origins import Origin


class Tensor(operators.Operators, ArrayMethods):
    """An array with a shape and a dtype.

    Attributes:
        value: The backend's array, or a graph `Value` while staging.
        aval: Shape and dtype.
        origin: The call that made it, where a logarithm may ask; see `origins.py`.

    Example:

    >>> x = keras.ops.convert_to_tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x.shape, x.dtype, (x + 1).tolist()
    ((2, 2), 'float32', [[2.0, 3.0], [4.0, 5.0]])
    """

    __slots__ = ("value", "aval", "origin", "_keras_mask", "__weakref__")

    _keras_mask: Any  # set by layers that make masks; absent otherwise

    def __init__(self, value: Any, aval: Aval | None = None) -> None:
        self.value = value
        self.aval = aval if aval is not None else aval_of(value)
        self.origin: Origin | None = None

    @property
    def shape(self) -> Shape:  # type: ignore[override]  # an attribute of the mixin
        return self.aval.shape

    @property
    def dtype(self) -> DType:  # type: ignore[override]  # an attribute of the mixin
        """Its name, a string that also is what NumPy's dtypes are."""
        return DTYPES[self.aval.dtype]

    @property
    def ndim(self) -> int:
        return len(self.aval.shape)

    @property
    def size(self) -> int:
        return self.aval.size

    @property
    def device(self) -> str:
        """Where the values are: `"cpu:0"`, or for arrays of a GPU `"gpu:0"` and so on."""
        found = getattr(getattr(self.value, "device", None), "id", None)
        return "cpu:0" if found is None else f"gpu:{found}"

    @property
    def staged(self) -> bool:
        """Whether this stands for a value of a function being compiled."""
        return type(self.value) is Value

    def _host(self, wanted: str) -> np.ndarray[Any, Any]:
        if type(self.value) is Value:
            raise TraceError(
                f"{wanted} needs the values of a tensor of shape {self.shape}, but it "
                "belongs to a function being compiled or a symbolic call. Use ops "
                "(ops.where, ops.cond) instead of Python control flow, or "
                "compile(run_eagerly=True)."
                + see("guides/performance.md#is-it-compiled")
            )
        current().hangs_on_more()
        return host_array(self.value)

    def numpy(self) -> np.ndarray[Any, Any]:
        """The values as a NumPy array of its own memory."""
        return np.array(self._host("numpy()"))

    def item(self) -> Any:
        """The value of a tensor with one element, as a Python number."""
        return self._host("item()").item()

    def tolist(self) -> Any:
        return self._host("tolist()").tolist()

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> np.ndarray[Any, Any]:
        array = self._host("a NumPy conversion")
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        if copy is not False:
            return np.array(array)
        view = array.view()
        view.flags.writeable = False  # a Tensor never changes
        return view

    def __dlpack__(self, **options: Any) -> Any:
        array = self._host("__dlpack__")
        if isinstance(self.value, np.ndarray) and not array.flags.writeable:
            return array.copy().__dlpack__(**options)  # others may write to it
        return self.value.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        self._host("__dlpack_device__")
        return self.value.__dlpack_device__()

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: object
    ) -> Any:
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(
        self, func: Any, types: object, args: object, kwargs: object
    ) -> Any:
        return call_function(func, args, kwargs)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a tensor of shape (), which has no first axis.")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("cannot iterate over a tensor of shape (), a scalar.")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, value: object) -> bool:
        return bool((self == value).any())

    def __round__(self, ndigits: int | None = None) -> Any:
        # Python's round() without digits gives integers.
        return self.round().astype("int32") if ndigits is None else self.round(ndigits)

    def __bool__(self) -> bool:
        return bool(self._host("bool()"))

    def __float__(self) -> float:
        return float(self._number("float()"))

    def __int__(self) -> int:
        return int(self._number("int()"))

    def __complex__(self) -> complex:
        return complex(self._number("complex()"))

    def _number(self, wanted: str) -> Any:
        array = self._host(wanted)
        if array.size != 1:
            raise TypeError(
                f"{wanted}: the tensor has shape {array.shape}; expected one element, such as "
                "ops.mean of it."
            )
        return array.item()

    def __index__(self) -> int:
        array = self._host("an index")
        if array.ndim or array.dtype.kind not in "iu":
            raise TypeError(f"only an integer scalar can be an index; got {self.aval}.")
        return int(array)

    def __format__(self, spec: str) -> str:
        if self.shape or type(self.value) is Value:
            return format(str(self), spec)
        return format(self.item(), spec) if spec else str(self.numpy()[()])

    def __repr__(self) -> str:
        if type(self.value) is Value:
            return f"<Tensor staged shape={self.shape} dtype={self.dtype}>"
        with np.printoptions(threshold=8, edgeitems=3, precision=4):
            shown = str(host_array(self.value))
        sep = "\n" if "\n" in shown else " "
        return f"<Tensor shape={self.shape} dtype={self.dtype}{sep}{shown}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (from_numpy, (self.numpy(),))

    def __copy__(self) -> Tensor:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return self  # a Tensor never changes


def aval_of(array: Any) -> Aval:
    """The shape and dtype of a backend array."""
    return Aval(tuple(array.shape), standardize(array.dtype))


def host_array(value: Any) -> np.ndarray[Any, Any]:
    """A NumPy array of the values; may share memory."""
    if isinstance(value, np.ndarray):
        return value
    owner = registry.active()
    if type(value) is not owner.array_type:
        get = getattr(
            value, "get", None
        )  # an array of a backend that was active before
        if get is not None:
            return np.asarray(get())
    return owner.to_host(value)


def adopt(value: object, backend: registry.Backend) -> Any:
    """`value` as an array of `backend`: moved there if another backend made it."""
    if type(value) is backend.array_type:
        return value
    if type(value) is Value:
        raise TraceError(
            "a tensor from inside a compiled function or symbolic call was used outside "
            "of it. Return it from the function, or store it in a Variable."
            + see("guides/custom-layers.md#state-that-is-not-trained")
        )
    return backend.from_host(host_array(value))


def from_numpy(array: object, dtype: str | None = None) -> Tensor:
    """A Tensor on the active backend with the values of a NumPy array (copied)."""
    made = plain(array)
    if dtype is None or made.dtype == (wanted := numpy_dtype(dtype)):
        made = np.array(made, order="C")
    elif _is_plain(made, wanted):
        made = made.astype(wanted, order="C")
    else:
        made = np.asarray(quietly(convert, made, wanted), order="C")
    return Tensor(registry.active().from_host(made))


def _is_plain(array: np.ndarray[Any, Any], wanted: np.dtype[Any]) -> bool:
    """Whether a conversion neither clips nor overflows, where that is cheap to tell.

    To silence NumPy's warnings takes longer than the conversion of a scalar.
    """
    have, kind = array.dtype.kind, wanted.kind
    if have in "iub":
        return kind in "iub" or (kind == "f" and wanted.itemsize > 2)
    if have != "f" or kind != "f" or wanted.itemsize == 2 or array.ndim:
        return False
    return bool(abs(array.item()) < 3e38)


def scalar(value: float | int | bool, dtype: str) -> Tensor:
    """A 0-d Tensor; cheap, and a literal once staged."""
    return from_numpy(value, dtype)
