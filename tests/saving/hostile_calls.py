"""More files that attack the reader: by what layers, metrics and calls ask for."""

import os

from tests.saving import hostile


def _functional(folder, layers):
    def change(config):
        ends = layers[0]["name"], layers[-1]["name"]
        config.pop("compile_config", None)
        config.update(module="keras", class_name="Functional", registered_name=None, config={
            "name": "f", "layers": layers, "input_layers": [[ends[0], 0, 0]],
            "output_layers": [[ends[1], 0, 0]]})  # fmt: skip

    return hostile._with_config(folder, change)


def _called(name, node=0):
    history = {"shape": [None, 3], "dtype": "float32", "keras_history": [name, node, 0]}
    return {
        "args": [{"class_name": "__keras_tensor__", "config": history}],
        "kwargs": {},
    }


def _in_graph(cls, name, calls, module="keras.layers", **config):
    return {"module": module, "class_name": cls, "registered_name": None, "name": name,
            "config": {"name": name, **config}, "inbound_nodes": calls}  # fmt: skip


def calls_that_double(folder):
    """A model that calls another twice, which calls another twice, and so on."""
    start = _in_graph("InputLayer", "i", [], batch_shape=[None, 3], dtype="float32")
    inner = _in_graph("ReLU", "x", [_called("i")])
    for depth in range(25):
        node = 2 if depth else 0  # as Keras counts a functional model's calls
        inner = {"module": "keras", "class_name": "Functional", "registered_name": None,
                 "name": "x", "inbound_nodes": [_called("i"), _called("x")],
                 "config": {"name": "x", "layers": [start, inner],
                            "input_layers": [["i", 0, 0]],
                            "output_layers": [["x", node, 0]]}}  # fmt: skip
    return _functional(folder, [start, inner])


def op_without_tensors(folder):
    """An op that makes ten thousand million numbers of nothing."""
    start = _in_graph("InputLayer", "i", [], batch_shape=[None, 3], dtype="float32")
    made = _in_graph("Arange", "a", [{"args": [0, 10**10], "kwargs": {}}],
                     "keras.src.ops.numpy")  # fmt: skip
    return _functional(folder, [start, made])


def _with_metric(folder, name, **config):
    def change(whole):
        whole["compile_config"] = {
            "optimizer": "sgd", "loss": "mse", "metrics": [
                {"module": "keras.metrics", "class_name": name, "config": config,
                 "registered_name": None}]}  # fmt: skip

    return hostile._with_config(folder, change)


def many_thresholds(folder):
    """A metric with a thousand million thresholds."""
    return _with_metric(folder, "AUC", num_thresholds=10**9)


def many_tried_thresholds(folder):
    """The same, of a metric that tries them."""
    return _with_metric(folder, "PrecisionAtRecall", recall=0.5, num_thresholds=10**9)


def many_classes(folder):
    """A metric that counts ten million classes."""
    return _with_metric(folder, "MeanIoU", num_classes=10**7)


def many_ngrams(folder):
    """A layer that makes n-grams of a thousand million sizes."""
    return hostile._with_layer(folder, {"module": "keras.layers", "class_name": "TextVectorization",
                                "config": {"ngrams": 10**9, "vocabulary": ["a"]},
                                "registered_name": None})  # fmt: skip


def many_unknown_tokens(folder):
    """A lookup with a thousand million numbers for what it does not know."""
    return hostile._with_layer(folder, {"module": "keras.layers", "class_name": "IntegerLookup",
                                "config": {"num_oov_indices": 10**9, "vocabulary": [1]},
                                "registered_name": None})  # fmt: skip


def pipe(folder):
    """A pipe, which nobody writes to."""
    os.mkfifo(folder / "hostile.keras")
    return folder / "hostile.keras"


def pipe_in_folder(folder):
    """A pipe for the weights of a model in a folder."""
    inner = folder / "model"
    inner.mkdir()
    for name, data in hostile._plain(folder).items():
        if name != "model.weights.h5":
            (inner / name).write_bytes(data)
    os.mkfifo(inner / "model.weights.h5")
    return inner


FILES = hostile.files_in(globals())
