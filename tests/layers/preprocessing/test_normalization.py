"""Normalization and Rescaling."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers

DATA = np.random.default_rng(0).normal(3.0, 2.0, (40, 4, 3))


class Parts(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return DATA[i * 10 : i * 10 + 10], np.zeros(10)


@pytest.mark.parametrize("axis", [-1, None, (1, 2), (2, 1), 1, 0])
@pytest.mark.parametrize("invert", [False, True])
def test_as_keras(lib, axis, invert):
    layer = lib.layers.Normalization(axis=axis, invert=invert, name="n")
    layer.adapt(DATA)
    kept = () if axis is None else axis if isinstance(axis, tuple) else (axis,)
    over = tuple(a for a in range(3) if a not in [k % 3 for k in kept])
    mean = DATA.mean(over, keepdims=True)
    deviation = DATA.std(over, keepdims=True)
    wanted = mean + DATA * deviation if invert else (DATA - mean) / deviation
    np.testing.assert_allclose(np.asarray(layer(DATA)), wanted, rtol=1e-4, atol=1e-5)
    shapes = [tuple(w.shape) for w in layer.weights]
    sizes = tuple(DATA.shape[k] for k in sorted(k % 3 for k in kept))
    assert shapes == [sizes, sizes, ()]
    assert tuple(layer.mean.shape) == mean.shape
    config = layer.get_config()
    assert (tuple(config["axis"]), config["mean"]) == (kept, None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Parts(),
        lambda: (DATA[i : i + 10] for i in range(0, 40, 10)),
        lambda: (x for x in [DATA[:1], DATA[1:39], DATA[39:]]),
        lambda: keras.utils.Dataset.from_tensor_slices(DATA).batch(7),
        lambda: keras.ops.convert_to_tensor(DATA),
        lambda: DATA.tolist(),
    ],
    ids=["py_dataset", "generator", "uneven", "dataset", "tensor", "list"],
)
def test_in_pieces_is_at_once(make):
    whole, pieces = layers.Normalization(), layers.Normalization()
    whole.adapt(DATA)
    pieces.adapt(make())
    for a, b in zip(whole.weights, pieces.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_vectors_without_a_batch_axis():
    layer = layers.Normalization()
    layer.adapt(keras.utils.Dataset.from_tensor_slices(DATA[:, 0]))
    np.testing.assert_allclose(layer.mean[0], DATA[:, 0].mean(0), rtol=1e-6)


def test_far_from_zero():
    """Large numbers with small differences keep them."""
    layer = layers.Normalization(dtype="float64")
    data = 1e9 + DATA[:, 0]
    layer.adapt(data)
    np.testing.assert_allclose(layer.variance[0], data.var(0), rtol=1e-6)


def test_given(lib):
    layer = lib.layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 0.0], name="n")
    result = np.asarray(layer(np.array([[3, 2], [1, 3]])))
    np.testing.assert_allclose(result, [[1.0, 0.0], [0.0, 1e7]], rtol=1e-5)
    assert layer.weights == []
    config = layer.get_config()
    assert config["mean"] == [1.0, 2.0]
    again = lib.layers.Normalization.from_config(config)
    np.testing.assert_array_equal(again(np.ones((1, 2))), layer(np.ones((1, 2))))


def test_dtypes_and_compiled(backend):
    layer = layers.Normalization(dtype="float16")
    layer.adapt(DATA)
    assert layer(DATA).dtype == "float16"
    layer = layers.Normalization()
    layer.adapt(DATA)
    model = keras.Sequential([keras.Input((None, 3)), layer])
    np.testing.assert_allclose(model.predict(DATA, verbose=0), layer(DATA), rtol=1e-5)
    assert layer(np.ones((2, 4, 3), "int32")).dtype == "float32"
    assert layers.Normalization()(np.ones((1, 2))).numpy().tolist() == [[1.0, 1.0]]


def test_files(tmp_path):
    layer = layers.Normalization()
    layer.adapt(DATA)
    model = keras.Sequential([keras.Input((4, 3)), layer, layers.Rescaling([1, 2, 3])])
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    same = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(same(DATA), model(DATA))
    other = keras.models.clone_model(model)
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other(DATA), model(DATA))


BAD = np.where(np.arange(6).reshape(2, 3) == 4, np.nan, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: n(mean=1.0), "expected both"),
        (lambda n: n(axis="x"), "expected an integer"),
        (lambda n: n(axis=9).adapt(DATA), "expected axes from -3 to 2"),
        (lambda n: n().adapt(BAD), "NaN"),
        (lambda n: n().adapt(np.ones((0, 3))), "no data"),
        (lambda n: n().adapt(np.array(["a"])), "expected numbers"),
        (lambda n: n(mean=1.0, variance=1.0).adapt(DATA), "nothing to adapt"),
        (lambda n: n(mean=[1.0, 2.0], variance=1.0)(DATA), "does not broadcast"),
        (lambda n: n()(keras.Input((None,))), "must be known"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call(layers.Normalization)


def test_refusals_change_nothing():
    layer = layers.Normalization()
    layer.adapt(DATA)
    before = layer.get_weights()
    for data in (np.full((2, 4, 3), np.nan), np.ones((2, 4, 5)), np.ones((2, 3))):
        with pytest.raises(ValueError, match=r"NaN|built for"):
            layer.adapt(data)
    with pytest.raises(ValueError, match="another size"):
        layer(np.ones((2, 4, 1)))
    with pytest.raises(TypeError, match="expected an array"):
        layer.adapt(5j)
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float64", "float16"])
def test_rescaling(lib, dtype):
    layer = lib.layers.Rescaling(1 / 127.5, offset=-1, name="r")
    pixels = np.array([[0, 51, 255]], dtype)
    wanted = pixels.astype("float64") / 127.5 - 1
    np.testing.assert_allclose(np.asarray(layer(pixels)), wanted, rtol=1e-3, atol=1e-6)
    assert layer(lib.Input((3,), dtype=dtype)).dtype == "float32"
    assert layer.compute_output_shape((None, 3)) == (None, 3)


def test_rescaling_by_arrays(lib):
    layer = lib.layers.Rescaling(np.array([1.0, 2.0]), offset=[3, 4], name="r")
    again = lib.layers.Rescaling.from_config(layer.get_config())
    for each in (layer, again):
        assert np.asarray(each(np.ones((1, 2)))).tolist() == [[4.0, 6.0]]
    assert (
        lib.layers.Rescaling(2, dtype="int32")(np.ones((2,), "uint8")).dtype == "int32"
    )
    with pytest.raises((ValueError, TypeError)):
        layers.Rescaling("x")
