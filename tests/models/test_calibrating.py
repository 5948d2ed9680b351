"""Quantization that looks at data: blocks, files both ways, all or none."""

import copy
import pickle

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, quantizers
from minikeras.models.calibrating import windows
from tests.goldens.oracle import keras as real

RNG = np.random.default_rng(1)
TOKENS = RNG.integers(0, 40, (12, 16))
X = TOKENS[:4].astype("int32")


def network(k, attention=False):
    table = k.layers.Embedding(40, 24, name="words")
    first = k.Sequential(
        [k.layers.Dense(32, "relu", name="wide"), k.layers.Dense(24, name="back")],
        name="first",
    )
    inner = [k.layers.EinsumDense("abc,cde->abde", (None, 4, 7), name="out")]
    inner += [k.layers.EinsumDense("abde,dec->abc", (None, 24), name="in")]
    second = k.Sequential(inner, name="second")
    x = k.Input((16,), dtype="int32")
    y = second(first(table(x)))
    blocks = [first, second]
    if attention:
        heads = k.layers.MultiHeadAttention(2, 8, name="heads")
        z = k.Input((16, 24))
        blocks.append(k.Model(z, heads(z, z), name="third"))
        y = blocks[-1](y)
    model = k.Model(x, k.layers.Dense(3, name="last")(y))
    rng = np.random.default_rng(7)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0.0, 0.3, weight.shape))
    return model, {"pre_block_layers": [table], "sequential_blocks": blocks}


def config(q, way, structure, dataset=None, **more):
    made = {"gptq": q.GPTQConfig, "awq": q.AWQConfig}[way]
    options = {"num_samples": 12, "sequence_length": 16, "group_size": 8}
    options |= {"quantization_layer_structure": structure, **more}
    data = list(TOKENS) if dataset is None else dataset
    return made(data, lambda x: x, **options)


def policies(model):
    found = {layer.name: layer.quantization_mode for layer in model._flatten_layers()}
    return {name: mode for name, mode in found.items() if mode is not None}


pytestmark = pytest.mark.filterwarnings("ignore:model .*have weights that stay")


@pytest.mark.parametrize("way", ["gptq", "awq"])
@pytest.mark.parametrize("attention", [False, True])
def test_layers_in_blocks(way, attention, tmp_path):
    model, structure = network(keras, attention)
    before = model.predict(X, verbose=0)
    count = model.count_params()
    model.quantize(config=config(quantizers, way, structure))
    names = {"wide", "back", "out", "in"}
    names |= {"query", "key", "value", "attention_output"} if attention else set()
    assert policies(model) == dict.fromkeys(names, way)
    found = model.predict(X, verbose=0)
    assert 0 < np.square(found - before).mean() < 0.05 * before.var()
    assert model.count_params() != count
    model.save(tmp_path / "m.keras")
    back = keras.models.load_model(tmp_path / "m.keras")
    assert policies(back) == policies(model)
    np.testing.assert_array_equal(back.predict(X, verbose=0), found)
    model.compile("sgd", "mse")
    model.fit(X, before, verbose=0)  # what stays floats learns on


def test_data_make_it_better():
    """Than each weight rounded by itself, on data of the same kind."""
    off = {}
    for way in ("gptq", "awq", None):
        keras.utils.set_random_seed(0)
        model, structure = network(keras)
        wanted = model(TOKENS).numpy()
        for block in structure["sequential_blocks"]:
            for part in block.layers:
                part.kernel.assign(
                    np.random.default_rng(5).normal(size=part.kernel.shape)
                )
        wanted = model(TOKENS).numpy()
        if way is None:
            for block in structure["sequential_blocks"]:
                for part in block.layers:
                    part.quantize("gptq", config=config(quantizers, "gptq", None))
        else:
            model.quantize(config=config(quantizers, way, structure))
        off[way] = np.square(model(TOKENS).numpy() - wanted).mean()
    assert off["gptq"] < 0.6 * off[None]
    assert off["awq"] < off[None]


