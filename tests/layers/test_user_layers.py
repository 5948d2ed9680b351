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
