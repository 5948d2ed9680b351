"""Masks: where they arise, how they travel, what they do; beside Keras where it counts."""

import numpy as np
import pytest

import minikeras
from minikeras import layers, models, ops
from tests.goldens.oracle import keras as real_keras

IDS = np.array([[1, 2, 0, 0], [3, 0, 0, 0]], "int32")
MASK = IDS != 0


def mask_of(tensor):
    mask = tensor._keras_mask
    return None if mask is None else np.asarray(mask)


def embedded(**kwargs):
    layer = layers.Embedding(5, 3, mask_zero=True)
    return layer(IDS)


def test_embedding_and_masking_make_masks():
    np.testing.assert_array_equal(mask_of(embedded()), MASK)
    x = np.ones((2, 3, 2), "float32")
    x[0, 1:] = 0
    out = layers.Masking()(x)
    np.testing.assert_array_equal(mask_of(out), [[1, 0, 0], [1, 1, 1]])


def test_masks_go_through_layers_that_support_them():
    x = embedded()
    for layer in (layers.Dense(2), layers.Dropout(0.5), layers.LayerNormalization()):
        np.testing.assert_array_equal(mask_of(layer(x)), MASK)
    assert getattr(layers.GlobalAveragePooling1D()(x), "_keras_mask", None) is None


def test_a_layer_that_drops_a_mask_says_so():
    with pytest.warns(UserWarning, match=r"layer 'flatten.*' \(Flatten\) got an input"):
        layers.Flatten()(embedded())


def test_masks_of_merging_layers():
    a, b = embedded(), embedded()
    np.testing.assert_array_equal(mask_of(layers.Add()([a, b])), MASK)
    plain = ops.ones((2, 4, 3))
    assert getattr(layers.Add()([a, plain]), "_keras_mask", None) is None
    both = layers.Concatenate(axis=1)([a, plain])
    np.testing.assert_array_equal(mask_of(both), np.hstack([MASK, np.ones((2, 4))]))


def test_call_gets_the_mask_it_asks_for():
    seen = {}

    class Asks(layers.Layer):
        def call(self, x, mask=None):
            seen["mask"] = mask
            return x

    class Two(layers.Layer):
        def call(self, left, right, left_mask=None, right_mask=None):
            seen.update(left=left_mask, right=right_mask)
            return left

    layer, two = Asks(), Two()
    layer.supports_masking = two.supports_masking = True
    layer(embedded())
    np.testing.assert_array_equal(seen["mask"], MASK)
    layer(ops.ones((2, 4, 3)))
    assert seen["mask"] is None
    layer(ops.ones((2, 4, 3)), mask=MASK)
    np.testing.assert_array_equal(seen["mask"], MASK)
    two(embedded(), ops.ones((2, 4, 3)))
    np.testing.assert_array_equal(seen["left"], MASK)
    assert seen["right"] is None


def test_masks_in_functional_models(backend):
    inputs = minikeras.Input((4,), dtype="int32")
    x = layers.Embedding(5, 3, mask_zero=True)(inputs)
    assert x._keras_mask.shape == (None, 4)
    outputs = layers.GlobalAveragePooling1D()(layers.Dense(2)(x))
    model = models.Model(inputs, outputs)
    steps = model.layers[2](model.layers[1](IDS)).numpy()
    want = (steps * MASK[..., None]).sum(1) / MASK.sum(1, keepdims=True)
    np.testing.assert_allclose(model(IDS), want, rtol=1e-5)
    np.testing.assert_allclose(model.predict(IDS, verbose=0), want, rtol=1e-5)
    nested = models.Sequential([minikeras.Input((4,), dtype="int32"), model])
    np.testing.assert_allclose(nested(IDS), want, rtol=1e-5)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
def test_masked_batch_normalization_is_that_of_keras():
    keras = real_keras()
    x = np.random.default_rng(0).normal(2, 3, (4, 5, 3)).astype("float32")
    mask = np.random.default_rng(1).random((4, 5)) > 0.4
    results = []
    for library in (keras, minikeras):
        layer = library.layers.BatchNormalization(momentum=0.5)
        out = layer(x, training=True, mask=mask)
        results.append([np.asarray(out), *map(np.asarray, layer.get_weights())])
    for theirs, ours in zip(*results):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
def test_masked_softmax_is_that_of_keras():
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    mask = np.random.default_rng(1).random((4, 5)) > 0.4
    theirs = real_keras().layers.Softmax()(x, mask=mask)
    np.testing.assert_allclose(layers.Softmax()(x, mask=mask), theirs, rtol=1e-5)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
