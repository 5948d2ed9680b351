"""Reverse-mode differentiation: a tape that records, and the backward loop.

A `Tape` is an interpreter: it passes every call to its parent (eager, staging or
an outer tape) and records those that depend on something watched. The backward
loop walks the records in reverse and calls each row's `vjp`; those rules run
under the interpreter that is current at that time, so an outer tape sees them
(second order) and staging turns them into nodes like any other.

Broadcasting is undone in one place, `_match`: rules may return a cotangent of the
broadcast shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from minikeras.engine import tree
from minikeras.engine.cotangents import Cotangents, Part
from minikeras.engine.dtypes import is_inexact
from minikeras.engine.gradient_recipes import filled, gradients
from minikeras.engine.interpret import (
    MISS,
    Block,
    Interpreter,
    base,
    current,
    interpreting,
)
from minikeras.engine.jacobians import Jacobians
from minikeras.engine.origins import LOGARITHMS
from minikeras.engine.passes.stabilise import stabilise
from minikeras.engine.primitive import Context, Primitive
from minikeras.engine.prims import add, full, reshape
from minikeras.engine.prims import slice as slice_
from minikeras.engine.prims import sum as sum_
from minikeras.engine.quiet import quietly
from minikeras.engine.records import Bundle, Record
from minikeras.engine.state import State
from minikeras.engine.tensor import Tensor

if TYPE_CHECKING:
    from minikeras.engine.recipes import Recipe


class Tape(Interpreter):
    """Records calls that depend on watched tensors, then lets the parent run them."""

    def __init__(self, parent: Interpreter, watch_states: bool) -> None:
        self.parent = parent
        self.staging, self.eager = parent.staging, parent.eager
        self.wants_paths = parent.wants_paths
        self.watch_states = watch_states
        self.kept: list[Record | Bundle] = []
        self.tracked: dict[int, Tensor] = {}  # by id; holding them keeps ids unique
        self.state_tensors: dict[State, dict[int, Tensor]] = {}

    def watch(self, tensor: Tensor) -> None:
        self.tracked[id(tensor)] = tensor

    def run(
        self, prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]
    ) -> Any:
        tracked = self.tracked
        if prim.vjp is None:
            if prim.composition is not None and any(id(a) in tracked for a in arrays):
                return prim.composition(*arrays, **static)  # its parts are recorded
            return self.parent.run(prim, arrays, static)
        out = self.parent.run(prim, arrays, static)
        # By identity: what nothing watched went into is a constant, and its ops are not kept.
        for a in arrays:
            if id(a) in tracked:
                self.record(Record(prim, arrays, out if prim.multi else (out,), static))
                break
        return out

    def follow(
        self, recipe: Recipe, tensors: Sequence[Tensor], arrays: list[Any] | None = None
    ) -> Any:
        tracked = self.tracked
        live = tuple([id(t) in tracked for t in tensors])
        if True not in live:
            return self.parent.follow(recipe, tensors, arrays)
        if not recipe.recordable or not recipe.fits(tensors):
            return MISS
        if self.parent is not base():
            return self._follow_nested(recipe, tensors)
        if arrays is None:
            arrays = quietly(recipe.filled, [t.value for t in tensors], True)
        results = recipe.found(tensors, arrays)
        for t, reached in zip(results, recipe.reached):
            if any(live[i] for i in reached):
                tracked[id(t)] = t
        self.kept.append(Bundle(recipe, tensors, live, arrays, results))
        return recipe.whole(tensors, results)

    def _follow_nested(self, recipe: Recipe, tensors: Sequence[Tensor]) -> Any:
        """Under tapes that share what is made between, tensor by tensor."""
        tapes = [self]
        outer = self.parent
        while type(outer) is Tape:
            tapes.append(outer)
            outer = outer.parent
        if outer is not base():
            return MISS
        made = quietly(recipe.tensors, tensors, partial(_note_all, tapes[::-1]))
        return recipe.whole(tensors, [made[i] for i in recipe.results])

    @property
    def records(self) -> list[Record]:
        """All calls, one by one, in order."""
        found: list[Record] = []
        for one in self.kept:
            found += [one] if isinstance(one, Record) else one.records()
        if len(found) != len(self.kept) or any(type(r) is Bundle for r in self.kept):
            for record in found:
                self._track(record)
            self.kept = [*found]
        return found

    def note_call(
        self,
        prim: Primitive,
        inputs: tuple[Tensor, ...],
        outputs: tuple[Tensor, ...],
        static: dict[str, Any],
    ) -> None:
        """Record a call that has been made, if it depends on something watched."""
        if prim.vjp is not None:
            tracked = self.tracked
            for t in inputs:
                if id(t) in tracked:
                    self.record(Record(prim, inputs, outputs, static))
                    return

    def record(self, record: Record) -> None:
        self.kept.append(record)
        self._track(record)

    def _track(self, record: Record) -> None:
        for t in record.outputs:
            if is_inexact(t.dtype):
                self.tracked[id(t)] = t

    def read(self, state: State) -> Tensor:
        tensor = self.parent.read(state)
        if self.watch_states and state.trainable:
            self.note(state, tensor)
        return tensor

    def note(self, state: State, tensor: Tensor) -> None:
        """Remember that `tensor` is the value of a watched state.

        A value that was assigned under the tape, computed from an earlier one, is a
        result like any other: the derivative is by the value before.
        """
        values = self.state_tensors.setdefault(state, {})
        if values and id(tensor) not in values and id(tensor) in self.tracked:
            return
        self.tracked[id(tensor)] = tensor
        values[id(tensor)] = tensor

    def assign(self, state: State, value: Tensor) -> None:
        self.parent.assign(state, value)


def _has_logarithms(kept: Record | Bundle) -> bool:
    """Whether there may be something to stabilise."""
    if isinstance(kept, Bundle):
        return kept.recipe.logarithms
    return kept.prim in LOGARITHMS


def _note_all(tapes: Sequence[Tape], *call: Any) -> None:
    for tape in tapes:
        tape.note_call(*call)


def _zeros(like: Tensor) -> Tensor:
    return full(shape=like.shape, dtype=like.dtype, value=0)


def _match(cotangent: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The cotangent summed back to `shape`, from which it was broadcast."""
    if cotangent.shape == shape:
        return cotangent
    extra = cotangent.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra
        for i, d in enumerate(shape)
        if d == 1 and cotangent.shape[i + extra] != 1
    )
    if axes:
        cotangent = sum_(cotangent, axes=axes, keepdims=False)
    return cotangent if cotangent.shape == shape else reshape(cotangent, shape=shape)