@pytest.mark.parametrize(
    ("bits", "options"),
    [
        (2, {}),
        (3, {"group_size": -1}),
        (4, {"symmetric": True, "group_size": 5}),
        (8, {"activation_order": True}),
        (4, {"per_channel": False}),
    ],
)
def test_a_layer_by_itself(bits, options, tmp_path):
    layer = layers.Dense(7)
    layer.build((None, 12))
    floats = layer.kernel.numpy()
    given = quantizers.GPTQConfig(None, None, weight_bits=bits, **options)
    layer.quantize("gptq", config=given)
    assert layer.is_gptq_calibrated and not layer.is_awq_calibrated
    assert layer.quantized_kernel.dtype == "uint8"
    assert layer.kernel.shape == (7, 12)
    found = layer(np.eye(12)).numpy()
    np.testing.assert_allclose(found, floats, atol=1.2 / (2**bits - 1))
    again = layers.Dense.from_config(layer.get_config())
    again.build((None, 12))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(np.eye(12)).numpy(), found)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", ["gptq", "awq"])
@pytest.mark.parametrize(
    "options", [{}, {"group_size": -1}, {"weight_bits": 3}, {"symmetric": True}]
)
def test_files_both_ways_with_keras(way, options, tmp_path):
    if way == "awq" and set(options) - {"group_size"}:
        pytest.skip("AWQ has no such option")
    model, structure = network(keras)
    turn(structure, quantizers, way, options)
    wanted = model(X).numpy()
    model.save(tmp_path / "ours.keras")
    back = real().models.load_model(tmp_path / "ours.keras")
    for layer in back._flatten_layers():
        setattr(layer, f"is_{way}_calibrated", True)
    np.testing.assert_allclose(np.asarray(back(X)), wanted, atol=1e-5)
    model, structure = network(real())
    turn(structure, real().quantizers, way, options)
    wanted = np.asarray(model(X))
    model.save(tmp_path / "theirs.keras")
    if "symmetric" in options:
        back = keras.models.load_model(tmp_path / "theirs.keras")
        np.testing.assert_allclose(back(X).numpy(), wanted, atol=1e-5)
    else:  # nor does Keras load it
        with pytest.raises(ValueError, match=r"Keras 3\.15 leaves out `kernel_zero`"):
            keras.models.load_model(tmp_path / "theirs.keras")


def turn(structure, q, way, options):
    """By layer: Keras turns those outside of the blocks too, whose weights are lost."""
    for block in structure["sequential_blocks"]:
        for part in block.layers:
            part.quantize(way, config=config(q, way, None, **options))
            if q is not quantizers:
                fill(part, way, 8 if "symmetric" in options else None)


def fill(part, way, zero):
    """Numbers for a layer of Keras, which has none before it looked at data."""
    rng = np.random.default_rng(9)
    for variable in part.variables:
        kind = str(variable.dtype)
        if kind == "uint8":
            kernel = variable is part.quantized_kernel
            values = rng.integers(0, 256 if kernel else 16, variable.shape)
            if zero is not None and not kernel:
                values[...] = zero
            variable.assign(values.astype("uint8"))
        elif variable.name.endswith(("scale", "scales")):
            variable.assign(rng.uniform(0.5, 1.0, variable.shape) / 40)
        elif variable.name == "g_idx":
            variable.assign(np.arange(variable.shape[0]) / 8)
    setattr(part, f"is_{way}_calibrated", True)


