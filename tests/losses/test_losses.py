"""Losses against keras: values in every reduction, gradients, names, errors."""

import inspect

import numpy as np
import pytest

from minikeras import losses
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.tensor import from_numpy
from tests.goldens.make import load
from tests.goldens.oracle import keras, oracle
from tests.losses import goldens
from tests.losses.cases import CASES, case_name, inputs, reduced_values, spread

GOLDENS = load("losses")
each_case = pytest.mark.parametrize("case", CASES, ids=case_name)


def own_gradient(case):
    name, kwargs, kind = case
    y_true, y_pred, weights = inputs(kind)
    y_pred = from_numpy(y_pred)
    loss = getattr(losses, name)(reduction="sum", **kwargs)
    weights = spread(weights, loss.call(y_true, y_pred))
    with GradientTape() as tape:
        tape.watch(y_pred)
        value = loss(y_true, y_pred, sample_weight=weights)
    return tape.gradient(value, y_pred).numpy()


@each_case
def test_values(case):
    expected = GOLDENS[case_name(case)]
    np.testing.assert_allclose(reduced_values(losses, case), expected, 2e-5, 2e-6)


@each_case
def test_gradients(case):
    expected = GOLDENS["grad-" + case_name(case)]
    np.testing.assert_allclose(own_gradient(case), expected, 1e-4, 1e-5)


@oracle
@each_case
def test_goldens_are_keras(case):
    theirs = keras()
    found = reduced_values(theirs.losses, case)
    np.testing.assert_allclose(GOLDENS[case_name(case)], found, 1e-5, 1e-6)
    found = goldens.gradient(theirs, case)
    np.testing.assert_allclose(GOLDENS["grad-" + case_name(case)], found, 1e-4, 1e-5)


@oracle
def test_signatures_are_keras():
    namespace = keras().losses
    names = {n for n in dir(namespace) if not n.startswith("_")}
    assert sorted(losses.__all__) == sorted(names)
    for name in names:
        ours, theirs = getattr(losses, name), getattr(namespace, name)
        ours = inspect.signature(ours.__init__ if inspect.isclass(ours) else ours)
        theirs = inspect.signature(
            theirs.__init__ if inspect.isclass(theirs) else theirs
        )
        assert _shape(ours) == _shape(theirs), name


def _shape(signature):
    return [(p.name, p.default, p.kind) for p in signature.parameters.values()]


@oracle
def test_aliases_are_keras():
    # keras's own table of names, which has no public door.
    table = keras().losses.get.__globals__["ALL_OBJECTS_DICT"]
    for alias in table.keys() - {"LossFunctionWrapper"}:  # which wants a function
        found = losses.deserialize(alias)  # a function, or an object of a class
        name = getattr(found, "__name__", type(found).__name__)
        assert name == table[alias].__name__, alias


@oracle
@each_case
def test_configs_are_keras(case):
    namespace = keras().losses
    name, kwargs, _ = case
    theirs = getattr(namespace, name)(**kwargs)
    config = namespace.serialize(theirs)
    ours = losses.deserialize(config)
    assert (
        config.keys() == losses.serialize(ours).keys() and type(ours).__name__ == name
    )
    assert ours.get_config().items() >= theirs.get_config().items()
    config = losses.serialize(getattr(losses, name)(**kwargs))
    made = getattr(namespace, config["class_name"]).from_config(config["config"])
    assert made.get_config() == theirs.get_config()


@each_case
def test_config_round_trip(case):
    name, kwargs, kind = case
    loss = getattr(losses, name)(reduction="sum", **kwargs)
    again = losses.deserialize(losses.serialize(loss))
    y_true, y_pred, _ = inputs(kind)
    assert type(again) is type(loss) and again.reduction == "sum"
    np.testing.assert_array_equal(again(y_true, y_pred), loss(y_true, y_pred))


def test_custom_function_round_trip():
    loss = losses.LossFunctionWrapper(losses.huber, delta=2.0, name="mine")
    again = losses.LossFunctionWrapper.from_config(loss.get_config())
    assert float(again([[0.0]], [[3.0]])) == float(loss([[0.0]], [[3.0]])) == 4.0


def test_get():
    assert losses.get(None) is None
    assert losses.get("mse") is losses.mean_squared_error
    assert isinstance(losses.get(losses.Huber), losses.Huber)
    with pytest.raises(ValueError, match="'nonsense' is no loss"):
        losses.get("nonsense")


def masked(values, mask):
    tensor = from_numpy(np.asarray(values, "float32"))
    tensor._keras_mask = from_numpy(np.asarray(mask))
    return tensor


