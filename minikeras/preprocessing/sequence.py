"""`keras.preprocessing.sequence`: padding, and Keras 2's windows and skip-grams."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras.preprocessing.notes import note
from minikeras.training.data import PyDataset
from minikeras.utils.arrays import pad_sequences


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """How likely the word of each rank is kept, such that frequent words are met less.

    The frequency of a rank is that of Zipf's law; a word of frequency `f` is kept with
    probability `min(1, sqrt(sampling_factor / f))`.

    Args:
        size: How many words.
        sampling_factor: The frequency from which on words are left out at times.

    Returns:
        `(size,)` of float64.

    Reference:
        Mikolov et al., *Distributed Representations of Words and Phrases*, 2013.

    Example:

    >>> keras.preprocessing.sequence.make_sampling_table(3).round(4).tolist()
    [0.0032, 0.0032, 0.0055]
    """
    rank = np.arange(size)
    rank[:1] = 1
    # 1 / f: the harmonic number of the rank times the rank, by Euler's expansion.
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse))


def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs of words that stand near each other, and pairs of random words.

    Args:
        sequence: Word numbers; 0 is none of them.
        vocabulary_size: Random words are below it.
        window_size: Words are near up to this distance.
        negative_samples: Random pairs for each near one.
        shuffle: Whether to shuffle the pairs.
        categorical: Whether labels are `[0, 1]` and `[1, 0]`, not 1 and 0.
        sampling_table: How likely each word is used (`make_sampling_table`).
        seed: For the order of the pairs. Python's `random` draws the rest.

    Returns:
        Pairs and labels.

    Reference:
        Mikolov et al., *Efficient Estimation of Word Representations*, 2013.

    Example:

    >>> pairs, labels = keras.preprocessing.sequence.skipgrams(  # doctest: +SKIP
    ...     [1, 2, 3], vocabulary_size=4, window_size=1, negative_samples=0, shuffle=False
    ... )
    >>> pairs, labels  # doctest: +SKIP
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    note("sequence.skipgrams", "windows over an array, and keras.ops.random")
    couples = []
    for i, word in enumerate(sequence):
        if not word:
            continue
        if sampling_table is not None and sampling_table[word] < random.random():
            continue
        start, stop = max(0, i - window_size), i + window_size + 1
        near = [w for j, w in enumerate(sequence[start:stop], start) if j != i and w]
        couples += [[word, other] for other in near]
    good, bad = ([0, 1], [1, 0]) if categorical else (1, 0)
    labels: list[Any] = [good] * len(couples)
    if negative_samples > 0:
        count = int(len(labels) * negative_samples)
        words = [couple[0] for couple in couples]
        random.shuffle(words)
        couples += [
            [words[i % len(words)], random.randint(1, vocabulary_size - 1)]
            for i in range(count)
        ]
        labels += [bad] * count
    if shuffle:
        seed = random.randint(0, 10_000_000) if seed is None else seed
        for values in (couples, labels):
            random.seed(seed)
            random.shuffle(values)
    return couples, labels


class TimeseriesGenerator(PyDataset):
    """Batches of windows of a series, each with the target that follows it.

    Args:
        data: Array `(steps, ...)`.
        targets: Array `(steps, ...)`; a window that ends before step `i` gets
            `targets[i]`.
        length: Steps that a window spans.
        sampling_rate: Steps between the steps of a window.
        stride: Steps between windows.
        start_index: The first step that is used.
        end_index: The last step that is a target. Default: the last one.
        shuffle: Whether windows are drawn at random.
        reverse: Whether windows run backwards.
        batch_size: Windows in a batch.

    Raises:
        ValueError: If the lengths differ, or there is no window.

    Example:
        >>> import warnings
        >>> x = np.arange(6)
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     data = keras.preprocessing.sequence.TimeseriesGenerator(x, x, length=3)
        >>> [part.tolist() for part in data[0]]
        [[[0, 1, 2], [1, 2, 3], [2, 3, 4]], [3, 4, 5]]
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ) -> None:
        super().__init__()
        note(
            "sequence.TimeseriesGenerator", "keras.utils.timeseries_dataset_from_array"
        )
        if len(data) != len(targets):
            raise ValueError(
                f"TimeseriesGenerator: {len(data)} steps of data and {len(targets)} targets; "
                "expected as many."
            )
        self.data = data
        self.targets = targets
        self.length = length
        self.sampling_rate = sampling_rate
        self.stride = stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle = shuffle
        self.reverse = reverse
        self.batch_size = batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"TimeseriesGenerator: start_index + length = {self.start_index} is beyond "
                f"end_index={self.end_index}, so there is no window; expected a shorter length."
            )

    def __len__(self) -> int:
        span = self.batch_size * self.stride
        return (self.end_index - self.start_index + span) // span

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self.shuffle:
            rows = np.random.randint(  # noqa: NPY002 - np.random.seed rules it, as in Keras
                self.start_index, self.end_index + 1, size=self.batch_size
            )
        else:
            start = self.start_index + self.batch_size * self.stride * index
            stop = min(start + self.batch_size * self.stride, self.end_index + 1)
            rows = np.arange(start, stop, self.stride)
        windows = [self.data[r - self.length : r : self.sampling_rate] for r in rows]
        samples = np.array(windows)
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1] if self.reverse else samples), targets

    def get_config(self) -> dict[str, Any]:
        """The settings; data and targets as JSON strings.

        Raises:
            TypeError: If JSON has no form for the data.
        """
        names = "length sampling_rate stride start_index end_index shuffle reverse batch_size"
        parts = {"data": self.data, "targets": self.targets}
        made: dict[str, Any] = {}
        for name, value in parts.items():
            made[name] = json.dumps(np.asarray(value).tolist())
        return {**made, **{name: getattr(self, name) for name in names.split()}}

    def to_json(self, **kwargs: Any) -> str:
        """The generator as JSON.

        Args:
            **kwargs: For `json.dumps`.
        """
        config = {"class_name": type(self).__name__, "config": self.get_config()}
        return json.dumps(config, **kwargs)


__all__ = [
    "TimeseriesGenerator",
    "make_sampling_table",
    "pad_sequences",
    "skipgrams",
]