def test_batch_normalization_over_steps_takes_masks_as_keras_does():
    x = np.arange(12, dtype="float32").reshape(2, 3, 2)
    mask = np.array([[1, 1, 0], [1, 0, 0]], bool)
    theirs, ours = [
        library.layers.BatchNormalization(axis=1)(x, training=True, mask=mask)
        for library in (real_keras(), minikeras)
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


THROUGH = [
    ("Dense", (1,)), ("Dropout", (0.1,)), ("BatchNormalization", ()),
    ("LayerNormalization", ()), ("RMSNormalization", ()), ("GroupNormalization", (1,)),
    ("UnitNormalization", ()), ("Activation", ("relu",)), ("ReLU", ()), ("PReLU", ()),
    ("LeakyReLU", ()), ("ELU", ()), ("GaussianNoise", (0.1,)), ("Identity", ()),
    ("GaussianDropout", (0.1,)), ("AlphaDropout", (0.1,)), ("SpatialDropout1D", (0.1,)),
    ("ActivityRegularization", ()), ("Masking", ()), ("Conv1D", (2, 1)),
    ("MaxPooling1D", (1,)), ("AdaptiveMaxPooling1D", (1,)), ("UpSampling1D", ()),
    ("ZeroPadding1D", ()), ("Cropping1D", (0,)), ("Permute", ((1, 2),)),
    ("Reshape", ((4, 3),)), ("Flatten", ()), ("GlobalMaxPooling1D", ()),
]  # fmt: skip


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "args"), THROUGH)
def test_masks_go_as_far_as_with_keras(name, args):
    found = []
    for library in (real_keras(), minikeras):
        x = library.layers.Embedding(5, 3, mask_zero=True)(IDS)
        out = getattr(library.layers, name)(*args)(x)
        mask = getattr(out, "_keras_mask", None)
        found.append(None if mask is None else np.asarray(mask).tolist())
    assert found[0] == found[1]


def test_supports_masking_may_be_said_by_the_class():
    class Passes(layers.Layer):
        supports_masking = True

        def call(self, inputs):
            return inputs + 1

    np.testing.assert_array_equal(mask_of(Passes()(embedded())), MASK)
    assert not layers.Layer().supports_masking


def test_a_layer_with_its_own_compute_mask_supports_masks():
    class Ends(layers.Layer):
        def call(self, inputs, mask=None):
            return inputs[:, 0]

        def compute_mask(self, inputs, mask=None):
            return None

    assert Ends().supports_masking
    ended = Ends()(embedded())  # no warning
    assert getattr(ended, "_keras_mask", None) is None


GIVEN = (
    ("LSTM", {"units": 2, "return_sequences": True}),
    ("RNN", {"return_sequences": True, "return_state": True}),
    ("Bidirectional", {}),
    ("TimeDistributed", {}),
    ("BatchNormalization", {}),
    ("GlobalAveragePooling1D", {}),
    ("Attention", {}),
)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "kwargs"), GIVEN, ids=[n for n, _ in GIVEN])
def test_a_mask_that_is_given_goes_on_as_in_keras(name, kwargs):
    x = np.ones((2, 4, 3), "float32")
    found = []
    for library in (minikeras, real_keras()):
        within = {
            "RNN": lambda k=library: {"cell": k.layers.GRUCell(2)},
            "Bidirectional": lambda k=library: {
                "layer": k.layers.GRU(2, return_sequences=True)
            },
            "TimeDistributed": lambda k=library: {"layer": k.layers.Dense(2)},
        }.get(name, dict)()
        layer = getattr(library.layers, name)(**within, **kwargs)
        out = (
            layer([x, x], mask=[MASK, None])
            if name == "Attention"
            else layer(x, mask=MASK)
        )
        masks = [
            getattr(t, "_keras_mask", None)
            for t in (out if isinstance(out, (list, tuple)) else [out])
        ]
        found.append([None if m is None else np.asarray(m).tolist() for m in masks])
    assert found[0] == found[1]


def test_of_several_tensors_without_masks_a_layer_gets_a_list_of_none():
    class Sees(layers.Layer):
        def call(self, inputs, mask=None):
            self.seen = mask
            return inputs[0]

    layer, x = Sees(), np.ones((2, 4, 3))
    layer([x, x])
    assert layer.seen == [None, None]


