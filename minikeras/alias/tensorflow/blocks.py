"""`tf.Module`, blocks that mean nothing here, Python inside functions, `tf.errors`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import ops, tree
from minikeras.alias.tensorflow.strings import texts
from minikeras.engine.strings import is_strings
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike, DTypeLike
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.types import Identifier


class Module:
    """A thing with variables: those of its attributes, and of what is in them.

    Args:
        name: A name.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name or type(self).__name__.lower()

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def variables(self) -> tuple[Variable, ...]:
        """All variables, each once."""
        found: dict[int, Variable] = {}
        waiting, seen = list(vars(self).values()), {id(self)}
        while waiting:
            value = waiting.pop(0)
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, Variable):
                found.setdefault(id(value), value)
            elif isinstance(value, dict):
                waiting[:0] = value.values()
            elif isinstance(value, (list, tuple)):
                waiting[:0] = value
            elif isinstance(value, Module):
                waiting[:0] = vars(value).values()
            elif hasattr(value, "trainable_variables"):
                waiting[:0] = value.variables
        return tuple(found.values())

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """Those that are trained."""
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self) -> tuple[Variable, ...]:
        """Those that are not."""
        return tuple(v for v in self.variables if not v.trainable)


class TensorArray:
    """A list of tensors, written one by one.

    Args:
        dtype: Of the tensors.
        size: How many there are at first.
        dynamic_size: Accepted and ignored: it grows.
        **options: Accepted and ignored.
    """

    def __init__(
        self,
        dtype: DTypeLike,
        size: int | None = 0,
        dynamic_size: object = None,
        **options: object,
    ) -> None:
        self.dtype = dtype
        self._parts: list[Any] = [None] * int(size or 0)

    def write(
        self, index: int, value: ArrayLike, name: str | None = None
    ) -> TensorArray:
        """Puts a tensor at a place; gives the array."""
        index = int(index)
        self._parts += [None] * (index + 1 - len(self._parts))
        self._parts[index] = ops.cast(value, self.dtype)
        return self

    def read(self, index: int, name: str | None = None) -> Any:
        """The tensor at a place.

        Raises:
            ValueError: If none was written there.
        """
        found = self._parts[int(index)]
        if found is None:
            raise ValueError(f"tf.TensorArray: nothing was written at {int(index)}.")
        return found

    def stack(self, name: str | None = None) -> Tensor:
        """All along a new first axis."""
        return ops.stack([self.read(i) for i in range(len(self._parts))])

    def concat(self, name: str | None = None) -> Tensor:
        """All along their first axis."""
        return ops.concatenate([self.read(i) for i in range(len(self._parts))])

    def gather(self, indices: object, name: str | None = None) -> Tensor:
        """Those at some places along a new first axis."""
        return ops.stack([self.read(i) for i in np.asarray(indices)])

    def unstack(self, value: ArrayLike, name: str | None = None) -> TensorArray:
        """Takes the rows of a tensor; gives the array."""
        self._parts = list(ops.unstack(ops.cast(value, self.dtype)))
        return self

    def size(self, name: str | None = None) -> Tensor:
        """How many there are."""
        return ops.convert_to_tensor(len(self._parts), "int32")


def name_scope(name: str) -> nullcontext[str]:
    """A block in which nothing is different."""
    return nullcontext(name)


def control_dependencies(control_inputs: object) -> nullcontext[None]:
    """A block in which nothing is different: what came before has run."""
    return nullcontext()


def init_scope() -> nullcontext[None]:
    """A block in which nothing is different."""
    return nullcontext()


