"""An error shows the lines of the user, all of them, and hardly any of ours."""

import traceback

import numpy as np
import pytest

import minikeras as keras

layers, ops = keras.layers, keras.ops
X, Y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")


def boom(x):
    return x + ops.ones((7, 9))  # THE LINE


class Mine(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(4)

    def call(self, x):
        return boom(self.inner(x))  # OUTER


class Built(layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[7],))  # THE LINE # OUTER

    def call(self, x):
        return x


class Network(keras.Model):
    def __init__(self, eager=False):
        super().__init__()
        self.mine = Mine()
        self.compile("adam", "mse", run_eagerly=eager)

    def call(self, x):
        return self.mine(x)


class Stepping(keras.Sequential):
    def train_step(self, data):
        return {"loss": boom(data[0])}  # OUTER


class Calling(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        boom(np.ones((2, 3)))  # OUTER


class Cell(layers.Layer):
    state_size = output_size = 4

    def call(self, x, states):
        return boom(x), states  # OUTER


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return boom(np.ones((2, 3))), None  # OUTER


def dense(loss="mse", metrics=None, kind=keras.Sequential):
    made = kind([keras.Input((4,)), layers.Dense(1)])
    made.compile("adam", loss, metrics=metrics)
    return made


def custom(truth, found):
    return boom(found)  # OUTER


def functional():
    inputs = keras.Input((4,))
    keras.Model(inputs, Mine()(inputs))


def taped():
    with keras.GradientTape():
        Mine()(X)


CASES = {
    "layer": lambda: Mine()(X),
    "model": lambda: Network()(X),
    "build": lambda: Built()(X),
    "functional": functional,
    "Sequential": lambda: keras.Sequential([keras.Input((4,)), Mine()]),
    "Lambda": lambda: layers.Lambda(lambda x: boom(x))(X),  # OUTER
    "fit": lambda: Network().fit(X, Y, verbose=0),
    "fit, eagerly": lambda: Network(True).fit(X, Y, verbose=0),
    "predict": lambda: Network().predict(X, verbose=0),
    "train_on_batch": lambda: Network().train_on_batch(X, Y),
    "train_step": lambda: dense(kind=Stepping).fit(X, Y, verbose=0),
    "loss": lambda: dense(custom).fit(X, Y, verbose=0),
    "metric": lambda: dense(metrics=[custom]).fit(X, Y, verbose=0),
    "callback": lambda: dense().fit(X, Y, verbose=0, callbacks=[Calling()]),
    "cell": lambda: layers.RNN(Cell())(np.ones((2, 3, 4), "float32")),
    "data": lambda: dense().fit(Sequence(), verbose=0),
    "map": lambda: ops.map(lambda row: boom(row), ops.ones((3, 4))),  # OUTER
    "cond": lambda: ops.cond(ops.array(True), lambda: boom(X), lambda: X),  # OUTER
    "tape": taped,
}


def shown(run):
    try:
        run()
    except Exception:
        return traceback.format_exc()
    pytest.fail("no error")


@pytest.mark.parametrize("case", CASES)
def test_the_users_lines_are_there(case):
    text = shown(CASES[case])
    assert "THE LINE" in text
    assert "OUTER" in text
    assert text.count("\n") < 30, text
    assert "another exception" not in text


WRONG = {
    "fit": lambda: dense().fit(X[:, :3], Y, verbose=0),
    "fit on y": lambda: dense("categorical_crossentropy").fit(X, Y[:, :0], verbose=0),
    "fit on lengths": lambda: dense().fit(X, Y[:5], verbose=0),
    "evaluate": lambda: dense().evaluate(X[:, :3], Y, verbose=0),
    "predict": lambda: dense().predict(X[:, :3], verbose=0),
    "train_on_batch": lambda: dense().train_on_batch(X[:, :3], Y),
    "call": lambda: dense()(X[:, :3]),
    "op": lambda: ops.add(X, Y[:3]),
    "op of ops": lambda: ops.einsum("ij,jk", X, X),
    "operator": lambda: ops.array(X) @ ops.array(X),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_shape_is_said_in_few_lines(case):
    text = shown(WRONG[case])
    assert text.count("\n") < 20, text
    ours = [
        line for line in text.splitlines() if "/minikeras" in line and "File" in line
    ]
    assert len(ours) <= 1, "the innermost of our lines stays, the others do not"


def test_all_lines_where_asked():
    keras.config.disable_traceback_filtering()
    try:
        assert not keras.config.is_traceback_filtering_enabled()
        full = shown(CASES["fit"])
    finally:
        keras.config.enable_traceback_filtering()
    short = shown(CASES["fit"])
    assert full.count("\n") > 2 * short.count("\n")
    assert "THE LINE" in full
    assert "trainer.py" in full
    assert "trainer.py" not in short


def test_an_error_of_another_package_keeps_its_lines():
    def call(x):
        raise KeyError("mine") from ValueError("cause")

    text = shown(lambda: layers.Lambda(call)(X))
    assert "direct cause" in text
    assert 'raise KeyError("mine")' in text


def test_the_name_of_the_layer_is_in_front_of_the_same_error():
    layer = Mine()
    layer.name = "first"
    with pytest.raises(ValueError, match=r"^Layer 'first' \(Mine\): add: ") as caught:
        layer(X)
    assert caught.value.layer == "first"
