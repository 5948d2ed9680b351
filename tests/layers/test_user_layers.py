"""Layers that users write: without build(), with calls that shape things their way."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops
from tests.layers.case import resolved
from tests.layers.cases import CASES, data


class Holds(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(2)

    def call(self, inputs):
        return self.inner(inputs["a"] if isinstance(inputs, dict) else inputs)


def test_a_layer_without_build_remembers_the_shape_and_leaves_its_parts_to_a_call():
    x = np.ones((3, 4))
    plain = layers.Flatten()
    plain(x)
    assert plain.get_build_config() == {"input_shape": (3, 4)}
    named = Holds()
    named({"a": x, "b": [x]})
    assert named.get_build_config() == {
        "input_shape": {"a": (3, 4), "b": [(3, 4)]},
    }
    with keras.saving.custom_object_scope({"Holds": Holds}):
        twin = layers.deserialize(layers.serialize(named))
    assert not twin.built
    assert twin(x).shape == (3, 2)
    with pytest.warns(UserWarning, match="its class defines none"):
        Holds().build((None, 4))


def test_unfolded_where_a_user_s_call_may_mix_samples():
    class Centred(layers.Dense):
        def call(self, inputs, training=None):
            return inputs - ops.mean(inputs, axis=0)

    x = np.arange(12.0).reshape((2, 3, 2))
    out = layers.TimeDistributed(Centred(2))(x)
    np.testing.assert_allclose(out, x - x.mean(0), atol=1e-6)


def test_a_call_that_folds_unknown_axes_away_and_back():
    class EachStep(layers.Layer):
        def build(self, input_shape):
            self.inner = layers.Dense(2)

        def call(self, inputs):
            batch, steps = ops.shape(inputs)[:2]
            rows = ops.reshape(inputs, (batch * steps, -1))
            return ops.reshape(self.inner(rows), (batch, steps, -1))

    layer = EachStep()
    assert layer(keras.Input((None, 3))).shape == (None, None, 2)
    assert layer(np.ones((4, 5, 3))).shape == (4, 5, 2)


FIRST = {case.layer: case for case in reversed(CASES)}


@pytest.mark.filterwarnings("ignore:.*does not support masking")
@pytest.mark.parametrize("name", sorted(FIRST))
def test_a_build_of_one_s_own_is_called_whatever_the_base(name):
    seen = []

    class Mine(getattr(layers, name)):
        def build(self, *shapes, **named):
            seen.append(self.built)
            super().build(*shapes, **named)

    arguments = {k: resolved(keras, v) for k, v in FIRST[name].kwargs.items()}
    layer = Mine(**arguments)
    x = data(FIRST[name])
    assert layer(x) is not None and seen == [False] and layer.built
    layer(x)
    assert len(seen) == 1


class Positions(layers.Layer):
    """Adds 0, 1, 2, ... along the steps; its `call` cannot run on unknown lengths."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs):
        steps = np.arange(inputs.shape[1], dtype="float32")
        return inputs + self.scale * ops.reshape(steps, (1, -1, 1))

    def compute_output_shape(self, input_shape):
        return input_shape


class Masked(Positions):
    def __init__(self):
        super().__init__()
        self.supports_masking = True


def test_a_declared_shape_serves_in_place_of_a_call():
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, Positions()(inputs))
    assert model.output_shape == (None, None, 3) and model.count_params() == 1
    for steps in (2, 3):
        got = model.predict(np.zeros((1, steps, 3)), verbose=0)
        assert got[0, :, 0].tolist() == list(range(steps))
    ids = keras.Input((None,), dtype="int32")
    masked = Masked()(layers.Embedding(4, 3, mask_zero=True)(ids))
    assert masked._keras_mask is not None
    assert Positions().compute_output_shape((None, 5, 3)) == (None, 5, 3)


def test_a_declared_spec_serves_too_with_its_dtype():
    class Counts(layers.Layer):
        def call(self, x):
            raise AssertionError("it is not to run")

        def compute_output_spec(self, x):
            return {"n": keras.KerasTensor((x.shape[0], 7), dtype="int32")}

    made = Counts()(keras.Input((None, 3)))["n"]
    assert (made.shape, made.dtype) == ((None, 7), "int32")


