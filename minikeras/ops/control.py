"""Control flow: branches, loops and maps over slices.

Where values are known, these are Python's own. Inside a compiled function a branch on
a value becomes a choice between both results, and a loop becomes a sub-graph
(`engine/loops.py`); one that ends by a value has no gradient there and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine import loops, prims, tree
from minikeras.engine.aval import Unknown
from minikeras.engine.interpret import Interpreter, current, interpreting
from minikeras.engine.primitive import Primitive
from minikeras.engine.state import State
from minikeras.engine.symbolic import KerasTensor, infer_call
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, promote, stack_tensors, to_tensor
from minikeras.ops.support import boolean, sub_slice


class _Branch(Interpreter):
    """Runs one branch of a staged condition: assignments happen where it is taken."""

    def __init__(self, parent: Interpreter, taken: Tensor) -> None:
        self.parent = parent
        self.taken = taken
        self.staging = parent.staging

    def run(
        self, prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]
    ) -> Any:
        return self.parent.run(prim, arrays, static)

    def read(self, state: State) -> Tensor:
        return self.parent.read(state)

    def assign(self, state: State, value: Tensor) -> None:
        with interpreting(self.parent):
            chosen = prims.select(self.taken, value, self.parent.read(state))
        self.parent.assign(state, chosen)


@op
def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` if `pred` is true, else `false_fn()`.

    Inside a compiled function both run, and each result is chosen by `pred`; a variable
    that a branch assigns changes only if that branch is the one.

    Args:
        pred: Bool scalar.
        true_fn: Function without arguments.
        false_fn: Function without arguments; gives the same structure.

    Returns:
        What the function gives.

    Raises:
        ValueError: If the two results differ in structure.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.cond(keras.ops.array(3) > 2, lambda: "yes", lambda: "no")
    'yes'
    """
    if not isinstance(pred, Tensor) and not hasattr(pred, "value"):
        return true_fn() if pred else false_fn()
    taken = boolean(pred)
    if taken.size == 1 and taken.ndim:
        taken = prims.reshape(taken, shape=())
    if not taken.staged:
        return true_fn() if bool(taken) else false_fn()
    return _predicated(taken, true_fn, false_fn, "cond")


def _predicated(
    taken: Tensor, true_fn: Callable[[], Any], false_fn: Callable[[], Any], name: str
) -> Any:
    """Both results, each leaf chosen by a staged bool; assignments where taken."""
    here = current()
    with interpreting(_Branch(here, taken)):
        yes = true_fn()
    with interpreting(_Branch(here, prims.logical_not(taken))):
        no = false_fn()
    return _chosen(taken, yes, no, name)


def _chosen(taken: Tensor, yes: Any, no: Any, name: str) -> Any:
    leaves, spec = tree.flatten_spec(yes)
    others, other_spec = tree.flatten_spec(no)
    if spec != other_spec:
        raise ValueError(
            f"{name}: one branch gives {tree.describe(yes)}, another {tree.describe(no)}; "
            "expected one structure."
        )
    picked = []
    for a, b in zip(leaves, others, strict=True):
        same = a is b or (a is None and b is None)
        picked.append(a if same else prims.select(taken, *promote(a, b)))
    return tree.unflatten(spec, picked)


@op
def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """The branch at an index, called on operands.

    Args:
        index: Integer scalar; one beyond the ends is moved to the nearest branch.
        branches: List of functions.
        *operands: Arguments of the function.

    Returns:
        What the function gives.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.switch(1, [lambda x: x + 1, lambda x: x * 10], keras.ops.array(2)).tolist()
    20
    """
    i = to_tensor(index, "int32")
    if not i.staged:
        at = min(max(int(i), 0), len(branches) - 1)
        return branches[at](*operands)
    return _switched(i, list(branches), 0, operands)


def _switched(
    i: Tensor, branches: Sequence[Callable[..., Any]], at: int, operands: Any
) -> Any:
    if at == len(branches) - 1:
        return branches[at](*operands)
    return _predicated(
        prims.le(i, prims.const(i, at)),
        lambda: branches[at](*operands),
        lambda: _switched(i, branches, at + 1, operands),
        "switch",
    )


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


@op
def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """Call `body` as long as `cond` says so.

    Args:
        cond: Function of the loop variables that gives a bool scalar.
        body: Function of the loop variables that gives their next values.
        loop_vars: Tensor, or a tuple or list of structures: the first values.
        maximum_iterations: Limit on the number of calls.

    Returns:
        The last values, in the structure of `loop_vars`.

    Raises:
        ValueError: Inside a compiled function, if a loop variable changes its shape or
            dtype.
        TraceError: For the gradient of such a loop; what was to be compiled then runs
            eagerly.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.while_loop(lambda i: i < 5, lambda i: i + 2, keras.ops.array(0)).tolist()
    6
    """
    several = isinstance(loop_vars, (tuple, list))
    values = _as_tuple(loop_vars)
    leaves, spec = tree.flatten_spec(values)
    if current().staging and any(hasattr(v, "dtype") for v in leaves):
        values = _staged_while(cond, body, leaves, spec, maximum_iterations)
        maximum_iterations = 0
    count = 0
    while (maximum_iterations is None or count < maximum_iterations) and cond(*values):
        values = _as_tuple(body(*values))
        count += 1
    if not several:
        return values[0]
    return type(loop_vars)(values) if type(loop_vars) in (list, tuple) else values


