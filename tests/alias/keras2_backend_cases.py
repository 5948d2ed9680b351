"""Calls of Keras 2's backend, as text: run on TensorFlow by the goldens' script, and here."""

import numpy as np

_draw = np.random.default_rng(7)
INPUTS = {
    "x": _draw.normal(size=(2, 3, 4)).astype("float32"),
    "y": _draw.normal(size=(2, 4, 2)).astype("float32"),
    "m": _draw.normal(size=(3, 4)).astype("float32"),
    "v": _draw.normal(size=(2, 4)).astype("float32"),
    "b": _draw.random((2, 3)) > 0.5,
    "p": _draw.dirichlet(np.ones(4), size=3).astype("float32"),
    "t": np.eye(4, dtype="float32")[[1, 0, 3]],
    "c": np.array([1, 0, 3]),
    "u": _draw.random((3, 4)).astype("float32"),
    "frames": _draw.dirichlet(np.ones(4), size=(2, 6)).astype("float32"),
    "im": _draw.normal(size=(2, 6, 5, 3)).astype("float32"),
    "k": _draw.normal(size=(3, 3, 3, 2)).astype("float32"),
    "kd": _draw.normal(size=(3, 3, 3, 1)).astype("float32"),
    "kp": _draw.normal(size=(1, 1, 3, 4)).astype("float32"),
    "k1": _draw.normal(size=(2, 4, 3)).astype("float32"),
    "vol": _draw.normal(size=(1, 4, 4, 4, 2)).astype("float32"),
    "k3": _draw.normal(size=(2, 2, 2, 2, 3)).astype("float32"),
    "kt": _draw.normal(size=(3, 3, 2, 3)).astype("float32"),
    "mask": np.array([[True, True, False], [True, False, True]]),
}

CALLS = """
K.abs(x)
K.all(b, axis=1)
K.any(b, axis=0, keepdims=True)
K.arange(5)
K.arange(1, 6, 2)
K.argmax(x)
K.argmin(x, axis=1)
K.batch_dot(x, y)
K.batch_dot(x, y, axes=(2, 1))
K.batch_dot(x, x, axes=2)
K.batch_dot(v, v, axes=1)
K.batch_flatten(x)
K.batch_normalization(x, K.mean(x, [0, 1]), K.var(x, [0, 1]), K.zeros((4,)), K.ones((4,)))
K.bias_add(im, K.constant([1.0, 2.0, 3.0]))
K.bias_add(im, K.constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), data_format="channels_first")
K.binary_crossentropy(t, u)
K.binary_crossentropy(t, m, from_logits=True)
K.binary_focal_crossentropy(t, u)
K.binary_focal_crossentropy(t, u, apply_class_balancing=True)
K.cast(m, "int32")
K.cast_to_floatx(np.arange(3))
K.categorical_crossentropy(t, p)
K.categorical_crossentropy(t, m, from_logits=True)
K.categorical_focal_crossentropy(t, p)
K.clip(x, -0.5, 0.5)
K.concatenate([x, x])
K.constant(3, shape=(2, 2))
K.conv1d(x, k1, padding="causal")
K.conv1d(x, k1, padding="same", dilation_rate=2)
K.conv2d(im, k, strides=(2, 2), padding="same")
K.conv2d_transpose(im, kt, (2, 12, 10, 2), strides=(2, 2), padding="same")
K.conv2d_transpose(im, kt, (2, 11, 9, 2), strides=(2, 2), padding="same")
K.conv3d(vol, k3)
K.cos(x)
K.count_params(K.ones((2, 3)))
K.ctc_batch_cost(K.constant([[0, 1], [2, 0]]), frames, K.constant([[6], [5]]), K.constant([[2], [1]]))
K.ctc_decode(frames, K.constant([6, 5]))[0][0]
K.cumprod(x, axis=1)
K.cumsum(x)
K.depthwise_conv2d(im, kd)
K.dot(m, y[0])
K.dot(x, y)
K.elu(m, 0.5)
K.equal(m, m)
K.exp(m)
K.expand_dims(m)
K.eye(3)
K.flatten(x)
K.foldl(lambda a, b: a + 2 * b, m)
K.foldr(lambda a, b: a + 2 * b, m)
K.gather(m, c - c // 3)
K.get_value(K.variable(m))
K.greater(m, 0.0)
K.greater_equal(m, 0.0)
K.hard_sigmoid(m)
K.in_top_k(p, c, 2)
K.l2_normalize(m, axis=1)
K.less(m, 0.0)
K.less_equal(m, 0.0)
K.log(u)
K.map_fn(lambda a: a * 2, m)
K.max(x, axis=1)
K.maximum(m, 0.0)
K.mean(x, axis=[0, 2])
K.mean(b, axis=1)
K.min(x, axis=-1, keepdims=True)
K.minimum(m, 0.0)
K.not_equal(m, 0.0)
K.one_hot(c, 4)
K.ones((2, 2))
K.ones_like(m)
K.permute_dimensions(x, (2, 0, 1))
K.pool2d(im, (2, 2), strides=(2, 2), padding="same")
K.pool2d(im, (2, 2), pool_mode="avg")
K.pool3d(vol, (2, 2, 2), strides=(2, 2, 2))
K.pow(u, 2)
K.prod(x, axis=0)
K.relu(m)
K.relu(m, alpha=0.1, max_value=0.5, threshold=0.2)
K.repeat(m, 2)
K.repeat_elements(m, 2, 1)
K.reshape(x, (4, -1))
K.resize_images(im, 2, 2, "channels_last")
K.resize_volumes(vol, 1, 2, 3, "channels_last")
K.reverse(m, 1)
K.rnn(lambda a, s: (a + s[0], [a + s[0]]), x, [K.zeros((2, 4))])[1]
K.rnn(lambda a, s: (a + s[0], [a + s[0]]), x, [K.zeros((2, 4))], go_backwards=True)[0]
K.rnn(lambda a, s: (a + s[0], [a + s[0]]), x, [K.zeros((2, 4))], mask=mask)[1]
K.round(m * 3)
K.separable_conv2d(im, kd, kp)
K.sigmoid(m)
K.sign(m)
K.sin(m)
K.softmax(m)
K.softplus(m)
K.softsign(m)
K.sparse_categorical_crossentropy(c, p)
K.sparse_categorical_crossentropy(c, m, from_logits=True, ignore_class=3)
K.spatial_2d_padding(im, ((1, 0), (0, 2)))
K.spatial_3d_padding(vol)
K.sqrt(u)
K.square(m)
K.squeeze(m[None], 0)
K.stack([m, m], axis=1)
K.std(x, axis=1)
K.sum(x)
K.switch(K.constant(True, dtype="bool"), lambda: m, lambda: u)
K.switch(K.greater(m, 0.0), m, u)
K.tanh(m)
K.temporal_padding(x, (2, 1))
K.tile(m, (2, 1))
K.transpose(m)
K.update_add(K.variable(m), m)
K.var(x, axis=0)
K.zeros((2,))
K.zeros_like(m)
""".strip().splitlines()  # noqa: E501


def value(result):
    """What a call gave, as nested lists."""
    if hasattr(result, "numpy"):
        result = result.numpy()
    return np.asarray(result).tolist()
