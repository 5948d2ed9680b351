"""Subclasses of Sequential: made again from configs, files and as clones."""

import numpy as np
import pytest

import minikeras as keras

X = np.linspace(-1, 1, 12).reshape(4, 3).astype("float32")


class Rated(keras.Sequential):
    """Takes layers, and something more."""

    def __init__(self, layers=None, rate=1, **kwargs):
        super().__init__(layers, **kwargs)
        self.rate = rate

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


class Stepping(keras.Sequential):
    """Has a step of its own."""

    def train_step(self, data):
        return {"mine": keras.ops.convert_to_tensor(7.0)}


class Block(keras.Sequential):
    """Makes its layers itself."""

    def __init__(self, units, name=None):
        super().__init__([keras.layers.Dense(units)], name=name)
        self.units = units

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def made_again(model, tmp_path):
    """By its config, and from a file."""
    kind = type(model)
    model.save(tmp_path / "m.keras")
    yield kind.from_config(model.get_config())
    yield keras.saving.load_model(
        tmp_path / "m.keras", custom_objects={kind.__name__: kind}
    )


def test_arguments_beside_the_layers_come_back(tmp_path):
    model = Rated([keras.Input((3,)), keras.layers.Dense(2)], rate=3, name="one")
    for again in (*made_again(model, tmp_path), keras.models.clone_model(model)):
        assert type(again) is Rated
        assert (again.rate, again.name, len(again.layers)) == (3, "one", 1)
        assert again(X).shape == (4, 2)


def test_a_clone_has_the_class_of_its_model():
    model = Stepping([keras.layers.Dense(2)])
    model.build((None, 3))
    clone = keras.models.clone_model(model)
    clone.compile("sgd", "mse")
    assert clone.fit(X, np.zeros((4, 2)), verbose=0).history["mine"] == [7.0]


@pytest.mark.parametrize("more", [False, True])
def test_a_subclass_that_makes_its_layers_makes_them_once(more, tmp_path):
    model = Block(5, name="block")
    if more:
        model.add(keras.layers.Dense(2, name="last"))
    wanted = model(X)
    *_, loaded = against = list(made_again(model, tmp_path))
    for again in against:
        assert type(again) is Block and again.units == 5
        assert [layer.units for layer in again.layers] == [5, 2][: 1 + more]
    np.testing.assert_array_equal(loaded(X), wanted)
    plain = keras.models.clone_model(model)
    assert type(plain) is keras.Sequential and len(plain.layers) == len(model.layers)
