"""Functional models: connections, structures, configs, copies, errors."""

import copy
import json
import pickle

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops


def ones(*shape):
    return np.ones(shape, "float32")


def two_by_two():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    total = layers.Add(name="total")([shared(a), shared(b)])
    return keras.Model({"a": a, "b": b}, [total, ops.relu(total) * 2.0], name="net")


def feeds(seed=0):
    rng = np.random.default_rng(seed)
    return {k: rng.normal(size=(2, 4)).astype("float32") for k in "ab"}


def same(model, other):
    for x, y in zip(model(feeds()), other(feeds())):
        np.testing.assert_allclose(x, y, rtol=1e-6)


def test_what_it_computes_and_says_of_itself(backend):
    model, x = two_by_two(), feeds()
    kernel, bias = model.get_weights()
    want = x["a"] @ kernel + x["b"] @ kernel + 2 * bias
    total, doubled = model(x)
    np.testing.assert_allclose(total, want, rtol=1e-5)
    np.testing.assert_allclose(doubled, np.maximum(want, 0) * 2, rtol=1e-5)
    assert [layer.name for layer in model.layers] == ["a", "b", "shared", "total"]
    assert [v.path for v in model.variables] == ["shared/kernel", "shared/bias"]
    assert model.input_names == ["a", "b"]
    assert model.output_names[0] == "total"
    assert model.input_shape == {"a": (None, 4), "b": (None, 4)}
    assert model.output_shape == [(None, 3), (None, 3)]
    assert model.count_params() == 15
    assert model.get_layer("shared") is model.layers[2]
    assert model.get_layer(index=0).name == "a"


def test_inputs_in_any_form():
    model, x = two_by_two(), feeds()
    want = model(x)[0].numpy()
    for form, told in (
        ([x["a"], x["b"]], "got a list for inputs in a dict"),
        ((x["a"], x["b"]), "got a tuple for inputs in a dict"),
        ({"b": x["b"], "a": x["a"], "c": 1}, r"no input takes the keys \['c'\]"),
    ):
        with pytest.warns(UserWarning, match=told):
            np.testing.assert_array_equal(model(form)[0], want)
        np.testing.assert_array_equal(model(form)[0], want)  # it is told once


def test_a_list_for_a_dict_in_another_order_than_its_keys(lib):
    one, two = lib.Input((3,), name="one"), lib.Input((3,), name="two")
    model = lib.Model({"late": one, "early": two}, lib.ops.subtract(one, two))
    x = np.ones((2, 3), "float32")
    with pytest.raises(ValueError, match="late"):
        model([x, x * 2])
    with pytest.raises(ValueError, match="late"):
        model({"one": x, "two": x})  # names of the tensors, where keys are other
    assert float(np.asarray(model({"late": x, "early": 2 * x}))[0, 0]) == -1


def test_data_nested_otherwise_than_a_list_of_inputs(lib):
    a, b = lib.Input((3,), name="a"), lib.Input((3,), name="b")
    model = lib.Model([a, b], lib.ops.subtract(a, b))
    x = np.ones((2, 3), "float32")
    with pytest.warns(UserWarning, match="inputs"):
        assert float(np.asarray(model([[x, 2 * x]]))[0, 0]) == -1


def test_inputs_are_fitted_to_the_declared_rank_and_dtype():
    x = keras.Input((1,))
    model = keras.Model(x, layers.Dense(1, kernel_initializer="ones")(x))
    assert model(np.arange(3)).shape == (3, 1)
    y = keras.Input((3,))
    model = keras.Model(y, ops.sum(y, axis=1))
    assert model(np.ones((2, 3, 1), "uint8")).numpy().tolist() == [3.0, 3.0]


def test_layers_are_listed_as_keras_lists_them():
    x = keras.Input((4,), name="x")
    late = layers.Dense(2, name="late")
    a = layers.Dense(2, name="a1")(x)
    a = layers.Dense(2, name="a2")(a)
    b = layers.Dense(2, name="b1")(x)
    out = layers.Concatenate(name="join")([b, late(a)])
    model = keras.Model(x, out)
    assert [layer.name for layer in model.layers] == [
        "x",
        "a1",
        "a2",
        "b1",
        "late",
        "join",
    ]


def test_nested_models_and_sub_models():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3)], name="inner")
    x = keras.Input((4,))
    hidden = inner(x)
    model = keras.Model(x, layers.Dense(2, name="head")(hidden))
    features = keras.Model(model.input, hidden)
    np.testing.assert_array_equal(features(ones(2, 4)), inner(ones(2, 4)))
    # From the middle: what comes before is left out.
    head = keras.Model(hidden, model.output)
    assert head.input_shape == (None, 3)
    np.testing.assert_allclose(head(features(ones(2, 4))), model(ones(2, 4)), rtol=1e-6)
    assert len(model.layers) == 3
    assert len(model.weights) == 4


