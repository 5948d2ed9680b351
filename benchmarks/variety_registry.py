"""What a model of the variety is, how it is registered, and what it is fed.

A peer's process imports this too: it needs NumPy alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]
Build = Callable[[Any], Any]
Data = Callable[[int, np.random.Generator], Arrays]

CLASSES = "sparse_categorical_crossentropy"
SQUARES = "mean_squared_error"


@dataclass(frozen=True)
class Variety:
    """One row of the table.

    Attributes:
        build: Makes the model, uncompiled, from the `keras` module.
        batch: Samples a step.
        steps: Steps an epoch.
        data: Makes inputs and targets of some samples.
        loss: Its name.
        optimizer: Its name, or what makes it from the `keras` module.
    """

    build: Build
    batch: int
    steps: int
    data: Data
    loss: str
    optimizer: str | Build

    def compiled(self, keras: Any) -> Any:
        """The model, ready to train."""
        model = self.build(keras)
        given = self.optimizer
        optimizer = given if isinstance(given, str) else given(keras)
        model.compile(optimizer, self.loss)
        return model


class Family(dict[str, Variety]):
    """Models by name. `model` registers a builder under the name of its function."""

    def model(
        self,
        batch: int,
        steps: int,
        data: Data,
        loss: str = CLASSES,
        optimizer: str | Build = "adam",
    ) -> Callable[[Build], Build]:
        def register(build: Build) -> Build:
            made = Variety(build, batch, steps, data, loss, optimizer)
            self[build.__name__] = made
            return build

        return register


def labelled(*shape: int, classes: int = 10, dtype: str = "float32") -> Data:
    """Normal samples of a shape, each with a class."""

    def make(count: int, random: np.random.Generator) -> Arrays:
        x = random.normal(size=(count, *shape)).astype(dtype)
        return x, random.integers(0, classes, count).astype("int32")

    return make


def measured(shape: tuple[int, ...], target: tuple[int, ...]) -> Data:
    """Normal samples with normal targets."""

    def make(count: int, random: np.random.Generator) -> Arrays:
        x = random.normal(size=(count, *shape)).astype("float32")
        return x, random.normal(size=(count, *target)).astype("float32")

    return make


def mirrored(*shape: int) -> Data:
    """Samples from 0 to 1 that are their own targets."""

    def make(count: int, random: np.random.Generator) -> Arrays:
        x = random.uniform(size=(count, *shape)).astype("float32")
        return x, x

    return make


def words(length: int, vocabulary: int, classes: int = 2) -> Data:
    """Texts of word numbers, each with a class.

    They end in up to a half of padding, so that a mask has something to hide.
    """

    def make(count: int, random: np.random.Generator) -> Arrays:
        x = random.integers(1, vocabulary, (count, length)).astype("int32")
        ends = random.integers(length // 2, length + 1, (count, 1))
        x[np.arange(length) >= ends] = 0
        return x, random.integers(0, classes, count).astype("int32")

    return make