def test_arguments_and_all_or_none(monkeypatch):
    model, structure = network(keras)
    weights = [w.copy() for w in model.get_weights()]
    good = config(quantizers, "gptq", structure)
    for wrong, words in (
        (
            quantizers.GPTQConfig(None, None, quantization_layer_structure=structure),
            "None",
        ),
        (
            quantizers.GPTQConfig(
                ["a b"], None, quantization_layer_structure=structure
            ),
            "tok",
        ),
        (
            quantizers.AWQConfig([], None, quantization_layer_structure=structure),
            "no tokens",
        ),
        (
            quantizers.AWQConfig([[0.5]], None, quantization_layer_structure=structure),
            "flo",
        ),
        (config(quantizers, "awq", None), "get_quantization_layer_structure"),
        (config(quantizers, "awq", {"pre_block_layers": []}), "sequential_blocks"),
    ):
        with pytest.raises(ValueError, match=words):
            model.quantize(config=wrong)
    last = structure["sequential_blocks"][1].layers[0]

    def broken(x):
        raise RuntimeError("a block that fails")

    with monkeypatch.context() as patch:
        patch.setattr(last, "call", broken)
        with pytest.raises(RuntimeError, match="a block that fails"):
            model.quantize(config=good)
    assert policies(model) == {}
    for a, b in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)
    model.quantize(config=good, filters="wide")
    assert policies(model) == {"wide": "gptq"}
    with pytest.raises(ValueError, match="quantized already"):
        model.quantize(config=good)


def test_a_model_that_says_its_blocks_and_texts():
    class Own(keras.Model):
        def get_quantization_layer_structure(self, mode=None):
            return {
                "pre_block_layers": [self.layers[1]],
                "sequential_blocks": self.blocks,
            }

    base, structure = network(keras)
    model = Own(base.inputs, base.outputs)
    model.blocks = structure["sequential_blocks"]
    letters = [ord(c) % 40 for c in "a few words that are gone round again"]
    texts = ["a few words", " that are gone round again"]
    given = quantizers.GPTQConfig(
        texts, lambda t: [ord(c) % 40 for c in t], num_samples=3, sequence_length=16
    )
    model.quantize(config=given)
    assert set(policies(model)) == {"wide", "back", "out", "in"}
    np.testing.assert_array_equal(
        windows(given, "m"), [letters[0:16], letters[10:26], letters[21:37]]
    )
    short = quantizers.GPTQConfig([[1, 2, 3]], None, num_samples=2, sequence_length=5)
    np.testing.assert_array_equal(windows(short, "m"), [[1, 2, 3, 1, 2]])


def test_no_low_rank_adaptation():
    layer = layers.Dense(4)
    layer.build((None, 8))
    layer.quantize("awq", config=quantizers.AWQConfig(None, None, group_size=4))
    with pytest.raises(NotImplementedError, match="mode='awq' exclude"):
        layer.enable_lora(2)
    other = layers.Dense(4)
    other.build((None, 8))
    other.enable_lora(2)
    with pytest.raises(NotImplementedError, match="mode='gptq' exclude"):
        other.quantize("gptq", config=quantizers.GPTQConfig(None, None))
    tall = layers.EinsumDense("abc,cdef->abdef", (None, 2, 3, 4))
    tall.build((None, 2, 8))
    with pytest.raises(NotImplementedError, match="expected 2 or 3 axes"):
        tall.quantize("gptq", config=quantizers.GPTQConfig(None, None))
    assert tall.quantization_mode is None and tall.kernel.dtype == "float32"


@pytest.mark.parametrize("way", ["int8", "int4", "gptq", "awq"])
def test_pickled(way):
    """With how their weights lie."""
    kinds = {"gptq": quantizers.GPTQConfig, "awq": quantizers.AWQConfig}
    given = kinds[way](None, None) if way in kinds else None
    made = [
        (layers.Dense(3), (2, 4)),
        (layers.EinsumDense("abc,cd->abd", (None, 3)), (2, 5, 4)),
    ]
    if given is None:
        made += [(layers.Embedding(5, 4), (2, 3))]
        made += [(layers.ReversibleEmbedding(5, 4, tie_weights=False), (2, 3))]
    for layer, shape in made:
        layer.build(shape)
        layer.quantize(way, config=given)
        x = RNG.integers(0, 5, shape)
        x = x if "Embedding" in type(layer).__name__ else x.astype("float32")
        back = pickle.loads(pickle.dumps(layer))
        np.testing.assert_array_equal(back(x).numpy(), layer(x).numpy())


