"""Layer itself: building, tracking, freezing, losses, configs, errors."""

import copy
import pickle

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops
from minikeras.engine.aval import ShapeError


class Scale(layers.Layer):
    def build(self, input_shape):
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        return inputs * self.factor


class Nest(layers.Layer):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.blocks = []
        self.head = layers.Dense(units, name="head")
        self.blocks.append(layers.Dense(3, name="first"))
        self.named = {"b": layers.Dense(4, name="second")}

    def call(self, inputs, training=False):
        return self.head(self.named["b"](self.blocks[0](inputs)))


def ones(*shape):
    return np.ones(shape, "float32")


def test_build_on_first_call():
    layer = Scale()
    assert not layer.built
    assert layer.variables == []
    np.testing.assert_array_equal(layer(ones(2, 3)), ones(2, 3))
    assert layer.built
    assert layer.factor.shape == (3,)
    assert layer.get_build_config() == {"input_shape": (2, 3)}


def test_paths_and_order_follow_the_calls_and_the_attributes():
    layer = Nest(name="nest")
    layer(ones(1, 5))
    assert [v.path for v in layer.variables] == [
        f"nest/{name}/{part}"
        for name in ("head", "first", "second")
        for part in ("kernel", "bias")
    ]
    assert layer.head.path == "nest/head"


def test_what_is_put_into_lists_and_dicts_is_found_and_forgotten():
    layer = layers.Layer()
    layer.parts = [layers.Dense(1), {"a": layers.Dense(2)}, (layers.Dense(3),)]
    layer.table = {"x": keras.Variable([1.0])}
    assert [p.units for p in layer._layers] == [1, 2, 3]
    layer.parts.extend([layers.Dense(4)])
    assert [p.units for p in layer._layers] == [1, 2, 3, 4]
    layer.parts.pop(0)
    assert [p.units for p in layer._layers] == [2, 3, 4]
    assert len(layer.trainable_variables) == 1
    del layer.table["x"]
    assert layer.variables == []


def test_one_layer_in_two_places_counts_once():
    layer = layers.Layer()
    layer.a = layer.b = shared = layers.Dense(2)
    layer.many = [shared, shared]
    shared.build((None, 3))
    assert len(layer.weights) == 2


def test_freezing_reaches_all_parts():
    layer = Nest()
    layer(ones(1, 5))
    assert len(layer.trainable_weights) == 6
    layer.head.trainable = False
    assert len(layer.trainable_weights) == 4
    assert len(layer.non_trainable_weights) == 2
    layer.trainable = False
    assert layer.trainable_variables == []
    assert len(layer.non_trainable_variables) == 6
    assert not layer.blocks[0].kernel.trainable
    layer.trainable = True
    assert len(layer.trainable_weights) == 6


def test_frozen_before_building():
    layer = layers.Dense(2, trainable=False)
    layer(ones(1, 3))
    assert layer.trainable_variables == []
    assert len(layer.non_trainable_variables) == 2


def test_a_built_layer_takes_no_more_state():
    layer = layers.Dense(2)
    layer(ones(1, 3))
    with pytest.raises(ValueError, match=r"layer 'dense.*' \(Dense\) is built"):
        layer.extra = layers.Dense(2)
    assert len(layer.weights) == 2


def test_a_build_that_fails_leaves_nothing_behind():
    class Half(layers.Layer):
        def build(self, input_shape):
            self.a = self.add_weight(shape=(1,))
            raise ValueError("no")

        def call(self, x):
            return x

    layer = Half()
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            layer(ones(1, 1))
        assert not layer.built
        assert layer.variables == []
        assert not hasattr(layer, "a")


def test_training_flag_reaches_parts_and_goes_back():
    seen = []

    class Probe(layers.Layer):
        def call(self, x, training=None):
            seen.append(training)
            return x

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = Probe(), Probe(), Probe()

        def call(self, x):
            return self.c(self.b(self.a(x), training=False))

    outer = Outer()
    outer(ones(1, 1), training=True)
    assert seen == [True, False, True]
    seen.clear()
    outer(ones(1, 1))
    assert seen == [None, False, None]


