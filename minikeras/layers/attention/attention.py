"""Attention over a list of query, value and key: by dot products, or additive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import ops, random
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import one_of
from minikeras.ops.nn.probabilities import shares
from minikeras.types import PartialShape


class _ListAttention(Layer):
    """What both layers share: the list of inputs, masks, and the weighing of values."""

    use_scale: bool

    def __init__(
        self, dropout: float, seed: int | None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.dropout = dropout
        self.seed = seed
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.supports_masking = True

    def _calculate_scores(self, query: Tensor, key: Tensor) -> Tensor:
        raise NotImplementedError

    def _checked(
        self, inputs: Sequence[Tensor], mask: Sequence[Tensor | None] | None = None
    ) -> None:
        owner = type(self).__name__
        several = isinstance(inputs, (list, tuple)) and len(inputs) in (2, 3)
        if not several or isinstance(inputs[0], int):  # one tensor's shape, in build
            what = (
                f"a list of {len(inputs)}"
                if isinstance(inputs, (list, tuple))
                else f"{getattr(inputs, 'shape', inputs)}"
            )
            raise ValueError(
                f"{self._label()}: {owner} takes a list [query, value] or "
                f"[query, value, key]; got {what}."
            )
        if mask is not None and (
            not isinstance(mask, (list, tuple)) or not 2 <= len(mask) <= len(inputs)
        ):
            raise ValueError(
                f"{self._label()}: mask={mask!r}; expected a list [query_mask, value_mask] "
                "with None for no mask."
            )

    def call(
        self,
        inputs: Sequence[Tensor],
        mask: Sequence[Tensor | None] | None = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[Tensor, Tensor] | Tensor:
        """The values, weighed for each query; and the weights, if wanted."""
        self._checked(inputs, mask)
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask, value_mask = (None, None) if mask is None else mask[:2]
        scores = self._calculate_scores(query=query, key=key)
        allowed = self._calculate_score_mask(scores, value_mask, use_causal_mask)
        result, weights = self._apply_scores(
            scores=scores, value=value, scores_mask=allowed, training=training
        )
        if query_mask is not None:
            kept = ops.expand_dims(ops.cast(query_mask, result.dtype), -1)
            result = result * kept
        return (result, weights) if return_attention_scores else result

    def _calculate_score_mask(
        self, scores: Tensor, v_mask: Tensor | None, use_causal_mask: bool
    ) -> Tensor | None:
        """Where a target may look, or None for everywhere."""
        allowed = None
        if v_mask is not None:
            allowed = ops.expand_dims(ops.cast(v_mask, "bool"), -2)
        if use_causal_mask:
            causal = causal_mask(scores.shape[-2], scores.shape[-1])
            allowed = causal if allowed is None else ops.logical_and(allowed, causal)
        return allowed

    def _apply_scores(
        self,
        scores: Tensor,
        value: Tensor,
        scores_mask: Tensor | None = None,
        training: bool = False,
    ) -> tuple[Tensor, ...]:
        """The values weighed by the softmax of the scores, and the weights."""
        if scores_mask is not None:
            lowest = 65504.0 if scores.dtype == "float16" else 1.0e9
            forbidden = ops.cast(ops.logical_not(scores_mask), scores.dtype)
            scores = scores - lowest * forbidden
        weights = shares(scores)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        return ops.matmul(weights, value), weights

    def compute_mask(
        self, inputs: Sequence[Tensor], mask: Sequence[Tensor | None] | None = None
    ) -> Tensor | None:
        """The mask of the query."""
        self._checked(inputs, mask)
        return None if mask is None or mask[0] is None else mask[0]

    def compute_output_shape(self, input_shape: Sequence[PartialShape]) -> PartialShape:
        """The query's shape with the last size of the value."""
        return (*input_shape[0][:-1], input_shape[1][-1])

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "use_scale": self.use_scale,
            "dropout": self.dropout,
            "seed": self.seed,
        }


def causal_mask(targets: int, sources: int) -> Tensor:
    """Bools `(1, targets, sources)`: a target sees sources up to its own place."""
    rows = ops.arange(targets, dtype="int32")
    columns = ops.arange(sources, dtype="int32")
    return ops.expand_dims(ops.expand_dims(rows, -1) >= columns, 0)