def test_ops_and_methods_on_symbolic_tensors_are_nodes():
    x = keras.Input((6,))
    y = (x[:, :3] - ops.mean(x, axis=1, keepdims=True)) ** 2 / 2
    model = keras.Model(x, ops.concatenate([y, -y], axis=-1))
    data = np.random.default_rng(0).normal(size=(2, 6)).astype("float32")
    want = (data[:, :3] - data.mean(1, keepdims=True)) ** 2 / 2
    np.testing.assert_allclose(model(data), np.hstack([want, -want]), rtol=1e-5)
    assert model.output_shape == (None, 6)
    twin = keras.models.model_from_json(model.to_json())
    np.testing.assert_allclose(twin(data), model(data), rtol=1e-6)


def test_unknown_sizes_stay_unknown():
    x = keras.Input((None, None, 3))
    y = layers.Conv2D(4, 3, strides=2)(x)
    assert y.shape == (None, None, None, 4)
    model = keras.Model(x, layers.GlobalAveragePooling2D()(y))
    for size in (9, 12):
        assert model(ones(2, size, size + 1, 3)).shape == (2, 4)


def test_training_flag_and_arguments_in_nodes():
    x = keras.Input((40,))
    always = layers.Dropout(0.5, seed=1)(x, training=True)
    model = keras.Model(x, [always, layers.Dropout(0.5, seed=1)(x)])
    noisy, still = model(ones(1, 40), training=False)
    assert sorted(set(noisy.numpy().ravel().tolist())) == [0.0, 2.0]
    np.testing.assert_array_equal(still, ones(1, 40))
    twin = keras.Model.from_config(model.get_config())
    assert 2.0 in twin(ones(1, 40))[0].numpy()


@pytest.mark.parametrize("nested", [False, True])
def test_training_that_was_said_when_a_layer_was_called_holds(nested):
    def part(layer):
        return keras.Sequential([keras.Input((3,)), layer]) if nested else layer

    norm, drop = layers.BatchNormalization(), layers.Dropout(0.5, seed=1)
    x = keras.Input((3,))
    still = part(norm)(x, training=False)
    model = keras.Model(x, part(drop)(still, training=True))
    model.compile("sgd", "mse")
    model.fit(ones(8, 3), ones(8, 3), verbose=0)
    assert not norm.moving_mean.numpy().any()
    assert 0 in model.predict(ones(8, 3), verbose=0)


def test_config_copies_and_pickles():
    model = two_by_two()
    config = json.loads(json.dumps(model.get_config()))
    made = [
        keras.Model.from_config(config),
        keras.models.model_from_json(model.to_json()),
        keras.models.clone_model(model),
    ]
    for twin in made:
        assert twin.input_names == ["a", "b"]
        twin.set_weights(model.get_weights())
        same(model, twin)
        assert keras.Model.from_config(twin.get_config()).count_params() == 15
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        same(model, twin)
        twin.layers[2].kernel.assign(twin.layers[2].kernel * 0)
        assert not np.allclose(twin(feeds())[0].numpy(), model(feeds())[0].numpy())
        assert [layer.name for layer in twin.layers] == ["a", "b", "shared", "total"]


def test_a_deep_model_can_be_copied():
    x = y = keras.Input((2,))
    for _ in range(300):
        y = layers.Identity()(y)
    model = keras.Model(x, y)
    np.testing.assert_array_equal(copy.deepcopy(model)(ones(1, 2)), ones(1, 2))
    assert len(pickle.loads(pickle.dumps(model)).layers) == 301


def test_clones_are_compiled_with_an_optimizer_of_their_own(lib):
    x = lib.Input((2,))
    functional = lib.Model(x, lib.layers.Dense(2)(x))
    for model in (lib.Sequential([lib.Input((2,)), lib.layers.Dense(2)]), functional):
        assert not lib.models.clone_model(model).compiled
        model.compile(lib.optimizers.SGD(0.5), "mse", metrics=["mae"])
        model.fit(np.ones((2, 2)), np.ones((2, 2)), verbose=0)
        clone = lib.models.clone_model(model)
        assert clone.compiled and clone.loss == "mse"
        assert clone.optimizer is not model.optimizer
        assert int(np.asarray(clone.optimizer.iterations)) == 0
        clone.fit(np.ones((2, 2)), np.ones((2, 2)), verbose=0)


