"""Operators of everything that stands for an array: Tensor, KerasTensor, Variable.

`a + b`, `a[...]`, `abs(a)` call `minikeras.ops`, so that Keras's dtype promotion
holds for them too. The engine lies below ops; ops hands itself in with `install`
when it is imported, the one place where the engine is told of something above it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras.engine.tracebacks import shorten

_ops: Any = None


def install(namespace: object) -> None:
    """Give the module whose functions (`add`, `get_item`, ...) the operators call."""
    global _ops
    _ops = namespace


def namespace() -> Any:
    """The installed `minikeras.ops`."""
    return _ops


def _binary(name: str) -> Callable[[Any, Any], Any]:
    def operator(self: Operators, other: object) -> Any:
        if not _is_operand(other):
            return NotImplemented
        try:
            return getattr(_ops, name)(self, other)
        except Exception as error:
            shorten(error)
            raise

    return operator


def _reflected(name: str) -> Callable[[Any, Any], Any]:
    def operator(self: Operators, other: object) -> Any:
        if not _is_operand(other):
            return NotImplemented
        try:
            return getattr(_ops, name)(other, self)
        except Exception as error:
            shorten(error)
            raise

    return operator


def unary(name: str) -> Callable[[Any], Any]:
    """An operator of one operand, by the name of the function in ops."""

    def operator(self: Operators) -> Any:
        return getattr(_ops, name)(self)

    return operator


def _is_operand(other: object) -> bool:
    return not isinstance(other, (str, bytes, dict, type(None)))


class Operators:
    """Python's operators, by way of `minikeras.ops`; `& | ^ ~` work on bits."""

    __slots__ = ()
    __hash__ = object.__hash__
    __array_priority__ = 100

    __add__ = _binary("add")
    __radd__ = _reflected("add")
    __sub__ = _binary("subtract")
    __rsub__ = _reflected("subtract")
    __mul__ = _binary("multiply")
    __rmul__ = _reflected("multiply")
    __truediv__ = _binary("true_divide")
    __rtruediv__ = _reflected("true_divide")
    __floordiv__ = _binary("floor_divide")
    __rfloordiv__ = _reflected("floor_divide")
    __mod__ = _binary("mod")
    __rmod__ = _reflected("mod")
    __pow__ = _binary("power")
    __rpow__ = _reflected("power")
    __matmul__ = _binary("matmul")
    __rmatmul__ = _reflected("matmul")
    __and__ = _binary("bitwise_and")
    __rand__ = _reflected("bitwise_and")
    __or__ = _binary("bitwise_or")
    __ror__ = _reflected("bitwise_or")
    __xor__ = _binary("bitwise_xor")
    __rxor__ = _reflected("bitwise_xor")
    __lshift__ = _binary("left_shift")
    __rlshift__ = _reflected("left_shift")
    __rshift__ = _binary("right_shift")
    __rrshift__ = _reflected("right_shift")
    __lt__ = _binary("less")
    __le__ = _binary("less_equal")
    __gt__ = _binary("greater")
    __ge__ = _binary("greater_equal")
    __neg__ = unary("negative")
    __abs__ = unary("absolute")
    __invert__ = unary("bitwise_not")
    __eq__ = _binary("equal")
    __ne__ = _binary("not_equal")

    def __pos__(self) -> Operators:
        return self

    def __divmod__(self, other: object) -> Any:
        if not _is_operand(other):
            return NotImplemented
        return _ops.floor_divide(self, other), _ops.mod(self, other)

    def __rdivmod__(self, other: object) -> Any:
        if not _is_operand(other):
            return NotImplemented
        return _ops.floor_divide(other, self), _ops.mod(other, self)

    def __round__(self, ndigits: int | None = None) -> Any:
        return _ops.round(self, ndigits or 0)

    def __getitem__(self, key: object) -> Any:
        return _ops.get_item(self, key)

    def __setitem__(self, key: object, value: object) -> None:
        raise TypeError(
            f"a {type(self).__name__} does not support item assignment. Use "
            "ops.slice_update or ops.scatter_update, which return a new tensor, and "
            "assign that to a Variable with `variable.assign(...)`."
        )


class LogicalOperators(Operators):
    """The same with `& | ^` as logic on what is not zero, as Keras has it where an
    operand is a Variable or symbolic.
    """

    __slots__ = ()

    __and__ = _binary("logical_and")
    __rand__ = _reflected("logical_and")
    __or__ = _binary("logical_or")
    __ror__ = _reflected("logical_or")
    __xor__ = _binary("logical_xor")
    __rxor__ = _reflected("logical_xor")
