"""Preprocessing layers in exported models: those of numbers run, those of texts say so."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops
from minikeras.export.errors import ExportError

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tests.export.running import compare

rng = np.random.default_rng(5)
ROWS = rng.normal(size=(5, 4)).astype("float32")
NUMBERS = rng.integers(-2, 7, (5, 3))
PICTURES = rng.uniform(0, 255, (3, 8, 8, 3)).astype("float32")
SOUNDS = rng.normal(size=(2, 900)).astype("float32")
KNOWN = [3, 1, 5]


def adapted(layer, data):
    layer.adapt(data)
    return layer


CASES = {
    "normalization": (lambda: adapted(layers.Normalization(), ROWS * 3 + 1), ROWS),
    "normalization, inverse": (
        lambda: layers.Normalization(mean=[1.0, 2, 3, 4], variance=2.0, invert=True), ROWS),
    "normalization, no axis": (lambda: layers.Normalization(None, mean=1.0, variance=4.0), ROWS),
    "rescaling": (lambda: layers.Rescaling([1.0, 2, 3, 4], -1.0), ROWS),
    "rescaling bytes": (lambda: layers.Rescaling(1 / 255), PICTURES.astype("uint8")),
    "discretization": (lambda: adapted(layers.Discretization(num_bins=4), ROWS), ROWS),
    **{f"discretization, {mode}": (
        lambda mode=mode: layers.Discretization([-1.0, 0.0, 0.5], output_mode=mode), ROWS)
       for mode in ("one_hot", "multi_hot", "count")},
    **{f"categories, {mode}": (
        lambda mode=mode: layers.CategoryEncoding(7, mode), np.abs(NUMBERS))
       for mode in ("multi_hot", "count")},
    "categories, one_hot": (lambda: layers.CategoryEncoding(7), np.abs(NUMBERS[:, :1])),
    "lookup": (lambda: adapted(layers.IntegerLookup(), np.abs(NUMBERS)), NUMBERS),
    "lookup, mask": (lambda: layers.IntegerLookup(vocabulary=KNOWN, mask_token=0), NUMBERS),
    "lookup, several unknown": (
        lambda: layers.IntegerLookup(vocabulary=KNOWN, num_oov_indices=3), NUMBERS),
    "lookup, inverse": (lambda: layers.IntegerLookup(vocabulary=KNOWN, invert=True), NUMBERS),
    **{f"lookup, {mode}": (
        lambda mode=mode: layers.IntegerLookup(vocabulary=KNOWN, mask_token=0,
                                               output_mode=mode), NUMBERS)
       for mode in ("one_hot", "multi_hot", "count")},
    "lookup, tf_idf": (
        lambda: layers.IntegerLookup(vocabulary=KNOWN, output_mode="tf_idf",
                                     idf_weights=[0.5, 1.5, 2.5]), NUMBERS),
    "resizing": (lambda: layers.Resizing(5, 6, "bicubic"), PICTURES),
    "resizing, padded": (lambda: layers.Resizing(5, 9, pad_to_aspect_ratio=True), PICTURES),
    "crop": (lambda: layers.CenterCrop(4, 6), PICTURES),
    "random layers rest": (
        lambda: layers.Pipeline([layers.RandomFlip(), layers.RandomRotation(0.2)]), PICTURES),
    "mel spectrogram": (lambda: layers.MelSpectrogram(fft_length=64, num_mel_bins=8), SOUNDS),
    "stft spectrogram": (
        lambda: layers.STFTSpectrogram(frame_length=50, fft_length=64), SOUNDS[..., None]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_numbers(name, tmp_path):
    make, data = CASES[name]
    inputs = keras.Input(data.shape[1:], dtype=data.dtype.name)
    model = keras.Model(inputs, make()(inputs))
    # Decibels at the threshold turn rounding into something larger.
    compare(model, data, tmp_path / "m.onnx", rtol=1e-4 if "mel" in name else 1e-5)


@pytest.mark.parametrize("opset", [18, 21])
def test_fourier_transforms(opset, tmp_path):
    class Spectrum(layers.Layer):
        def call(self, x):
            pair = ops.rfft(ops.reshape(x, (-1, 2, x.shape[-1] // 2)))
            there = ops.fft2((x[:, None], x[:, None] * 2))
            back = ops.ifft2(there)
            return ops.irfft(pair), ops.stack(there), ops.stack(back)

    inputs = keras.Input((12,))
    model = keras.Model(inputs, Spectrum()(inputs))
    x = rng.normal(size=(3, 12)).astype("float32")
    model.export(tmp_path / "m.onnx", opset_version=opset)
    compare(model, x, tmp_path / "m.onnx", opset_version=opset)


def features():
    """Text and numbers: the first need NumPy, what comes behind them does not."""
    text, number = keras.Input((1,), dtype="string"), keras.Input((3,))
    words = layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(text)
    joined = layers.concatenate([words, number])
    return keras.Model([text, number], layers.Dense(2)(joined)), joined


HASHED = {
    "hashing": lambda: layers.Hashing(5),
    "hashed_crossing": lambda: layers.HashedCrossing(5),
    "integer_lookup": lambda: layers.IntegerLookup(
        vocabulary=KNOWN, num_oov_indices=2, oov_method="farmhash"
    ),
}


@pytest.mark.parametrize("name", HASHED)
def test_hashes_say_what_to_do(name, tmp_path):
    inputs = [keras.Input((1,), dtype="int64") for _ in range(2)]
    layer = HASHED[name]()
    made = layer(inputs) if name == "hashed_crossing" else layer(inputs[0])
    model = keras.Model(inputs, made)
    with pytest.raises(ExportError, match=rf"layer '{name}.*behind it"):
        model.export(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_the_part_behind_texts_is_exported(tmp_path):
    model, joined = features()
    with pytest.raises(ExportError, match=r"StringLookup.*behind it"):
        model.export(tmp_path / "m.onnx")
    rest = keras.Model(joined, model.outputs)
    compare(rest, rng.normal(size=(4, 6)).astype("float32"), tmp_path / "m.onnx")
