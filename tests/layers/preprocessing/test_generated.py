"""Layers of numbers and warps of pictures beside Keras, with generated arguments."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minikeras
from minikeras.engine.prims.resampling import BORDERS
from tests.goldens.oracle import keras as real_keras
from tests.goldens.oracle import oracle
from tests.layers.preprocessing.picture_cases import SHAPE, H, N, W, pictures

few = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
SEEDS = st.integers(0, 2**16)


def array(x):
    return np.asarray(x.numpy() if hasattr(x, "numpy") else x)


def both(make):
    """What a function of a Keras gives: ours, and the real one's."""
    return array(make(minikeras)), array(make(real_keras()))


def close(make, atol=1e-5):
    ours, theirs = both(make)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=atol)


@oracle
@few
@given(st.sampled_from([-1, 1, 2, (1, 2), (2, 1), None]), st.booleans(), SEEDS)
def test_normalization(axis, invert, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(3, 10.0 ** rng.integers(-3, 4), (4, 3, 5)).astype("float32")

    def make(keras):
        layer = keras.layers.Normalization(axis=axis, invert=invert)
        layer.adapt(x)
        return layer(x[:2])

    close(make, atol=1e-4 * max(1.0, float(np.abs(x).max()) if invert else 1.0))


@oracle
@few
@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=5, unique=True).map(sorted),
    st.sampled_from(["int", "one_hot", "multi_hot", "count"]),
    SEEDS,
)
def test_discretization(borders, mode, seed):
    x = np.random.default_rng(seed).integers(-10, 11, (2, 4)).astype("float32")
    borders = [float(b) for b in borders]
    layer = {"bin_boundaries": borders, "output_mode": mode}
    close(lambda keras: keras.layers.Discretization(**layer)(x))


@oracle
@few
@given(
    st.sampled_from(["one_hot", "multi_hot", "count", "weighted"]),
    st.sampled_from([(4,), (3, 1), (2, 5)]),
    st.integers(4, 7),
    SEEDS,
)
def test_category_encoding(mode, shape, tokens, seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, tokens, shape)
    weighted = mode == "weighted" and len(shape) == 2
    mode = "count" if mode == "weighted" else mode
    more = {"count_weights": rng.uniform(size=shape)} if weighted else {}
    close(lambda keras: keras.layers.CategoryEncoding(tokens, mode)(ids, **more))


def warped(name, seed):
    """Arguments of a layer that warps, and a transformation of it."""
    rng = np.random.default_rng(seed)
    if name == "RandomZoom":
        zooms = rng.uniform(0.3, 2.5, (2, N, 1)).astype("float32")
        how = {"height_zoom": zooms[0], "width_zoom": zooms[1]}
        return {"height_factor": 0.5}, {**how, "input_shape": SHAPE}
    if name == "RandomTranslation":
        moves = rng.uniform(-2 * W, 2 * W, (N, 2)).astype("float32")
        how = {"translations": moves, "input_shape": SHAPE}
        return {"height_factor": 0.5, "width_factor": 0.5}, how
    shear = rng.uniform(-0.9, 0.9, (N, 2)).astype("float32")
    return {"x_factor": 0.5}, {"shear_factor": shear, "input_shape": SHAPE}


@oracle
@few
@given(
    st.sampled_from(["RandomZoom", "RandomTranslation", "RandomShear"]),
    st.sampled_from(["reflect", "wrap", "constant", "nearest"]),
    SEEDS,
)
def test_warps(name, fill_mode, seed):
    arguments, how = warped(name, seed)
    arguments |= {"fill_mode": fill_mode, "fill_value": 7.0}

    def make(keras):
        layer = getattr(keras.layers, name)(**arguments)
        return layer.transform_images(pictures(), how)

    close(make, atol=2e-2)


@oracle
@few
@given(st.sampled_from(BORDERS), st.sampled_from([0, 1]), SEEDS)
def test_places(border, order, seed):
    rng = np.random.default_rng(seed)
    image = rng.uniform(0, 255, (H, W)).astype("float32")
    # Not halfway between pixels, where the last bit decides on the nearest.
    at = rng.uniform(-2 * W, 3 * W, (2, 5, 4))
    at = (np.floor(at) + 0.1 + 0.35 * (at - np.floor(at))).astype("float32")

    def make(keras):
        return keras.ops.image.map_coordinates(image, at, order, border, 3.0)

    close(make, atol=1e-2)


@pytest.mark.parametrize("border", BORDERS)
def test_places_of_whole_pixels_are_those_pixels(border, backend):
    image = np.arange(12.0, dtype="float32").reshape(3, 4)
    at = np.stack(np.meshgrid(range(3), range(4), indexing="ij")).astype("float32")
    for order in (0, 1):
        found = minikeras.ops.image.map_coordinates(image, at, order, border)
        np.testing.assert_array_equal(found.numpy(), image)
