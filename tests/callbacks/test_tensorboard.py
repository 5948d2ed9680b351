"""Event files, read back by TensorBoard's own reader."""

import builtins
import warnings

import numpy as np
import pytest

import minikeras as keras
from minikeras import callbacks as cb
from tests.training.models import line, linear

X, Y = line(samples=12)


def events(folder):
    """Tag -> list of (step, value) as TensorBoard reads them, and plugins by tag."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util import tensor_util

    values, plugins = {}, {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                array = tensor_util.make_ndarray(value.tensor)
                values.setdefault(value.tag, []).append((event.step, array))
                name = value.metadata.plugin_data.plugin_name
                plugins.setdefault(value.tag, name)
    return values, plugins


@pytest.fixture
def board():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tensorboard's own imports
        pytest.importorskip("tensorboard")
        yield


def fit(tmp_path, epochs=2, **arguments):
    model = linear(metrics=["mae"])
    callback = cb.TensorBoard(tmp_path, **arguments)
    data = {"validation_data": (X, Y), "batch_size": 4, "verbose": 0}
    return model, model.fit(X, Y, epochs=epochs, callbacks=[callback], **data).history


def test_results_of_epochs(board, tmp_path):
    _, history = fit(tmp_path)
    train, plugins = events(tmp_path / "train")
    held, _ = events(tmp_path / "validation")
    scalars = {tag for tag, plugin in plugins.items() if plugin == "scalars"}
    assert scalars == {"epoch_loss", "epoch_mae", "epoch_learning_rate"}
    assert [step for step, _ in train["epoch_loss"]] == [0, 1]
    np.testing.assert_allclose([v for _, v in train["epoch_mae"]], history["mae"])
    np.testing.assert_allclose([v for _, v in held["epoch_loss"]], history["val_loss"])
    over_updates = held["evaluation_mae_vs_iterations"]
    assert [step for step, _ in over_updates] == [3, 6]
    np.testing.assert_allclose([v for _, v in over_updates], history["val_mae"])


def test_the_model_as_json_and_as_text(board, tmp_path):
    model, _ = fit(tmp_path, epochs=1)
    values, plugins = events(tmp_path / "train")
    assert plugins["keras"] == "graph_keras_model" and plugins["model"] == "text"
    ((_, text),) = values["keras"]
    assert keras.models.model_from_json(text.item().decode()).name == model.name
    ((_, table),) = values["model"]
    assert "Dense" in table.ravel()[0].decode()
    fit(tmp_path / "none", epochs=1, write_graph=False)
    assert "keras" not in events(tmp_path / "none" / "train")[0]


def test_weights_as_histograms_and_pictures(board, tmp_path):
    model, _ = fit(tmp_path, epochs=3, histogram_freq=2, write_images=True)
    values, plugins = events(tmp_path / "train")
    kernel = model.layers[0].kernel
    rows = values[f"{kernel.path}/histogram"]
    assert [step for step, _ in rows] == [0, 2]
    last = rows[-1][1]
    assert last.shape == (30, 3) and last[:, 2].sum() == kernel.numpy().size
    np.testing.assert_allclose(last[0, 0], kernel.numpy().min(), rtol=1e-5)
    width, height, picture = values[f"{kernel.path}/image"][0][1]
    assert (width, height) == (b"4", b"1") and picture.startswith(b"\x89PNG")
    assert plugins[f"{kernel.path}/image"] == "images"


def test_results_of_batches(board, tmp_path):
    fit(tmp_path / "a", update_freq="batch", write_steps_per_second=True)
    values, _ = events(tmp_path / "a" / "train")
    assert [step for step, _ in values["batch_loss"]] == [1, 2, 3, 4, 5, 6]
    for tag in ("batch_steps_per_second", "epoch_steps_per_second"):
        assert all(speed > 0 for _, speed in values[tag])
    fit(tmp_path / "b", update_freq=4)
    values, _ = events(tmp_path / "b" / "train")
    assert [step for step, _ in values["batch_mae"]] == [4]
    assert len(values["epoch_loss"]) == 2


def test_evaluate_alone(board, tmp_path):
    model = linear()
    callback = cb.TensorBoard(tmp_path)
    loss = model.evaluate(X, Y, verbose=0, callbacks=[callback])
    ((step, value),) = events(tmp_path / "validation")[0][
        "evaluation_loss_vs_iterations"
    ]
    assert step == 0 and value == np.float32(loss)


def test_embeddings(board, tmp_path):
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Embedding(5, 3, name="words")]
    )
    model.add(keras.layers.Flatten())
    model.compile("sgd", "mse")
    callback = cb.TensorBoard(
        tmp_path, embeddings_freq=1, embeddings_metadata={"words": 'a "b".tsv'}
    )
    tokens = np.arange(8).reshape(4, 2) % 5
    model.fit(tokens, np.zeros((4, 6)), verbose=0, callbacks=[callback])
    config = (tmp_path / "train" / "projector_config.pbtxt").read_text()
    assert 'tensor_name: "words"' in config and '"a \\"b\\".tsv"' in config
    table = np.loadtxt(tmp_path / "train" / "embedding_words.tsv")
    np.testing.assert_allclose(table, model.layers[0].embeddings.numpy(), rtol=1e-6)
    wrong = cb.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"x": "a"})
    with pytest.raises(ValueError, match=r"names \['x'\].*\['words'\]"):
        model.fit(tokens, np.zeros((4, 6)), verbose=0, callbacks=[wrong])


def test_without_the_package_the_extra_is_named(monkeypatch, tmp_path):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("tensorboard"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"minikeras\[tensorboard\]"):
        linear().fit(X, Y, verbose=0, callbacks=[cb.TensorBoard(tmp_path)])


def test_arguments():
    with pytest.raises(ValueError, match="update_freq='step'"):
        cb.TensorBoard(update_freq="step")
    with pytest.warns(UserWarning, match="profile_batch"):
        cb.TensorBoard(profile_batch=2)
