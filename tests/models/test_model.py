"""Subclassed models, summary, and the names of the package."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers


def ones(*shape):
    return np.ones(shape, "float32")


class Net(keras.Model):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = layers.Dense(units, activation="relu")
        self.drop = layers.Dropout(0.5)
        self.heads = [layers.Dense(2), layers.Dense(1)]

    def call(self, inputs, training=False):
        x = self.drop(self.hidden(inputs), training=training)
        return [head(x) for head in self.heads]


def test_subclass():
    model = Net(name="net")
    assert not model.built
    a, b = model(ones(2, 4))
    assert (a.shape, b.shape) == ((2, 2), (2, 1))
    assert [layer.name.split("_")[0] for layer in model.layers] == [
        "dense", "dropout", "dense", "dense"
    ]  # fmt: skip
    assert all(v.path.startswith("net/dense") for v in model.weights)
    assert Net.from_config(model.get_config()).units == 3
    assert keras.models.clone_model(model).units == 3


def test_build_by_shape():
    model = Net()
    model.build((None, 4))
    assert model.built
    assert model.count_params() == 15 + 8 + 4
    assert len(model.losses) == 0


def test_subclass_as_part_of_a_functional_model():
    x = keras.Input((4,))
    a, b = Net()(x)
    model = keras.Model(x, layers.Concatenate()([a, b]))
    assert model.output_shape == (None, 3)
    assert model(ones(5, 4)).shape == (5, 3)


def test_copies_can_be_trained():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(ones(4, 2), ones(4, 1), verbose=0)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        before = model.get_weights()
        twin.fit(ones(4, 2), ones(4, 1), verbose=0)
        for a, b in zip(before, model.get_weights()):
            np.testing.assert_array_equal(a, b)
        assert not np.array_equal(before[0], twin.get_weights()[0])


def printed(model, **kwargs):
    lines = []
    model.summary(print_fn=lines.append, line_length=80, **kwargs)
    return "\n".join(lines)


def branched():
    x = keras.Input((4,), name="x")
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(2, name="in")], name="nest"
    )
    frozen = layers.Dense(2, name="frozen", trainable=False)
    return keras.Model(x, layers.Add(name="sum")([inner(x), frozen(x)]), name="net")


def test_summary_of_a_chain():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(300, name="a"),
            layers.BatchNormalization(name="b"),
        ],
        name="chain",
    )
    text = printed(model)
    assert text.startswith('Model: "chain"')
    for part in ("a (Dense)", "(None, 300)", "1,500", "b (BatchNormalization)",
                 "Total params: 2,700 (10.55 KB)", "Trainable params: 2,100 (8.20 KB)",
                 "Non-trainable params: 600 (2.34 KB)"):  # fmt: skip
        assert part in text
    assert "Connected to" not in text
    model.compile("adam", "mse")
    assert "Optimizer params" not in printed(model)  # before the first step


def test_summary_of_a_graph():
    text = printed(branched())
    assert "Connected to" in text
    assert "x[0][0]" in text
    assert "nest[0][0]" in text
    assert "in (Dense)" not in text
    assert "in (Dense)" in printed(branched(), expand_nested=True)
    text = printed(branched(), show_trainable=True)
    assert " N " in text
    assert " Y " in text


def test_summary_of_what_is_not_built():
    text = printed(keras.Sequential([layers.Dense(2)]))
    assert "0 (unbuilt)" in text
    assert "?" in text


def test_summary_options():
    text = printed(branched(), layer_range=["x", "nest"])
    assert "sum (Add)" not in text
    with pytest.raises(ValueError, match="named like 'zzz'"):
        printed(branched(), layer_range=["x", "zzz"])
    with pytest.raises(ValueError, match="expected 4 numbers"):
        printed(branched(), positions=[0.5, 0.5])
    wide = printed(branched(), positions=[0.3, 0.6, 0.7, 1.0])
    assert max(map(len, wide.splitlines())) <= 81


def test_summary_is_printed(capsys):
    branched().summary()
    assert 'Model: "net"' in capsys.readouterr().out


def test_importing_the_package_is_light():
    code = (
        "import sys, minikeras\n"
        "heavy = {'numpy', 'numba', 'cupy', 'h5py', 'rich', 'ml_dtypes', 'keras'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "import minikeras.models\n"
        "print(sorted((heavy - {'numpy', 'ml_dtypes'}) & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["[]", "[]"]


def test_public_names_are_there():
    for name in keras.__all__:
        assert getattr(keras, name) is not None
    assert keras.version() == keras.__version__
    assert "Sequential" in dir(keras)
    with pytest.raises(AttributeError, match="no attribute 'Sequentiel'"):
        _ = keras.Sequentiel
