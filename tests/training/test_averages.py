"""Moving averages of the weights: what `fit` leaves in the model, and SwapEMAWeights."""

import numpy as np
import pytest

import minikeras as keras

X = np.ones((4, 1), "float32")


class Watch:
    """The weight as epochs and the training end."""

    def __init__(self, lib):
        self.seen = seen = []

        class Callback(lib.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                seen.append(float(self.model.get_weights()[0][0, 0]))

            def on_train_end(self, logs=None):
                seen.append(float(self.model.get_weights()[0][0, 0]))

        self.callback = Callback()


def fit(lib, optimizer, epochs=3, callbacks=(), **arguments):
    """The weight of a model y = w x, w = 1, trained towards 0, epoch by epoch."""
    model = lib.Sequential([
        lib.Input((1,)),
        lib.layers.Dense(1, kernel_initializer="ones", use_bias=False),
    ])  # fmt: skip
    model.compile(optimizer, "mse")
    watch = Watch(lib)
    history = model.fit(
        X,
        0 * X,
        epochs=epochs,
        verbose=0,
        callbacks=[*callbacks, watch.callback],
        **arguments,
    )
    return model, watch.seen, history.history


def sgd(lib, **arguments):
    arguments = {"use_ema": True, "ema_momentum": 0.5, **arguments}
    return lib.optimizers.SGD(0.1, **arguments)


# SGD takes 0.2 w each step; the average is 1/2 of the old and 1/2 of the new weight.
RUNS = {
    "plain": ({}, [0.8, 0.64, 0.512, 0.616]),
    "overwritten each second": (
        {"ema_overwrite_frequency": 2},
        [0.8, 0.72, 0.576, 0.648],
    ),
    "overwritten never": ({"ema_overwrite_frequency": 100}, [0.8, 0.64, 0.512, 0.616]),
    "no averages": ({"use_ema": False}, [0.8, 0.64, 0.512, 0.512]),
}


@pytest.mark.parametrize("case", RUNS)
def test_a_fit_ends_with_the_averages(lib, case):
    arguments, expected = RUNS[case]
    model, seen, _ = fit(lib, sgd(lib, **arguments))
    assert seen == pytest.approx(expected, rel=1e-5)
    assert model.evaluate(X, 0 * X, verbose=0) == pytest.approx(expected[-1] ** 2)


def test_the_next_fit_goes_on_from_the_averages():
    model, seen, _ = fit(keras, sgd(keras), epochs=2)
    assert seen[-1] == pytest.approx(0.72)
    model.fit(X, 0 * X, verbose=0)
    assert float(model.get_weights()[0][0, 0]) == pytest.approx(0.5 * (0.72 + 0.576))


EACH = [
    "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion",
    "Muon", "Nadam", "RMSprop", "SGD", "ScheduleFreeAdamW",
]  # fmt: skip


@pytest.mark.parametrize("name", EACH)
def test_every_optimizer(name):
    def optimizer(**arguments):
        return getattr(keras.optimizers, name)(0.1, **arguments)

    weights = fit(keras, optimizer())[1][:3]
    average = weights[0]
    for weight in weights[1:]:
        average = 0.5 * (average + weight)
    ema = optimizer(use_ema=True, ema_momentum=0.5)
    assert fit(keras, ema)[1][-1] == pytest.approx(average, rel=1e-4)


def test_every_optimizer_is_tried():
    bases = ("Optimizer", "LossScaleOptimizer", "MultiOptimizer")
    found = {
        name
        for name in dir(keras.optimizers)
        if isinstance(getattr(keras.optimizers, name), type)
        and issubclass(getattr(keras.optimizers, name), keras.optimizers.Optimizer)
    }
    assert found - set(bases) == set(EACH)


def test_optimizers_that_hold_others_pass_it_on(lib):
    scaled = lib.optimizers.LossScaleOptimizer(sgd(lib))
    assert fit(lib, scaled)[1] == pytest.approx([0.8, 0.64, 0.512, 0.616])


def test_the_optimizers_of_a_multi_optimizer():
    inner = sgd(keras)
    both = keras.optimizers.MultiOptimizer(lambda variable: inner)
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    seen = fit(keras, both, callbacks=[swap])[1]
    assert seen == pytest.approx([0.8, 0.72, 0.616, 0.616])


def test_the_best_weights_of_early_stopping_come_after_the_averages(lib):
    stop = lib.callbacks.EarlyStopping(monitor="loss", restore_best_weights=True)
    model, _, _ = fit(lib, sgd(lib), callbacks=[stop])
    assert model.get_weights()[0][0, 0] == pytest.approx(0.512)


SWAPS = {
    (None, False): ([0.8, 0.64, 0.512, 0.616], [0.64, 0.5184, 0.379456]),
    (None, True): ([0.8, 0.72, 0.616, 0.616], [0.64, 0.5184, 0.379456]),
    (2, False): ([0.8, 0.72, 0.576, 0.648], [0.64, 0.5184, 0.419904]),
    (2, True): ([0.8, 0.72, 0.648, 0.648], [0.64, 0.5184, 0.419904]),
}


@pytest.mark.parametrize(("frequency", "on_epoch"), SWAPS)
def test_swapping_for_validation_and_checkpoints(lib, frequency, on_epoch):
    seen, val_loss = SWAPS[frequency, on_epoch]
    swap = lib.callbacks.SwapEMAWeights(swap_on_epoch=on_epoch)
    optimizer = sgd(lib, ema_overwrite_frequency=frequency)
    _, found, history = fit(
        lib, optimizer, callbacks=[swap], validation_data=(X, 0 * X)
    )
    assert found == pytest.approx(seen, rel=1e-5)
    assert history["val_loss"] == pytest.approx(val_loss, rel=1e-5)


def test_swapping_outside_fit_and_without_averages():
    swap = keras.callbacks.SwapEMAWeights()
    model, _, _ = fit(keras, sgd(keras, ema_momentum=0.25))
    average = model.get_weights()[0]
    model.set_weights([average + 1])
    found = model.evaluate(X, 0 * X, verbose=0, callbacks=[swap])
    assert found == pytest.approx(float(average[0, 0]) ** 2)
    predicted = model.predict(X, verbose=0, callbacks=[swap])
    np.testing.assert_allclose(predicted, X @ average)
    np.testing.assert_array_equal(model.get_weights()[0], average + 1)
    plain = {"callbacks": [swap], "validation_data": (X, X)}
    with pytest.raises(ValueError, match="keeps no averages"):
        fit(keras, keras.optimizers.SGD(), **plain)