def carrying(value, mask, shape=(1, 8, 1)):
    """A constant tensor that carries a mask."""
    tensor = ops.full(shape, value)
    if mask is not None:
        tensor._keras_mask = ops.convert_to_tensor(np.array([mask], bool))
    return tensor


A, B, C = [1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 1, 1, 0, 0], [1, 0, 1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("name", "all_masked", "one_free"),
    [
        ("Multiply", [30, 6, 10, 2, 15, 3, 5, 0], [30, 6, 30, 6, 15, 3, 15, 3]),
        ("Maximum", [5, 3, 5, 2, 5, 3, 5, 2], [5, 3, 5, 3, 5, 3, 5, 3]),
        ("Minimum", [2, 2, 2, 2, 3, 3, 5, 2], [2, 2, 2, 2, 3, 3, 3, 3]),
        ("Add", [10] * 8, [10] * 8),
    ],
)
def test_what_is_masked_does_not_count_in_merges(name, all_masked, one_free):
    """The values are Keras's."""
    layer = getattr(layers, name)()
    merged = layer([carrying(2, A), carrying(3, B), carrying(5, C)])
    assert merged.numpy().ravel().tolist() == all_masked
    assert mask_of(merged).tolist() == [[True] * 7 + [False]]
    merged = layer([carrying(2, A), carrying(3, None), carrying(5, C)])
    assert merged.numpy().ravel().tolist() == one_free
    assert getattr(merged, "_keras_mask", None) is None
    low = layer([carrying(2, A), carrying(3, None, (1, 1)), carrying(5, C, (1, 8, 2))])
    assert low.numpy().ravel().tolist() == np.repeat(one_free, 2).tolist()


@pytest.mark.parametrize("shape", [(2,), (2, 4), (2, 4, 5), (2, 1, 5)])
def test_batch_normalization_with_masks_of_any_lower_rank(shape):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 4, 5, 3)).astype("float32")
    mask = rng.random(shape) > 0.4
    mask[0] = True
    layer = layers.BatchNormalization(momentum=0.0)
    layer(x, training=True, mask=mask)
    whole = mask.reshape(shape + (1,) * (3 - len(shape)))
    counted = x[np.broadcast_to(whole, x.shape[:3])]
    np.testing.assert_allclose(layer.moving_mean, counted.mean(0), atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, counted.var(0), rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (2, 4, 5, 1), (3, 4), (2, 3, 5)])
def test_batch_normalization_refuses_masks_that_do_not_fit(shape):
    x = np.ones((2, 4, 5, 3), "float32")
    with pytest.raises(ValueError, match="expected one dimension less than the inputs"):
        layers.BatchNormalization()(x, training=True, mask=np.ones(shape, bool))


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 5)])
def test_masks_of_rows_are_joined_to_one_for_each_row(lib, shape, axis):
    """As many entries as the loss has values: a model that ends so can be trained."""
    draw = np.random.default_rng(3)
    masks = [draw.random(shape) > 0.7 for _ in range(2)]
    inputs = [lib.ops.ones((4, 5)), lib.ops.ones((4, 5))]
    layer = lib.layers.Concatenate(axis=axis)
    both = layer.compute_mask(inputs, [lib.ops.convert_to_tensor(m) for m in masks])
    rows = [m.reshape(4, -1).any(axis=1) for m in masks]
    np.testing.assert_array_equal(np.asarray(both), rows[0] | rows[1])


def test_a_model_that_ends_in_masked_rows_joined_is_trained(lib):
    x = lib.Input((5,))
    y = lib.layers.Concatenate()([lib.layers.Masking()(x), lib.layers.Masking(9.0)(x)])
    model = lib.Model(x, lib.layers.Dense(2, kernel_initializer="ones")(y))
    model.compile("sgd", "mse")
    data = np.ones((4, 5), "float32")
    data[1] = 0
    assert model.train_on_batch(data, np.zeros((4, 2))) == pytest.approx(75.0)


def test_masks_of_every_entry_are_joined_beside_symbolic_inputs(lib):
    inputs = [lib.Input((4, 5)), lib.Input((4, 5))]
    masks = [np.ones((2, 4, 5), bool), np.zeros((2, 4, 5), bool)]
    masks = [lib.ops.convert_to_tensor(m) for m in masks]
    joined = lib.layers.Concatenate(axis=1).compute_mask(inputs, masks)
    expected = np.repeat([[True] * 4 + [False] * 4], 2, axis=0)
    np.testing.assert_array_equal(np.asarray(joined), expected)
