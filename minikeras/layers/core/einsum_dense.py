"""EinsumDense: a layer whose sum of products is any Einstein equation."""

from __future__ import annotations

import copy
import re
import string
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

from minikeras import activations, naming, ops
from minikeras.engine.tensor import Tensor
from minikeras.engine.warn import warn_user
from minikeras.initializers import VarianceScaling
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.options import (
    options_config,
    positive,
    regularizer_config,
    set_options,
    weight,
)
from minikeras.layers.core.low_rank import adapted
from minikeras.layers.core.quantized.equation import contraction, view
from minikeras.layers.core.quantized.products import Contraction
from minikeras.layers.core.quantized.quantizable import Quantizable
from minikeras.layers.core.quantized.stored import View
from minikeras.types import Identifier, PartialShape

if TYPE_CHECKING:
    from minikeras.types import ShapeLike


_EQUATION = re.compile(
    r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?"
)


class _Shapes(NamedTuple):
    """An equation met with a shape.

    Attributes:
        kernel: Shape of the kernel.
        bias: Shape of the bias, or None.
        output: Shape of the output.
        inputs: Axes of the kernel that are summed over.
        outputs: Axes of the kernel that are new in the output.
    """

    kernel: tuple[int | None, ...]
    bias: tuple[int | None, ...] | None
    output: tuple[int | None, ...]
    inputs: list[int]
    outputs: list[int]


