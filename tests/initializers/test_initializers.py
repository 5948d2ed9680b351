"""First values: equal on every backend, right spread, configs and names as in Keras."""

import math

import numpy as np
import pytest

from minikeras import Variable, config, initializers, ops, random
from minikeras.engine import backend as registry
from tests.goldens.oracle import keras

CLASSES = sorted(
    {getattr(initializers, n) for n in initializers.__all__ if n[0].isupper()}
    - {initializers.Initializer},
    key=lambda c: c.__name__,
)
DRAWN = [c for c in CLASSES if hasattr(c(), "seed")]
# Variance for inputs 200 and outputs 300.
VARIANCE = {
    "GlorotNormal": 2 / 500, "GlorotUniform": 2 / 500, "HeNormal": 2 / 200,
    "HeUniform": 2 / 200, "LecunNormal": 1 / 200, "LecunUniform": 1 / 200,
    "RandomNormal": 0.05**2, "RandomUniform": 0.1**2 / 12, "VarianceScaling": 1 / 200,
    "TruncatedNormal": (0.05 * 0.87962566) ** 2,
}  # fmt: skip


def shape_for(cls):
    return (6, 1, 4) if cls is initializers.STFT else (6, 4)


@pytest.mark.parametrize("cls", DRAWN, ids=lambda c: c.__name__)
def test_weights_are_equal_on_every_backend(cls, backend):
    first = cls(seed=3)((30, 20)).numpy()
    before = config.backend()
    config.set_backend("numpy")
    again = cls(seed=3)((30, 20)).numpy()
    config.set_backend(before)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("cls", DRAWN, ids=lambda c: c.__name__)
def test_seeds(cls):
    fixed = cls(seed=3)
    np.testing.assert_array_equal(fixed((3, 4)).numpy(), fixed((3, 4)).numpy())
    going = cls(seed=random.SeedGenerator(3))
    assert (going((3, 4)).numpy() != going((3, 4)).numpy()).any()
    free = cls()
    np.testing.assert_array_equal(free((3, 4)).numpy(), free((3, 4)).numpy())
    assert (free((3, 4)).numpy() != cls()((3, 4)).numpy()).any()
    with pytest.raises(ValueError, match="seed='x'"):
        cls(seed="x")


@pytest.mark.parametrize("name", VARIANCE)
def test_spread(name):
    x = getattr(initializers, name)(seed=1)((200, 300)).numpy().astype("float64")
    wanted = VARIANCE[name]
    assert abs(x.mean()) < 5 * math.sqrt(wanted / x.size)
    assert abs(x.var() / wanted - 1) < 0.03


def test_fans_of_kernels():
    x = initializers.HeUniform(seed=1)((3, 3, 16, 32)).numpy()
    limit = math.sqrt(6 / (9 * 16))
    assert 0.98 * limit < np.abs(x).max() <= limit
    x = initializers.LecunUniform(seed=1, input_axes=(0, 1), output_axes=2)(
        (10, 20, 30)
    ).numpy()
    limit = math.sqrt(3 / 200)
    assert 0.98 * limit < np.abs(x).max() <= limit


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (2, 3, 5)])
def test_orthogonal(shape):
    q = initializers.Orthogonal(gain=2.0, seed=1)(shape).numpy().reshape(-1, shape[-1])
    small = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(small, 4 * np.eye(small.shape[0]), atol=1e-5)


def test_constants():
    assert initializers.Constant(2.5)((2,)).tolist() == [2.5, 2.5]
    assert initializers.Constant([1, 2])((2, 2), dtype="int32").tolist() == [
        [1, 2],
        [1, 2],
    ]
    assert initializers.Identity(3.0)((2, 3)).tolist() == [[3, 0, 0], [0, 3, 0]]
    assert initializers.Zeros()((2,), dtype="int8").dtype == "int8"
    assert initializers.get(np.ones((2, 2), "float32"))((2, 2)).tolist() == [
        [1, 1],
        [1, 1],
    ]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_config_and_clone(cls):
    made = cls()
    copy = initializers.deserialize(initializers.serialize(made))
    assert type(copy) is cls and copy.get_config() == made.get_config()
    assert type(made.clone()) is cls
    assert made(shape_for(cls), dtype="float64").dtype == "float64"
    assert Variable(made, shape=shape_for(cls)).shape == shape_for(cls)


