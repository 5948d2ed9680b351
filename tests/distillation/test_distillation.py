"""`keras.distillation`: losses by hand, students that learn, files, and what is refused."""

import gc
import weakref

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops
from minikeras.distillation import (
    DistillationLoss,
    Distiller,
    FeatureDistillation,
    LogitsDistillation,
)
from minikeras.distillation.features import Features

rng = np.random.default_rng(3)
X = rng.normal(size=(10, 4)).astype("float32")
Y = rng.integers(0, 3, 10)
T, S = (rng.normal(size=(10, 3)).astype("float32") for _ in range(2))
LABELS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network(width=6, name=None, classes=3, features=4, **options):
    return keras.Sequential(
        [
            keras.Input((features,)),
            layers.Dense(width, "relu", name="hidden"),
            layers.Dense(classes, name="out", **options),
        ],
        name=name,
    )


def softmax(x):
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


def divergence(a, b):
    return np.mean(np.sum(softmax(a) * np.log(softmax(a) / softmax(b)), -1))


def crossentropy(a, b):
    return -np.mean(np.sum(softmax(a) * np.log(softmax(b)), -1))


def test_losses_of_logits_by_hand():
    for temperature in (1, 2.5):
        a, b = T / temperature, S / temperature
        for loss, wanted in (
            ("kl_divergence", divergence(a, b)),
            (keras.losses.KLDivergence(), divergence(a, b)),
            ("categorical_crossentropy", crossentropy(a, b)),
            (
                keras.losses.CategoricalCrossentropy(from_logits=True),
                crossentropy(a, b),
            ),
            ("mse", np.mean((a - b) ** 2)),
        ):
            made = LogitsDistillation(temperature, loss).compute_loss(T, S)
            np.testing.assert_allclose(made, wanted, rtol=2e-5)
    yes = 1 / (1 + np.exp(-T))
    no = 1 / (1 + np.exp(-S))
    made = LogitsDistillation(1.0, "binary_crossentropy").compute_loss(T, S)
    wanted = -np.mean(yes * np.log(no) + (1 - yes) * np.log(1 - no))
    np.testing.assert_allclose(made, wanted, rtol=2e-5)


def test_each_output_has_its_loss():
    one, other = divergence(T, S), np.mean((T - S) ** 2)
    for loss, outputs, wanted in (
        (["kl_divergence", "mse"], lambda x: [x, x], one + other),
        (["kl_divergence", None], lambda x: [x, x], one),
        ({"a": None, "b": "mse"}, lambda x: {"a": x, "b": x}, other),
    ):
        made = LogitsDistillation(1.0, loss).compute_loss(outputs(T), outputs(S))
        np.testing.assert_allclose(made, wanted, rtol=2e-5)
        config = LogitsDistillation(1.0, loss).get_config()
        again = LogitsDistillation.from_config(config)
        assert again.get_config() == config
    with pytest.raises(ValueError, match="structure"):
        LogitsDistillation().compute_loss([T, T], [S, S])
    with pytest.raises(ValueError, match="structure"):
        LogitsDistillation(loss=["mse", "mse"]).compute_loss([T, T], [S])


@pytest.mark.usefixtures("backend")
def test_the_logs_are_what_a_hand_computes_also_with_a_short_last_batch():
    teacher, student = network(9), network()
    distiller = Distiller(
        teacher,
        student,
        [LogitsDistillation(2.0), FeatureDistillation("mae", "out", "out")],
        distillation_loss_weights=[1.0, 0.5],
        student_loss_weight=0.7,
    )
    assert not teacher.trainable and len(distiller.trainable_variables) == 4
    distiller.compile("sgd", LABELS, metrics=["accuracy"])
    a, b = np.array(teacher(X)), np.array(student(X))
    logs = distiller.evaluate(X, Y, batch_size=4, verbose=0, return_dict=True)
    own = -np.mean(np.log(softmax(b)[np.arange(10), Y]))
    apart = divergence(a / 2, b / 2) + 0.5 * np.mean(np.abs(a - b))
    wanted = {
        "student_loss": own,
        "distillation_loss": apart,
        "total_loss": 0.7 * own + 0.3 * apart,
        "loss": 0.7 * own + 0.3 * apart,
        "accuracy": np.mean(b.argmax(-1) == Y),
    }
    assert set(logs) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-4)
    weighed = distiller.evaluate(
        X, Y, sample_weight=np.full(10, 2.0), verbose=0, return_dict=True
    )
    np.testing.assert_allclose(weighed["student_loss"], 2 * own, rtol=1e-4)
    np.testing.assert_allclose(distiller.predict(X, verbose=0), b, rtol=1e-5)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("eagerly", [False, True])
