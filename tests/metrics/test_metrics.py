"""Metrics against keras: streamed results, names, configs; then their own rules."""

import inspect

import numpy as np
import pytest

from minikeras import losses, metrics, ops
from minikeras.engine.compile import jit
from minikeras.engine.tensor import from_numpy
from tests.goldens.make import load
from tests.goldens.oracle import keras, oracle
from tests.metrics.cases import CASES, case_name, inputs, streamed

GOLDENS = load("metrics")
each_case = pytest.mark.parametrize("case", CASES, ids=case_name)


@each_case
def test_streamed_values(case):
    found = streamed(metrics, case)
    np.testing.assert_allclose(found, GOLDENS[case_name(case)], 2e-5, 2e-6)


@pytest.mark.parametrize("case", CASES[::3], ids=case_name)
def test_compiled_update_is_eager_update(case):
    found = streamed(metrics, case, wrap=jit)
    np.testing.assert_allclose(found, GOLDENS[case_name(case)], 2e-5, 2e-6)


@oracle
@each_case
def test_goldens_are_keras(case):
    found = streamed(keras().metrics, case)
    np.testing.assert_allclose(GOLDENS[case_name(case)], found, 1e-5, 1e-6)


@oracle
def test_signatures_are_keras():
    theirs_all = keras().metrics
    names = [n for n in dir(theirs_all) if not n.startswith("_")]
    assert sorted(metrics.__all__) == sorted(names)
    for name in names:
        ours, theirs = getattr(metrics, name), getattr(theirs_all, name)
        ours = inspect.signature(ours.__init__ if inspect.isclass(ours) else ours)
        theirs = inspect.signature(
            theirs.__init__ if inspect.isclass(theirs) else theirs
        )
        assert _shape(ours) == _shape(theirs), name


def _plain(config):
    return {
        k: np.round(np.asarray(v, "float64"), 6).tolist() if np.ndim(v) else v
        for k, v in config.items()
    }


def _shape(signature):
    return [(p.name, p.default, p.kind) for p in signature.parameters.values()]


@oracle
def test_aliases_are_keras():
    table = keras().metrics.get.__globals__["ALL_OBJECTS_DICT"]
    for alias, theirs in table.items():
        try:
            keras().metrics.deserialize(alias)
        except TypeError:  # a class that wants arguments
            with pytest.raises(TypeError):
                metrics.deserialize(alias)
            continue
        found = metrics.deserialize(alias)  # a function, or an object of a class
        assert getattr(found, "__name__", type(found).__name__) == theirs.__name__, (
            alias
        )


@oracle
@each_case
def test_configs_are_keras(case):
    theirs_all = keras().metrics
    name, kwargs, _ = case
    theirs = getattr(theirs_all, name)(**kwargs, name="m")
    ours = getattr(metrics, name)(**kwargs, name="m")
    assert _plain(ours.get_config()).items() >= _plain(theirs.get_config()).items()
    again = metrics.deserialize(theirs_all.serialize(theirs))
    assert type(again) is type(ours) and again.name == "m"
    made = theirs_all.deserialize(metrics.serialize(ours))
    assert _plain(made.get_config()) == _plain(theirs.get_config())


@oracle
@each_case
def test_variables_are_keras(case):
    name, kwargs, kind = case
    made = []
    for namespace in (keras().metrics, metrics):
        metric = getattr(namespace, name)(**kwargs, name="m")
        metric.update_state(*inputs(kind)[0])
        made.append([(v.path, tuple(v.shape), v.dtype) for v in metric.variables])
    assert made[0] == made[1]


@each_case
def test_config_round_trip(case):
    name, kwargs, kind = case
    metric = getattr(metrics, name)(**kwargs)
    again = metrics.deserialize(metrics.serialize(metric))
    args, _ = inputs(kind)
    np.testing.assert_array_equal(again(*args), metric(*args))


@each_case
def test_reset_forgets(case):
    name, kwargs, kind = case
    args, weights = inputs(kind)
    metric = getattr(metrics, name)(**kwargs)
    first = np.array(metric(*args))
    metric.update_state(*args, sample_weight=weights)
    metric.reset_state()
    assert all(not np.any(v.numpy()) for v in metric.variables)
    np.testing.assert_array_equal(metric(*args), first)


@each_case
def test_stateless_is_stateful(case):
    name, kwargs, kind = case
    args, _ = inputs(kind)
    metric = getattr(metrics, name)(**kwargs)
    wanted = np.array(metric(*args))
    metric.reset_state()
    values = metric.stateless_update_state(metric.stateless_reset_state(), *args)
    np.testing.assert_array_equal(metric.stateless_result(values), wanted)
    assert all(not np.any(v.numpy()) for v in metric.variables)


def masked(values, mask):
    tensor = from_numpy(np.asarray(values, "float32"))
    tensor._keras_mask = from_numpy(np.asarray(mask))
    return tensor


