"""Model files of Keras 1 and 2, written by tf_keras (Keras 2) or in the layout of Keras 1.

Run by hand, with an interpreter that has tensorflow and tf_keras:

    python tests/goldens/make_old_files.py

It writes `old_files.zip` beside itself: models as `.h5`, `.keras` and JSON with weights, and
for each model in `expected.npz` inputs, what Keras 2 predicts for them, and the losses of
three steps of training after loading.
"""

import io
import json
import os
import pathlib
import tempfile
import zipfile

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import numpy as np
import pytest

# Files under tests/ are collected; this one needs what the suite does without.
tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("tf_keras")

L = keras.layers
HERE = pathlib.Path(__file__).parent
MODELS = {}


def model(make):
    MODELS[make.__name__] = make
    return make


@model
def images():
    """Convolutions, poolings, borders; compiled and trained with Adam."""
    return keras.Sequential(
        [
            L.Conv2D(4, 3, padding="same", input_shape=(8, 8, 3)),
            L.BatchNormalization(axis=[3], fused=True),
            L.LeakyReLU(alpha=0.2),
            L.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"),
            L.SeparableConv2D(3, 2, activation="hard_sigmoid"),
            L.SpatialDropout2D(0.2),
            L.Conv2DTranspose(3, 2, strides=2, kernel_regularizer="l2"),
            L.PReLU(shared_axes=[1, 2], alpha_initializer="ones"),
            L.ZeroPadding2D(1),
            L.AveragePooling2D(2),
            L.UpSampling2D(2, interpolation="bilinear"),
            L.Cropping2D(((1, 0), (0, 1))),
            L.ThresholdedReLU(0.1),
            L.GlobalAveragePooling2D(),
            L.Dense(2, activation="softmax"),
        ],
        name="images",
    )


@model
def lines():
    """One and three dimensions."""
    a = keras.Input((6, 2), name="line")
    b = keras.Input((4, 4, 4, 1), name="box")
    x = L.Conv1D(3, 2, padding="causal", dilation_rate=2, kernel_constraint="max_norm")(
        a
    )
    x = L.SeparableConv1D(4, 2, padding="same")(x)
    x = L.Conv1DTranspose(2, 2)(x)
    x = L.GlobalMaxPooling1D()(L.MaxPooling1D(2)(x))
    y = L.Conv3D(2, 2, activation="elu")(b)
    y = L.Conv3DTranspose(2, 2)(y)
    y = L.GlobalAveragePooling3D()(L.AveragePooling3D(2)(y))
    z = L.Concatenate()([x, y])
    return keras.Model(
        [a, b], [L.Dense(1, name="p")(z), L.Dense(2, name="q")(z)], name="lines"
    )


@model
def words():
    """Recurrent layers of all kinds, with masks and the sigmoid of Keras 2."""
    i = keras.Input((5,), name="tokens")
    x = L.Embedding(7, 4, mask_zero=True, input_length=5)(i)
    x = L.Bidirectional(
        L.LSTM(
            3,
            return_sequences=True,
            recurrent_activation="hard_sigmoid",
            implementation=1,
        )
    )(x)
    x = L.Bidirectional(L.SimpleRNN(2, return_sequences=True), merge_mode="sum")(x)
    x = L.GRU(
        3, return_sequences=True, reset_after=False, recurrent_activation="hard_sigmoid"
    )(x)
    x = L.RNN(L.StackedRNNCells([L.LSTMCell(3), L.GRUCell(2)]), return_sequences=True)(
        x
    )
    x = L.TimeDistributed(L.Dense(3, activation="swish"))(x)
    return keras.Model(i, L.Dense(1)(L.GRU(3, go_backwards=True)(x)), name="words")


