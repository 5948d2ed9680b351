"""`preprocess_input` and `decode_predictions`."""

import json

import numpy as np
import pytest

import minikeras as keras
from minikeras.applications import imagenet_utils
from minikeras.utils.downloading import DownloadError
from tests.goldens import oracle

PICTURES = np.arange(2 * 3 * 2 * 3).reshape(2, 3, 2, 3) * 5
# The first pixel is (0, 5, 10).
FIRST = {
    "caffe": [10 - 103.939, 5 - 116.779, -123.68],
    "tf": [-1.0, 5 / 127.5 - 1, 10 / 127.5 - 1],
    "torch": [-0.485 / 0.229, (5 / 255 - 0.456) / 0.224, (10 / 255 - 0.406) / 0.225],
}


@pytest.mark.parametrize("mode", list(FIRST))
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64", "float16"])
def test_values(mode, dtype):
    kept = dtype if dtype.startswith("float") else "float32"
    close = {"rtol": 2e-3, "atol": 2e-3} if dtype == "float16" else {"rtol": 1e-5}
    for rank in (2, 3, 4):
        x = PICTURES.astype(dtype)[(0,) * (4 - rank)]
        found = imagenet_utils.preprocess_input(x, mode=mode)
        assert found.dtype == kept
        np.testing.assert_allclose(found.reshape(-1, 3)[0], FIRST[mode], **close)


@pytest.mark.parametrize("mode", list(FIRST))
def test_channels_first(mode):
    last = imagenet_utils.preprocess_input(PICTURES.copy(), mode=mode)
    first = imagenet_utils.preprocess_input(
        np.moveaxis(PICTURES, -1, 1), "channels_first", mode
    )
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), last)


@pytest.mark.parametrize("mode", list(FIRST))
def test_tensors_and_models(mode, backend):
    expected = imagenet_utils.preprocess_input(PICTURES.astype("float32"), mode=mode)
    for dtype in ("float32", "int32"):
        tensor = keras.ops.convert_to_tensor(PICTURES, dtype)
        found = imagenet_utils.preprocess_input(tensor, mode=mode)
        assert isinstance(found, keras.Tensor)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    inputs = keras.Input((3, 2, 3))
    model = keras.Model(inputs, imagenet_utils.preprocess_input(inputs, mode=mode))
    found = model.predict(PICTURES.astype("float32"), verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_in_place(lib):
    """As documented: a batch of floats is not copied."""
    for mode in FIRST:
        x = PICTURES.astype("float32")
        lib.applications.imagenet_utils.preprocess_input(x, mode=mode)
        assert not np.array_equal(x, PICTURES)
    x = PICTURES.astype("uint8")
    lib.applications.imagenet_utils.preprocess_input(x)
    np.testing.assert_array_equal(x, PICTURES)


def test_errors(lib):
    for wrong in ({"mode": "TF"}, {"data_format": "last"}):
        with pytest.raises(ValueError):
            lib.applications.imagenet_utils.preprocess_input(PICTURES, **wrong)
    for shape in ((1000,), (2, 10), (1, 1, 1000)):
        with pytest.raises(ValueError):
            lib.applications.imagenet_utils.decode_predictions(np.zeros(shape))


def test_top_must_be_positive():
    with pytest.raises(ValueError, match="top=0; expected at least 1"):
        imagenet_utils.decode_predictions(np.zeros((1, 1000)), top=0)


@oracle.oracle
def test_each_network_as_keras():
    theirs = oracle.keras().applications
    modules = [name for name in keras.applications.__all__ if name.islower()]
    assert len(modules) > 12
    for module in modules:
        function = getattr(keras.applications, module).preprocess_input
        expected = getattr(theirs, module).preprocess_input(PICTURES.astype("float32"))
        found = function(PICTURES.astype("float32"))
        np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=module)
        assert function.__name__ == "preprocess_input"


@pytest.fixture
def classes(tmp_path, monkeypatch):
    """A list of classes in the cache."""
    table = {str(i): [f"n{i:08}", f"thing_{i}"] for i in range(1000)}
    text = json.dumps(table)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "imagenet_class_index.json").write_text(text)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    name, url, _ = imagenet_utils._CLASSES
    monkeypatch.setattr(imagenet_utils, "_CLASSES", (name, url, None))


def test_decode(classes):
    scores = np.zeros((2, 1000))
    scores[0, [3, 7]] = 0.2, 0.8
    scores[1, 999] = 1.0
    found = keras.applications.vgg16.decode_predictions(scores, top=2)
    assert found[0] == [("n00000007", "thing_7", 0.8), ("n00000003", "thing_3", 0.2)]
    assert found[1][0] == ("n00000999", "thing_999", 1.0)
    tensor = keras.ops.convert_to_tensor(scores)
    assert keras.applications.vgg16.decode_predictions(tensor)[1][0][1] == "thing_999"
    assert [len(row) for row in imagenet_utils.decode_predictions(scores)] == [5, 5]
    assert len(imagenet_utils.decode_predictions(scores, top=2000)[0]) == 1000
    assert imagenet_utils.decode_predictions(scores[:0]) == []


def test_decode_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def offline(*args, **kwargs):
        raise DownloadError("no network")

    monkeypatch.setattr("minikeras.applications.pretrained.get_file", offline)
    with pytest.raises(DownloadError, match=r"imagenet_class_index\.json.*models"):
        imagenet_utils.decode_predictions(np.zeros((1, 1000)))
