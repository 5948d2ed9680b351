"""Along the first axis: scans, and a function on each slice.

Where values are known, these are Python's loops. Inside a compiled function the body
becomes a sub-graph (`engine/loops.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minikeras.engine import loops, prims, tree
from minikeras.engine.aval import Unknown
from minikeras.engine.interpret import current
from minikeras.engine.symbolic import KerasTensor, infer_call
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote, stack_tensors, to_tensor
from minikeras.ops.support import axis_of, sub_slice
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.types import Nested


__all__ = ["scan", "associative_scan", "map", "vectorized_map"]


def _row(x: Tensor, i: int) -> Tensor:
    return prims.reshape(sub_slice(x, 0, i, i + 1), shape=x.shape[1:])


def _size(leaves: Sequence[Tensor], name: str) -> int:
    sizes = {x.shape[0] for x in leaves if x.ndim}
    if len(sizes) != 1 or any(not x.ndim for x in leaves):
        raise ValueError(
            f"{name}: shapes {[x.shape for x in leaves]}; expected one size for all first axes."
        )
    return sizes.pop()


def _stacked(results: Sequence[Any]) -> Nested[Tensor] | None:
    """Equal structures with their leaves stacked along a new first axis."""
    columns = [tree.flatten(r) for r in results]
    spec = tree.flatten_spec(results[0])[1]
    stacked = [
        None if column[0] is None else stack_tensors(list(promote(*column)))
        for column in zip(*columns, strict=True)
    ]
    return tree.unflatten(spec, stacked)


class _Rows:
    """A structure of tensors to go along, in which None stays None.

    Attributes:
        tensors: Its tensors.
    """

    def __init__(self, structure: object) -> None:
        self.leaves, self.spec = tree.flatten_spec(structure)
        self.places = [i for i, v in enumerate(self.leaves) if v is not None]
        self.tensors = [to_tensor(self.leaves[i]) for i in self.places]

    def whole(self, values: Sequence[Any]) -> Any:
        """The structure with these values in the place of its tensors."""
        leaves: list[Any] = [None] * len(self.leaves)
        for i, v in zip(self.places, values, strict=True):
            leaves[i] = v
        return tree.unflatten(self.spec, leaves)

    def at(self, i: int) -> Nested[Tensor]:
        """The slice at a place."""
        return self.whole([_row(t, i) for t in self.tensors])


def _empty(f: Callable[[Any], Any], rows: _Rows) -> Any:
    """What is stacked in no steps: the shapes come from a call on abstract values."""
    slices = [KerasTensor(t.shape[1:], t.dtype) for t in rows.tensors]
    y = infer_call(f, rows.whole(slices)) if slices else None

    def none(leaf: Tensor) -> Tensor:
        shape = () if leaf is None else (0, *leaf.shape)
        return None if leaf is None else prims.zeros(shape=shape, dtype=leaf.dtype)

    return tree.map_structure(none, y)


def _spread(result: object, n: int) -> Tensor | None:
    """What one slice gives, for `n` of them: for a size that is not known yet."""

    def widen(leaf: Tensor | None) -> Tensor | None:
        if leaf is None:
            return None
        t = to_tensor(leaf)
        return prims.broadcast_to(t, shape=(n, *t.shape))

    return tree.map_structure(widen, result)


@op
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: object,
    xs: object = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Go along the first axis with a carried value, and stack what comes out.

    Args:
        f: Function of the carried value and one slice that gives the next carried value
            and an output.
        init: First carried value.
        xs: Tensor or structure of tensors to go along; None in it stays None.
        length: Number of steps, where `xs` does not tell.
        reverse: Whether to go from the end.
        unroll: True makes a compiled function contain every step; otherwise (False, or
            a number of steps) the loop is a sub-graph. The result does not depend on it.

    Returns:
        Pair of the last carried value and the stacked outputs.

    Raises:
        ValueError: If lengths differ or none is given; if `unroll` is no bool and not
            positive; or, inside a compiled function, if a carried value changes its
            structure, shape or dtype.

    Example:

    >>> step = lambda total, x: (total + x, total + x)
    >>> last, sums = keras.ops.scan(step, keras.ops.array(0), keras.ops.arange(4))
    >>> last.tolist(), sums.tolist()
    (6, [0, 1, 3, 6])
    """
    if not isinstance(unroll, bool) and not (isinstance(unroll, int) and unroll > 0):
        raise ValueError(f"scan: unroll={unroll!r}; expected a bool or an integer > 0.")
    rows = _Rows(xs)
    if not rows.tensors and length is None:
        raise ValueError("scan: xs is None and so is length; expected one of them.")
    n = _size(rows.tensors, "scan") if rows.tensors else int(length or 0)
    if length is not None and n != length and not isinstance(n, Unknown):
        raise ValueError(f"scan: length={length}, but xs has {n} slices.")
    carry: Any = init
    if isinstance(n, Unknown) or (
        n > 0 and current().staging and not loops.stageable()
    ):
        carry, y = f(carry, rows.at(0))
        return carry, _spread(y, n)
    # One body for all steps, instead of as many copies in the graph.
    if loops.stageable() and unroll is not True:
        return _staged_scan(f, init, rows, n, reverse)
    results = []
    for i in reversed(range(n)) if reverse else range(n):
        carry, y = f(carry, rows.at(i))
        results.append(y)
    if not results:
        return carry, _empty(lambda x: f(init, x)[1], rows)
    return carry, _stacked(results[::-1] if reverse else results)