@model
def translation():
    """States from one recurrent layer to another, whose own mask still counts."""
    a, b = keras.Input((4,), name="source"), keras.Input((3,), name="target")
    _, h, c = L.LSTM(3, return_state=True)(L.Embedding(5, 2, mask_zero=True)(a))
    y = L.LSTM(3, return_sequences=True)(
        L.Embedding(6, 2, mask_zero=True)(b), initial_state=[h, c]
    )
    return keras.Model([a, b], L.TimeDistributed(L.Dense(2))(y), name="translation")


@model
def heads():
    """Attention and normalizations."""
    i = keras.Input((4, 6), name="seq")
    x = L.MultiHeadAttention(2, 3, dropout=0.1)(i, value=i)
    x = L.LayerNormalization(axis=[1, 2], scale=False)(x + i)
    x = L.Attention(use_scale=True)([x, i])
    x = L.AdditiveAttention()([x, i])
    x = L.GroupNormalization(2)(x)
    x = L.UnitNormalization()(x)
    x = L.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d")(x)
    return keras.Model(i, L.Flatten()(x), name="heads")


@model
def functions():
    """TensorFlow's functions between layers."""
    i = keras.Input((4, 6), name="x")
    x = 2.0 - tf.nn.relu(i * 3.0 + 1.0)
    x = tf.concat([x, x[:, 1:, :], tf.expand_dims(i[:, 0], 1)], axis=1)
    x = tf.reshape(x, (-1, 6, 8))
    x = tf.transpose(x, (0, 2, 1))
    x = tf.matmul(x, x, transpose_b=True) / 10.0
    x = tf.math.l2_normalize(x, axis=-1) + tf.nn.softmax(x, axis=-1)
    y = tf.reduce_mean(x, axis=1, keepdims=True) - tf.reduce_max(x)
    x = tf.clip_by_value(x, -0.5, 0.5) * y
    parts = tf.split(x, [3, 5], axis=2)
    x = tf.stack([tf.reduce_sum(p, axis=[1, 2]) for p in parts], axis=1)
    x = tf.where(x > 0.0, x, tf.nn.leaky_relu(x)) ** 2.0
    x = tf.reshape(tf.pad(x, [[0, 0], [1, 0]]), (tf.shape(x)[0], 3))
    x = keras.backend.dot(tf.expand_dims(x, 1), tf.ones((3, 3)))[:, 0] * 0.1
    x = tf.nn.gelu(tf.cast(x, "float32"))
    return keras.Model(
        i, L.Dense(2)(tf.squeeze(x[..., tf.newaxis], -1)), name="functions"
    )


@model
def parts():
    """Models in models, shared layers, merges, small layers."""
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    inner = keras.Sequential(
        [
            L.Dense(4, input_shape=(6,)),
            L.BatchNormalization(trainable=False),
            L.ELU(0.5),
        ],
        name="inner",
    )
    j = keras.Input((4,))
    second = keras.Model(
        j, [L.Dense(3)(j), L.Dense(3, use_bias=False)(j)], name="second"
    )
    shared = L.Dense(4, activation="tanh", bias_initializer="ones", name="shared")
    p, q = second(inner(a))
    r = second(shared(a))[0]
    x = L.Multiply()([p, q])
    x = L.Subtract()([x, L.Maximum()([r, p])])
    x = L.Average()([x, r])
    y = L.Dot(axes=1, normalize=True)([shared(a), shared(b)])
    x = L.Concatenate(axis=-1)([x, y])
    x = L.GaussianNoise(0.1)(L.RepeatVector(3)(x))
    x = L.Permute((2, 1))(x)
    x = L.Reshape((12,))(L.Softmax(axis=1)(x))
    x = L.ActivityRegularization(l1=0.1)(L.AlphaDropout(0.1)(x))
    return keras.Model([a, b], L.Add()([x, x]), name="parts")


@model
def half():
    """A dtype policy of 2.4 to 2.16; the weights are of 32 bits."""
    policy = keras.mixed_precision.Policy("mixed_float16")
    return keras.Sequential(
        [L.Dense(4, dtype=policy, input_shape=(3,)), L.Dense(2, dtype="float32")],
        name="half",
    )


