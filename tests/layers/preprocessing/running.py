"""Runs a case on a Keras: the values, the vocabulary, or that it is refused."""

import numpy as np


def array(values):
    made = np.array(values)
    return made.astype(object) if made.dtype.kind == "U" else made


def plain(value):
    found = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    if found.dtype.kind == "O":
        texts = [v.decode() if isinstance(v, bytes) else v for v in found.ravel()]
        return {"dtype": "string", "shape": found.shape, "values": texts}
    values = found.ravel().tolist()
    if found.dtype.kind == "f":
        values = [round(v, 6) for v in values]
    return {"dtype": found.dtype.name, "shape": found.shape, "values": values}


def inputs_of(case):
    """The inputs as arrays: one, or a tuple of several; a single string stays one."""
    inputs = case["inputs"]
    if "many" in case:
        return tuple(array(part) for part in inputs)
    return inputs if isinstance(inputs, str) else array(inputs)


def run(keras, case):
    """What the case gives: a dict that JSON can hold."""
    try:
        layer = getattr(keras.layers, case["layer"])(**case["args"])
        if case["adapt"] is not None:
            layer.adapt(array(case["adapt"]))
        result = plain(layer(inputs_of(case)))
    except Exception as error:
        return {"error": type(error).__name__}
    if hasattr(layer, "get_vocabulary"):
        tokens = layer.get_vocabulary()
        result["vocabulary"] = [t if isinstance(t, str) else int(t) for t in tokens]
    result["shape"] = list(result["shape"])
    return result
