"""Embedding: integers to learnt vectors."""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import NameOptions, PenaltyOptions, PlainOptions
from minikeras.layers.base.options import (
    options_config,
    positive,
    regularizer_config,
    samples_apart,
    set_options,
    weight,
)
from minikeras.layers.core.low_rank import adapted
from minikeras.layers.core.quantized.quantizable import Quantizable
from minikeras.layers.core.quantized.stored import View
from minikeras.layers.core.quantized.tables import rows
from minikeras.types import Identifier, PartialShape

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


class TableOptions(PlainOptions, NameOptions, PenaltyOptions, total=False):
    """What a table takes besides: its `input_dim` is its height."""

    batch_size: int | None
    input_length: int | None


class Embedding(Quantizable):
    """A table of vectors, looked up by integers such as word numbers.

    Args:
        input_dim: Number of rows: the greatest integer + 1.
        output_dim: Length of a row.
        embeddings_initializer: First values of the table.
        embeddings_regularizer: Penalty on the table.
        embeddings_constraint: Projection of the table after an update.
        mask_zero: Whether 0 stands for padding, which later layers skip.
        weights: First values of the table as an array `(input_dim, output_dim)`.
        lora_rank: Rank of a correction that is learnt while the table stays as it is, see
            `enable_lora`; None for none.
        lora_alpha: The correction is multiplied by `lora_alpha / lora_rank`; default 1.
        quantization_config: How `quantize` goes about it, see `keras.quantizers`.
        **kwargs: See `Layer`; `input_length` of Keras 2 is taken and not needed.

    Input shape:
        `(batch, ...)`, integers.

    Output shape:
        `(batch, ..., output_dim)`.

    Raises:
        ValueError: If a size is not a positive integer, or `weights` has another shape.

    Example:

    >>> table = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]])
    >>> layer = keras.layers.Embedding(3, 2, weights=table)
    >>> layer(np.array([[2, 1]])).numpy().tolist()
    [[[3.0, 4.0], [1.0, 2.0]]]
    """

    embeddings_initializer: Any

    _mixes_samples = samples_apart
    _modes = ("int8", "int4")
    _adapted = "embeddings"
    embeddings = adapted("embeddings")

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Identifier = "uniform",
        embeddings_regularizer: Identifier = None,
        embeddings_constraint: Identifier = None,
        mask_zero: bool = False,
        weights: ArrayLike | None = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: object = None,
        **kwargs: Unpack[TableOptions],
    ) -> None:
        input_dim = positive(input_dim, "input_dim", "Embedding")
        output_dim = positive(output_dim, "output_dim", "Embedding")
        input_length = kwargs.pop("input_length", None)
        if input_length is not None and "input_shape" not in kwargs:
            kwargs["input_shape"] = (input_length,)
        rest: Any = kwargs
        super().__init__(**rest)
        self.input_dim = input_dim
        self.output_dim = output_dim
        set_options(
            self,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
        )
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        self._plan_adaptation(lora_rank, lora_alpha)
        self._plan_quantization(quantization_config)
        if weights is not None:
            self.build()
            if not isinstance(weights, list):
                weights = [weights]
            self.set_weights(weights)

    def build(self, input_shape: PartialShape | None = None) -> None:
        """Make `embeddings` `(input_dim, output_dim)`."""
        shape = (self.input_dim, self.output_dim)
        if not self._built_in_integers(shape):
            self._embeddings = weight(self, "embeddings", shape)
        self._adapt_if_planned()

    def call(self, inputs: Tensor) -> Tensor:
        """The rows that the integers name."""
        if inputs.dtype not in ("int32", "int64"):
            inputs = ops.cast(inputs, "int32")
        if self._kept_as is not None:
            return self._looked_up(inputs)
        return ops.cast(ops.take(self.embeddings, inputs, axis=0), self._run_dtype)

    def _looked_up(self, inputs: Tensor) -> Tensor:
        stored: Any = self._stored["embeddings"]
        found = rows(stored, self._variable, inputs, self._run_dtype)
        if not self.lora_enabled:
            return found
        a, b = self._factors()
        more = ops.matmul(ops.take(a, inputs, axis=0), b)
        return found + more * (self.lora_alpha / self.lora_rank)

    def _views(self, shape: tuple[int, ...]) -> dict[str, View]:
        # A row has a scale: what is summed on the way back.
        return {
            "embeddings": View(
                shape,
                (1,),
                scale=itemgetter((slice(None), 0)),
                scaled=partial(ops.expand_dims, axis=1),
            )
        }

    def _rounds_inputs(self) -> bool:
        return False

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor | None:
        """True where the integer is not 0, if `mask_zero`."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: PartialShape) -> tuple[Any, ...]:
        """The input's shape with `output_dim` added at the end."""
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "activity_regularizer": regularizer_config(self),
            **options_config(self, "embeddings"),
            **self._adaptation_config(),
            "mask_zero": self.mask_zero,
            **self._quantization_options(),
        }
