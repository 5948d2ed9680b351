"""One file for every size: what is written from several probes holds for others too."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from minikeras.export.errors import ExportError
from tests.export.running import outputs

rng = np.random.default_rng(5)


def same(model, path, *shapes, rtol=1e-5):
    model.export(path, verbose=False)
    for shape in shapes:
        x = rng.uniform(0.1, 0.9, shape).astype("float32")
        (got,) = outputs(path, [x])
        wanted = model.predict(x, verbose=0)
        assert got.shape == wanted.shape
        np.testing.assert_allclose(
            got, wanted, rtol=0, atol=rtol * np.abs(wanted).max()
        )


PICTURES = {
    "centre crop": layers.CenterCrop(4, 5),
    "mean of 3 x 4 parts": layers.AdaptiveAveragePooling2D((3, 4)),
    "greatest of 3 x 4 parts": layers.AdaptiveMaxPooling2D((3, 4)),
    "strides beyond the window": layers.MaxPooling2D(2, 3, padding="same"),
    "means, strides beyond the window": layers.AveragePooling2D(2, 3, padding="same"),
    "means, divided or not": layers.AveragePooling2D(2, padding="same"),
    "convolution, strides beyond the window": layers.Conv2D(2, 1, 3, padding="same"),
    **{
        f"resizing {how}": layers.Resizing(7, 9, interpolation=how)
        for how in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
    },
    **{
        f"upsampling {how}": layers.UpSampling2D((2, 3), interpolation=how)
        for how in ("nearest", "bilinear", "bicubic", "lanczos5")
    },
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name, tmp_path):
    x = keras.Input((None, None, 2))
    model = keras.Model(x, PICTURES[name](x))
    same(model, tmp_path / "m.onnx", (1, 9, 13, 2), (3, 8, 12, 2), (2, 31, 10, 2))


def test_volumes_of_more_places_than_float32_counts(tmp_path):
    x = keras.Input((None, None, None, 2))
    model = keras.Model(x, layers.GlobalAveragePooling3D()(x))
    same(model, tmp_path / "m.onnx", (2, 3, 4, 5, 2), (1, 8, 2, 6, 2))


FUNCTIONS = {
    "running products": lambda x: ops.cumprod(x, axis=1),
    "products of the batch": lambda x: ops.cumprod(x, axis=0),
    "window written": lambda x: ops.slice_update(
        ops.zeros_like(x), ops.array([0, 0]), x
    ),
    "vectors on the diagonal": lambda x: ops.diagflat(x, k=1),
    "greatest of segments": lambda x: ops.segment_max(
        x, ops.cast(x[:, 0] * 4, "int32"), 5
    ),
    "products of segments": lambda x: ops.segment_prod(
        x, ops.cast(x[:, 0] * 4, "int32"), 5
    ),
    "error function turned about": lambda x: ops.erfinv(x * 2 - 1),
}


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name, tmp_path):
    archive = keras.export.ExportArchive()
    spec = keras.InputSpec(shape=(None, None), dtype="float32")
    archive.add_endpoint("serve", FUNCTIONS[name], input_signature=[spec])
    archive.write_out(tmp_path / "m.onnx", verbose=False)
    for shape in (1, 7), (5, 2), (16, 12):
        x = rng.uniform(0.1, 0.9, shape).astype("float32")
        (got,) = outputs(tmp_path / "m.onnx", [x])
        wanted = np.asarray(FUNCTIONS[name](x))
        finite = np.abs(wanted) < 1e30
        np.testing.assert_array_equal(finite, np.abs(got) < 1e30)
        np.testing.assert_allclose(got[finite], wanted[finite], rtol=1e-5, atol=2e-6)


def test_shifts_of_integers(tmp_path):
    def shifted(x):
        return ops.left_shift(x, 3), ops.right_shift(x, 2)

    archive = keras.export.ExportArchive()
    spec = keras.InputSpec(shape=(None,), dtype="int32")
    archive.add_endpoint("serve", shifted, input_signature=[spec])
    archive.write_out(tmp_path / "m.onnx", verbose=False)
    x = np.array([-9, -1, 0, 5, 2**20], "int32")
    left, right = outputs(tmp_path / "m.onnx", [x])
    assert left.tolist() == (x << 3).tolist()
    assert right.tolist() == (x >> 2).tolist()


@pytest.mark.parametrize("start", [0, 3])
def test_a_loop_that_starts_at_a_known_number_ends(start, tmp_path):
    def grown(x):
        return ops.while_loop(
            lambda i, x: i < 5, lambda i, x: (i + 1, x * 2.0), (start, x)
        )[1]

    archive = keras.export.ExportArchive()
    archive.add_endpoint(
        "serve", grown, input_signature=[keras.InputSpec(shape=(None,))]
    )
    archive.write_out(tmp_path / "m.onnx", verbose=False)
    # A loop whose end is folded away would run for ever: its condition must be a node.
    import onnx

    (loop,) = onnx.load(tmp_path / "m.onnx").graph.node
    assert "Less" in [n.op_type for n in loop.attribute[0].g.node]
    (got,) = outputs(tmp_path / "m.onnx", [np.ones(2, "float32")])
    assert got.tolist() == [2.0 ** (5 - start)] * 2


def test_models_with_a_greatest_length(tmp_path):
    class Places(layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(shape=(20, shape[-1]), name="table")

        def call(self, x):
            return x + self.table[: x.shape[1]]

        def compute_output_shape(self, shape):
            return shape

    x = keras.Input((None, 3))
    model = keras.Model(x, Places()(x))
    same(model, tmp_path / "m.onnx", (2, 4, 3), (1, 20, 3))


def test_a_keyword_that_depends_on_sizes_is_never_taken_as_fixed(tmp_path):
    """Two calls of a primitive that has no form for keywords which vary."""
    x = keras.Input((None, 4))
    made = layers.Lambda(
        lambda x: ops.max_pool(x, 1 + x.shape[1] // 100, strides=1), name="wide"
    )(x)
    with pytest.raises(ExportError, match="wide"):
        keras.Model(x, made).export(tmp_path / "m.onnx", verbose=False)