def _staged_while(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    leaves: list[Any],
    spec: Any,
    limit: int | None,
) -> tuple[Any, ...]:
    """The loop as a sub-graph; for shapes alone, one call of the body."""
    values = [to_tensor(v) for v in leaves]
    if not loops.stageable():
        result: tuple[Any, ...] = tree.unflatten(spec, values)
        return result
    count = to_tensor(0, "int32")

    def again(carry: list[Tensor]) -> Tensor:
        go = boolean(to_tensor(cond(*tree.unflatten(spec, carry[1:]))))
        if limit is not None:
            go = prims.bitwise_and(go, prims.lt(carry[0], prims.const(count, limit)))
        return go

    def step(carry: list[Tensor]) -> list[Tensor]:
        made = tree.flatten(_as_tuple(body(*tree.unflatten(spec, carry[1:]))))
        following = prims.add(carry[0], prims.const(count, 1))
        return [following, *(to_tensor(v) for v in made)]

    after = loops.while_loop(again, step, [count, *values])
    result = tree.unflatten(spec, after[1:])
    return result


@op
def fori_loop(
    lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any
) -> Any:
    """Call `body_fun(i, value)` for each `i` from `lower` up to but without `upper`.

    Args:
        lower: First number.
        upper: Where to end.
        body_fun: Function of the number and the value that gives the next value.
        init_val: First value.

    Returns:
        The last value.

    Raises:
        ValueError: Inside a compiled function, if the value changes its shape or dtype.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.fori_loop(0, 4, lambda i, total: total + i, 0)
    6
    """
    bounds = [v for v in (lower, upper) if isinstance(v, Tensor) and v.staged]
    if bounds:
        first, last = to_tensor(lower, "int32"), to_tensor(upper, "int32")
        return while_loop(
            lambda i, _: prims.lt(i, last),
            lambda i, value: (prims.add(i, prims.const(i, 1)), body_fun(i, value)),
            (first, init_val),
        )[1]
    start, stop = int(lower), int(upper)
    if loops.stageable() and stop - start > 1:
        numbers = to_tensor(range(start, stop), "int32")
        return scan(lambda value, i: (body_fun(i, value), None), init_val, numbers)[0]
    value = init_val
    for i in range(start, stop):
        value = body_fun(i, value)
    return value


def _row(x: Tensor, i: int) -> Tensor:
    return prims.reshape(sub_slice(x, 0, i, i + 1), shape=x.shape[1:])


def _rows(leaves: Sequence[Tensor], name: str) -> int:
    sizes = {x.shape[0] for x in leaves if x.ndim}
    if len(sizes) != 1 or any(not x.ndim for x in leaves):
        raise ValueError(
            f"{name}: shapes {[x.shape for x in leaves]}; expected one size for all first axes."
        )
    return sizes.pop()


def _stacked(results: Sequence[Any]) -> Any:
    """Equal structures with their leaves stacked along a new first axis."""
    columns = [tree.flatten(r) for r in results]
    spec = tree.flatten_spec(results[0])[1]
    stacked = [
        None if column[0] is None else stack_tensors(list(promote(*column)))
        for column in zip(*columns, strict=True)
    ]
    return tree.unflatten(spec, stacked)


def _empty(
    f: Callable[[Any, Any], Any], init: Any, rows: list[Tensor], spec: Any
) -> Any:
    """What `f` stacks in no steps: the shapes come from a call on abstract values."""
    if not rows:
        return None
    slices = [KerasTensor(r.shape[1:], r.dtype) for r in rows]
    _, y = infer_call(f, init, tree.unflatten(spec, slices))

    def none(leaf: Any) -> Any:
        shape = () if leaf is None else (0, *leaf.shape)
        return None if leaf is None else prims.zeros(shape=shape, dtype=leaf.dtype)

    return tree.map_structure(none, y)


def _spread(result: Any, n: int) -> Any:
    """What one slice gives, for `n` of them: for a size that is not known yet."""

    def widen(leaf: Any) -> Any:
        if leaf is None:
            return None
        t = to_tensor(leaf)
        return prims.broadcast_to(t, shape=(n, *t.shape))

    return tree.map_structure(widen, result)


