"""The demo: a small CNN learns to read handwritten digits, and a page tells how it went.

It is written with the public API alone, so it can be read as an example.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import minikeras as keras
from minikeras.console import percentage
from minikeras.datasets import mnist5k
from minikeras.visualization import explore, write_report

if TYPE_CHECKING:
    from minikeras.models.model import Model


BATCH_SIZE = 64
EPOCHS = 15
WORST = 12
SHOWN = 3  # the test picture whose way through the network is shown

TITLE = "A CNN learns to read digits"
LEAD = (
    "Two convolutions, two poolings and one dense layer, trained on 4,000 handwritten "
    "digits and tested on 1,000 others."
)


def build(steps: int) -> Any:
    """The CNN, compiled; the learning rate falls to 0 over `steps` updates."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    # A rate that ends at 0 leaves the accuracy of the last epoch no luck of the draw.
    rate = keras.optimizers.schedules.CosineDecay(2e-3, max(steps, 1))
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def run(epochs: int = EPOCHS, seed: int = 0, out: Path = Path()) -> float:
    """Trains the CNN, prints how it went, writes a page about it and one to explore it.

    Args:
        epochs: Passes over the training pictures.
        seed: Of the initial weights, the shuffles and the dropout masks.
        out: The page, where it ends in .html or .htm; else the folder of report.html.
            Folders are made where missing. The other page lies beside it, and has
            `-explorer` behind its name.

    Returns:
        The accuracy on the test pictures.

    Raises:
        OSError: If `out` cannot be made or written to. Said before any training.
    """
    page = out if out.suffix.lower() in (".html", ".htm") else out / "report.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = mnist5k.load_data()
    x_train, x_test = (scaled(x) for x in (x_train, x_test))
    model = build(epochs * -(-len(x_train) // BATCH_SIZE))
    print(
        f"Training on {len(x_train):,} digits, backend {keras.config.backend()}, "
        f"seed {seed}"
    )
    recording = keras.callbacks.ExplorerCallback()
    start = time.perf_counter()
    history = model.fit(
        x_train,
        y_train,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_data=(x_test, y_test),
        callbacks=[recording],
    )
    seconds = time.perf_counter() - start
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    facts = {
        "Test accuracy": percentage(accuracy, 1),
        "Training time": f"{seconds:.1f} s",
        "Backend": keras.config.backend(),
        "Weights": f"{model.count_params():,}",
        "Epochs": epochs,
        "Seed": seed,
    }
    explorer = page.with_name(f"{page.stem}-explorer.html")
    explore(model, (x_test, y_test), recording=recording, title=TITLE).save(explorer)
    path = _report(model, history.history, x_test, y_test, facts, page, explorer.name)
    print(f"Test accuracy: {accuracy:.2%}")
    print(f"Training time: {seconds:.1f} s")
    print(f"Explorer: {explorer.resolve()}")
    print(f"Report: {path.resolve()}")
    return float(accuracy)


def scaled(pictures: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Bytes as floats from 0 to 1, `(samples, 28, 28, 1)`."""
    return pictures.astype("float32")[..., None] / 255.0


def _report(
    model: Model,
    history: dict[str, list[float]],
    x: np.ndarray[Any, Any],
    y: np.ndarray[Any, Any],
    facts: dict[str, Any],
    path: Path,
    explorer: str,
) -> Path:
    probabilities = model.predict(x, verbose=0)
    predicted = probabilities.argmax(axis=-1)
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (y, predicted), 1)
    sureness = probabilities.max(axis=-1)
    wrong = np.flatnonzero(predicted != y)
    worst = wrong[np.argsort(-sureness[wrong], kind="stable")][:WORST]
    return write_report(
        path,
        history=history,
        confusion=confusion,
        filters=model.layers[0].get_weights()[0],
        feature_maps=feature_maps(model, x[SHOWN : SHOWN + 1]),
        mistakes=[(x[i], y[i], predicted[i], float(sureness[i])) for i in worst],
        title=TITLE,
        facts=facts,
        lead=LEAD,
        links={"Draw a digit and see every neuron answer": explorer},
    )


def feature_maps(
    model: Any, picture: np.ndarray[Any, Any]
) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """What each layer makes of one picture `(1, 28, 28, 1)`, the picture first."""
    probe = keras.Model(model.inputs, [layer.output for layer in model.layers])
    outputs = probe.predict(picture, verbose=0)
    shown = [("input", picture[0])]
    for layer, output in zip(model.layers, outputs):
        shown.append((layer.name, np.asarray(output)[0]))
    return shown
