"""Gradients by recipes: a loop asks each rule of its backward pass once.

What a tape has recorded is a structure: primitives, their keywords, which results go in
where, and shapes and dtypes of what comes from outside. Of two gradients with the same
structure the kernels are the same, and their order; only arrays differ. So the second one
is noted (`recipes.py`) and the third follows its recipe: no rule, no shape rule and no search
for what depends on what. The bits are those of the plain backward pass.

A structure with rows that are not in the table (a gradient of the user's own, which is
Python and may do what it likes) or loops has no recipe. The 64 used last are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine.forgetting import remembered
from minikeras.engine.interpret import base, current
from minikeras.engine.noting import noted
from minikeras.engine.origins import LOGARITHMS
from minikeras.engine.primitive import PRIMITIVES
from minikeras.engine.prims import full
from minikeras.engine.quiet import quietly
from minikeras.engine.recipes import Recipe
from minikeras.engine.records import Bundle, Record, records_of
from minikeras.engine.tensor import Tensor

Seeds = Sequence[tuple[Tensor, "Tensor | None"]]
Backward = Callable[..., "list[Tensor | None]"]
_CALLS = 2  # of one structure, before the next one follows a recipe
_MOST_KEPT = 64
_MOST_RECORDS = 4096


class _Kept:
    """A recipe, and which of the sources its results belong to."""

    __slots__ = ("recipe", "places")

    def __init__(self, recipe: Recipe, places: list[int]) -> None:
        self.recipe = recipe
        self.places = places

    def gradients(self, arrays: list[Any], count: int) -> list[Tensor | None] | None:
        """Of so many sources; None where an array is another backend's."""
        recipe = self.recipe
        wanted = recipe.array_type
        if not all(type(a) is wanted for a in arrays):
            return None
        return self.placed(quietly(recipe.filled, arrays), count)

    def placed(self, made: list[Any], count: int) -> list[Tensor | None]:
        """The gradients among all arrays of the recipe."""
        recipe = self.recipe
        answer: list[Tensor | None] = [None] * count
        for place, i, aval in zip(self.places, recipe.results, recipe.avals):
            answer[place] = Tensor(made[i], aval)
        return answer


_known: dict[Any, _Kept | int | None] = remembered()


class _Structure:
    """The key of a gradient, and the arrays that make it this one, in order."""

    def __init__(self) -> None:
        self.key: list[Any] = []
        self.arrays: list[Any] = []
        self.number: dict[int, int] = {}  # of tensors, by id
        self.starts: list[int] = []  # for each bundle the number of what it made first

    def given(self, tensor: Tensor) -> int:
        """The number of a tensor that may come from outside."""
        found = self.number.get(id(tensor))
        if found is None:
            aval = tensor.aval
            self.key += (aval.shape, aval.dtype)
            found = self.made(tensor)
        return found

    def made(self, tensor: Tensor) -> int:
        """The number of a tensor that is known by what made it."""
        found = self.number[id(tensor)] = len(self.arrays)
        self.arrays.append(tensor.value)
        return found

    def add_bundle(self, bundle: Bundle) -> None:
        """An op that followed its recipe."""
        recipe, key = bundle.recipe, self.key
        key.append(recipe)
        key.append(bundle.live)
        for t in bundle.given:
            at = self.number.get(id(t))
            key.append(self.given(t) if at is None else at)
        start = len(self.arrays)
        self.starts.append(start)
        outside = recipe.given + len(recipe.constants)
        self.arrays += bundle.arrays[outside:]
        for i, t in zip(recipe.results, bundle.results):
            if i >= outside:
                self.number[id(t)] = start + i - outside

    def add_record(self, record: Record) -> bool:
        """A call; False where its gradient hangs on more than shapes."""
        prim = record.prim
        if PRIMITIVES.get(prim.name) is not prim or prim.kind == "control":
            return False
        self.key.append(prim)
        if record.static:
            self.key.append(_static(record.static))
        for t in record.inputs:
            self.key.append(self.given(t))
        for t in record.outputs:
            self.made(t)
        return True