@op
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Go along the first axis with a carried value, and stack what comes out.

    Args:
        f: Function of the carried value and one slice that gives the next carried value
            and an output.
        init: First carried value.
        xs: Tensor or structure of tensors to go along; None gives `f` None.
        length: Number of steps, where `xs` does not tell.
        reverse: Whether to go from the end.
        unroll: True makes a compiled function contain every step; otherwise the loop is
            a sub-graph. The result does not depend on it.

    Returns:
        Pair of the last carried value and the stacked outputs.

    Raises:
        ValueError: If lengths differ or none is given.

    Example:

    >>> import minikeras as keras
    >>> step = lambda total, x: (total + x, total + x)
    >>> last, sums = keras.ops.scan(step, keras.ops.array(0), keras.ops.arange(4))
    >>> last.tolist(), sums.tolist()
    (6, [0, 1, 3, 6])
    """
    leaves, spec = tree.flatten_spec(xs)
    rows = [to_tensor(v) for v in leaves if v is not None]
    if not rows and length is None:
        raise ValueError("scan: xs is None and so is length; expected one of them.")
    n = _rows(rows, "scan") if rows else int(length or 0)
    if length is not None and n != length and not isinstance(n, Unknown):
        raise ValueError(f"scan: length={length}, but xs has {n} slices.")

    def at(i: int) -> Any:
        return tree.unflatten(spec, [_row(r, i) for r in rows]) if rows else None

    carry: Any = init
    if isinstance(n, Unknown) or (
        n > 0 and current().staging and not loops.stageable()
    ):
        carry, y = f(carry, at(0))
        return carry, _spread(y, n)
    if loops.stageable() and unroll is not True:
        return _staged_scan(f, init, rows, spec if rows else None, n, reverse)
    results = []
    for i in reversed(range(n)) if reverse else range(n):
        carry, y = f(carry, at(i))
        results.append(y)
    if not results:
        return carry, _empty(f, init, rows, spec)
    return carry, _stacked(results[::-1] if reverse else results)


def _staged_scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    rows: list[Tensor],
    spec: Any,
    n: int,
    reverse: bool,
) -> tuple[Any, Any]:
    """The loop as a sub-graph."""
    carried, carry_spec = tree.flatten_spec(init)
    # None stays None; numbers become tensors, since their values change.
    places = [i for i, v in enumerate(carried) if v is not None]
    out_spec: Any = None
    holes: list[bool] = []

    def whole(values: list[Tensor]) -> Any:
        leaves: list[Any] = [None] * len(carried)
        for i, v in zip(places, values, strict=True):
            leaves[i] = v
        return tree.unflatten(carry_spec, leaves)

    def step(
        carry: list[Tensor], row: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        nonlocal out_spec, holes
        after, y = f(whole(carry), None if spec is None else tree.unflatten(spec, row))
        made, after_spec = tree.flatten_spec(after)
        if after_spec != carry_spec:
            raise ValueError(
                f"scan: f carries {tree.describe(init)} in and {tree.describe(after)} out; "
                "expected one structure."
            )
        ys, out_spec = tree.flatten_spec(y)
        holes = [v is None for v in ys]
        following = [to_tensor(made[i]) for i in places]
        return following, [to_tensor(v) for v in ys if v is not None]

    start = [to_tensor(carried[i]) for i in places]
    last, stacked = loops.scan(step, start, rows, n, reverse)
    found = iter(stacked)
    ys = [None if hole else next(found) for hole in holes]
    return whole(last), tree.unflatten(out_spec, ys)


@op
def associative_scan(
    f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
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

    >>> import minikeras as keras
    >>> keras.ops.associative_scan(lambda a, b: a + b, keras.ops.arange(5)).tolist()
    [0, 1, 3, 6, 10]
    """
    leaves, spec = tree.flatten_spec(elems)
    values = [to_tensor(v) for v in leaves]
    at = [axis if axis >= 0 else axis + v.ndim for v in values]
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


def _mapped(function: Callable[[Any], Any], elements: Any, name: str) -> Any:
    leaves, spec = tree.flatten_spec(elements)
    rows = [to_tensor(v) for v in leaves]
    n = _rows(rows, name)

    def call(i: int) -> Any:
        return function(tree.unflatten(spec, [_row(r, i) for r in rows]))

    if isinstance(n, Unknown) or (
        n > 0 and current().staging and not loops.stageable()
    ):
        return _spread(call(0), n)
    if n > 1 and loops.stageable():
        return scan(lambda _, row: (None, function(row)), None, elements)[1]
    return _stacked([call(i) for i in range(n)])


@op
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """A function on each slice along the first axis, the results stacked.

    Args:
        f: Function of one slice.
        xs: Tensor or structure of tensors with one size for all first axes.

    Returns:
        Structure of what `f` gives, each tensor with a new first axis.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.map(lambda x: x * 2, keras.ops.arange(3)).tolist()
    [0, 2, 4]
    """
    return _mapped(f, xs, "map")


@op
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """A function on each slice along the first axis, the results stacked.

    Args:
        function: Function of one slice.
        elements: Tensor or structure of tensors with one size for all first axes.

    Returns:
        Structure of what the function gives, each tensor with a new first axis.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.vectorized_map(lambda x: x + 1, keras.ops.arange(3)).tolist()
    [1, 2, 3]
    """
    return _mapped(function, elements, "vectorized_map")
