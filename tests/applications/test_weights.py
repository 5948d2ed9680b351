"""Weights: files that Keras writes, and trained ones by name."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import applications
from minikeras.initializers.base import undrawn
from minikeras.utils.downloading import DownloadError
from tests.applications import outlines
from tests.applications.outlines import MADE
from tests.goldens import oracle

# Networks of different families, as small as they can be.
SMALL = {
    "MobileNet": {"alpha": 0.25, "input_shape": (64, 64, 3), "classes": 10},
    "MobileNetV2": {"alpha": 0.35, "input_shape": (64, 64, 3), "classes": 10},
}


def shaken(model):
    """Statistics and factors as after some training, so that each of them counts."""
    draw = np.random.default_rng(3)
    arrays = [np.asarray(w) for w in model.get_weights()]
    model.set_weights(
        [a * draw.uniform(0.8, 1.2, a.shape) + (a.ndim == 1) * 0.05 for a in arrays]
    )


@oracle.oracle
@pytest.mark.parametrize("name", list(SMALL))
def test_keras_file(name, tmp_path):
    options = SMALL[name]
    library = oracle.keras()
    with outlines.undrawn(library):
        theirs = getattr(library.applications, name)(weights=None, **options)
    shaken(theirs)
    path = tmp_path / "w.weights.h5"
    theirs.save_weights(path)
    ours = getattr(applications, name)(weights=path, **options)
    x = np.random.default_rng(0).uniform(-1, 1, (2, *options["input_shape"]))
    expected = theirs.predict(x.astype("float32"), verbose=0)
    found = ours.predict(x.astype("float32"), verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_path(tmp_path):
    options = {"include_top": False, "input_shape": (32, 32, 3), "pooling": "avg"}
    model = applications.VGG16(weights=None, **options)
    for name in ("w.weights.h5", "w.h5"):
        path = tmp_path / name
        model.save_weights(path) if "weights" in name else model.save(path)
        again = applications.VGG16(weights=str(path), **options)
        for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_file_of_another_network(tmp_path):
    small = applications.MobileNet(
        weights=None, alpha=0.25, include_top=False, input_shape=(32, 32, 3)
    )
    path = tmp_path / "w.weights.h5"
    small.save_weights(path)
    with pytest.raises(ValueError):
        applications.MobileNet(
            weights=path, alpha=0.5, include_top=False, input_shape=(32, 32, 3)
        )


def test_what_is_loaded_is_not_drawn():
    layer = keras.layers.Dense(3, bias_initializer="ones")
    undrawn(lambda: layer.build((None, 2)))
    assert not layer.kernel.numpy().any()
    assert layer.bias.numpy().all()
    after = keras.layers.Dense(3)
    after.build((None, 2))
    assert after.kernel.numpy().any()


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What is asked of the network, where there is none."""
    calls = []

    def get_file(name, origin, **options):
        calls.append((name, origin, options))
        raise DownloadError("no network")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("minikeras.applications.pretrained.get_file", get_file)
    return calls


def test_without_a_network(asked, tmp_path):
    with pytest.raises(DownloadError) as caught:
        applications.ResNet50()
    file = "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    text = str(caught.value)
    assert text.startswith("ResNet50: no network")
    assert f"/resnet/{file} elsewhere and put it, as {file}," in text
    assert str(tmp_path / "models") in text


def test_a_file_in_the_cache(monkeypatch, tmp_path):
    """What `weights="imagenet"` finds in the cache it loads, by the right hash alone."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / "mobilenet_2_5_224_tf_no_top.h5"
    options = {"alpha": 0.25, "include_top": False, "input_shape": (224, 224, 3)}
    model = applications.MobileNet(weights=None, **options)
    model.save(path)
    again = applications.MobileNet(**options)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore:.*trained weights for square pictures")
@pytest.mark.parametrize("top", [True, False], ids=["top", "no top"])
@pytest.mark.parametrize("name", MADE)
def test_files(name, top, asked):
    """The names, addresses and hashes that Keras asks for."""
    with pytest.raises(DownloadError):
        getattr(applications, name)(include_top=top)
    (file, origin, options), *more = asked
    expected = outlines.golden()[outlines.key(name, top)]["file"]
    assert [file, origin, options["file_hash"]] == expected
    assert options["cache_subdir"] == "models" and not more


@pytest.mark.filterwarnings("ignore:.*trained weights for square pictures")
@pytest.mark.parametrize(
    ("name", "options", "file"),
    [
        ("MobileNet", {"alpha": 0.25}, "mobilenet_2_5_224_tf.h5"),
        ("MobileNet", {"alpha": 0.75, "input_shape": (128, 128, 3)},
         "mobilenet_7_5_128_tf.h5"),
        ("MobileNet", {"include_top": False, "input_shape": (128, 160, 3)},
         "mobilenet_1_0_224_tf_no_top.h5"),
        ("MobileNetV2", {"alpha": 0.5, "input_shape": (96, 96, 3)},
         "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.5_96.h5"),
        ("MobileNetV2", {"alpha": 1.3, "include_top": False},
         "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.3_224_no_top.h5"),
        ("MobileNetV3Small", {"alpha": 0.75},
         "weights_mobilenet_v3_small_224_0.75_float.h5"),
        ("MobileNetV3Large", {"minimalistic": True, "include_top": False},
         "weights_mobilenet_v3_large_minimalistic_224_1.0_float_no_top_v2.h5"),
        ("EfficientNetB0", {"name": "mine"}, "efficientnetb0.h5"),
        ("MobileNetV2", {"alpha": 1, "name": "mine"},
         "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"),
    ],
)  # fmt: skip
def test_files_of_variants(name, options, file, asked):
    with pytest.raises(DownloadError):
        getattr(applications, name)(**options)
    assert asked[0][0] == file


def test_trained_efficientnet(monkeypatch, tmp_path):
    """The published weights want pictures divided once more."""
    options = {"include_top": False, "input_shape": (32, 32, 3), "pooling": "avg"}
    path = tmp_path / "w.weights.h5"
    model = applications.EfficientNetB0(weights=None, **options)
    model.save_weights(path)
    monkeypatch.setattr(
        "minikeras.applications.pretrained.get_file", lambda *a, **k: str(path)
    )
    names = [layer.name for layer in applications.EfficientNetB0(**options).layers]
    assert len(names) == len(model.layers) + 1
    scale = applications.EfficientNetB0(**options).layers[3].scale
    # 1 / sqrt of ImageNet's deviations, as Keras has it.
    expected = [2.0896918976428642, 2.1128856368212916, 2.1081851067789197]
    np.testing.assert_allclose(scale, expected, rtol=1e-12)