INPUTS = {
    "words": [(5, 7)], "translation": [(4, 5), (3, 6)],
    "lines": [((6, 2), 0), ((4, 4, 4, 1), 0)], "parts": [((6,), 0), ((6,), 0)],
    "images": [((8, 8, 3), 0)], "heads": [((4, 6), 0)], "functions": [((4, 6), 0)],
    "half": [((3,), 0)],
}  # fmt: skip


def inputs(name, rng):
    found = []
    for shape, top in INPUTS[name]:
        shape = (3, *shape) if isinstance(shape, tuple) else (3, shape)
        if top:
            found.append(rng.integers(0, top, shape).astype("int32"))
        else:
            found.append(rng.standard_normal(shape).astype("float32"))
    return found


def shaken(model, rng):
    """All weights away from their first values; variances stay positive."""
    model.set_weights(
        [w + np.abs(rng.standard_normal(w.shape)) * 0.3 for w in model.get_weights()]
    )


def keras_1(folder):
    """A Keras 1 file of images and one of words, in the layouts of 1.2.

    tf_keras, which still reads such weights, is asked whether they are right.
    """
    rng = np.random.default_rng(1)
    new = keras.Sequential(
        [
            L.Conv2D(
                3, 2, input_shape=(2, 5, 4), data_format="channels_first", name="conv"
            ),
            L.PReLU(name="prelu"),
            L.Flatten(data_format="channels_first", name="flat"),
            L.Dense(2, activation="hard_sigmoid", name="last"),
        ]
    )
    shaken_layers = {
        "conv": [
            rng.standard_normal(s).astype("float32") for s in ((2, 2, 2, 3), (3,))
        ],
        "prelu": [rng.standard_normal((3, 4, 3)).astype("float32")],
        "last": [rng.standard_normal(s).astype("float32") for s in ((36, 2), (2,))],
    }
    old = dict(shaken_layers)
    kernel, bias = old["conv"]
    old["conv"] = [kernel.transpose(3, 2, 0, 1), bias]
    common = {"trainable": True}
    config = [
        {"class_name": "Convolution2D", "config": {
            "name": "conv", "nb_filter": 3, "nb_row": 2, "nb_col": 2, "border_mode": "valid",
            "subsample": [1, 1], "dim_ordering": "th", "init": "glorot_uniform",
            "activation": "linear", "bias": True, "W_constraint": {"name": "MaxNorm", "m": 9,
            "axis": 0}, "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01},
            "b_constraint": None, "b_regularizer": None, "activity_regularizer": None,
            "input_dtype": "float32", "batch_input_shape": [None, 2, 5, 4], **common}},
        {"class_name": "PReLU", "config": {"name": "prelu", "init": "zero", **common}},
        {"class_name": "Flatten", "config": {"name": "flat", **common}},
        {"class_name": "Dense", "config": {
            "name": "last", "output_dim": 2, "init": "uniform", "activation": "hard_sigmoid",
            "bias": True, "input_dim": 36, **common}},
    ]  # fmt: skip
    x = rng.standard_normal((3, 2, 5, 4)).astype("float32")
    yield (
        write_keras_1(folder / "keras1_images.h5", config, old, {}),
        channels_first(shaken_layers, x),
        [x],
    )
    assert new.count_params() == sum(
        w.size for ws in shaken_layers.values() for w in ws
    )

    words = keras.Sequential(
        [
            L.Embedding(6, 3, input_length=4, name="embed"),
            L.LSTM(
                2,
                return_sequences=True,
                recurrent_activation="hard_sigmoid",
                name="lstm",
            ),
            L.GRU(
                3, reset_after=False, recurrent_activation="hard_sigmoid", name="gru"
            ),
            L.Dense(1, name="last"),
        ]
    )
    words.build((None, 4))
    shaken(words, rng)
    old = {layer.name: layer.get_weights() for layer in words.layers}
    old["lstm"] = apart(old["lstm"], (0, 2, 1, 3))
    old["gru"] = apart(old["gru"], (0, 1, 2))
    rnn = {"inner_init": "orthogonal", "init": "glorot_uniform", "activation": "tanh",
           "inner_activation": "hard_sigmoid", "consume_less": "cpu", "dropout_W": 0.0,
           "dropout_U": 0.0, "W_regularizer": None, "U_regularizer": None,
           "b_regularizer": None, "go_backwards": False, "stateful": False, "unroll": False,
           "input_length": None, **common}  # fmt: skip
    config = [
        {"class_name": "Embedding", "config": {
            "name": "embed", "input_dim": 6, "output_dim": 3, "init": "uniform",
            "input_length": 4, "mask_zero": False, "dropout": 0.0, "W_regularizer": None,
            "W_constraint": None, "activity_regularizer": None, "input_dtype": "int32",
            "batch_input_shape": [None, 4], **common}},
        {"class_name": "LSTM", "config": {"name": "lstm", "output_dim": 2, "input_dim": 3,
            "return_sequences": True, "forget_bias_init": "one", **rnn}},
        {"class_name": "GRU", "config": {"name": "gru", "output_dim": 3, "input_dim": 2,
            "return_sequences": False, **rnn}},
        {"class_name": "Dense", "config": {"name": "last", "output_dim": 1, **common,
            "init": "glorot_uniform", "activation": "linear", "bias": True}},
    ]  # fmt: skip
    x = rng.integers(0, 6, (3, 4)).astype("int32")
    path = write_keras_1(folder / "keras1_words.h5", config, old, {})
    twin = keras.models.clone_model(words)
    twin.build((None, 4))
    twin.load_weights(path)
    np.testing.assert_allclose(twin.predict(x, verbose=0), words.predict(x, verbose=0))
    yield path, words.predict(x, verbose=0), [x]


