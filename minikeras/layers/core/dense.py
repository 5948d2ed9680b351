"""Dense: every output is a weighted sum of every input."""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import activations, ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import CommonOptions
from minikeras.layers.base.options import (
    options_config,
    positive,
    samples_apart,
    set_options,
    weight,
)
from minikeras.layers.core.low_rank import adapted
from minikeras.layers.core.quantized.products import Contraction
from minikeras.layers.core.quantized.quantizable import Quantizable
from minikeras.layers.core.quantized.stored import View
from minikeras.ops.op import op
from minikeras.types import Identifier, PartialShape

if TYPE_CHECKING:
    from minikeras.variable import Variable


@op
def _affine(
    inputs: Tensor, kernel: Tensor | Variable, bias: Tensor | Variable
) -> Tensor:
    """`inputs @ kernel + bias`: an op, which is remembered as a whole."""
    return ops.add(ops.matmul(inputs, kernel), bias)


class Dense(Quantizable):
    """A fully connected layer: `activation(inputs @ kernel + bias)`.

    The sum runs over the last axis; other axes stay.

    Args:
        units: Size of the output's last axis.
        activation: Function, or its name; None is linear.
        use_bias: Whether a bias is added.
        kernel_initializer: First values of `kernel`.
        bias_initializer: First values of `bias`.
        kernel_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the output.
        kernel_constraint: Projection of `kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        lora_rank: Rank of a correction that is learnt while `kernel` stays as it is, see
            `enable_lora`; None for none.
        lora_alpha: The correction is multiplied by `lora_alpha / lora_rank`; default 1.
        quantization_config: How `quantize` goes about it, see `keras.quantizers`.
        **kwargs: See `Layer`; also `input_shape` or `input_dim` in a first layer.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., units)`.

    Raises:
        ValueError: If `units` is not a positive integer.

    Example:

    >>> layer = keras.layers.Dense(2, kernel_initializer="ones")
    >>> layer(np.array([[1.0, 2.0, 3.0]])).numpy().tolist()
    [[6.0, 6.0]]
    """

    _mixes_samples = samples_apart
    _modes = ("int8", "float8", "int4", "gptq", "awq")
    kernel = adapted("kernel")

    def __init__(
        self,
        units: int,
        activation: Identifier = None,
        use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform",
        bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: object = None,
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        units = positive(units, "units", "Dense")
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        set_options(
            self,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self._plan_adaptation(lora_rank, lora_alpha)
        self._plan_quantization(quantization_config)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: PartialShape) -> None:
        """Make `kernel` `(features, units)` and `bias` `(units,)`."""
        features = input_shape[-1]
        if features is None:
            raise ValueError(
                f"{self._label()}: the last axis of its input is unknown, so kernel cannot be "
                f"made; got input shape {tuple(input_shape)}. Give keras.Input a size there."
            )
        shape = (features, self.units)
        if not self._built_in_integers(shape):
            self._kernel = weight(self, "kernel", shape)
        self.bias = weight(self, "bias", (self.units,)) if self.use_bias else None
        self._adapt_if_planned()
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """`activation(inputs @ kernel + bias)`."""
        if self._kept_as is not None:
            x = self._product(inputs, training)
            x = x if self.bias is None else ops.add(x, self.bias)
        elif self.bias is None:
            x = ops.matmul(inputs, self.kernel)
        else:
            x = _affine(inputs, self.kernel, self.bias)
        if self.activation is None or self.activation is activations.linear:
            return x
        return self.activation(x)

    def compute_output_shape(self, input_shape: PartialShape) -> PartialShape:
        """The input's shape with `units` at the end."""
        return (*input_shape[:-1], self.units)

    def _views(self, shape: tuple[int, ...]) -> dict[str, View]:
        # Scales are kept without the axis that is summed over.
        return {
            "kernel": View(
                shape,
                (0,),
                scale=itemgetter(0),
                scaled=partial(ops.expand_dims, axis=0),
            )
        }

    def _contraction(self) -> Contraction:
        return _PRODUCT

    def _low_rank(self, inputs: Tensor) -> Tensor:
        a, b = self._factors()
        x = ops.matmul(ops.matmul(inputs, a), b)
        return x * (self.lora_alpha / self.lora_rank)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            **options_config(self, "kernel", "bias"),
            **self._quantization_options(),
            **self._adaptation_config(),
        }


_PRODUCT = Contraction(
    product=ops.matmul,
    back=lambda g, kernel: ops.matmul(g, ops.transpose(kernel)),
    summed=lambda rank: (-1,),
    scale=lambda s, rank: s,
    inputs_scale=lambda s: s,
)