def test_losses_are_those_of_the_last_call():
    class Fine(layers.Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            return x

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.fine = Fine()
            self.dense = layers.Dense(
                1,
                kernel_initializer="ones",
                kernel_regularizer=keras.regularizers.L2(0.5),
            )

        def call(self, x):
            return self.dense(self.fine(x))

    outer = Outer()
    for _ in range(2):
        outer(ones(2, 3))
        assert [float(v) for v in outer.losses] == [6.0, 1.5]
    outer.fine(ones(1, 1))
    assert float(outer.fine.losses[0]) == 1.0


def test_activity_regularizer():
    layer = layers.Dense(
        2, kernel_initializer="ones", activity_regularizer=keras.regularizers.L1(0.1)
    )
    layer(ones(1, 3))
    assert float(layer.losses[0]) == pytest.approx(0.6)


def test_symbolic_calls_leave_no_losses():
    layer = layers.ActivityRegularization(l1=1.0)
    layer(keras.Input((3,)))
    assert layer.losses == []


def test_set_weights_checks_all_before_it_changes_any():
    layer = layers.Dense(2)
    layer(ones(1, 3))
    before = layer.get_weights()
    with pytest.raises(ValueError, match="got 1 arrays, expected 2"):
        layer.set_weights([ones(3, 2)])
    with pytest.raises(ValueError, match=r"'dense.*/bias' has shape \(2,\)"):
        layer.set_weights([ones(3, 2) * 9, ones(3)])
    for a, b in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="not built yet"):
        layers.Dense(2).set_weights([ones(3, 2), ones(2)])


def test_add_weight_forms():
    layer = layers.Layer()
    assert layer.add_weight((2, 3)).shape == (2, 3)
    assert layer.add_weight("w", (2,)).name == "w"
    v = layer.add_weight(shape=(), dtype="int32", trainable=False, name="count")
    assert (v.numpy(), v.dtype, v.trainable) == (0, "int32", False)
    v = layer.add_weight(shape=(2,), regularizer="l2", constraint="non_neg")
    assert v.regularizer is not None
    assert v.constraint is not None


def test_stateless_call_leaves_the_layer_alone():
    layer = layers.BatchNormalization()
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    layer(x)
    before = layer.get_weights()
    gamma, beta = [np.full(3, 2.0), np.full(3, 1.0)]
    out, after = layer.stateless_call(
        [gamma, beta], [np.zeros(3), np.ones(3)], x, training=True
    )
    for a, b in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(after[0], 0.01 * x.mean(0), rtol=1e-4)
    np.testing.assert_allclose(out.numpy().mean(0), 1.0, atol=1e-5)
    with pytest.raises(ValueError, match="got 1 trainable_variables, expected 2"):
        layer.stateless_call([gamma], [np.zeros(3), np.ones(3)], x)
    with pytest.raises(ValueError, match="not built"):
        layers.Dense(2).stateless_call([], [], x)


def test_config_without_get_config():
    class Plain(layers.Layer):
        def __init__(self, size, flag=True, **kwargs):
            super().__init__(**kwargs)
            self.size = size
            self.flag = flag

    class Bare(layers.Layer):
        def __init__(self, size):
            super().__init__()
            self.size = size

    layer = Plain(3, name="p", trainable=False)
    twin = Plain.from_config(layer.get_config())
    assert (twin.size, twin.flag, twin.name, twin.trainable) == (3, True, "p", False)
    layer = Bare(4)
    assert Bare.from_config(layer.get_config()).name == layer.name


