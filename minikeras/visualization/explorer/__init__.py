"""A page about a model: draw or choose a sample and see every neuron answer.

`explore` stages the model, and writes its graph as a program that the page runs by itself;
`page.html` (built from `explorer/` in the repository) shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from minikeras.callbacks import ExplorerCallback
from minikeras.types import ArrayLike
from minikeras.visualization.explorer.building import Builder
from minikeras.visualization.explorer.data import samples
from minikeras.visualization.explorer.page import Explorer
from minikeras.visualization.explorer.recording import recorded

if TYPE_CHECKING:
    from minikeras.models.model import Model


def explore(
    model: Model,
    data: object = None,
    labels: ArrayLike | None = None,
    *,
    class_names: Sequence[str] = (),
    feature_names: Sequence[str] = (),
    tokens: Sequence[str] = (),
    recording: ExplorerCallback | str | None = None,
    title: str | None = None,
    max_samples: int = 1000,
    weight_bits: int = 32,
) -> Explorer:
    """Make a page on which one sees what every neuron of a model does.

    The page is one file, needs no network, and runs the model itself: it holds the model's
    graph as a small program, its weights, and samples of the data.

    Args:
        model: A built model.
        data: Arrays `(samples, ...)` in the structure of the model's inputs; a tuple
            `(x, y)` of such and their labels; batches (a Dataset, PyDataset or other
            iterable); `"mnist5k"`; the path of an `.npz` file or of a folder of pictures.
            None for a page without samples. At most 10,000 are looked at.
        labels: True classes `(samples,)`, or one-hot rows, where `data` has none.
        class_names: Names of the classes.
        feature_names: Names of the features of a table.
        tokens: The text of each token number.
        recording: An `ExplorerCallback` of a training, or the path of the file that it
            saved.
        title: The heading. Default: the model's name.
        max_samples: How many samples come along in the page, at most; fewer if they are
            large.
        weight_bits: 32 for exact weights; 16 or 8 make the page of a large model smaller,
            which says so.

    Returns:
        The page, with `save(path)`; a notebook shows it.

    Raises:
        ValueError: If the model is not built, the data do not fit it, or `weight_bits` is
            none of these.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
        >>> x = np.random.rand(20, 4).astype("float32")
        >>> keras.visualization.explore(model, x)
        <Explorer of 'sequential...': save(path)>
    """
    if not getattr(model, "built", True):
        raise ValueError(
            f"explore: model {model.name!r} is not built, so it has no weights; call it on "
            "data once, or give it a keras.Input."
        )
    if weight_bits not in (8, 16, 32):
        raise ValueError(f"explore: weight_bits={weight_bits!r}; expected 8, 16 or 32.")
    options = {
        "class_names": class_names, "feature_names": feature_names, "tokens": tokens,
        "title": title, "max_samples": max_samples, "weight_bits": weight_bits,
    }  # fmt: skip
    builder = Builder(model, samples(model, data, labels), options)
    return Explorer(builder.payload(recorded(recording, builder)))


__all__ = ["Explorer", "ExplorerCallback", "explore"]
