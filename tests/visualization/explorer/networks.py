"""Small networks of the families that the explorer knows, with data for them."""

import numpy as np

import minikeras as keras

layers = keras.layers


def rng():
    return np.random.default_rng(3)


def uneven(model):
    """The model with weights that are not what layers begin with: statistics, biases."""
    draw = rng()
    for w in model.weights:
        values = draw.normal(0, 0.3, w.shape)
        w.assign(np.abs(values) + 0.2 if "variance" in w.name else values)
    return model


def lenet():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(84, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    return uneven(model), [rng().random((5, 28, 28, 1), "float32")]


def channels_first():
    x = keras.Input((4, 17, 15))
    first = {"data_format": "channels_first"}
    y = layers.Conv2D(8, 3, dilation_rate=2, groups=2, padding="same", **first)(x)
    y = layers.ReLU(negative_slope=0.1)(y)
    y = layers.Conv2D(12, (3, 2), strides=(2, 3), groups=4, activation="gelu", **first)(
        y
    )
    y = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", **first)(y)
    y = layers.MaxPooling2D(3, 2, padding="same", **first)(y)
    y = layers.SeparableConv2D(5, 2, activation="elu", **first)(y)
    y = layers.Conv2DTranspose(
        6, 3, strides=2, padding="same", activation="selu", **first
    )(y)
    y = layers.AveragePooling2D(2, padding="same", **first)(y)
    y = layers.GlobalMaxPooling2D(**first)(y)
    model = keras.Model(x, layers.Dense(3)(y))
    return uneven(model), [rng().normal(size=(3, 4, 17, 15)).astype("float32")]


def resnet():
    x = keras.Input((16, 16, 3))
    y = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    for stride in (1, 2):
        before = y
        y = layers.Conv2D(
            8 * stride, 3, strides=stride, padding="same", use_bias=False
        )(y)
        y = layers.BatchNormalization()(y)
        y = layers.Activation("relu")(y)
        y = layers.Conv2D(8 * stride, 3, padding="same", use_bias=False)(y)
        y = layers.BatchNormalization()(y)
        if stride > 1:
            before = layers.Conv2D(8 * stride, 1, strides=stride)(before)
        y = layers.Activation("relu")(layers.Add()([before, y]))
    y = layers.GlobalAveragePooling2D()(layers.UpSampling2D()(y))
    model = keras.Model(x, layers.Dense(4, activation="softmax")(y))
    return uneven(model), [rng().normal(size=(3, 16, 16, 3)).astype("float32")]


def recurrent():
    x = keras.Input((9,), dtype="int32")
    y = layers.Embedding(20, 6, mask_zero=True)(x)
    y = layers.Bidirectional(layers.LSTM(5, return_sequences=True))(y)
    y = layers.GRU(4, return_sequences=True)(y)
    y = layers.SimpleRNN(4, return_sequences=True, activation="relu")(y)
    y = layers.GRU(4, reset_after=False, return_sequences=True)(y)  # a loop
    y = layers.LSTM(3)(y)
    model = keras.Model(x, layers.Dense(1, activation="sigmoid")(y))
    tokens = rng().integers(1, 20, (4, 9)).astype("int32")
    tokens[:, 6:] = 0
    tokens[1, 3:] = 0
    return uneven(model), [tokens]


def transformer():
    x = keras.Input((7,), dtype="int32")
    y = layers.Embedding(15, 8)(x)
    places = layers.Embedding(7, 8)(keras.ops.arange(7))
    y = y + places
    a = layers.MultiHeadAttention(2, 4)(y, y)
    y = layers.LayerNormalization()(y + a)
    f = layers.Dense(8)(layers.Dense(16, activation="gelu")(y))
    y = layers.LayerNormalization()(layers.Add()([y, f]))
    y = layers.GlobalAveragePooling1D()(layers.Conv1D(6, 3, padding="causal")(y))
    model = keras.Model(x, layers.Dense(5, activation="softmax")(y))
    return uneven(model), [rng().integers(0, 15, (4, 7)).astype("int32")]


def table():
    numbers, kinds = keras.Input((6,), name="numbers"), keras.Input((3,), name="kinds")
    a = layers.Normalization(mean=[0.1] * 6, variance=[2.0] * 6)(numbers)
    a = layers.Dense(8, activation="silu")(a)
    b = layers.PReLU()(layers.Dense(8)(kinds))
    y = layers.Concatenate()([layers.Multiply()([a, b]), layers.Maximum()([a, b])])
    y = layers.Dense(5, activation="softplus")(keras.ops.abs(y))
    model = keras.Model(
        [numbers, kinds], layers.Dense(2)(layers.UnitNormalization()(y))
    )
    return uneven(model), [
        rng().normal(size=(4, 6)).astype("float32"),
        rng().normal(size=(4, 3)).astype("float32"),
    ]


NETWORKS = {
    f.__name__: f
    for f in (lenet, channels_first, resnet, recurrent, transformer, table)
}
