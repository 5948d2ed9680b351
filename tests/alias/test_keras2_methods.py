"""Methods of Keras 2 under the alias, and none of them without it."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import alias, layers

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.arange(8) % 3


@pytest.fixture
def model(aliased):
    import keras as _  # noqa: F401  # gives the methods

    made = keras.Sequential(
        [keras.Input((4,)), layers.Dense(5), layers.Dense(3, activation="softmax")]
    )
    made.compile("sgd", "sparse_categorical_crossentropy")
    return made


def batches():
    while True:
        yield X, Y


def test_generators(model):
    with pytest.warns(UserWarning, match="fit_generator is of Keras 2; use fit"):
        history = model.fit_generator(batches(), steps_per_epoch=2, verbose=0)
    assert len(history.history["loss"]) == 1
    with pytest.warns(UserWarning, match="evaluate_generator"):
        loss = model.evaluate_generator(batches(), steps=1, verbose=0)
    assert loss == pytest.approx(model.evaluate(X, Y, verbose=0))


def test_arguments_of_workers(model):
    with pytest.warns(UserWarning, match=r"fit\(workers=\) is of Keras 2"):
        model.fit(X, Y, verbose=0, workers=2)
    with pytest.warns(UserWarning, match="use_multiprocessing"):
        found = model.predict(X, verbose=0, use_multiprocessing=True)
    np.testing.assert_array_equal(found, model.predict(X, verbose=0))


def test_classes_and_shapes(model):
    with pytest.warns(UserWarning, match="predict_classes"):
        found = model.predict_classes(X)
    assert found.tolist() == model.predict(X, verbose=0).argmax(-1).tolist()
    dense = model.layers[0]
    assert dense.input_shape == (None, 4) and dense.output_shape == (None, 5)
    assert dense.get_output_at(0) is dense.output

    class Own(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.output_shape = "mine"

    assert Own().output_shape == "mine"


def test_states(model):
    mean = keras.metrics.Mean()
    mean(3.0)
    with pytest.warns(UserWarning, match="use reset_state"):
        mean.reset_states()
    assert float(mean.result()) == 0
    memory = keras.Sequential(
        [keras.Input(batch_shape=(1, 2, 3)), layers.SimpleRNN(2, stateful=True)]
    )
    first = memory.predict(np.ones((1, 2, 3)), verbose=0)
    assert not np.array_equal(first, memory.predict(np.ones((1, 2, 3)), verbose=0))
    with pytest.warns(UserWarning, match=r"Model\.reset_states"):
        memory.reset_states()
    np.testing.assert_array_equal(first, memory.predict(np.ones((1, 2, 3)), verbose=0))


def test_weights_by_any_name(model, tmp_path):
    for name in ("w.h5", "checkpoints/w"):
        with pytest.warns(UserWarning, match=r"names end in `\.weights\.h5`"):
            model.save_weights(tmp_path / name)
        other = keras.models.clone_model(model)
        other.load_weights(tmp_path / name)
        np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    assert [p.name for p in sorted(tmp_path.rglob("*")) if p.is_file()] == ["w", "w.h5"]


def test_without_the_alias_there_are_none(model):
    alias.uninstall()
    for name in ("fit_generator", "compiled_loss", "_is_compiled"):
        assert not hasattr(model, name)
    assert keras.layers.InputLayer((3,)).input == []
    assert not hasattr(keras.metrics.Mean(), "reset_states")
    with pytest.raises(TypeError, match="workers"):
        model.fit(X, Y, workers=2)
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        model.save_weights("w.h5")


def test_errors_show_no_frame_of_the_wrapper(model):
    with pytest.raises(ValueError) as caught:
        model.fit(X[:, :3], Y, verbose=0)
    shown = [entry.frame.f_globals["__name__"] for entry in caught.traceback]
    assert "minikeras.alias.keras2_methods" not in shown


def test_losses_of_a_training_step(model):
    class Own(keras.Model):
        def train_step(self, data):
            x, y = data
            with keras.GradientTape() as tape:
                found = self(x, training=True)
                loss = self.compiled_loss(y, found, regularization_losses=self.losses)
            slopes = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(slopes, self.trainable_weights))
            self.compiled_metrics.update_state(y, found)
            return {m.name: m.result() for m in self.metrics}

    def made(cls):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((4,))
        dense = layers.Dense(1, kernel_regularizer="l2")
        one = cls(inputs, dense(inputs))
        one.compile("sgd", "mse", metrics=["mae"])
        return one.fit(
            X, Y[:, None], epochs=2, batch_size=5, shuffle=False, verbose=0
        ).history

    with pytest.warns(UserWarning, match="use compute_loss"):
        own = made(Own)
    wanted = made(keras.Model)
    assert set(own) == set(wanted)
    for name in wanted:
        np.testing.assert_allclose(own[name], wanted[name], rtol=1e-5)


def test_an_input_layers_input_is_its_tensor(model):
    inputs = keras.Input((3,))
    made = keras.Model(inputs, layers.Dense(2)(inputs))
    assert made.layers[0].input is inputs
    from keras import backend as K

    inner = K.function([made.layers[0].input, K.learning_phase()], [made.output])
    assert inner([np.ones((1, 3)), 0])[0].shape == (1, 2)


def test_a_dataset_may_set_its_number_of_batches(model):
    class Pairs(keras.utils.Sequence):
        def __init__(self, num_batches):
            super().__init__()
            self.num_batches = num_batches

        def __len__(self):
            return self.num_batches

        def __getitem__(self, index):
            return X[:2], Y[:2]

    pairs = Pairs(3)
    assert len(pairs) == pairs.num_batches == 3
    assert model.fit(pairs, verbose=0).history["loss"]
    assert keras.utils.PyDataset.num_batches.__get__(Pairs(2)) == 2
