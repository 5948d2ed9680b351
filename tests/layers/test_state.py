"""What layers hold: weights by every way, losses, containers; scopes around calls."""

import collections
import pickle

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops


def ones(*shape):
    return np.ones(shape, "float32")


class Plain(layers.Layer):
    def call(self, inputs):
        return inputs


def test_activity_penalties_are_per_sample():
    layer = layers.Dense(
        2, kernel_initializer="ones", activity_regularizer=keras.regularizers.L1(0.1)
    )
    for batch in (1, 4):
        layer(ones(batch, 3))
        assert float(layer.losses[0]) == pytest.approx(0.6)


def test_losses_after_a_compiled_step_are_values(backend):
    class Fine(layers.Layer):
        def call(self, inputs):
            self.add_loss(ops.sum(inputs))
            return inputs

    model = keras.Sequential(
        [keras.Input((3,)), Fine(), layers.Dense(1, kernel_regularizer="l2")]
    )
    model.compile("sgd", "mse")
    model.fit(ones(4, 3), ones(4, 1), verbose=0)
    assert all(np.isfinite(float(value)) for value in model.losses)
    model(ones(2, 3))
    assert float(model.losses[0]) == 6.0
    assert len(model.losses) == 2


def test_weights_made_in_init_are_named_after_the_layer():
    class Scaled(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.factor = self.add_weight((2,), "ones", name="factor")

        def call(self, inputs):
            return inputs * self.factor

    layer = Scaled(name="scaled")
    np.testing.assert_array_equal(layer(ones(1, 2)), ones(1, 2))
    assert layer.factor.path == "scaled/factor"
    frozen = Scaled(trainable=False)
    assert not frozen.factor.trainable
    frozen.trainable = True
    assert len(frozen.trainable_weights) == 1


def test_a_weight_needs_super_init():
    class Bad(layers.Layer):
        def __init__(self):
            self.factor = self.add_weight(shape=(1,))

    with pytest.raises(RuntimeError, match=r"did not call super\(\).__init__"):
        Bad()


def test_all_kinds_of_dicts_are_searched():
    layer = layers.Layer()
    layer.ordered = collections.OrderedDict(a=layers.Dense(1))
    layer.ordered["b"] = layers.Dense(2)
    layer.default = collections.defaultdict(list, c=[layers.Dense(3)])
    assert [part.units for part in layer._layers] == [1, 2, 3]
    assert layer.default["new"] == []
    layer.ordered.move_to_end("a")
    again = pickle.loads(pickle.dumps(layer))
    for ordered in (again.ordered, layer.ordered):
        assert [part.units for part in ordered.values()] == [2, 1]
        key, part = ordered.popitem(last=False)
        assert (key, part.units) == ("b", 2)
    assert [part.units for part in layer._layers] == [1, 3]


def test_input_and_output_are_those_of_the_first_call():
    layer, x = layers.Dense(2), keras.Input((3,))
    with pytest.raises(AttributeError, match="never called on a KerasTensor"):
        layer.output  # noqa: B018
    first = layer(x)
    layer(keras.Input((3,)))
    assert layer.input is x
    assert layer.output is first


def test_arrays_stand_beside_symbolic_tensors():
    x = keras.Input((2,))
    model = keras.Model(x, layers.Add()([x, ones(1, 2)]))
    np.testing.assert_array_equal(model(ones(1, 2)), 2 * ones(1, 2))


def test_a_config_that_cannot_be_written_says_which_argument():
    class Holds(layers.Layer):
        def __init__(self, thing, **kwargs):
            super().__init__(**kwargs)

    assert Holds([1, "a", None]).get_config()["thing"] == [1, "a", None]
    with pytest.raises(NotImplementedError, match="thing=<object"):
        Holds(object()).get_config()


def test_call_signature_and_jit():
    assert layers.Dropout(0.1).call_signature_parameters == ["inputs", "training"]
    assert layers.Dropout(0.1).supports_jit


def test_stateless_scope_keeps_assignments_inside():
    v, w = keras.Variable([1.0, 2.0]), keras.Variable(3.0)
    with keras.StatelessScope([(v, [5.0, 6.0])]) as scope:
        np.testing.assert_array_equal(v, [5.0, 6.0])
        v.assign(v * 2)
        assert scope.get_current_value(w) is None
        w.assign(0.0)
    np.testing.assert_array_equal(v, [1.0, 2.0])
    assert float(w) == 3.0
    np.testing.assert_array_equal(scope.get_current_value(v), [10.0, 12.0])
    with pytest.raises(ValueError, match=r"has shape \(3,\); expected \(2,\)"):
        keras.StatelessScope([(v, [1.0, 2.0, 3.0])])
    with pytest.raises(ValueError, match=r"expected a keras\.Variable"):
        keras.StatelessScope([("v", 1.0)])


def test_function_runs_the_graph():
    x, y = keras.Input((2,)), keras.Input((2,))
    dense = layers.Dense(3)
    f = keras.Function({"x": x, "y": y}, [dense(x) * 2, x + y], name="f")
    first, second = f({"x": ones(1, 2), "y": ones(1, 2)})
    np.testing.assert_allclose(first, 2 * dense(ones(1, 2)), rtol=1e-6)
    np.testing.assert_array_equal(second, 2 * ones(1, 2))
    assert f.compute_output_shape({"x": (5, 2), "y": (5, 2)}) == [(5, 3), (5, 2)]
    assert dense in f.operations
    with pytest.raises(ValueError, match="got 1 inputs, expected 2"):
        f([ones(1, 2)])
    with pytest.raises(ValueError, match="expected KerasTensors"):
        keras.Function(ones(1), x)


def test_devices_and_rematerialization_change_nothing():
    layer = Plain()
    with keras.device("CPU:0"), keras.RematScope("full"):
        np.testing.assert_array_equal(keras.remat(layer)(ones(2)), ones(2))
    with pytest.raises(ValueError, match="runs on 'cpu:0' only"), keras.device("gpu:0"):
        pass
    with pytest.raises(ValueError, match="mode='some'"):
        keras.RematScope("some")
    with pytest.raises(ValueError, match="expected a function"):
        keras.remat(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.AdaptiveMaxPooling2D((1, 2, 3)), "an integer or 2 of them"),
        (lambda: layers.AdaptiveMaxPooling1D(0), "at least 1"),
        (lambda: layers.SpectralNormalization(layers.Dense(1), 0), "positive integer"),
        (
            lambda: layers.SpectralNormalization(layers.ReLU())(ones(1, 2)),
            "neither a kernel nor embeddings",
        ),
        (lambda: layers.Dot(axes=0)([ones(1, 2)] * 2), "names axis 0, the batch axis"),
        (lambda: layers.Dropout(0.1, noise_shape=3), "a tuple or list of integers"),
        (
            lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"r": 1}),
            r"keys \['r'\]; expected some of rmax",
        ),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_spectral_normalization_bounds_the_kernel(backend):
    layer = layers.SpectralNormalization(layers.Dense(3), power_iterations=30)
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    layer(x, training=True)
    kernel = layer.layer.kernel.numpy()
    assert np.linalg.norm(kernel, 2) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(layer(x), x @ kernel, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(layer.layer.kernel, kernel)


def test_the_gradient_of_a_normalized_kernel_is_the_one_where_it_now_is(backend):
    model = keras.Sequential(
        [keras.Input((4,)), layers.SpectralNormalization(layers.Dense(3))]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse")
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(6, n)).astype("float32") for n in (4, 3))
    kernel, bias = (v.numpy().astype(float) for v in model.trainable_variables)
    u = model.layers[0].vector_u.numpy().astype(float)
    v = u @ kernel.T / np.linalg.norm(u @ kernel.T)
    kernel /= np.linalg.norm(v @ kernel)
    slope = 2 * (x @ kernel + bias - y) / y.size
    model.train_on_batch(x, y)
    found = model.trainable_variables[0].numpy()
    np.testing.assert_allclose(found, kernel - 0.1 * x.T @ slope, rtol=1e-4, atol=1e-6)


