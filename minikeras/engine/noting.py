"""Noting what an op does, to make a recipe of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from minikeras.engine import backend as registry
from minikeras.engine.dtypes import is_inexact
from minikeras.engine.interpret import Interpreter, base, within
from minikeras.engine.origins import LOGARITHMS, REMEMBERED, ROOTS
from minikeras.engine.primitive import PRIMITIVES, Primitive
from minikeras.engine.recipes import KernelCall, Recipe
from minikeras.engine.tensor import Tensor

if TYPE_CHECKING:
    from minikeras.engine.state import State

_MOST_BYTES = 1 << 14  # of constants that a recipe keeps
_SMALL = 1 << 12  # of a constant that is kept rather than made each time
# What is Python, and what hangs on which rows of a batch are here.
_NEVER = ("control", "random")
ASKING = LOGARITHMS | REMEMBERED


class Unrepeatable(Exception):
    """What is being noted hangs on more than shapes."""


class Call(NamedTuple):
    """A call of a primitive that was noted.

    Attributes:
        inner: Of a row without a kernel, the calls of its composition.
    """

    prim: Primitive
    inputs: tuple[Tensor, ...]
    static: dict[str, Any]
    outputs: tuple[Tensor, ...]
    inner: list[Call] | None


class Noting(Interpreter):
    """Runs eagerly, and notes the calls."""

    def __init__(self, backend: registry.Backend, asking: frozenset[Primitive]) -> None:
        self.backend = backend
        self.asking = asking
        self.calls: list[Call] = []

    def run(
        self, prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]
    ) -> Any:
        if PRIMITIVES.get(prim.name) is not prim or prim.kind in _NEVER:
            raise Unrepeatable
        inner = None
        if self.backend.eager_kernel(prim.name) is not None:
            out = base().run(prim, arrays, static)
        elif prim.composition is None:
            raise Unrepeatable
        else:
            calls, self.calls = self.calls, []
            out = prim.composition(*arrays, **static)
            inner, self.calls = self.calls, calls
        outputs = tuple(out) if prim.multi else (out,)
        if prim in self.asking and any(a.origin is not None for a in arrays):
            raise Unrepeatable  # its result, or the call itself, hangs on their past
        self.calls.append(Call(prim, arrays, static, outputs, inner))
        return out

    def read(self, state: State) -> Tensor:
        raise Unrepeatable

    def assign(self, state: State, value: Tensor) -> None:
        raise Unrepeatable

    def hangs_on_more(self) -> None:
        raise Unrepeatable


class Noted(NamedTuple):
    """A recipe.

    Attributes:
        arrays: All arrays of the calls that it was made of.
    """

    recipe: Recipe
    arrays: list[Any]


def noted(
    function: Callable[[], Any],
    tensors: Sequence[Tensor],
    asking: frozenset[Primitive] = ASKING,
) -> Noted | None:
    """The recipe of what `function` does, which is called; None if there is none.

    Args:
        function: Gives a tensor, or a tuple or list of them.
        tensors: What it does that with, each once, made for this call.
        asking: The rows whose result, or whose call, hangs on where tensors come from.
    """
    backend = registry.active()
    noting = Noting(backend, asking)
    try:
        result = within(noting, function)
        return recipe_of(noting.calls, tensors, result, backend, asking)
    except Exception:  # what the op itself raises too: its next call will raise it
        return None


def recipe_of(
    calls: Sequence[Call],
    given: Sequence[Tensor],
    result: Any,
    backend: registry.Backend,
    asking: frozenset[Primitive],
) -> Noted | None:
    """The recipe of calls that were noted, None where one cannot be followed."""
    structure = type(result) if type(result) in (tuple, list) else None
    results = [result] if structure is None else list(result)
    if not results or not all(type(t) is Tensor for t in results):
        return None
    if any(getattr(t, "_keras_mask", None) is not None for t in results):
        return None  # a recipe makes bare tensors
    # A large constant would be kept alive by every recipe that it went into.
    kept, outside = _needed(calls, given, results)
    if sum(t.aval.nbytes for t in outside) > _MOST_BYTES:
        return None
    # As a recipe counts: given, constants, and then what each call makes. By identity: the
    # tensors of one noting are all alive until it ends.
    number = {id(t): i for i, t in enumerate((*given, *outside))}
    fixed = len(number)
    for call in kept:
        for t in call.outputs:
            number[id(t)] = len(number)
    wanted = [number.get(id(t), -1) for t in results]
    if any(i < 0 or len(given) <= i < fixed for i in wanted):
        return None  # a constant: whoever gets it may watch it
    # The inside of a composed row, or of a backward pass, has no results of its own that
    # anybody could take the logarithm of.
    root = _root(kept, given, results) if asking is ASKING else None
    if root is not None and (structure is not None or wanted[0] != len(number) - 1):
        return None
    prepared = _prepared(kept, number, fixed, wanted, backend)
    if prepared is None:
        return None
    recipe = Recipe(
        backend=backend,
        calls=prepared,
        given=len(given),
        constants=outside,
        results=wanted,
        avals=[t.aval for t in results],
        structure=structure,
        root=None if root is None else prepared[-1],
        asking=any(s.prim in asking for s in prepared),
        reached=_reached(prepared, len(given), fixed, wanted),
    )
    made = [t for call in kept for t in call.outputs]
    return Noted(recipe, [t.value for t in (*given, *outside, *made)])


def constant(function: Callable[[], Any]) -> Tensor | None:
    """What `function` makes of nothing but Python values, which is called.

    None where it makes something else than one tensor, or where that hangs on more.
    """
    try:
        result = within(Noting(registry.active(), ASKING), function)
    except Exception:  # what the op itself raises too: its next call will raise it
        return None
    plain = type(result) is Tensor and result.origin is None
    return result if plain and not hasattr(result, "_keras_mask") else None


def _needed(
    calls: Sequence[Call], given: Sequence[Tensor], results: Sequence[Tensor]
) -> tuple[list[Call], list[Tensor]]:
    """The calls that the results hang on, and the constants that go into them.

    What is made of constants alone is one, if it is small.
    """
    wanted = {id(t) for t in results}
    varying = {id(t) for t in given}
    kept = []
    for call in calls:
        fixed = not any(id(t) in varying for t in call.inputs)
        small = sum(t.aval.nbytes for t in call.outputs) <= _SMALL
        if fixed and small and not any(id(t) in wanted for t in call.outputs):
            continue
        kept.append(call)
        varying.update(map(id, call.outputs))
    needed: list[Call] = []
    for call in reversed(kept):
        if any(id(t) in wanted for t in call.outputs):
            needed.append(call)
            wanted.update(map(id, call.inputs))
    needed.reverse()
    inputs = {id(t): t for call in needed for t in call.inputs}
    return needed, [t for key, t in inputs.items() if key not in varying]


def _root(
    calls: Sequence[Call], given: Sequence[Tensor], results: Sequence[Tensor]
) -> Call | None:
    """The call whose result is to remember where it comes from, if there is one.

    Raises:
        Unrepeatable: If that is another than the last one, on what was given.
    """
    ids = {id(t) for t in given}
    if all(t.origin is None or id(t) in ids for t in results):
        return None
    last = calls[-1]
    if last.prim not in ROOTS or not all(id(t) in ids for t in last.inputs):
        raise Unrepeatable
    return last


def _prepared(
    calls: Sequence[Call],
    number: dict[int, int],
    fixed: int,
    wanted: Sequence[int],
    backend: registry.Backend,
) -> list[KernelCall] | None:
    last: dict[int, int] = {}
    for at, call in enumerate(calls):
        for t in (*call.outputs, *call.inputs):
            last[number[id(t)]] = at
    dead: list[list[int]] = [[] for _ in calls]
    for i, at in last.items():
        if i >= fixed and i not in wanted:
            dead[at].append(i)
    made = []
    for at, call in enumerate(calls):
        run = _kernel(call, backend)
        if run is None:
            return None
        inputs = tuple([number[id(t)] for t in call.inputs])
        few = 0 < len(inputs) <= 2
        kernel_call = KernelCall(
            *(call.prim, call.static, run, inputs),
            inputs[0] if few else -1,
            inputs[1] if len(inputs) == 2 else -1,
            tuple([t.aval for t in call.outputs]),
            tuple(dead[at]),
        )
        made.append(kernel_call)
    return made


def _reached(
    calls: Sequence[KernelCall], given: int, fixed: int, wanted: Sequence[int]
) -> list[tuple[int, ...]]:
    """For each result the numbers of the given ones that a gradient may reach from it."""
    reach: list[set[int]] = [{i} for i in range(given)]
    reach += [set() for _ in range(fixed - given)]
    for call in calls:
        passed: set[int] = set()
        if call.prim.vjp is not None:
            passed = passed.union(*[reach[i] for i in call.inputs])
        reach += [passed if is_inexact(a.dtype) else set() for a in call.avals]
    return [tuple(sorted(reach[i])) if i >= given else () for i in wanted]


def _kernel(call: Call, backend: registry.Backend) -> Callable[..., Any] | None:
    """The function of arrays that makes a call's results."""
    if call.inner is not None:
        result = call.outputs if call.prim.multi else call.outputs[0]
        whole = recipe_of(call.inner, call.inputs, result, backend, frozenset())
        return None if whole is None else partial(_composed, whole.recipe)
    return backend.prepared(
        call.prim.name, call.static, [t.aval for t in call.inputs], call.outputs[0].aval
    )


def _composed(recipe: Recipe, *arrays: object) -> Any:
    made = recipe.filled(list(arrays))
    if recipe.structure is None:
        return made[recipe.results[0]]
    return tuple([made[i] for i in recipe.results])
