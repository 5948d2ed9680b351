"""Connectionist temporal classification: the loss."""

from __future__ import annotations

from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.prims.helpers import agree
from minikeras.engine.tensor import Tensor
from minikeras.ops.core.sweeps import scan
from minikeras.ops.nn.crossentropy import one_hot
from minikeras.ops.nn.probabilities import log_softmax
from minikeras.ops.numpy.arithmetic import add, negative
from minikeras.ops.numpy.bounds import clip
from minikeras.ops.numpy.choosing import where
from minikeras.ops.numpy.comparison import equal
from minikeras.ops.numpy.creation import zeros_like
from minikeras.ops.numpy.exponential import logaddexp
from minikeras.ops.numpy.indexing import take_along_axis
from minikeras.ops.numpy.joining import concatenate
from minikeras.ops.numpy.products import matmul
from minikeras.ops.numpy.reductions import sum as sum_
from minikeras.ops.numpy.shaping import expand_dims, transpose
from minikeras.ops.op import op, promote_float, to_tensor
from minikeras.ops.support import cast_to, const, sub_slice
from minikeras.types import ArrayLike

__all__ = ["ctc_loss"]

# The logarithm that stands for no probability: finite, so that gradients are. What
# cannot be aligned costs about as much for each forbidden step.
NEVER = -1e5


def _shifted(x: Tensor) -> Tensor:
    """All but the first along axis 1."""
    return sub_slice(x, 1, 1, x.shape[1])


def _check(
    target: Tensor, output: Tensor, target_length: Tensor, output_length: Tensor
) -> None:
    if target.ndim != 2 or output.ndim != 3:
        raise ShapeError(
            f"ctc_loss: target has shape {target.shape}, output {output.shape}; expected "
            "(batch, labels) and (batch, steps, classes)."
        )
    named = {"output": output}
    named |= {"target_length": target_length, "output_length": output_length}
    for name, x in named.items():
        if not x.ndim or not agree(x.shape[0], target.shape[0]):
            raise ShapeError(
                f"ctc_loss: {name} has shape {x.shape}, target {target.shape}; expected "
                "one first dimension."
            )
        if name != "output" and x.ndim != 1:
            raise ShapeError(
                f"ctc_loss: {name} has shape {x.shape}; expected (batch,)."
            )


def frames_inside(logs: Tensor, lengths: Tensor) -> Tensor:
    """`(batch, steps)`: the frames that are inside their sequence."""
    frames = prims.iota(shape=logs.shape[:2], dtype="int32", axis=1)
    return prims.lt(frames, expand_dims(cast_to(lengths, "int32"), 1))


@op
def ctc_loss(
    target: ArrayLike,
    output: ArrayLike,
    target_length: ArrayLike,
    output_length: ArrayLike,
    mask_index: int = 0,
) -> Tensor:
    """Minus the log probability of label sequences, summed over all alignments.

    The forward recursion runs over the frames in log space, on the states "label n was
    just emitted" and "a blank after n labels". Labels that do not fit in the frames
    give a loss of about 1e5, with finite gradients.

    Args:
        target: Integer tensor `(batch, labels)`, padded at the end.
        output: Logits `(batch, steps, classes)`.
        target_length: Integer tensor `(batch,)`: labels of each sample.
        output_length: Integer tensor `(batch,)`: frames of each sample.
        mask_index: Class of the blank.

    Returns:
        Float tensor `(batch,)`.

    Raises:
        ShapeError: If shapes do not fit.
        ValueError: If `mask_index` is no class.

    Example:

    >>> keras.ops.ctc_loss([[1]], keras.ops.zeros((1, 2, 2)), [1], [2]).tolist()
    [0.2877]

    Reference: Graves et al. (2006), Connectionist Temporal Classification, equations 6
    to 8.
    """
    labels, (output,) = to_tensor(target), promote_float(output)
    if output.dtype in ("float16", "bfloat16"):
        output = cast_to(output, "float32")
    target_length, output_length = to_tensor(target_length), to_tensor(output_length)
    _check(labels, output, target_length, output_length)
    labels = cast_to(labels, "int32")
    classes = output.shape[-1]
    if not 0 <= mask_index < classes:
        raise ValueError(
            f"ctc_loss: mask_index={mask_index}; expected a class below {classes}."
        )
    blanks, letters = _forward(labels, output, output_length, mask_index)
    # The path ends on the last label or on the blank behind it.
    count = clip(cast_to(target_length, "int32"), 0, labels.shape[1])
    at = expand_dims(count, 1)
    # Nothing was emitted where a target is empty: a column of its own stands for that.
    never = prims.add(zeros_like(sub_slice(blanks, 1, 0, 1)), const(blanks, 2 * NEVER))
    letters = concatenate([never, letters], axis=1)
    ends = logaddexp(take_along_axis(blanks, at, 1), take_along_axis(letters, at, 1))
    return negative(sum_(ends, axis=1))


def _forward(
    labels: Tensor, output: Tensor, lengths: Tensor, mask_index: int
) -> tuple[Tensor, Tensor]:
    """Log probabilities at the end: after n labels a blank, and label n."""
    logs = log_softmax(output, -1)
    rows = one_hot(labels, output.shape[-1], dtype=logs.dtype)
    emitted = transpose(matmul(logs, transpose(rows, (0, 2, 1))), (1, 0, 2))
    blank = transpose(sub_slice(logs, 2, mask_index, mask_index + 1), (1, 0, 2))
    alive = expand_dims(transpose(frames_inside(logs, lengths)), 2)
    size = labels.shape[1]
    none = zeros_like(labels, dtype=logs.dtype)
    first = prims.full(shape=(labels.shape[0], 1), dtype=logs.dtype, value=0)
    never = prims.add(none, const(none, NEVER))
    if not size:
        total = sum_(where(alive, blank, 0.0), axis=0)
        return total, never
    # Two equal labels need a blank between them.
    same = equal(sub_slice(labels, 1, 0, size - 1), _shifted(labels))
    barred = prims.mul(cast_to(same, logs.dtype), const(logs, NEVER))

    def step(carry: Any, frame: Tensor) -> Any:
        after, letter = carry
        quiet, spoken, live = frame
        head, tail = sub_slice(after, 1, 0, 1), sub_slice(after, 1, 1, size + 1)
        # Equation 6: label n follows the blank before it, itself, or label n - 1 unless
        # they are equal.
        direct = add(sub_slice(letter, 1, 0, size - 1), barred)
        entry = concatenate(
            [head, logaddexp(sub_slice(tail, 1, 0, size - 1), direct)], axis=1
        )
        new_letter = add(logaddexp(entry, letter), spoken)
        new_after = add(concatenate([head, logaddexp(tail, letter)], axis=1), quiet)
        kept = (where(live, new_after, after), where(live, new_letter, letter))
        return kept, None

    start = (concatenate([first, never], axis=1), never)
    (after, letter), _ = scan(step, start, (blank, emitted, alive))
    return after, letter
