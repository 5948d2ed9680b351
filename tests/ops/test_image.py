"""`keras.ops.image`: against keras on JAX, and by what must hold of it."""

import inspect

import numpy as np
import pytest

from minikeras import ops, random
from minikeras.engine import dtypes
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from minikeras.engine.symbolic import KerasTensor, infer_call
from minikeras.testing.gradients import check_grads
from tests.goldens.oracle import keras, oracle
from tests.ops.cases_image import IMAGES
from tests.ops.goldens import Oracle
from tests.ops.table import symbolic_shapes, weights

RNG = np.random.default_rng(3)
every_case = pytest.mark.parametrize("case", IMAGES, ids=lambda case: case.label)


class ImageOracle(Oracle):
    """The rows, run on the image functions of keras."""

    def _function(self, case):
        return getattr(self.keras.ops.image, case.name)


def function_of(case):
    return getattr(ops.image, case.name)


def close(ours, theirs, tolerance):
    wide = [np.asarray(v).astype("float64") for v in (ours, theirs)]
    np.testing.assert_allclose(*wide, rtol=tolerance, atol=tolerance)


def gradients(case):
    arrays = [ops.convert_to_tensor(a) for a in case.drawn()]
    sources = [a for a in arrays if dtypes.is_float(a.dtype)]
    with GradientTape() as tape:
        tape.watch(sources)
        y = case.call(function_of(case), arrays)
        total = ops.sum(ops.cast(y, "float32") * weights(y.shape, 0))
    return tape.gradient(total, sources, unconnected_gradients="zero")


@oracle
@every_case
def test_equal_to_keras(case):
    theirs = ImageOracle(keras())
    arrays = case.drawn()
    ours = case.call(function_of(case), arrays)
    (wanted,) = theirs.values(case)
    assert (ours.shape, ours.dtype) == (wanted.shape, wanted.dtype.name)
    if dtypes.is_integer(ours.dtype):  # halves may come out a hair to either side
        gaps = np.abs(ours.numpy().astype(int) - wanted.astype(int))
        assert gaps.max() <= 1 and gaps.mean() < 0.01
    else:
        close(ours.numpy(), wanted, case.tol)
    for before, after in zip(case.drawn(), arrays, strict=True):
        np.testing.assert_array_equal(before, after)
    if case.grad and dtypes.is_float(ours.dtype):
        wanted = theirs.gradients(case)
        for found, expected in zip(gradients(case), wanted, strict=True):
            assert found.dtype == expected.dtype.name
            # Of an affine map keras lets c0 and c1 move channels apart; ours leaves them.
            kept = slice(None, 6 if found.shape[-1] == 8 else None)
            close(found.numpy()[..., kept], expected[..., kept], case.tol * 20)
    if case.symbolic:
        given = [KerasTensor(s, d) for s, d in symbolic_shapes(case)]
        found = infer_call(lambda *a: case.call(function_of(case), list(a)), *given)
        assert [f"{found.dtype}{found.shape}"] == theirs.symbolic(case)


@pytest.mark.parametrize("case", IMAGES[::3], ids=lambda case: case.label)
def test_compiled_is_eager(case, backend):
    compiled = jit(lambda *a: case.call(function_of(case), list(a)))
    arrays = case.drawn()
    wanted = case.call(function_of(case), arrays)
    for _ in range(2):
        found = compiled(*arrays)
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
        close(found.numpy(), wanted.numpy(), max(case.tol, 1e-5))
    assert compiled.traces == 1
    assert not compiled.fallback


@oracle
def test_names_and_signatures_are_those_of_keras():
    theirs = keras().ops.image
    assert set(ops.image.__all__) == {n for n in dir(theirs) if not n.startswith("_")}
    for name in ops.image.__all__:
        ours = inspect.signature(getattr(ops.image, name)).parameters.values()
        wanted = inspect.signature(getattr(theirs, name)).parameters.values()
        assert [(p.name, p.default) for p in ours] == [
            (p.name, p.default) for p in wanted
        ]


CALLS = {
    "resize": lambda x, f: ops.image.resize(x, (6, 8), data_format=f),
    "blur": lambda x, f: ops.image.gaussian_blur(x, data_format=f),
    "grey": lambda x, f: ops.image.rgb_to_grayscale(x, data_format=f),
    "patches": lambda x, f: ops.image.extract_patches(x, 2, data_format=f),
    "pad": lambda x, f: ops.image.pad_images(x, 1, 1, 1, 1, data_format=f),
    "crop": lambda x, f: ops.image.crop_images(
        x, 1, 1, target_height=2, target_width=4, data_format=f
    ),
    "sobel": lambda x, f: ops.image.sobel_edges(x, data_format=f),
    "elastic": lambda x, f: ops.image.elastic_transform(x, seed=1, data_format=f),
}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_unknown_sizes_and_formats(name):
    call = CALLS[name]
    x = RNG.random((2, 4, 6, 3)).astype("float32")
    first = x.transpose(0, 3, 1, 2)
    last = call(x, "channels_last").numpy()
    moved = call(first, "channels_first").numpy()
    np.testing.assert_allclose(np.moveaxis(moved, 1, 3), last, rtol=1e-6, atol=1e-6)
    assert call(x[:0], "channels_last").shape == (0, *last.shape[1:])
    found = infer_call(
        lambda v: call(v, "channels_last"), KerasTensor((None, None, None, 3))
    )
    assert found.shape[0] is None
    assert found.shape[3:] == last.shape[3:]
    assert all(d in (None, n) for d, n in zip(found.shape, last.shape, strict=True))


