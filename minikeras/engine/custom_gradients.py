"""Functions that say their gradient themselves: rows of their own, on tapes only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras.engine import tree
from minikeras.engine.autodiff import Tape, tensor_of
from minikeras.engine.interpret import current, within
from minikeras.engine.primitive import Context, MultiPrimitive
from minikeras.engine.records import Record
from minikeras.engine.tensor import Tensor


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function its own gradient.

    Args:
        function: Takes tensors, returns `(result, grad)`; `grad` gets one cotangent for
            each tensor of the result and returns one for each argument.

    Returns:
        A function of the tensors that returns `result`.

    Example:

    >>> @keras.custom_gradient
    ... def rounded(x):
    ...     return keras.ops.round(x), lambda upstream: upstream
    >>> x = keras.Variable(1.6)
    >>> with keras.GradientTape() as tape:
    ...     y = 3.0 * rounded(x)
    >>> float(y), float(tape.gradient(y, x))
    (6.0, 3.0)
    """

    def wrapped(*args: object, **kwargs: object) -> Any:
        tapes = []
        interpreter = current()
        interpreter.hangs_on_more()  # on whether a tape looks
        while isinstance(interpreter, Tape):
            tapes.append(interpreter)
            interpreter = interpreter.parent
        result, grad = within(interpreter, function, *args, **kwargs)
        outputs = tree.flatten(result)
        inputs = [tensor_of(a) for a in tree.flatten(args)]
        places = [i for i, a in enumerate(inputs) if isinstance(a, Tensor)]

        def vjp(context: Context, *gs: Tensor) -> tuple[Tensor | None, ...]:
            cotangents = grad(*gs)
            flat = tree.flatten(cotangents)
            if len(flat) != len(inputs):
                raise ValueError(
                    f"custom_gradient: the gradient function gave {len(flat)} cotangents for "
                    f"{len(inputs)} arguments."
                )
            return tuple(flat[i] for i in places)

        # Not in the table: a row of its own for each call, never staged or lowered.
        row = MultiPrimitive("custom_gradient", "opaque", _no_infer, vjp, None, True)
        for tape in tapes:
            record = Record(row, [inputs[i] for i in places], outputs, {})
            if any(id(t) in tape.tracked for t in record.inputs):
                tape.record(record)
        return result

    return wrapped


def _no_infer(*avals: object, **static: object) -> Any:
    raise AssertionError("a custom gradient is recorded on tapes only")
