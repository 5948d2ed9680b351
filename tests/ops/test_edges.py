"""nan, infinity, zero rows, empty axes and 16 bits: the values and slopes there."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine.compile import jit

F = np.float32
TARGET = F([0, 1, 0])


def slope(function, values):
    with keras.GradientTape() as tape:
        x = ops.convert_to_tensor(F(values))
        tape.watch(x)
        y = ops.sum(function(x))
    return tape.gradient(y, x).numpy()


NAN = {
    "softplus": ops.softplus,
    "log_sigmoid": ops.log_sigmoid,
    "celu": ops.celu,
    "bce of logits": lambda x: ops.binary_crossentropy(TARGET, x, from_logits=True),
    "bce": lambda x: ops.binary_crossentropy(TARGET, x),
    "kl": lambda x: keras.losses.kl_divergence(TARGET, x),
    "msle": lambda x: keras.losses.mean_squared_logarithmic_error(TARGET, x),
    "squared hinge": lambda x: keras.losses.squared_hinge(TARGET, x),
}


@pytest.mark.parametrize("name", NAN)
def test_the_slope_at_nan_is_nan_and_elsewhere_is_not(backend, name):
    found = slope(NAN[name], [np.nan, 0.5, 0.25])
    assert np.isnan(found).tolist() == [True, False, False]


@pytest.mark.parametrize("name", ["relu6", "hard_sigmoid"])
def test_what_is_flat_outside_is_flat_at_nan(backend, name):
    function = getattr(ops, name)
    assert np.isnan(function(F([np.nan])).numpy()).all()
    inside = {"relu6": 1.0, "hard_sigmoid": 1 / 6}[name]
    np.testing.assert_allclose(slope(function, [np.nan, 0.5]), [0.0, inside], rtol=1e-6)


def test_a_root_behind_a_maximum_has_no_slope_below_it(backend):
    assert slope(lambda x: ops.sqrt(ops.maximum(x, 0.0)), [-1.0, 4.0]).tolist() == [
        0,
        0.25,
    ]


@pytest.mark.parametrize(
    ("logit", "label", "value", "gradient"),
    [
        (np.inf, 0.0, np.inf, 1.0),
        (np.inf, 1.0, 0.0, 0.0),
        (np.inf, 0.5, np.inf, 0.5),
        (-np.inf, 0.0, 0.0, 0.0),
        (-np.inf, 1.0, np.inf, -1.0),
        (0.0, 1.0, np.log(2), -0.5),
        (2.0, 0.25, 1.626928, 0.630797),
        (-2.0, 0.25, 0.626928, -0.130797),
    ],
)
def test_bce_of_logits(backend, logit, label, value, gradient):
    def loss(x):
        return ops.binary_crossentropy(F([label]), x, from_logits=True)

    np.testing.assert_allclose(loss(F([logit])).numpy(), [value], rtol=1e-5)
    np.testing.assert_allclose(slope(loss, [logit]), [gradient], rtol=1e-5)


def test_bce_of_logits_has_a_slope_by_hard_targets():
    found = slope(lambda y: ops.binary_crossentropy(y, F([3, -2]), True), [0.0, 1.0])
    assert found.tolist() == [-3.0, 2.0]


@pytest.mark.parametrize("order", [1, 1.5, 2, 3, float("inf")])
def test_normalize_of_a_zero_row_has_a_finite_slope(backend, order):
    rows = [[0.0, 0.0], [3.0, 4.0]]
    found = slope(lambda x: ops.normalize(x, order=order) * F([1, 2]), rows)
    assert np.isfinite(found).all()
    alone = slope(lambda x: ops.normalize(x, order=order) * F([1, 2]), rows[1:])
    np.testing.assert_allclose(found[1:], alone, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_normalize_of_a_zero_row_in_16_bits(backend, dtype):
    x = keras.Variable([[0.0, 0.0], [3.0, 4.0]], dtype=dtype)
    unit = keras.layers.UnitNormalization(dtype=dtype)
    functions = [
        lambda v, order=o: ops.normalize(v, order=order) for o in (1, 2, np.inf)
    ]
    for function in [*functions, unit]:
        with keras.GradientTape() as tape:
            y = ops.sum(function(x) * ops.cast([1.0, 2.0], dtype))
        found = ops.cast(tape.gradient(y, x), "float32").numpy()
        assert np.isfinite(found).all() and found[0].all()


def test_cosine_similarity_at_a_zero_row():
    far = keras.losses.CosineSimilarity()
    found = slope(lambda x: far(F([[1, 0], [1, 0]]), x), [[0.0, 0.0], [1.0, 1.0]])
    assert np.isfinite(found).all() and found[1].any()
    layer = keras.layers.UnitNormalization()
    assert np.isfinite(slope(layer, [[0.0, 0.0]])).all()


def test_reductions_of_nothing_and_of_scalars(lib):
    empty = np.ones((2, 0), "float32")
    values = lib.ops.convert_to_numpy(lib.ops.logsumexp(empty, axis=1))
    assert values.tolist() == [-np.inf, -np.inf]
    assert lib.ops.logsumexp(empty, axis=1, keepdims=True).shape == (2, 1)
    assert lib.ops.logsumexp(empty, axis=0).shape == (0,)
    for name in ("median", "nanmedian"):
        assert getattr(lib.ops, name)(F(5), keepdims=True).shape == (1,)
        assert getattr(lib.ops, name)(F(5)).shape == ()
    assert lib.ops.quantile(F(5), [0.5, 0.2], keepdims=True).shape == (2, 1)


def test_the_slope_of_unique_is_0():
    found = slope(lambda x: ops.unique(x, size=3) * F([1, 2, 3]), [3.0, 1.0, 2.0])
    assert found.tolist() == [0.0, 0.0, 0.0]
    assert ops.unique(F([3, 1, 3]), size=3, fill_value=7).tolist() == [1.0, 3.0, 7.0]


HALVES = ["float16", "bfloat16"]


def half(values, dtype):
    return ops.cast(ops.convert_to_tensor(F(values)), dtype)


def wide(x):
    return ops.convert_to_numpy(ops.cast(x, "float32")).astype("float64")


LARGE = np.linspace(-30000, 30000, 16).reshape(1, 2, 2, 4)
SMALL = LARGE / 3e8
IN_16_BITS = {
    "normalize": ops.normalize,
    "norm": lambda x: ops.norm(x, axis=-1),
    "mean": lambda x: ops.mean(x, axis=(1, 2)),
    "softmax": ops.softmax,
    "average_pool": lambda x: ops.average_pool(ops.abs(x), 2),
    "average_pool same": lambda x: ops.average_pool(ops.abs(x), 2, 1, "same"),
    "GlobalAveragePooling2D": keras.layers.GlobalAveragePooling2D,
    "GroupNormalization": lambda **o: keras.layers.GroupNormalization(2, **o),
    "LayerNormalization": keras.layers.LayerNormalization,
    "RMSNormalization": keras.layers.RMSNormalization,
    "UnitNormalization": keras.layers.UnitNormalization,
}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("size", [LARGE, SMALL], ids=["large", "small"])
@pytest.mark.parametrize("name", IN_16_BITS)
def test_sums_in_16_bits_are_taken_in_32(backend, name, size, dtype):
    made = IN_16_BITS[name]
    layer = name[0].isupper()
    x = half(size, dtype)
    found = (made(dtype=dtype) if layer else made)(x)
    assert found.dtype == dtype
    right = (made(dtype="float64") if layer else made)(ops.cast(x, "float64"))
    right = right.numpy()
    exact = {"float16": 2e-3, "bfloat16": 2e-2}[dtype]
    np.testing.assert_allclose(
        wide(found), right, rtol=exact, atol=exact * np.abs(right).max() + 1e-7
    )


def test_a_window_to_the_end_takes_starts_of_known_values():
    x = np.arange(9).reshape(3, 3)
    for start in (np.array([1, 2]), ops.array([1, 2]), (1, 2)):
        np.testing.assert_array_equal(ops.slice(x, start, (-1, -1)), x[1:, 2:])
        np.testing.assert_array_equal(ops.slice(x, start, (1, -1)), x[1:2, 2:])


def test_cropping_needs_to_know_how_large_the_result_is():
    for shape, size in (((None, 10, 3), "height"), ((10, None, 3), "width")):
        with pytest.raises(ValueError, match=f"{size} of the images is unknown"):
            ops.image.crop_images(keras.KerasTensor(shape), 2, 3, 4, 5)
    found = ops.image.crop_images(
        keras.KerasTensor((None, 10, 3)), 2, 3, None, 5, target_height=4
    )
    assert found.shape == (4, 2, 3)


def test_fractions_of_samples_are_refused():
    x = np.ones(20, "float32")
    for sizes in ((8, 0.5, 8), (8.5, 4, 9), (8, 4, 8.0)):
        with pytest.raises(ValueError, match="positive integers"):
            ops.stft(x, *sizes)


def test_layer_normalization_by_the_deviation_alone_is_deprecated():
    x = np.array([[1.0, 2.0, 5.0]], "float32")
    right = 2 * x / np.sqrt(x.var() + 1e-3)
    two = np.full(3, 2.0, "float32")
    with pytest.warns(UserWarning, match="rms_normalization"):
        found = ops.layer_normalization(x, two, two, epsilon=1e-3, rms_scaling=True)
    np.testing.assert_allclose(found, right, rtol=1e-6)
    layer = keras.layers.LayerNormalization(
        rms_scaling=True, gamma_initializer=keras.initializers.Constant(2.0)
    )
    with pytest.warns(UserWarning, match="rms_normalization"):
        np.testing.assert_allclose(layer(x), right, rtol=1e-6)
    assert [v.name for v in layer.weights] == ["gamma"]
    assert layer.get_config()["rms_scaling"] is True


def test_softmax_over_one_element_is_warned_of():
    with pytest.warns(UserWarning, match="size 1"):
        assert ops.softmax(np.ones((2, 1))).tolist() == [[1.0], [1.0]]


def test_blurs_take_the_deviation_along_the_height_first():
    x = np.zeros((1, 9, 9, 1), "float32")
    x[0, 4, 4] = 1.0
    y = ops.image.gaussian_blur(x, (5, 5), (0.5, 2.0)).numpy()[0, :, :, 0]
    ratio = y[3, 4] / y[4, 4], y[4, 3] / y[4, 4]
    np.testing.assert_allclose(ratio, [np.exp(-2.0), np.exp(-0.125)], rtol=1e-5)


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_whole_numbers_as_weights_keep_16_bits(half):
    for x, weights in ((half, "int32"), (half, "bool"), ("int32", half)):
        found = ops.average(ops.array([1, 3], x), weights=ops.ones((2,), weights))
        assert found.dtype == half and float(found) == 2.0
    found = ops.average(ops.array([1, 3]), weights=ops.array([1, 3]))
    assert found.dtype == "float32" and float(found) == 2.5


def test_unequal_windows_are_limited():
    x = np.ones((1, 16_386, 1), "float32")
    with pytest.raises(ValueError, match="16,384"):
        ops.adaptive_max_pool(x, 16_385)
    assert ops.adaptive_average_pool(x, 8_193).shape == (1, 8_193, 1)


def test_differences_end_and_axes_are_integers(backend):
    x = F([[1, 4, 9]])
    assert ops.diff(x, 10**20).shape == ops.diff(x, 3).shape == (1, 0)
    assert ops.diff(x, 2).tolist() == [[2.0]]
    assert ops.diff(x, 0).tolist() == x.tolist()
    with pytest.raises(ValueError, match="diff: n=-1"):
        ops.diff(x, -1)
    for wrong in (1.5, "a", np.nan, [0.5]):
        with pytest.raises(TypeError, match=r"sum: axis=.*expected an integer"):
            ops.sum(x, axis=wrong)
        with pytest.raises(TypeError, match="expected an integer"):
            ops.concatenate([x, x], axis=wrong)
    assert ops.sum(x, axis=np.int8(1)).tolist() == [14.0]


REFUSED = {
    "roll": lambda x, wrong: ops.roll(x, wrong, 1),
    "rot90": lambda x, wrong: ops.rot90(x, wrong),
    "unstack": lambda x, wrong: ops.unstack(x, wrong),
    "one_hot": lambda x, wrong: ops.one_hot([1], wrong),
    "multi_hot": lambda x, wrong: ops.multi_hot([1], wrong),
    "top_k": lambda x, wrong: ops.top_k(x, wrong),
    "rfft": lambda x, wrong: ops.rfft(x, wrong),
    "transpose": lambda x, wrong: ops.transpose(x, wrong),
}


@pytest.mark.parametrize("name", REFUSED)
def test_numbers_that_are_no_integers_are_refused(name):
    for wrong in (1.5, "a", np.nan, object()):
        with pytest.raises(TypeError, match="expected an integer"):
            REFUSED[name](F([[1, 4], [2, 3]]), wrong)


def test_what_is_no_array_of_enough_axes_says_so():
    with pytest.raises(ValueError, match="2 shifts for 1 axes"):
        ops.roll(F([1, 2]), (1, 2), 0)
    with pytest.raises(ValueError, match="rfft"):
        ops.rfft(F(1))
    with pytest.raises(TypeError, match=r"einsum: .*'ij,jk->ik'"):
        ops.einsum(F([1]), "i->i")


@pytest.mark.usefixtures("backend")
def test_the_last_place_of_each_axis_is_written():
    made = ops.scatter(
        [[2, 1], [-1, -1], [0, 0], [3, 0], [0, 2]], [1.0, 2, 4, 8, 16], (3, 2)
    )
    assert made.tolist() == [[4, 0], [0, 0], [0, 3]]
    wide = ops.scatter_update(np.zeros((3, 2)), [[2], [3], [-4]], np.ones((3, 2)))
    assert wide.tolist() == [[0, 0], [0, 0], [1, 1]]


@pytest.mark.usefixtures("backend")
def test_the_nearest_pixel_is_that_under_the_centre():
    x = ops.reshape(ops.arange(4.0), (1, 1, 4, 1))
    made = ops.image.resize(x, (1, 3), interpolation="nearest")
    assert made.numpy().ravel().tolist() == [0, 2, 3]
    made = ops.image.resize(x, (1, 6), interpolation="nearest")
    assert made.numpy().ravel().tolist() == [0, 1, 1, 2, 3, 3]


@pytest.mark.usefixtures("backend")
def test_shares_of_infinite_logits():
    """As in Keras: +inf is a network that has diverged, -inf a class that is ruled out."""
    up, down = [[np.inf, 0.0, 1.0]], [[-np.inf, 0.0, 0.0]]
    for function in (ops.softmax, jit(ops.softmax)):
        assert np.isnan(function(np.float32(up))).any()
        assert function(np.float32(down)).tolist() == [[0, 0.5, 0.5]]
    cross = keras.losses.CategoricalCrossentropy(from_logits=True)
    assert np.isnan(float(cross(np.float32([[1, 0, 0]]), np.float32(up))))
    assert float(cross(np.float32([[0, 1, 0]]), np.float32(down))) == pytest.approx(
        np.log(2)
    )


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint64"])
def test_unique_integers_near_and_far(backend, dtype):
    """Counted where they lie close, sorted where the range is wide."""
    info = np.iinfo(dtype)
    x = np.random.default_rng(0).integers(0, 40, (9, 8)).astype(dtype)
    ends = x.copy()
    ends[0, :2] = info.min, info.max
    for given in (x, ends, x[:1, :1]):
        values, counts = ops.unique(given, return_counts=True)
        expected = np.unique(given, return_counts=True)
        assert (values.dtype, counts.dtype) == (dtype, "int32")
        np.testing.assert_array_equal(values, expected[0])
        np.testing.assert_array_equal(counts, expected[1])
        np.testing.assert_array_equal(ops.unique(given), expected[0])


def test_bincount_counts(backend):
    for given, length in (([1, 2, 2, 5], 0), ([1], 4), ([], 3)):
        given = np.asarray(given, "int32")
        counts = ops.bincount(given, minlength=length)
        assert counts.dtype == "int32"
        np.testing.assert_array_equal(counts, np.bincount(given, minlength=length))
    with pytest.raises(ValueError, match="holds -1"):
        ops.bincount([2, -1])


def test_trapezoid_at_the_ends(backend):
    """No places and one have no area; what is infinite at an end stays so."""
    for shape, axis in (((3, 0), 1), ((3, 1), 1), ((2,), 0), ((4, 5), 0)):
        y = np.arange(np.prod(shape), dtype="float32").reshape(shape)
        found = ops.trapezoid(y, dx=0.5, axis=axis)
        np.testing.assert_allclose(found, np.trapezoid(y, dx=0.5, axis=axis))
    assert float(ops.trapezoid([np.inf, 1.0, 2.0])) == np.inf