def _part(record: Record, gs: Sequence[Tensor | None]) -> Part | None:
    """What a slice without steps gives: a part of its operand's cotangent."""
    static = record.static
    if record.prim is not slice_ or any(step != 1 for step in static["steps"]):
        return None
    (g,) = gs
    assert g is not None
    return Part(g, static["starts"], static["stops"])


def _reachable(records: Sequence[Record], sources: Iterable[Tensor]) -> set[int]:
    """Ids of all tensors that depend on the sources."""
    ids = {id(t) for t in sources}
    for record in records:
        if any(id(t) in ids for t in record.inputs):
            ids.update(id(t) for t in record.outputs)
    return ids


def backward(
    records: Sequence[Record],
    seeds: Sequence[tuple[Tensor, Tensor]],
    sources: Sequence[Tensor],
) -> list[Tensor | None]:
    """Cotangents of `sources`, given (tensor, cotangent) pairs at the end.

    Args:
        records: Calls in the order they were made.
        seeds: Where the backward pass starts.
        sources: Tensors whose cotangents are wanted.

    Returns:
        One cotangent per source; None where no seed depends on it.
    """
    needed = _reachable(records, sources)
    cotangents = Cotangents()

    def accumulate(tensor: Tensor, g: Tensor) -> None:
        cotangents.add(id(tensor), _match(g, tensor.shape))

    kept = {id(t) for t in sources}
    for tensor, g in seeds:
        accumulate(tensor, g)
    for record in reversed(records):
        if not any(id(t) in cotangents for t in record.outputs):
            continue
        if not any(id(t) in needed for t in record.inputs):
            continue
        gs = [cotangents.get(id(t)) for t in record.outputs]
        given = tuple([g is not None for g in gs])
        # A rule of several results wants all their cotangents. Loops and branches leave out
        # what has none, which may save them a whole backward pass.
        if record.prim.multi and record.prim.kind != "control":
            gs = [
                _zeros(t) if g is None else g
                for g, t in zip(gs, record.outputs, strict=True)
            ]
        # All readers of these results came later, and have added their share.
        for t in record.outputs:
            if id(t) not in kept:
                cotangents.pop(id(t))  # complete and used: free it early
        part = _part(record, gs)
        if part is not None:
            cotangents.add_part(record.inputs[0], part)
            continue
        assert record.prim.vjp is not None
        context = Context(record.inputs, record.outputs, record.static, given)
        results = record.prim.vjp(context, *gs)
        if isinstance(results, Tensor) or results is None:
            results = (results,)
        for t, g in zip(record.inputs, results, strict=True):
            if g is not None and id(t) in needed:
                accumulate(t, g)
    return [cotangents.get(id(t)) for t in sources]