def test_declared_shapes_of_several_arguments_and_through_super():
    class Two(layers.Layer):
        def call(self, a, b):
            raise AssertionError("it is not to run")

        def compute_output_shape(self, a_shape, b_shape):
            return [a_shape, (b_shape[0], 1)]

    class Same(layers.Dense):
        def compute_output_shape(self, input_shape):
            return super().compute_output_shape(input_shape)

    x = keras.Input((None, 3))
    assert [t.shape for t in Two()(x, keras.Input((5,)))] == [
        (None, None, 3),
        (None, 1),
    ]
    assert Same(4)(x).shape == (None, None, 4)
    assert Same(4).compute_output_shape((2, 3)) == (2, 4)


def test_layers_inside_a_layer_that_declares_are_built_where_a_call_can_run():
    class Outer(Holds):
        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 2)

    class Fixed(layers.Dense):
        """Works on sequences of 4 steps, whatever is known of them beforehand."""

        def call(self, inputs):
            return super().call(ops.reshape(inputs, (-1, 4, 3)))

    outer = Outer()
    assert outer(keras.Input((None, 3))).shape == (None, None, 2)
    assert len(outer.weights) == 2
    with pytest.raises(ValueError, match=r"\(Fixed\): matmul"):
        Fixed(2)(keras.Input((5, 4)))


