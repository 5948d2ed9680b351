"""Recipes: what an op does with tensors of known shapes, without asking it again.

An op is Python: it promotes, checks, counts axes, and calls primitives, each of which
infers its result. For the same shapes, dtypes and Python values all of that ends in the
same calls of the same kernels. So an op that is called eagerly a second time in the same
way is run once more under `Noting`, which notes its calls; from then on they are
made from the `Recipe`, with the bits they had.

`Noting` stops at whatever hangs on more than shapes and Python values: a look at a
tensor's values, a variable, a warning. Such an op is called as it is for ever. So is one
whose arguments remember where they come from (`origins.py`), since its calls may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval
from minikeras.engine.interpret import MISS, Interpreter, base, current, within
from minikeras.engine.origins import LOGARITHMS, REMEMBERED, ROOTS, Origin
from minikeras.engine.primitive import PRIMITIVES, Primitive
from minikeras.engine.quiet import is_quiet, quietly, silence
from minikeras.engine.tensor import Tensor

if TYPE_CHECKING:
    from minikeras.engine.state import State

_MOST_BYTES = 1 << 16  # of constants that a recipe keeps
_ASKING = LOGARITHMS | REMEMBERED


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

    def __init__(self, backend: registry.Backend) -> None:
        self.backend = backend
        self.calls: list[Call] = []

    def run(
        self, prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]
    ) -> Any:
        if PRIMITIVES.get(prim.name) is not prim or prim.kind == "control":
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
        if prim.name in _ASKING and any(a.origin is not None for a in arrays):
            raise Unrepeatable  # its result, or the call itself, hangs on their past
        self.calls.append(Call(prim, arrays, static, outputs, inner))
        return out

    def read(self, state: State) -> Tensor:
        raise Unrepeatable

    def assign(self, state: State, value: Tensor) -> None:
        raise Unrepeatable

    def hangs_on_more(self) -> None:
        raise Unrepeatable


class Step(NamedTuple):
    """A call of a recipe; arrays are counted as they come, tensors given first.

    Attributes:
        run: The kernel for these shapes.
        inputs: The numbers of its arrays.
        first: The first of them, and `second`, or -1.
        dead: The numbers of arrays that nobody asks for after it.
    """

    prim: Primitive
    static: dict[str, Any]
    run: Callable[..., Any]
    inputs: tuple[int, ...]
    first: int
    second: int
    avals: tuple[Aval, ...]
    dead: tuple[int, ...]


def _alone(step: Step, result: int, constants: Sequence[Tensor]) -> Step | None:
    """The commonest: a step of one or two arrays, and numbers, which makes the result."""
    given = result - len(constants)
    run, places = step.run, [i for i in step.inputs if i < given]
    if not places:
        return None
    if len(places) < len(step.inputs):
        (number,) = [t.value for t in constants]
        if places[0] == step.first:
            run = partial(_with_number, run, number)
        else:
            run = partial(run, number)
    second = places[1] if len(places) == 2 else -1
    return step._replace(run=run, first=places[0], second=second)


def _with_number(run: Callable[..., Any], number: Any, array: Any) -> Any:
    return run(array, number)


class Recipe:
    """Calls of kernels, in order, and which results are wanted.

    Attributes:
        recordable: Whether a tape may note its calls as they are.
    """

    __slots__ = (
        *("backend", "steps", "constants", "results", "avals", "structure", "root"),
        *("recordable", "asking", "array_type", "one"),
    )

    def __init__(
        self,
        backend: registry.Backend,
        steps: list[Step],
        constants: list[Tensor],
        results: list[int],
        avals: list[Aval],
        structure: type | None,
        root: Step | None,
    ) -> None:
        self.backend = backend
        self.array_type = backend.array_type
        self.steps = steps
        self.constants = constants
        self.results = results
        self.avals = avals
        self.structure = structure
        self.root = root
        self.asking = any(s.prim.name in _ASKING for s in steps)
        self.recordable = all(
            s.prim.vjp is not None or s.prim.composition is None for s in steps
        )
        simple = len(steps) == 1 and structure is None and not steps[0].prim.multi
        simple = simple and root is None and steps[0].first >= 0
        self.one = _alone(steps[0], results[0], constants) if simple else None

    @property
    def stale(self) -> bool:
        """Whether another backend is in use now."""
        return registry._active is not self.backend

    def fits(self, tensors: Sequence[Tensor]) -> bool:
        """Whether they lie where the recipe's kernels want them."""
        if registry._active is not self.backend:
            return False
        wanted, asking = self.array_type, self.asking
        for t in tensors:
            if type(t.value) is not wanted or (asking and t.origin is not None):
                return False
        return True

    def arrays(self, tensors: Sequence[Tensor]) -> list[Any]:
        """The results of all steps behind the arrays of `tensors` and the constants.

        Those that are not wanted are gone: None.
        """
        made = [t.value for t in tensors]
        made += [t.value for t in self.constants]
        return self.filled(made)

    def made(self, tensors: Sequence[Tensor]) -> Any:
        """The op's result for tensors that fit."""
        one = self.one
        if one is not None:
            run, first = one.run, tensors[one.first].value
            if one.second < 0:
                out = run(first) if is_quiet() else silence().run(run, first)
            else:
                second = tensors[one.second].value
                if is_quiet():
                    out = run(first, second)
                else:
                    out = silence().run(run, first, second)
            return Tensor(out, one.avals[0])
        made = quietly(self.arrays, tensors)
        given = len(tensors)
        found = [
            tensors[i] if i < given else Tensor(made[i], aval)
            for i, aval in zip(self.results, self.avals)
        ]
        return self.whole(tensors, found)

    def filled(self, made: list[Any]) -> list[Any]:
        for _, _, run, inputs, first, second, avals, dead in self.steps:
            if first >= 0:
                out = run(made[first]) if second < 0 else run(made[first], made[second])
            else:
                out = run(*[made[i] for i in inputs])
            if len(avals) == 1:
                made.append(out)
            else:
                made += out
            for i in dead:
                made[i] = None
        return made

    def tensors(
        self, given: Sequence[Tensor], note: Callable[..., None]
    ) -> list[Tensor]:
        """The same as tensors, each call told to `note(prim, inputs, outputs, static)`."""
        made = [*given, *self.constants]
        for step in self.steps:
            inputs = tuple([made[i] for i in step.inputs])
            out = step.run(*[t.value for t in inputs])
            avals = step.avals
            if step.prim.multi:
                outputs = tuple([Tensor(v, a) for v, a in zip(out, avals)])
            else:
                outputs = (Tensor(out, avals[0]),)
            note(step.prim, inputs, outputs, step.static)
            made += outputs
        return made

    def whole(self, given: Sequence[Tensor], found: list[Tensor]) -> Any:
        """The results in the op's structure."""
        if self.structure is not None:
            return self.structure(found)
        result = found[0]
        root = self.root
        if root is not None:
            inputs = tuple([given[i] for i in root.inputs])
            result.origin = Origin(root.prim, inputs, (), root.static)
        return result


