"""Weights that broadcast, metrics inside metrics, classes that are not there."""

import numpy as np
import pytest

import minikeras as keras

TRUE = np.array([[1.0, 1.0], [0.0, 0.0]], "float32")
PRED = np.array([[0.98, 1.0], [0.0, 0.6]], "float32")


@pytest.mark.parametrize(
    ("weights", "right"),
    [([[1, 0]], 1.0), ([[0.5]], 0.75), ([[1, 0], [1, 1]], 2 / 3), ([[1], [0]], 1.0)],
)
def test_weights_count_once_for_each_value_they_weigh(weights, right):
    metric = keras.metrics.BinaryAccuracy()
    found = metric(TRUE, PRED, sample_weight=np.array(weights, "float32"))
    assert float(found) == pytest.approx(right)


def test_weighted_means_lie_among_the_values():
    values = np.array([[1.0, 2.0], [3.0, 6.0]], "float32")
    for weights in ([[1.0, 3.0]], [[2.0], [1.0]], [[4.0]], [1.0, 0.5]):
        weights = np.array(weights, "float32")
        spread = weights[:, None] if weights.ndim == 1 else weights
        right = np.average(values, weights=np.broadcast_to(spread, values.shape))
        metric = keras.metrics.Mean()
        np.testing.assert_allclose(
            metric(values, sample_weight=weights), right, rtol=1e-6
        )


class Holder(keras.metrics.Metric):
    def __init__(self, parts):
        super().__init__()
        self.count = self.add_variable((), "zeros")
        self.parts = parts

    def update_state(self, values):
        pass

    def result(self):
        return self.count


@pytest.mark.parametrize("kind", [list, tuple, lambda parts: dict(enumerate(parts))])
def test_what_lists_and_dicts_hold_belongs_to_a_metric(kind):
    inside = [keras.metrics.Mean(), keras.Variable(1.0)]
    metric = Holder(kind(inside))
    assert len(metric.variables) == 4
    assert any(v is inside[1] for v in metric.variables)
    metric.count.assign(3.0)
    metric.reset_state()
    assert float(metric.count) == 0.0 and len(metric.variables) == 4


@pytest.mark.parametrize("name", ["Precision", "Recall"])
def test_a_class_of_predictions_without_classes_is_refused(name):
    metric = getattr(keras.metrics, name)(class_id=1)
    with pytest.raises(ValueError, match=r"class_id=1 .* \(samples, classes\)"):
        metric(np.array([0.0, 1.0]), np.array([0.2, 0.8]))


def test_arguments_of_top_k_can_be_read():
    assert keras.metrics.TopKCategoricalAccuracy(3).k == 3
    metric = keras.metrics.SparseTopKCategoricalAccuracy(2, from_sorted_ids=True)
    assert (metric.k, metric.from_sorted_ids) == (2, True)


def test_the_base_of_constraints_allows_everything():
    w = np.array([1.0, -2.0])
    np.testing.assert_array_equal(keras.constraints.Constraint()(w), w)
