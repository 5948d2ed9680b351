"""Models of a graph that hold more than the graph."""

import numpy as np
import pytest

import minikeras as keras


class Longer(keras.Model):
    def __init__(self):
        start = keras.Input((3,))
        super().__init__(start, keras.layers.Dense(2, name="first")(start))
        self.last = keras.layers.Dense(1, name="last")
        self.last.build((None, 2))
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    def call(self, inputs, training=None):
        return self.gain * self.last(super().call(inputs))


def test_layers_and_weights_made_after_the_graph_are_trained():
    model = Longer()
    assert [layer.name for layer in model.layers[1:]] == ["first"]
    before = {v.path: v.numpy() for v in model.trainable_variables}
    assert sorted(path.split("/")[-2] for path in before if "kernel" in path) == [
        "first",
        "last",
    ]
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.full((4, 1), 9.0), verbose=0)
    assert all((v.numpy() != before[v.path]).any() for v in model.trainable_variables)


def test_a_built_graph_takes_more():
    start = keras.Input((3,))
    model = keras.Model(start, keras.layers.Dense(2)(start))
    model.extra = keras.layers.Dense(5)
    model.seen = keras.metrics.Mean()
    model.count = keras.Variable(1.0)
    assert len(model.layers) == 2 and len(model.weights) == 3
    np.testing.assert_array_equal(model(np.zeros((1, 3))), np.zeros((1, 2)))


class _Passes(keras.Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.twice = 2


class _Named(keras.Model):
    def __init__(self, inputs, outputs, name=None, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)


class _Own(keras.Model):
    def __init__(self, inputs, outputs, more=3, **kwargs):
        super().__init__(inputs, outputs, **kwargs)
        self.more = more


@pytest.mark.parametrize("kind", [_Passes, _Named])
def test_a_subclass_made_as_functional_is_described_by_its_graph(kind, tmp_path):
    x = keras.Input((3,))
    model = kind(x, keras.layers.Dense(2)(x), name="one")
    again = kind.from_config(model.get_config())
    assert type(again) is kind
    assert again.name == "one"
    assert [w.shape for w in again.weights] == [(3, 2), (2,)]
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(
        tmp_path / "m.keras", custom_objects={kind.__name__: kind}
    )
    data = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(
        model.predict(data, verbose=0), loaded.predict(data, verbose=0)
    )


def test_a_subclass_with_arguments_of_its_own_is_not():
    x = keras.Input((3,))
    assert "layers" not in _Own(x, keras.layers.Dense(2)(x), more=4).get_config()


def test_a_config_that_lacks_arguments_says_so():
    x = keras.Input((3,))
    config = _Own(x, keras.layers.Dense(2)(x)).get_config()
    with pytest.raises(
        TypeError, match=r"_Own\.from_config: missing .*'inputs'.*get_config"
    ):
        _Own.from_config(config)


class _Tuned(keras.Model):
    def __init__(self, *args, rate=1, **kwargs):
        super().__init__(*args, **kwargs)
        self.rate = rate

    def get_config(self):
        return super().get_config() | {"rate": self.rate}


class _Popping(keras.Model):
    def __init__(self, *args, **kwargs):
        rate = kwargs.pop("rate", 1)
        super().__init__(*args, **kwargs)
        self.rate = rate

    def get_config(self):
        return super().get_config() | {"rate": self.rate}


class _First(keras.Model):
    def __init__(self, rate, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.rate = rate

    def get_config(self):
        return super().get_config() | {"rate": self.rate}


@pytest.mark.parametrize("kind", [_Tuned, _Popping, _First])
def test_arguments_beside_the_graph_come_back(kind, tmp_path):
    x = keras.Input((3,))
    model = kind(inputs=x, outputs=keras.layers.Dense(2)(x), rate=3, name="one")
    assert "layers" in model.get_config()
    model.save(tmp_path / "m.keras")
    data = np.ones((2, 3), "float32")
    for again in (
        kind.from_config(model.get_config()),
        keras.models.clone_model(model),
        keras.saving.load_model(
            tmp_path / "m.keras", custom_objects={kind.__name__: kind}
        ),
    ):
        assert type(again) is kind
        assert (again.rate, again.name) == (3, "one")
        assert again(data).shape == (2, 2)
    np.testing.assert_array_equal(again(data), model(data))


def test_a_config_may_say_more_than_the_constructor_takes():
    class Noted(keras.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

        def get_config(self):
            return super().get_config() | {"note": "made on a Monday"}

    x = keras.Input((3,))
    model = Noted(x, keras.layers.Dense(2)(x))
    assert Noted.from_config(model.get_config())(np.ones((1, 3))).shape == (1, 2)
    with pytest.raises(ValueError, match=r"unknown arguments .*note"):
        Noted(x, model.output, note=1)


def test_a_clone_has_the_class_of_its_model():
    x = keras.Input((3,))
    model = _Passes(x, keras.layers.Dense(2)(x), name="one")
    assert keras.models.clone_model(model).twice == 2
    other = _Own(x, keras.layers.Dense(2)(x), more=4)
    assert type(keras.models.clone_model(other)) is type(keras.Model(x, other.output))


def test_a_graph_config_that_lacks_arguments_says_so():
    x = keras.Input((3,))
    config = _First(3, x, keras.layers.Dense(2)(x)).get_config()
    del config["rate"]
    with pytest.raises(TypeError, match=r"_First\.from_config: missing .*'rate'"):
        _First.from_config(config)