def follow(recipe: Recipe, tensors: Sequence[Tensor]) -> Any:
    """What the current interpreter makes of a recipe: its results, or `MISS`."""
    now = current()
    if now is not base():
        return now.follow(recipe, tensors)
    return recipe.made(tensors) if recipe.fits(tensors) else MISS


def noted(
    function: Callable[..., Any], tensors: Sequence[Tensor], *args: Any, **kwargs: Any
) -> Recipe | None:
    """The recipe of `function(*args, **kwargs)`, which is called; None if there is none.

    Args:
        function: Gives a tensor, or a tuple or list of them.
        tensors: Those among the arguments, each once, made for this call.
        *args: Its arguments.
        **kwargs: Those by keyword.
    """
    backend = registry.active()
    noting = Noting(backend)
    try:
        result = within(noting, function, *args, **kwargs)
    except (
        Exception
    ):  # also what the op itself raises: the call proper will raise it too
        return None
    return recipe_of(noting.calls, tensors, result, backend)


def recipe_of(
    calls: Sequence[Call],
    given: Sequence[Tensor],
    result: Any,
    backend: registry.Backend,
) -> Recipe | None:
    """The recipe of calls that were noted, None where one cannot be followed."""
    structure = type(result) if type(result) in (tuple, list) else None
    results = [result] if structure is None else list(result)
    if not results or not all(type(t) is Tensor for t in results):
        return None
    number = {id(t): i for i, t in enumerate(given)}
    outside: dict[int, Tensor] = {}
    kept = []
    for call in calls:
        if not call.inputs and call.outputs[0].aval.size == 1:
            continue  # a number: a constant
        kept.append(call)
    inside = {id(t) for call in kept for t in call.outputs}
    for call in kept:
        for t in call.inputs:
            if id(t) not in number and id(t) not in inside:
                outside[id(t)] = t
    if sum(t.aval.nbytes for t in outside.values()) > _MOST_BYTES:
        return None
    for key in outside:
        number[key] = len(number)
    for call in kept:
        for t in call.outputs:
            number[id(t)] = len(number)
    wanted = [number.get(id(t), -1) for t in results]
    if any(i < 0 or id(t) in outside for i, t in zip(wanted, results)):
        return None  # a constant: whoever gets it may watch it
    last: dict[int, int] = {}
    for at, call in enumerate(kept):
        for t in (*call.outputs, *call.inputs):
            last[number[id(t)]] = at
    first = len(given) + len(outside)
    dead: list[list[int]] = [[] for _ in kept]
    for i, at in last.items():
        if i >= first and i not in wanted:
            dead[at].append(i)
    steps = []
    for at, call in enumerate(kept):
        run = _kernel(call, backend)
        if run is None:
            return None
        inputs = tuple([number[id(t)] for t in call.inputs])
        few = 0 < len(inputs) <= 2
        step = Step(
            *(call.prim, call.static, run, inputs),
            inputs[0] if few else -1,
            inputs[1] if len(inputs) == 2 else -1,
            tuple([t.aval for t in call.outputs]),
            tuple(dead[at]),
        )
        steps.append(step)
    root = None
    for t, i in zip(results, wanted):
        if t.origin is None or i < len(given):
            continue
        step = steps[-1]
        of_given = all(j < len(given) for j in step.inputs)
        last_made = structure is None and i == len(number) - 1
        if not last_made or step.prim.name not in ROOTS or not of_given:
            return None
        root = step
    avals = [t.aval for t in results]
    constants = list(outside.values())
    return Recipe(backend, steps, constants, wanted, avals, structure, root)


def _kernel(call: Call, backend: registry.Backend) -> Callable[..., Any] | None:
    """The function of arrays that makes a call's results."""
    if call.inner is not None:
        result = call.outputs if call.prim.multi else call.outputs[0]
        whole = recipe_of(call.inner, call.inputs, result, backend)
        return None if whole is None else partial(_composed, whole)
    return backend.prepared(
        call.prim.name, call.static, [t.aval for t in call.inputs], call.outputs[0].aval
    )


def _composed(recipe: Recipe, *arrays: Any) -> Any:
    made = recipe.filled([*arrays, *[t.value for t in recipe.constants]])
    if recipe.structure is None:
        return made[recipe.results[0]]
    return tuple([made[i] for i in recipe.results])
