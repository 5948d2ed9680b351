"""Primitives: the closed set of operations that backends implement.

A primitive is one row: a name, its `kind`, a shape rule `infer` and a gradient
rule `vjp`. Calling the row binds it: the current interpreter runs the kernel,
records it on a tape, or adds a node to a graph. Arrays are positional and
already have their final dtypes (promotion is the job of `minikeras.ops`);
everything static is a keyword and hashable.

`infer(*avals, **static)` gives one Aval, or a tuple of them for a primitive with
several outputs, and raises every shape error.

`vjp(ctx, *cotangents)` gives one cotangent (or None) for each array input. The
`ctx` holds `inputs`, `outputs` (tuples of Tensors) and `static`. Rules are written
with primitives only, so second order, fusion and planning come for free, and they
ignore broadcasting: the backward loop undoes it. A cotangent of None means zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from minikeras.engine.aval import Aval, Shape
from minikeras.engine.interpret import bind

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor

KINDS = (
    "elementwise",
    "create",
    "reduce",
    "movement",
    "contract",
    "index",
    "random",
    "opaque",
    "control",
)

Infer = Callable[..., "Aval | tuple[Aval, ...]"]
Vjp = Callable[..., Any]
Static = Mapping[str, Any]


class Facets(NamedTuple):
    """What passes ask of a row beside its kind. Most rows have none of it.

    A pass that treats some rows in its own way asks for a facet, so that a new row is
    treated so too, where it is declared, and not by one more name in a list.

    Attributes:
        alias: The result is the first input's bytes under another shape.
        view: The result shows elements of the first input where they lie: a kernel over
            arrays with strides makes it without a copy.
        cheap: One addition or multiplication an element, of what was read anyway:
            taking it again costs less than keeping the result.
        monotone: Where the first operand grows, the result does not fall.
        neutral: For each operand the number that leaves the other one as it is, or
            None. A zero with a sign: x + 0.0 is not x where x is -0.0.
        unchanged: Whether, with these keywords, the result is the first input, if only
            its shape and dtype are the same.
        per_sample: Whether, for an input of this rank and these keywords, sample i of
            the input alone makes sample i of the result (samples: the first axis).
        flops: Additions and multiplications, by the inputs' shapes, the number of the
            result's elements, and the keywords. Without it, one for each element.
        collective: All ranks make the call together: none may leave it out because its
            inputs are known, or equal to those of another call, on that rank.
        may_raise: A run may end there, by an error or an interrupt of what it calls: no
            update passes it, so that what was done is what the order of the calls says.
    """

    alias: bool = False
    view: bool = False
    cheap: bool = False
    monotone: bool = False
    neutral: tuple[float | None, ...] = ()
    unchanged: Callable[[Static], bool] | None = None
    per_sample: Callable[[int, Static], bool] | None = None
    flops: Callable[[Sequence[Shape], int, Static], int] | None = None
    collective: bool = False
    may_raise: bool = False


def always(static: Static) -> bool:
    """For `Facets.unchanged`: whatever the keywords are."""
    return True


_NONE = Facets()


class Context(NamedTuple):
    """What a gradient rule may look at: the call it is the gradient of."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    static: dict[str, Any]
    given: tuple[bool, ...] = ()  # which cotangents are more than zeros filled in


class Primitive:
    """One row of the table; see the module's text. Call it to bind it."""

    __slots__ = ("name", "kind", "infer", "vjp", "composition", "multi", "facets")

    def __init__(
        self,
        name: str,
        kind: str,
        infer: Infer,
        vjp: Vjp | None,
        composition: Callable[..., Any] | None,
        multi: bool,
        facets: Facets = _NONE,
    ) -> None:
        self.name = name
        self.kind = kind
        self.infer = infer
        self.vjp = vjp
        self.composition = composition
        self.multi = multi
        self.facets = facets

    def __call__(self, *arrays: Tensor, **static: object) -> Tensor:
        return bind(self, arrays, static)  # type: ignore[no-any-return]  # one result, unless `multi`

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (lookup, (self.name,))


class MultiPrimitive(Primitive):
    """A row that is `multi`: a call gives several Tensors."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __call__(  # type: ignore[override]  # rows know how many results they have
            self, *arrays: Tensor, **static: object
        ) -> tuple[Tensor, ...]: ...


PRIMITIVES: dict[str, Primitive] = {}


@overload
def primitive(
    name: str,
    *,
    kind: str,
    infer: Infer,
    vjp: Vjp | None,
    composition: Callable[..., Any] | None = None,
    multi: Literal[False] = False,
    facets: Facets = _NONE,
) -> Primitive: ...


@overload
def primitive(
    name: str,
    *,
    kind: str,
    infer: Infer,
    vjp: Vjp | None,
    composition: Callable[..., Any] | None = None,
    multi: Literal[True],
    facets: Facets = _NONE,
) -> MultiPrimitive: ...


def primitive(
    name: str,
    *,
    kind: str,
    infer: Infer,
    vjp: Vjp | None,
    composition: Callable[..., Any] | None = None,
    multi: bool = False,
    facets: Facets = _NONE,
) -> Primitive:
    """Add a row to the table.

    Args:
        name: Unique name, also that of the backend's kernel.
        kind: One of `KINDS`. The fuser knows the kinds and no names.
        infer: Shape rule, avals in, avals out.
        vjp: Gradient rule, or None, which says: not differentiable, on purpose.
        composition: For a composed row: the same function written with other
            primitives. A backend without the kernel runs this instead, and the
            gradient comes from it where `vjp` is None.
        multi: Whether outputs come as a tuple.
        facets: What passes may make of it.
    """
    if kind not in KINDS:
        raise ValueError(f"primitive {name}: kind {kind!r} is not one of {KINDS}.")
    if name in PRIMITIVES:
        raise ValueError(f"primitive {name} is already registered.")
    made = MultiPrimitive if multi else Primitive
    row = made(name, kind, infer, vjp, composition, multi, facets)
    PRIMITIVES[name] = row
    return row


def lookup(name: str) -> Primitive:
    """The row called `name`."""
    return PRIMITIVES[name]


def rows() -> Iterator[Primitive]:
    """All rows, in the order they were declared."""
    return iter(PRIMITIVES.values())