def test_copies_and_pickles_are_apart():
    layer = Nest(units=2)
    x = ones(1, 5)
    y = layer(x).numpy()
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(twin(x), y)
        twin.head.kernel.assign(twin.head.kernel * 0)
        assert not np.array_equal(twin(x).numpy(), y)
        np.testing.assert_array_equal(layer(x), y)
        assert len(twin.weights) == 6
        assert twin.blocks[0] is twin._layers[1]


def test_arrays_are_cast_to_the_compute_dtype():
    layer = layers.Identity()
    assert layer(np.ones((1, 2))).dtype == "float32"
    assert layer(np.ones((1, 2), "int32")).dtype == "int32"
    assert layers.Identity(dtype="float64")(ones(1, 2)).dtype == "float64"
    assert layers.Identity(autocast=False)(np.ones((1, 2))).dtype == "float64"


def test_mixed_precision_keeps_the_policy():
    layer = layers.Dense(2, dtype="mixed_bfloat16")
    with pytest.warns(UserWarning, match="computes in float32") as caught:
        out = layer(ones(1, 3))
    assert len(caught) == 1
    layer(ones(1, 3))  # once is enough
    assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")
    assert out.dtype == "float32"
    assert layer.kernel.dtype == "float32"
    assert layer.get_config()["dtype"]["config"] == {"name": "mixed_bfloat16"}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_layers(dtype):
    layer = layers.Dense(2, dtype=dtype)
    assert layer(ones(1, 3)).dtype == dtype
    assert layer.kernel.dtype == dtype


def test_global_policy(monkeypatch):
    monkeypatch.setattr("minikeras.dtype_policies.finding._global_policy", None)
    assert layers.Dense(1).dtype == "float32"
    keras.config.set_floatx("float16")
    try:
        assert layers.Dense(1).dtype == keras.DTypePolicy().name == "float16"
    finally:
        keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float64")
    assert layers.Dense(1).dtype == keras.DTypePolicy().name == "float64"
    with pytest.raises(ValueError, match="policy=None; expected a DTypePolicy"):
        keras.config.set_dtype_policy(None)
    assert keras.config.dtype_policy().name == "float64"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.Dense(0), "units=0; expected a positive integer"),
        (lambda: layers.Dense(2, foo=1), r"unknown arguments \{'foo': 1\}. Known"),
        (lambda: layers.LSTM(2, stateles=1), "Did you mean 'stateful'"),
        (lambda: keras.Model(imputs=1), "Did you mean 'inputs'"),
        (lambda: layers.Dense(2, name="a/b"), "without '/'"),
        (lambda: layers.Dense(2)([1.0, 2.0]), "Convert data with numpy.array"),
        (lambda: layers.Dense(2)(ones(3)), "expected min_ndim=2, found ndim=1"),
        (lambda: layers.Dense(2).count_params(), "not built"),
        (lambda: layers.Dense(2, dtype="float33"), "Did you mean 'float32'"),
        (lambda: layers.Conv2D(2, 3, padding="full"), "expected 'valid' or 'same'"),
        (lambda: layers.Conv2D(2, (3, 3, 3)), "expected an integer or 2 of them"),
        (lambda: layers.Conv2D(3, 3, groups=2), "not divisible by groups=2"),
        (lambda: layers.Conv2D(2, 3, strides=2, dilation_rate=2), "only one of them"),
        (lambda: layers.Conv2D(2, 3)(ones(1, 2, 2, 1)), r"Layer 'conv2d.*' \(Conv2D\)"),
        (lambda: layers.MaxPooling2D(data_format="x")(1), "channels_first"),
        (lambda: layers.Dropout(1.5), "between 0 and 1. Received: rate=1.5"),
        (lambda: layers.Add()(ones(1, 2)), "expected a list of tensors"),
        (lambda: layers.Add()([ones(1, 2), ones(1, 3)]), "cannot be broadcast"),
        (lambda: layers.Add()([ones(1, 2), ones(3, 2)]), r"batch sizes \[1, 3\]"),
        (lambda: layers.Subtract()([ones(1, 2)] * 3), "expected exactly 2"),
        (lambda: layers.Dot(axes=1)([ones(1, 2), ones(1, 3)]), "expected equal sizes"),
        (lambda: layers.Reshape((4,))(ones(1, 3)), "numbers of values differ"),
        (lambda: layers.Permute((0, 1)), "expected the numbers 1 to 2"),
        (lambda: layers.Cropping1D(3)(ones(1, 5, 1)), "leaves nothing"),
        (lambda: layers.Embedding(3, 0), "output_dim=0"),
        (lambda: layers.Activation("swoosh"), "swoosh"),
        (lambda: layers.Layer()(ones(1, 1)), "no call"),
        (lambda: layers.Dense(1)(keras.Input((None,))), "last axis"),
        (lambda: layers.BatchNormalization(axis=4)(ones(1, 2)), "axis=4 is not there"),
        (lambda: layers.Input(), "either shape"),
        (lambda: layers.Input((2.5,)), "sizes that are integers"),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises((ValueError, NotImplementedError), match=message):
        call()