@pytest.mark.parametrize(
    "keys", [None, {"a": 1, "c": 1}, {"a": 1}, {"a": 1, "b": 1, "c": 1}]
)
def test_clones_start_from_tensors_in_the_structure_of_the_inputs(lib, keys):
    a, b = lib.Input((2,), name="a"), lib.Input((2,), name="b")
    model = lib.Model({"a": a, "b": b}, {"c": lib.layers.Add()([a, b])})
    given = [lib.Input((2,)), lib.Input((2,))]
    if keys is not None:
        given = {key: lib.Input((2,)) for key in keys}
    with pytest.raises(ValueError, match="input_tensors"):
        lib.models.clone_model(model, input_tensors=given)


def test_a_config_keeps_a_tuple_of_outputs(lib):
    x = lib.Input((2,))
    ends = (lib.layers.Dense(2)(x), lib.layers.Dense(3)(x))
    for wrap in (tuple, list):
        model = lib.Model(x, wrap(ends))
        again = type(model).from_config(model.get_config())
        assert type(again(np.ones((1, 2)))) is type(model(np.ones((1, 2)))) is wrap


def test_clone_function():
    model = two_by_two()

    def wider(layer):
        config = layer.get_config()
        if isinstance(layer, layers.Dense):
            config["units"] = 5
        return type(layer).from_config(config)

    assert keras.models.clone_model(model, clone_function=wider).count_params() == 25


def test_subclass_with_functional_construction():
    class Fancy(keras.Model):
        def __init__(self, units):
            x = keras.Input((3,))
            super().__init__(x, layers.Dense(units)(x), name="fancy")
            self.units = units

        def get_config(self):
            return {"units": self.units}

    model = Fancy(2)
    assert model(ones(1, 3)).shape == (1, 2)
    assert model.output_shape == (None, 2)
    assert Fancy.from_config(model.get_config()).units == 2
    assert isinstance(keras.Model(model.input, model.output), keras.Model)


def test_freezing_a_model_freezes_its_layers():
    model = two_by_two()
    model.trainable = False
    assert not model.get_layer("shared").trainable
    assert model.trainable_variables == []


def test_passthrough_and_constant_parts():
    x = keras.Input((2,))
    model = keras.Model(x, {"same": x, "more": x + ones(2)})
    out = model(ones(1, 2))
    np.testing.assert_array_equal(out["same"], ones(1, 2))
    np.testing.assert_array_equal(out["more"], 2 * ones(1, 2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x, y: keras.Model(x, 3 * ones(2)), "expected KerasTensors"),
        (lambda x, y: keras.Model([x, x], x), "listed twice"),
        (lambda x, y: keras.Model(y, layers.Dense(1)(x)), "not among the inputs"),
        (lambda x, y: keras.Model(keras.KerasTensor((None, 2)), x), "no call made"),
        (
            lambda x, y: keras.Model(
                x, layers.Dense(1, name="d")(layers.Dense(1, name="d")(x))
            ),
            "two layers are named 'd'",
        ),
    ],
)
def test_what_is_no_graph(make, message):
    with pytest.raises((ValueError, NotImplementedError), match=message):
        make(keras.Input((2,)), keras.Input((2,)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (ones(2, 4), "got 1 input tensors, expected 2: a, b"),
        ({"a": ones(2, 4)}, r"keys \['a'\]; expected \['a', 'b'\]"),
        (
            {"a": ones(2, 4), "c": ones(2, 4)},
            r"keys \['a', 'c'\]; expected \['a', 'b'\]",
        ),
        (
            [ones(2, 4), ones(2, 5)],
            r"Input 'b' of model 'net' .*expected shape \(None, 4\)",
        ),
        ([ones(2, 4), ones(2, 3, 4)], "Input 'b'"),
    ],
)
def test_what_does_not_fit_the_inputs(data, message):
    model = two_by_two()
    if isinstance(data, list):
        with pytest.warns(UserWarning, match="in the order"):
            model([ones(2, 4), ones(2, 4)])
    with pytest.raises(ValueError, match=message):
        model(data)
    if isinstance(data, dict):
        with pytest.raises(ValueError, match=message):
            model.predict(data, verbose=0)


def test_get_layer_errors():
    model = two_by_two()
    with pytest.raises(ValueError, match="it has a, b, shared, total"):
        model.get_layer("nope")
    with pytest.raises(ValueError, match="index 9"):
        model.get_layer(index=9)
    with pytest.raises(ValueError, match="either a name or an index"):
        model.get_layer()
