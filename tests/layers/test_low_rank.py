"""Low-rank adaptation: as in keras, and only the correction is trained."""

import numpy as np
import pytest

import minikeras
from minikeras import layers
from minikeras.engine.compile import jit
from tests.goldens.oracle import keras

RNG = np.random.default_rng(5)
X = RNG.normal(size=(2, 4, 3)).astype("float32")
IDS = np.array([[1, 2, 0], [3, 0, 4]])
ADAPTED = (
    ("Dense", {"units": 2, "kernel_regularizer": "l2"}, X, "kernel"),
    ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 2, 5)}, X,
     "kernel"),
    ("Conv1D", {"filters": 4, "kernel_size": 2}, X, "kernel"),
    ("Embedding", {"input_dim": 5, "output_dim": 3}, IDS, "embeddings"),
)  # fmt: skip
every = pytest.mark.parametrize(
    ("name", "kwargs", "x", "weight"), ADAPTED, ids=[row[0] for row in ADAPTED]
)


def adapted(library, name, kwargs, x, **more):
    """A layer that was adapted after building, with known values."""
    layer = getattr(library.layers, name)(**kwargs, name="own", **more)
    layer(x)
    if not more:
        layer.enable_lora(2, lora_alpha=3)
    rng = np.random.default_rng(7)
    layer.set_weights([rng.normal(size=tuple(v.shape)) for v in layer.weights])
    return layer


def facts(layer, weight):
    store = {}
    layer.save_own_variables(store)
    return {
        "weights": [
            (v.path, tuple(v.shape), v.trainable, v.regularizer is None)
            for v in layer.weights
        ],
        "trained": [v.path for v in layer.trainable_weights],
        "config": {k: v for k, v in layer.get_config().items() if "lora" in k},
        "saved": {k: tuple(np.shape(v)) for k, v in store.items()},
        "count": layer.count_params(),
        "weight": tuple(getattr(layer, weight).shape),
    }


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@every
def test_adaptation_is_that_of_keras(name, kwargs, x, weight):
    for more in ({}, {"lora_rank": 2}):
        ours, theirs = (
            adapted(library, name, kwargs, x, **more)
            for library in (minikeras, keras())
        )
        assert facts(ours, weight) == facts(theirs, weight)
        np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-4, atol=1e-5)
        assert len(ours.losses) == len(theirs.losses)


@every
def test_what_is_saved_is_the_weight_with_its_correction(name, kwargs, x, weight):
    layer = adapted(minikeras, name, kwargs, x)
    out = layer(x).numpy()
    np.testing.assert_allclose(jit(layer)(x), out, rtol=1e-5, atol=1e-6)
    store = {}
    layer.save_own_variables(store)
    plain = getattr(layers, name)(**kwargs)
    plain(x)
    plain.load_own_variables(store)
    np.testing.assert_allclose(plain(x), out, rtol=1e-4, atol=1e-5)
    twin = layers.deserialize(layers.serialize(layer))
    twin.load_own_variables(store)
    np.testing.assert_allclose(twin(x), out, rtol=1e-4, atol=1e-5)
    assert twin.get_config() == layer.get_config()


def test_training_leaves_the_frozen_weight_alone():
    layer = layers.Dense(1, lora_rank=1)
    model = minikeras.Sequential([minikeras.Input((3,)), layer])
    before = layer.get_weights()
    model.compile(optimizer=minikeras.optimizers.SGD(0.1), loss="mse")
    model.fit(X[:, 0], np.ones((2, 1)), epochs=3, verbose=0)
    after = layer.get_weights()
    moved = [not np.array_equal(a, b) for a, b in zip(before, after)]
    assert moved == [False, True, True, True]


def test_errors():
    layer = layers.Dense(2)
    with pytest.raises(ValueError, match="comes after building"):
        layer.enable_lora(1)
    layer(X)
    with pytest.raises(ValueError, match="rank=0; expected a positive integer"):
        layer.enable_lora(0)
    layer.enable_lora(1)
    with pytest.raises(ValueError, match="was called before"):
        layer.enable_lora(1)
    with pytest.raises(ValueError, match="exclude each other"):
        layers.Dense(2, kernel_constraint="non_neg", lora_rank=1)(X)
    with pytest.raises(ValueError, match="quantization_config=1; expected a"):
        layers.Dense(2, quantization_config=1)
    with pytest.raises(AttributeError, match="no `kernel` before it is built"):
        layers.Dense(2).kernel  # noqa: B018


@every
def test_the_scale_is_kept_in_the_config(name, kwargs, x, weight):
    layer = adapted(minikeras, name, kwargs, x)
    twin = type(layer).from_config(layer.get_config())
    assert (twin.lora_rank, twin.lora_alpha) == (2, 3)