def test_shape_errors_name_the_innermost_layer():
    class Outer(layers.Layer):
        def __init__(self):
            super().__init__(name="outer")
            self.inner = layers.Conv2D(2, 5, name="inner")

        def call(self, x):
            return self.inner(x)

    with pytest.raises(ShapeError, match=r"^Layer 'inner' \(Conv2D\): conv") as caught:
        Outer()(ones(1, 3, 3, 1))
    assert "outer" not in str(caught.value)


def test_init_without_super():
    class Bad(layers.Layer):
        def __init__(self):
            self.units = 3

    with pytest.raises(RuntimeError, match=r"did not call super\(\).__init__"):
        Bad()(ones(1, 1))


def test_value_dependent_call_needs_a_declared_shape():
    class Peek(layers.Layer):
        def call(self, x):
            return x * 2 if float(ops.sum(x)) > 0 else x

    class Declared(Peek):
        def compute_output_shape(self, input_shape):
            return input_shape

    assert Declared()(keras.Input((3,))).shape == (None, 3)
    with pytest.raises(TypeError, match="compute_output_shape"):
        Peek()(keras.Input((3,)))
    np.testing.assert_array_equal(Peek()(ones(1, 3)), 2 * ones(1, 3))


def test_lambda_goes_through_config_by_name_or_in_unsafe_mode():
    @keras.saving.register_keras_serializable(package="tests")
    def twice(x):
        return 2 * x

    config = layers.serialize(layers.Lambda(twice))
    np.testing.assert_array_equal(layers.deserialize(config)(ones(1)), [2.0])
    with pytest.warns(UserWarning, match="lambda"):
        config = layers.serialize(layers.Lambda(lambda x, k: x * k, arguments={"k": 3}))
    with pytest.raises(ValueError, match="safe_mode=False"):
        layers.deserialize(config)
    made = keras.saving.deserialize_keras_object(config, safe_mode=False)
    np.testing.assert_array_equal(made(ones(1)), [3.0])


def test_sum_pooling():
    x = np.arange(16.0, dtype="float32").reshape(1, 4, 4, 1)
    got = layers.SumPooling2D()(x).numpy()[0, :, :, 0]
    np.testing.assert_array_equal(got, [[10, 18], [42, 50]])
    config = layers.serialize(layers.SumPooling2D(3))
    assert config["module"] == "minikeras.layers"
    assert layers.deserialize(config).pool_size == (3, 3)


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [("Dropout", {"rate": 0.25}), ("SpatialDropout1D", {"rate": 0.25}),
     ("GaussianNoise", {"stddev": 0.5}), ("GaussianDropout", {"rate": 0.2}),
     ("AlphaDropout", {"rate": 0.2})],
)  # fmt: skip
def test_noise_in_training_only(name, kwargs, backend):
    x = np.random.default_rng(0).normal(1, 1, (40, 30, 40)).astype("float32")
    layer = getattr(layers, name)(**kwargs, seed=3)
    np.testing.assert_array_equal(layer(x), x)
    first, second = layer(x, training=True), layer(x, training=True)
    assert not np.array_equal(first.numpy(), second.numpy())
    again = getattr(layers, name)(**kwargs, seed=3)(x, training=True)
    np.testing.assert_array_equal(first, again)
    # All of them keep the mean; AlphaDropout does so for standard normal inputs.
    if name == "AlphaDropout":
        first, x = layer(x - 1, training=True), x - 1
        assert float(ops.std(first)) == pytest.approx(1, abs=0.02)
    # A spatial mask has few independent elements.
    near = 0.06 if name == "SpatialDropout1D" else 0.02
    assert float(ops.mean(first)) == pytest.approx(float(x.mean()), abs=near)


