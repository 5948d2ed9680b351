"""Dataset: a lazy, re-iterable stream of elements, transformed step by step.

`base` says what one is; each of the other files has the methods of one topic. `streams`
is what they do to a stream, `elements` what an element is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine.tensor import Tensor, from_numpy
from minikeras.training.data.dataset.base import INFINITE, UNKNOWN
from minikeras.training.data.dataset.batching import Batching
from minikeras.training.data.dataset.changing import Changing
from minikeras.training.data.dataset.elements import (
    Elements,
    scalars,
    spec_of,
    to_host,
    to_public,
)
from minikeras.training.data.dataset.joining import Joining
from minikeras.training.data.dataset.keeping import Keeping
from minikeras.training.data.dataset.making import Making
from minikeras.training.data.dataset.ordering import Ordering

if TYPE_CHECKING:
    from minikeras.types import Nested


class Dataset(Making, Joining, Ordering, Changing, Batching, Keeping):
    """Elements that are made when they are asked for, as often as they are asked for.

    Made by one of the static methods, or by `keras.utils.*_dataset_from_*`. Each
    transformation gives a new Dataset and reads nothing. `fit`, `evaluate`, `predict`
    and `adapt` take one whose elements are batches. The methods are those of
    TensorFlow's `tf.data.Dataset` that training uses.

    An element is an array, or tuples and dicts of arrays. Iteration shows tensors
    (strings: arrays of objects), `as_numpy_iterator` NumPy arrays.

    Attributes:
        class_names: Names of the classes, where the data came from folders.
        file_paths: The files, in order, where the data came from files.

    Example:
        >>> data = keras.utils.Dataset.from_tensor_slices(np.arange(5))
        >>> data = data.map(lambda x: x * 10).batch(2)
        >>> [batch.tolist() for batch in data]
        [[0, 10], [20, 30], [40]]
        >>> len(data)
        3
    """

    @staticmethod
    def _new(
        items: Callable[[], Iterator[Any]],
        count: int = UNKNOWN,
        finish: Callable[[Any], Any] | None = None,
        gather: Callable[[list[Any]], Any] | None = None,
        batched: bool = False,
    ) -> Dataset:
        return Dataset(items, count, finish, gather, batched)

    def with_options(self, options: object, name: str | None = None) -> Dataset:
        """Itself: TensorFlow's options mean nothing here."""
        return self

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """`transformation_func(self)`."""
        return transformation_func(self)

    def __iter__(self) -> Iterator[Any]:
        return Elements(map(to_public, self._elements()))

    def as_numpy_iterator(self) -> Elements:
        """The elements as NumPy arrays; one number is a scalar of NumPy's."""
        return Elements(map(scalars, self._elements()))

    def __len__(self) -> int:
        if self._count < 0:
            what = "has no end" if self._count == INFINITE else "has an unknown length"
            raise TypeError(f"the Dataset {what}.")
        return self._count

    def __bool__(self) -> bool:
        return True

    def cardinality(self) -> Tensor:
        """The number of elements, as an int64; -1 for no end, -2 if it is not known."""
        return from_numpy(np.asarray(self._count, np.int64))

    def reduce(
        self,
        initial_state: Nested[Tensor],
        reduce_func: Callable[[Any, Any], Any],
        name: str | None = None,
    ) -> Any:
        """Fold all elements into a state by `reduce_func(state, element)`."""
        state = to_public(to_host(initial_state))
        for element in self:
            state = reduce_func(state, element)
        return state

    @property
    def element_spec(self) -> Any:
        """Shapes and dtypes of an element, found by making the first one.

        Raises:
            ValueError: If there is none.
        """
        elements = self._elements()
        first = next(elements, None)
        getattr(elements, "close", lambda: None)()
        if first is None:
            raise ValueError("Dataset.element_spec: the Dataset is empty.")
        return spec_of(first, self._batched)

    def __repr__(self) -> str:
        words = {INFINITE: "endless", UNKNOWN: "of unknown length"}
        return f"<Dataset {words.get(self._count, f'of {self._count} elements')}>"