def test_gradients_by_differences():
    x = RNG.normal(size=(1, 4, 5, 2))
    check_grads(lambda v: ops.image.resize(v, (3, 7), "bicubic", True), [x])
    check_grads(lambda v: ops.image.extract_patches(v, 2, 1), [x])
    check_grads(lambda v: ops.image.gaussian_blur(v), [x])
    check_grads(lambda v: ops.image.elastic_transform(v, seed=1), [x])
    places = RNG.uniform(0.1, 0.9, (2, 6)) + RNG.integers(-3, 6, (2, 6))
    check_grads(
        lambda v, c: ops.image.map_coordinates(v, c, 1, "mirror"),
        [x[0, :, :, 0], places],
    )


@pytest.mark.parametrize("n", [1, 7, 13, 100])
@pytest.mark.parametrize("size", [1, 3, 21, 64])
def test_a_resized_constant_is_constant(n, size):
    x = np.full((n, n, 1), 3.0, "float32")
    for method in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
        for antialias in (False, True):
            y = ops.image.resize(x, (size, size), method, antialias).numpy()
            np.testing.assert_allclose(y, 3.0, rtol=1e-5)


def test_elastic_fields(backend):
    x = RNG.random((2, 8, 9, 3)).astype("float32")
    same = [ops.image.elastic_transform(x, seed=5).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert not np.array_equal(same[0], ops.image.elastic_transform(x, seed=6).numpy())
    generator = random.SeedGenerator(3)
    drawn = [ops.image.elastic_transform(x, seed=generator).numpy() for _ in range(2)]
    assert not np.array_equal(*drawn)
    still = ops.image.elastic_transform(x, alpha=0.0, seed=5).numpy()
    np.testing.assert_allclose(still, x, rtol=1e-6)
    near = ops.image.elastic_transform(x, interpolation="nearest", seed=5).numpy()
    assert set(near.ravel()) <= set(x.ravel())
    whole = ops.image.elastic_transform((x * 255).astype("uint8"), seed=5)
    assert whole.dtype == "uint8"


def test_likeness_grows_with_likeness():
    x = RNG.random((3, 16, 16, 1)).astype("float32")
    noise = RNG.normal(size=x.shape).astype("float32")
    values = [ops.image.ssim(x, x + s * noise).numpy().mean() for s in (0, 0.1, 0.5)]
    assert values[0] == pytest.approx(1)
    assert values[0] > values[1] > values[2]


X = np.ones((2, 4, 5, 3), "float32")
WRONG = [
    (lambda: ops.image.resize(X, 3), "resize: size=3; expected two positive"),
    (lambda: ops.image.resize(X, (3, 3), "area"), "interpolation='area'"),
    (lambda: ops.image.resize(X[0, 0], (3, 3)), "expected rank 3"),
    (lambda: ops.image.resize(X, (3, 3), fill_mode="wrap"), "fill_mode='wrap'"),
    (lambda: ops.image.resize(X[:, :0], (3, 3)), "no pixels"),
    (
        lambda: ops.image.resize(
            X, (3, 3), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True
        ),
        "expected one of them at most",
    ),
    (lambda: ops.image.rgb_to_hsv(X.astype("uint8")), "expected floats"),
    (lambda: ops.image.rgb_to_grayscale(X[..., :2]), "2 channels in axis 3"),
    (lambda: ops.image.map_coordinates(X[0], X[0], 1), "expected 3, one for each"),
    (lambda: ops.image.map_coordinates(X[0], X[0], 2), "order=2"),
    (lambda: ops.image.affine_transform(X, np.ones((3, 8))), "batch of 2 images"),
    (lambda: ops.image.affine_transform(X, np.ones((2, 7))), r"expected \(batch, 8\)"),
    (lambda: ops.image.perspective_transform(X, X, X), "four corners"),
    (lambda: ops.image.extract_patches(X, 8), "window reaches over"),
    (lambda: ops.image.extract_patches(X, (2,)), "a tuple of 2 or 3"),
    (lambda: ops.image.pad_images(X, 1), "exactly two"),
    (lambda: ops.image.pad_images(X, -1, 0, 0, 0), "all sizes >= 0"),
    (lambda: ops.image.crop_images(X, 5, 0, 0, 0), "all sizes >= 0"),
    (lambda: ops.image.sobel_edges(X.astype("uint8")), "slopes can be negative"),
    (lambda: ops.image.sobel_edges(X[0]), "expected rank 4"),
    (lambda: ops.image.ssim(X, X), "smaller than filter_size=11"),
    (lambda: ops.image.ssim(X, X[:1]), "two equal shapes"),
    (lambda: ops.image.gaussian_blur(X, (0, 3)), "kernel_size"),
    (lambda: ops.image.gaussian_blur(X, data_format="nhwc"), "data_format='nhwc'"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