@pytest.mark.parametrize("mode", ["full", "activations", None])
def test_rematerialized_call_gives_what_the_call_gives(lib, mode):
    layer = lib.layers.Dense(2)
    x = np.ones((1, 3), "float32")
    with lib.RematScope(mode=mode):
        call = layer.rematerialized_call(lambda v: v + 1.0, x)
        assert np.asarray(call(x)).tolist() == [[2.0, 2.0, 2.0]]


def test_an_input_layer_around_a_tensor_of_another_shape(lib):
    tensor = lib.Input((3,))
    assert lib.layers.InputLayer((3,), input_tensor=tensor).batch_shape == (None, 3)
    with pytest.raises(ValueError, match="input_tensor"):
        lib.layers.InputLayer((4,), input_tensor=tensor)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_use_cudnn_is_kept_as_it_was_given(lib, kind):
    kind = getattr(lib.layers, kind)
    both = lib.layers.Bidirectional(kind(2, use_cudnn=True))
    assert both.forward_layer.use_cudnn in (True, "auto")
    assert kind(2).use_cudnn == "auto" and kind(2, use_cudnn=False).use_cudnn is False
    assert "use_cudnn" not in kind(2).get_config()


def test_adapters_add_state_to_a_built_layer():
    """As KerasHub and others do: unlock, add, lock again."""
    layer = layers.Dense(2)
    layer(ones(1, 3))
    layer._tracker.unlock()
    layer.adapter = layer.add_weight(shape=(3, 1), name="adapter")
    layer._tracker.lock()
    assert [w.name for w in layer.weights] == ["kernel", "bias", "adapter"]
    with pytest.raises(ValueError, match=r"\(Dense\) is built"):
        layer.add_weight(shape=(3,))
    layer._tracker.lock("not in here")
    with pytest.raises(ValueError, match="not in here"):
        layer.more = [layers.Dense(2)]
    assert len(layer.weights) == 3


def test_a_variable_is_taken_out_of_a_layer_and_put_back():
    layer = layers.Dense(2)
    layer(ones(1, 3))
    bias = layer.bias
    layer._untrack_variable(bias)  # locked or not
    assert [w.name for w in layer.weights] == ["kernel"]
    layer._untrack_variable(bias)
    with pytest.raises(ValueError, match=r"\(Dense\) is built"):
        layer._track_variable(bias)
    layer._tracker.unlock()
    for _ in range(2):
        layer._track_variable(bias)
    assert [w.name for w in layer.weights] == ["kernel", "bias"]
    assert layer.trainable_variables[1] is bias


def test_a_layer_may_say_that_it_is_built_at_once():
    class Gain(layers.Layer):
        def __init__(self):
            super().__init__()
            self.gain = self.add_weight(shape=(), initializer="ones")
            self._build_at_init()

        def call(self, x):
            return x * self.gain

    class Later(Gain):
        def build(self, input_shape):
            self.offset = self.add_weight(shape=input_shape[-1:])

    assert Gain().built and not Later().built
    layer = Later()
    layer(ones(1, 3))
    assert layer.offset.shape == (3,)
