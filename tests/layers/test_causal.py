"""Causal padding: no output sees a later step."""

import json

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers

KINDS = {
    "Conv1D": {"filters": 3},
    "SeparableConv1D": {"filters": 3, "depth_multiplier": 2},
}


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (1, 3), (2, 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_see_what_came_before(backend, kind, strides, dilation, data_format):
    layer = getattr(layers, kind)(
        kernel_size=3, strides=strides, dilation_rate=dilation, padding="causal",
        data_format=data_format, **KINDS[kind],
    )  # fmt: skip
    draw = np.random.default_rng(0)
    x = draw.normal(size=(2, 9, 4)).astype("float32")
    first = data_format == "channels_first"

    def run(steps):
        made = np.asarray(layer(np.swapaxes(steps, 1, 2) if first else steps))
        return np.swapaxes(made, 1, 2) if first else made

    whole = run(x)
    assert whole.shape == (2, -(-9 // strides), 3)
    assert layer.compute_output_shape((2, 4, 9) if first else (2, 9, 4)) == (
        (2, 3, -(-9 // strides)) if first else (2, -(-9 // strides), 3)
    )
    # The window of the first step holds zeros and that step alone; later ones as "valid".
    other = x.copy()
    other[:, 5:] = draw.normal(size=(2, 4, 4))
    kept = -(-5 // strides)
    np.testing.assert_allclose(run(other)[:, :kept], whole[:, :kept], atol=1e-6)
    config = {**layer.get_config(), "padding": "valid", "name": "plain"}
    plain = getattr(layers, kind).from_config(config)
    padded = np.pad(x, ((0, 0), (2 * dilation, 0), (0, 0)))
    padded = np.swapaxes(padded, 1, 2) if first else padded
    plain.build(padded.shape)
    plain.set_weights(layer.get_weights())
    wanted = np.asarray(plain(padded))
    wanted = np.swapaxes(wanted, 1, 2) if first else wanted
    np.testing.assert_allclose(whole, wanted, atol=1e-6)


def test_a_model_of_keras_2_with_a_causal_separable_convolution():
    config = {
        "class_name": "Sequential",
        "keras_version": "2.15.0",
        "backend": "tensorflow",
        "config": {
            "name": "old",
            "layers": [
                {
                    "class_name": "SeparableConv1D",
                    "config": {
                        "name": "sep", "batch_input_shape": [None, 8, 2], "filters": 3,
                        "kernel_size": [2], "padding": "causal", "dtype": "float32",
                        "dilation_rate": [2],
                    },
                }
            ],
        },
    }  # fmt: skip
    model = keras.models.model_from_json(json.dumps(config))
    assert model.predict(np.ones((1, 8, 2)), verbose=0).shape == (1, 8, 3)