@pytest.mark.parametrize(
    ("weights", "expected", "state"),
    [(None, 35 / 3, [17.5, 1.5]), ([[1.0], [2.0]], 13.8, [34.5, 2.5])],
)
def test_mask_leaves_entries_out(weights, expected, state):
    # The numbers are those of keras 3.15 for a Masking layer's output.
    y_pred = masked([[[1], [0]], [[3], [5]]], [[True, False], [True, True]])
    metric = metrics.MeanSquaredError()
    metric.update_state(np.zeros((2, 2, 1)), y_pred, sample_weight=weights)
    assert float(metric.result()) == pytest.approx(expected)
    assert [float(v) for v in metric.variables] == pytest.approx(state)


def test_empty_metrics_are_zero():
    for name in ("Mean", "Sum", "Precision", "Recall", "AUC", "R2Score", "F1Score"):
        assert float(getattr(metrics, name)().result()) == 0.0


def test_custom_metric_tracks_variables_and_metrics():
    class Both(metrics.Metric):
        def __init__(self):
            super().__init__()
            self.count = self.add_weight(name="count")
            self.inner = metrics.Mean()

        def update_state(self, values, sample_weight=None):
            self.count.assign_add(1.0)
            self.inner.update_state(values, sample_weight)

        def result(self):
            return {"count": self.count, "mean": self.inner.result()}

    metric = Both()
    result = metric([1.0, 3.0])
    assert float(result["count"]) == 1.0 and float(result["mean"]) == 2.0
    assert [v.name for v in metric.variables] == ["count", "total", "count"]
    metric.reset_state()
    assert float(metric.inner.count) == 0.0


def test_forgotten_super_init_says_so():
    class Bad(metrics.Metric):
        def __init__(self):
            self.inner = metrics.Mean()

    with pytest.raises(RuntimeError, match=r"call super\(\).__init__\(\)"):
        Bad()


def test_wrapper_of_a_function_round_trips():
    metric = metrics.MeanMetricWrapper(losses.huber, name="h", delta=2.0)
    again = metrics.MeanMetricWrapper.from_config(metric.get_config())
    assert float(again([[0.0]], [[3.0]])) == float(metric([[0.0]], [[3.0]])) == 4.0


def test_get():
    assert metrics.get(None) is None
    assert isinstance(metrics.get(metrics.AUC), metrics.AUC)
    assert metrics.get(ops.add) is ops.add
    with pytest.raises(ValueError, match="'nonsense' is no metric"):
        metrics.get("nonsense")


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("AUC", {"num_thresholds": 1}),
        ("AUC", {"curve": "x"}),
        ("AUC", {"summation_method": "x"}),
        ("AUC", {"num_labels": 2}),
        ("AUC", {"thresholds": [2.0]}),
        ("Precision", {"thresholds": 2.0}),
        ("Precision", {"thresholds": [0.1, None]}),
        ("SensitivityAtSpecificity", {"specificity": 2.0}),
        ("SensitivityAtSpecificity", {"specificity": 0.5, "num_thresholds": 0}),
        ("FBetaScore", {"average": "x"}),
        ("FBetaScore", {"beta": -1.0}),
        ("FBetaScore", {"beta": 1}),
        ("FBetaScore", {"threshold": -1.0}),
        ("IoU", {"num_classes": 2, "target_class_ids": [3]}),
        ("R2Score", {"class_aggregation": "x"}),
        ("R2Score", {"num_regressors": -1}),
    ],
)
def test_arguments_out_of_range(name, kwargs):
    with pytest.raises(ValueError, match=next(reversed(kwargs))):
        getattr(metrics, name)(**kwargs)


@pytest.mark.parametrize(
    ("name", "kwargs", "y_true", "y_pred"),
    [
        ("Precision", {}, (3, 3), (3, 4)),
        ("F1Score", {}, (3,), (3,)),
        ("R2Score", {}, (3,), (3,)),
        ("AUC", {"multi_label": True}, (3,), (3,)),
        ("MeanIoU", {"num_classes": 2}, (3,), (4,)),
        ("MeanSquaredError", {}, (3, 2), (3, 4)),
    ],
)
def test_shapes_that_do_not_fit(name, kwargs, y_true, y_pred):
    metric = getattr(metrics, name)(**kwargs)
    with pytest.raises(ValueError, match="expected"):
        metric.update_state(np.zeros(y_true), np.zeros(y_pred))
    assert not any(np.any(v.numpy()) for v in metric.variables)


def test_labels_that_are_no_class_do_not_count():
    metric = metrics.MeanIoU(2)
    metric.update_state([0, 0, 2, 1], [0, 1, 0, 1])
    assert float(metric.result()) == pytest.approx(0.5)


def test_whole_counts_warn_of_fractional_weights():
    metric = metrics.MeanIoU(2)
    with pytest.warns(UserWarning, match="whole numbers"):
        metric.update_state([0, 1], [0, 1], sample_weight=[0.5, 0.5])
    metric.update_state([0, 1], [0, 1], sample_weight=[2, 1])
    assert metric.total_cm.numpy().tolist() == [[2, 0], [0, 1]]


@pytest.mark.parametrize("labels", [([0, 1, 3], [0, 1, 1]), ([0, 1, 1], [0, 1, 3])])
def test_iou_leaves_out_labels_that_are_no_class(labels):
    metric = metrics.MeanIoU(num_classes=3)
    metric.update_state(*labels)
    assert np.asarray(metric.total_cm).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
