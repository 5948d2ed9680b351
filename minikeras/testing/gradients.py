"""Gradients against finite differences.

The gradient of a function is checked along random directions: with a random weight
for each output and a random direction in the inputs, the derivative is one number,
which central differences give too. Two such projections see nearly every mistake
that a full Jacobian would, at two evaluations each (as autograd's `check_grads`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minikeras.engine import backend as registry
from minikeras.engine import prims
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.tensor import Tensor

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]
Sample = Callable[[np.random.Generator], Sequence[Array]]

_REDRAWS = 8


class _Kink(Exception):
    """The function has no derivative near the sample, or it is too rough to tell."""


def tensor(array: Array) -> Tensor:
    """A NumPy array as a tensor of the active backend."""
    return Tensor(registry.active().from_host(np.array(array, order="C")))


def check_grads(
    function: Function,
    sample: Sample | Sequence[Array],
    *,
    order: int = 2,
    step: float = 1e-4,
    tolerance: float = 1e-5,
    projections: int = 2,
    seed: int = 0,
) -> None:
    """Check the gradients of `function` against central differences in float64.

    Args:
        function: Takes float64 tensors, returns a float tensor or a tuple of them.
        sample: The arguments, or a function of a random generator that draws them; it
            is asked again where the function turns out to have a kink.
        order: Highest order of derivatives to check.
        step: Length of the finite differences.
        tolerance: Largest error allowed, relative to the size of the derivative.
        projections: Number of random directions for each order.
        seed: Seed of samples and directions.

    Raises:
        AssertionError: If a derivative is wrong, or every sample met a kink.

    >>> from minikeras.engine import prims
    >>> check_grads(lambda x: prims.sin(x), [np.array([0.1, 0.5])])
    """
    rng = np.random.default_rng(seed)
    fixed = not callable(sample)
    for _ in range(1 if fixed else _REDRAWS):
        arguments = sample if not callable(sample) else sample(rng)
        args = [np.asarray(a, dtype=np.float64) for a in arguments]
        try:
            current = function
            for level in range(1, order + 1):
                for _ in range(projections):
                    _check(current, args, level, step, tolerance, rng)
                current = _gradient(current, args, rng)
            return
        except _Kink as kink:
            reason = kink
    raise AssertionError(f"check_grads: no smooth sample was found: {reason}")


def _outputs(function: Function, args: Sequence[Tensor]) -> list[Tensor]:
    result = function(*args)
    return list(result) if isinstance(result, (tuple, list)) else [result]


def _weights(
    function: Function, args: Sequence[Array], rng: np.random.Generator
) -> list[Tensor]:
    outputs = _outputs(function, [tensor(a) for a in args])
    return [tensor(rng.normal(size=t.shape)) for t in outputs]


def _project(outputs: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """The sum of all outputs, weighted."""
    parts = [
        prims.sum(prims.mul(t, w), axes=tuple(range(t.ndim)), keepdims=False)
        for t, w in zip(outputs, weights, strict=True)
    ]
    total: Tensor = parts[0]
    for part in parts[1:]:
        total = prims.add(total, part)
    return total


def _gradients(
    function: Function, args: Sequence[Tensor], weights: Sequence[Tensor]
) -> list[Tensor]:
    with GradientTape() as tape:
        tape.watch(list(args))
        total = _project(_outputs(function, args), weights)
    found = tape.gradient(total, list(args), unconnected_gradients="zero")
    return list(found)


def _gradient(
    function: Function, args: Sequence[Array], rng: np.random.Generator
) -> Function:
    """The gradient of `function` under fixed random weights, as a function."""
    weights = _weights(function, args, rng)
    return lambda *tensors: tuple(_gradients(function, tensors, weights))


def _check(
    function: Function,
    args: Sequence[Array],
    level: int,
    step: float,
    tolerance: float,
    rng: np.random.Generator,
) -> None:
    weights = _weights(function, args, rng)
    along = [rng.normal(size=a.shape) for a in args]

    def value(t: float) -> float:
        moved = [tensor(a + t * d) for a, d in zip(args, along, strict=True)]
        return float(_project(_outputs(function, moved), weights).numpy())

    grads = _gradients(function, [tensor(a) for a in args], weights)
    exact = sum(float(np.sum(g.numpy() * d)) for g, d in zip(grads, along, strict=True))
    wide = (value(step) - value(-step)) / (2 * step)
    narrow = (value(step / 2) - value(-step / 2)) / step
    # Richardson's extrapolation; what the two steps disagree about bounds its error.
    numeric = (4 * narrow - wide) / 3
    scale = max(1.0, abs(exact), abs(numeric))
    if not np.isfinite(numeric) or abs(wide - narrow) > 1e-3 * scale:
        raise _Kink(f"derivatives of order {level} are {wide} and {narrow}")
    if not abs(exact - numeric) <= tolerance * scale:
        raise AssertionError(
            f"check_grads: the derivative of order {level} is {exact}, finite "
            f"differences give {numeric}."
        )
