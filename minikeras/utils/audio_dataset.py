"""Sounds in folders as a Dataset: WAV files, by the standard library."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from minikeras.types import ArrayLike
from minikeras.utils.directories import (
    check_arguments,
    dataset_of,
    find_files,
    subsets,
)

Array = np.ndarray[Any, Any]
_OWNER = "audio_dataset_from_directory"


def audio_dataset_from_directory(
    directory: str | PathLike[str],
    labels: ArrayLike = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of sounds from a folder with one folder of `.wav` files for each class.

    Args:
        directory: The folder.
        labels: `"inferred"` from the folders' names, None for no labels, or a list of
            numbers, one for each file in the order of their sorted paths.
        label_mode: `"int"`: int32 `(batch,)`, of fractions float32; `"categorical"`:
            one-hot float32 `(batch, classes)`; `"binary"`: float32 `(batch, 1)`; None: no
            labels.
        class_names: The folders to take, in the order of the class numbers. Default: all,
            in alphabetical order.
        batch_size: Sounds in a batch; None for single ones.
        sampling_rate: Samples a second to convert to, by linear interpolation (after an
            average where there become fewer). Default: as in the files.
        output_sequence_length: Samples in each sound: longer ones are cut, shorter ones
            filled up with zeros. Default: filled up to the longest of the batch.
        ragged: Not offered; batches are arrays.
        shuffle: Whether each pass has a new order.
        seed: For the shuffling and the split.
        validation_split: The fraction of the files, from the end, kept for validation.
        subset: `"training"`, `"validation"`, or `"both"` for two Datasets.
        follow_links: Whether to visit folders that links point to.
        verbose: Whether to print how many files were found.

    Returns:
        A `keras.utils.Dataset` of `(sounds, labels)` or sounds
        `(batch, samples, channels)`, float32 from -1 to 1; with `class_names` and
        `file_paths`.

    Raises:
        ValueError: If arguments do not fit together, or there is no sound.

    Example:

    >>> sounds = keras.utils.audio_dataset_from_directory(  # doctest: +SKIP
    ...     "speech", sampling_rate=16000, output_sequence_length=16000
    ... )
    >>> model.fit(sounds)  # doctest: +SKIP
    """
    check_arguments(
        _OWNER, labels, label_mode, class_names, validation_split, subset, shuffle, seed
    )
    if ragged:
        raise ValueError(
            f"{_OWNER}: ragged=True; expected False. Batches are arrays: pass "
            "output_sequence_length, or let shorter sounds be filled up with zeros."
        )
    for name, value in (
        ("sampling_rate", sampling_rate),
        ("output_sequence_length", output_sequence_length),
    ):
        if value is not None and (not isinstance(value, int) or value < 1):
            raise ValueError(
                f"{_OWNER}: {name}={value!r}; expected an integer above 0."
            )
    read = functools.partial(_read, rate=sampling_rate, length=output_sequence_length)
    files = find_files(
        _OWNER,
        directory,
        labels,
        label_mode,
        class_names,
        (".wav",),
        follow_links,
        verbose,
    )
    parts = subsets(files, shuffle, seed, validation_split, subset, verbose)
    made = [
        dataset_of(
            part,
            read,
            label_mode,
            batch_size,
            shuffle and i == 0,
            seed,
            padded=output_sequence_length is None,
        )
        for i, part in enumerate(parts)
    ]
    return made if subset == "both" else made[0]


def _read(path: str, rate: int | None, length: int | None) -> Array:
    """A sound `(samples, channels)`, float32."""
    import wave  # of no use to those who read no sounds

    try:
        with wave.open(path, "rb") as file:
            width, channels = file.getsampwidth(), file.getnchannels()
            old = file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(
            f"{_OWNER}: {path} cannot be decoded ({error}); expected a WAV file of PCM "
            "samples."
        ) from error
    sound = _samples(data, width).reshape(-1, channels)
    if rate is not None and rate != old:
        sound = _resampled(sound, old, rate)
    if length is None:
        return sound
    sound = sound[:length]
    return np.pad(sound, ((0, length - len(sound)), (0, 0)))


def _samples(data: bytes, width: int) -> Array:
    """PCM samples of 1 to 4 bytes as floats from -1 to 1."""
    if width == 1:  # unsigned, unlike the others
        return (np.frombuffer(data, np.uint8).astype("float32") - 128) / 128
    if width == 3:
        parts = np.frombuffer(data, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(parts), 4), np.uint8)
        wide[:, 1:] = parts
        found = wide.view("<i4")[:, 0]
    else:
        found = np.frombuffer(data, f"<i{width}")
    if sys.byteorder == "big":
        found = found.astype(found.dtype.newbyteorder("="))
    return (found / float(np.iinfo(found.dtype).max + 1)).astype("float32")


def _resampled(sound: Array, old: int, new: int) -> Array:
    """The same sound in another number of samples a second."""
    count = max(round(len(sound) * new / old), 1)
    if not len(sound):
        return sound
    if new < old:  # an average over a new sample's time keeps what is too high out
        sums = np.concatenate(
            [np.zeros((1, sound.shape[1])), sound.cumsum(0, "float64")]
        )
        edges = np.linspace(0, len(sound), count + 1)
        at = np.arange(len(sums))
        total = np.stack(
            [np.interp(edges, at, sums[:, c]) for c in range(sound.shape[1])], 1
        )
        return (np.diff(total, axis=0) / np.diff(edges)[:, None]).astype("float32")
    times = (np.arange(count) + 0.5) * old / new - 0.5
    at = np.arange(len(sound))
    made = [np.interp(times, at, sound[:, c]) for c in range(sound.shape[1])]
    return np.stack(made, 1).astype("float32")