class EinsumDense(Quantizable):
    """A dense layer between any axes: `activation(einsum(equation, inputs, kernel) + bias)`.

    Args:
        equation: Such as `"abc,cd->abd"`: letters of the input, of the kernel, of the
            output. `...` at the start or the end stands for any other axes of the input,
            which stay.
        output_shape: Integer or tuple: the sizes of the output's letters without the
            batch axis; None where a size is that of the input.
        activation: Function, or its name; None is linear.
        bias_axes: Letters of the output along which a bias varies; None for no bias.
        kernel_initializer: First values of `kernel`.
        bias_initializer: First values of `bias`.
        kernel_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        kernel_constraint: Projection of `kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        lora_rank: Rank of a correction that is learnt while `kernel` stays as it is, see
            `enable_lora`; None for none.
        lora_alpha: The correction is multiplied by `lora_alpha / lora_rank`; default 1.
        gptq_unpacked_column_size: How many outputs a kernel has whose policy is one of
            GPTQ, as files say it; it follows from the shapes.
        quantization_config: How `quantize` goes about it, see `keras.quantizers`.
        **kwargs: See `Layer`.

    Input shape:
        As the equation's first term.

    Output shape:
        As the equation's result.

    Raises:
        ValueError: If the equation cannot be read, or does not fit the shapes.

    Example:

    >>> layer = keras.layers.EinsumDense("abc,cde->abde", (None, 2, 8), bias_axes="de")
    >>> layer(keras.ops.ones((4, 10, 16))).shape
    (4, 10, 2, 8)
    """

    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any

    _modes = ("int8", "float8", "int4", "gptq", "awq")
    _zero = "zero_point"
    kernel = adapted("kernel")

    def __init__(
        self,
        equation: str,
        output_shape: ShapeLike,
        activation: Identifier = None,
        bias_axes: str | None = None,
        kernel_initializer: Identifier = "glorot_uniform",
        bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: object = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if gptq_unpacked_column_size is not None:
            positive(
                gptq_unpacked_column_size, "gptq_unpacked_column_size", "EinsumDense"
            )
        super().__init__(**kwargs)
        self.gptq_unpacked_column_size = gptq_unpacked_column_size
        self.equation = equation
        if isinstance(output_shape, int):
            output_shape = (output_shape,)
        self._plan_adaptation(lora_rank, lora_alpha)
        self._plan_quantization(quantization_config)
        self.partial_output_shape = tuple(output_shape)
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        set_options(
            self,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: PartialShape) -> None:
        """Make `kernel` and `bias` for the letters' sizes."""
        shapes = self._shapes(input_shape)
        for name, shape in (("kernel", shapes.kernel), ("bias", shapes.bias or ())):
            if None in shape:
                raise ValueError(
                    f"{self._label()}: {name} would have shape {shape}, since the input "
                    f"has shape {tuple(input_shape)} and output_shape is "
                    f"{self.partial_output_shape}; expected known sizes there."
                )
        # Drawn for the sums that are taken, whatever the order of the kernel's axes.
        initializer = self.kernel_initializer
        if isinstance(initializer, VarianceScaling) and (
            initializer.input_axes is initializer.output_axes is None
        ):
            initializer = copy.copy(initializer)
            initializer.input_axes = shapes.inputs
            initializer.output_axes = shapes.outputs
        if not self._built_in_integers(tuple(map(int, shapes.kernel))):  # type: ignore[arg-type]  # known by now
            self._kernel = self.add_weight(
                name="kernel",
                shape=shapes.kernel,
                initializer=initializer,
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )
        self.bias = None if shapes.bias is None else weight(self, "bias", shapes.bias)
        self._adapt_if_planned()

    def _said(self) -> str:
        return naming.shown(self.equation)

    def _shapes(self, input_shape: PartialShape) -> _Shapes:
        shape = tuple(input_shape)
        found = _EQUATION.fullmatch(self.equation.replace(" ", ""))
        if found is None:
            raise ValueError(
                f"{self._label()}: equation={self._said()}; expected letters of input, "
                "kernel and output such as 'abc,cd->abd', with '...' at most at one end."
            )
        before, ins, after, kernel, out_before, outs, out_after = found.groups()
        if (before, after) != (out_before, out_after) or (before and after):
            raise ValueError(
                f"{self._label()}: equation={self._said()} has '...' in the input and "
                "output at different places; expected it at the same end of both."
            )
        rest = len(shape) - len(ins)
        if rest < 0 or (rest and not (before or after)):
            raise ValueError(
                f"{self._label()}: equation={self._said()} names {len(ins)} axes of an "
                f"input of shape {shape}; expected one letter for each."
            )
        # '...' becomes letters that the equation does not use, so that from here on every
        # axis has one and the rest of this is about letters alone.
        free = [c for c in string.ascii_letters if c not in self.equation][:rest]
        extra = "".join(free)
        ins = extra + ins if before else ins + extra
        full = extra + outs if before else outs + extra
        size = dict(zip(ins, shape, strict=True))
        # `output_shape` leaves out the batch: the first letter, unless '...' stands for it.
        given = self._output_sizes(outs if extra and before else outs[1:])
        for letter, wanted in given.items():
            have = size.get(letter)
            if None not in (have, wanted) and have != wanted:
                raise ValueError(
                    f"{self._label()}: output_shape={self.partial_output_shape} gives "
                    f"{letter!r} size {wanted}, the input of shape {shape} size {have}."
                )
            if have is None:
                size[letter] = wanted
        unknown = sorted(set(kernel + full) - set(size))
        if unknown:
            raise ValueError(
                f"{self._label()}: equation={self._said()} has {unknown[0]!r} neither in "
                "the input nor in the output; its size is not known."
            )
        return _Shapes(
            tuple(size[c] for c in kernel),
            self._bias_shape(full, size),
            tuple(size[c] for c in full),
            # What is summed over is the kernel's fan in, what only it brings its fan out.
            [i for i, c in enumerate(kernel) if c in ins and c not in full],
            [i for i, c in enumerate(kernel) if c in full and c not in ins],
        )

    def _bias_shape(
        self, full: str, size: dict[str, int | None]
    ) -> tuple[int | None, ...] | None:
        """The bias's shape, for an output of the letters `full`, whose sizes are these."""
        if not self.bias_axes:
            return None
        strange = sorted(set(self.bias_axes) - set(full))
        if strange:
            raise ValueError(
                f"{self._label()}: bias_axes={self.bias_axes!r}, but {strange[0]!r} is "
                f"not in the output of equation={self._said()}."
            )
        # From its first axis on, with 1 in between: so it broadcasts without a reshape.
        first = min(full.index(c) for c in self.bias_axes)
        return tuple(size[c] if c in self.bias_axes else 1 for c in full[first:])

    def _output_sizes(self, letters: str) -> dict[str, int | None]:
        if not letters and self.partial_output_shape:  # Keras passes over it in silence
            warn_user(
                f"{self._label()}: output_shape={self.partial_output_shape}, but the result "
                f"of equation={self._said()} has the batch axis alone; it is left out."
            )
            return {}
        if len(self.partial_output_shape) != len(letters):
            raise ValueError(
                f"{self._label()}: output_shape={self.partial_output_shape} for the axes "
                f"{letters!r} of equation={self._said()}; expected one size for each."
            )
        return dict(zip(letters, self.partial_output_shape, strict=True))

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """`activation(einsum(equation, inputs, kernel) + bias)`."""
        if self._kept_as is not None:
            x = self._product(inputs, training)
        else:
            x = ops.einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return x if self.activation is None else self.activation(x)

    def compute_output_shape(self, input_shape: PartialShape) -> PartialShape:
        """The sizes of the equation's result."""
        return self._shapes(input_shape).output

    def _views(self, shape: tuple[int, ...]) -> dict[str, View]:
        return {"kernel": view(self.equation, shape)}

    def _contraction(self) -> Contraction:
        return contraction(self.equation)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        columns = {}
        if self._kept_as == "gptq":  # which Keras wants to know
            stored: Any = self._stored["kernel"]
            columns["gptq_unpacked_column_size"] = stored.matrix[1]
        return {
            **super().get_config(),
            **columns,
            "output_shape": self.partial_output_shape,
            "equation": self.equation,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "activity_regularizer": regularizer_config(self),
            **options_config(self, "kernel", "bias"),
            **self._quantization_options(),
            **self._adaptation_config(),
        }