class Attention(_ListAttention):
    """Dot product attention: values weighed by `softmax(query @ key.T)`.

    Args:
        use_scale: Whether the scores are multiplied by a scalar that is learnt.
        score_mode: `"dot"`, or `"concat"`: the sum over features of
            `tanh(query + key)`, times a scalar that is learnt.
        dropout: Fraction of the weights that is set to 0 while training.
        seed: Integer, for the same dropout in every run.
        **kwargs: See `Layer`.

    Call arguments:
        inputs: List `[query, value]` or `[query, value, key]`; key is value by default.
        mask: List `[query_mask, value_mask]` of bools `(batch, targets)` and
            `(batch, sources)`, or None: results of masked queries are 0, masked values get
            no weight.
        training: Whether to drop.
        return_attention_scores: Whether to return the weights too.
        use_causal_mask: Whether a target sees only sources up to its own place.

    Input shape:
        `[(batch, targets, depth), (batch, sources, features), (batch, sources, depth)]`.

    Output shape:
        `(batch, targets, features)`; the weights are `(batch, targets, sources)`.

    Raises:
        ValueError: If the inputs are no such list, or `score_mode` is unknown.

    Example:

    >>> query, value = keras.ops.ones((2, 3, 8)), keras.ops.ones((2, 5, 8))
    >>> keras.layers.Attention()([query, value]).shape
    (2, 3, 8)

    Reference:
        Luong et al., 2015, https://arxiv.org/abs/1508.04025, equation 8.
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        score_mode = one_of(score_mode, ("dot", "concat"), "score_mode", "Attention")
        super().__init__(dropout, seed, **kwargs)
        self.use_scale = use_scale
        self.score_mode = score_mode

    def build(self, input_shape: Any) -> None:  # shapes, one for each input
        """Make the scalars that are learnt."""
        self._checked(input_shape)
        self.scale = self.concat_score_weight = None
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(
                name="concat_score_weight", shape=(), initializer="ones"
            )

    def _calculate_scores(self, query: Tensor, key: Tensor) -> Tensor:
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
            return scores if self.scale is None else scores * self.scale
        total = ops.expand_dims(query, -2) + ops.expand_dims(key, -3)
        if self.scale is not None:
            total = total * self.scale
        return self.concat_score_weight * ops.sum(ops.tanh(total), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {**super().get_config(), "score_mode": self.score_mode}


class AdditiveAttention(Attention):
    """Additive attention: scores are the sum over features of `scale * tanh(query + key)`.

    Args:
        use_scale: Whether the features are weighed by a vector that is learnt.
        dropout: Fraction of the weights that is set to 0 while training.
        **kwargs: See `Layer`; `seed` as in `Attention`.

    Call arguments:
        inputs: List `[query, value]` or `[query, value, key]`; key is value by default.
        mask: List `[query_mask, value_mask]`, see `Attention`.
        training: Whether to drop.
        return_attention_scores: Whether to return the weights too.
        use_causal_mask: Whether a target sees only sources up to its own place.

    Input shape:
        `[(batch, targets, depth), (batch, sources, depth), (batch, sources, depth)]`.

    Output shape:
        `(batch, targets, depth)`; the weights are `(batch, targets, sources)`.

    Raises:
        ValueError: If the inputs are no such list.

    Example:

    >>> query, value = keras.ops.ones((2, 3, 8)), keras.ops.ones((2, 5, 8))
    >>> keras.layers.AdditiveAttention()([query, value]).shape
    (2, 3, 8)

    Reference:
        Bahdanau et al., 2015, https://arxiv.org/abs/1409.0473, section 3.1.
    """

    def __init__(
        self,
        use_scale: bool = True,
        dropout: float = 0.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:  # shapes, one for each input
        """Make the vector that is learnt."""
        self._checked(input_shape)
        self.scale = None
        if self.use_scale:
            self.scale = self.add_weight(
                name="scale", shape=(input_shape[0][-1],), initializer="glorot_uniform"
            )

    def _calculate_scores(self, query: Tensor, key: Tensor) -> Tensor:
        total = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
        if self.scale is not None:
            total = total * self.scale
        return ops.sum(total, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        config = super().get_config()
        del config["score_mode"]  # there is only one
        return config