def cudnn(folder):
    """A file with the layers that Keras 2.0.9 to 2.3 had for one library.

    tf_keras turns such weights into those of LSTM and GRU when it loads them.
    """
    rng = np.random.default_rng(4)
    x = rng.standard_normal((3, 4, 5)).astype("float32")
    model = keras.Sequential(
        [
            L.LSTM(3, return_sequences=True, name="lstm", input_shape=(4, 5)),
            L.GRU(2, name="gru"),
        ]
    )
    arrays = {
        "lstm": [
            rng.standard_normal(s).astype("float32") for s in ((5, 12), (3, 12), (24,))
        ],
        "gru": [
            rng.standard_normal(s).astype("float32") for s in ((3, 6), (2, 6), (12,))
        ],
    }
    path = folder / "cudnn.h5"
    config = [
        {"class_name": "CuDNNLSTM", "config": {
            "name": "lstm", "trainable": True, "batch_input_shape": [None, 4, 5], "units": 3,
            "return_sequences": True, "return_state": False, "go_backwards": False,
            "stateful": False, "unit_forget_bias": True}},
        {"class_name": "CuDNNGRU", "config": {
            "name": "gru", "trainable": True, "units": 2, "return_sequences": False,
            "return_state": False, "go_backwards": False, "stateful": False}},
    ]  # fmt: skip
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = b"2.1.6", b"tensorflow"
        text = json.dumps({"class_name": "Sequential", "config": config})
        file.attrs["model_config"] = text.encode()
        group = file.create_group("model_weights")
        group.attrs["keras_version"], group.attrs["backend"] = b"2.1.6", b"tensorflow"
        group.attrs["layer_names"] = [name.encode() for name in arrays]
        for name, values in arrays.items():
            keys = [f"{name}/{key}:0" for key in ("kernel", "recurrent_kernel", "bias")]
            group.create_group(name).attrs["weight_names"] = [
                key.encode() for key in keys
            ]
            for key, value in zip(keys, values):
                group[name][key] = value
    model.load_weights(path)
    return path, model.predict(x, verbose=0), [x]


