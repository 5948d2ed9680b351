"""Configs that Keras 3 wrote, and those of Keras 2, load; dead arguments are named once."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, models
from tests.goldens.oracle import keras as real_keras
from tests.layers.case import made
from tests.layers.goldens import OWN_CASES
from tests.saving.old_layers import OLD_LAYERS

HERE = Path(__file__).parent


def old(class_name, name, inbound=None, **config):
    """A layer as Keras 2 wrote it."""
    found = {
        "class_name": class_name,
        "config": {"name": name, "trainable": True, "dtype": "float32", **config},
    }
    return (
        found if inbound is None else {**found, "name": name, "inbound_nodes": inbound}
    )


def old_initializer(class_name, **config):
    return {"class_name": class_name, "config": config}


OLD_DENSE = {
    "units": 3,
    "activation": "relu",
    "use_bias": True,
    "kernel_initializer": old_initializer("GlorotUniform", seed=None),
    "bias_initializer": old_initializer("Zeros"),
    "kernel_regularizer": old_initializer("L2", l2=0.01),
    "bias_regularizer": None,
    "activity_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
}
OLD_DEPTHWISE = {
    "batch_input_shape": [None, 8, 8, 3],
    "kernel_size": [3, 3],
    "strides": [1, 1],
    "padding": "same",
    "data_format": "channels_last",
    "dilation_rate": [1, 1],
    "groups": 1,
    "activation": "linear",
    "use_bias": True,
    "bias_initializer": old_initializer("Zeros"),
    "depth_multiplier": 2,
    "depthwise_initializer": old_initializer("GlorotUniform", seed=None),
}


def loaded(config):
    text = {**config, "keras_version": "2.12.0", "backend": "tensorflow"}
    return models.model_from_json(json.dumps(text))


def test_sequential_of_keras_2():
    config = {
        "class_name": "Sequential",
        "config": {
            "name": "seq",
            "layers": [
                old("InputLayer", "in", batch_input_shape=[None, 5], sparse=False,
                    ragged=False),
                old("Dense", "hidden", **OLD_DENSE),
                old("BatchNormalization", "bn", axis=[1], momentum=0.9, epsilon=0.01),
                old("LeakyReLU", "leaky", alpha=0.2),
                old("Dropout", "drop", rate=0.5, noise_shape=None, seed=None),
            ],
        },
    }  # fmt: skip
    model = loaded(config)
    assert [layer.name for layer in model.layers] == ["hidden", "bn", "leaky", "drop"]
    assert model.output_shape == (None, 3)
    assert float(model.layers[0].kernel_regularizer.l2) == pytest.approx(0.01)
    assert model.layers[2].negative_slope == 0.2
    listed = {"class_name": "Sequential", "config": config["config"]["layers"]}
    assert loaded(listed).output_shape == (None, 3)


def test_dead_arguments_are_left_out_with_one_warning():
    config = {
        "class_name": "Sequential",
        "config": {
            "name": "seq",
            "layers": [
                old("DepthwiseConv2D", "one", **OLD_DEPTHWISE),
                old("DepthwiseConv2D", "two", **OLD_DEPTHWISE),
                old("BatchNormalization", "bn", axis=[3], fused=True),
            ],
        },
    }
    with pytest.warns(UserWarning, match="older Keras") as caught:
        model = loaded(config)
    (note,) = [str(w.message) for w in caught]
    assert "DepthwiseConv2D(groups), BatchNormalization(fused)." in note
    assert model.output_shape == (None, 8, 8, 12)
    with pytest.warns(UserWarning, match=r"Embedding\(input_length\)"):
        made = layers.Embedding.from_config(
            {"input_dim": 3, "output_dim": 2, "input_length": 4}
        )
    assert made.output_dim == 2


def test_an_argument_that_meant_something_is_not_dropped():
    with pytest.raises(ValueError, match="groups"):
        layers.DepthwiseConv2D.from_config({**OLD_DEPTHWISE, "name": "d", "groups": 3})
    with pytest.raises(ValueError, match="unknown arguments"):
        layers.Dense.from_config({"units": 3, "unit": 3})


def test_functional_of_keras_2():
    config = {
        "class_name": "Functional",
        "config": {
            "name": "two",
            "layers": [
                old("InputLayer", "a", [], batch_input_shape=[None, 4]),
                old("InputLayer", "b", [], batch_input_shape=[None, 4]),
                old("Dense", "d", [[["a", 0, 0, {}]], [["b", 0, 0, {}]]], **OLD_DENSE),
                old("Concatenate", "c", [[["d", 0, 0, {}], ["d", 1, 0, {}]]], axis=-1),
                old("Dropout", "drop", [[["c", 0, 0, {"training": False}]]], rate=0.5),
            ],
            "input_layers": [["a", 0, 0], ["b", 0, 0]],
            "output_layers": [["drop", 0, 0]],
        },
    }
    for class_name in ("Functional", "Model"):
        model = loaded({**config, "class_name": class_name})
        assert isinstance(model, models.Functional)
        x = np.ones((2, 4), "float32")
        out = model([x, 2 * x])
        dense = model.get_layer("d")
        want = np.hstack([dense(x), dense(2 * x)])
        np.testing.assert_allclose(out, want, rtol=1e-6)
    twin = models.model_from_json(model.to_json())
    assert twin.input_names == ["a", "b"]


@pytest.mark.parametrize(
    "module",
    ["keras.layers.core.dense", "keras.src.layers.core.dense", "tf_keras.layers",
     "tensorflow.keras.layers", "tensorflow.python.keras.layers.core"],
)  # fmt: skip
def test_modules_of_other_versions(module):
    config = {**old("Dense", "d", **OLD_DENSE), "module": module}
    config["config"]["dtype"] = {
        "class_name": "Policy",
        "config": {"name": "mixed_float16"},
        "module": "keras.mixed_precision",
    }
    layer = keras.saving.deserialize_keras_object(config)
    assert type(layer) is layers.Dense
    assert (layer.units, layer.dtype_policy.name) == (3, "mixed_float16")


def test_lambda_of_keras_2():
    @keras.saving.register_keras_serializable(package="Custom", name="thrice")
    def thrice(x):
        return 3 * x

    config = old(
        "Lambda", "l", function="Custom>thrice", function_type="function",
        module="__main__", output_shape=None, output_shape_type="raw",
        output_shape_module=None, arguments={},
    )  # fmt: skip
    layer = keras.saving.deserialize_keras_object(config)
    np.testing.assert_array_equal(layer(np.ones(1, "float32")), [3.0])
    config["config"].update(function=["4wEAAAA=", None, None], function_type="lambda")
    with pytest.raises(ValueError, match="safe mode"):
        keras.saving.deserialize_keras_object(config)


@pytest.mark.filterwarnings("ignore:A Python lambda")
def test_unsafe_deserialization_may_be_allowed_for_all(monkeypatch):
    config = layers.serialize(layers.Lambda(lambda x: x + 2))
    with pytest.raises(ValueError, match="safe mode"):
        layers.deserialize(config)
    monkeypatch.setattr("minikeras.saving.functions._trusted", False)  # put back after
    keras.config.enable_unsafe_deserialization()
    np.testing.assert_array_equal(layers.deserialize(config)(np.ones(1, "float32")), 3)


@pytest.mark.filterwarnings("ignore:Policy")
def test_functional_of_keras_3():
    model = models.model_from_json((HERE / "keras3_functional.json").read_text())
    assert model.input_names == ["a", "b"]
    assert model.output_shape == (None, 1)
    assert model.get_layer("d").dtype_policy.name == "mixed_float16"
    x = np.ones((2, 8), "float32")
    assert model([x, x])["out"].shape == (2, 1)
    assert model.count_params() == 8 * 4 + 4 + 4 * 8 + 8 + 1


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype")
@pytest.mark.parametrize("case", OWN_CASES, ids=lambda case: case.id)
def test_every_layer_takes_what_keras_writes(case):
    library = real_keras()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = json.loads(json.dumps(library.layers.serialize(made(library, case))))
    layer = layers.deserialize(theirs)
    assert type(layer).__name__ == case.layer
    ours = json.loads(json.dumps(layers.serialize(layer)))
    assert {k: ours["config"][k] for k in theirs["config"]} == theirs["config"]


@pytest.mark.filterwarnings("ignore:This config is of an older Keras")
@pytest.mark.parametrize(
    ("name", "config", "shape"),
    OLD_LAYERS,
    ids=[f"{name}{i}" for i, (name, _, _) in enumerate(OLD_LAYERS)],
)
def test_every_layer_takes_what_keras_2_wrote(name, config, shape):
    made = layers.deserialize(old(name, "named", **config))
    assert (made.name, made.dtype) == ("named", "float32")
    several = isinstance(shape, list)
    x = [np.ones(s, "float32") for s in shape] if several else np.ones(shape, "float32")
    args = [x, x] if name == "MultiHeadAttention" else [x]
    out = made(*args)
    assert out.shape[0] == (shape[0][0] if several else shape[0])
    assert layers.deserialize(layers.serialize(made)).get_config() == made.get_config()
