"""Recipes: what an op does with tensors of known shapes, without asking it again.

An op is Python: it promotes, checks, counts axes, and calls primitives, each of which
infers its result. For the same shapes, dtypes and Python values all of that ends in the
same calls of the same kernels. So an op that is called eagerly a second time in the same
way is run once more while its calls are noted (`noting.py`); from then on they are made
from the `Recipe`, with the bits they had.

Noting stops at whatever hangs on more than shapes and Python values: a look at a
tensor's values, a variable, a warning. Such an op is called as it is for ever. So is one
whose arguments remember where they come from (`origins.py`), since its calls may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval
from minikeras.engine.interpret import MISS, base, current
from minikeras.engine.origins import LOGARITHMS, Origin
from minikeras.engine.primitive import Primitive
from minikeras.engine.quiet import is_quiet, quietly, silence
from minikeras.engine.tensor import Tensor


class KernelCall(NamedTuple):
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


def _alone(
    call: KernelCall, given: int, constants: Sequence[Tensor]
) -> KernelCall | None:
    """The commonest: a call of one or two arrays, and numbers, which makes the result."""
    # A number is bound into the kernel, so that `made` has arrays alone to look up.
    run, places = call.run, [i for i in call.inputs if i < given]
    if not places:
        return None
    if len(places) < len(call.inputs):
        (number,) = [t.value for t in constants]
        if places[0] == call.first:
            run = partial(_with_number, run, number)
        else:
            run = partial(run, number)
    second = places[1] if len(places) == 2 else -1
    return call._replace(run=run, first=places[0], second=second)


def _with_number(run: Callable[..., Any], number: object, array: object) -> Any:
    return run(array, number)


class Recipe:
    """Calls of kernels, in order, and which results are wanted.

    Attributes:
        recordable: Whether a tape may note its calls as they are.
    """

    __slots__ = (
        *("backend", "calls", "given", "constants", "results", "avals", "structure"),
        *("root", "asking", "reached", "recordable", "array_type", "one", "numbers"),
        *("logarithms",),
    )

    def __init__(
        self,
        *,
        backend: registry.Backend,
        calls: list[KernelCall],
        given: int,
        constants: list[Tensor],
        results: list[int],
        avals: list[Aval],
        structure: type | None,
        root: KernelCall | None,
        asking: bool,
        reached: list[tuple[int, ...]],
    ) -> None:
        self.backend = backend
        self.array_type = backend.array_type
        self.calls = calls
        self.given = given
        self.constants = constants
        self.numbers = [t.value for t in constants]
        self.results = results
        self.avals = avals
        self.structure = structure
        self.root = root
        self.asking = asking
        self.reached = reached
        self.logarithms = any(s.prim in LOGARITHMS for s in calls)
        # Of a composed row without a rule of its own a tape wants the calls inside.
        self.recordable = all(
            s.prim.vjp is not None or s.prim.composition is None for s in calls
        )
        simple = len(calls) == 1 and structure is None and not calls[0].prim.multi
        simple = simple and root is None and calls[0].first >= 0
        self.one = _alone(calls[0], given, constants) if simple else None

    @property
    def stale(self) -> bool:
        """Whether another backend is in use now."""
        return registry._active is not self.backend

    def fits(self, tensors: Sequence[Tensor]) -> bool:
        """Whether they lie where the recipe's kernels want them."""
        # Read as it is: `active()` would load a backend, and is a call more for each op.
        if registry._active is not self.backend:
            return False
        wanted, asking = self.array_type, self.asking
        for t in tensors:
            # A type, not a subclass of it: an array of a memory map, or a staged value,
            # takes the way of plain calls.
            if type(t.value) is not wanted or (asking and t.origin is not None):
                return False
        return True

    def made(self, tensors: Sequence[Tensor]) -> Any:
        """The op's result for tensors that fit."""
        one = self.one
        if one is not None:
            # Spelt out twice: to set NumPy's error state costs more than a small kernel,
            # so it is set only where it is not set already, and nothing is packed.
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
        made = quietly(self.filled, [t.value for t in tensors])
        return self.whole(tensors, self.found(tensors, made))

    def found(self, tensors: Sequence[Tensor], made: Sequence[Any]) -> list[Tensor]:
        """The results as tensors, of all arrays; one that is given is that tensor."""
        given = self.given
        return [
            tensors[i] if i < given else Tensor(made[i], aval)
            for i, aval in zip(self.results, self.avals)
        ]

    def filled(self, made: list[Any], keep: bool = False) -> list[Any]:
        """All arrays: those given, the constants, and what the calls make.

        Args:
            made: The arrays given; the others are added.
            keep: Whether those that are no results stay too; else they become None.
        """
        made += (
            self.numbers
        )  # numbers of arrays: given, constants, then what calls make
        for prim, _, run, inputs, first, second, _, dead in self.calls:
            if first >= 0:
                out = run(made[first]) if second < 0 else run(made[first], made[second])
            else:
                out = run(*[made[i] for i in inputs])
            if prim.multi:
                made += out
            else:
                made.append(out)
            # As plain calls would: what nobody refers to any more is freed before the
            # next call allocates, and the allocator gives it the same memory.
            if dead and not keep:
                for i in dead:
                    made[i] = None
        return made

    def tensors(
        self, given: Sequence[Tensor], note: Callable[..., None]
    ) -> list[Tensor]:
        """The same as tensors, each call told to `note(prim, inputs, outputs, static)`."""
        made = [*given, *self.constants]
        for call in self.calls:
            inputs = tuple(
                [made[i] for i in call.inputs]
            )  # a list: no generator to start
            out = call.run(*[t.value for t in inputs])
            avals = call.avals
            if call.prim.multi:
                outputs = tuple([Tensor(v, a) for v, a in zip(out, avals)])
            else:
                outputs = (Tensor(out, avals[0]),)
            note(call.prim, inputs, outputs, call.static)
            made += outputs
        return made

    def whole(self, given: Sequence[Tensor], found: list[Tensor]) -> Any:
        """The results in the op's structure."""
        if self.structure is not None:
            return self.structure(found)
        result = found[0]
        root = self.root
        if root is not None:  # the result of a softmax: its logarithm is to be stable
            inputs = tuple([given[i] for i in root.inputs])
            result.origin = Origin(root.prim, inputs, (), root.static)
        return result


def follow(
    recipe: Recipe, tensors: Sequence[Tensor], arrays: list[Any] | None = None
) -> Any:
    """What the current interpreter makes of a recipe: its results, or `MISS`.

    Args:
        recipe: The op's calls.
        tensors: What it is given.
        arrays: All that these calls make of it, where that is known already.
    """
    now = current()
    if now is not base():
        return now.follow(recipe, tensors, arrays)
    if arrays is not None:
        return now.follow(recipe, tensors, arrays)
    return recipe.made(tensors) if recipe.fits(tensors) else MISS
