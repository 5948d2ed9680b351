"""compile: what it accepts, and the names under which results are logged."""

import numpy as np
import pytest

import minikeras as keras
from minikeras.engine import tree
from tests.training.models import classes, classifier, line, linear, two_outputs

X, LABELS = classes(samples=20)
TWO = [LABELS, np.ones((20, 2), "float32")]
BOTH = ["sparse_categorical_crossentropy", "mse"]

# Arguments of compile for two outputs, and the names that keras logs.
NAMES = [
    ({"loss": BOTH}, "a_loss b_loss loss"),
    ({"loss": BOTH, "loss_weights": [1, 0.5]}, "a_loss b_loss loss"),
    (
        {"loss": BOTH, "metrics": [["accuracy"], ["mae"]]},
        "a_accuracy a_loss b_loss b_mae loss",
    ),
    (
        {"loss": BOTH, "metrics": ["accuracy", "mae"]},
        "a_accuracy a_loss b_loss b_mae loss",
    ),
    (
        {"loss": BOTH, "metrics": [None, ["mae", "mse"]]},
        "a_loss b_loss b_mae b_mse loss",
    ),
    (
        {
            "loss": dict(zip("ab", BOTH)),
            "metrics": {"a": ["accuracy"], "b": "mae"},
            "weighted_metrics": {"b": "mse"},
        },
        "a_accuracy a_loss b_loss b_mae b_mse loss",
    ),
    ({"loss": [BOTH[0], None]}, "loss"),
    ({"loss": {"a": BOTH[0], "b": None}, "metrics": {"b": "mae"}}, "b_mae loss"),
]


@pytest.mark.parametrize(("arguments", "names"), NAMES)
def test_names_for_two_outputs(arguments, names):
    model = two_outputs(**arguments)
    if None not in tree.flatten(arguments["loss"]):
        assert list(model.fit(X, TWO, verbose=0).history) == names.split()
    logs = model.evaluate(X, dict(zip("ab", TWO)), verbose=0, return_dict=True)
    assert list(logs) == names.split()


@pytest.mark.parametrize("kind", [list, dict])
def test_lists_of_evaluate_have_losses_as_given_and_then_metrics_by_name(lib, kind):
    x = lib.Input((1,))
    one = {"kernel_initializer": "ones", "use_bias": False}
    outputs = {name: lib.layers.Dense(1, name=name, **one)(x) for name in "zbm"}
    model = lib.Model(x, outputs if kind is dict else list(outputs.values()))
    model.compile(
        loss={"m": "mse", "z": "mae", "b": "mse"},
        metrics={"z": ["mae"], "m": ["mae", "mse"]},
        weighted_metrics={"b": ["mae"]},
    )
    y = {
        "z": np.full((4, 1), 3.0),
        "b": np.full((4, 1), 6.0),
        "m": np.full((4, 1), 9.0),
    }
    found = model.evaluate(np.ones((4, 1)), y, verbose=0)
    losses = [64, 2, 25] if kind is dict else [2, 25, 64]
    assert found == [91, *losses, 5, 8, 64, 2]
    assert model.test_on_batch(np.ones((4, 1)), y) == found


def test_the_order_of_the_list_that_evaluate_gives():
    model = two_outputs(loss=BOTH, metrics=[["accuracy"], ["mae"]])
    logs = model.evaluate(X, TWO, verbose=0, return_dict=True)
    order = ["loss", "a_loss", "b_loss", "a_accuracy", "b_mae"]
    assert model.evaluate(X, TWO, verbose=0) == [logs[name] for name in order]
    assert logs["loss"] == pytest.approx(logs["a_loss"] + logs["b_loss"])
    assert model.metrics_names == ["loss", "compile_metrics", "a_loss", "b_loss"]


def test_loss_weights_weigh_the_total_only():
    plain = two_outputs(loss=BOTH)
    weighted = two_outputs(loss=BOTH, loss_weights={"a": 3.0, "b": 0.5})
    weighted.set_weights(plain.get_weights())
    one = plain.evaluate(X, TWO, verbose=0, return_dict=True)
    other = weighted.evaluate(X, TWO, verbose=0, return_dict=True)
    assert (one["a_loss"], one["b_loss"]) == pytest.approx(
        (other["a_loss"], other["b_loss"])
    )
    assert other["loss"] == pytest.approx(3 * one["a_loss"] + 0.5 * one["b_loss"])


