"""Layers whose weights are integers, or whose products are in float8, beside Keras's."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops, quantizers
from tests.goldens.oracle import keras as real

RNG = np.random.default_rng(3)


def einsum(k, equation, sizes, **more):
    return k.layers.EinsumDense(equation, sizes, **more)


LAYERS = {
    "dense": (lambda k: k.layers.Dense(7, "relu"), (2, 3, 9)),
    "long sums": (lambda k: k.layers.Dense(3, use_bias=False), (2, 2500)),
    "heads": (lambda k: einsum(k, "abc,cde->abde", (None, 2, 5), bias_axes="de"), (2, 3, 8)),
    "two axes": (lambda k: einsum(k, "abcd,dbe->ace", (4, 6)), (2, 3, 4, 5)),
    "turned": (lambda k: einsum(k, "abc,ecd->abde", (None, 5, 6)), (2, 3, 4)),
    "with the batch": (lambda k: einsum(k, "abc,acd->abd", (3, 6)), (2, 3, 4)),
    "embedding": (lambda k: k.layers.Embedding(11, 7), None),
    "reversible": (lambda k: k.layers.ReversibleEmbedding(11, 6), None),
    "two tables": (lambda k: k.layers.ReversibleEmbedding(11, 7, tie_weights=False), None),
}  # fmt: skip
WAYS = {
    "int8": lambda q: q.Int8QuantizationConfig(),
    "int8 weights": lambda q: q.Int8QuantizationConfig(activation_quantizer=None),
    "int4": lambda q: q.Int4QuantizationConfig(),
    "blocks of 4": lambda q: q.Int4QuantizationConfig(block_size=4),
    "int4 columns": lambda q: q.Int4QuantizationConfig(block_size=None),
    "int4 inputs": lambda q: q.Int4QuantizationConfig(
        None, q.AbsMaxQuantizer(-1), None
    ),
    "float8": lambda q: q.Float8QuantizationConfig(),
}


def sample(shape):
    if shape is None:
        return RNG.integers(0, 11, (2, 3))
    return RNG.normal(size=shape).astype("float32")


def kept(layer):
    store = {}
    layer.save_own_variables(store)
    return {key: np.asarray(value) for key, value in store.items()}


def described(layer):
    return [(v.name, tuple(v.shape), str(v.dtype), v.trainable) for v in layer.weights]


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "way"),
    [(n, w) for n in ("dense", "heads", "two tables") for w in WAYS]
    + [(n, w) for n in LAYERS for w in ("int8", "int4", "int4 columns")],
)
def test_variables_files_and_values_are_keras_s(name, way):
    make, shape = LAYERS[name]
    ours, theirs = make(keras), make(real())
    if way == "float8" and shape is None:
        ours.build()
        with pytest.raises(NotImplementedError, match="mode='float8'"):
            ours.quantize("float8")
        return
    x = sample(shape)
    theirs(x)
    ours(x)
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    for layer, k in ((ours, keras), (theirs, real())):
        layer.quantize(config=WAYS[way](k.quantizers))
    assert described(ours) == described(theirs)
    for part in ("dtype", "quantization_config"):
        assert ours.get_config()[part] == theirs.get_config()[part]
    found, wanted = kept(ours), kept(theirs)
    assert list(found) == list(wanted)
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-6, atol=1e-6)
    calls = [(x, {})]
    if "tables" in name or name == "reversible":
        calls.append((sample((2, 3, ours.output_dim)), {"reverse": True}))
    for inputs, more in calls:
        y = np.asarray(theirs(inputs, **more))
        np.testing.assert_allclose(
            ours(inputs, **more).numpy(), y, rtol=2e-6, atol=2e-6 * np.abs(y).max()
        )


def test_products_of_bytes_are_exact(backend):
    """Sums above 2 ** 24, which one product in float32 would round."""
    layer = layers.Dense(2, use_bias=False)
    layer.build((None, 3000))
    kernel = np.ones((3000, 2), "float32")
    kernel[::2, 1] = -1 / 127
    layer.kernel.assign(kernel)
    layer.quantize("int8")
    x = np.ones((2, 3000), "float32")
    x[1, 5] = 2.5 / 127
    scale = np.float32(127) / np.float32(1 + 1e-7)
    sums = np.array([[3000 * 127**2, 1500 * 127 * 126]] * 2, "int64")
    sums[1] -= [125 * 127, 125 * 127]  # an odd place: 2 where 127 was
    wanted = sums.astype("float32") / (scale * scale)
    np.testing.assert_array_equal(layer(x).numpy(), wanted)
    compiled = keras.function(lambda t: layer(t))
    np.testing.assert_array_equal(compiled(x).numpy(), wanted)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_weights_take_a_quarter_or_an_eighth(mode):
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            layers.Embedding(200, 64),
            layers.Dense(256),
            layers.Dense(64),
        ]
    )
    before = sum(w.nbytes for w in model.get_weights())
    y = model.predict(np.arange(8).reshape(2, 4), verbose=0)
    model.quantize(mode)
    after = sum(w.nbytes for w in model.get_weights())
    assert after < before * {"int8": 0.27, "int4": 0.165}[mode]
    found = model.predict(np.arange(8).reshape(2, 4), verbose=0)
    assert np.abs(found - y).max() < np.abs(y).max() * {"int8": 0.03, "int4": 0.5}[mode]
    assert (found != y).any()  # no program of before is run


@pytest.mark.parametrize("mode", ["int8", "int4"])
@pytest.mark.parametrize("first", ["lora", "quantize"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Dense(6),
        lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 6)),
        lambda: layers.Embedding(11, 6),
        lambda: layers.ReversibleEmbedding(11, 6),
    ],
)
def test_corrections_of_low_rank(make, first, mode):
    layer = make()
    x = sample(None if isinstance(layer, layers.Embedding) else (2, 3, 8))
    layer(x)
    for step in (first, "quantize" if first == "lora" else "lora"):
        if step == "lora":
            layer.enable_lora(2, lora_alpha=3)
        else:
            layer.quantize(mode)
    y = layer(x).numpy()
    factors = layer._factors()
    assert all(f.trainable and f.dtype == "float32" for f in factors)
    assert layer.get_config()["lora_rank"] == 2
    factors[1].assign(RNG.normal(size=factors[1].shape) * 0.1)
    corrected = layer(x).numpy()
    assert np.abs(corrected - y).max() > 1e-3
    if isinstance(layer, layers.ReversibleEmbedding):
        scores = layer(ops.convert_to_tensor(corrected), reverse=True).numpy()
        table = layer.embeddings.numpy()
        np.testing.assert_allclose(scores, corrected @ table.T, atol=0.01)
    store = kept(layer)
    assert len(store) == len(layer._own_variables())
    copy = type(layer).from_config(layer.get_config())
    copy.build(() if isinstance(layer, layers.Embedding) else x.shape)
    copy.load_own_variables(store)
    step = np.abs(corrected).max() * {"int8": 0.05, "int4": 0.9}[mode]
    np.testing.assert_allclose(copy(x).numpy(), corrected, atol=step)
    assert not copy._factors()[1].numpy().any()


def gradient(layer, x):
    def square(t):
        with keras.GradientTape() as tape:
            tape.watch(t)
            total = ops.sum(layer(t) ** 2)
        return tape.gradient(total, t)

    t = ops.convert_to_tensor(x)
    eager, compiled = square(t).numpy(), keras.function(square)(t).numpy()
    np.testing.assert_allclose(compiled, eager, rtol=1e-5, atol=1e-5)
    return eager


@pytest.mark.parametrize("way", ["int8", "int8 weights", "int4", "int4 inputs"])
def test_gradients_go_through_as_if_inputs_were_not_rounded(way):
    layer = layers.Dense(5, use_bias=False)
    x = sample((3, 8))
    layer(x)
    layer.quantize(config=WAYS[way](quantizers))
    stored = layer._stored["kernel"]
    floats = stored.floats(layer._variable, "float32").numpy()
    wanted = 2 * layer(x).numpy() @ floats.T
    np.testing.assert_allclose(gradient(layer, x), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["dense", "heads"])
def test_training_in_float8(name):
    make, shape = LAYERS[name]
    x = 30 * sample((4, *shape[1:]))
    models, losses = [], []
    for k in (real(), keras):
        model = k.Sequential([k.Input(shape[1:]), make(k)])
        if models:
            model.set_weights([np.asarray(w) for w in models[0].get_weights()])
        models.append(model)
    first = [np.asarray(w) for w in models[0].get_weights()]
    y = np.cos(np.asarray(models[0](x)))
    for k, model in zip((real(), keras), models, strict=True):
        model.set_weights(first)
        model.layers[-1].quantize("float8")
        model.compile(k.optimizers.Adam(0.01), "mse")
        losses.append([float(model.train_on_batch(x, y)) for _ in range(4)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    for a, b in zip(models[1].get_weights(), models[0].get_weights(), strict=True):
        np.testing.assert_allclose(a, np.asarray(b), rtol=1e-3, atol=1e-4)
    assert models[1].layers[-1].inputs_amax_history.numpy().any()


def test_what_cannot_be_quantized():
    dense = layers.Dense(3)
    with pytest.raises(ValueError, match=r"quantize\(\) comes after building"):
        dense.quantize("int8")
    dense.build((None, 4))
    for arguments, words in (
        ({}, "neither mode nor config"),
        ({"mode": "abc"}, "mode='abc'; expected one of"),
        ({"config": {"a": 1}}, "expected a keras.quantizers.QuantizationConfig"),
        (
            {"mode": "int4", "config": quantizers.Int8QuantizationConfig()},
            "the config's mode is 'int8'",
        ),
        ({"mode": "gptq"}, "GPTQConfig"),
        (
            {"config": quantizers.Int8QuantizationConfig(quantizers.AbsMaxQuantizer())},
            r"Give it axis=\(0,\)",
        ),
    ):
        with pytest.raises(ValueError, match=words):
            dense.quantize(**arguments)
    assert dense.kernel.dtype == "float32" and dense.quantization_mode is None
    assert len(dense.weights) == 2 and dense.quantization_config is None
    dense.quantize("int8")
    with pytest.raises(ValueError, match=r"quantized already.*int8_from_float32"):
        dense.quantize("int4")
    half = layers.Dense(3, dtype="mixed_float16")
    half.build((None, 4))
    with pytest.raises(ValueError, match="computes in float16"):
        half.quantize("int8")

    class Own(layers.Dense):
        pass

    own = Own(3)
    own.build((None, 4))
    with pytest.raises(NotImplementedError, match="type_check=False"):
        own.quantize("int8")
    own.quantize("int8", type_check=False)
    assert own.kernel.dtype == "int8"
    other = layers.BatchNormalization()
    other.build((None, 4))
    with pytest.raises(NotImplementedError, match="says of no weights that"):
        other.quantize("int8")
    with pytest.raises(NotImplementedError, match=r"dtype='int8_from_float32'"):
        layers.Conv2D(2, 3, dtype="int8_from_float32")(np.ones((1, 4, 4, 1)))
    with pytest.raises(ValueError, match="quantization_config"):
        layers.Dense(1, quantization_config=3)


def test_policies_build_and_quantize():
    for name in ("int8_from_float32", "int4/4_from_float32", "int4_from_float32"):
        built = layers.Dense(6, dtype=name)
        built.build((None, 10))
        assert built._kernel.dtype == "int8" and not built._kernel.trainable
        made = layers.Dense(6)
        made.build((None, 10))
        made.dtype_policy = name
        if name == "int4_from_float32":  # whose blocks the layer's config says
            assert made.quantization_config.block_size == 128
            assert made._int4_block_size == 128 and built._int4_block_size is None
            assert len(made.weights) == 5
            continue
        assert described(made) == described(built)
        assert made.dtype_policy == built.dtype_policy
        twin = layers.Dense.from_config(made.get_config())
        twin.build((None, 10))
        assert described(twin) == described(made)
    short = keras.dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32", 16)
    layer = layers.Dense(2, dtype=short)
    layer.build((None, 3))
    assert layer.kernel_amax_history.shape == (16,)
    attention = layers.MultiHeadAttention(2, 4, dtype="int8_from_float32")
    x = sample((2, 3, 8))
    assert attention(x, x).shape == (2, 3, 8)
    assert sum(v.dtype == "int8" for v in attention.weights) == 4


def test_a_file_with_other_dtypes_is_refused():
    layer = layers.Dense(2, dtype="int8_from_float32")
    layer.build((None, 3))
    good = kept(layer)
    for key, value, words in (
        ("0", good["0"].astype("float32"), "has dtype int8; the file has float32"),
        ("2", good["2"].astype("int32"), "has dtype float32; the file has int32"),
        ("0", good["0"][:2], "shape"),
    ):
        with pytest.raises(ValueError, match=words):
            layer.load_own_variables({**good, key: value})
