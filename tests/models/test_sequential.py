"""Sequential: building, adding, popping, configs, copies."""

import copy
import json
import pickle

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers


def ones(*shape):
    return np.ones(shape, "float32")


def paths(model):
    return [v.path for v in model.weights]


def test_three_ways_to_say_the_input_shape():
    made = [
        keras.Sequential([keras.Input((4,)), layers.Dense(3, name="d")], name="s"),
        keras.Sequential([layers.Dense(3, input_shape=(4,), name="d")], name="s"),
        keras.Sequential([layers.Dense(3, input_dim=4, name="d")], name="s"),
        keras.Sequential(
            [layers.Dense(3, batch_input_shape=(None, 4), name="d")], name="s"
        ),
    ]
    for model in made:
        assert model.built
        assert model.input_shape == (None, 4)
        assert model.output_shape == (None, 3)
        assert paths(model) == ["s/d/kernel", "s/d/bias"]
        assert [layer.name for layer in model.layers] == ["d"]


def test_built_by_the_first_call():
    model = keras.Sequential([layers.Dense(3), layers.Dense(2)])
    assert not model.built
    assert model.weights == []
    with pytest.raises(AttributeError, match=r"call model\.build"):
        _ = model.output_shape
    assert model(ones(5, 4)).shape == (5, 2)
    assert model.output_shape == (None, 2)
    assert model(ones(7, 4)).shape == (7, 2)
    with pytest.raises(ValueError, match=r"layer .dense.*Dense.*value 4"):
        model(ones(7, 5))


def test_build_with_a_shape():
    model = keras.Sequential([layers.Dense(3)])
    model.build((None, 4))
    assert model.count_params() == 15
    with pytest.raises(ValueError, match="built for inputs of shape"):
        model.build((None, 5))
    with pytest.raises(ValueError, match="one shape with the batch"):
        keras.Sequential([layers.Dense(3)]).build("x")


def test_add_and_pop_keep_the_weights():
    model = keras.Sequential()
    model.add(keras.Input((4,)))
    model.add(layers.Dense(3))
    before = model.get_weights()
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2)
    taken = model.pop()
    assert taken.units == 2
    assert model.output_shape == (None, 3)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.pop()
    assert model.layers == []
    with pytest.raises(ValueError, match="no layers left"):
        model.pop()
    model.add(layers.Dense(5))
    assert model(ones(1, 4)).shape == (1, 5)


def test_add_that_fails_changes_nothing():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match="Conv2D"):
        model.add(layers.Conv2D(2, 3))
    assert len(model.layers) == 1
    assert model(ones(1, 4)).shape == (1, 3)
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras.Sequential([3]), "got 3 of type int"),
        (lambda: keras.Sequential(layers.Dense(2)), "expected a list of layers"),
        (
            lambda: keras.Sequential(
                [layers.Dense(2, name="x"), layers.Dense(2, name="x")]
            ),
            "already has a layer named 'x'",
        ),
        (lambda: keras.Sequential([layers.Dense(2), keras.Input((2,))]), "comes first"),
        (lambda: keras.Sequential()(ones(1, 2)), "model.add"),
        (lambda: keras.Sequential([layers.Dense(2)]).count_params(), "not built"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def cnn():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(2, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_configs_and_copies():
    model, x = (
        cnn(),
        np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("float32"),
    )
    y = model(x).numpy()
    config = json.loads(json.dumps(model.get_config()))
    made = [
        keras.Sequential.from_config(config),
        keras.models.clone_model(model),
        keras.models.model_from_json(model.to_json()),
    ]
    for twin in made:
        assert paths(twin) == paths(model)
        twin.set_weights(model.get_weights())
        np.testing.assert_allclose(twin(x), y, rtol=1e-6)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_allclose(twin(x), y, rtol=1e-6)
        assert twin.output_shape == model.output_shape
        twin.add(layers.Dense(1))
        assert len(model.layers) == 6
    fresh = keras.Sequential.from_config(
        keras.Sequential([layers.Dense(2)]).get_config()
    )
    assert not fresh.built


def test_features_from_the_middle():
    model = cnn()
    features = keras.Model(model.inputs, [layer.output for layer in model.layers])
    shapes = [out.shape for out in features(ones(2, 8, 8, 1))]
    assert shapes[0] == (2, 6, 6, 2)
    assert shapes[-1] == (2, 3)


def test_as_a_layer():
    inner = keras.Sequential([layers.Dense(3)])
    outer = keras.Sequential([keras.Input((4,)), inner, layers.Dense(1)])
    assert outer(ones(2, 4)).shape == (2, 1)
    assert len(outer.weights) == 4
    outer.trainable = False
    assert inner.layers[0].trainable_variables == []


def test_layers_that_look_at_values_run_without_a_graph():
    class Peek(layers.Layer):
        def call(self, x):
            return x * 2 if float(keras.ops.sum(x)) > 0 else x

    model = keras.Sequential([Peek(), layers.Dense(1, kernel_initializer="ones")])
    assert float(model(ones(1, 3))[0, 0]) == 6.0
    assert float(model(-ones(1, 3))[0, 0]) == -3.0


def test_integer_data_and_embedding():
    model = keras.Sequential([layers.Embedding(5, 2), layers.GlobalAveragePooling1D()])
    assert model(np.array([[1, 2, 3]])).shape == (1, 2)


def test_the_build_config_tells_the_shape_and_builds():
    model = keras.Sequential([keras.layers.Dense(3)])
    assert model.get_build_config() is None
    model.build_from_config(None)
    assert not model.built
    model.build_from_config({"input_shape": [None, 4]})
    assert model.built and model.get_build_config() == {"input_shape": (None, 4)}
    model.build_from_config({"input_shape": [None, 4]})
    assert model.count_params() == 15


@pytest.mark.parametrize("method", ["compute_output_shape", "compute_output_spec"])
@pytest.mark.parametrize("declared", [False, True])
def test_layers_that_do_not_say_their_shape(lib, method, declared):
    def refuse(self, *args, **kwargs):
        raise NotImplementedError

    class Plus(lib.layers.Layer):
        def call(self, x):
            return x + 1.0

    setattr(Plus, method, refuse)
    first = [lib.Input((2,))] if declared else []
    model = lib.Sequential([*first, Plus(), Plus()])
    assert np.asarray(model(np.ones((3, 2), "float32"))).tolist() == [[3.0, 3.0]] * 3
    assert model.built
    assert model.predict(np.ones((1, 2)), verbose=0).tolist() == [[3.0, 3.0]]


def test_a_ctrl_c_while_a_layer_is_added_leaves_the_model_as_it_was():
    class Interrupted(keras.layers.Layer):
        def call(self, x):
            raise KeyboardInterrupt

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(KeyboardInterrupt):
        model.add(Interrupted())
    assert len(model.layers) == 1
    model.add(keras.layers.Dense(4))
    assert model.output_shape == (None, 4)
    late = keras.Sequential([keras.layers.Dense(2), Interrupted()])
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            late.build((None, 3))
        assert not late.built and len(late.layers) == 2