def test_names_for_one_output():
    metrics = [
        "accuracy",
        "acc",
        "sparse_categorical_accuracy",
        keras.metrics.SparseCategoricalAccuracy(name="mine"),
        keras.metrics.sparse_categorical_accuracy,
    ]
    model = classifier(metrics)
    logs = model.evaluate(X, LABELS, verbose=0, return_dict=True)
    assert list(logs) == [
        "acc",
        "accuracy",
        "loss",
        "mine",
        "sparse_categorical_accuracy",
        "sparse_categorical_accuracy_1",
    ]
    assert len({v for k, v in logs.items() if k != "loss"}) == 1


def test_names_of_metrics_that_are_losses_functions_or_double():
    x, y = line()

    def far(y_true, y_pred):
        return keras.ops.max(keras.ops.abs(y_true - y_pred), axis=-1)

    model = linear(metrics=["mse", "MSE", "mse", far], weighted_metrics=["mse", "mae"])
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert list(logs) == ["MSE", "far", "loss", "mae", "mse", "mse_1", "weighted_mse"]
    assert logs["mse"] == pytest.approx(logs["loss"])


@pytest.mark.parametrize(
    ("loss", "units", "labels", "expected"),
    [
        ("sparse_categorical_crossentropy", 3, LABELS, "SparseCategoricalAccuracy"),
        (
            "sparse_categorical_crossentropy",
            3,
            LABELS[:, 0],
            "SparseCategoricalAccuracy",
        ),
        ("categorical_crossentropy", 3, np.eye(3)[LABELS[:, 0]], "CategoricalAccuracy"),
        ("binary_crossentropy", 1, LABELS % 2, "BinaryAccuracy"),
        ("binary_crossentropy", 1, LABELS[:, 0] % 2, "BinaryAccuracy"),
    ],
)
def test_accuracy_is_chosen_by_the_shapes(loss, units, labels, expected):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, "sigmoid")])
    model.compile(loss=loss, metrics=["accuracy"])
    found = model.evaluate(X, labels, verbose=0, return_dict=True)
    metric = getattr(keras.metrics, expected)()
    metric.update_state(labels, model.predict(X, verbose=0))
    assert found["accuracy"] == pytest.approx(float(metric.result()))
    model.compile(loss=loss, metrics=["ACC", "Accuracy", "acc"])
    logs = model.evaluate(X, labels, verbose=0, return_dict=True)
    assert logs["ACC"] == logs["Accuracy"] == logs["acc"] == found["accuracy"]


@pytest.mark.parametrize(
    ("loss", "units", "labels"),
    [
        ("sparse_categorical_crossentropy", 3, LABELS),
        ("categorical_crossentropy", 3, np.eye(3)[LABELS[:, 0]]),
        ("binary_crossentropy", 1, LABELS % 2),
    ],
)
def test_crossentropy_is_chosen_by_the_shapes(loss, units, labels):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, "sigmoid")])
    model.compile(loss=loss, metrics=["crossentropy", "CE"])
    value, metric, same = model.evaluate(X, labels, verbose=0)
    assert same == metric == pytest.approx(value, rel=1e-4)
    for name in ("crossentropy", "ce", "CE"):
        model.compile(loss=name)
        assert model.evaluate(X, labels, verbose=0) == value


def test_crossentropies_of_several_outputs_are_chosen_each(tmp_path):
    x = keras.Input((4,))
    ends = {
        "a": keras.layers.Dense(3, "softmax", name="a")(x),
        "b": keras.layers.Dense(1, "sigmoid", name="b")(x),
    }
    model = keras.Model(x, ends)
    y = {"a": LABELS[:, 0], "b": LABELS[:, 0] % 2}
    model.compile(
        loss={"a": "sparse_categorical_crossentropy", "b": "binary_crossentropy"}
    )
    wanted = model.evaluate(X, y, verbose=0, return_dict=True)
    model.compile("sgd", loss={"a": "ce", "b": "crossentropy"})
    assert model.evaluate(X, y, verbose=0, return_dict=True) == wanted
    model.fit(X, y, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.evaluate(X, y, verbose=0) == model.evaluate(X, y, verbose=0)
    with pytest.raises(ValueError, match="7"):
        model.fit(X, {**y, "a": np.full(len(X), 7)}, verbose=0)


def test_what_training_steps_for_keras_look_up():
    model = linear(metrics=["mae"])
    assert (
        model._loss_tracker is model.metrics[0] and model._loss_tracker.name == "loss"
    )
    assert model._compile_metrics is model.metrics[1]
    x, y = line()
    value = model._compile_loss(y, model(x))
    assert float(value) == pytest.approx(np.mean((y - model(x).numpy()) ** 2), rel=1e-5)
    bare = keras.Sequential([keras.layers.Dense(1)])
    assert bare._loss_tracker is bare._compile_loss is bare._compile_metrics is None


def test_models_may_use_these_names_for_their_own():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)
            self._loss_tracker = keras.metrics.Mean("mine")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            self._loss_tracker.update_state(3.0)
            return {"mine": self._loss_tracker.result()}

    model = Own()
    model.compile("sgd", "mse")
    assert model._loss_tracker.name == "mine"
    assert model.fit(*line(), verbose=0).history["mine"] == [3.0]