class GradientTape(Block, Jacobians):
    """Record operations to differentiate them afterwards.

    Trainable variables are watched by themselves; tensors after `watch`. Tapes nest:
    an outer tape records the gradient computation of an inner one, which gives
    second derivatives. Works the same eagerly and inside compiled functions.

    Args:
        persistent: Whether `gradient` may be called more than once.
        watch_accessed_variables: Whether trainable variables are watched when read.

    >>> x = keras.ops.convert_to_tensor([1.0, 2.0])
    >>> with keras.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = keras.ops.sum(x * x)
    >>> tape.gradient(y, x).numpy().tolist()
    [2.0, 4.0]
    """

    def __init__(
        self, persistent: bool = False, watch_accessed_variables: bool = True
    ) -> None:
        super().__init__()
        self._persistent = persistent
        self._watch_states = watch_accessed_variables
        self._tape: Tape | None = None
        self._states: list[Any] | None = None  # what a tape that is used up had read

    def __enter__(self) -> GradientTape:
        if self.open:
            raise ValueError("GradientTape: already recording; use a new tape to nest.")
        parent = current()
        if self._tape is None:
            self._tape = Tape(parent, self._watch_states)
        self._tape.parent = parent
        self._begin(self._tape)
        return self

    def _recording(self, wanted: str) -> Tape:
        if self._tape is None:
            raise RuntimeError(
                f"GradientTape.{wanted}: nothing is recorded. Use `with GradientTape() as tape:` "
                "first; a tape that is not persistent gives one gradient, then forgets."
            )
        return self._tape

    def watch(self, tensors: object) -> None:
        """Watch tensors or variables (in any nested structure).

        Raises:
            ValueError: If one is not of a float dtype.
        """
        tape = self._recording("watch")
        for leaf in tree.flatten(tensors):
            state = getattr(leaf, "state", None)
            dtype = getattr(leaf, "dtype", None)
            if not isinstance(dtype, str) or not is_inexact(dtype):
                raise ValueError(
                    f"GradientTape.watch: got {type(leaf).__name__} of dtype {dtype}; expected "
                    "a float tensor or variable. Convert with ops.convert_to_tensor."
                )
            if state is not None:
                tape.note(state, tape.parent.read(state))
            else:
                tape.watch(leaf)

    def reset(self) -> None:
        """Forget everything recorded so far."""
        tape = self._recording("reset")
        tape.kept.clear()
        tape.tracked.clear()
        tape.state_tensors.clear()

    def stop_recording(self) -> Any:
        """A block inside which this tape does not record."""
        return interpreting(self._recording("stop_recording").parent)

    def watched_variables(self) -> list[Any]:
        """The variables that were read while recording, in that order."""
        states = self._states
        if self._tape is not None or states is None:
            states = list(self._recording("watched_variables").state_tensors)
        shown = [(state.shown(), state) for state in states]
        return [state if variable is None else variable for variable, state in shown]

    def gradient(
        self,
        target: object,
        sources: object,
        output_gradients: object = None,
        unconnected_gradients: str = "none",
    ) -> Any:
        """Derivatives of the sum of `target` with respect to `sources`.

        Args:
            target: Tensor or structure of tensors.
            sources: Tensor, variable, or structure of them.
            output_gradients: Cotangents of `target`, ones by default.
            unconnected_gradients: `"none"` gives None, `"zero"` zeros, where the target
                does not depend on a source.

        Returns:
            Gradients in the structure of `sources`, shaped as they are.

        Raises:
            RuntimeError: If the tape is not persistent and was used already.
            ValueError: If `unconnected_gradients` is neither "none" nor "zero".
        """
        if unconnected_gradients not in ("none", "zero"):
            raise ValueError(
                f"GradientTape.gradient: unconnected_gradients={unconnected_gradients!r}; "
                'expected "none" or "zero".'
            )
        tape = self._recording("gradient")
        targets = [t for t in tree.flatten(target) if t is not None]
        seeds = _seeds(targets, output_gradients)
        leaves, spec = tree.flatten_spec(sources)
        wanted = [_tensors_of(tape, leaf) for leaf in leaves]
        records: Sequence[Record | Bundle] = tape.kept
        # Bundles become records only where there may be something to stabilise.
        if any(_has_logarithms(r) for r in records):
            records = stabilise(tape.records)
        if not self._persistent:
            self._tape, self._states = None, list(tape.state_tensors)
        by = [t for group in wanted for t in group]
        flat = gradients(backward, records, seeds, by)
        if flat is None:  # no recipe for this structure, not yet or never
            plain: Any = tape.records if records is tape.kept else records
            flat = backward(plain, filled(seeds), by)
        found = iter(flat)
        results = []
        for leaf, group in zip(leaves, wanted, strict=True):
            # A variable was several tensors, if it was read before and after an assignment.
            parts = [g for g in (next(found) for _ in group) if g is not None]
            total: Any = parts[0] if parts else None
            for g in parts[1:]:
                total = add(total, g)
            if total is None and unconnected_gradients == "zero":
                total = full(shape=leaf.shape, dtype=leaf.dtype, value=0)
            results.append(total)
        return tree.unflatten(spec, results)


