"""Where the first NaN or infinity comes from: calls watched one by one.

An infinity may be meant (the border of a maximum pooling, a mask of scores), so it ends
nothing: what is looked for is the first infinity that a call made of finite numbers, and
the first NaN that was in none of its inputs. Where there is none of these, they came with
the data or the weights, and what is told is the first call that carried them on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.dtypes import is_float
from minikeras.engine.interpret import Interpreter, base, scope_path, within
from minikeras.engine.primitive import Primitive
from minikeras.engine.state import State
from minikeras.engine.tensor import Tensor, host_array

# Functions in which a call may stand, and what the step is doing then.
_PHASES = {
    "gradient": "the gradient",
    "apply": "the optimizer's update",
    "compute_loss": "the loss",
}


@dataclass(frozen=True)
class Finding:
    """A call whose result is not finite.

    Attributes:
        value: `"NaN"` or `"infinity"`.
        op: The primitive's name.
        path: The layers it stands in, outermost first, with `/`; empty outside of layers.
        phase: What the step was doing: empty in the forward pass.
        count: How many values are so.
        shape: The shape of the result.
        made: Whether the call made it of finite numbers; else it came in, and the call was
            the first to carry it on.
    """

    value: str
    op: str
    path: str
    phase: str
    count: int
    shape: tuple[int, ...]
    made: bool = True

    def __str__(self) -> str:
        place = self.phase or ("" if self.path else "the step")
        if self.path:
            name = f"{self.path!r}" if place == "the loss" else f"layer {self.path!r}"
            place = f"{place} of {name}" if place else name
        size = int(np.prod(self.shape))
        did = "gave the first" if self.made else "was the first to meet"
        return (
            f"op {self.op!r} in {place} {did} {self.value} "
            f"({self.count} of {size} values, shape {self.shape})"
        )


class Found(Exception):
    """Ends a run in which a NaN was met."""


class Watching(Interpreter):
    """Runs calls eagerly and looks at their results.

    Attributes:
        infinity: The first infinity made of finite numbers, or None.
        nan: The first NaN made of numbers, or None.
        met_infinity: The first infinity that came with the inputs or the weights.
        met_nan: The first NaN that did.
    """

    wants_paths = True

    def __init__(self) -> None:
        self.infinity: Finding | None = None
        self.nan: Finding | None = None
        self.met_infinity: Finding | None = None
        self.met_nan: Finding | None = None
        # Whether inputs or weights are infinite: other infinities are meant, such as masks.
        self.brought = False
        # By id: the tensors of the forward pass and their paths, which say for a call of
        # the backward pass where it belongs. Holding them keeps ids unique.
        self._made: dict[int, tuple[Tensor, str]] = {}

    def run(
        self, prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]
    ) -> Any:
        """Run, and look, unless what goes in tells it all."""
        out = base().run(prim, arrays, static)
        given = [_kinds(a) for a in arrays]
        path = scope_path()
        known = [p for p in (self._path_of(a) for a in arrays) if p]
        for tensor in out if prim.multi else (out,):
            if path:
                self._made[id(tensor)] = tensor, path
            nan, infinite = _kinds(tensor)
            place = path or (known[-1] if known else "")
            if nan and not any(n for n, _ in given):
                self.nan = _finding("NaN", prim, place, nan, tensor)
                raise Found
            if nan and self.met_nan is None:
                self.met_nan = _finding("NaN", prim, place, nan, tensor, made=False)
            if infinite and self.met_infinity is None and self.brought:
                self.met_infinity = _finding(
                    "infinity",
                    prim,
                    place,
                    infinite,
                    tensor,
                    made=not any(map(any, given)),
                )
            made = infinite and prim.kind != "create" and not any(map(any, given))
            if made and self.infinity is None:
                self.infinity = _finding("infinity", prim, place, infinite, tensor)
        return out

    def _path_of(self, tensor: Tensor) -> str:
        return self._made[id(tensor)][1] if id(tensor) in self._made else ""

    def read(self, state: State) -> Tensor:
        """As the eager interpreter does."""
        value = base().read(state)
        self.brought |= _kinds(value)[1] > 0
        return value

    def assign(self, state: State, value: Tensor) -> None:
        """As the eager interpreter does."""
        base().assign(state, value)


def watch(function: Callable[..., Any], *args: object) -> tuple[Finding, ...]:
    """The first infinity and the first NaN in a call of `function`; what there is of them.

    Where none was made in it, what carried the first one on.
    """
    watching = Watching()
    leaves = [leaf for leaf in tree.flatten(args) if isinstance(leaf, Tensor)]
    watching.brought = any(_kinds(leaf)[1] for leaf in leaves)
    try:
        within(watching, function, *args)
    except Found:
        pass
    infinity = watching.met_infinity or watching.infinity
    nan = watching.nan or watching.met_nan
    return tuple(f for f in (infinity, nan) if f is not None)


def _kinds(tensor: Tensor) -> tuple[int, int]:
    """How many values are NaN, and how many are infinite."""
    if not is_float(tensor.dtype):
        return 0, 0
    array = host_array(tensor.value)
    if array.dtype.itemsize < 4:  # 16 bit floats have no fast functions
        array = array.astype(np.float32)
    if np.isfinite(array).all():
        return 0, 0
    return int(np.isnan(array).sum()), int(np.isinf(array).sum())


def _finding(
    value: str,
    prim: Primitive,
    path: str,
    count: int,
    tensor: Tensor,
    made: bool = True,
) -> Finding:
    frame, phase = sys._getframe(2), ""
    while frame is not None and not phase:
        phase = _PHASES.get(frame.f_code.co_name, "")
        frame = frame.f_back  # type: ignore[assignment]  # the loop ends at None
    return Finding(value, prim.name, path, phase, count, tuple(tensor.shape), made)
