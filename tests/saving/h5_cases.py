"""The models of the `.h5` goldens, for either library to make."""

import numpy as np

from tests.layers.cases import symbols
from tests.layers.goldens import OWN_CASES, made, weigh

X = np.random.default_rng(0).standard_normal((4, 6, 5)).astype("float32")
Y = np.ones((4, 2), "float32")
# The last case of each class.
SAVED = list({case.layer: case for case in OWN_CASES}.values())


def one_layer(library, case):
    """A model of the layer of a case, with known weights."""
    layer = made(library, case)
    inputs = symbols(case, lambda s, d: library.Input(s, dtype=d))
    out = layer(inputs)
    weigh(layer)
    return library.Model(inputs, out)


def flat(value):
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in flat(value[key])]
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in flat(part)]
    return [np.asarray(value)]


def mixed(library):
    """Wrapped and nested layers, one of them not trained, and ops between them."""
    parts = library.layers
    i = library.Input((6, 5), name="a")
    x = parts.Bidirectional(parts.LSTM(3, return_sequences=True), name="bi")(i)
    x = parts.MultiHeadAttention(2, 3, name="heads")(x, x)
    inner = [library.Input((6, 6)), parts.Dense(4), parts.BatchNormalization()]
    x = library.Sequential([*inner, parts.Dense(3, trainable=False)], name="inner")(x)
    x = 1 - x * 2
    x = library.ops.concatenate([x, x[:, :, 1:]], axis=-1)
    return library.Model(i, parts.Dense(2)(parts.GRU(4)(x)), name="whole")


def compiled(library, loss="mse"):
    """The model after two epochs."""
    library.utils.set_random_seed(5)
    model = mixed(library)
    model.compile(library.optimizers.Adam(0.01), loss, metrics=["mae"])
    model.fit(X, Y, verbose=0, epochs=2)
    return model


def next_losses(model):
    return [np.ravel(model.train_on_batch(X, Y))[0] for _ in range(3)]