def numpy_function(
    func: Callable[..., Any],
    inp: Sequence[Any],
    Tout: object,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """What a function of NumPy arrays gives; functions that call it run uncompiled."""
    arrays = [v.numpy() if hasattr(v, "numpy") else np.asarray(v) for v in inp]
    return _typed(func(*arrays), Tout)


def py_function(
    func: Callable[..., Any], inp: Sequence[Any], Tout: object, name: str | None = None
) -> Any:
    """What a Python function of tensors gives."""
    return _typed(func(*inp), Tout)


def _typed(found: object, types: Any) -> Any:
    def one(value: Any, dtype: str) -> Any:
        return (
            texts(value) if dtype == "string" else ops.convert_to_tensor(value, dtype)
        )

    if isinstance(types, (list, tuple)):
        parts = found if isinstance(found, (list, tuple)) else [found]
        return [one(v, t) for v, t in zip(parts, types, strict=True)]
    return one(found, types)


def case(
    pred_fn_pairs: Sequence[tuple[ArrayLike, Callable[[], Any]]],
    default: Callable[[], Any] | None = None,
    exclusive: bool = False,
    strict: bool = False,
    name: str | None = None,
) -> Any:
    """What the function of the first condition that holds gives."""
    pairs = list(pred_fn_pairs)
    if default is None:
        *pairs, (_, default) = pairs
    chosen = default
    for condition, function in reversed(pairs):
        chosen = _either(condition, function, chosen)
    return chosen()


def _either(
    condition: ArrayLike, function: Callable[[], Any], other: Callable[[], Any]
) -> Callable[[], Any]:
    return lambda: ops.cond(condition, function, other)


def switch_case(
    branch_index: ArrayLike,
    branch_fns: Sequence[Any],
    default: Callable[[], Any] | None = None,
    name: str | None = None,
) -> Any:
    """What the function of a number gives; other numbers take the last, or `default`."""
    functions = list(
        branch_fns.values() if isinstance(branch_fns, dict) else branch_fns
    )
    last = functions[-1] if default is None else default
    keys = list(branch_fns) if isinstance(branch_fns, dict) else range(len(functions))
    pairs = [
        (ops.equal(branch_index, k), f) for k, f in zip(keys, functions, strict=True)
    ]
    return case(pairs, last)


def scan(
    fn: Callable[[Any, Any], Any],
    elems: object,
    initializer: Identifier = None,
    **options: object,
) -> Any:
    """All states of a fold along the first axis."""
    if initializer is None:
        initializer = tree.map_structure(lambda e: e[0], elems)
        rest = tree.map_structure(lambda e: e[1:], elems)
        found = scan(fn, rest, initializer)
        return tree.map_structure(
            lambda first, more: ops.concatenate([ops.expand_dims(first, 0), more]),
            initializer,
            found,
        )

    def step(state: object, element: object) -> tuple[Any, Any]:
        made = fn(state, element)
        return made, made

    return ops.scan(step, initializer, elems)[1]


def foldl(
    fn: Callable[[Any, Any], Any],
    elems: object,
    initializer: Identifier = None,
    **options: object,
) -> Any:
    """The last state of a fold along the first axis."""
    return tree.map_structure(lambda s: s[-1], scan(fn, elems, initializer))


def is_string_tensor(value: object) -> bool:
    """Whether a value is a string, or an array of them."""
    return isinstance(value, str) or is_strings(value)


def timestamp(name: str | None = None) -> float:
    """Seconds since 1970."""
    import time

    return time.time()


class _Errors:
    """Errors of Python that tell what TensorFlow's tell."""

    OpError = Exception
    InvalidArgumentError = ValueError
    FailedPreconditionError = ValueError
    NotFoundError = FileNotFoundError
    AlreadyExistsError = FileExistsError
    PermissionDeniedError = PermissionError
    OutOfRangeError = StopIteration
    ResourceExhaustedError = MemoryError
    UnimplementedError = NotImplementedError
    InternalError = RuntimeError
    UnknownError = RuntimeError
    AbortedError = RuntimeError
    CancelledError = RuntimeError
    DeadlineExceededError = TimeoutError
    UnavailableError = ConnectionError


errors = _Errors

__all__ = [
    "Module", "TensorArray", "case", "control_dependencies", "errors", "foldl",
    "init_scope", "name_scope", "numpy_function", "py_function", "scan", "switch_case",
    "timestamp",
]  # fmt: skip
