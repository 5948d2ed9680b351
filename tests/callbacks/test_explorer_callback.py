"""ExplorerCallback: what it keeps, and that it changes nothing."""

import numpy as np
import pytest

import minikeras as keras

layers = keras.layers


def trained(callbacks, epochs=4, seed=0, **options):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(6, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).random((50, 5), "float32")
    y = x[:, :3].argmax(axis=1)
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=callbacks, **options)
    return model, x, y


def test_recording_changes_no_bit():
    plain, x, _ = trained([])
    watched, _, _ = trained([keras.callbacks.ExplorerCallback()])
    for a, b in zip(plain.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(
        plain.predict(x, verbose=0), watched.predict(x, verbose=0)
    )


def test_what_is_kept(tmp_path):
    recording = keras.callbacks.ExplorerCallback(every=2)
    kept = {}
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.update(
            {epoch: (model_of().get_weights(), logs)}
        )
    )

    def model_of():
        return recording.model

    model, x, y = trained([recording, note], epochs=5, validation_split=0.2)
    assert recording.epochs == [-1, 1, 3, 4]
    assert set(recording.metrics) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert recording.metrics["loss"] == [kept[e][1]["loss"] for e in range(5)]
    for place, epoch in ((1, 1), (3, 4)):
        for frame, weight in zip(recording.frames[place], kept[epoch][0], strict=True):
            step = np.ptp(weight) / 65535
            np.testing.assert_allclose(frame.values(), weight, atol=step + 1e-7)
            assert frame.counts.sum() == weight.size
    assert [sorted(n) for n in recording.norms[1:]] == [
        sorted({w.path.rsplit("/", 1)[0] for w in model.trainable_weights})
    ] * 3
    file = tmp_path / "run.npz"
    recording.save(file)
    again = keras.callbacks.ExplorerCallback.load(file)
    pages = [
        keras.visualization.explore(model, (x, y), recording=r).payload["recording"]
        for r in (recording, again, str(file))
    ]
    assert pages[0] == pages[1] == pages[2]
    assert pages[0]["bits"] == 8 and len(pages[0]["histograms"]) == len(model.weights)


def test_gradient_norms_are_those_of_the_last_batch():
    recording = keras.callbacks.ExplorerCallback()
    model, x, y = trained([recording], epochs=1, shuffle=False, batch_size=20)
    with keras.GradientTape() as tape:
        loss = keras.losses.sparse_categorical_crossentropy(y[40:], model(x[40:]))
        loss = keras.ops.mean(loss)
    found = tape.gradient(loss, model.trainable_weights)
    wanted = {}
    for weight, g in zip(model.trainable_weights, found, strict=True):
        layer = weight.path.rsplit("/", 1)[0]
        wanted[layer] = wanted.get(layer, 0) + float((g.numpy() ** 2).sum())
    assert recording.norms[1] == pytest.approx(
        {k: v**0.5 for k, v in wanted.items()}, rel=1e-4
    )


def test_wrong_uses(tmp_path):
    with pytest.raises(ValueError, match="every=0"):
        keras.callbacks.ExplorerCallback(every=0)
    np.savez(tmp_path / "x.npz", a=1)
    with pytest.raises(ValueError, match="no recording"):
        keras.callbacks.ExplorerCallback.load(tmp_path / "x.npz")
    recording = keras.callbacks.ExplorerCallback()
    trained([recording], epochs=1)
    other = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="other shapes"):
        keras.visualization.explore(
            other, np.ones((2, 5), "float32"), recording=recording
        )
    empty = keras.callbacks.ExplorerCallback()
    page = keras.visualization.explore(
        other, np.ones((2, 5), "float32"), recording=empty
    )
    assert page.payload["recording"] is None


def test_a_training_step_of_ones_own_has_no_norms():
    class Mine(keras.Sequential):
        def train_step(self, data):
            return {"loss": keras.ops.sum(data)}

    recording = keras.callbacks.ExplorerCallback()
    model = Mine([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd")
    model.fit(np.ones((4, 2), "float32"), epochs=1, verbose=0, callbacks=[recording])
    assert recording.norms == [{}, {}] and recording.metrics == {"loss": [8.0]}