def test_a_declared_shape_serves_inside_a_model_that_is_called_symbolically():
    """A position embedding in a backbone in a model: lengths are known with the data."""

    class Position(keras.layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(shape=(8, input_shape[-1]), name="table")

        def call(self, x):
            length = keras.ops.shape(x)[1]
            start, size = (0, 0), (length, keras.ops.shape(x)[2])
            return x + keras.ops.slice(self.table, start, size)

        def compute_output_shape(self, input_shape):
            return input_shape

    inputs = keras.Input((None, 3))
    backbone = keras.Model(inputs, Position()(inputs))
    outer = keras.Input((None, 3))
    model = keras.Model(outer, keras.layers.Dense(2)(backbone(outer)))
    assert model.output_shape == (None, None, 2)
    assert model(np.ones((2, 5, 3), "float32")).shape == (2, 5, 2)
    with pytest.raises(ValueError, match="'position"):
        model(np.ones((2, 9, 3), "float32"))


def test_a_call_of_one_s_own_says_the_shape_below_a_built_in_layer_too():
    class Twice(layers.Dense):
        def call(self, inputs):
            once = super().call(inputs)
            return ops.concatenate([once, once], axis=-1)

    assert Twice(3)(keras.Input((None, 4))).shape == (None, None, 6)


TAKEN = {
    "sliced": lambda table, length, width: table[:length],
    "slice": lambda table, length, width: ops.slice(table, (0, 0), (length, width)),
}


@pytest.mark.parametrize("how", TAKEN)
def test_as_much_as_an_unknown_length_is_unknown(how):
    """A table of positions is longer than what is tried for None, or shorter: either way."""

    class Position(layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(shape=(8, input_shape[-1]), name="table")

        def call(self, x):
            return x + TAKEN[how](self.table, *ops.shape(x)[1:])

    inputs = keras.Input((None, 3))
    outputs = Position()(inputs)
    assert outputs.shape == (None, None, 3)
    assert keras.Model(inputs, outputs)(np.ones((2, 5, 3), "float32")).shape == (
        2,
        5,
        3,
    )
    steps = layers.TimeDistributed(Position())(keras.Input((2, None, 3)))
    assert steps.shape == (None, 2, None, 3)


def halved(lib, rank, padding):
    class Halved(getattr(lib.layers, f"Conv{rank}D")):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel / 2)

    made = Halved(2, 2, padding=padding, kernel_initializer="ones", activation="relu")
    x = np.ones((1, *(3,) * rank, 1), "float32")
    return lib.ops.convert_to_numpy(made(x)).max()


@pytest.mark.parametrize("rank", [2, 3])
def test_a_convolution_of_ones_own_is_called(lib, rank):
    assert halved(lib, rank, "same") == 2.0**rank / 2


@pytest.mark.parametrize("padding", ["valid", "causal"])
def test_a_convolution_of_ones_own_along_time(padding):
    assert halved(keras, 1, padding) == 1.0  # keras 3.15 does not call it there


def test_a_merge_of_ones_own_is_called(lib):
    class Mean(lib.layers.Add):
        def _merge_function(self, inputs):
            return super()._merge_function(inputs) / len(inputs)

    found = Mean()([np.float32([[2.0]]), np.float32([[4.0]])])
    assert lib.ops.convert_to_numpy(found).tolist() == [[3.0]]


HOST = {
    "Hashing": (lambda kind: kind(3), np.array([["a"], ["b"]])),
    "HashedCrossing": (
        lambda kind: kind(3),
        (np.array(["a", "b"]), np.array(["c", "d"])),
    ),
    "StringLookup": (lambda kind: kind(vocabulary=["a"]), np.array([["a"], ["b"]])),
    "IntegerLookup": (lambda kind: kind(vocabulary=[1]), np.array([[1], [2]])),
    "TextVectorization": (lambda kind: kind(vocabulary=["a"]), np.array(["a b", "b"])),
}


@pytest.mark.parametrize("name", HOST)
def test_build_of_a_layer_of_text_is_called(name):
    make, data = HOST[name]
    shapes = []

    class Own(getattr(layers, name)):
        def build(self, input_shape=None):
            shapes.append(input_shape)
            super().build(input_shape)

    layer = make(Own)
    for _ in range(2):
        layer(data)
    shape = [(2,), (2,)] if name == "HashedCrossing" else data.shape
    assert shapes == [shape] and layer.built


def test_summary_shows_an_error_of_the_users():
    class Wrong(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(2,))

        def compute_output_shape(self, input_shape):
            raise KeyError("mine")

    class Holder(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = Wrong()

        def build(self, input_shape):
            self.inner.build(input_shape)

    model = Holder()
    model.build((None, 3))
    with pytest.raises(KeyError, match="mine"):
        model.summary()


def _hooked(lib):
    class Rows(lib.layers.SpatialDropout2D):
        def _get_noise_shape(self, inputs):
            return (inputs.shape[0], inputs.shape[1], 1, 1)

    class Centred(lib.layers.BatchNormalization):
        def _moments(self, inputs, mask):
            mean, variance = super()._moments(inputs, mask)
            return mean + 1.0, variance * 4.0

    return Rows, Centred


def test_noise_shapes_and_moments_of_ones_own_are_used(lib):
    rows, centred = _hooked(lib)
    x = np.random.default_rng(1).normal(size=(3, 4, 5, 2)).astype("float32")
    kept = np.asarray(rows(0.5, seed=3)(x, training=True)) / (2 * x)
    assert set(kept.round(4).ravel().tolist()) == {0.0, 1.0}
    np.testing.assert_array_equal(kept, np.broadcast_to(kept[:, :, :1, :1], x.shape))
    layer = centred(momentum=0.0, epsilon=0.0)
    made = layer(x, training=True)
    mean, variance = x.mean((0, 1, 2)) + 1, x.var((0, 1, 2)) * 4
    np.testing.assert_allclose(made, (x - mean) / np.sqrt(variance), atol=1e-4)
    np.testing.assert_allclose(layer.moving_mean, mean, atol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-4)


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
@pytest.mark.parametrize("backwards", [False, True])
def test_an_inner_loop_of_ones_own_is_called(lib, kind, backwards):
    base = getattr(lib.layers, kind)

    class Doubled(base):
        def inner_loop(self, sequences, initial_state, mask, training=False):
            last, every, states = super().inner_loop(
                sequences * 0.5, initial_state, mask, training=training
            )
            return last * 2, every * 2, [s + 1.0 for s in states]

    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 4, 3)).astype("float32")
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1]], bool)
    given = {
        "return_sequences": backwards,
        "return_state": True,
        "go_backwards": backwards,
    }
    plain, doubled = base(3, **given), Doubled(3, **given)
    plain.build(x.shape)
    doubled.build(x.shape)
    doubled.set_weights(plain.get_weights())
    for found in (None, mask):
        wanted, *states = plain(x * 0.5, mask=found)
        made, *after = doubled(x, mask=found)
        np.testing.assert_allclose(made, np.asarray(wanted) * 2, atol=1e-5)
        for one, other in zip(after, states, strict=True):
            np.testing.assert_allclose(one, np.asarray(other) + 1, atol=1e-5)
