"""Control flow: conditions, and loops that end on a number or a value.

Where values are known, these are Python's own. Inside a compiled function branches and
bodies become sub-graphs (`engine/branches.py`, `engine/loops.py`); a loop that ends by a
value has no gradient there and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine import branches, loops, prims, tree
from minikeras.engine.aval import Unknown
from minikeras.engine.dtypes import result_type
from minikeras.engine.interpret import current
from minikeras.engine.symbolic import any_symbolic
from minikeras.engine.tensor import Tensor
from minikeras.ops.core.sweeps import scan
from minikeras.ops.op import op, to_tensor, weak
from minikeras.ops.support import boolean
from minikeras.ops.support import index as index_tensor
from minikeras.types import ArrayLike, Nested

__all__ = ["cond", "switch", "while_loop", "fori_loop"]


@op
def cond(
    pred: ArrayLike, true_fn: Callable[[], Any], false_fn: Callable[[], Any]
) -> Any:
    """`true_fn()` if `pred` is true, else `false_fn()`.

    Inside a compiled function both are traced and one of them runs: a variable that a
    branch assigns changes only if that branch is taken, and the gradient is that of the
    branch taken. (Branches of a few small elementwise calls are both computed, and the
    result is chosen.)

    Args:
        pred: Bool scalar, or a tensor with one element; a number counts as true if it
            is not 0.
        true_fn: Function without arguments.
        false_fn: Function without arguments; gives the same structure.

    Returns:
        What the function gives. Inside a compiled function numbers become tensors, and
        dtypes are promoted to one that holds both results.

    Raises:
        ValueError: If `pred` has several elements; or, inside a compiled function, if
            the two results differ in structure or shape.

    Example:

    >>> keras.ops.cond(keras.ops.array(3) > 2, lambda: "yes", lambda: "no")
    'yes'
    """
    if not isinstance(pred, Tensor) and not hasattr(pred, "value"):
        return true_fn() if pred else false_fn()
    taken = boolean(pred)
    if taken.size != 1 and not any(isinstance(d, Unknown) for d in taken.shape):
        raise ValueError(
            f"cond: pred has shape {taken.shape}; expected one bool. Reduce it with "
            "ops.any or ops.all, or choose elements with ops.where."
        )
    if not taken.staged:
        return true_fn() if bool(taken) else false_fn()
    return _joined(prims.reshape(taken, shape=()), true_fn, false_fn, "cond")


def _joined(
    taken: Tensor, true_fn: Callable[[], Any], false_fn: Callable[[], Any], name: str
) -> Tensor:
    """The result of the branch that a staged bool says."""
    yes, no = branches.Branch(true_fn), branches.Branch(false_fn)
    leaves, spec = tree.flatten_spec(yes.result)
    others, other_spec = tree.flatten_spec(no.result)
    holes = [v is None for v in leaves]
    if spec != other_spec or holes != [v is None for v in others]:
        raise ValueError(
            f"{name}: one branch gives {tree.describe(yes.result)}, another "
            f"{tree.describe(no.result)}; expected one structure."
        )
    pairs = list(zip(leaves, others, strict=True))
    # What is the same object in both, None among it, needs no choice.
    places = [i for i, (a, b) in enumerate(pairs) if a is not b]
    if any_symbolic([pairs[i] for i in places]):
        raise ValueError(
            f"{name}: a branch uses a KerasTensor from outside, and one node of a model "
            f"cannot record that. Call {name} in the `call` of a layer (or of a Lambda) "
            "that takes the tensor."
        )
    dtypes = [result_type(*map(weak, pairs[i])) for i in places]
    sides = []
    for number, branch in enumerate((yes, no)):
        given = [pairs[i][number] for i in places]
        made: list[Tensor] = branch.inside(list, map(to_tensor, given, dtypes))
        sides.append(made)
    for a, b in zip(*sides, strict=True):
        if a.shape != b.shape:
            raise ValueError(
                f"{name}: one branch gives a tensor of shape {a.shape}, another one of "
                f"{b.shape}; expected one shape. Use ops.broadcast_to in the branch."
            )
    results = list(leaves)
    chosen = branches.join(taken, yes, no, list(zip(*sides, strict=True)))
    for i, tensor in zip(places, chosen, strict=True):
        results[i] = tensor
    return tree.unflatten(spec, results)


@op
def switch(
    index: ArrayLike,
    branches: Sequence[Callable[..., Any]],
    *operands: Nested[ArrayLike],
) -> Any:
    """The branch at an index, called on operands.

    Args:
        index: Integer scalar; one beyond the ends is moved to the nearest branch.
        branches: List of functions, at least one.
        *operands: Arguments of the function.

    Returns:
        What the function gives; see `cond` for what results must have in common.

    Raises:
        ValueError: If there are no branches, or `index` is no integer.

    Example:

    >>> keras.ops.switch(1, [lambda x: x + 1, lambda x: x * 10], keras.ops.array(2)).tolist()
    20
    """
    if not branches:
        raise ValueError("switch: branches is empty; expected at least one function.")
    i = index_tensor(index, "switch", "index")
    if not i.staged:
        at = min(max(int(i), 0), len(branches) - 1)
        return branches[at](*operands)
    return _switched(i, list(branches), 0, operands)


def _switched(
    i: Tensor, functions: Sequence[Callable[..., Any]], at: int, operands: Any
) -> Tensor:
    if at == len(functions) - 1:
        return functions[at](*operands)
    return _joined(
        prims.le(i, prims.const(i, at)),
        lambda: functions[at](*operands),
        lambda: _switched(i, functions, at + 1, operands),
        "switch",
    )


def _as_tuple(value: ArrayLike) -> tuple[Any, ...]:
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

    >>> keras.ops.while_loop(lambda i: i < 5, lambda i: i + 2, keras.ops.array(0)).tolist()
    6
    """
    several = isinstance(loop_vars, (tuple, list))
    values = _as_tuple(loop_vars)
    leaves, spec = tree.flatten_spec(values)
    # Plain Python numbers alone are known while staging: that loop runs now, in Python.
    if current().staging and any(hasattr(v, "dtype") for v in leaves):
        values = _staged_while(cond, body, leaves, spec, maximum_iterations)
        # The loop is done; nothing is left for the one below.
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
    spec: object,
    limit: int | None,
) -> tuple[Any, ...]:
    """The loop as a sub-graph; for shapes alone, one call of the body."""
    values = [to_tensor(v) for v in leaves]
    if not loops.stageable():
        result: tuple[Any, ...] = tree.unflatten(spec, values)
        return result
    # The number of the turn is carried along, so that the limit is part of the
    # condition.
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
    lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: object
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
    # Known bounds make a scan, which has a gradient; a while loop of unknown length has
    # none.
    if loops.stageable() and stop - start > 1:
        numbers = to_tensor(range(start, stop), "int32")
        return scan(lambda value, i: (body_fun(i, value), None), init_val, numbers)[0]
    value = init_val
    for i in range(start, stop):
        value = body_fun(i, value)
    return value
