"""Functions of ops in functional configs: as Keras writes them, so that each reads the other's."""

import json
import warnings

import numpy as np
import pytest

import minikeras as keras
from minikeras.models import op_config
from tests.goldens.oracle import keras as real_keras
from tests.goldens.oracle import oracle

X = np.random.default_rng(0).standard_normal((2, 4, 6)).astype("float32")
# Each is given `ops` and a tensor `(batch, 4, 6)`.
GRAPHS = {
    "joins": lambda o, x: o.concatenate([o.stack([x, x], 1), x[:, None]], axis=1),
    "folds": lambda o, x: o.max(x, (1, 2)) + o.mean(x) - o.sum(x, axis=-1, keepdims=True),
    "shapes": lambda o, x: o.reshape(o.transpose(o.expand_dims(x, 1), (0, 3, 1, 2)), (-1, 8)),
    "items": lambda o, x: x[:, 1:, ::2] - x[:, :3, 0:1] + x[..., 5:][:, 1:],
    "numbers": lambda o, x: 2 - abs(-x) ** 2 / 3 // 0.5 % 4 + o.maximum(x, 0.5),
    "activations": lambda o, x: o.gelu(o.leaky_relu(x, 0.3), approximate=False)
    * o.softmax(x, axis=1)
    + o.silu(x),
    "choices": lambda o, x: o.where(x > 0, o.clip(x, 0, 1), o.cast(x < -1, "float32")),
    "products": lambda o, x: o.matmul(x, o.swapaxes(x, 1, 2))
    + o.einsum("bij,bkj->bik", x, x),
    "parts": lambda o, x: o.split(x, [1, 3], axis=1)[1] * o.unstack(x, axis=2)[0][:, :2, None],
    "gathers": lambda o, x: o.take(x, [0, 2], axis=1) + o.flip(x, 1)[:, :2],
    "pads": lambda o, x: o.pad(x, [[0, 0], [1, 1], [0, 0]]) + o.repeat(x, 2, axis=1)[:, :6],
    "hot": lambda o, x: o.one_hot(o.argmax(x, axis=-1), 6) + o.cumsum(x, axis=1),
    "norms": lambda o, x: o.normalize(x, axis=-1) + o.norm(x, axis=-1, keepdims=True),
    "batch": lambda o, x: o.batch_normalization(x, o.ones(6), o.ones(6), -1, o.ones(6), o.ones(6)),
    "logs": lambda o, x: o.logsumexp(x, axis=1) + o.top_k(x[:, 0], 6)[0],
    "pools": lambda o, x: o.max_pool(x, 2, 2) + o.average_pool(x, 2, 2, padding="same"),
    "images": lambda o, x: o.image.resize(x[..., None], (2, 3), interpolation="nearest"),
}  # fmt: skip


def model(library, name):
    i = library.Input((4, 6), name="x")
    return library.Model(i, GRAPHS[name](library.ops, i), name=name)


def result(model, x=X):
    return np.asarray(model(x))


@pytest.mark.parametrize("name", GRAPHS)
def test_a_copy_by_json_computes_the_same(name):
    made = model(keras, name)
    again = keras.models.model_from_json(made.to_json())
    np.testing.assert_array_equal(result(again), result(made))


@oracle
@pytest.mark.parametrize(
    "name", ["joins", "shapes", "items", "numbers", "parts", "pools", "batch", "images"]
)
def test_each_reads_the_others(name):
    library = real_keras()
    ours, theirs = model(keras, name), model(library, name)
    want = result(ours)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = library.models.model_from_json(ours.to_json())
    np.testing.assert_allclose(result(read), want, rtol=1e-5, atol=1e-6)
    read = keras.models.model_from_json(theirs.to_json())
    np.testing.assert_allclose(result(read), want, rtol=1e-5, atol=1e-6)


def test_an_axis_stands_in_the_config():
    config = json.loads(model(keras, "joins").to_json())["config"]["layers"]
    (join,) = [c for c in config if c["class_name"] == "Concatenate"]
    assert join["config"] == {"name": join["name"], "axis": 1}
    assert len(join["inbound_nodes"][0]["args"]) == 1


def test_functions_that_a_config_may_not_name():
    for name in ("LoadModel", "Nothing", "ImportModule"):
        data = {"module": "keras.src.ops", "class_name": name, "config": {"name": "n"}}
        with pytest.raises(ValueError, match=name):
            op_config.read_operation(data)


def test_numbers_that_keras_has_in_the_class_stand_in_the_config():
    x, y = keras.Input((3,)), keras.Input((3,))
    model = keras.Model([x, y], keras.ops.allclose(x, y, rtol=0.5))
    config = model.get_config()
    op = next(one for one in config["layers"] if one["class_name"] == "AllClose")
    assert op["config"]["rtol"] == 0.5
    assert list(op["inbound_nodes"][0]["kwargs"]) == []
    again = keras.Model.from_config(config)
    assert bool(again([np.ones((1, 3)), np.full((1, 3), 1.2)]))