def _structure(
    kept: Sequence[Record | Bundle], seeds: Seeds, sources: Sequence[Tensor]
) -> _Structure | None:
    found = _Structure()
    key, given = found.key, found.given
    for one in kept:
        if type(one) is Bundle:
            found.add_bundle(one)
        elif not found.add_record(one):  # type: ignore[arg-type]  # it is no bundle
            return None
    key.append(len(seeds))
    for t, g in seeds:
        key.append(given(t))
        key.append(None if g is None else given(g))
    key += [given(t) for t in sources]
    return found


def _static(static: dict[str, Any]) -> tuple[Any, ...]:
    """Keywords as a key; 0.0 is not -0.0."""
    return tuple([(k, v.hex() if type(v) is float else v) for k, v in static.items()])


def gradients(
    backward: Backward,
    kept: Sequence[Record | Bundle],
    seeds: Seeds,
    sources: Sequence[Tensor],
) -> list[Tensor | None] | None:
    """What the plain backward pass would give, by a recipe; None where there is none.

    Args:
        backward: The plain backward pass: of records, seeds and sources.
        kept: What the tape has, in order.
        seeds: Targets with their cotangents; None stands for ones.
        sources: What the gradients are by.
    """
    if current() is not base() or not 0 < len(kept) <= _MOST_RECORDS:
        return None
    if not all(g is None or type(g) is Tensor for _, g in seeds):
        return None
    found = _structure(kept, seeds, sources)
    if found is None:
        return None
    key = tuple(found.key)
    try:
        known = _known.pop(key, 0)
    except TypeError:  # a keyword that cannot be hashed
        return None
    answer: list[Tensor | None] | None = None
    if isinstance(known, _Kept):
        if known.recipe.stale:
            return None
        answer = known.gradients(found.arrays, len(sources))
    elif known is not None:
        known += 1
        if known == _CALLS:
            known, answer = _note(found, backward, kept, seeds, sources)
    while len(_known) >= _MOST_KEPT:
        try:
            _known.pop(next(iter(_known), None), None)
        except RuntimeError:  # another thread has changed it between
            continue
    _known[key] = known  # the last one is the one used last
    return answer


def filled(seeds: Seeds) -> list[tuple[Tensor, Tensor]]:
    """Seeds with ones where none are given."""
    return [
        (t, full(shape=t.shape, dtype=t.aval.dtype, value=1) if g is None else g)
        for t, g in seeds
    ]


def _note(
    found: _Structure,
    backward: Backward,
    kept: Sequence[Record | Bundle],
    seeds: Seeds,
    sources: Sequence[Tensor],
) -> tuple[_Kept | None, list[Tensor | None] | None]:
    # The structure once more on tensors of its own, so that noting sees which of them a
    # call reads, and nothing that the caller holds is kept.
    own = [Tensor(array) for array in found.arrays]
    of = {key: own[i] for key, i in found.number.items()}
    starts = iter(found.starts)
    copies: list[Record] = []
    for one in kept:
        if isinstance(one, Record):
            inputs = [of[id(t)] for t in one.inputs]
            outputs = [of[id(t)] for t in one.outputs]
            copies.append(Record(one.prim, inputs, outputs, one.static))
            continue
        recipe, start = one.recipe, next(starts)
        count = sum(len(call.avals) for call in recipe.calls)
        tensors = [of[id(t)] for t in one.given] + recipe.constants
        copies += records_of(recipe, tensors + own[start : start + count], one.live)
    begin = [(of[id(t)], None if g is None else of[id(g)]) for t, g in seeds]
    end = [of[id(t)] for t in sources]
    places: list[int] = []

    def run() -> tuple[Tensor, ...]:
        made = backward(copies, filled(begin), end)
        places.extend(i for i, t in enumerate(made) if t is not None)
        return tuple([t for t in made if t is not None])

    whole = noted(run, own, asking=LOGARITHMS)
    if whole is None or whole.recipe.asking:
        return None, None
    made = _Kept(whole.recipe, places)
    return made, made.placed(whole.arrays, len(sources))
