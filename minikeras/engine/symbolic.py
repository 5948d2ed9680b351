"""KerasTensor: a symbolic tensor whose shape may have None, for functional models.

`infer_call` finds what a function would return for such inputs without a second
shape rule: it runs the function on abstract values, twice, with None replaced by
two different probe sizes. Dimensions that differ between the runs are None. The
probes are `Unknown` integers, which broadcast and print as None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import operators, tree
from minikeras.engine.aval import Aval, Unknown
from minikeras.engine.dtypes import standardize
from minikeras.engine.errors import see
from minikeras.engine.graph import Value
from minikeras.engine.interpret import within
from minikeras.engine.staging import Abstract
from minikeras.engine.tensor import Tensor

if TYPE_CHECKING:
    from minikeras.engine.dtypes import DTypeLike


# Two sizes, large and highly composite, so that pooling, striding and reshaping of
# an unknown axis go through in both.
_PROBES = (27720, 55440)
_counter = 0


class SymbolicError(TypeError, ValueError):
    """A symbolic tensor was asked for values, which it does not have."""


class IterationError(SymbolicError, NotImplementedError):
    """A symbolic tensor was iterated over."""


class KerasTensor(operators.LogicalOperators):
    """A symbolic tensor: shape (with None for unknown sizes), dtype and name.

    Operators and indexing record a call and give a KerasTensor. `&`, `|`, `^` and `~` are
    logical. `==` asks whether two are the same object; `ops.equal` compares elements.

    Args:
        shape: Tuple of sizes or None.
        dtype: Name of the dtype.
        sparse: Must be False; kept for Keras's signature, as is `ragged`.
        ragged: Must be False.
        record_history: Kept for Keras's signature; history is recorded by calls.
        name: Optional name.
        **kwargs: `ragged_rank` and `row_splits_dtype` are taken, without effect.

    Raises:
        TypeError: If there are other keyword arguments.
        ValueError: If the shape is not a tuple of sizes and None.

    >>> KerasTensor((None, 3), name="pixels").shape
    (None, 3)
    """

    __slots__ = ("_shape", "dtype", "name", "sparse", "ragged", "ragged_rank",
                 "row_splits_dtype", "record_history", "_keras_history", "_keras_mask",
                 "__weakref__")  # fmt: skip
    __hash__ = object.__hash__
    __invert__ = operators.unary("logical_not")

    def __init__(
        self,
        shape: Sequence[int | None],
        dtype: DTypeLike = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: object,
    ) -> None:
        global _counter
        if sparse or ragged:
            raise ValueError("KerasTensor: sparse and ragged tensors are not supported; "
                             "pass dense arrays.")  # fmt: skip
        self._shape = _checked_shape(shape)
        self.dtype = standardize(dtype)
        self.sparse = self.ragged = False
        self.ragged_rank = kwargs.pop("ragged_rank", None)
        self.row_splits_dtype = kwargs.pop("row_splits_dtype", None)
        self.record_history = record_history
        if kwargs:
            raise TypeError(f"KerasTensor: unknown arguments {sorted(kwargs)}.")
        if name is None:
            name = "keras_tensor" + (f"_{_counter}" if _counter else "")
            _counter += 1
        self.name = name
        self._keras_history: Any = None
        self._keras_mask: Any = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        return self._shape

    @property
    def ndim(self) -> int:
        return len(self._shape)

    @property
    def T(self) -> Any:
        return operators.namespace().transpose(self)

    def reshape(self, newshape: Sequence[int]) -> Any:
        """`ops.reshape` of this tensor."""
        return operators.namespace().reshape(self, newshape)

    def squeeze(self, axis: int | Sequence[int] | None = None) -> Any:
        """`ops.squeeze` of this tensor."""
        return operators.namespace().squeeze(self, axis)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __getitem__(self, key: object) -> Any:
        return operators.namespace().get_item(self, _plain_key(key))

    def _no_values(self, wanted: str) -> SymbolicError:
        return SymbolicError(
            f"{wanted}: a KerasTensor has a shape {self.shape} but no values. Build a Model "
            "from it and call that on data, or use minikeras.ops on it."
            + see("faq.md#a-kerastensor-has-no-values")
        )

    def __array__(self, *args: object, **kwargs: object) -> Any:
        raise self._no_values("NumPy conversion")

    def __bool__(self) -> bool:
        raise self._no_values("bool()")

    def __float__(self) -> float:
        raise self._no_values("float()")

    def __int__(self) -> int:
        raise self._no_values("int()")

    def __complex__(self) -> complex:
        raise self._no_values("complex()")

    def __index__(self) -> int:
        raise self._no_values("an index")

    def __len__(self) -> int:
        raise self._no_values("len()")

    def __iter__(self) -> Any:
        raise IterationError(*self._no_values("iteration").args)

    def __contains__(self, value: object) -> bool:
        raise self._no_values("`in`")

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def _checked_shape(shape: Sequence[int | None]) -> tuple[int | None, ...]:
    try:
        sizes = tuple(None if d is None else index(d) for d in shape)
    except TypeError:
        sizes = (-1,)
    if any(d is not None and d < 0 for d in sizes):
        raise ValueError(
            f"KerasTensor: shape={shape!r}; expected a tuple of sizes >= 0, None for those "
            "that are not known."
        )
    return sizes


def _plain_key(key: object) -> Any:
    """A key whose lists are arrays: in a config they are not to become tuples."""
    if isinstance(key, tuple):
        return tuple(map(_plain_key, key))
    if isinstance(key, list) and not any_symbolic(key):
        return np.asarray(key, None if key else "int32")
    return key


def is_keras_tensor(x: object) -> bool:
    """Whether `x` is a KerasTensor.

    Args:
        x: Any object.

    >>> is_keras_tensor(KerasTensor((2,))), is_keras_tensor([1.0])
    (True, False)
    """
    return isinstance(x, KerasTensor)


def any_symbolic(*structures: object) -> bool:
    """Whether a KerasTensor is anywhere in these structures."""
    for item in structures:
        if isinstance(item, KerasTensor):
            return True
        if isinstance(item, (list, tuple)):
            if any_symbolic(*item):
                return True
        elif isinstance(item, dict) and any_symbolic(*item.values()):
            return True
    return False


def infer_call(function: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    """What `function` would return, as KerasTensors (in the same structure).

    KerasTensors among the arguments stand for arrays; nothing is computed and no
    variable changes. Leaves of the result that are no tensors are kept.
    """
    leaves, spec = tree.flatten_spec((args, kwargs))
    unknown = any(isinstance(v, KerasTensor) and None in v.shape for v in leaves)
    results = [
        _probe(function, spec, leaves, size)
        for size in (_PROBES if unknown else _PROBES[:1])
    ]
    first, out_spec = tree.flatten_spec(results[0])
    last = tree.flatten(results[-1])
    merged = [_merge(a, b) for a, b in zip(first, last, strict=True)]
    return tree.unflatten(out_spec, merged)


def _probe(
    function: Callable[..., Any], spec: object, leaves: list[Any], size: int
) -> Any:
    probed = [abstract(v, size) if isinstance(v, KerasTensor) else v for v in leaves]
    args, kwargs = tree.unflatten(spec, probed)
    return within(Abstract(), function, *args, **kwargs)


def abstract(tensor: KerasTensor, size: int) -> Tensor:
    """A tensor without values in the place of a KerasTensor, `size` for each None."""
    shape = tuple(Unknown(size) if d is None else d for d in tensor.shape)
    aval = Aval(shape, tensor.dtype)
    return Tensor(Value(aval), aval)


def _merge(a: Tensor, b: Tensor) -> Any:
    if not isinstance(a, Tensor):
        return a
    shape = tuple(
        None if x != y or isinstance(x, Unknown) else int(x)
        for x, y in zip(a.shape, b.shape, strict=True)
    )
    return KerasTensor(shape, a.dtype)
