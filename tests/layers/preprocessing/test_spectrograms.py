"""Spectrograms beside Keras, and beside NumPy's transform."""

import numpy as np
import pytest

from minikeras import Sequential, layers, optimizers
from tests.goldens.oracle import keras as real_keras

pytestmark = pytest.mark.filterwarnings("ignore")  # JAX's own


def sounds(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


STFT = [
    *({"mode": m} for m in ("log", "magnitude", "psd", "real", "imag", "stft")),
    {"mode": "stft", "expand_dims": True},
    {"padding": "same", "frame_step": 3, "fft_length": 16},
    {"scaling": "spectrum", "periodic": True, "window": "hamming"},
    {"scaling": None, "window": None, "expand_dims": True},
    {"data_format": "channels_first"},
    {"data_format": "channels_first", "expand_dims": True, "mode": "psd"},
]
MEL = [
    {},
    {"power_to_db": False, "mag_exp": 1.0},
    {"sequence_length": 200, "window": "hamming", "ref_power": 5.0, "top_db": 20.0},
    {"window": None, "min_freq": 100.0, "max_freq": 3000.0},
]


@pytest.mark.oracle
@pytest.mark.parametrize("arguments", STFT, ids=str)
def test_stft_as_keras(arguments):
    x = sounds(2, 41, 2)
    if arguments.get("data_format") == "channels_first":
        x = np.moveaxis(x, -1, 1)
    ours, theirs = (
        module.layers.STFTSpectrogram(frame_length=8, name="s", **arguments)
        for module in (__import__("minikeras"), real_keras())
    )
    got, wanted = ours(x), np.asarray(theirs(x))
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    open_shape = tuple(None if n == 41 else n for n in x.shape)
    assert ours.compute_output_shape(open_shape) == theirs.compute_output_shape(
        open_shape
    )
    assert [(v.path, v.shape) for v in ours.variables] == [
        (v.path, tuple(v.shape)) for v in theirs.variables
    ]
    configs = [layer.get_config() for layer in (ours, theirs)]
    assert [c.pop("dtype") is not None for c in configs] == [True, True]
    assert configs[0] == configs[1]


@pytest.mark.oracle
@pytest.mark.parametrize("arguments", MEL, ids=str)
def test_mel_as_keras(arguments):
    x = sounds(2, 3000)
    common = {"fft_length": 256, "sequence_stride": 64, "num_mel_bins": 12, "name": "m"}
    ours, theirs = (
        module.layers.MelSpectrogram(sampling_rate=8000, **common, **arguments)
        for module in (__import__("minikeras"), real_keras())
    )
    np.testing.assert_allclose(ours(x), np.asarray(theirs(x)), rtol=1e-3, atol=2e-3)
    assert ours(x[0]).shape == (12, 47)
    assert ours.compute_output_shape((None, None)) == (None, 12, None)
    configs = [layer.get_config() for layer in (ours, theirs)]
    assert [c.pop("dtype") is not None for c in configs] == [True, True]
    assert configs[0] == configs[1]


@pytest.mark.parametrize(("dtype", "limit"), [("float32", 2e-6), ("float64", 1e-12)])
def test_mel_bands_are_exact_to_the_dtype(dtype, limit):
    x = np.eye(8)[:5].astype(dtype) + sounds(5, 8).astype(dtype)
    layer = layers.MelSpectrogram(
        fft_length=8, sequence_stride=8, sequence_length=8, sampling_rate=100,
        num_mel_bins=3, min_freq=0, max_freq=50, power_to_db=False, dtype=dtype,
    )  # fmt: skip
    mel = np.log1p(np.linspace(0, 50, 5) / 700)[:, None]
    edges = np.linspace(0, np.log1p(50 / 700), 5)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    bands = np.minimum((mel - low) / (middle - low), (high - mel) / (high - middle))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(8) / 8)
    frames = np.pad(x.astype(float), [(0, 0), (4, 4)], "reflect").reshape(5, 2, 8)
    powers = np.abs(np.fft.rfft(frames * window)) ** 2
    wanted = (powers @ np.maximum(bands, 0)).swapaxes(1, 2)
    found = layer(x).numpy()
    assert np.max(np.abs(found - wanted) / wanted.max()) < limit


def test_stft_is_numpys_transform():
    x = sounds(1, 64, 1)
    got = layers.STFTSpectrogram("angle", 8, scaling=None)(x).numpy()[0]
    frames = np.lib.stride_tricks.sliding_window_view(x[0, :, 0], 8)[::4]
    wanted = np.fft.rfft(frames * np.hanning(8))
    inner = slice(1, 4)  # the ends are real: an angle of 0 or pi, by a sign of 0
    np.testing.assert_allclose(got[:, inner], np.angle(wanted)[:, inner], atol=1e-4)


def test_kernels_train():
    model = Sequential(
        [layers.STFTSpectrogram("magnitude", 8), layers.Flatten(), layers.Dense(1)]
    )
    model.compile(optimizers.SGD(0.01), "mse")
    x = sounds(4, 32, 1)
    x[0] = 0  # the magnitude of silence has no slope
    model.build((None, 32, 1))
    before = model.layers[0].real_kernel.numpy()
    losses = model.fit(x, sounds(4, 1), epochs=3, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    assert (model.layers[0].real_kernel.numpy() != before).any()


def test_refusals():
    for make, kind, words in (
        (lambda: layers.STFTSpectrogram("x"), ValueError, "mode='x'"),
        (lambda: layers.STFTSpectrogram(frame_length=0), ValueError, "frame_length"),
        (lambda: layers.STFTSpectrogram(frame_step=500), ValueError, "frame_step"),
        (lambda: layers.STFTSpectrogram(fft_length=8), ValueError, "fft_length"),
        (lambda: layers.STFTSpectrogram(window=np.ones(3)), ValueError, "window"),
        (
            lambda: layers.STFTSpectrogram()(np.ones((1, 512, 1), "int32")),
            TypeError,
            "floats",
        ),
        (lambda: layers.MelSpectrogram(window="x"), ValueError, "window='x'"),
        (lambda: layers.MelSpectrogram(sequence_length=4096), ValueError, "at most"),
        (lambda: layers.MelSpectrogram(min_freq=9e3), ValueError, "min_freq"),
        (lambda: layers.MelSpectrogram()(np.ones((1, 2, 3, 4))), ValueError, "samples"),
    ):
        with pytest.raises(kind, match=words):
            make()


@pytest.mark.parametrize("window", ["blackman", "tukey", "bartlett", "boxcar"])
def test_windows_that_scipy_knows(window, lib):
    scipy_signal = pytest.importorskip("scipy.signal")
    x = np.random.default_rng(0).normal(size=(1, 64, 1)).astype("float32")
    layer = lib.layers.STFTSpectrogram("magnitude", 16, 8, window=window, periodic=True)
    values = scipy_signal.get_window(window, 16)
    frames = np.stack([x[0, i : i + 16, 0] for i in range(0, 49, 8)])
    expected = np.abs(np.fft.rfft(frames * values)) / np.sqrt((values**2).sum())
    np.testing.assert_allclose(np.asarray(layer(x))[0], expected, rtol=1e-4, atol=1e-5)


def test_a_window_that_nobody_knows_is_refused_at_once():
    pytest.importorskip("scipy.signal")
    for name in ("nonsense", "kaiser"):
        with pytest.raises(ValueError, match=f"STFTSpectrogram: window='{name}'"):
            layers.STFTSpectrogram(window=name)
