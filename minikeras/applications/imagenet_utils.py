"""Pictures as networks want them, and ImageNet's classes by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from minikeras import ops, settings
from minikeras.applications.pretrained import fetched
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike

_FORMATS = ("channels_first", "channels_last")
# mode -> what is taken off, then divided by; for colours in the order of the result.
_TABLE: dict[str, tuple[Any, Any]] = {
    "caffe": ((103.939, 116.779, 123.68), None),
    "tf": (1.0, None),
    "torch": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
_FIRST_DIVIDED = {"caffe": None, "tf": 127.5, "torch": 255.0}
_CLASSES = (
    "imagenet_class_index.json",
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
)


def preprocess_input(
    x: ArrayLike, data_format: str | None = None, mode: str = "caffe"
) -> Any:
    """Pictures with values of 0 to 255 in the range that a network was trained on.

    Args:
        x: Array or tensor of RGB pictures, `(batch, rows, columns, 3)` or one
            `(rows, columns, 3)`. A NumPy array of floats is written over.
        data_format: `"channels_last"` or `"channels_first"`. Default:
            `keras.config.image_data_format()`.
        mode: `"caffe"`: colours in the order BGR, less ImageNet's means; `"tf"`: -1 to 1;
            `"torch"`: 0 to 1, then less ImageNet's means, over its deviations.

    Returns:
        Pictures of the same shape and float dtype; `floatx()` for integers.

    Raises:
        ValueError: If `mode` or `data_format` is unknown.

    Example:

    >>> pictures = np.full((1, 2, 2, 3), 255, "uint8")
    >>> keras.applications.imagenet_utils.preprocess_input(pictures, mode="tf").max()
    np.float32(1.0)
    """
    if mode not in _TABLE:
        raise ValueError(
            f"preprocess_input: mode={mode!r}; expected one of {tuple(_TABLE)}."
        )
    data_format = settings.image_data_format() if data_format is None else data_format
    if data_format not in _FORMATS:
        raise ValueError(
            f"preprocess_input: data_format={data_format!r}; expected one of {_FORMATS}."
        )
    if isinstance(x, (Tensor, KerasTensor)):
        return _of_tensor(x, data_format, mode)
    return _of_array(np.asarray(x), data_format, mode)


def _of_array(x: np.ndarray, data_format: str, mode: str) -> np.ndarray:
    """The same for arrays; in place where it can, since batches are large."""
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(settings.floatx())
    axis = _axis(x.ndim, data_format)
    if mode == "caffe":
        x = np.flip(x, axis)
    elif (first := _FIRST_DIVIDED[mode]) is not None:
        x /= first
    less, over = _TABLE[mode]
    x -= np.asarray(_spread(less, x.ndim, axis), x.dtype)
    if over is not None:
        x /= np.asarray(_spread(over, x.ndim, axis), x.dtype)
    return x


def _of_tensor(x: Any, data_format: str, mode: str) -> Any:
    if "float" not in str(x.dtype):
        x = ops.cast(x, settings.floatx())
    axis = _axis(len(x.shape), data_format)
    if mode == "caffe":
        x = ops.flip(x, axis)
    elif (first := _FIRST_DIVIDED[mode]) is not None:
        x = x / first
    less, over = _TABLE[mode]
    x = x - ops.convert_to_tensor(_spread(less, len(x.shape), axis), x.dtype)
    if over is not None:
        x = x / ops.convert_to_tensor(_spread(over, len(x.shape), axis), x.dtype)
    return x


def _axis(rank: int, data_format: str) -> int:
    return rank - 3 if data_format == "channels_first" else rank - 1


def _spread(values: Any, rank: int, axis: int) -> float | np.ndarray[Any, Any]:
    """Numbers for each colour, in the shape that lines up with pictures."""
    if isinstance(values, float):
        return values
    return np.reshape(values, [-1 if i == axis else 1 for i in range(rank)])


def preprocessing(module: str, mode: str | None) -> Callable[..., Any]:
    """The `preprocess_input` of a family of networks.

    Args:
        module: The module that it is in.
        mode: As for `preprocess_input`; None for networks that do it themselves.
    """

    def preprocess(x: ArrayLike, data_format: str | None = None) -> Any:
        return x if mode is None else preprocess_input(x, data_format, mode)

    preprocess.__name__ = preprocess.__qualname__ = "preprocess_input"
    preprocess.__module__ = module
    does = (
        "Pictures as they are: the network has layers that bring them into its range."
        if mode is None
        else f"`keras.applications.imagenet_utils.preprocess_input` with `mode={mode!r}`."
    )
    preprocess.__doc__ = f"""{does}

    Args:
        x: Array or tensor of RGB pictures, values 0 to 255.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        Pictures for the network.
    """
    return preprocess


def decode_predictions(
    preds: np.ndarray[Any, Any], top: int = 5
) -> list[list[tuple[str, str, Any]]]:
    """The likeliest classes of ImageNet by name.

    Args:
        preds: Probabilities or logits, `(batch, 1000)`.
        top: How many classes, 1 or more.

    Returns:
        For each sample a list of `(WordNet ID, name, score)`, the best first.

    Raises:
        ValueError: If `preds` has another shape, or `top` is less than 1.
        DownloadError: If the list of classes cannot be fetched; says where to put it.
    """
    scores = np.asarray(preds)
    if scores.ndim != 2 or scores.shape[1] != 1000:
        raise ValueError(
            f"decode_predictions: preds has the shape {scores.shape}; expected "
            "(batch, 1000), what a network with ImageNet's classifier predicts."
        )
    if top < 1:
        raise ValueError(f"decode_predictions: top={top}; expected at least 1.")
    names = _classes(fetched("decode_predictions", *_CLASSES))
    best = np.argsort(scores)[:, ::-1][:, :top]
    return [
        [(*names[i], row[i]) for i in indices] for row, indices in zip(scores, best)
    ]


@cache
def _classes(path: str) -> list[tuple[str, str]]:
    known = json.loads(Path(path).read_text(encoding="utf-8"))
    return [(known[str(i)][0], known[str(i)][1]) for i in range(len(known))]


__all__ = ["decode_predictions", "preprocess_input"]
