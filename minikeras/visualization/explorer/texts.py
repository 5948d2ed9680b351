"""Text that goes into a model: what the page needs to make the same tokens of it.

Layers of text run in NumPy, before a compiled step. While the model is staged, what such a
layer gives is an input of the graph; the page reads the text as the layer would and fills
it in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import STRING
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor
from minikeras.layers import StringLookup, TextVectorization
from minikeras.layers.preprocessing.text import SPLIT, STANDARDIZE
from minikeras.visualization.explorer.capture import Capture
from minikeras.visualization.explorer.packing import pack

if TYPE_CHECKING:
    from minikeras.layers.base.layer import Layer
    from minikeras.models.model import Model


Json = Any


@dataclass(eq=False)
class TextCall:
    """A call of a layer of text.

    Attributes:
        layer: Whose.
        given: The text.
        made: The input of the graph that stands for what it gives.
    """

    layer: Any
    given: Tensor
    made: Tensor


_MODES = ("int", "multi_hot", "count", "tf_idf")
_MOST_WORDS = 200_000


def reader(layer: Any) -> Json | None:
    """How a layer reads text, as data; None if the page cannot do the same."""
    if type(layer) is TextVectorization:
        lookup, plain = layer._lookup_layer, layer.encoding
        known = layer.standardize in (None, *STANDARDIZE) and layer.split in (
            None,
            *SPLIT,
        )
    elif type(layer) is StringLookup:
        lookup, plain = layer, layer.encoding
        known = not layer.invert
    else:
        return None
    table = lookup._table
    if table is None or table.oov != 1 or len(table.tokens) > _MOST_WORDS:
        return None
    if (
        not known
        or lookup.output_mode not in _MODES
        or plain.lower() not in ("utf-8", "utf8")
    ):
        return None
    cuts = type(layer) is TextVectorization
    weights = lookup.idf_weights if lookup.output_mode == "tf_idf" else None
    return {
        "standardize": layer.standardize if cuts else None,
        "split": layer.split if cuts else None,
        "ngrams": list(layer._ngram_sizes) if cuts and layer._ngram_sizes else None,
        "mode": lookup.output_mode,
        "words": list(table.tokens),
        "first": len(table.special),
        "unknown": table.first_oov,
        "mask": lookup.mask_token,
        "maskNumber": table.index.get(lookup.mask_token, -1),
        "weights": None if weights is None else pack(np.asarray(weights, "float64")),
    }


@contextmanager
def reading(
    model: Model, capture: Capture, add: Callable[[Aval], Tensor]
) -> Iterator[list[TextCall]]:
    """A block in which layers of text give inputs of the graph.

    Args:
        model: The model that is staged.
        capture: Where the calls are noted, as those of all layers.
        add: Makes an input of the graph.

    Yields:
        The calls, as they come.
    """
    found: list[TextCall] = []

    def standing_in(layer: Layer) -> Callable[..., Any]:
        def call(inputs: Tensor) -> Tensor:
            spec = layer.compute_output_spec(KerasTensor(inputs.shape, STRING))
            made = add(Aval(tuple(spec.shape), spec.dtype))
            found.append(TextCall(layer, inputs, made))
            return made

        def noted(inputs: Any) -> Any:
            text = isinstance(inputs, Tensor) and inputs.dtype == STRING
            spec = layer.compute_output_spec(KerasTensor(inputs.shape, STRING))
            if not text or None in spec.shape:  # as many tokens as the text has
                return None
            return capture.note(layer, call, (inputs,), {})

        return noted

    layers = [layer for layer in model._flatten_layers() if reader(layer) is not None]
    for layer in layers:
        layer.__dict__["_in_step"] = standing_in(layer)
    try:
        yield found
    finally:
        for layer in layers:
            layer.__dict__.pop("_in_step", None)
