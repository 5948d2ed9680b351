"""Arguments of compile and fit: cases, and the histories that keras gives for them."""

import functools

import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(26, 4)).astype("float32")
Y = X.sum(1, keepdims=True)
C = np.arange(26) % 3
W = rng.random(26).astype("float32")
S = rng.normal(size=(26, 5, 4)).astype("float32")
SY = rng.integers(0, 3, (26, 5))
SW = rng.random((26, 5)).astype("float32")
WEIGHTS = {0: 1.0, 1: 2.0, 2: 0.5}
PLAIN = {"verbose": 0, "shuffle": False, "batch_size": 4}


def compiled(keras, model, loss, **arguments):
    draw = np.random.default_rng(1)
    model.set_weights([draw.normal(size=w.shape) * 0.3 for w in model.get_weights()])
    model.compile(keras.optimizers.SGD(0.05), loss, **arguments)
    return model


def line(keras, loss="mse", units=1, **arguments):
    layers = [keras.Input((4,)), keras.layers.Dense(units)]
    return compiled(keras, keras.Sequential(layers), loss, **arguments)


def classes(keras, **arguments):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return line(keras, loss, 3, **arguments)


def steps(keras, **arguments):
    layers = [keras.Input((5, 4)), keras.layers.Dense(3, activation="softmax")]
    loss = "sparse_categorical_crossentropy"
    return compiled(keras, keras.Sequential(layers), loss, **arguments)


def two(keras, **arguments):
    inputs = keras.Input((4,))
    a = keras.layers.Dense(1, name="a")(inputs)
    b = keras.layers.Dense(3, activation="softmax", name="b")(inputs)
    loss = ["mse", "sparse_categorical_crossentropy"]
    return compiled(keras, keras.Model(inputs, [a, b]), loss, **arguments)


BOTH = {"metrics": ["mae"], "weighted_metrics": ["mae", "mse"]}
ACCURACY = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
TWO = {"weighted_metrics": [["mae"], ["accuracy"]]}
# A model's maker and arguments of compile, data, arguments of fit.
HISTORIES = {
    "sample weights": (line, BOTH, (X, Y), {"sample_weight": W, "epochs": 2}),
    "a column of them": (line, BOTH, (X, Y), {"sample_weight": W[:, None]}),
    "of a split": (line, BOTH, (X, Y), {"sample_weight": W, "validation_split": 0.3}),
    "of validation": (line, BOTH, (X, Y), {"validation_data": (X, Y, W)}),
    "of steps": (steps, ACCURACY, (S, SY), {"sample_weight": SW}),
    "class weights": (classes, ACCURACY, (X, C), {"class_weight": WEIGHTS}),
    "of a column": (classes, {}, (X, C[:, None]), {"class_weight": {0: 1.0, 1: 2.0}}),
    "of one-hot rows": (
        functools.partial(line, units=3), {}, (X, np.eye(3)[C]), {"class_weight": WEIGHTS}
    ),
    "not of validation": (
        classes, ACCURACY, (X, C), {"class_weight": WEIGHTS, "validation_split": 0.3}
    ),
    "loss weights": (two, {"loss_weights": [2.0, 0.5]}, (X, [Y, C]), {}),
    "by name": (two, {"loss_weights": {"a": 2.0, "b": 0.5}}, (X, [Y, C]), {}),
    "of NumPy": (
        two, {"loss_weights": (np.float32(2), np.int64(3))}, (X, [Y, C]), {}
    ),
    "of one output": (line, {"loss_weights": [3.0]}, (X, Y), {}),
    "one for two outputs": (two, TWO, (X, [Y, C]), {"sample_weight": W}),
    "one for each": (two, TWO, (X, [Y, C]), {"sample_weight": [W, W[::-1]]}),
    "none for one": (two, TWO, (X, [Y, C]), {"sample_weight": [W, None]}),
    "steps of arrays": (line, {}, (X, Y), {"steps_per_epoch": 3, "epochs": 2}),
    "steps of validation": (
        line, {}, (X, Y),
        {"validation_data": (X, Y), "validation_steps": 2, "validation_batch_size": 3},
    ),
    "every second epoch": (
        line, {}, (X, Y), {"validation_split": 0.3, "validation_freq": 2, "epochs": 4}
    ),
    "some epochs": (
        line, {}, (X, Y),
        {"validation_split": 0.3, "validation_freq": [1, 3], "epochs": 4},
    ),
    "later epochs": (line, {}, (X, Y), {"initial_epoch": 2, "epochs": 4}),
}  # fmt: skip


def history(keras, case):
    make, compile_, data, fit = HISTORIES[case]
    return make(keras, **compile_).fit(*data, **PLAIN, **fit)


def make(keras):
    """`case/name` -> the values of a history."""
    found = {}
    for case in HISTORIES:
        for name, values in history(keras, case).history.items():
            found[f"{case}/{name}"] = np.array(values)
    return found
