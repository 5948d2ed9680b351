"""The code that the page offers makes the model."""

import numpy as np
import pytest

import minikeras as keras
from minikeras.visualization.explorer.code import model_code
from tests.visualization.explorer import networks

layers = keras.layers


def made(code):
    space = {}
    lines = code.replace("import keras\nfrom keras import layers, ops\n", "")
    exec(lines, {"keras": keras, "layers": layers, "ops": keras.ops}, space)
    return space["model"]


def shown(model):
    """What must be equal: classes, shapes of results and weights."""
    parts = getattr(model, "operations", model.layers)
    return (
        [
            (type(p).__name__, [w.shape for w in getattr(p, "weights", ())])
            for p in parts
        ],
        [t.shape for t in model.outputs],
        [t.dtype for t in model.inputs],
    )


def nameless(config):
    if isinstance(config, dict):
        return {k: nameless(v) for k, v in config.items() if k != "name"}
    return [nameless(v) for v in config] if isinstance(config, list) else config


def fancy():
    shared = layers.Dense(
        4, kernel_initializer="he_normal", kernel_regularizer="l2", name="ours"
    )
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, use_bias=False)], name="inner"
    )
    a, b = (
        keras.Input((4,), name="class"),
        keras.Input((4,), batch_size=None, name="my input"),
    )
    y = keras.ops.concatenate([shared(a), inner(shared(b))], axis=-1)
    y = layers.RNN(layers.GRUCell(3), return_sequences=True)(layers.RepeatVector(2)(y))
    y = layers.Bidirectional(layers.LSTM(2, return_sequences=True), merge_mode="sum")(y)
    y = layers.TimeDistributed(layers.Dense(2, activation=layers.LeakyReLU(0.3)))(y)
    y = layers.LayerNormalization(epsilon=1e-4, dtype="float64")(y)
    return keras.Model({"x": a, "y": b}, [y, shared.output], name='odd "name"')


@pytest.mark.parametrize("name", [*networks.NETWORKS, "fancy"])
def test_code_makes_the_model(name):
    model = fancy() if name == "fancy" else networks.NETWORKS[name]()[0]
    code, whole = model_code(model)
    if name == "transformer":  # has an array of positions in it
        assert not whole or shown(made(code)) == shown(model)
        return
    assert whole, code
    again = made(code)
    assert shown(again) == shown(model)
    kinds = {type(o) for o in getattr(model, "layers", ())} & {layers.LSTM, layers.GRU}
    if not kinds:
        for mine, theirs in zip(again.layers, model.layers, strict=True):
            if type(mine).__module__.startswith("minikeras.layers"):
                assert nameless(mine.get_config()) == nameless(theirs.get_config())


def test_it_reads_as_one_writes():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu", name="first"),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.Dense(10, kernel_initializer=keras.initializers.HeNormal(seed=1)),
        ]
    )
    assert model_code(model)[0].split("\n", 3)[3] == (
        "model = keras.Sequential(\n"
        "    [\n"
        "        keras.Input((28, 28, 1)),\n"
        '        layers.Conv2D(32, 3, activation="relu", name="first"),\n'
        "        layers.MaxPooling2D(),\n"
        "        layers.Dropout(0.5),\n"
        "        layers.Dense(10, kernel_initializer=keras.initializers.HeNormal(seed=1)),\n"
        "    ]\n"
        ")\n"
    )


def test_compiled_as_it_was():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile("adam", "mse")
    last = model_code(model)[0].splitlines()[-1]
    assert last == 'model.compile(optimizer=keras.optimizers.Adam(), loss="mse")'
    rate = keras.optimizers.schedules.CosineDecay(0.1, 50, alpha=0.25)
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9, clipnorm=1.5, name="mine"),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy(k=2)],
        steps_per_execution=4,
    )
    code, whole = model_code(model)
    assert whole
    again = made(code)
    assert nameless(again.get_compile_config()) == nameless(model.get_compile_config())
    model.compile("sgd", lambda y, p: p - y)
    code, whole = model_code(model)
    assert not whole and "model.compile" not in code and "compiled with" in code


def test_what_is_the_authors_is_said():
    class Mine(layers.Layer):
        def call(self, x):
            return x

    x = keras.Input((3,))
    model = keras.Model(x, layers.Lambda(lambda t: t * 2)(Mine(name="m")(x)))
    code, whole = model_code(model)
    assert not whole and code.splitlines()[3].startswith("# Not made by Keras alone")
    assert "Mine" in code and "Lambda" in code
    compile(code, "code", "exec")


def test_hostile_names_make_no_other_code():
    x = keras.Input((2,), name="x")
    layer = layers.Dense(2)
    layer.name = '")\nimport os  # <b>'
    layer.__dict__["name"] = layer.name
    code, _ = model_code(keras.Model(x, layer(x)))
    assert "\nimport os" not in code
    again = made(code) if "\\n" in code else None
    assert again is None or np.prod(again.outputs[0].shape[1:]) == 2
