"""Rows of users: a NumPy reference, rules, and kernels by backend that come with the row.

Such a row is not in the table of primitives: no backend has a kernel of its name, each asks
the row for its own and else runs the reference on the host. Its kind is `opaque`: passes
leave it whole.
"""

from __future__ import annotations

import inspect
import numbers
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minikeras.engine.aval import Aval, broadcast_shapes
from minikeras.engine.casting import convert
from minikeras.engine.dtypes import numpy_dtype
from minikeras.engine.primitive import Facets, Infer, Primitive, Vjp
from minikeras.engine.tensor import Tensor

if TYPE_CHECKING:
    from minikeras.engine.primitive import Context

Array = np.ndarray[Any, Any]


class KernelError(RuntimeError):
    """A kernel that a user gave does not compile; the message names the op."""


class UserKernel(NamedTuple):
    """What a user gave for a backend: a function or a source, and options by keyword."""

    function: Any
    options: Mapping[str, Any]


class UserRow(Primitive):
    """A row made by `minikeras.extend.op`.

    Args:
        name: `package>name`; errors say `label`, the part behind.
        reference: NumPy function of the arrays, and of the attributes by keyword.
        infer: Shape rule.
        vjp: Gradient rule, or None.
        arrays: Names of the array parameters.
        attributes: Names of the static parameters, in order.
        results: How many arrays come as a tuple; None: a single one, not in a tuple.
    """

    __slots__ = ("reference", "arrays", "attributes", "results", "kernels")

    def __init__(
        self,
        name: str,
        reference: Callable[..., Any],
        infer: Infer,
        vjp: Vjp | None,
        arrays: Sequence[str],
        attributes: Sequence[str],
        results: int | None,
    ) -> None:
        rule = None if vjp is None else _checked_rule(self, vjp)
        super().__init__(
            *(name, "opaque", self._infer(infer), rule, None, results is not None),
            Facets(may_raise=True),
        )
        self.reference = reference
        self.arrays = tuple(arrays)
        self.attributes = tuple(attributes)
        self.results = results
        self.kernels: dict[str, UserKernel] = {}

    @property
    def label(self) -> str:
        """The op's name in errors."""
        return self.name.partition(">")[2]

    @property
    def result_names(self) -> tuple[str, ...]:
        """What kernels call the results: `out`, or `out0`, `out1` and so on."""
        if self.results is None:
            return ("out",)
        return tuple(f"out{i}" for i in range(self.results))

    def check_kernel(self, function: Callable[..., Any], shared: bool) -> None:
        """Compare a kernel's parameters with those of the reference.

        Raises:
            ValueError: If they are others.
        """
        names = (*self.arrays, *self.result_names)
        try:
            found = inspect.signature(getattr(function, "py_func", function))
        except (TypeError, ValueError):  # compiled elsewhere: it says nothing
            return
        given = list(found.parameters.values())
        if any(p.kind is p.VAR_POSITIONAL for p in given):
            return
        fixed = [p.name for p in given if p.kind is not p.KEYWORD_ONLY]
        count, rows = len(names), ["start", "stop"] if shared else []
        behind = fixed[count:] + [p.name for p in given if p.kind is p.KEYWORD_ONLY]
        if len(fixed) < count or set(behind) != {*rows, *self.attributes}:
            wanted = ", ".join((*names, *rows, *self.attributes))
            raise ValueError(
                f"op {self.label!r}: the kernel takes {found}; expected ({wanted}): arrays "
                "and results in this order, under whatever names"
                + (", the rows to write, the static parameters by their names."
                   if shared else ", then the static parameters by their names.")
            )  # fmt: skip

    def avals(self, inputs: Sequence[Aval], static: Mapping[str, Any]) -> list[Aval]:
        """Shapes and dtypes of the results, also of a single one, in a list."""
        made = self.infer(*inputs, **static)
        return [made] if isinstance(made, Aval) else list(made)

    def on_host(
        self, arrays: Sequence[Array], static: Mapping[str, Any]
    ) -> list[Array]:
        """The reference's results, of the shapes and dtypes that `infer` says."""
        wanted = self.avals([Aval(a.shape, a.dtype.name) for a in arrays], static)
        # Read only: what a reference wrote into an operand would be a weight's new value.
        kept = [_locked(a) for a in arrays]
        with np.errstate(all="ignore"):
            made = self.reference(*kept, **static)
        found = [made] if self.results is None else list(made)
        if len(found) != len(wanted):
            raise ValueError(
                f"op {self.label!r}: its reference gave {len(found)} results; expected "
                f"{len(wanted)}, as outputs={self.results} says."
            )
        return [
            self._fitting(np.asarray(a), aval, i)
            for i, (a, aval) in enumerate(zip(found, wanted))
        ]

    def _fitting(self, array: Array, aval: Aval, number: int) -> Array:
        name = self.result_names[number]
        if array.shape != aval.shape:
            raise ValueError(
                f"op {self.label!r}: its reference gave {name} of shape {array.shape}, its "
                f"infer says {aval.shape}; one of the two is wrong."
            )
        dtype = numpy_dtype(aval.dtype)
        if array.dtype != dtype and not np.can_cast(array.dtype, dtype, "same_kind"):
            raise TypeError(
                f"op {self.label!r}: its reference gave {name} of dtype {array.dtype}, its "
                f"infer says {aval.dtype}; convert in the reference what is meant."
            )
        result: Array = convert(array, dtype)
        return result if result.flags.writeable else result.copy()

    def _infer(self, infer: Infer) -> Infer:
        def checked(*avals: Aval, **static: object) -> Aval | tuple[Aval, ...]:
            made = infer(*avals, **static)
            found: Any = [made] if isinstance(made, Aval) else made
            if not isinstance(found, (list, tuple)) or not all(
                isinstance(a, Aval) for a in found
            ):
                raise TypeError(
                    f"op {self.label!r}: its infer gave {made!r}; expected an Aval, or a "
                    "tuple of them where outputs= says how many."
                )
            count = None if isinstance(made, Aval) else len(found)
            if count != self.results:
                raise ValueError(
                    f"op {self.label!r}: its infer gave {count or 'one'} for "
                    f"outputs={self.results}; a single Aval goes with outputs=None."
                )
            return made if isinstance(made, Aval) else tuple(found)

        return checked

    def __reduce__(self) -> tuple[Any, ...]:
        return (lookup, (self.name,))


