"""What the layers with projected heads share: options, masks, projections, the gate."""

from __future__ import annotations

import math
from typing import Any, Unpack

from minikeras import ops, regularizers
from minikeras.dtype_policies import DTypePolicy
from minikeras.engine.tensor import Tensor
from minikeras.layers.activation import Softmax
from minikeras.layers.attention.attention import causal_mask
from minikeras.layers.base.call_info import accepted
from minikeras.layers.base.keywords import CommonOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.masking import mask_of
from minikeras.layers.base.options import (
    options_config,
    set_options,
)
from minikeras.layers.core.einsum_dense import EinsumDense
from minikeras.layers.regularization import Dropout
from minikeras.types import Identifier, PartialShape


class HeadAttention(Layer):
    """Attention whose query, key and value are projected to several heads."""

    _query_dense: EinsumDense
    _key_dense: EinsumDense
    _value_dense: EinsumDense
    _output_dense: EinsumDense
    _gate_dense: EinsumDense
    _softmax: Softmax

    # Whether queries that `query_mask` excludes look nowhere.
    _masks_queries = False
    # The projections have the penalty on outputs; this says whether it is added once
    # more for the result, which is the output of the last of them.
    _penalizes_result = False

    def __init__(
        self,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        activity_regularizer: Identifier,
        use_gate: bool,
        seed: int | None,
        options: dict[str, Any],
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        once_more = activity_regularizer if self._penalizes_result else None
        super().__init__(activity_regularizer=once_more, **kwargs)
        self._projections_regularizer = regularizers.get(activity_regularizer)
        if sliding_window is not None and (
            not isinstance(sliding_window, int) or sliding_window < 1
        ):
            raise ValueError(
                f"{type(self).__name__}: sliding_window={sliding_window!r}; expected None or "
                "a positive integer."
            )
        if flash_attention and dropout > 0:
            raise ValueError(
                f"{type(self).__name__}: Dropout is not supported when flash attention is "
                f"enabled. Received: flash_attention={flash_attention}, dropout={dropout}"
            )
        self._flash_attention = flash_attention
        self.supports_masking = True
        self.use_bias = use_bias
        self.use_gate = use_gate
        self.sliding_window = sliding_window
        self.seed = seed
        set_options(self, **options)
        self.dropout = dropout
        self._dropout_layer = Dropout(
            dropout, seed=seed, dtype=self._policy_for_parts()
        )

    def _projection(
        self, name: str, equation: str, sizes: PartialShape, bias_axes: str, **more: Any
    ) -> EinsumDense:
        """A dense layer with this layer's options; its first values are its own."""
        given: dict[str, Any] = {}
        for key in ("kernel_initializer", "bias_initializer"):
            chosen = getattr(self, key)
            given[key] = (
                type(chosen).from_config(chosen.get_config())
                if hasattr(chosen, "get_config")
                else chosen
            )
        for family in ("regularizer", "constraint"):
            for weight in ("kernel", "bias"):
                given[f"{weight}_{family}"] = getattr(self, f"{weight}_{family}")
        layer = EinsumDense(
            equation,
            sizes,
            bias_axes=bias_axes if self.use_bias else None,
            name=name,
            dtype=self._policy_for_parts(),
            activity_regularizer=self._projections_regularizer,
            **given,
            **more,
        )
        layer.supports_masking = True  # masks are this layer's business
        return layer

    def _make_softmax(self, axes: int) -> Softmax:
        return Softmax(axis=tuple(range(-axes, 0)), dtype=self._policy_for_parts())

    def _policy_for_parts(self) -> DTypePolicy:
        """The policy as given: out of a map each part takes its own."""
        policy: DTypePolicy = self.__dict__["_dtype_policy"]
        return policy

    def _check_shapes(
        self, value_shape: PartialShape, key_shape: PartialShape | None
    ) -> None:
        if key_shape is not None and tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ValueError(
                f"{self._label()}: value has shape {tuple(value_shape)}, key "
                f"{tuple(key_shape)}; expected equal sizes but for the last axis."
            )

    # --- masks

    def _compute_attention_mask(
        self,
        query: Tensor,
        value: Tensor,
        query_mask: Tensor | None = None,
        value_mask: Tensor | None = None,
        key_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        use_causal_mask: bool = False,
    ) -> Tensor | None:
        """Where a target may look, `(batch, targets, sources)`, or None for everywhere.

        A subclass may have its own, under this name as in Keras.
        """
        found = []
        # Keras: MultiHeadAttention heeds the mask that a query carries, and leaves one that
        # is given as an argument to the layers that follow.
        if not self._masks_queries:
            query_mask = mask_of(query)
        if query_mask is not None:
            found.append(ops.expand_dims(ops.cast(query_mask, "bool"), -1))
        for mask in (value_mask, key_mask):
            if mask is not None:
                found.append(ops.expand_dims(ops.cast(mask, "bool"), -2))
        if use_causal_mask:
            found.append(causal_mask(query.shape[1], value.shape[1]))
        if self.sliding_window is not None:
            found.append(self._window(query.shape[1], value.shape[1]))
        if attention_mask is not None:
            found.append(ops.cast(attention_mask, "bool"))
        allowed = None
        for mask in found:
            allowed = mask if allowed is None else ops.logical_and(allowed, mask)
        return allowed

    def _window(self, targets: int, sources: object) -> Tensor:
        rows = ops.expand_dims(ops.arange(targets, dtype="int32"), -1)
        away = ops.abs(rows - ops.arange(sources, dtype="int32"))
        return ops.expand_dims(away < self.sliding_window, 0)

    # --- calling

    def call(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Tensor | None = None,
        value_mask: Tensor | None = None,
        key_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """The values, weighed for each query; and the weights, if wanted."""
        if self._flash_attention and return_attention_scores:
            raise ValueError(
                f"{self._label()}: Returning attention scores is not supported when flash "
                "attention is enabled. Please disable flash attention to access attention "
                "scores."
            )
        key = value if key is None else key
        allowed = self._compute_attention_mask(
            query,
            value,
            query_mask=query_mask,
            value_mask=value_mask,
            key_mask=key_mask,
            attention_mask=attention_mask,
            use_causal_mask=use_causal_mask,
        )
        gate = self._gate_dense(query) if self.use_gate else None
        attended = self._attend(
            self._query_dense(query),
            self._key_dense(key),
            self._value_dense(value),
            attention_mask=allowed,
            training=training,
            return_attention_scores=return_attention_scores,
        )
        result, weights = attended
        if gate is not None:
            result = result * gate
        result = self._output_dense(result)
        return (result, weights) if return_attention_scores else result

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Any:
        """`_compute_attention`, with those of its options that a subclass's own takes."""
        method = type(self)._compute_attention
        if method is not HeadAttention._compute_attention:
            key, value = self._for_each_head(key), self._for_each_head(value)
            options = accepted(method, options)
        return self._compute_attention(query, key, value, **options)

    def _for_each_head(self, heads: Tensor) -> Tensor:
        """Keys or values, one head for each of the query's."""
        return heads

    def _compute_attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """The values weighed, and the weights: None where nobody needs them.

        Query, key and value are projected, `(batch, ..., heads, size)`. A subclass may have
        its own, under this name as in Keras. In a call the mask has `use_causal_mask` in it.
        """
        if use_causal_mask:
            causal = causal_mask(query.shape[1], key.shape[1])
            attention_mask = (
                causal
                if attention_mask is None
                else ops.logical_and(ops.cast(attention_mask, "bool"), causal)
            )
        whole = self.dropout > 0 or return_attention_scores or len(query.shape) != 4
        if whole or type(self)._masked_softmax is not HeadAttention._masked_softmax:
            return self._weighed(query, key, value, attention_mask, training)
        mask = self._with_heads(attention_mask, 4, 1)
        result = ops.dot_product_attention(
            query, key, value, mask=mask, scale=self._factor()
        )
        return result, None

    def _factor(self) -> float:
        return 1.0 / math.sqrt(self._depth())

    def _depth(self) -> int:
        raise NotImplementedError

    def _weighed(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        allowed: Tensor | None,
        training: bool | None,
    ) -> Any:
        """The result, and the weights of the values."""
        raise NotImplementedError

    def _masked_softmax(
        self, attention_scores: Tensor, attention_mask: Any = None
    ) -> Tensor:
        """Weights from scores. A subclass may have its own, under this name as in Keras."""
        rank = len(attention_scores.shape)
        mask = self._with_heads(attention_mask, rank, len(self._softmax.axis))
        return self._softmax(attention_scores, mask=mask)

    def _with_heads(
        self, allowed: Tensor | None, rank: int, axes: int
    ) -> Tensor | None:
        """The mask with the axes that it lacks in front of targets and sources."""
        while allowed is not None and len(allowed.shape) < rank:
            allowed = ops.expand_dims(allowed, -2 * axes - 1)
        return allowed

    def _shared_config(self) -> dict[str, Any]:
        return {
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "sliding_window": self.sliding_window,
            "dropout": self.dropout,
            **options_config(self, "kernel", "bias"),
            "activity_regularizer": None
            if self._projections_regularizer is None
            else regularizers.serialize(self._projections_regularizer),
            "seed": self.seed,
        }