def test_reshape_takes_none_for_the_size_to_work_out():
    assert layers.Reshape((None, 3))(ones(2, 6)).shape == (2, 2, 3)
    assert layers.Reshape((None, 3))(keras.Input((None, 6))).shape == (None, None, 3)


@pytest.mark.parametrize("name", ["JaxLayer", "FlaxLayer", "TorchModuleWrapper"])
def test_layers_of_other_frameworks_say_why_they_are_missing(name):
    with pytest.raises(AttributeError, match="cannot compile or differentiate"):
        getattr(layers, name)
    assert not hasattr(layers, "Nonsense")


def test_training_with_the_layers_that_keep_state(backend):
    """Compiled steps and plain Python do the same to renorm's and the power iteration's."""
    results = []
    for eagerly in (False, True):
        keras.utils.set_random_seed(3)
        model = keras.Sequential(
            [
                keras.Input((4,)),
                layers.SpectralNormalization(layers.Dense(3)),
                layers.BatchNormalization(renorm=True, renorm_clipping={"rmax": 2.0}),
                layers.Dense(1),
            ]
        )
        model.compile("sgd", "mse", run_eagerly=eagerly)
        x = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
        model.fit(x, x[:, :1], batch_size=4, epochs=2, shuffle=False, verbose=0)
        results.append(model.get_weights())
    for compiled, plain in zip(*results):
        np.testing.assert_allclose(compiled, plain, rtol=1e-4, atol=1e-5)
