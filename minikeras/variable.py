"""Variable: a named tensor that can be assigned.

Its storage is an engine `State`: compiled programs update it in place, the tape
watches it, and a change of backend moves it on its next use.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import naming
from minikeras.budget import current_budget
from minikeras.engine import dtypes, operators, ranks
from minikeras.engine.aval import Aval
from minikeras.engine.interpret import eagerly
from minikeras.engine.pending import PendingState
from minikeras.engine.prims import cast
from minikeras.engine.state import State
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor, TraceError, from_numpy

if TYPE_CHECKING:
    from minikeras.types import DTypeLike


_autocast: ContextVar[str | None] = ContextVar("minikeras_autocast", default=None)


def autocast_dtype() -> str | None:
    """The dtype that the current `autocast_scope` asks for."""
    return _autocast.get()


@contextmanager
def autocast_scope(dtype: str | None) -> Iterator[None]:
    """Float variables read inside come as `dtype` (mixed precision); None: as they are."""
    token = _autocast.set(dtype)
    try:
        yield
    finally:
        _autocast.reset(token)


_later: ContextVar[list[weakref.ref[State]] | None] = ContextVar(
    "minikeras_later", default=None
)


@contextmanager
def values_later(most: float = math.inf) -> Iterator[None]:
    """Variables that initializers fill have no values, and take no memory, until its end.

    Values are made then, in their order, or where something asks for them, but for those
    that were assigned. If the block fails, none is.

    Args:
        most: If the values would take more bytes than this, they are not made at the end,
            but each where something asks for it.
    """
    if _later.get() is not None:
        yield
        return
    waiting: list[weakref.ref[State]] = []
    token = _later.set(waiting)
    try:
        yield
    finally:
        _later.reset(token)
    states = [state for known in waiting if (state := known()) is not None]
    pending = [state.aval for state in states if isinstance(state, PendingState)]
    if sum(a.size * dtypes.itemsize(a.dtype) for a in pending) <= most:
        for state in states:
            state.settle()


def check_real(value: np.ndarray[Any, Any], variable: Variable) -> None:
    """Refuse complex numbers for a variable of real ones: half of them would be lost.

    Raises:
        ValueError: If they are.
    """
    if value.dtype.kind == "c" and not variable.dtype.startswith("complex"):
        raise ValueError(
            f"variable {variable.path!r} has dtype {variable.dtype}; the file has "
            f"{value.dtype}."
        )


_AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")
_SYNCHRONIZATIONS = (None, "none", "on_read", "on_write", "auto")


def _function(value: object, attribute: str) -> Any:
    if value is not None and not callable(value):
        raise ValueError(
            f"Variable: {attribute}={value!r}; expected a function of the values, or None. "
            f"Names are understood by keras.{attribute}s.get()."
        )
    return value


class Variable(operators.LogicalOperators):
    """A mutable tensor with a name, e.g. a layer's weight.

    Args:
        initializer: The first value (number, array, tensor), or an initializer: its name,
            such as `"glorot_uniform"`, its config or class, or a function
            `(shape, dtype=...) -> tensor`.
        shape: Needed with an initializer; else taken from the value.
        dtype: Default: that of the value, or `floatx()`.
        trainable: Whether optimizers may change it and tapes watch it.
        autocast: Whether mixed-precision layers may read it in their compute dtype.
        aggregation: Kept for Keras's signature.
        synchronization: Kept for Keras's signature.
        name: Without `/`; by default `variable`, `variable_1`, ...
        layout: Must be None; kept for Keras's signature.

    Raises:
        ValueError: If an initializer comes without a shape or is unknown, or the shape has
            None.

    >>> v = keras.Variable([1.0, 2.0])
    >>> v.assign_add([1.0, 1.0]).numpy().tolist()
    [2.0, 3.0]
    """

    def __init__(
        self,
        initializer: object,
        shape: Sequence[int] | None = None,
        dtype: object = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: object = None,
        **kwargs: object,
    ) -> None:
        if layout is not None:
            raise ValueError(
                f"Variable: layout={layout!r}; expected None: a variable is on one device."
            )
        if kwargs:
            raise TypeError(f"Variable: unknown arguments {sorted(kwargs)}.")
        if aggregation not in _AGGREGATIONS:
            raise ValueError(
                f"Variable: aggregation={aggregation!r}; expected one of {_AGGREGATIONS}."
            )
        if synchronization not in _SYNCHRONIZATIONS:
            raise ValueError(
                f"Variable: synchronization={synchronization!r}; expected one of "
                f"{_SYNCHRONIZATIONS}."
            )
        self.name = naming.auto_name("variable") if name is None else name
        naming.check_name(self.name, "Variable")
        self.path = naming.scoped(self.name)
        budget = current_budget()
        if budget is not None and shape is not None and None not in tuple(shape):
            budget.take(self, tuple(shape), dtypes.standardize(dtype))
        # A variable made while tracing still starts with real numbers.
        if (
            isinstance(initializer, (str, dict, type))
            and _named_initializer is not None
        ):
            initializer = eagerly(_named_initializer, initializer)
        first = partial(_initial, initializer, shape, dtype, self.path)
        # Weights are no rows of a batch, also where they are made in a step on some.
        if ranks.shard() is not None:
            first = partial(ranks.on, None, first)
        self.state = self._first_state(
            initializer, shape, dtype, first, bool(trainable)
        )
        self.autocast = bool(autocast)
        self.aggregation = "none" if aggregation is None else aggregation
        self.synchronization = synchronization
        self._regularizer: Callable[..., Any] | None = None
        self._constraint: Callable[..., Any] | None = None
        self._overwrite_with_gradient = False

    def _first_state(
        self,
        initializer: object,
        shape: Sequence[int] | None,
        dtype: object,
        first: Callable[[], Tensor],
        trainable: bool,
    ) -> State:
        later = _later.get()
        drawn = callable(initializer) and not isinstance(
            initializer, (Tensor, Variable)
        )
        if later is not None and drawn and shape is not None:
            sizes = tuple(shape)
            if None not in sizes:
                aval = Aval(sizes, dtypes.standardize(dtype))
                state: State = PendingState(
                    partial(eagerly, first),
                    aval,
                    self.path,
                    trainable,
                    weakref.ref(self),
                )
                later.append(weakref.ref(state))
                return state
        return State(eagerly(first), self.path, trainable, weakref.ref(self))

    @property
    def regularizer(self) -> Callable[..., Any] | None:
        """The penalty on its values; a function of them, or None."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: object) -> None:
        self._regularizer = _function(value, "regularizer")

    @property
    def constraint(self) -> Callable[..., Any] | None:
        """What projects its values after an update; a function of them, or None."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: object) -> None:
        self._constraint = _function(value, "constraint")

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether an update replaces it by its gradient."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(
                f"Variable: overwrite_with_gradient={value!r}; expected True or False."
            )
        self._overwrite_with_gradient = value

    @property
    def shape(self) -> tuple[int, ...]:
        return self.state.aval.shape

    @property
    def dtype(self) -> str:
        wanted = _autocast.get()
        own = self.state.aval.dtype
        if wanted is not None and self.autocast and dtypes.is_float(own):
            return wanted
        return own

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self.state.aval.size

    @property
    def trainable(self) -> bool:
        return self.state.trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.state.trainable = bool(value)

    @property
    def value(self) -> Tensor:
        """The current value as a Tensor; it does not follow later assignments."""
        tensor = self.state.read()
        if _autocast.get() is None:
            return tensor
        wanted = self.dtype
        return tensor if tensor.aval.dtype == wanted else cast(tensor, dtype=wanted)

    def assign(self, value: object) -> Variable:
        """Replace the value.

        Raises:
            ValueError: If the shape is another than the variable's.
        """
        tensor = _as_tensor(value, self.state.aval.dtype)
        if tensor.shape != self.shape:
            raise ValueError(
                f"variable {self.path!r}: cannot assign a value of shape {tensor.shape}; "
                f"expected {self.shape}."
            )
        self.state.assign(tensor)
        return self

    def assign_add(self, value: object) -> Variable:
        """Add to the value."""
        return self.assign(operators.namespace().add(self, value))

    def assign_sub(self, value: object) -> Variable:
        """Subtract from the value."""
        return self.assign(operators.namespace().subtract(self, value))

    def numpy(self) -> np.ndarray[Any, Any]:
        """The values as a NumPy array of its own memory."""
        return self.value.numpy()

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> np.ndarray[Any, Any]:
        return self.value.__array__(dtype, copy)

    def __array_ufunc__(self, *args: Any, **kwargs: Any) -> Any:
        return self.value.__array_ufunc__(*args, **kwargs)

    def __array_function__(self, *args: object, **kwargs: object) -> Any:
        return self.value.__array_function__(*args, **kwargs)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __contains__(self, value: object) -> bool:
        return value in self.value

    def __bool__(self) -> bool:
        raise TypeError(
            f"variable {self.path!r}: bool() of a Variable says nothing of its values. "
            "Compare it, as in `variable.value > 0`, or write `variable is not None`."
        )

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __repr__(self) -> str:
        try:
            shown = f", value={np.array2string(self.numpy(), threshold=8, precision=4)}"
        except TraceError:
            shown = ""
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}{shown}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        made = Variable.__new__(Variable)
        memo[id(self)] = made
        made.__setstate__(self.__getstate__())
        return made

    def __getstate__(self) -> dict[str, Any]:
        fields = {k: v for k, v in self.__dict__.items() if k != "state"}
        array = eagerly(self.state.read).numpy()
        return {**fields, "state": (array, self.state.label, self.state.trainable)}

    def __setstate__(self, fields: dict[str, Any]) -> None:
        array, label, trainable = fields.pop("state")
        self.__dict__.update(fields)
        self.state = State(from_numpy(array), label, trainable, weakref.ref(self))


# What a name or config of an initializer means; the module `initializers` sets it.
_named_initializer: Callable[[Any], Any] | None = None


def set_named_initializer(lookup: Callable[[Any], Any]) -> None:
    """Have variables look names of initializers up with `lookup`."""
    global _named_initializer
    _named_initializer = lookup


def _initial(initializer: Any, shape: Any, dtype: object, path: str) -> Tensor:
    if callable(initializer) and not isinstance(initializer, (Tensor, Variable)):
        if shape is None:
            raise ValueError(
                f"variable {path!r}: shape is None; an initializer needs a shape."
            )
        shape = tuple(shape)
        if None in shape:
            raise ValueError(
                f"variable {path!r}: shape {shape} has None; all sizes must be known."
            )
        wanted = dtypes.standardize(dtype)
        return _as_tensor(initializer(shape, dtype=wanted), wanted)
    if dtype is None and not hasattr(initializer, "dtype"):
        array = np.asarray(initializer)
        dtype = dtypes.floatx() if array.dtype.kind == "f" else None
        dtype = "int32" if array.dtype.kind in "iu" else dtype
    elif dtype is None:
        dtype = initializer.dtype
    tensor = _as_tensor(
        initializer, None if dtype is None else dtypes.standardize(dtype)
    )
    if shape is not None and tuple(shape) != tensor.shape:
        raise ValueError(
            f"variable {path!r}: the initial value has shape {tensor.shape}; expected "
            f"{tuple(shape)}."
        )
    return tensor


def _as_tensor(value: object, dtype: str | None) -> Tensor:
    if isinstance(value, KerasTensor):
        raise ValueError("a Variable cannot hold a KerasTensor, which has no values.")
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, Tensor):
        return value if dtype in (None, value.aval.dtype) else cast(value, dtype=dtype)
    return from_numpy(value, dtype)