@pytest.mark.parametrize(
    ("reduction", "weights", "expected"),
    [
        ("sum", None, 10.5),
        ("sum", [[1.0], [2.0]], 19.5),
        ("sum", [[1.0, 2.0], [3.0, 4.0]], 34.0),
        ("mean", None, 3.5),
        ("mean", [[1.0], [2.0]], 6.5),
        ("sum_over_batch_size", [[1.0, 2.0], [3.0, 4.0]], 34 / 3),
        ("mean_with_sample_weight", None, 3.5),
        ("mean_with_sample_weight", [[1.0], [2.0]], 3.9),
        ("mean_with_sample_weight", [[1.0, 2.0], [3.0, 4.0]], 4.25),
        ("none", [1.0, 2.0], [[1.5, 0.0], [7.0, 11.0]]),
    ],
)
def test_mask_leaves_entries_out(reduction, weights, expected):
    # The numbers are those of keras 3.15 for a Masking layer's output.
    y_pred = masked([[[1, 2], [0, 0]], [[3, 4], [5, 6]]], [[True, False], [True, True]])
    loss = losses.MeanAbsoluteError(reduction=reduction)
    found = loss(np.zeros((2, 2, 2)), y_pred, sample_weight=weights)
    np.testing.assert_allclose(found, expected, 1e-5)


def test_weights_of_one_axis_are_per_sample():
    loss = losses.MeanAbsoluteError(reduction="none")
    y_true, y_pred = np.zeros((2, 2, 1)), np.ones((2, 2, 1))
    assert loss(y_true, y_pred, sample_weight=[1.0, 2.0]).tolist() == [[1, 1], [2, 2]]


def test_weights_broadcast():
    loss = losses.MeanAbsoluteError(reduction="sum")
    y_true, y_pred = np.zeros((2, 3)), np.arange(6.0).reshape(2, 3)
    assert float(loss(y_true, y_pred, sample_weight=[[1.0], [0.0]])) == 1.0
    assert float(loss(y_true, y_pred, sample_weight=3.0)) == 15.0
    with pytest.raises(ValueError, match="sample_weight has shape"):
        loss(y_true, y_pred, sample_weight=np.ones((2, 3)))


def test_zero_weights_give_zero():
    loss = losses.MeanAbsoluteError(reduction="mean_with_sample_weight")
    assert float(loss([[1.0]], [[2.0]], sample_weight=[0.0])) == 0.0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "bool"])
def test_dtypes(dtype):
    y = np.ones((2, 3), dtype)
    assert losses.MeanSquaredError()(y, y).dtype == "float32"
    assert losses.MeanSquaredError(dtype="float16")(y, y).dtype == "float16"


def test_ranks_are_matched():
    assert losses.mean_squared_error([1.0, 2.0], [[2.0], [4.0]]).tolist() == [1.0, 4.0]


@pytest.mark.parametrize(
    ("loss", "y_true", "y_pred", "message"),
    [
        ("mean_squared_error", (2, 3), (2, 4), r"y_true has shape \(2, 3\)"),
        ("categorical_crossentropy", (2,), (2, 4), "sparse_categorical_crossentropy"),
        ("categorical_crossentropy", (2, 3), (2, 4), "units of the last layer"),
        ("binary_crossentropy", (3,), (3, 1), "expected equal shapes"),
        ("sparse_categorical_crossentropy", (3,), (2, 4), "3"),
        ("circle", (2,), (2, 2, 2), r"\(batch, features\)"),
    ],
)
def test_shapes_that_do_not_fit(loss, y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        getattr(losses, loss)(np.ones(y_true), np.ones(y_pred))


def test_unknown_reduction():
    with pytest.raises(ValueError, match="reduction='all'"):
        losses.MeanSquaredError(reduction="all")


def test_probabilities_are_as_stable_as_logits():
    from minikeras import ops

    x = from_numpy(np.array([[80.0, -80.0, 0.0]], "float32"))
    target = np.array([[0.0, 1.0, 0.0]])
    with GradientTape() as tape:
        tape.watch(x)
        value = losses.categorical_crossentropy(target, ops.softmax(x))
    np.testing.assert_allclose(tape.gradient(value, x), [[1.0, -1.0, 0.0]], atol=1e-6)


def test_structures_reach_call():
    class Sum(losses.Loss):
        def call(self, y_true, y_pred):
            return y_true["a"] - y_pred["a"] + y_pred["b"]

    value = Sum()(
        {"a": np.ones(2), "b": np.ones(2)}, {"a": np.zeros(2), "b": np.ones(2)}
    )
    assert float(value) == 2.0 and Sum().name == "sum"


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("none", [0.375, 0.75, 1.5]),
        ("sum", 2.625),
        ("sum_over_batch_size", 0.875),
        ("mean_with_sample_weight", 0.75),
    ],
)
def test_weights_of_a_loss_of_the_whole_batch(reduction, expected):
    y = np.eye(4, dtype="float32")[[0, 1, 2]]
    loss = losses.Dice(reduction=reduction)
    found = loss(y, np.full((3, 4), 0.25, "float32"), np.float32([0.5, 1, 2]))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
