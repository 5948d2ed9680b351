"""What keras gives for the cases: weights, shapes, results, gradients."""

import inspect
import json

import numpy as np

from tests.layers.case import made
from tests.layers.cases import CASES, RANDOM, data, dtype, symbols
from tests.layers.cases_attention import ATTENTION_CASES
from tests.layers.cases_recurrent import RECURRENT_CASES


def values(names, shapes):
    """Values for weights of these names and shapes, the same on both sides."""
    rng = np.random.default_rng(7)
    found = []
    for name, shape in zip(names, shapes):
        value = rng.normal(size=shape).astype("float32") * 0.5
        positive = "variance" in name or "stddev" in name
        found.append(np.abs(value) + 0.5 if positive else value)
    return found


def weigh(layer):
    """Give a built layer the values above."""
    names = [v.name for v in layer.weights]
    layer.set_weights(values(names, [tuple(v.shape) for v in layer.weights]))
    return layer


def built(library, case):
    """The layer of a case, built for its data, with known weights."""
    layer = made(library, case)
    layer(data(case))
    return weigh(layer)


def flag(layer, training):
    """`training=` for a layer that takes it; keras refuses it elsewhere."""
    known = inspect.signature(type(layer).call).parameters
    return {"training": training} if "training" in known else {}


def cotangent(shape):
    """What results are multiplied by before they are summed, for gradients."""
    return np.random.default_rng(11).normal(size=shape).astype("float32")


def facts(layer, case, library):
    """Weights, configs, and symbolic output shapes, as text."""
    out = layer(symbols(case, lambda s, d: library.Input(s, dtype=d)))
    configs = layer.get_config(), layer.get_build_config()
    return {
        "weights": [
            f"{v.name} {tuple(v.shape)} {v.dtype} {bool(v.trainable)}"
            for v in layer.weights
        ],
        "config": [json.dumps(_nameless(c), sort_keys=True) for c in configs],
        "masks": [str(bool(layer.supports_masking))],
        "shape": [str(tuple(out.shape))],
        "open": _open_shape(case, library),
    }


def _nameless(config):
    """A config without the names of layers, which are numbered, its floats rounded."""
    if isinstance(config, dict):
        named = "dtype" in config
        return {
            k: _nameless(v) for k, v in config.items() if not (named and k == "name")
        }
    if isinstance(config, (list, tuple)):
        return [_nameless(v) for v in config]
    return round(config, 6) if isinstance(config, float) else config


def _open_shape(case, library):
    """The output's shape where every size may be unknown but that of the channels."""
    if isinstance(case.inputs, list) or len(case.inputs) < 2:
        return []
    first = case.kwargs.get("data_format") == "channels_first"
    channels = ("LSTM" in case.layer) if first else len(case.inputs) - 1
    shape = [None] * (len(case.inputs) + 1)
    shape[channels + 1] = case.inputs[channels]
    try:
        out = made(library, case)(library.KerasTensor(shape, dtype(case)))
    except Exception:
        return ["refused"]
    return [str(d) for d in out.shape]


ELSEWHERE = [*RECURRENT_CASES, *ATTENTION_CASES]
OWN_CASES = [case for case in CASES if case not in ELSEWHERE]


def make(keras, cases=OWN_CASES):
    """Everything, by `case/part`."""
    found = {}
    for case in cases:
        layer = built(keras, case)
        for part, texts in facts(layer, case, keras).items():
            found[f"{case.id}/{part}"] = np.array(texts)
        found[f"{case.id}/infer"] = np.asarray(layer(data(case), **flag(layer, False)))
        if case.layer in RANDOM:
            continue
        outputs, grads, after = _gradients(layer, case)
        found[f"{case.id}/train"] = outputs
        for i, grad in enumerate(grads):
            found[f"{case.id}/grad{i}"] = grad
        for i, value in enumerate(after):
            found[f"{case.id}/after{i}"] = value
    return found


def _gradients(layer, case):
    """Results while training; gradients by inputs and weights; what is left behind."""
    import jax

    inputs = data(case)
    trainable = [v.value for v in layer.trainable_variables]
    still = [v.value for v in layer.non_trainable_variables]

    def total(trainable, inputs):
        out, after = layer.stateless_call(trainable, still, inputs, **flag(layer, True))
        return (out * cotangent(out.shape)).sum(), (out, after)

    by_input = () if case.kind == "int" else (1,)
    grads, (out, after) = jax.grad(total, argnums=(0, *by_input), has_aux=True)(
        trainable, inputs
    )
    flat = [np.asarray(g) for g in jax.tree_util.tree_leaves(grads)]
    names = [v.path for v in layer.non_trainable_variables]
    after = [np.asarray(a) for a, n in zip(after, names) if "seed_gen" not in n]
    return np.asarray(out), flat, after