def _locked(array: Array) -> Array:
    """The array, not to be written: it may be a variable's value."""
    seen = array.view()
    seen.flags.writeable = False
    return seen


def _checked_rule(row: UserRow, vjp: Vjp) -> Vjp:
    """The rule, with errors that name the op where it gives what no gradient is."""

    def rule(context: Context, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        made = vjp(context, *upstream)
        found = tuple(made) if isinstance(made, (list, tuple)) else (made,)
        if len(found) != len(context.inputs):
            raise ValueError(
                f"op {row.label!r}: its vjp gave {len(found)} gradients; expected "
                f"{len(context.inputs)}, one for each of {', '.join(row.arrays)} (None where "
                "there is none)."
            )
        return tuple(
            _gradient(row, name, g, x.aval)
            for name, g, x in zip(row.arrays, found, context.inputs)
        )

    return rule


def _gradient(row: UserRow, name: str, g: Any, aval: Aval) -> Tensor | None:
    if g is None:
        return None
    fits = isinstance(g, Tensor) and g.aval.dtype == aval.dtype
    if fits and g.aval.shape != aval.shape:
        try:
            fits = g.aval.shape == broadcast_shapes(g.aval.shape, aval.shape)
        except ValueError:
            fits = False
    if not fits:
        got = str(g.aval) if isinstance(g, Tensor) else type(g).__name__
        raise ValueError(
            f"op {row.label!r}: its vjp gave {got} for {name}; expected a tensor {aval}, as "
            f"{name} is, or None."
        )
    return g  # type: ignore[no-any-return]  # a Tensor, by the check


def settled(row: UserRow, name: str, value: object) -> Any:
    """A static argument in its plain form, by which programs are told apart.

    Raises:
        TypeError: If it has none.
    """
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, (list, tuple)):
        return tuple(settled(row, name, v) for v in value)
    raise TypeError(
        f"op {row.label!r}: {name} got {type(value).__name__}; expected a number, a bool, "
        "a text, None, or a tuple of those: what is static is part of the program. Arrays "
        "are positional."
    )


_rows: dict[str, UserRow] = {}
_lock = threading.Lock()


def register(row: UserRow) -> None:
    """Make `row` the one of its name.

    A definition that is run again, as in a notebook, replaces itself.

    Raises:
        ValueError: If another function has the name.
    """
    with _lock:
        known = _rows.get(row.name)
        if known is not None and _origin(known) != _origin(row):
            raise ValueError(
                f"op {row.label!r}: {_origin(known)} has the name {row.name!r} already; pass "
                "another name= or package= to minikeras.extend.op."
            )
        _rows[row.name] = row


def _origin(row: UserRow) -> str:
    return f"{row.reference.__module__}.{row.reference.__qualname__}"


def lookup(name: str) -> UserRow:
    """The row called `package>name`."""
    return _rows[name]
