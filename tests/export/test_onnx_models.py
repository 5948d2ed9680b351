"""Whole models as ONNX: free sizes, names, structures, dtypes, what is folded."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops
from minikeras.export.onnx_model import onnx_model, write_onnx
from minikeras.export.probing import Spec

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tests.export.running import compare, kinds, onnx, outputs

rng = np.random.default_rng(5)


def normal(*shape):
    return rng.normal(size=shape).astype("float32")


def residual(x, filters, strides):
    y = layers.Conv2D(filters, 3, strides, "same", use_bias=False)(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    if strides > 1:
        x = layers.Conv2D(filters, 1, strides)(x)
    return layers.ReLU()(layers.add([x, y]))


def shaken(model):
    """The model with weights that no initializer would give, statistics too."""
    model.set_weights([w + rng.uniform(0.1, 0.4, w.shape) for w in model.get_weights()])
    return model


def test_batch_normalization_and_layouts_cost_nothing(tmp_path):
    x = keras.Input((16, 16, 3), name="pixels")
    y = residual(residual(layers.Conv2D(4, 3, padding="same")(x), 4, 1), 8, 2)
    y = layers.Dense(10, name="classes")(layers.GlobalAveragePooling2D()(y))
    made = compare(shaken(keras.Model(x, y)), normal(5, 16, 16, 3), tmp_path / "m.onnx")
    names = kinds(made)
    assert names.count("Transpose") == 1  # the picture's, once
    assert names.count("Conv") == 6
    assert names.count("Add") == 3  # two branches and the last bias
    assert not {"Mul", "Sub", "Div", "Sqrt"} & set(names)


def test_names_sizes_and_metadata(tmp_path):
    x = keras.Input((4,), name="features")
    y = layers.Dense(3, name="out")(x)
    made = compare(keras.Model(x, y), normal(2, 4), tmp_path / "m.onnx")
    assert [i.name for i in made.graph.input] == ["features"]
    assert [o.name for o in made.graph.output] == ["out"]
    dims = made.graph.input[0].type.tensor_type.shape.dim
    assert (dims[0].dim_param, dims[1].dim_value) == ("batch", 4)
    assert {t.name for t in made.graph.initializer} == {"out/kernel", "out/bias"}
    assert made.producer_name == "minikeras"
    assert {p.key for p in made.metadata_props} >= {"minikeras_version", "opset"}
    assert made.opset_import[0].version == 21


def test_a_picture_of_any_size(tmp_path):
    x = keras.Input((None, None, 3))
    a = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    b = layers.Conv2D(8, 3, padding="same", activation="gelu")(layers.MaxPooling2D()(a))
    c = layers.Concatenate()([a, layers.UpSampling2D()(b)])
    c = layers.Conv2DTranspose(4, 2, strides=2)(layers.LayerNormalization()(c))
    model = keras.Model(x, layers.Conv2D(2, 1, activation="sigmoid")(c))
    compare(model, normal(2, 16, 24, 3), tmp_path / "unet.onnx")
    compare(model, normal(1, 6, 10, 3), tmp_path / "unet.onnx")


@pytest.mark.parametrize("size", [(9, 8), (15, 11), (32, 33), (7, 21)])
def test_strides_over_a_picture_of_any_size(size, tmp_path):
    """Sizes that strides do not divide: the padding of "same" follows the size."""
    x = keras.Input((None, None, 3))
    wide = layers.Conv2D(4, 3, strides=(2, 3), padding="same")(x)
    found = [
        layers.AveragePooling2D(3, 2, padding="same")(wide),
        layers.MaxPooling2D(2, padding="same")(wide),
        layers.DepthwiseConv2D(3, strides=2, padding="same")(wide),
        layers.Conv2DTranspose(2, 3, strides=2, padding="same")(wide),
        layers.MaxPooling2D(2)(layers.Conv2D(2, 2, strides=2)(x)),
    ]
    outputs = [*found, layers.GlobalAveragePooling2D()(found[0])]
    outputs.append(ops.reshape(found[-1], (-1, 2)))
    model = keras.Model(x, outputs)
    made = compare(model, normal(2, *size, 3), tmp_path / "any.onnx")
    assert kinds(made).count("Conv") == 3
    fixed = keras.Model(x, layers.Conv2D(2, 3, padding="same")(x))
    fixed.export(tmp_path / "fixed.onnx")
    (conv,) = (n for n in onnx.load(tmp_path / "fixed.onnx").graph.node
               if n.op_type == "Conv")  # fmt: skip
    assert "auto_pad" not in [a.name for a in conv.attribute]


def test_strides_over_a_sound_of_any_length(tmp_path):
    x = keras.Input((None, 2))
    y = layers.Conv1D(4, 5, strides=4, padding="same", activation="relu")(x)
    y = layers.SeparableConv1D(4, 3, strides=2, padding="same")(y)
    y = layers.AveragePooling1D(2, padding="same")(y)
    model = keras.Model(x, [y, layers.LSTM(3)(y)])
    for length in (5, 16, 37):
        compare(model, normal(2, length, 2), tmp_path / "sound.onnx")


def test_arrays_made_from_free_sizes_name_the_layer(tmp_path):
    x = keras.Input((None, 2))
    call = layers.Lambda(lambda x: x + np.arange(x.shape[1])[:, None], name="counted")
    model = keras.Model(x, call(x))
    with pytest.raises(ValueError, match="counted' is made from sizes"):
        model.export(tmp_path / "m.onnx")


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_each_size_beside_each_stride(width, stride, tmp_path):
    x = keras.Input((None, None, None, 1))
    model = keras.Model(x, layers.Conv3D(2, width, strides=stride, padding="same")(x))
    model.export(tmp_path / "m.onnx")
    for size in range(4, 9):
        inputs = normal(1, size, size + 1, size + 2, 1)
        wanted = model(inputs).numpy()
        (got,) = outputs(tmp_path / "m.onnx", inputs)
        np.testing.assert_allclose(got, wanted, atol=1e-5)


class Positions(layers.Layer):
    def __init__(self):
        super().__init__()
        self.table = layers.Embedding(64, 8)

    def call(self, x):
        return x + self.table(ops.arange(ops.shape(x)[1]))


@pytest.mark.parametrize("length", [1, 11])
def test_a_text_of_any_length(length, tmp_path):
    x = keras.Input((None,), dtype="int32")
    y = Positions()(layers.Embedding(20, 8)(x))
    heads = layers.MultiHeadAttention(2, 4)(y, y, use_causal_mask=True)
    y = layers.LayerNormalization()(y + heads)
    model = keras.Model(x, layers.Dense(3)(y))
    compare(
        model, rng.integers(0, 20, (2, length)).astype("int32"), tmp_path / "t.onnx"
    )


@pytest.mark.parametrize("mask_zero", [False, True])
def test_recurrent_layers(mask_zero, tmp_path):
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(10, 4, mask_zero=mask_zero),
            layers.LSTM(5, return_sequences=True),
            layers.Bidirectional(layers.GRU(3, return_sequences=True)),
            layers.SimpleRNN(6, activation="relu"),
        ]
    )
    made = compare(
        shaken(model), rng.integers(0, 10, (4, 9)).astype("int32"), tmp_path / "r.onnx"
    )
    own = {"LSTM", "GRU", "RNN"}
    assert own <= set(kinds(made)) if not mask_zero else "Scan" in kinds(made)


def test_several_inputs_and_outputs_in_structures(tmp_path):
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, activation="swish"), layers.Dropout(0.5)]
    )
    h = layers.concatenate([inner(a), b])
    one, two = layers.Dense(2, name="one")(h), layers.Dense(1, name="two")(h)
    x = [normal(3, 4), normal(3, 3)]
    compare(keras.Model([a, b], {"u": one, "v": two}), x, tmp_path / "m.onnx")
    extra = ops.logsumexp(two * 3 + ops.sum(h, axis=1, keepdims=True), axis=-1)
    model = keras.Model({"a": a, "b": b}, [one, extra])
    compare(model, {"a": x[0], "b": x[1]}, tmp_path / "m.onnx")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.rows = layers.GRU(4)
        self.head = layers.Dense(3)

    def call(self, x, training=False):
        return self.head(self.rows(x))


def test_a_subclassed_model_after_a_call_and_before(tmp_path):
    model = Subclassed()
    with pytest.raises(ValueError, match="was not built"):
        model.export(tmp_path / "m.onnx")
    model(normal(2, 5, 3))
    compare(model, normal(3, 5, 3), tmp_path / "m.onnx")
    spec = keras.InputSpec(shape=(None, None, 3), dtype="float32", name="rows")
    made = compare(model, normal(3, 8, 3), tmp_path / "m.onnx", input_signature=[spec])
    assert made.graph.input[0].name == "rows"


class Loops(layers.Layer):
    """Control flow that stays in the graph."""

    def call(self, x):
        total, steps = ops.scan(lambda c, row: (c + row, c * row), x[0] * 0, x)
        doubled = ops.fori_loop(
            0, 3, lambda i, c: c * 1.5 + ops.cast(i, "float32"), total
        )
        grown = ops.while_loop(
            lambda c: ops.sum(c) < 100, lambda c: (ops.abs(c) * 2 + 1,), (doubled,)
        )
        halved = ops.cond(
            ops.sum(x) > 0,
            lambda: ops.scan(lambda c, r: (c + r, r), grown[0], steps)[0],
            lambda: ops.scan(lambda c, r: (c - r, r), grown[0], steps)[0],
        )
        return steps + halved


def test_loops_and_conditions(tmp_path):
    x = keras.Input(batch_shape=(6, 3))
    model = keras.Model(x, Loops()(x))
    for sign in (1, -1):
        compare(model, sign * np.abs(normal(6, 3)), tmp_path / "l.onnx", rtol=1e-4)


@pytest.mark.filterwarnings("ignore:Policy")
@pytest.mark.parametrize("policy", ["float16", "mixed_float16", "mixed_bfloat16"])
def test_half_types(policy, tmp_path):
    wide = None if policy == "float16" else "float32"
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu", dtype=policy),
            layers.BatchNormalization(dtype=policy),
            layers.Flatten(dtype=policy),
            layers.Dense(3, dtype=wide or policy),
        ]
    )
    compare(model, normal(2, 8, 8, 1), tmp_path / "h.onnx", rtol=2e-2)


def test_float64_and_integers(tmp_path):
    x = keras.Input((6,), dtype="int64")
    y = (
        ops.sort(x * 3 - 7, axis=-1) // 2
        + ops.cast(ops.argmax(x, axis=-1), "int64")[:, None]
    )
    compare(keras.Model(x, y), rng.integers(-9, 9, (4, 6)), tmp_path / "i.onnx")
    x = keras.Input((6,), dtype="float64")
    y = layers.Dense(2, dtype="float64", activation="tanh")(x)
    compare(
        keras.Model(x, y),
        normal(4, 6).astype("float64"),
        tmp_path / "d.onnx",
        rtol=1e-12,
    )


ELEMENTWISE = [
    "exp", "expm1", "sin", "cos", "tan", "arctan", "sinh", "cosh", "tanh", "arcsinh",
    "erf", "floor", "ceil", "round", "sign", "abs", "square", "sigmoid", "softplus", "gelu",
    "hard_swish", "celu", "log_sigmoid", "isnan", "isfinite", "cumsum", "softmax",
]  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_functions_of_one_array(name, tmp_path):
    x = keras.Input((5,))
    model = keras.Model(x, ops.cast(getattr(ops, name)(x), "float32"))
    values = np.concatenate([normal(8, 5) * 2, np.full((1, 5), 1e-5, "float32")])
    compare(model, values, tmp_path / "f.onnx")


def test_log1p_keeps_the_digits_of_small_numbers(tmp_path):
    x = keras.Input((4,))
    values = np.float32([[1e-7, 1e-3, -0.5, 1e30]])
    compare(keras.Model(x, ops.log1p(x)), values, tmp_path / "f.onnx")
    (got,) = outputs(tmp_path / "f.onnx", [values])
    np.testing.assert_allclose(got, np.log1p(values), rtol=1e-6)


PAIRS = ["mod", "floor_divide", "arctan2", "maximum", "power", "logaddexp", "greater"]


@pytest.mark.parametrize("name", PAIRS)
def test_functions_of_two_arrays(name, tmp_path):
    a, b = keras.Input((5,)), keras.Input((5,))
    model = keras.Model([a, b], ops.cast(getattr(ops, name)(a, b), "float32"))
    x, y = normal(6, 5), normal(6, 5)
    compare(model, [np.abs(x) if name == "power" else x, y], tmp_path / "f.onnx")


def test_reading_and_writing_at_positions(tmp_path):
    x, i = (
        keras.Input(batch_shape=(4, 5)),
        keras.Input(batch_shape=(4, 2), dtype="int32"),
    )
    y = ops.concatenate(
        [
            ops.take_along_axis(x, i, axis=1),
            ops.segment_sum(x, i[:, 0], num_segments=4),
            ops.scatter(i, x[:, 0], (5, 5))[:4],
            ops.slice_update(x, ops.stack([i[0, 0], 0]), x[:1, :3]),
            ops.flip(ops.roll(x, 2, axis=1), axis=1),
            ops.one_hot(i[:, 0], 3),
        ],
        axis=1,
    )
    where = np.array([[0, 1], [1, 1], [2, 4], [3, 0]], "int32")
    compare(keras.Model([x, i], y), [normal(4, 5), where], tmp_path / "p.onnx")


def test_what_has_no_form_is_named_at_once(tmp_path):
    x = keras.Input((3, 3))
    y = layers.Lambda(lambda t: ops.inv(t), name="inverse")(x)
    y = layers.Lambda(lambda t: ops.nextafter(t, 0.0), name="strange")(y)
    path = tmp_path / "m.onnx"
    with pytest.raises(ValueError, match=r"nextafter \(in .*strange"):
        keras.Model(x, y).export(path)
    with pytest.raises(ValueError, match=r"\(in .*inverse\)"):
        keras.Model(x, y).export(path)
    assert not path.exists()


@pytest.mark.parametrize("format", ["tf_saved_model", "litert", "openvino", "cloud"])
def test_other_formats_say_which_exists(format, tmp_path):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    with pytest.raises(ValueError, match="format='onnx'"):
        model.export(tmp_path / "folder", format=format)
    with pytest.raises(ValueError, match="opset"):
        model.export(tmp_path / "m.onnx", opset_version=7)
    with pytest.raises(ValueError, match="opset_version"):
        model.export(tmp_path / "m.onnx", is_static=True)


def test_an_archive_of_several_endpoints(tmp_path, capsys):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2)])
    archive = keras.export.ExportArchive()
    archive.track(model)
    spec = keras.InputSpec(shape=(None, 4), dtype="float32")
    archive.add_endpoint("hidden", lambda x: model.layers[0](x), [spec])
    archive.add_endpoint("serve", model)
    archive.add_variable_collection("all", model.variables)
    assert len(archive.trainable_variables) == 4
    with pytest.raises(ValueError, match="already"):
        archive.add_endpoint("serve", model)
    archive.write_out(tmp_path / "out")
    assert "serve" in capsys.readouterr().out
    x = normal(3, 4)
    (got,) = outputs(tmp_path / "out" / "hidden.onnx", [x])
    np.testing.assert_allclose(got, model.layers[0](x), rtol=1e-6)
    (got,) = outputs(tmp_path / "out" / "serve.onnx", [x])
    np.testing.assert_allclose(got, model.predict(x, verbose=0), rtol=1e-6)


def test_a_failed_export_keeps_the_old_file(tmp_path, monkeypatch):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    path = tmp_path / "m.onnx"
    model.export(path)
    before = path.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        model.export(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]


def test_large_models_keep_their_arrays_beside(tmp_path, monkeypatch):
    monkeypatch.setattr("minikeras.export.onnx_model._EXTERNAL_ABOVE", 1000)
    model = keras.Sequential([keras.Input((40,)), layers.Dense(30)])
    compare(model, normal(2, 40), tmp_path / "big.onnx")
    assert (tmp_path / "big.onnx.data").stat().st_size >= 4800
    assert (tmp_path / "big.onnx").stat().st_size < 4800
    # Again: the old model has its arrays until the new one is whole.
    compare(model, normal(2, 40), tmp_path / "big.onnx")
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["big.onnx", "big.onnx.2.data"]
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}

    def fail(*args):
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr("os.replace", fail)
        with pytest.raises(OSError, match="disk full"):
            model.export(tmp_path / "big.onnx")
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_arrays_beside_of_every_float(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr("minikeras.export.onnx_model._EXTERNAL_ABOVE", 1000)
    dense = layers.Dense(30, dtype=dtype, use_bias=False)
    model = keras.Sequential([keras.Input((40,), dtype=dtype), dense])
    model.export(tmp_path / "m.onnx", verbose=False)
    read = onnx.load(tmp_path / "m.onnx")
    found = [onnx.numpy_helper.to_array(t) for t in read.graph.initializer]
    (kernel,) = [a for a in found if a.shape == (40, 30)]
    np.testing.assert_array_equal(
        kernel.astype("float64"), model.weights[0].numpy().astype("float64")
    )


def test_shapes_that_python_branches_on_are_refused():
    def fickle(x):
        return ops.sum(x, axis=0) if x.shape[0] > 8 else x[0] * 2

    with pytest.raises(ValueError, match="input_signature"):
        onnx_model(fickle, [Spec("x", "float32", ("batch", 3))])


def test_a_model_that_is_wrong_is_not_written(tmp_path):
    model = onnx_model(lambda x: x + 1, [Spec("x", "float32", ("batch", 3))])
    model.graph.node[0].op_type = "Nonsense"
    with pytest.raises(onnx.checker.ValidationError):
        write_onnx(model, tmp_path / "wrong.onnx")
    assert not (tmp_path / "wrong.onnx").exists()
