"""A model as text that is the same for both libraries, and its digest."""

import contextlib
import functools
import hashlib
import json
import unittest.mock
from pathlib import Path

import numpy as np

import minikeras

# What a config says about its class, about names that stand elsewhere, or about policies.
_LEFT_OUT = {"module", "registered_name", "build_config", "name", "dtype"}
# Sizes that Keras's default, None, leaves NASNetLarge unusable with.
INPUT_SHAPES = {("NASNetLarge", False): (331, 331, 3)}


def names(library):
    """The networks of a library."""
    return sorted(name for name in dir(library.applications) if name[0].isupper())


MADE = names(minikeras)


def golden():
    """The outlines of Keras's networks, and where it fetches their weights."""
    return json.loads(_golden())


@functools.cache
def _golden():
    file = Path(__file__).parent.parent / "goldens" / "applications.json"
    return file.read_text()


@contextlib.contextmanager
def undrawn(library):
    """Networks begin with zeros: drawing takes longer than all the rest."""

    def zeros(self, shape, dtype=None, **kwargs):
        made = np.zeros(shape, dtype or "float32")
        return library.ops.convert_to_tensor(made)

    kinds = library.initializers
    with contextlib.ExitStack() as stack:
        for kind in (kinds.VarianceScaling, kinds.RandomNormal, kinds.TruncatedNormal):
            stack.enter_context(unittest.mock.patch.object(kind, "__call__", zeros))
        yield


def key(name, top):
    """What a model is called in the golden."""
    return f"{name} {'top' if top else 'no top'}"


def built(library, name, top):
    """The model with weights drawn at random, its automatic names counted from 0."""
    library.utils.clear_session()
    shape = INPUT_SHAPES.get((name, top))
    return getattr(library.applications, name)(
        weights=None, include_top=top, input_shape=shape
    )


def lines(model):
    """A line for each layer: name, class, config, where its input comes from, weights."""
    return [json.dumps(_row(layer), sort_keys=True) for layer in model.layers]


def outline(model):
    """Name, number of weights and layers, shapes, and the SHA-1 of the lines."""
    text = "\n".join(lines(model))
    return {
        "name": model.name,
        "weights": model.count_params(),
        "layers": len(model.layers),
        "shapes": [list(model.input_shape), list(model.output_shape)],
        "digest": hashlib.sha1(text.encode()).hexdigest(),
    }


def _row(layer):
    sources = layer._inbound_nodes[0].input_tensors
    return [
        layer.name,
        type(layer).__name__,
        _plain(layer.get_config()),
        [tensor._keras_history.operation.name for tensor in sources],
        [[w.path, list(w.shape), w.trainable] for w in layer.weights],
    ]


def _plain(config):
    if isinstance(config, dict):
        kept = {k: _plain(v) for k, v in config.items() if k not in _LEFT_OUT}
        if kept.get("axis") == 3:  # of four
            kept["axis"] = -1
        return kept
    if isinstance(config, (list, tuple)):
        return [_plain(v) for v in config]
    if config is None or isinstance(config, (str, bool, int, float)):
        return config
    return str(config)
