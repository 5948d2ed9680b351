"""Models of every kind, described once, made by this package or by keras.

Each function takes the package and returns a built, compiled model and a batch
`(x, y)` for it. Many layers stand in one model, so that few models need be compiled.
"""

import numpy as np


def _numbers(*shape, seed=0):
    return np.random.RandomState(seed).uniform(-1, 1, shape).astype("float32")


def _head(keras, tensors):
    """One output out of many branches: each flat, then together."""
    flat = [keras.layers.Flatten()(t) for t in tensors]
    return keras.layers.Dense(2, name="head")(keras.layers.Concatenate()(flat))


def _done(keras, inputs, outputs, optimizer="adam", **options):
    model = keras.Model(inputs, outputs)
    model.compile(optimizer, options.pop("loss", "mse"), **options)
    return model


def dense(keras):
    """Dense layers with regularizers, constraints, activations, dropout at test time."""
    la = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            la.Dense(5, "relu", kernel_regularizer=keras.regularizers.L1L2(1e-3, 1e-3)),
            la.Dense(5, kernel_constraint=keras.constraints.MaxNorm(2)),
            la.PReLU(),
            la.LeakyReLU(0.1),
            la.ELU(),
            la.ReLU(4.0),
            la.Activation("gelu"),
            la.BatchNormalization(momentum=0.9),
            la.LayerNormalization(),
            *([la.RMSNormalization()] if hasattr(la, "RMSNormalization") else []),
            la.UnitNormalization(),
            la.ActivityRegularization(1e-3),
            la.Softmax(),
            la.Dense(2),
        ]
    )
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse", metrics=["mae"])
    return model, _numbers(8, 6), _numbers(8, 2, seed=1)


def images(keras, mean_padding="same"):
    """Convolutions of all kinds, pooling, resizing by repetition, group normalization."""
    la = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = la.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    branches = [
        la.SeparableConv2D(4, 3, strides=2)(x),
        la.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False)(x),
        la.Conv2DTranspose(3, 3, strides=2)(la.MaxPooling2D(4)(x)),
        la.AveragePooling2D(3, padding=mean_padding)(la.GroupNormalization(2)(x)),
        la.GlobalMaxPooling2D()(la.ZeroPadding2D(1)(x)),
        la.GlobalAveragePooling2D(keepdims=True)(la.UpSampling2D(2)(x)),
        la.Cropping2D(2)(la.SpatialDropout2D(0.0)(x)),
        la.Permute((3, 1, 2))(la.Reshape((4, 4, 16))(x)),
        la.Conv2D(2, 3, groups=2, dilation_rate=2)(x),
    ]
    model = _done(keras, inputs, _head(keras, branches))
    return model, _numbers(4, 8, 8, 3), _numbers(4, 2)


def inner_images(keras):
    """The same without means over a border, which Keras on PyTorch takes otherwise."""
    return images(keras, "valid")


def lines_and_boxes(keras):
    """Convolutions of one and three dimensions."""
    la = keras.layers
    one, three = keras.Input((12, 2)), keras.Input((4, 4, 4, 2))
    x = la.Conv1D(4, 3, padding="causal")(one)
    z = la.Conv3D(2, 2)(three)
    branches = [
        la.SeparableConv1D(3, 3)(x),
        la.DepthwiseConv1D(3)(x),
        la.Conv1DTranspose(2, 3)(la.MaxPooling1D(2)(x)),
        la.GlobalAveragePooling1D()(x),
        la.Conv3DTranspose(2, 2)(la.AveragePooling3D(2)(z)),
        la.GlobalMaxPooling3D()(z),
    ]
    model = _done(keras, [one, three], _head(keras, branches), "rmsprop")
    return model, [_numbers(4, 12, 2), _numbers(4, 4, 4, 4, 2)], _numbers(4, 2)


def recurrent(keras):
    """Recurrent layers, their cells, wrappers around them, embeddings and masks."""
    la = keras.layers
    words = keras.Input((5,), dtype="int32")
    x = la.Embedding(7, 4, mask_zero=True)(words)
    branches = [
        la.LSTM(3)(x),
        la.GRU(3, reset_after=False)(x),
        la.SimpleRNN(3)(x),
        la.Bidirectional(la.GRU(2), merge_mode="sum")(x),
        la.Bidirectional(la.LSTM(2), backward_layer=la.SimpleRNN(2, go_backwards=True))(
            x
        ),
        la.RNN([la.LSTMCell(3), la.GRUCell(2), la.SimpleRNNCell(2)])(x),
        la.GlobalAveragePooling1D()(la.TimeDistributed(la.Dense(2))(x)),
    ]
    return (
        _done(keras, words, _head(keras, branches), "adamw"),
        np.random.RandomState(0).randint(0, 7, (4, 5)).astype("int32"),
        _numbers(4, 2),
    )


def conv_lstm(keras):
    """Convolutional recurrent layers."""
    la = keras.layers
    inputs = keras.Input((3, 6, 2))
    x = la.ConvLSTM1D(2, 3, return_sequences=True)(inputs)
    return (
        _done(keras, inputs, _head(keras, [x, la.ConvLSTM1D(2, 2)(x)]), "nadam"),
        _numbers(2, 3, 6, 2),
        _numbers(2, 2),
    )


def attention(keras):
    """Attention layers and einsums."""
    la = keras.layers
    inputs = keras.Input((5, 8))
    x = la.MultiHeadAttention(2, 4)(inputs, inputs)
    branches = [
        la.GroupQueryAttention(4, 4, 2)(x, x),
        la.Attention(use_scale=True)([x, inputs]),
        la.AdditiveAttention()([x, inputs]),
        la.EinsumDense("abc,cd->abd", output_shape=(5, 3), bias_axes="d")(x),
        la.Dot(2)([x, inputs]),
        la.Add()([x, inputs]),
        la.Maximum()([x, inputs]),
    ]
    model = _done(keras, inputs, _head(keras, branches), "adagrad")
    return model, _numbers(3, 5, 8), _numbers(3, 2)