def test_config_with_a_generator():
    made = initializers.HeNormal(seed=random.SeedGenerator(3, name="mine"))
    copy = initializers.deserialize(initializers.serialize(made))
    assert copy.seed.get_config() == {"seed": 3, "name": "mine"}
    np.testing.assert_array_equal(copy((2, 2)).numpy(), made((2, 2)).numpy())


def test_get():
    for name in (
        "glorot_uniform",
        "GlorotUniform",
        "zeros",
        "zero",
        "normal",
        "uniform",
    ):
        assert isinstance(initializers.get(name), initializers.Initializer)
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    assert initializers.get(None) is None

    def twos(shape, dtype=None):
        return ops.full(shape, 2.0, dtype)

    assert initializers.get(twos) is twos
    for bad in ("glorot", 3, {"a": 1}):
        with pytest.raises(ValueError, match=r"initializers\.get"):
            initializers.get(bad)


ERRORS = [
    (lambda: initializers.Identity()((2, 3, 4)), "two sizes"),
    (lambda: initializers.Orthogonal()((2,)), "two sizes"),
    (lambda: initializers.VarianceScaling(scale=-1), "scale=-1"),
    (lambda: initializers.VarianceScaling(mode="fan"), "mode='fan'"),
    (lambda: initializers.GlorotNormal()((None, 3)), "known sizes"),
    (lambda: initializers.GlorotNormal()((2, 3), dtype="int32"), "dtype='int32'"),
    (lambda: initializers.get(np.ones(2))((3,)), r"expected \(3,\)"),
]


@pytest.mark.parametrize(("call", "text"), ERRORS)
def test_errors_say_what_is_wrong(call, text):
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.oracle
@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_configs_are_those_of_keras(cls):
    theirs = getattr(keras().initializers, cls.__name__)()
    ours = cls().get_config()
    if cls is initializers.Identity:
        ours.pop("gain")  # keras forgets it
    assert ours == theirs.get_config()


@pytest.mark.oracle
@pytest.mark.parametrize("side", ["real", "imag"])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
@pytest.mark.parametrize("window", ["hann", "hamming", None])
@pytest.mark.parametrize("periodic", [True, False])
def test_stft_is_that_of_keras(side, scaling, window, periodic):
    options = {"window": window, "scaling": scaling, "periodic": periodic}
    ours = initializers.STFT(side, **options)((8, 1, 5)).numpy()
    theirs = keras().initializers.STFT(side, **options)((8, 1, 5))
    np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("cls", DRAWN, ids=lambda c: c.__name__)
def test_large_and_wide_weights_are_equal_on_every_backend(cls, dtype, backend):
    shapes = ((130, 513), (3, 3, 8, 16)) if dtype == "float64" else ((130, 65),)
    before = config.backend()
    made = {}
    for name in ("numpy", backend):
        config.set_backend(name)
        drawn = [cls(seed=7)(shape, dtype=dtype) for shape in shapes]
        made[name] = [x.numpy().tobytes() for x in drawn]
    config.set_backend(before)
    assert made["numpy"] == made[backend]


def test_weights_are_drawn_where_they_will_be(backend, monkeypatch):
    """The reference kernels take thirty times as long for normal numbers."""
    active = registry.active()
    if active.exact_draws and backend != "numpy":
        monkeypatch.setattr(registry.load("numpy"), "kernels", {})  # nobody asks them
    assert initializers.HeNormal(seed=1)((64, 64)).shape == (64, 64)


def test_windows_that_scipy_knows(lib):
    scipy_signal = pytest.importorskip("scipy.signal")
    for window in ("tukey", "blackman"):
        made = lib.initializers.STFT("real", window, None)((8, 1, 5), dtype="float32")
        plain = lib.initializers.STFT("real", None, None)((8, 1, 5), dtype="float32")
        ratio = np.asarray(made)[:, 0, 0] / np.asarray(plain)[:, 0, 0]
        expected = scipy_signal.get_window(window, 8, fftbins=False)
        np.testing.assert_allclose(ratio, expected, atol=1e-6)
    if lib is not keras():
        with pytest.raises(ValueError, match="window='nonsense'"):
            lib.initializers.STFT("real", window="nonsense")
