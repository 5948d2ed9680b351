"""Fourier transforms, frames, attention and axes by name, against NumPy."""

import numpy as np
import pytest

import minikeras.models  # noqa: F401 - records symbolic calls
from minikeras import ops
from minikeras.engine.symbolic import KerasTensor
from minikeras.testing.gradients import check_grads

RNG = np.random.default_rng(7)
REAL, IMAG = RNG.normal(size=(2, 2, 6))
SIGNAL = RNG.normal(size=(2, 40))


def _complex(pair):
    return pair[0].numpy() + 1j * pair[1].numpy()


def test_transforms_equal_numpys():
    z = REAL + 1j * IMAG
    np.testing.assert_allclose(_complex(ops.fft((REAL, IMAG))), np.fft.fft(z))
    np.testing.assert_allclose(_complex(ops.fft2((REAL, IMAG))), np.fft.fft2(z))
    np.testing.assert_allclose(_complex(ops.ifft2((REAL, IMAG))), np.fft.ifft2(z))


@pytest.mark.parametrize("n", [None, 4, 5, 9, 12])
def test_real_transforms_of_every_length(n):
    want = np.fft.rfft(REAL, n)
    np.testing.assert_allclose(_complex(ops.rfft(REAL, n)), want, atol=1e-12)
    want = np.fft.irfft(REAL + 1j * IMAG, n)
    np.testing.assert_allclose(ops.irfft((REAL, IMAG), n).numpy(), want, atol=1e-12)


@pytest.mark.parametrize("window", ["hann", "hamming", None])
def test_istft_gives_the_signal_back(window):
    parts = ops.stft(SIGNAL, 8, 2, 10, window=window)
    back = ops.istft(parts, 8, 2, 10, length=40, window=window).numpy()
    back /= 10 / 2 if window is None else 1  # Keras does not average without a window
    np.testing.assert_allclose(back, SIGNAL, atol=1e-9)


def test_gradients():
    check_grads(lambda x: ops.rfft(x), [REAL])
    check_grads(lambda a, b: ops.irfft((a, b)), [REAL, IMAG])
    check_grads(lambda x: ops.stft(x, 6, 3, 8), [SIGNAL[0, :14]])
    check_grads(lambda x: ops.unfold(x, 2), [RNG.normal(size=(1, 2, 3, 3))])


def test_fold_is_the_transpose_of_unfold():
    options = {"dilation": 2, "padding": (1, 2), "stride": 2}
    x = RNG.normal(size=(2, 3, 5, 6))
    columns = ops.unfold(x, (2, 3), **options).numpy()
    y = RNG.normal(size=columns.shape)
    back = ops.fold(y, (5, 6), (2, 3), **options).numpy()
    np.testing.assert_allclose((columns * y).sum(), (x * back).sum())


def _attention(q, k, v, allowed):
    k, v = (np.repeat(t, q.shape[2] // k.shape[2], axis=2) for t in (k, v))
    logits = np.einsum("bthd,bshd->bhts", q, k) / np.sqrt(q.shape[-1])
    logits = np.where(allowed, logits, -np.inf)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("bhts,bshd->bthd", weights, v)


@pytest.mark.parametrize("heads", [4, 2, 1])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_with_groups_and_masks(heads, causal):
    q = RNG.normal(size=(2, 5, 4, 3))
    k, v = RNG.normal(size=(2, 2, 6, heads, 3))
    mask = RNG.random((2, 1, 5, 6)) < 0.6
    mask[..., 0] = True
    allowed = mask & np.tri(5, 6, dtype=bool) if causal else mask
    got = ops.dot_product_attention(q, k, v, mask=mask, is_causal=causal).numpy()
    np.testing.assert_allclose(got, _attention(q, k, v, allowed), atol=1e-12)


def test_rearrange_and_vectorize():
    x = np.arange(36).reshape(2, 6, 3)
    got = ops.rearrange(x, "b (h p) c -> (b h) p c", h=2).numpy()
    assert np.array_equal(got, x.reshape(4, 3, 3))
    dots = ops.vectorize(lambda a, b: ops.sum(a * b), signature="(n),(n)->()")
    assert np.array_equal(dots(x, x[0]).numpy(), (x * x[0]).sum(-1))
    with pytest.raises(ValueError, match="each name once on both sides"):
        ops.rearrange(x, "a b c -> a b")


def test_unknown_batches_stay_unknown():
    q = KerasTensor((None, 5, 4, 8))
    assert ops.dot_product_attention(q, q, q).shape == (None, 5, 4, 8)
    assert [t.shape for t in ops.stft(KerasTensor((None, 20)), 8, 4, 8)] == [
        (None, 6, 5),
        (None, 6, 5),
    ]
    with pytest.raises(ValueError, match="fft: x is ndarray; expected a tuple"):
        ops.fft(REAL)
