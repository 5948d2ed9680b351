"""KerasTensor: a symbolic tensor whose shape may have None, for functional models.

`infer_call` finds what a function would return for such inputs without a second
shape rule: it runs the function on abstract values, twice, with None replaced by
two different probe sizes. Dimensions that differ between the runs are None. The
probes are `Unknown` integers, which broadcast and print as None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine import operators, tree
from minikeras.engine.aval import Aval, Unknown
from minikeras.engine.dtypes import standardize
from minikeras.engine.graph import Value
from minikeras.engine.interpret import interpreting
from minikeras.engine.staging import Abstract
from minikeras.engine.tensor import Tensor

# Two sizes, large and highly composite, so that pooling, striding and reshaping of
# an unknown axis go through in both.
_PROBES = (27720, 55440)
_counter = 0


class KerasTensor(operators.Operators):
    """A symbolic tensor: shape (with None for unknown sizes), dtype and name.

    Args:
        shape: Tuple of sizes or None.
        dtype: Name of the dtype.
        name: Optional name.
        record_history: Kept for Keras's signature; history is recorded by calls.

    >>> KerasTensor((None, 3), name="pixels").shape
    (None, 3)
    """

    __slots__ = ("_shape", "dtype", "name", "sparse", "ragged", "_keras_history", "_keras_mask",
                 "__weakref__")  # fmt: skip

    def __init__(
        self,
        shape: Sequence[int | None],
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
    ) -> None:
        global _counter
        if sparse or ragged:
            raise ValueError("KerasTensor: sparse and ragged tensors are not supported; "
                             "pass dense arrays.")  # fmt: skip
        self._shape = tuple(None if d is None else int(d) for d in shape)
        self.dtype = standardize(dtype)
        self.sparse = self.ragged = False
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

    def _no_values(self, wanted: str) -> TypeError:
        return TypeError(
            f"{wanted}: a KerasTensor has a shape {self.shape} but no values. Build a Model "
            "from it and call that on data, or use minikeras.ops on it."
        )

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise self._no_values("NumPy conversion")

    def __bool__(self) -> bool:
        raise self._no_values("bool()")

    def __float__(self) -> float:
        raise self._no_values("float()")

    def __int__(self) -> int:
        raise self._no_values("int()")

    def __len__(self) -> int:
        raise self._no_values("len()")

    def __iter__(self) -> Any:
        raise self._no_values("iteration")

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def is_symbolic(value: Any) -> bool:
    """Whether `value` is a KerasTensor."""
    return isinstance(value, KerasTensor)


def any_symbolic(*structures: Any) -> bool:
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


def infer_call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
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
    function: Callable[..., Any], spec: Any, leaves: list[Any], size: int
) -> Any:
    probed = [_abstract(v, size) if isinstance(v, KerasTensor) else v for v in leaves]
    args, kwargs = tree.unflatten(spec, probed)
    with interpreting(Abstract()):
        return function(*args, **kwargs)


def _abstract(tensor: KerasTensor, size: int) -> Tensor:
    shape = tuple(Unknown(size) if d is None else d for d in tensor.shape)
    aval = Aval(shape, tensor.dtype)
    return Tensor(Value(aval), aval)


def _merge(a: Any, b: Any) -> Any:
    if not isinstance(a, Tensor):
        return a
    shape = tuple(
        None if x != y or isinstance(x, Unknown) else int(x)
        for x, y in zip(a.shape, b.shape, strict=True)
    )
    return KerasTensor(shape, a.dtype)