def apart(weights, order):
    """Kernel, recurrent kernel and bias of each gate apart, in the order of Keras 1."""
    gates = [np.split(w, len(order), axis=-1) for w in weights]
    place = {stored: today for today, stored in enumerate(order)}
    return [gates[part][place[gate]] for gate in range(len(order)) for part in range(3)]


def channels_first(weights, x):
    """The images model, computed by hand where TensorFlow's CPU kernels cannot."""
    kernel, bias = weights["conv"]
    y = np.zeros((3, 3, 4, 3), "float32") + bias[:, None, None]
    for i in range(2):
        for j in range(2):
            y += np.einsum("bchw,cf->bfhw", x[:, :, i : i + 4, j : j + 3], kernel[i, j])
    y = np.where(y > 0, y, weights["prelu"][0] * y).reshape(3, -1)
    return np.clip(0.2 * (y @ weights["last"][0] + weights["last"][1]) + 0.5, 0, 1)


def write_keras_1(path, config, weights, training):
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"1.2.2"
        text = json.dumps({"class_name": "Sequential", "config": config})
        file.attrs["model_config"] = json.dumps(text).encode()  # encoded twice
        group = file.create_group("model_weights")
        names = [layer["config"]["name"] for layer in config]
        group.attrs["layer_names"] = [n.encode() for n in names]
        for name in names:
            inner = group.create_group(name)
            arrays = weights.get(name, [])
            keys = [f"{name}_W{i}:0".encode() for i in range(len(arrays))]
            inner.attrs["weight_names"] = keys
            for key, array in zip(keys, arrays):
                inner[key] = array
    return path


def losses(model, xs, ys):
    return [float(model.train_on_batch(xs, ys)[0]) for _ in range(3)]


def main():
    expected, files = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for kind, make in MODELS.items():
            keras.backend.clear_session()
            keras.utils.set_random_seed(3)
            rng = np.random.default_rng(2)
            made = make()
            shaken(made, rng)
            xs = inputs(kind, rng)
            made.compile(keras.optimizers.legacy.Adam(0.01) if kind in ("parts", "words")
                         else keras.optimizers.Adam(0.01), "mse", metrics=["mae"])  # fmt: skip
            out = made.predict(xs, verbose=0)
            ys = [np.zeros_like(o) for o in (out if isinstance(out, list) else [out])]
            still = kind not in (
                "images",
                "parts",
                "heads",
                "half",
            )  # nothing is random
            if still:
                losses(made, xs, ys)
            made.save(folder / f"{kind}.h5")
            (folder / f"{kind}.json").write_text(made.to_json())
            made.save_weights(folder / f"{kind}_weights.h5")
            if kind not in ("half", "functions"):  # tf_keras cannot, for "..." in one
                made.save(folder / f"{kind}.keras")
            for i, x in enumerate(xs):
                expected[f"{kind}|in|{i}"] = x
            out = made.predict(xs, verbose=0)
            for i, y in enumerate(out if isinstance(out, list) else [out]):
                expected[f"{kind}|out|{i}"] = y
            if still:
                expected[f"{kind}|losses"] = np.array(losses(made, xs, ys))
        for path, out, xs in [*keras_1(folder), cudnn(folder)]:
            expected[f"{path.stem}|in|0"], expected[f"{path.stem}|out|0"] = xs[0], out
        for path in sorted(folder.iterdir()):
            files[path.name] = path.read_bytes()
    packed = io.BytesIO()
    np.savez(packed, **expected)
    files["expected.npz"] = packed.getvalue()
    with zipfile.ZipFile(
        HERE / "old_files.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9
    ) as zipped:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(member, data)
    print((HERE / "old_files.zip").stat().st_size, "bytes;", ", ".join(files))


if __name__ == "__main__":
    main()
