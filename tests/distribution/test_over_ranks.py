"""What a step computes over ranks is what one process computes of the whole batch."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, losses, metrics, ops, random
from minikeras.engine import ranks
from minikeras.engine.compile import jit
from minikeras.engine.prims import all_reduce
from minikeras.ops import collective
from tests.distribution.threads import on_rows, on_threads

RNG = np.random.default_rng(3)
# Batches that divide evenly, with a rest, and with ranks that have no row at all.
SIZES = [(6, 2), (7, 3), (2, 3)]


def _values(batch):
    truth = RNG.uniform(0.1, 1, (batch, 4)).astype("float32")
    guess = RNG.uniform(0.1, 1, (batch, 4)).astype("float32")
    return truth / truth.sum(1, keepdims=True), guess / guess.sum(1, keepdims=True)


def _close(found, wanted, rtol=2e-6):
    for one in found:
        np.testing.assert_allclose(one, wanted, rtol=rtol, atol=1e-6)
        np.testing.assert_array_equal(one, found[0])  # on every rank the same bits


# --- the row


def test_all_reduce_adds_and_averages_and_so_does_its_gradient(backend):
    x = RNG.random((3, 5)).astype("float32")
    n = np.arange(3, dtype="int32")

    def step(values, counts):
        with keras.GradientTape() as tape:
            tape.watch(values)
            total, mean, count = all_reduce(
                values, values * 2, counts, means=(False, True, False)
            )
            y = ops.sum(total * total) + ops.sum(mean)
        return total, mean, count, tape.gradient(y, values)

    def run(rank):
        own = ops.convert_to_tensor(x[rank]), ops.convert_to_tensor(n[rank : rank + 1])
        return [
            [np.asarray(v) for v in function(*own)] for function in (step, jit(step))
        ]

    total = x.sum(0)
    for eager, staged in on_threads(3, run):
        for found in (eager, staged):
            np.testing.assert_allclose(found[0], total, rtol=1e-6)
            np.testing.assert_allclose(found[1], total * 2 / 3, rtol=1e-6)
            assert found[2].tolist() == [3]
            np.testing.assert_allclose(found[3], 3 * 2 * total + 2, rtol=1e-6)
        for a, b in zip(eager, staged):
            np.testing.assert_array_equal(a, b)


def test_all_reduce_refuses_what_it_cannot_add():
    with pytest.raises(ValueError, match="sums are of numbers"):
        all_reduce(ops.convert_to_tensor([True]), means=(False,))
    with pytest.raises(ValueError, match="means are of floats"):
        all_reduce(ops.convert_to_tensor([1]), means=(True,))
    with pytest.raises(ValueError, match="2 entries"):
        all_reduce(ops.ones(2), means=(True, False))


def test_reductions_that_need_not_wait_are_one():
    def step(a, b):
        (first,) = collective.sums([a])
        c = ops.exp(a)  # is read by nothing that waits
        (second,) = collective.means([b])
        late = first * second
        (third,) = collective.sums([ops.sum(late)])
        (fourth,) = collective.sums([ops.sum(c)])
        return third, fourth, late

    program = jit(step).program_for(ops.ones(3), ops.ones(3))
    found = [n for n in program.graph.nodes if n.prim.name == "all_reduce"]
    assert [len(n.inputs) for n in found] == [3, 1]
    assert found[0].static["means"] == (False, True, False)
    third, fourth, late = jit(step)(ops.ones(3), ops.ones(3))
    assert float(third) == 3 and np.allclose(late, 1) and np.isclose(fourth, 3 * np.e)


def test_equal_reductions_are_all_made():
    """Where inputs are equal on one rank only, it must not leave one out."""

    def step(a):
        return collective.sums([a]) + collective.sums([a])

    program = jit(step).program_for(ops.ones(3))
    (node,) = [n for n in program.graph.nodes if n.prim.name == "all_reduce"]
    assert len(node.inputs) == 2


# --- losses


LOSSES = [
    name
    for name in losses.__all__
    if isinstance(getattr(losses, name), type)
    and issubclass(getattr(losses, name), losses.Loss)
    and name not in ("Loss", "CTC", "Circle")  # other arguments; pairs of samples
]


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_that_of_the_batch(name):
    loss = getattr(losses, name)()
    batch, size = 7, 3
    truth, guess = _values(batch)
    if "Sparse" in name or "Generalized" in name:
        truth = RNG.integers(0, 4, (batch,)).astype("int32")
    _compare(loss, truth, guess, None, size)


@pytest.mark.parametrize(("batch", "size"), SIZES)
@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"]
)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_reductions_weights_and_masks(batch, size, reduction, weighted, masked):
    loss = losses.MeanSquaredError(reduction=reduction)
    truth, guess = (np.stack([v] * 2, 1) for v in _values(batch))  # (batch, 2, 4)
    weights = RNG.random((batch, 2)).astype("float32") if weighted else None
    mask = RNG.random((batch, 2)) < 0.7 if masked else None
    if masked:
        mask[0, 0] = True
    _compare(loss, truth, guess, weights, size, mask)


def _compare(loss, truth, guess, weights, size, mask=None):
    """Value, and mean over ranks of the gradient by something that all have."""
    given = [truth, guess]
    given += [v for v in (weights, mask) if v is not None]

    def value_and_slope(truth, guess, *rest):
        rest = list(rest)
        weight = rest.pop(0) if weights is not None else None
        factor = ops.ones(())
        with keras.GradientTape() as tape:
            tape.watch(factor)
            prediction = ops.convert_to_tensor(guess) * factor
            if mask is not None:
                prediction._keras_mask = ops.convert_to_tensor(rest[0])
            value = loss(truth, prediction, weight)
        slope = tape.gradient(value, factor)
        if ranks.several():
            (slope,) = collective.gradients([slope])
        return np.asarray(value), np.asarray(slope)

    wanted = value_and_slope(*given)
    found = on_rows(size, value_and_slope, *given)
    _close([f[0] for f in found], wanted[0])
    _close([f[1] for f in found], wanted[1], 1e-5)


def test_a_scalar_loss_is_weighted_by_rows():
    truth, guess = _values(5)

    def value(truth, guess):
        loss = losses.LossFunctionWrapper(lambda t, p: ops.mean(ops.square(t - p)))
        return np.asarray(loss(truth, guess))

    _close(on_rows(2, value, truth, guess), value(truth, guess))


# --- metrics


SKIPPED = {"Metric", "CategoricalHinge"}
OPTIONS = {
    "Mean": {}, "Sum": {},
    "IoU": {"num_classes": 4, "target_class_ids": [0, 1]},
    "BinaryIoU": {}, "MeanIoU": {"num_classes": 4},
    "OneHotIoU": {"num_classes": 4, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 4},
    "MeanMetricWrapper": {"fn": losses.mean_squared_error},
    "MeanRelativeError": {"normalizer": [1.0, 2.0, 3.0, 4.0]},
    "PrecisionAtRecall": {"recall": 0.5}, "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}  # fmt: skip
METRICS = [
    name
    for name in metrics.__all__
    if isinstance(getattr(metrics, name), type)
    and issubclass(getattr(metrics, name), metrics.Metric)
    and name not in SKIPPED
]


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_that_of_the_batch(name):
    kind, options = getattr(metrics, name), OPTIONS.get(name, {})
    batch, size = (7, 3) if hash(name) % 2 else (2, 3)
    truth, guess = _values(batch)
    if name in ("IoU", "MeanIoU"):
        truth, guess = (RNG.integers(0, 4, (batch,)).astype("int32") for _ in range(2))
    elif "Sparse" in name:
        truth = RNG.integers(0, 4, (batch, 1)).astype("int32")
    elif "Iou" in name.title() or "At" in name or name in (
        "AUC", "Precision", "Recall", "F1Score", "FBetaScore", "FalsePositives",
        "FalseNegatives", "TruePositives", "TrueNegatives",
    ):  # fmt: skip
        truth = np.eye(4, dtype="float32")[RNG.integers(0, 4, batch)]
    single = name in ("Mean", "Sum")
    arrays = (guess,) if single else (truth, guess)

    def results(*rows):
        metric = kind(**options)
        found = []
        for _ in range(2):  # what was there before stays
            metric.update_state(*rows)
            found.append(metric.result())
        return [np.asarray(v) for v in (*found, *metric.variables)]

    wanted = results(*arrays)
    found = on_rows(size, results, *arrays)
    for i, value in enumerate(wanted):
        _close([f[i] for f in found], value, 1e-5)


def test_metrics_in_compiled_steps_and_of_users():
    class Positives(metrics.Metric):
        def __init__(self):
            super().__init__()
            self.inner = metrics.Mean()
            self.highest = self.add_variable((), "zeros", aggregation="mean")
            self.here = self.add_variable((), "zeros", aggregation="none")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.inner.update_state(y_pred)
            self.highest.assign(ops.max(y_pred))
            self.here.assign(ops.sum(y_pred))

        def result(self):
            return ops.stack([self.inner.result(), self.highest, self.here])

    x = np.float32([1, 2, 3, 6])

    def run(rows):
        metric = Positives()
        step = jit(lambda v: (metric.update_state(v, v), metric.result())[1])
        step(rows)
        return np.asarray(step(rows))

    # The highest of two ranks, 2 and 6, is averaged; the last is each rank's own.
    assert [f.tolist() for f in on_rows(2, run, x)] == [[3, 4, 3], [3, 4, 9]]


# --- optimizers


def _optimizers():
    kinds = keras.optimizers
    yield "sgd", lambda: kinds.SGD(0.5)
    yield "adam", lambda: kinds.Adam(0.5, clipnorm=0.1, use_ema=True)
    yield "accumulated", lambda: kinds.SGD(0.5, gradient_accumulation_steps=2)
    yield "scaled", lambda: kinds.LossScaleOptimizer(kinds.SGD(0.5), initial_scale=4.0)
    yield "several", lambda: kinds.MultiOptimizer(lambda v: kinds.SGD(0.5))


OPTIMIZERS = dict(_optimizers())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_take_the_mean_over_ranks_in_one_message(name):
    slopes = RNG.random((2, 3, 4)).astype("float32")  # (ranks, steps, numbers)

    def run(steps):
        optimizer = OPTIMIZERS[name]()
        variables = [keras.Variable(np.ones(4, "float32")) for _ in range(2)]
        optimizer.build(variables)
        for slope in steps:
            optimizer.apply([slope, 2 * slope], variables)
        return np.stack([v.numpy() for v in variables])

    messages = []

    def ranked(rank):
        comm = ranks.communicator()
        if rank == 0:
            reduce = comm.reduce_into
            comm.reduce_into = lambda *a: (messages.append(1), reduce(*a))[1]
        comm.gather(None)
        return run(slopes[rank])

    _close(on_threads(2, ranked), run(slopes.mean(0)), 1e-5)
    assert len(messages) == 2 * len(slopes[0])  # one of each rank a step


def test_a_gradient_that_is_infinite_on_one_rank_changes_nothing_on_any():
    def run(rank):
        optimizer = OPTIMIZERS["scaled"]()
        variable = keras.Variable([1.0])
        optimizer.build([variable])
        optimizer.apply([np.float32([np.inf if rank else 1.0])], [variable])
        return float(variable.value[0]), float(optimizer.dynamic_scale.value)

    assert on_threads(2, run) == [(1.0, 2.0), (1.0, 2.0)]


# --- draws


DRAWS = {
    "uniform": lambda n, s: random.uniform((n, 3), 1.0, 2.0, seed=s),
    "normal": lambda n, s: random.normal((n, 5), seed=s),
    "float64": lambda n, s: random.normal((n, 5), dtype="float64", seed=s),
    "truncated": lambda n, s: random.truncated_normal((n,), seed=s),
    "randint": lambda n, s: random.randint((n, 2), 0, 1 << 30, seed=s),
    "gamma": lambda n, s: random.gamma((n, 2), 0.7, seed=s),
    "beta": lambda n, s: random.beta((n, 2), 0.7, 2.0, seed=s),
    "binomial": lambda n, s: random.binomial((n, 2), 9.0, 0.3, seed=s),
    "categorical": lambda n, s: random.categorical(ops.zeros((n, 6)), 4, seed=s),
    "dropout": lambda n, s: random.dropout(ops.ones((n, 2, 3)), 0.4, seed=s),
    "shared": lambda n, s: random.dropout(ops.ones((n, 4)), 0.4, (1, 4), seed=s),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize(("batch", "size"), SIZES)
def test_a_row_draws_what_it_would_in_the_batch(name, batch, size, backend):
    draw = DRAWS[name]
    wanted = np.asarray(draw(batch, 7))

    def rows(part):
        step = jit(lambda: ranks.on(ranks.shard(), draw, len(part), 7))
        return np.asarray(draw(len(part), 7)), np.asarray(step())

    for found in zip(*on_rows(size, rows, np.arange(batch))):
        np.testing.assert_array_equal(np.concatenate(found), wanted)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_recurrent_masks_are_those_of_the_batch(kind):
    x = RNG.random((5, 4, 3)).astype("float32")

    def run(rows):
        keras.utils.set_random_seed(1)
        layer = getattr(layers, kind)(4, dropout=0.4, recurrent_dropout=0.4, seed=3)
        return np.asarray(layer(rows, training=True))

    wanted = run(x)
    keras.utils.set_random_seed(1)
    (layer,) = [getattr(layers, kind)(4, dropout=0.4, recurrent_dropout=0.4, seed=3)]
    layer.build(x.shape)
    weights = [v.numpy() for v in layer.weights]

    def alike(rows):
        own = getattr(layers, kind)(4, dropout=0.4, recurrent_dropout=0.4, seed=3)
        own.build((None, *rows.shape[1:]))
        own.set_weights(weights)
        return np.asarray(own(rows, training=True))

    np.testing.assert_allclose(np.concatenate(on_rows(2, alike, x)), wanted, atol=1e-6)


@pytest.mark.parametrize(("batch", "size"), SIZES)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "ConvLSTM1D"])
def test_states_that_are_kept_are_those_of_the_batch(kind, batch, size):
    shape = (batch, 4, 6, 2) if kind == "ConvLSTM1D" else (batch, 4, 3)
    more = (2,) if kind == "ConvLSTM1D" else ()
    x, y = (RNG.random(shape).astype("float32") for _ in range(2))

    def made():
        layer = getattr(layers, kind)(4, *more, stateful=True)
        layer.build(shape)
        return layer

    first = made()
    weights = [v.numpy() for v in first.weights]

    def run(rows, later):
        layer = made()
        layer.set_weights(weights)
        eager = np.asarray(layer(rows)), np.asarray(layer(later))
        states = [np.asarray(v) for v in layer.states]
        layer.reset_state()
        step = jit(lambda v: ranks.on(ranks.shard(), layer, v))
        staged = np.asarray(step(rows)), np.asarray(step(later))
        return (*eager, *staged), states, [np.asarray(v) for v in layer.states]

    outputs, states, _ = run(x, y)
    found = on_rows(size, run, x, y)
    for part in range(4):
        rows = np.concatenate([f[0][part] for f in found])
        np.testing.assert_allclose(rows, outputs[part], rtol=1e-5, atol=1e-6)
    for _, eager, staged in found:  # every rank has those of all rows
        for mine, other, wanted in zip(eager, staged, states, strict=True):
            np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-6)
            np.testing.assert_array_equal(mine, other)
        for mine, of_first in zip(eager, found[0][1], strict=True):
            np.testing.assert_array_equal(mine, of_first)


def test_weights_made_in_a_step_are_no_rows():
    def make(rows):
        initial = keras.initializers.RandomNormal(seed=1)
        return keras.Variable(initial, shape=(len(rows), 2)).numpy()

    one, other = on_rows(2, make, np.arange(4))
    np.testing.assert_array_equal(one, other)


# --- batch normalization


@pytest.mark.parametrize(("batch", "size"), SIZES)
@pytest.mark.parametrize("masked", [False, True])
def test_synchronized_statistics_are_those_of_the_batch(batch, size, masked):
    x = (RNG.random((batch, 3, 2)) * 3 + 10).astype("float32")
    mask = np.ones((batch, 3), bool)
    mask[0, 1:] = False

    def run(rows, mask):
        layer = layers.BatchNormalization(synchronized=True, momentum=0.5)
        rows = ops.convert_to_tensor(rows)
        with keras.GradientTape() as tape:
            tape.watch(rows)
            y = layer(rows, training=True, mask=mask if masked else None)
            value = ops.sum(y * y * rows)
        slopes = tape.gradient(value, [rows, *[v.state.read() for v in ()]])
        return [
            np.asarray(v)
            for v in (y, *slopes, layer.moving_mean, layer.moving_variance)
        ]

    wanted = run(x, mask)
    found = on_rows(size, run, x, mask)
    for i in (0, 1):
        rows = np.concatenate([f[i] for f in found])
        np.testing.assert_allclose(rows, wanted[i], rtol=2e-3, atol=2e-3)
    for i in (2, 3):
        _close([f[i] for f in found], wanted[i], 1e-5)


def test_other_statistics_are_a_ranks_own_and_averages_the_mean():
    x = np.float32([[1], [3], [10], [30]])

    def run(rows):
        layer = layers.BatchNormalization(momentum=0.0)
        y = layer(rows, training=True)
        return np.asarray(y), layer.moving_mean.numpy(), layer.moving_variance.numpy()

    for y, mean, variance in on_rows(2, run, x):
        assert np.allclose(y, [[-1], [1]], atol=1e-3)
        assert mean == [11] and variance == [(1 + 100) / 2]
