"""Axes that are not the last, entries left out, zeros, and targets wider than predictions."""

import numpy as np
import pytest

import minikeras as keras
from minikeras.engine.compile import jit

RNG = np.random.default_rng(0)
PROBS = RNG.dirichlet([1, 1, 1], (2, 4)).astype("float32")  # (batch, steps, classes)
LABELS = RNG.integers(0, 3, (2, 4))
ONE_HOT = np.eye(3, dtype="float32")[LABELS]


def turned(x):
    return np.moveaxis(x, -1, 1)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize(
    "name", ["CategoricalCrossentropy", "CategoricalFocalCrossentropy"]
)
def test_another_axis_with_label_smoothing(name, smoothing):
    make = getattr(keras.losses, name)
    last = make(label_smoothing=smoothing)(ONE_HOT, PROBS)
    other = make(label_smoothing=smoothing, axis=1)(turned(ONE_HOT), turned(PROBS))
    assert float(other) == pytest.approx(float(last), rel=1e-6)
    smooth = ONE_HOT * (1 - smoothing) + smoothing / 3
    focal = 0.25 * (1 - PROBS) ** 2 if "Focal" in name else 1.0
    expected = np.sum(-focal * smooth * np.log(PROBS), -1).mean()
    assert float(last) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_metric_leaves_the_ignored_class_out(weighted):
    weights = np.linspace(0.5, 2, 8, dtype="float32").reshape(2, 4)
    metric = keras.metrics.SparseCategoricalCrossentropy(ignore_class=1)
    metric.update_state(LABELS, PROBS, weights if weighted else None)
    kept = LABELS != 1
    values = -np.log(np.take_along_axis(PROBS, LABELS[..., None], -1)[..., 0])
    share = weights[kept] if weighted else None
    expected = np.average(values[kept], weights=share)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


def test_kl_divergence_of_zeros(lib):
    truth = np.array([[0.0, 1.0], [0.5, 0.5]], "float32")
    pred = np.array([[0.5, 0.0], [0.5, 0.5]], "float32")
    found = lib.ops.convert_to_numpy(lib.losses.kl_divergence(truth, pred))
    eps = 1e-7
    first = eps * np.log(eps / 0.5) + np.log(1 / eps)
    np.testing.assert_allclose(found, [first, 0.0], rtol=1e-5, atol=1e-7)


# Targets 0.3 from predictions that 16 bits hold exactly.
FAR = {
    "mean_squared_error": 0.09,
    "mean_absolute_error": 0.3,
    "huber": 0.045,
    "log_cosh": np.log(np.cosh(0.3)),
}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", FAR)
def test_wide_targets_lose_no_digits(name, dtype):
    pred = keras.ops.cast(np.full((2, 4), 1000.0), dtype)
    truth = np.full((2, 4), 1000.3, "float32")
    found = getattr(keras.losses, name)(truth, pred)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found.numpy(), FAR[name], rtol=1e-3)
    kind = {"huber": "Huber", "log_cosh": "LogCosh"}.get(
        name, name.title().replace("_", "")
    )
    loss = getattr(keras.losses, kind)(dtype=dtype)(truth, pred)
    assert loss.dtype == dtype and float(loss) == pytest.approx(FAR[name], rel=1e-2)
    metric = keras.metrics.MeanMetricWrapper(getattr(keras.losses, name))
    assert float(metric(truth, pred)) == pytest.approx(FAR[name], rel=1e-3)


def test_bce_and_cce_take_wide_targets_too():
    pred = keras.ops.cast(PROBS, "float16")
    truth = (ONE_HOT * 0.9 + 0.03337).astype("float32")
    for name in ("binary_crossentropy", "categorical_crossentropy"):
        function = getattr(keras.losses, name)
        expected = function(truth, keras.ops.cast(pred, "float32")).numpy()
        np.testing.assert_array_equal(function(truth, pred).numpy(), expected)


@pytest.mark.parametrize("name", ["OneHotMeanIoU", "MeanIoU"])
def test_counts_in_float64_give_results_in_float64(name):
    metric = getattr(keras.metrics, name)(num_classes=2, dtype="float64")
    truth, pred = np.array([0, 0, 1, 1, 1, 0]), np.array([0, 1, 1, 1, 0, 0])
    if name == "OneHotMeanIoU":
        truth, pred = np.eye(2)[truth], np.eye(2)[pred]
    metric.update_state(truth, pred, np.full(6, 0.1))
    result = metric.result()
    assert result.dtype == "float64"
    assert float(result) == pytest.approx(0.2 / (0.4 + 1e-7), rel=1e-12)


INF, NAN = np.inf, np.nan


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    ("label", "logit", "share", "slope"),
    [
        (0, INF, 1.0, 1.0),
        (1, -INF, 1.0, -1.0),
        (0.5, INF, 0.5, 0.5),
        (0, -INF, 0.0, 0.0),
        (1, INF, 0.0, 0.0),
    ],
)
def test_binary_focal_loss_at_infinity_is_its_limit(
    label, logit, share, slope, gamma, backend
):
    """`share * inf`, times what the share of the wrong side weighs."""
    value, gradient = focal("binary", [[label]], [[logit]], gamma=gamma)
    assert value == (INF if share else 0.0)
    assert gradient[0, 0] == pytest.approx(slope * (share**gamma if share else 1.0))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("logit", [18.0, 200.0, 3.4e38, None])
def test_binary_focal_loss_of_sure_predictions_has_a_slope(logit, gamma, backend):
    """Also where the weight of a right sample is 0, and its power has no finite slope."""
    pred = 1.0 if logit is None else logit
    for label in (0.0, 1.0):
        value, gradient = focal(
            "binary", [[label]], [[pred]], logit is not None, gamma=gamma
        )
        assert np.isfinite(gradient).all() and np.isfinite(value)
        if logit is not None:
            assert value == pytest.approx(logit * (1 - label), rel=1e-6, abs=1e-7)
            assert gradient[0, 0] == pytest.approx(1 - label, abs=1e-6)


@pytest.mark.parametrize(
    ("logits", "value", "gradient"),
    [
        ([-INF, 0, 1], INF, [-0.25, 0.25 * 0.268941, 0.25 * 0.731059]),
        ([0, -INF, 1], 0.175467, None),  # as in keras
        ([-INF] * 3, NAN, [NAN] * 3),
        ([INF, 0, 1], NAN, [NAN] * 3),  # as crossentropy: no share can be told
    ],
    ids=str,
)
def test_categorical_focal_loss_of_infinite_logits(logits, value, gradient, backend):
    found, slope = focal("categorical", [[1, 0, 0]], [logits])
    np.testing.assert_allclose(found, value, rtol=1e-5)
    if gradient is None:
        assert np.isfinite(slope).all() and slope[0, 1] == 0
    else:
        np.testing.assert_allclose(slope, [gradient], rtol=1e-5)


def focal(name, label, pred, from_logits=True, **how):
    """The loss of a sample and its gradient; compiled, it is the same."""
    loss = getattr(keras.losses, f"{name}_focal_crossentropy")
    y, x = np.float32(label), keras.Variable(np.float32(pred))
    with keras.GradientTape() as tape:
        value = loss(y, x, from_logits=from_logits, **how)
    compiled = jit(lambda pred: loss(y, pred, from_logits=from_logits, **how))
    np.testing.assert_array_equal(compiled(x.value), value)
    return float(value[0]), np.asarray(tape.gradient(value, x))
