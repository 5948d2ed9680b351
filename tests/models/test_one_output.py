"""A list of one output is that output; models with such inputs inside a Sequential."""

import numpy as np
import pytest

import minikeras as keras

X = np.ones((2, 3), "float32")


def arrange(value, tensor):
    """`value` with each 0 replaced by the tensor."""
    return keras.tree.map_structure(lambda _: tensor, value)


def kinds(value):
    return keras.tree.map_structure(lambda v: tuple(v.shape), value)


# Inputs and outputs as they are arranged, and the results'.
ENDS = [
    (0, [0], (2, 2)),
    ([0], [0], (2, 2)),
    ([0], 0, (2, 2)),
    ((0,), (0,), (2, 2)),
    (0, {"b": 0}, {"b": (2, 2)}),
    (0, [{"b": 0}], {"b": (2, 2)}),
    (0, [[0]], [(2, 2)]),
    (0, [0, 0], [(2, 2), (2, 2)]),
]


@pytest.mark.parametrize(("inputs", "outputs", "given"), ENDS)
def test_what_a_model_gives(lib, inputs, outputs, given):
    x = lib.Input((3,))
    y = lib.layers.Dense(2)(x)
    model = lib.Model(arrange(inputs, x), arrange(outputs, y))
    twin = lib.Model.from_config(model.get_config())
    for one in (model, twin):
        assert kinds(one.predict(X, verbose=0)) == given
        assert kinds(one(X)) == given
        assert kinds(one.predict_on_batch(X)) == given
        assert one.input_shape == (None, 3)
        count = len(keras.tree.flatten(outputs))
        shape = (None, 2)
        assert one.output_shape == (shape if count == 1 else [shape] * count)


@pytest.mark.parametrize(("inputs", "outputs", "given"), ENDS)
def test_symbolic_calls_and_clones_give_the_same(inputs, outputs, given):
    x = keras.Input((3,))
    ends = arrange(outputs, keras.layers.Dense(2)(x))
    model = keras.Model(arrange(inputs, x), ends)
    assert kinds(model(x)) == symbolic(given)
    assert kinds(keras.models.clone_model(model)(X)) == given
    outer = keras.Model(x, {"k": model(x)})
    assert kinds(outer.predict(X, verbose=0)) == {"k": given}


def symbolic(given):
    """The structure of shapes with None for the number of samples."""
    if isinstance(given, dict):
        return {key: symbolic(value) for key, value in given.items()}
    return (
        [symbolic(v) for v in given] if isinstance(given, list) else (None, *given[1:])
    )


def test_training_a_model_of_one_output_in_a_list(lib):
    x = lib.Input((3,))
    model = lib.Model([x], [lib.layers.Dense(2, kernel_initializer="ones")(x)])
    model.compile("sgd", "mse", metrics=["mae"])
    for y in (np.zeros((2, 2)), [np.zeros((2, 2))]):
        found = model.evaluate(X, y, verbose=0, return_dict=True)
        assert found == pytest.approx({"loss": 9.0, "mae": 3.0})
    assert list(model.fit(X, np.zeros((2, 2)), verbose=0).history) == ["loss", "mae"]


def test_a_sequential_over_a_model_with_its_input_in_a_list(lib):
    base = lib.Sequential(
        [lib.Input((4,)), lib.layers.Dense(3, name="a"), lib.layers.Dense(2)]
    )
    features = lib.Model(inputs=base.inputs, outputs=base.get_layer("a").output)
    model = lib.Sequential([features, lib.layers.Dense(1)])
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 1))
    assert model.predict(np.ones((2, 4)), verbose=0).shape == (2, 1)
    assert model.count_params() == 19


def test_a_sequential_over_a_model_with_its_input_in_a_dict():
    x = keras.Input((4,))
    model = keras.Sequential([keras.Model({"a": x}, keras.layers.Dense(2)(x))])
    assert model.predict(np.ones((2, 4)), verbose=0).shape == (2, 2)


def twice(lib):
    relu = lib.layers.ReLU(name="r")
    return lib.Sequential([
        lib.Input((4,)), lib.layers.Dense(3, name="a"), relu, lib.layers.Dense(5, name="b"), relu,
    ])  # fmt: skip


def test_one_layer_twice_in_a_sequential(lib):
    model = twice(lib)
    assert [layer.name for layer in model.layers] == ["a", "r", "b", "r"]
    assert model.layers[1] is model.layers[3]
    assert model.output_shape == (None, 5) and model.count_params() == 15 + 20
    kernels = [w for w in model.get_weights() if w.ndim == 2]
    x = np.linspace(-1, 1, 8).reshape(2, 4).astype("float32")
    expected = np.maximum(np.maximum(x @ kernels[0], 0) @ kernels[1], 0)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5)
    model.pop()
    assert len(model.layers) == 3 and model.output_shape == (None, 5)
    model.add(model.layers[1])
    assert [layer.name for layer in model.layers] == ["a", "r", "b", "r"]


def test_copies_of_it_are_whole(tmp_path):
    model = twice(keras)
    x = np.linspace(-1, 1, 8).reshape(2, 4).astype("float32")
    twin = keras.Sequential.from_config(model.get_config())
    clone = keras.models.clone_model(model)
    for copy in (twin, clone):
        copy.set_weights(model.get_weights())
    model.save(tmp_path / "m.keras")
    for copy in (twin, clone, keras.models.load_model(tmp_path / "m.keras")):
        assert copy.layers[1] is copy.layers[3] and len(copy.layers) == 4
        np.testing.assert_array_equal(copy(x), model(x))


def test_a_layer_with_weights_twice(tmp_path):
    dense = keras.layers.Dense(4)
    model = keras.Sequential([dense, dense])
    model.build((None, 4))
    assert model.count_params() == 20 and len(model.weights) == 2
    x = np.linspace(-1, 1, 8).reshape(2, 4).astype("float32")
    np.testing.assert_array_equal(model(x), dense(dense(x)))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(x), model(x))


def test_two_layers_of_one_name_are_refused():
    layers = [keras.layers.Dense(3, name="q"), keras.layers.Dense(3, name="q")]
    with pytest.raises(ValueError, match="already has a layer named 'q'"):
        keras.Sequential([keras.Input((4,)), *layers])