@pytest.mark.parametrize("way", ["gptq", "awq"])
def test_data_that_are_not_finite(way):
    """Tokens that the table lacks are NaN there, and would make all weights NaN."""
    model, structure = network(keras)
    weights = model.get_weights()
    wrong = config(quantizers, way, structure, dataset=[[1, 2, 999]])
    with pytest.raises(ValueError, match=r"'wide'.*not finite"):
        model.quantize(config=wrong)
    assert policies(model) == {}
    for a, b in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("way", ["int4", "gptq"])
@pytest.mark.parametrize("wrong", [-1.0, 3.0, np.nan, np.inf])
def test_files_with_groups_that_are_not_there(way, wrong):
    layer = layers.Dense(4, name="d")
    layer.build((None, 6))
    given = {
        "int4": quantizers.Int4QuantizationConfig(block_size=2),
        "gptq": quantizers.GPTQConfig(None, None, group_size=2),
    }[way]
    layer.quantize(config=given)
    store = {}
    layer.save_own_variables(store)
    before = layer.get_weights()
    last = str(len(store) - 1)
    store[last] = np.array(store[last], "float32")
    store[last][2] = wrong
    with pytest.raises(ValueError, match=r"'d'.*g_idx' holds numbers from 0 to 2"):
        layer.load_own_variables(store)
    for a, b in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_files_with_integers_that_would_go_round():
    layer = layers.Dense(4, name="d")
    layer.build((None, 6))
    layer.quantize(config=quantizers.GPTQConfig(None, None))
    store = {}
    layer.save_own_variables(store)
    store["1"] = store["1"].astype("int32") + 300
    with pytest.raises(ValueError, match=r"'d'.*holds numbers from 0 to 255"):
        layer.load_own_variables(store)


def test_layers_keep_no_data():
    """Nor the blocks of the model: else each copy of a layer would have them too."""
    model, structure = network(keras)
    once = config(quantizers, "gptq", structure, dataset=(t for t in TOKENS))
    model.quantize(config=once)
    layer = structure["sequential_blocks"][0].layers[0]
    back = pickle.loads(pickle.dumps(layer))
    assert back.quantization_config.quantization_layer_structure is None
    assert once.quantization_layer_structure is structure
    found = copy.deepcopy(model).predict(X, verbose=0)
    np.testing.assert_array_equal(found, model.predict(X, verbose=0))


def test_wrong_tokens_and_blocks():
    model, structure = network(keras)
    wrong = config(quantizers, "gptq", structure, dataset=[np.array([2**40])])
    with pytest.raises(ValueError, match="int32"):
        model.quantize(config=wrong)
    named = {"pre_block_layers": [], "sequential_blocks": ["first"]}
    with pytest.raises(ValueError, match="'first' is among the blocks"):
        model.quantize(config=config(quantizers, "gptq", named))


def test_after_a_failure_a_variable_of_two_layers_is_what_it_was(monkeypatch):
    first, second, last = (layers.Dense(6) for _ in range(3))
    model = keras.Sequential([keras.Input((6,)), first, second, last])
    second.__dict__["_kernel"] = first._kernel  # as a layer that ties weights may
    wanted = first.kernel.numpy().copy()
    table = layers.Embedding(40, 6)
    structure = {
        "pre_block_layers": [table],
        "sequential_blocks": [first, second, last],
    }

    def broken(x):
        raise RuntimeError("a block that fails")

    monkeypatch.setattr(last, "call", broken)
    with pytest.raises(RuntimeError, match="a block that fails"):
        model.quantize(config=config(quantizers, "gptq", structure))
    np.testing.assert_array_equal(first.kernel.numpy(), wanted)