def test_losses_may_be_functions_instances_and_classes_of_ones_own():
    x, y = line()

    def squares(y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

    class Squares(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return squares(y_true, y_pred)

    model = linear()
    name = model.layers[-1].name
    expected = model.evaluate(x, y, verbose=0)
    for loss in (squares, Squares(), keras.losses.MeanSquaredError(), "mean_squared_error",
                 ["mse"], {name: "mse"}, lambda a, b: squares(a, b)):  # fmt: skip
        model.compile(loss=loss)
        assert model.evaluate(x, y, verbose=0) == pytest.approx(expected)
    model.compile(loss=keras.losses.MeanSquaredError(reduction="none"))
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected)


def test_regularizers_and_added_losses_count():
    class Adds(keras.layers.Layer):
        def call(self, x):
            self.add_loss(keras.ops.mean(x) * 0 + 2.0)
            return x

    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(1, kernel_initializer="ones", kernel_regularizer="l2"),
            Adds(),
        ]
    )
    x, y = line()
    model.compile("sgd", "mse", metrics=["mse"])
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["mse"] + 4 * 0.01 + 2.0, rel=1e-5)
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(1.0))  # the regularizer alone
    model.fit(x, verbose=0, batch_size=40)
    np.testing.assert_allclose(model.get_weights()[0], before[0] * 0.98, rtol=1e-5)


def test_a_structure_of_outputs_without_names():
    class Parts(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = keras.layers.Dense(2), keras.layers.Dense(2)

        def call(self, x):
            return [self.first(x), {"u": self.second(x)}]

    model = Parts()
    model.compile(loss=["mse", {"u": "mse"}])
    y = np.ones((20, 2), "float32")
    logs = model.evaluate(X, [y, {"u": y}], verbose=0, return_dict=True)
    assert list(logs) == ["1/u_loss", "loss", "mse_loss"]


def test_a_dict_of_outputs_names_them():
    inputs = keras.Input((4,))
    outputs = {"p": keras.layers.Dense(1)(inputs), "q": keras.layers.Dense(2)(inputs)}
    model = keras.Model(inputs, outputs)
    model.compile(loss={"p": "mse", "q": "mae"}, metrics={"p": ["mae"]})
    y = {"p": np.ones((20, 1)), "q": np.ones((20, 2))}
    logs = model.evaluate(X, y, verbose=0, return_dict=True)
    assert list(logs) == ["loss", "p_loss", "p_mae", "q_loss"]
    assert set(model.predict(X, verbose=0)) == {"p", "q"}


def test_compiling_again_replaces_everything_but_the_weights():
    x, y = line()
    model = linear(metrics=["mae"])
    model.fit(x, y, verbose=0)
    weights = model.get_weights()
    model.compile("adam", "mae")
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert list(model.fit(x, y, verbose=0).history) == ["loss"]
    assert type(model.optimizer).__name__ == "Adam"


def test_freezing_a_layer_stops_its_training():
    x, y = line()
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="low"), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(x, y, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[2] != after[2]).any()


def test_nothing_trainable_is_said():
    x, y = line()
    model = linear()
    model.trainable = False
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="no trainable weights"):
        model.fit(x, y, verbose=0)


def test_compiling_from_a_config():
    x, y = line()
    model = linear(optimizer=keras.optimizers.SGD(0.25), metrics=["mae"], loss="mae")
    config = model.get_compile_config()
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    assert other.get_compile_config() == {}
    other.compile_from_config(config)
    other.set_weights(model.get_weights())
    assert float(other.optimizer.learning_rate) == 0.25
    assert other.fit(x, y, verbose=0, shuffle=False).history == (
        model.fit(x, y, verbose=0, shuffle=False).history
    )
