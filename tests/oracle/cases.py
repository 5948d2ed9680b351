"""Models, optimizers and data for training both here and in keras, from one description.

Nothing is drawn at random but with NumPy's legacy generator, whose numbers do not
change from release to release.
"""

import numpy as np

STEPS = 20
BATCH = 16


def mlp(keras):
    """Dense layers and a softmax."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12,)),
            layers.Dense(16, activation="relu"),
            layers.Dense(
                8, activation="tanh", kernel_regularizer=keras.regularizers.L2(1e-3)
            ),
            layers.Dense(4, activation="softmax"),
        ]
    )
    return model, {"loss": "categorical_crossentropy", "metrics": ["accuracy"]}


def cnn(keras):
    """The deck's CNN, small and without Dropout, whose masks differ from keras's."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(6, (3, 3), activation="relu", padding="same"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    return model, {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}


def normalized(keras):
    """Batch normalization in training mode, then in test mode."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12,)),
            layers.Dense(16, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    return model, {"loss": "binary_crossentropy", "metrics": ["accuracy", "mae"]}


def two_outputs(keras):
    """A functional model with two inputs, a shared layer and two outputs."""
    layers = keras.layers
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    shared = layers.Dense(8, activation="relu", name="shared")
    a, b = shared(left), shared(right)
    joined = layers.Concatenate()([layers.Add()([a, b]), a])
    kind = layers.Dense(4, activation="softmax", name="kind")(joined)
    size = layers.Dense(1, name="size")(joined)
    model = keras.Model([left, right], [kind, size])
    return model, {
        "loss": {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        "loss_weights": {"kind": 1.0, "size": 0.5},
        "metrics": {"kind": ["accuracy"], "size": ["mae"]},
    }


MODELS = {"mlp": mlp, "cnn": cnn, "normalized": normalized, "two_outputs": two_outputs}
OPTIMIZERS = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.003}),
    "adam": ("Adam", {"learning_rate": 0.01}),
}
CASES = [(model, optimizer) for model in MODELS for optimizer in OPTIMIZERS]


def batches(name):
    """`STEPS` batches `(x, y)` for a model."""
    rng = np.random.RandomState(len(name))
    shape = (12, 12, 1) if name == "cnn" else (12,)
    centres = rng.normal(size=(4, *shape))
    for _ in range(STEPS):
        labels = rng.randint(0, 4, BATCH)
        x = (centres[labels] + rng.normal(size=(BATCH, *shape))).astype("float32")
        if name == "mlp":
            yield x, np.eye(4, dtype="float32")[labels]
        elif name == "cnn":
            yield x, labels.astype("int32")
        elif name == "normalized":
            yield x, (labels % 2).astype("float32")[:, None]
        else:
            size = x.sum(axis=1, keepdims=True) / 4
            yield [x[:, :6], x[:, 6:]], [labels.astype("int32"), size]


def weights_like(weights):
    """First weights: matrices and kernels from a fixed formula, vectors as they are."""
    rng = np.random.RandomState(5)
    return [
        rng.uniform(-0.4, 0.4, w.shape).astype("float32") if w.ndim > 1 else w
        for w in weights
    ]


def train(keras, model_name, optimizer_name):
    """Every logged value of each step, then of a test step, `(STEPS + 1, values)`."""
    model, arguments = MODELS[model_name](keras)
    model.set_weights(weights_like(model.get_weights()))
    kind, settings = OPTIMIZERS[optimizer_name]
    model.compile(optimizer=getattr(keras.optimizers, kind)(**settings), **arguments)
    rows = []
    for x, y in batches(model_name):
        model.reset_metrics()
        logs = model.train_on_batch(x, y, return_dict=True)
        rows.append([logs[name] for name in sorted(logs)])
    model.reset_metrics()
    logs = model.test_on_batch(x, y, return_dict=True)
    rows.append([logs[name] for name in sorted(logs)])
    return sorted(logs), np.array(rows, "float32")
