"""Arguments of the networks: what fits, and the one clear error for what does not."""

import subprocess
import sys

import numpy as np
import pytest

import minikeras as keras
from minikeras import applications
from minikeras.applications.convnext import LayerScale
from minikeras.applications.inception_resnet_v2 import CustomScaleLayer
from minikeras.initializers.base import undrawn
from tests.applications import outlines

BAD = {
    "weights": ({"weights": "imagnet"}, "'imagenet', or the path"),
    "weights of another type": ({"weights": 3}, "'imagenet', or the path"),
    "a missing file": ({"weights": "/no/such/file.weights.h5"}, "a file that exists"),
    "classes": ({"weights": "imagenet", "classes": 10}, "classes=1000"),
    "activation": (
        {"weights": "imagenet", "classifier_activation": "relu"},
        "'softmax' or None",
    ),
    "channels": (
        {"weights": "imagenet", "include_top": False, "input_shape": (64, 64, 1)},
        "3 channels",
    ),
    "size with the classifier": (
        {"weights": "imagenet", "input_shape": (64, 64, 3)},
        r"expected \(224, 224, 3\)",
    ),
    "too small": (
        {"weights": None, "include_top": False, "input_shape": (20, 64, 3)},
        "at least 32 x 32",
    ),
    "rank": (
        {"weights": None, "include_top": False, "input_shape": (64, 64)},
        "three numbers",
    ),
    "unknown sizes": (
        {"weights": None, "input_shape": (None, None, 3)},
        "expected known sizes",
    ),
    "input tensor": (
        {"weights": None, "input_tensor": np.zeros((1, 64, 64, 3), "float32")},
        "input_tensor is a ndarray",
    ),
}


@pytest.mark.parametrize("case", list(BAD))
def test_refused(lib, case):
    options, _ = BAD[case]
    if options["weights"] == 3:
        pytest.skip("an open file's number, to keras")
    with outlines.undrawn(lib), pytest.raises(ValueError):
        lib.applications.ResNet50(**options)


@pytest.mark.parametrize("case", list(BAD))
def test_error(case):
    options, text = BAD[case]
    with pytest.raises(ValueError, match=text) as caught:
        applications.ResNet50(**options)
    assert str(caught.value).startswith("ResNet50: ")


def test_pooling_that_is_none():
    with pytest.raises(
        ValueError, match="pooling='mean'; expected None, 'avg' or 'max'"
    ):
        applications.VGG16(weights=None, include_top=False, pooling="mean")


def test_unknown_channels():
    with pytest.raises(ValueError, match="None channels"):
        applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, None))


def test_widths(lib):
    for bad in ({"alpha": 0.3}, {"depth_multiplier": 2}):
        with pytest.raises(ValueError):
            lib.applications.MobileNet(**bad)
    with pytest.raises(ValueError):
        lib.applications.MobileNetV2(alpha=0.3)
    with pytest.raises(ValueError):
        lib.applications.MobileNet(alpha=0, weights=None)


def test_unusual_channels():
    with pytest.warns(UserWarning, match="has 4 channels"):
        model = applications.VGG16(
            weights=None, include_top=False, input_shape=(32, 32, 4)
        )
    assert model.input_shape == (None, 32, 32, 4)


def test_one_sided_sizes():
    model = applications.MobileNet(
        weights=None, include_top=False, input_shape=(64, None, 3)
    )
    assert model.output_shape == (None, 2, None, 1024)
    assert model.name == "mobilenet_1.00_64"


def test_input_tensor():
    inputs = keras.Input((96, 96, 3), name="pictures")
    x = keras.layers.Conv2D(3, 1, name="before")(inputs)
    model = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_tensor=x, pooling="avg"
    )
    assert [layer.name for layer in model.layers[:3]] == ["pictures", "before", "Conv1"]
    assert model.input_shape == (None, 96, 96, 3)
    assert model.output_shape == (None, 1280)
    assert model.name == "mobilenetv2_1.00_None"
    top = keras.applications.MobileNetV2(weights=None, input_tensor=inputs, classes=3)
    assert top.name == "mobilenetv2_1.00_96"


def test_channels_first():
    """Of DenseNet too, which Keras has for channels last alone."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        for name in ("MobileNetV2", "DenseNet121"):
            model = undrawn(
                lambda name=name: getattr(applications, name)(
                    weights=None, include_top=False, input_shape=(3, 32, 64)
                )
            )
            assert model.output_shape[2:] == (1, 2)
            assert len(model.predict(np.ones((1, 3, 32, 64)), verbose=0)) == 1
    finally:
        keras.config.set_image_data_format(before)


def test_trains():
    model = applications.MobileNet(
        weights=None, alpha=0.25, input_shape=(32, 32, 3), classes=3, dropout=0.0
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).random((8, 32, 32, 3), "float32")
    y = np.arange(8) % 3
    losses = model.fit(x, y, epochs=4, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_names_of_a_convnext():
    """All its layers are named after it."""
    with outlines.undrawn(keras):
        model = applications.ConvNeXtTiny(
            weights=None, include_top=False, name="mine", input_shape=(32, 32, 3)
        )
    assert model.layers[1].name == "mine_prestem_normalization"
    assert model.layers[2].name == "mine_stem"


def test_without_preprocessing():
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    for name in ("MobileNetV3Small", "ConvNeXtTiny", "EfficientNetV2B0"):
        with outlines.undrawn(keras):
            models = [
                getattr(applications, name)(
                    weights=None,
                    include_top=False,
                    input_shape=(32, 32, 3),
                    include_preprocessing=ranged,
                )
                for ranged in (True, False)
            ]
        kinds = [{type(layer).__name__ for layer in model.layers} for model in models]
        assert kinds[0] & {"Rescaling", "Normalization"}
        assert not kinds[1] & {"Rescaling", "Normalization"}
        assert len(models[1].predict(pictures, verbose=0)) == 2


def test_layer_of_its_own(tmp_path):
    """Named in files as Keras names it."""
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    scale = LayerScale(0.1, 4, name="gain")
    config = keras.saving.serialize_keras_object(scale)
    assert config["module"] == "keras.src.applications.convnext"
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is LayerScale and again.get_config() == scale.get_config()
    layer = CustomScaleLayer(0.5, name="scaled")
    config = keras.saving.serialize_keras_object(layer)
    module = "keras.src.applications.inception_resnet_v2"
    assert (config["module"], config["registered_name"]) == (module, "CustomScaleLayer")
    model = keras.Model([a, b], layer([a, b]))
    again = keras.Model.from_config(model.get_config())
    x = [np.full((1, 2), 3.0, "float32"), np.full((1, 2), 2.0, "float32")]
    np.testing.assert_array_equal(again.predict(x, verbose=0), [[4.0, 4.0]])
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        again = keras.models.load_model(tmp_path / name)
        np.testing.assert_array_equal(again.predict(x, verbose=0), [[4.0, 4.0]])


def test_under_keras_name():
    """The paths by which others import networks."""
    script = (
        "from keras.applications.vgg16 import VGG16, decode_predictions\n"
        "from keras.src.applications.convnext import LayerScale\n"
        "from tensorflow.keras.applications import ResNet50\n"
        "import keras\n"
        "assert keras.applications.resnet50.ResNet50 is ResNet50\n"
        "print(VGG16.__module__, LayerScale.__name__)\n"
    )
    code = f"import minikeras; minikeras.install_as_keras(); exec({script!r})"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["minikeras.applications.vgg16", "LayerScale"]