def test_a_student_comes_near_its_teacher_without_labels(eagerly):
    keras.utils.set_random_seed(4)
    teacher, student = network(16), network(16)
    before = [w.numpy() for w in teacher.weights]
    distiller = Distiller(
        teacher, student, LogitsDistillation(1.0), student_loss_weight=0.0
    )
    distiller.compile(keras.optimizers.Adam(0.02), LABELS, run_eagerly=eagerly)
    losses = distiller.fit(X, Y, epochs=20, verbose=0).history["distillation_loss"]
    assert losses[-1] < losses[0] / 4
    assert divergence(np.array(teacher(X)), np.array(student(X))) < losses[0] / 4
    for weight, old in zip(teacher.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_features_come_from_the_pass_that_gave_the_outputs():
    """Dropout and statistics: one run of the student in a step, not two."""
    runs = []

    class Counts(layers.Layer):
        def __init__(self):
            super().__init__(name="hidden")
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            runs.append(1)
            self.seen.assign_add(1.0)
            return x

    inner = Counts()
    student = keras.Sequential([keras.Input((4,)), inner, layers.Dense(3)])
    distiller = Distiller(
        network(4), student, FeatureDistillation("mse", "hidden", "hidden")
    )
    distiller.compile("sgd", LABELS)
    distiller.fit(X, Y, batch_size=5, epochs=2, verbose=0)
    assert inner.seen.numpy() == 4


def test_a_call_between_a_run_and_its_loss_loses_no_features():
    inputs = keras.Input((4,))  # one tensor, not a list of one
    dropped = layers.Dropout(0.5, seed=1, name="drop")(layers.Dense(6)(inputs))
    student = keras.Model(inputs, layers.Dense(3)(dropped))
    features = FeatureDistillation("mse", "hidden", "drop")
    distiller = Distiller(network(), student, features, student_loss_weight=0.0)
    distiller.compile("sgd", LABELS)
    x = X[:4]
    y_pred = distiller(x, training=True)
    seeds = student.get_layer("drop").seed_generator.state
    drawn = np.array(seeds)
    (seen,) = distiller._of_student.of(y_pred)
    distiller(x[::-1].copy(), training=True)  # a second view of the batch
    moved = np.array(seeds)
    loss = distiller.compute_loss(x, None, y_pred)
    teacher = distiller.teacher
    taught = keras.Model(teacher.inputs, teacher.get_layer("hidden").output)(x)
    np.testing.assert_allclose(loss, np.mean((taught - seen) ** 2), rtol=1e-5)
    assert not np.array_equal(drawn, moved)
    np.testing.assert_array_equal(np.array(seeds), moved)  # no third run

    runs = distiller._of_student.runs
    assert len(runs._noted) == 1
    del y_pred
    assert not runs._noted  # what nobody can ask for is not kept


def test_a_distiller_comes_back_from_its_file(tmp_path):
    distiller = Distiller(
        network(9, "teacher"),
        network(5, "student"),
        [LogitsDistillation(2.0), FeatureDistillation("mse")],
        [1.0, 0.25],
    )
    distiller.compile("adam", LABELS)
    distiller.fit(X, Y, verbose=0)
    distiller.save(tmp_path / "d.keras")
    again = keras.models.load_model(tmp_path / "d.keras")
    assert again.distillation_loss_weights == [1.0, 0.25]
    wanted = distiller.evaluate(X, Y, verbose=0, return_dict=True)
    found = again.evaluate(X, Y, verbose=0, return_dict=True)
    assert found == pytest.approx(wanted, rel=1e-5)
    again.fit(X, Y, verbose=0)


def test_a_loss_of_ones_own_and_a_subclassed_teacher():
    class Sums(DistillationLoss):
        def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
            return ops.sum(ops.abs(teacher_outputs - student_outputs))

    class Teacher(keras.Model):
        def __init__(self):
            super().__init__()
            self.out = layers.Dense(3)

        def call(self, x):
            return self.out(x)

    teacher, student = Teacher(), network()
    distiller = Distiller(teacher, student, Sums())
    distiller.compile("sgd", LABELS)
    logs = distiller.evaluate(X, Y, verbose=0, return_dict=True)
    wanted = np.abs(np.array(teacher(X)) - np.array(student(X))).sum()
    np.testing.assert_allclose(logs["distillation_loss"], wanted, rtol=1e-4)
    with pytest.raises(NotImplementedError, match="compute_loss"):
        DistillationLoss().compute_loss(T, S)


def test_what_does_not_fit_is_refused():
    for arguments, words in (
        ({"teacher": "x"}, "Teacher must be a keras.Model"),
        ({"student": 3}, "Student must be a keras.Model"),
        ({"student_loss_weight": 1.5}, "between 0.0 and 1.0"),
        ({"distillation_losses": []}, "at least one"),
        ({"distillation_loss_weights": [1.0, 2.0]}, "as many of each"),
        ({"distillation_losses": "kl"}, "DistillationLoss"),
        ({"student": network(features=5)}, "input shapes are incompatible"),
        ({"student": network(classes=2)}, "output shapes are incompatible"),
        ({"student": network(dtype="float64")}, "output dtypes must match"),
        (
            {"distillation_losses": FeatureDistillation("mse", "none")},
            "teacher model.*has no layer 'none'",
        ),
        (
            {"distillation_losses": FeatureDistillation("mse", "out", "none")},
            "student model.*has no layer 'none'",
        ),
    ):
        given = {
            "teacher": network(),
            "student": network(),
            "distillation_losses": LogitsDistillation(),
            **arguments,
        }
        with pytest.raises(ValueError, match=words):
            Distiller(**given)
    for temperature in (0, -1, "3", True):
        with pytest.raises(ValueError, match="temperature must be"):
            LogitsDistillation(temperature)
    with pytest.raises(ValueError, match="at least one loss"):
        FeatureDistillation(None)
    with pytest.raises(ValueError, match="'loss' cannot be"):
        Distiller(network(), network(), LogitsDistillation()).compile("sgd")


def test_a_run_is_forgotten_with_its_outputs():
    """Also where a feature is the output itself."""
    inputs = keras.Input((3,))
    outputs = keras.layers.Dense(2, name="last")(inputs)
    found = Features(keras.Model(inputs, outputs), [None, "last"])
    made = found.run(np.ones((4, 3), "float32"), False)
    assert all(value is made for value in found.of(made))
    gone = weakref.ref(made)
    del made
    gc.collect()
    assert gone() is None
