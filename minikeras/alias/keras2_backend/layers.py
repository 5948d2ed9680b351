"""Activations, convolutions, poolings, losses and the loop of Keras 2's backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikeras import losses, ops, tree
from minikeras.config import image_data_format
from minikeras.ops import elu

Size = int | Sequence[int]


def relu(
    x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Any:
    """`x` above `threshold`, at most `max_value`; below, `alpha * (x - threshold)`."""
    from minikeras.activations import relu as found

    return found(x, alpha, max_value, threshold)


def hard_sigmoid(x: Any) -> Any:
    """`0.2 * x + 0.5`, kept between 0 and 1: Keras 2's, which is steeper than Keras 3's."""
    return ops.clip(ops.convert_to_tensor(x) * 0.2 + 0.5, 0.0, 1.0)


def softmax(x: Any, axis: int = -1) -> Any:
    """Positive numbers that sum to 1 along `axis`; of a single axis too."""
    return ops.softmax(x, axis)


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """Adds `(channels,)`, or one bias for every place `(*spatial, channels)`."""
    x, bias = ops.convert_to_tensor(x), ops.convert_to_tensor(bias)
    rank = len(x.shape)
    if len(bias.shape) not in (1, rank - 1):
        raise ValueError(
            f"bias_add: bias has shape {bias.shape}; expected one axis, or {rank - 1}."
        )
    if (data_format or image_data_format()) == "channels_last" or rank < 3:
        return x + bias
    if len(bias.shape) == 1:
        return x + ops.reshape(bias, (1, -1, *[1] * (rank - 2)))
    return x + ops.moveaxis(bias, -1, 0)


def batch_normalization(
    x: Any,
    mean: Any,
    var: Any,
    beta: Any,
    gamma: Any,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Any:
    """`gamma * (x - mean) / sqrt(var + epsilon) + beta`."""
    return ops.batch_normalization(
        x, mean, var, axis, offset=beta, scale=gamma, epsilon=epsilon
    )


def conv1d(
    x: Any,
    kernel: Any,
    strides: Size = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = 1,
) -> Any:
    """Convolution along steps; `padding="causal"` looks back only."""
    if padding == "causal":
        rate = dilation_rate if isinstance(dilation_rate, int) else dilation_rate[0]
        back = (rate * (int(kernel.shape[0]) - 1), 0)
        first = (data_format or image_data_format()) == "channels_first"
        x = ops.pad(x, [(0, 0), (0, 0), back] if first else [(0, 0), back, (0, 0)])
        padding = "valid"
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(
    x: Any,
    kernel: Any,
    strides: Size = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = (1, 1),
) -> Any:
    """Convolution of pictures."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv3d(
    x: Any,
    kernel: Any,
    strides: Size = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = (1, 1, 1),
) -> Any:
    """Convolution of volumes."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d_transpose(
    x: Any,
    kernel: Any,
    output_shape: Any,
    strides: Size = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = (1, 1),
) -> Any:
    """The gradient of a convolution with respect to its pictures.

    Args:
        x: `(batch, height, width, channels)`.
        kernel: `(rows, columns, filters, channels)`.
        output_shape: Of the result, which settles how rows that a stride skips count.
        strides: Steps of the window.
        padding: `"valid"` or `"same"`.
        data_format: Where the channels are.
        dilation_rate: Gaps between the kernel's rows and columns.
    """
    first = (data_format or image_data_format()) == "channels_first"
    wanted = tuple(output_shape)[2:4] if first else tuple(output_shape)[1:3]
    plain = ops.conv_transpose(
        x, kernel, strides, padding, None, data_format, dilation_rate
    )
    rows = 2 if first else 1
    got = plain.shape[rows : rows + 2]
    if tuple(wanted) == tuple(got) or None in wanted or -1 in wanted:
        return plain
    steps = (strides, strides) if isinstance(strides, int) else tuple(strides)
    rate = (
        (dilation_rate,) * 2 if isinstance(dilation_rate, int) else tuple(dilation_rate)
    )
    size = [(k - 1) * r + 1 for k, r in zip(kernel.shape[:2], rate)]
    border = [k // 2 if padding == "same" else 0 for k in size]
    output_padding = tuple(
        want - ((n - 1) * s + k - 2 * p)
        for want, n, s, k, p in zip(
            wanted, x.shape[rows : rows + 2], steps, size, border
        )
    )
    return ops.conv_transpose(
        x, kernel, strides, padding, output_padding, data_format, dilation_rate
    )


def depthwise_conv2d(
    x: Any,
    depthwise_kernel: Any,
    strides: Size = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = (1, 1),
) -> Any:
    """Each channel convolved with kernels of its own."""
    return ops.depthwise_conv(
        x, depthwise_kernel, strides, padding, data_format, dilation_rate
    )


def separable_conv2d(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Size = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Size = (1, 1),
) -> Any:
    """Each channel convolved alone, then channels mixed at each place."""
    return ops.separable_conv(
        x,
        depthwise_kernel,
        pointwise_kernel,
        strides,
        padding,
        data_format,
        dilation_rate,
    )


def pool2d(
    x: Any,
    pool_size: Size,
    strides: Size = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """The largest or mean value of each window of pictures."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def pool3d(
    x: Any,
    pool_size: Size,
    strides: Size = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """The largest or mean value of each window of volumes."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def _pool(
    x: Any, size: Size, strides: Size, padding: str, data_format: str | None, mode: str
) -> Any:
    kinds = {"max": ops.max_pool, "avg": ops.average_pool}
    if mode not in kinds:
        raise ValueError(f'pool: pool_mode={mode!r}; expected "max" or "avg".')
    return kinds[mode](x, size, strides, padding, data_format)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """The crossentropy of each value, of zeros and ones."""
    return ops.binary_crossentropy(target, output, from_logits)


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """The crossentropy of each sample, of one-hot classes."""
    return ops.categorical_crossentropy(target, output, from_logits, axis)


def sparse_categorical_crossentropy(
    target: Any,
    output: Any,
    from_logits: bool = False,
    axis: int = -1,
    ignore_class: int | None = None,
) -> Any:
    """The crossentropy of each sample, of class numbers."""
    return losses.sparse_categorical_crossentropy(
        target, output, from_logits=from_logits, ignore_class=ignore_class, axis=axis
    )


def binary_focal_crossentropy(
    target: Any,
    output: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
) -> Any:
    """`binary_crossentropy`, with less weight for what is nearly right."""
    target, output = ops.convert_to_tensor(target), ops.convert_to_tensor(output)
    sure = ops.sigmoid(output) if from_logits else output
    right = target * sure + (1 - target) * (1 - sure)
    loss = ops.power(1.0 - right, gamma) * binary_crossentropy(
        target, output, from_logits
    )
    if apply_class_balancing:
        loss = loss * (target * alpha + (1 - target) * (1 - alpha))
    return loss


def categorical_focal_crossentropy(
    target: Any,
    output: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Any:
    """`categorical_crossentropy`, with less weight for what is nearly right."""
    return losses.categorical_focal_crossentropy(
        target, output, alpha, gamma, from_logits, axis=axis
    )


def ctc_batch_cost(
    y_true: Any, y_pred: Any, input_length: Any, label_length: Any
) -> Any:
    """`(batch, 1)`: the CTC loss, with the last class as the blank.

    Args:
        y_true: Labels `(batch, labels)`.
        y_pred: Probabilities `(batch, frames, classes)`.
        input_length: Frames of each sample `(batch, 1)`.
        label_length: Labels of each sample `(batch, 1)`.
    """
    scores = ops.log(ops.convert_to_tensor(y_pred) + 1e-7)
    loss = ops.ctc_loss(
        ops.cast(y_true, "int32"),
        scores,
        ops.reshape(ops.cast(label_length, "int32"), (-1,)),
        ops.reshape(ops.cast(input_length, "int32"), (-1,)),
        mask_index=int(y_pred.shape[-1]) - 1,
    )
    return ops.expand_dims(loss, -1)


def ctc_decode(
    y_pred: Any,
    input_length: Any,
    greedy: bool = True,
    beam_width: int = 100,
    top_paths: int = 1,
) -> tuple[list[Any], Any]:
    """The likeliest labels of each sample, padded with -1, and their scores.

    Args:
        y_pred: Probabilities `(batch, frames, classes)`; the last class is the blank.
        input_length: Frames of each sample `(batch,)`.
        greedy: Whether each frame is taken for itself.
        beam_width: Prefixes that a beam search keeps.
        top_paths: How many answers it gives.
    """
    decoded, scores = ops.ctc_decode(
        ops.log(ops.convert_to_tensor(y_pred) + 1e-7),
        ops.cast(input_length, "int32"),
        strategy="greedy" if greedy else "beam_search",
        beam_width=beam_width,
        top_paths=top_paths,
        mask_index=int(y_pred.shape[-1]) - 1,
    )
    return [decoded[i] for i in range(1 if greedy else top_paths)], scores


def rnn(
    step_function: Callable[[Any, Any], tuple[Any, Any]],
    inputs: Any,
    initial_states: Any,
    go_backwards: bool = False,
    mask: Any = None,
    constants: Any = None,
    unroll: bool = False,
    input_length: Any = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Any, Any, Any]:
    """Runs `step_function(inputs, states)` along time.

    Args:
        step_function: Gives `(output, new_states)` for the inputs of one step.
        inputs: `(batch, steps, ...)`, or a structure of such.
        initial_states: States before the first step.
        go_backwards: Whether the last step comes first.
        mask: `(batch, steps)`; where it is false a step leaves states and output alone.
        constants: Handed to each step, behind the states.
        unroll: Accepted and ignored: the loop is compiled either way.
        input_length: Accepted and ignored: the inputs say it.
        time_major: Whether inputs and outputs are `(steps, batch, ...)`.
        zero_output_for_mask: Whether a masked step gives zeros, not the output before.
        return_all_outputs: Whether outputs of all steps are wanted, or of the last.

    Returns:
        `(last_output, outputs, new_states)`.
    """

    def swap(x: Any) -> Any:
        x = ops.convert_to_tensor(x)
        x = x if time_major else ops.swapaxes(x, 0, 1)
        return ops.flip(x, 0) if go_backwards else x

    steps = tree.map_structure(swap, inputs)
    keep = None if mask is None else swap(ops.cast(mask, "bool"))
    extra = list(constants or ())
    first = tree.map_structure(lambda x: x[0], steps)
    blank = tree.map_structure(
        ops.zeros_like, step_function(first, [*initial_states, *extra])[0]
    )

    def step(carry: Any, now: Any) -> Any:
        states, before = carry
        x, kept = now
        out, new = step_function(x, [*states, *extra])
        new = list(new)
        if kept is not None:
            new = tree.map_structure(
                lambda a, b: _choose(kept, a, b), new, list(states)
            )
            other = blank if zero_output_for_mask else before
            out = tree.map_structure(lambda a, b: _choose(kept, a, b), out, other)
        return (new, out), out if return_all_outputs else None

    start = (list(initial_states), blank)
    (states, last), outputs = ops.scan(step, start, (steps, keep))
    if not return_all_outputs:
        outputs = tree.map_structure(lambda x: ops.expand_dims(x, 0), last)
    if not time_major:
        outputs = tree.map_structure(lambda x: ops.swapaxes(x, 0, 1), outputs)
    return last, outputs, states


def _choose(condition: Any, a: Any, b: Any) -> Any:
    behind = len(a.shape) - len(condition.shape)
    return ops.where(ops.reshape(condition, (*condition.shape, *[1] * behind)), a, b)


__all__ = [
    "batch_normalization", "bias_add", "binary_crossentropy", "binary_focal_crossentropy",
    "categorical_crossentropy", "categorical_focal_crossentropy", "conv1d", "conv2d",
    "conv2d_transpose", "conv3d", "ctc_batch_cost", "ctc_decode", "depthwise_conv2d",
    "elu", "hard_sigmoid", "pool2d", "pool3d", "relu", "rnn", "separable_conv2d",
    "softmax", "sparse_categorical_crossentropy",
]  # fmt: skip
