"""Variables whose first values are made at the end of a block, or when asked for."""

import gc
import json
import threading

import numpy as np
import pytest

import minikeras as keras
from minikeras.engine.pending import PendingState
from minikeras.engine.state import State
from minikeras.variable import Variable, values_later


class Counted(keras.initializers.Initializer):
    """Ones, and how often it was asked for some."""

    def __init__(self):
        self.calls = []

    def __call__(self, shape, dtype=None):
        self.calls.append(tuple(shape))
        return keras.ops.ones(shape, dtype)


def _never_ended(initializer, shape):
    kept = []

    def fail():
        with values_later():
            kept.append(Variable(initializer, shape))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    return kept[0]


def test_values_are_made_in_order_at_the_end():
    ones = Counted()
    with values_later():
        first = Variable(ones, (2, 3))
        second = Variable(ones, (4,), "int32")
        assert (first.shape, first.dtype) == ((2, 3), "float32")
        assert (second.shape, second.dtype) == ((4,), "int32")
        assert not ones.calls
    assert ones.calls == [(2, 3), (4,)]
    assert type(first.state) is type(second.state) is State
    np.testing.assert_array_equal(second.numpy(), [1, 1, 1, 1])


def test_what_is_asked_for_is_made_then():
    ones = Counted()
    with values_later():
        variable, other = Variable(ones, (2,)), Variable(ones, (3,))
        assert variable.numpy().tolist() == [1, 1]
        other.assign_add([1.0, 2.0, 3.0])
        assert type(variable.state) is type(other.state) is State
    assert ones.calls == [(2,), (3,)]
    assert other.numpy().tolist() == [2, 3, 4]


def test_what_is_assigned_or_gone_is_never_made():
    ones = Counted()
    with values_later():
        variable, gone = Variable(ones, (2,)), Variable(ones, (5,))
        variable.assign([3.0, 4.0])
        del gone
        gc.collect()
    assert not ones.calls
    assert variable.numpy().tolist() == [3, 4]


def test_a_block_that_fails_makes_nothing():
    ones = Counted()
    variable = _never_ended(ones, (2,))
    assert not ones.calls
    assert type(variable.state) is PendingState
    assert variable.numpy().tolist() == [1, 1]


def test_blocks_in_blocks_end_with_the_outer_one():
    ones = Counted()
    with values_later():
        with values_later():
            Variable(ones, (2,))
            kept = Variable(ones, (3,))
        assert not ones.calls
    assert ones.calls == [(3,)]
    assert kept.numpy().tolist() == [1, 1, 1]


def test_symbolic_calls_need_no_values_and_compiled_ones_do():
    ones = Counted()
    with values_later():
        layer = keras.layers.Dense(2, kernel_initializer=ones)
        inputs = keras.Input((3,))
        model = keras.Model(inputs, layer(inputs))
        assert not ones.calls
        found = model.predict(np.ones((1, 3), "float32"), verbose=0)
    np.testing.assert_array_equal(found, [[3, 3]])
    assert ones.calls == [(3, 2)]


def test_threads_that_ask_at_once_get_the_same_value():
    rng = keras.random.SeedGenerator(3)
    draw = keras.initializers.RandomNormal(seed=rng)
    variable = _never_ended(draw, (300, 300))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(variable.numpy()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for array in found:
        np.testing.assert_array_equal(array, found[0])


def test_an_initializer_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"expected \(2,\)"), values_later():
        kept = Variable(lambda shape, dtype: np.ones((3,), dtype), (2,))
    assert kept.shape == (2,)


def test_a_model_of_a_text_has_the_bits_of_one_that_was_made():
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [keras.Input((5, 4)), keras.layers.LSTM(3), keras.layers.Dense(2)]
    )
    text = model.to_json()
    keras.utils.set_random_seed(9)
    config = json.loads(text)
    made = keras.Sequential.from_config(config["config"])
    made_next = keras.random.uniform((2,)).numpy()
    keras.utils.set_random_seed(9)
    read = keras.models.model_from_json(text)
    for expected, found in zip(made.get_weights(), read.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(keras.random.uniform((2,)).numpy(), made_next)


def test_nothing_is_drawn_for_what_a_file_has(tmp_path):
    ones = Counted()

    @keras.saving.register_keras_serializable("pending")
    class Mine(keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight((shape[-1], 40), ones)
            self.built = True

        def call(self, x):
            return x @ self.kernel

    model = keras.Sequential([keras.Input((30,)), Mine()])
    model.save(tmp_path / "m.keras")
    ones.calls.clear()
    keras.saving.load_model(tmp_path / "m.keras")
    assert not ones.calls
