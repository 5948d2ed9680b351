"""A table of where a model's time goes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine import tree
from minikeras.engine.compile import Function
from minikeras.engine.profile import Profile, Roofs
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.models.model import Model

_ROUNDS = 20  # of what the roofs are measured by


def profile(
    model: Model,
    x: ArrayLike,
    y: ArrayLike | None = None,
    repeat: int = 10,
    print_fn: Callable[[str], None] | None = print,
) -> Profile:
    """Times each step of a model's program, and prints them as a table.

    A step is one kernel: a convolution with its bias and activation, a fused group of
    elementwise operations, a part of the optimizer. Nothing of the model changes: the
    steps run on copies of its weights. With `MINIKERAS_PROFILE=1` in the environment
    the programs of any script are timed as they run, and printed when it ends.

    Beside each step stand the memory of intermediate values that exist while it runs, and
    the roof that it is nearer to: additions and multiplications ("flops"), or bytes of
    operands and results ("bytes"), with the share that it reaches of what this machine does
    at best, which is measured first (Williams et al., 2009, "Roofline"). A small share of
    either means that the step is too small, or its kernel slow.

    Args:
        model: A model; for training a compiled one.
        x: One batch of inputs, `(batch, ...)` each.
        y: Its targets for a training step; None for a prediction.
        repeat: How often the steps run; the least time of each is shown.
        print_fn: Gets the text of the table; None for nobody.

    Returns:
        A `Profile`: `rows` of name, layer, seconds, flops, nbytes, live, bound and roof,
        the machine's `roofs`, and `table()`.

    Raises:
        ValueError: If `repeat` is less than 1, or the model is not compiled and `y` is
            given.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> result = profile(model, np.ones((2, 4), "float32"), print_fn=None)
        >>> sum(row.flops for row in result.rows) >= 2 * 2 * 4 * 3
        True
    """
    if repeat < 1:
        raise ValueError(f"profile: argument `repeat` is {repeat}; expected 1 or more.")
    if y is None:
        batch: Any = (x,)
        step = model.predict_step
        if not model.built:
            model(x, training=False)
    else:
        batch = (x, y)
        step = model.train_step
        model._ready((x, y, None), True)
    leaves = [_host(leaf) for leaf in tree.flatten(batch)]
    given = iter(leaves)
    staged = tree.map_structure(lambda _: next(given), batch)
    backend = registry.active()
    program = Function(step).program_for(staged)
    result = program.profile([backend.from_host(leaf) for leaf in leaves], repeat)
    result.roofs = _roofs(backend.name)
    if print_fn is not None:
        print_fn(result.table())
    return result


@functools.cache
def _roofs(backend: str) -> Roofs:
    """What a large product and a sum of large arrays reach on the active backend."""
    size = 1 << 22
    line = ops.full((size,), 0.5, dtype="float32")
    total = _best(lambda a, b: ops.add(a, b), line, ops.copy(line))
    return Roofs(max(map(_product, (256, 768))), 3 * 4 * size / total)


def _product(side: int) -> float:
    """FLOPs a second of a product; on a busy machine short ones are left alone at times."""
    square = ops.full((side, side), 0.5, dtype="float32")
    return 2 * side**3 / _best(lambda a: ops.matmul(a, a), square)


def _best(function: Callable[..., Any], *tensors: Tensor) -> float:
    """The least seconds of the one step of a compiled function."""
    program = Function(function).program_for(*tensors)
    return min(program.profile([t.value for t in tensors], _ROUNDS).least)


def _host(leaf: object) -> np.ndarray[Any, Any]:
    """A batch's leaf as a contiguous NumPy array."""
    return np.ascontiguousarray(leaf)
