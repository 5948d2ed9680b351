"""Single batches, and steps that users write themselves."""

import numpy as np
import pytest

import minikeras as keras
from tests.training.models import classes, classifier, line, linear


def test_results_are_of_the_batch_alone(lib):
    model = lib.Sequential(
        [lib.Input((1,)), lib.layers.Dense(1, kernel_initializer="zeros")]
    )
    model.compile(lib.optimizers.SGD(0.0), "mse", metrics=["mae"])
    x = np.zeros((4, 1), "float32")
    for target in (1.0, 3.0, 0.0):
        for method in (model.train_on_batch, model.test_on_batch):
            found = [float(v) for v in method(x, np.full((4, 1), target))]
            assert found == [target**2, target]


def test_results_of_a_batch_are_floats_by_name():
    x, y = line()
    model = linear(metrics=["mae"])
    logs = model.train_on_batch(x, y, return_dict=True)
    assert list(logs) == ["loss", "mae"] and all(
        type(v) is float for v in logs.values()
    )


def test_the_loss_alone_is_a_float():
    x, y = line()
    model = linear()
    assert type(model.train_on_batch(x, y)) is float
    assert type(model.test_on_batch(x, y)) is float
    assert type(model.evaluate(x, y, verbose=0)) is float


@pytest.mark.parametrize("eager", [False, True])
def test_a_step_of_ones_own(eager):
    seen = []

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)
            self.distance = keras.metrics.Mean(name="distance")

        def call(self, x):
            return self.dense(x)

        @property
        def metrics(self):
            return [self.distance]

        def train_step(self, data):
            seen.append(len(data))
            x, y = data
            with keras.GradientTape() as tape:
                loss = keras.ops.mean(keras.ops.square(self(x, training=True) - y))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
            self.distance.update_state(keras.ops.sqrt(loss))
            return {m.name: m.result() for m in self.metrics}

    x, y = line(samples=64)
    model = Mine()
    model.compile(optimizer=keras.optimizers.SGD(0.1), run_eagerly=eager)
    history = model.fit(x, y, batch_size=32, epochs=10, verbose=0).history
    assert list(history) == ["distance"]
    assert history["distance"][-1] < 0.5 * history["distance"][0]
    assert len(seen) == (20 if eager else 1)


def test_steps_of_ones_own_compute_the_same_eagerly_and_compiled():
    x, y = line()

    class Mine(keras.Sequential):
        def train_step(self, data):
            x, y = data
            with keras.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
            grads = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply(grads, self.trainable_weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    results = []
    for eager in (False, True):
        keras.utils.set_random_seed(5)
        model = Mine([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"], run_eagerly=eager)
        results.append(model.fit(x, y, epochs=3, verbose=0).history)
    assert list(results[0]) == ["loss", "mae"]
    for name in results[0]:
        assert results[0][name] == pytest.approx(results[1][name], rel=1e-5)


def test_a_loss_of_ones_own_by_compute_loss():
    class Mine(keras.Sequential):
        def compute_loss(
            self, x=None, y=None, y_pred=None, sample_weight=None, training=True
        ):
            return keras.ops.mean(keras.ops.abs(y - y_pred)) * 3

    x, y = line()
    model = Mine([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    loss, mae = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(3 * mae, rel=1e-5)


def test_a_prediction_step_of_ones_own():
    class Mine(keras.Sequential):
        def predict_step(self, data):
            return keras.ops.argmax(self(data), axis=-1)

    model = Mine([keras.Input((4,)), keras.layers.Dense(3)])
    x, _ = line()
    found = model.predict(x, verbose=0)
    np.testing.assert_array_equal(found, model(x).numpy().argmax(-1))


def test_what_cannot_be_traced_runs_eagerly_after_one_warning():
    class Branches(keras.Sequential):
        def train_step(self, data):
            if float(keras.ops.mean(data[0])) > 1e9:
                return {"loss": 0.0}
            return super().train_step(data)

    x, y = line(samples=64)
    model = Branches([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    with pytest.warns(RuntimeWarning, match="float\\(keras.ops.mean"):
        history = model.fit(x, y, epochs=10, verbose=0).history
    assert history["loss"][-1] < 0.1 * history["loss"][0]


def test_models_are_built_by_the_first_batch():
    x, y = classes()
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert len(model.train_on_batch(x, y)) == 2
    assert model.built and len(model.optimizer.variables) >= 1

    class Late(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3, activation="softmax")

        def call(self, x, training=False):
            return self.dense(x) if training else self.dense(x) * 1.0

    late = Late()
    late.compile("adam", "sparse_categorical_crossentropy")
    assert late.fit(x, y, verbose=0).history["loss"]
    assert keras.Sequential([keras.layers.Dense(2)]).predict(x, verbose=0).shape == (
        40,
        2,
    )


def test_the_shapes_of_a_data_tuple_follow_what_was_given():
    kinds = []

    class Watch(keras.Sequential):
        def test_step(self, data):
            kinds.append(len(data) if isinstance(data, tuple) else "x alone")
            return {"loss": 0.0}

    x, y = line()
    model = Watch([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    for arguments in ((x,), (x, y)):
        model.evaluate(*arguments, batch_size=40, verbose=0)
    model.evaluate(x, y, batch_size=40, sample_weight=np.ones(40), verbose=0)
    assert kinds == ["x alone", 2, 3]


def test_functions_are_made_anew_on_demand():
    model = linear()
    first = model.make_train_function()
    assert model.make_train_function() is first
    assert model.make_train_function(force=True) is not first
    model.compile("sgd", "mse")
    assert model.train_function is None


def test_stateless_compute_loss_puts_variables_back():
    x, y = line()
    model = linear()
    model.evaluate(x, y, verbose=0)
    before = model.get_weights()
    values = [np.zeros_like(w) for w in before]
    metrics = [v.value for m in model.metrics for v in m.variables]
    y_pred = np.zeros_like(y)
    loss, (trainable, _, _) = model.stateless_compute_loss(
        values, [], metrics, x, y, y_pred
    )
    assert float(loss) == pytest.approx(np.mean(y**2), rel=1e-5)
    assert all((np.asarray(t) == 0).all() for t in trainable)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_class_weight_goes_with_train_on_batch():
    x, y = classes()
    model = classifier([], weighted_metrics=["accuracy"])
    assert len(model.train_on_batch(x, y, class_weight={0: 0.0, 1: 2.0})) == 2


def test_metrics_begin_anew_inside_of_the_compiled_step():
    """From outside it costs as much as a small step; a user's own runs each time."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    model.fit(x, y, verbose=0)
    model.train_on_batch(x, y)
    held = [v.state.owner for metric in model.metrics for v in metric.variables]
    model.train_on_batch(x, y)
    assert held == [v.state.owner for metric in model.metrics for v in metric.variables]
    assert None not in held  # nobody outside of the step assigned them

    calls = []

    class Mine(keras.metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(y_true - y_pred)

        def reset_state(self):
            calls.append(1)
            super().reset_state()

    model.compile("sgd", "mse", metrics=[Mine()])
    model.train_on_batch(x, y)
    before = len(calls)
    model.train_on_batch(x, y)
    model.test_on_batch(x, y)
    assert len(calls) >= before + 2


def test_an_older_compute_loss_knows_no_training():
    class Own(keras.Sequential):
        def compute_loss(self, x, y, y_pred, sample_weight=None):
            return keras.ops.mean(y_pred - y)

    model = Own([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2)), np.full((4, 1), 0.5)
    assert model.evaluate(x, y, verbose=0) == 1.5
    model.fit(x, y, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 1.5
