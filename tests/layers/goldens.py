"""What keras gives for the cases: weights, shapes, results, gradients."""

import inspect

import numpy as np

from tests.layers.cases import CASES, RANDOM, data, symbols


def values(names, shapes):
    """Values for weights of these names and shapes, the same on both sides."""
    rng = np.random.default_rng(7)
    found = []
    for name, shape in zip(names, shapes):
        value = rng.normal(size=shape).astype("float32") * 0.5
        found.append(np.abs(value) + 0.5 if "variance" in name else value)
    return found


def weigh(layer):
    """Give a built layer the values above."""
    names = [v.name for v in layer.weights]
    layer.set_weights(values(names, [tuple(v.shape) for v in layer.weights]))
    return layer


def built(library, case):
    """The layer of a case, built for its data, with known weights."""
    layer = getattr(library.layers, case.layer)(**case.kwargs)
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
    """Weight names, weight shapes, config keys and symbolic output shape, as text."""
    out = layer(symbols(case, lambda s, d: library.Input(s, dtype=d)))
    return {
        "weights": [f"{v.name} {tuple(v.shape)}" for v in layer.weights],
        "config": sorted(layer.get_config()),
        "masks": [str(bool(layer.supports_masking))],
        "shape": [str(tuple(out.shape))],
    }


def make(keras, cases=CASES):
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
    return np.asarray(out), flat, [np.asarray(a) for a in after]