def functions(keras):
    """Functions of `keras.ops` between layers, with settings of all kinds."""
    ops, la = keras.ops, keras.layers
    inputs = keras.Input((4, 6))
    x = la.Dense(6)(inputs)
    branches = [
        ops.expand_dims(x, 1),
        ops.concatenate([x, inputs], axis=-1)[:, 1:, ::2],
        ops.reshape(ops.transpose(x, (0, 2, 1)), (-1, 8, 3)),
        ops.einsum("abc,adc->abd", x, inputs),
        ops.where(x > 0, x, 0.1 * x) + 1.0,
        ops.clip(ops.sum(x * inputs, axis=1, keepdims=True), -1, 1),
        ops.softmax(x, axis=1) - ops.log_softmax(inputs),
        ops.split(x, 2, axis=-1)[1],
        ops.stack([x, ops.relu(inputs)], axis=2),
        ops.matmul(x, ops.swapaxes(inputs, 1, 2)),
        ops.cast(ops.one_hot(ops.argmax(x, axis=-1), 6), "float32"),
        ops.pad(x, [[0, 0], [1, 1], [0, 0]]),
        ops.take(x, [0, 2], axis=1),
        1.0 / (ops.exp(x) + 2.0) ** 2,
    ]
    model = _done(keras, inputs, _head(keras, branches), "adamax")
    return model, _numbers(3, 4, 6), _numbers(3, 2)


def two_outputs(keras):
    """Inputs and outputs in dicts, a shared layer, a nested model, losses by name."""
    la = keras.layers
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    shared = la.Dense(3, activation="tanh", name="shared")
    inner_in = keras.Input((3,))
    inner = keras.Model(
        inner_in, [la.Dense(2)(inner_in), la.Dense(3)(inner_in)], name="inner"
    )
    a, b = inner(shared(left))
    c = keras.Sequential([la.Dense(4), la.Dense(3)], name="stack")(shared(right))
    kind = la.Dense(3, activation="softmax", name="kind")(la.Concatenate()([a, b, c]))
    size = la.Dense(1, name="size")(la.Average()([b, c]))
    model = keras.Model({"left": left, "right": right}, {"kind": kind, "size": size})
    model.compile(
        keras.optimizers.Adam(
            keras.optimizers.schedules.ExponentialDecay(0.01, 5, 0.9)
        ),
        {"kind": "sparse_categorical_crossentropy", "size": keras.losses.Huber()},
        loss_weights={"kind": 1.0, "size": 0.5},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
    )
    x = {"left": _numbers(6, 4), "right": _numbers(6, 4, seed=1)}
    y = {"kind": np.arange(6) % 3, "size": _numbers(6, 1, seed=2)}
    return model, x, y


def mixed(keras):
    """A policy of two dtypes for one layer, float64 in another, averages of weights."""
    la = keras.layers
    inputs = keras.Input((4,))
    x = la.Dense(4, dtype="mixed_float16")(inputs)
    y = la.Dense(3, dtype="float64")(x)
    optimizer = keras.optimizers.Adam(use_ema=True, ema_momentum=0.5, amsgrad=True)
    return (
        _done(keras, inputs, la.Dense(2, dtype="float32")(y), optimizer),
        _numbers(4, 4),
        _numbers(4, 2),
    )


def subclassed(keras):
    """A model of one's own, with layers in lists, dicts and behind properties."""
    la = keras.layers

    @keras.saving.register_keras_serializable("zoo")
    class Own(keras.Model):
        def __init__(self, width, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.blocks = [la.Dense(width), [la.Dense(width), (la.Dense(width),)]]
            self.table = {"b": la.Dense(width), "a": la.BatchNormalization()}
            self._last = la.Dense(2)
            self._hidden = la.Dense(width)
            self.scale = self.add_weight(shape=(2,), initializer="ones", name="scale")

        @property
        def hidden(self):
            return self._hidden

        def call(self, x, training=None):
            one, (two, (three,)) = self.blocks
            for layer in (one, two, three, self.table["b"], self._hidden):
                x = keras.ops.tanh(layer(x))
            return self._last(self.table["a"](x, training=training)) * self.scale

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    model = Own(3)
    model.compile(keras.optimizers.Lion(0.01), "mse")
    model(_numbers(1, 4))
    return model, _numbers(6, 4), _numbers(6, 2)


def scaled(keras):
    """A loss scale around an optimizer that accumulates gradients."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    inner = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    model.compile(keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0), "mse")
    return model, _numbers(4, 4), _numbers(4, 2)


OPTIMIZERS = ("SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Adafactor",
              "Nadam", "Ftrl", "Lion", "Lamb", "Muon", "ScheduleFreeAdamW")  # fmt: skip
MODELS = {
    f.__name__: f
    for f in (dense, images, inner_images, lines_and_boxes, recurrent, conv_lstm, attention,
              functions, two_outputs, mixed, subclassed, scaled)
}  # fmt: skip


def with_optimizer(name):
    """A function as above, with this optimizer."""

    def make(keras):
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)]
        )
        model.compile(getattr(keras.optimizers, name)(0.01), "mse")
        return model, _numbers(4, 4), _numbers(4, 2)

    return make


def with_seed(model):
    """Weights from a fixed formula, the same in every package."""
    rng = np.random.RandomState(5)
    fixed = [
        rng.uniform(-0.4, 0.4, np.shape(w)) if np.ndim(w) > 1 else w
        for w in model.get_weights()
    ]
    model.set_weights(fixed)
    return model