def _staged_scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: object,
    rows: _Rows,
    n: int,
    reverse: bool,
) -> tuple[Any, Any]:
    """The loop as a sub-graph."""
    # None stays None; numbers become tensors, since their values change.
    carried = _Rows(init)
    out_spec: Any = None
    holes: list[bool] = []

    def step(
        carry: list[Tensor], row: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        nonlocal out_spec, holes
        after, y = f(carried.whole(carry), rows.whole(row))
        made, after_spec = tree.flatten_spec(after)
        if after_spec != carried.spec:
            raise ValueError(
                f"scan: f carries {tree.describe(init)} in and {tree.describe(after)} out; "
                "expected one structure."
            )
        ys, out_spec = tree.flatten_spec(y)
        holes = [v is None for v in ys]
        following = [to_tensor(made[i]) for i in carried.places]
        return following, [to_tensor(v) for v in ys if v is not None]

    last, stacked = loops.scan(step, carried.tensors, rows.tensors, n, reverse)
    found = iter(stacked)
    ys = [None if hole else next(found) for hole in holes]
    return carried.whole(last), tree.unflatten(out_spec, ys)


@op
def associative_scan(
    f: Callable[[Any, Any], Any], elems: object, reverse: bool = False, axis: int = 0
) -> Any:
    """Running combinations by an associative function, in log2(n) rounds.

    Args:
        f: Function of two structures of tensors that combines them along `axis`, place by
            place; associative.
        elems: Tensor or structure of tensors.
        reverse: Whether to go from the end.
        axis: Axis to go along.

    Returns:
        Structure of `elems`: at each place the combination of all up to it.

    Raises:
        ValueError: If sizes along the axis differ.

    Example:

    >>> keras.ops.associative_scan(lambda a, b: a + b, keras.ops.arange(5)).tolist()
    [0, 1, 3, 6, 10]
    """
    leaves, spec = tree.flatten_spec(elems)
    values = [to_tensor(v) for v in leaves]
    at = [axis_of(axis, v.ndim, "associative_scan") for v in values]
    sizes = {v.shape[a] for v, a in zip(values, at, strict=True)}
    if len(sizes) != 1:
        raise ValueError(
            f"associative_scan: shapes {[v.shape for v in values]} differ along axis {axis}."
        )
    n = sizes.pop()
    if reverse:
        values = [prims.flip(v, axes=(a,)) for v, a in zip(values, at, strict=True)]
    step = 1
    while step < n:
        before = [sub_slice(v, a, 0, n - step) for v, a in zip(values, at, strict=True)]
        here = [sub_slice(v, a, step, n) for v, a in zip(values, at, strict=True)]
        # Hillis and Steele 1986: after a round each place holds the combination of the
        # 2 * step places up to it.
        joined = tree.flatten(
            f(tree.unflatten(spec, before), tree.unflatten(spec, here))
        )
        values = [
            prims.concat(sub_slice(v, a, 0, step), to_tensor(j, v.dtype), axis=a)
            for v, j, a in zip(values, joined, at, strict=True)
        ]
        step *= 2
    if reverse:
        values = [prims.flip(v, axes=(a,)) for v, a in zip(values, at, strict=True)]
    return tree.unflatten(spec, values)


def _mapped(function: Callable[[Any], Any], elements: object, name: str) -> Any:
    rows = _Rows(elements)
    n = _size(rows.tensors, name)
    if isinstance(n, Unknown) or (
        n > 0 and current().staging and not loops.stageable()
    ):
        return _spread(function(rows.at(0)), n)
    # A map is a scan that carries nothing.
    if n > 1 and loops.stageable():
        return scan(lambda _, row: (None, function(row)), None, elements)[1]
    if n == 0:
        return _empty(function, rows)
    return _stacked([function(rows.at(i)) for i in range(n)])


@op
def map(f: Callable[[Any], Any], xs: Nested[ArrayLike]) -> Any:
    """A function on each slice along the first axis, the results stacked.

    Args:
        f: Function of one slice.
        xs: Tensor or structure of tensors with one size for all first axes.

    Returns:
        Structure of what `f` gives, each tensor with a new first axis.

    Example:

    >>> keras.ops.map(lambda x: x * 2, keras.ops.arange(3)).tolist()
    [0, 2, 4]
    """
    return _mapped(f, xs, "map")


@op
def vectorized_map(function: Callable[[Any], Any], elements: object) -> Any:
    """A function on each slice along the first axis, the results stacked.

    Args:
        function: Function of one slice.
        elements: Tensor or structure of tensors with one size for all first axes.

    Returns:
        Structure of what the function gives, each tensor with a new first axis.

    Example:

    >>> keras.ops.vectorized_map(lambda x: x + 1, keras.ops.arange(3)).tolist()
    [1, 2, 3]
    """
    return _mapped(function, elements, "vectorized_map")
