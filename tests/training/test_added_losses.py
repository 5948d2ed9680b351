"""Models that train on what layers add, with no loss given to compile."""

import numpy as np
import pytest

import minikeras as keras

X = np.ones((4, 2), "float32")
Y = np.zeros((4, 1), "float32")


def dense(lib, **arguments):
    return lib.layers.Dense(1, kernel_initializer="ones", **arguments)


def scaled(lib, per_sample=False):
    """A layer that gives 3 w x and adds the square of its distance from x."""

    class Scaled(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight(shape=(2,), initializer="ones")

        def call(self, x):
            y = self.scale * x * 3
            far = lib.ops.square(y - x)
            self.add_loss(far if per_sample else lib.ops.mean(far))
            return y

    return Scaled()


def sequential(lib):
    return lib.Sequential([lib.Input((2,)), scaled(lib)])


def functional(lib):
    inputs = lib.Input((2,))
    return lib.Model(inputs, scaled(lib)(inputs))


def by_the_model(lib):
    class Own(lib.Model):
        def __init__(self):
            super().__init__()
            self.inner = scaled(lib)

        def call(self, x):
            return self.inner(x)

    return Own()


def by_compute_loss(lib):
    class Own(lib.Model):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight(shape=(2,), initializer="ones")

        def call(self, x):
            return self.scale * x * 3

        def compute_loss(
            self, x=None, y=None, y_pred=None, sample_weight=None, training=True
        ):
            return lib.ops.mean(lib.ops.square(y_pred - x))

    return Own()


MODELS = [sequential, functional, by_the_model, by_compute_loss]


@pytest.mark.parametrize("make", MODELS)
def test_training_on_added_losses(lib, make):
    model = make(lib)
    model.compile(lib.optimizers.SGD(0.1))
    history = model.fit(X, epochs=3, verbose=0, validation_data=(X,)).history
    assert history["loss"] == pytest.approx([4.0, 0.04, 0.0004], rel=1e-3)
    assert history["val_loss"] == pytest.approx([0.04, 0.0004, 4e-6], rel=1e-2)
    assert model.evaluate(X, verbose=0) == pytest.approx(4e-6, rel=1e-2)
    assert model.losses == []  # those of a compiled step are gone with it


@pytest.mark.parametrize("make", MODELS)
def test_a_batch_with_targets_and_eager_steps(make):
    model = make(keras)
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    assert model.train_on_batch(X, X) == pytest.approx(4.0)
    assert model.test_on_batch(X) == pytest.approx(0.04, rel=1e-3)
    assert model.fit(X, X, verbose=0).history["loss"] == pytest.approx([0.04], rel=1e-3)


def test_what_a_fit_leaves_in_losses(lib):
    model = lib.Sequential([
        lib.Input((2,)), scaled(lib),
        dense(lib, kernel_regularizer="l2", activity_regularizer=lib.regularizers.L2(0.5)),
    ])  # fmt: skip
    model.compile(lib.optimizers.SGD(0.0))
    history = model.fit(X, verbose=0).history
    assert history["loss"] == pytest.approx([4.0 + 0.02 + 0.5 * 36], rel=1e-5)
    assert [float(v) for v in model.losses] == pytest.approx([0.02])
    model(X)
    assert [float(v) for v in model.losses] == pytest.approx([4.0, 18.0, 0.02])


def test_targets_as_inputs(lib):
    class Endpoint(lib.layers.Layer):
        def call(self, prediction, target):
            self.add_loss(lib.ops.mean(lib.ops.square(prediction - target)))
            return prediction

    x, y = lib.Input((2,)), lib.Input((1,))
    model = lib.Model([x, y], Endpoint()(dense(lib)(x), y))
    model.compile(lib.optimizers.SGD(0.01))
    losses = model.fit([X, Y], epochs=2, verbose=0).history["loss"]
    assert losses == pytest.approx([4.0, 3.5344], rel=1e-4)


def test_a_loss_of_training_alone(lib):
    class Cost(lib.layers.Layer):
        def call(self, x, training=False):
            if training:
                self.add_loss(lib.ops.mean(lib.ops.square(x)))
            return x

    model = lib.Sequential([lib.Input((2,)), dense(lib), Cost()])
    model.compile(lib.optimizers.SGD(0.01))
    history = model.fit(X, epochs=2, verbose=0, validation_data=(X,)).history
    assert history["loss"] == pytest.approx([4.0, 3.5344], rel=1e-4)
    assert history["val_loss"] == [0.0, 0.0]


def test_a_loss_that_is_no_scalar_counts_by_its_sum(lib):
    model = lib.Sequential([lib.Input((2,)), scaled(lib, per_sample=True)])
    model.compile(lib.optimizers.SGD(0.0), loss="mse")
    assert model.fit(X, X, verbose=0).history["loss"] == pytest.approx([8 * 4.0 + 4.0])


def test_nothing_to_minimise_changes_nothing():
    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
    for loss in (None, [None]):
        model.compile("sgd", loss, run_eagerly=True)
        before = model.get_weights()
        with pytest.raises(ValueError, match="no loss to minimise"):
            model.fit(X + 1, verbose=0)
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_eager_calls_leave_the_losses_of_the_last_one(lib):
    class Adds(lib.layers.Layer):
        def call(self, x):
            self.add_loss(lib.ops.sum(x))
            return x * 2

    class Around(lib.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Adds()
            self.dense = lib.layers.Dense(2, activity_regularizer="l2")

        def call(self, x):
            return self.inner(self.dense(x))

    x = lib.ops.ones((2, 3))
    for layer, count in ((Adds(), 1), (Around(), 2)):
        for number in (1, 2, 3):
            layer(x * number)
            assert len(layer.losses) == count
        if count == 1:
            assert float(layer.losses[0]) == 18
