"""keras.function: training loops of one's own, compiled; with state and without."""

import dataclasses
import gc
import pickle
import warnings
import weakref

import numpy as np
import pytest

import minikeras as keras

X = np.random.default_rng(0).random((32, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def network(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.2, seed=3),
            keras.layers.Dense(1),
        ]
    )


def stateful_losses(count=4):
    """Losses and mean errors of `count` compiled steps."""
    model, optimizer = network(), keras.optimizers.Adam(0.01)
    error = keras.metrics.MeanAbsoluteError()

    @keras.function
    def step(x, y):
        with keras.GradientTape() as tape:
            y_pred = model(x, training=True)
            loss = keras.ops.mean(keras.ops.square(y - y_pred))
        weights = model.trainable_variables
        optimizer.apply(tape.gradient(loss, weights), weights)
        error.update_state(y, y_pred)
        return {"loss": loss, "error": error.result()}

    found = [step(X, Y) for _ in range(count)]
    assert step.traces == 1 and not step.fallback
    assert int(optimizer.iterations) == count
    return [(float(f["loss"]), float(f["error"])) for f in found]


@pytest.mark.usefixtures("backend")
def test_a_step_of_ones_own_trains_as_fit_does():
    model = network()
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    for loss, _ in stateful_losses():
        logs = model.fit(X, Y, batch_size=32, shuffle=False, verbose=0).history
        assert logs["loss"][0] == pytest.approx(loss, rel=1e-5)


@pytest.mark.usefixtures("backend")
def test_a_loop_without_state_gives_the_same_numbers():
    model, optimizer = network(), keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)
    error = keras.metrics.MeanAbsoluteError()

    @keras.function
    def step(state, x, y):
        trainable, others, slots, sums = state
        with keras.GradientTape() as tape:
            tape.watch(trainable)
            y_pred, others = model.stateless_call(trainable, others, x, training=True)
            loss = keras.ops.mean(keras.ops.square(y - y_pred))
        gradients = tape.gradient(loss, trainable)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        sums = error.stateless_update_state(sums, y, y_pred)
        return (loss, error.stateless_result(sums)), (trainable, others, slots, sums)

    groups = (model.trainable_variables, model.non_trainable_variables,
              optimizer.variables, error.variables)  # fmt: skip
    state = tuple([v.value for v in group] for group in groups)
    before = [v.numpy() for group in groups for v in group]
    for expected in stateful_losses():
        found, state = step(state, X, Y)
        assert [float(f) for f in found] == pytest.approx(expected, rel=1e-5)
    assert step.traces == 1 and not step.fallback
    for a, b in zip(before, (v for group in groups for v in group)):
        np.testing.assert_array_equal(a, b.numpy())


def test_a_model_may_be_built_inside():
    model = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(1)])
    step = keras.function(lambda x: model(x))
    first = step(X)
    np.testing.assert_array_equal(step(X), first)
    np.testing.assert_allclose(model(X), first, rtol=1e-6)
    assert len(model.trainable_variables) == 4


def test_each_signature_is_compiled_once():
    seen = []

    @keras.function
    def double(x, times=2):
        seen.append(x.shape)
        return x * times

    for x in (X, X, X[:5], X.astype("float64"), X):
        np.testing.assert_allclose(double(x), 2 * x, rtol=1e-6)
    assert double.traces == len(seen) == 3
    assert float(double(X, times=3)[0, 0]) == pytest.approx(3 * X[0, 0])
    assert double.traces == 4
    assert double.__name__ == "double" and "double" in repr(double)
    assert keras.function(double) is double


def test_what_cannot_be_compiled_runs_eagerly_with_one_warning():
    @keras.function
    def branch(x):
        return x if float(keras.ops.sum(x)) > 0 else -x

    with pytest.warns(RuntimeWarning, match="branch cannot be compiled"):
        branch(X)
    assert branch.fallback
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(branch(-X), X)


def test_gradients_go_through_it():
    x = keras.Variable(3.0)
    square = keras.function(lambda: x * x)
    with keras.GradientTape() as tape:
        y = square()
    assert float(tape.gradient(y, x)) == 6.0


class Scale:
    """A method of each object is compiled apart."""

    def __init__(self, factor):
        self.factor = factor

    @keras.function
    def times(self, x):
        """Scaled."""
        return x * self.factor


def test_methods():
    two, three = Scale(2.0), Scale(3.0)
    np.testing.assert_allclose(two.times(X), 2 * X)
    np.testing.assert_allclose(three.times(X), 3 * X)
    assert two.times is two.times and two.times.traces == 1
    assert Scale.times.__doc__ == "Scaled."
    gone = weakref.ref(two)
    del two
    gc.collect()
    assert gone() is None


def test_a_method_keeps_its_object():
    np.testing.assert_allclose(Scale(2.0).times(X), 2 * X)
    times = Scale(3.0).times
    gc.collect()
    np.testing.assert_allclose(times(X), 3 * X)
    np.testing.assert_allclose(times(X[:2]), 3 * X[:2])
    assert times.traces == 2 and keras.function(times) is times
    assert times.__self__.factor == 3.0 and times.__doc__ == "Scaled."
    np.testing.assert_allclose(pickle.loads(pickle.dumps(times))(X), 3 * X)


@dataclasses.dataclass(frozen=True)
class Equal:
    """Objects that are equal, and differ in what is not compared."""

    factor: float = dataclasses.field(compare=False)

    @keras.function
    def times(self, x):
        return x * self.factor


@dataclasses.dataclass
class Unhashable:
    factor: float

    @keras.function
    def times(self, x):
        return x * self.factor


class Slots:
    __slots__ = ("factor",)

    def __init__(self, factor):
        self.factor = factor

    @keras.function
    def times(self, x):
        return x * self.factor


@pytest.mark.parametrize("kind", [Equal, Unhashable, Slots])
def test_methods_of_objects_of_every_kind(kind):
    two, three = kind(2.0), kind(3.0)
    for _ in range(2):
        np.testing.assert_allclose(two.times(X), 2 * X)
        np.testing.assert_allclose(three.times(X), 3 * X)
    assert two.times.traces == three.times.traces == 1


def plus_one(x):
    return x + 1


def test_names_copies_and_wrong_arguments():
    named = keras.function(name="step")(plus_one)
    assert "step" in repr(named)
    again = pickle.loads(pickle.dumps(named))
    np.testing.assert_array_equal(again(X), named(X))
    with pytest.raises(TypeError, match="got a int"):
        keras.function(3)