def tensor_of(leaf: object) -> Any:
    """The tensor a target leaf stands for; a variable's is its value."""
    state = getattr(leaf, "state", None)
    return leaf if state is None else state.read()


def _seeds(
    targets: list[Any], output_gradients: object
) -> list[tuple[Tensor, Tensor | None]]:
    """Targets with their cotangents; None stands for ones."""
    targets = [tensor_of(t) for t in targets]
    for t in targets:
        if not isinstance(t, Tensor) or not is_inexact(t.dtype):
            raise ValueError(
                f"GradientTape.gradient: target is {t!r}; expected a float tensor that was "
                "computed inside the tape's block."
            )
    if output_gradients is None:
        return [(t, None) for t in targets]
    given = tree.flatten(output_gradients)
    if len(given) != len(targets):
        raise ValueError(
            f"GradientTape.gradient: {len(given)} output_gradients for {len(targets)} targets."
        )
    return list(zip(targets, given, strict=True))


def _tensors_of(tape: Tape, source: object) -> list[Tensor]:
    state = getattr(source, "state", None)
    if state is not None:
        return list(tape.state_tensors.get(state, {}).values())
    if isinstance(source, Tensor):
        return [source] if id(source) in tape.tracked else []
    raise ValueError(
        f"GradientTape.gradient: source is {type(source).__name__}; expected a Tensor that was "
        "watched, or a Variable."
    )
