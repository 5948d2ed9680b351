"""`Dataset`: a pipeline of elements, in the manner of `tf.data`.

Elements are structures of host arrays inside, and of tensors for functions and loops.
Slices of arrays stay row numbers as long as nothing looks at them one by one, so that
shuffling and batching a data set gathers each batch at once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np

from minikeras.engine import tree
from minikeras.engine.tensor import Tensor, from_numpy
from minikeras.training.data.order import permutation
from minikeras.utils.stages import (
    arrays_of,
    batches,
    gathered,
    padded,
    rows_at,
    shuffled,
    slices_of,
)

INFINITE = -1
UNKNOWN = -2


class Dataset:
    """Elements that can be gone through again and again.

    Made by `from_tensor_slices`, `from_tensors`, `from_generator`, `range` or `zip`; each
    method gives a new data set. `fit`, `evaluate` and `predict` take one whose elements are
    batches: `(x, y)` or `(x, y, sample_weight)`.

    Example:

    >>> import numpy as np
    >>> from minikeras.utils.dataset import Dataset
    >>> data = Dataset.from_tensor_slices((np.arange(5), np.arange(5) * 10))
    >>> for x, y in data.map(lambda x, y: (x + 1, y)).batch(2):
    ...     print(x.numpy(), y.numpy())
    [1 2] [ 0 10]
    [3 4] [20 30]
    [5] [40]
    """

    def __init__(
        self,
        start: Callable[[], Iterator[Any]],
        size: int = UNKNOWN,
        rows: tuple[Any, Callable[[], Iterable[int]]] | None = None,
    ) -> None:
        self._start = start  # begins a pass over the elements, structures of arrays
        self._size = size
        # Arrays and the order of their rows, while elements are rows of arrays.
        self._rows = rows

    @classmethod
    def from_tensor_slices(cls, tensors: Any, name: str | None = None) -> Self:
        """One element for each row of arrays `(samples, ...)`, alone or in a structure.

        Raises:
            ValueError: If the arrays differ in their number of rows.
        """
        arrays, size = slices_of(tensors)
        return cls._of_rows(arrays, lambda: range(size), size)

    @classmethod
    def _of_rows(
        cls, arrays: Any, order: Callable[[], Iterable[int]], size: int
    ) -> Self:
        def start() -> Iterator[Any]:
            for row in order():
                yield rows_at(arrays, row)

        return cls(start, size, (arrays, order))

    @classmethod
    def from_tensors(cls, tensors: Any, name: str | None = None) -> Self:
        """The whole as one element."""
        whole = arrays_of(tensors)
        return cls(lambda: iter([whole]), 1)

    @classmethod
    def from_generator(
        cls,
        generator: Callable[..., Iterable[Any]],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Sequence[Any] = (),
        output_signature: Any = None,
        name: str | None = None,
    ) -> Self:
        """What a function that is called for each pass yields.

        Args:
            generator: Gives an iterable of elements.
            output_types: Dtypes in the structure of the elements.
            output_shapes: Accepted and ignored: the elements have shapes.
            args: Arguments of `generator`.
            output_signature: Objects with a `dtype`, instead of `output_types`.
            name: Accepted and ignored.
        """
        if not callable(generator):
            raise TypeError(
                f"from_generator: got {type(generator).__name__}; expected a function that "
                "gives an iterable, since each epoch starts a new one."
            )
        dtypes = output_types
        if output_signature is not None:
            dtypes = tree.map_structure(lambda spec: str(spec.dtype), output_signature)
        return cls(lambda: (arrays_of(e, dtypes) for e in generator(*args)))

    @classmethod
    def range(cls, *args: int, output_type: str = "int64", name: Any = None) -> Self:
        """The numbers of Python's `range`."""
        return cls.from_tensor_slices(np.arange(*args, dtype=output_type))

    @staticmethod
    def zip(*datasets: Any, name: str | None = None) -> Dataset:
        """Elements of several side by side, until the shortest ends."""
        parts = datasets[0] if len(datasets) == 1 else datasets
        flat = [d for d in tree.flatten(parts) if isinstance(d, Dataset)]
        finite = [d._size for d in flat if d._size >= 0]
        size = min(finite) if finite else INFINITE
        if any(d._size == UNKNOWN for d in flat):
            size = UNKNOWN

        def start() -> Iterator[Any]:
            for elements in zip(*(d._start() for d in flat)):
                left = iter(elements)
                yield _in_place_of(parts, left)

        return Dataset(start, size)

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """Elements stacked, `batch_size` at a time.

        Args:
            batch_size: Elements of a batch.
            drop_remainder: Whether a last batch with fewer is left out.
            num_parallel_calls: Accepted and ignored.
            deterministic: Accepted and ignored: the order is always kept.
            name: Accepted and ignored.

        Raises:
            ValueError: If `batch_size` is below 1; while iterating, if the shapes of
                elements differ.
        """
        size = int(batch_size)
        if size < 1:
            raise ValueError(
                f"Dataset.batch: batch_size={batch_size}; expected 1 or more."
            )
        count = self._size
        if count >= 0:
            count = count // size if drop_remainder else math.ceil(count / size)
        if self._rows is not None:
            arrays, order = self._rows
            return Dataset(
                lambda: gathered(arrays, order(), size, drop_remainder), count
            )
        return Dataset(lambda: batches(self._start(), size, drop_remainder), count)

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Dataset:
        """Like `batch`, for elements of different lengths: short ones get zeros behind.

        Args:
            batch_size: Elements of a batch.
            padded_shapes: Shapes to pad to; None in it, or None, is the longest's.
            padding_values: Other values than 0.
            drop_remainder: Whether a last batch with fewer is left out.
            name: Accepted and ignored.
        """
        return Dataset(
            lambda: padded(
                self._start(), batch_size, padded_shapes, padding_values, drop_remainder
            ),
            self.batch(batch_size, drop_remainder)._size,
        )

    def unbatch(self, name: str | None = None) -> Dataset:
        """The rows of each element as elements."""

        def start() -> Iterator[Any]:
            for element in self._start():
                leaves, spec = tree.flatten_spec(element)
                for row in zip(*leaves):
                    yield tree.unflatten(spec, list(row))

        return Dataset(start)

    def shuffle(
        self,
        buffer_size: int,
        seed: Any = None,
        reshuffle_each_iteration: bool | None = True,
        name: str | None = None,
    ) -> Dataset:
        """Elements in another order, drawn among the next `buffer_size`.

        Args:
            buffer_size: How many elements are held to draw from.
            seed: Fixes the order, and those of later passes.
            reshuffle_each_iteration: Whether each pass has an order of its own.
            name: Accepted and ignored.
        """
        draws = _Draws(seed, reshuffle_each_iteration is not False)
        size = len(self) if self._size >= 0 else 0
        if self._rows is not None and size and buffer_size >= size:
            arrays, order = self._rows

            def mixed() -> Iterable[int]:
                rows = np.fromiter(order(), np.int64)
                return rows[draws.start().permutation(len(rows))].tolist()

            return self._of_rows(arrays, mixed, size)
        return Dataset(
            lambda: shuffled(self._start(), int(buffer_size), draws.start()), self._size
        )

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        **options: Any,
    ) -> Dataset:
        """What a function makes of each element; a tuple comes as several arguments."""
        return Dataset(
            lambda: (arrays_of(_apply(map_func, e)) for e in self._start()), self._size
        )

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements for which a function gives true."""
        return Dataset(lambda: (e for e in self._start() if bool(_apply(predicate, e))))

    def flat_map(
        self, map_func: Callable[..., Dataset], name: str | None = None
    ) -> Dataset:
        """The elements of the data sets that a function makes of each element."""

        def start() -> Iterator[Any]:
            for element in self._start():
                yield from _apply(map_func, element)._start()

        return Dataset(start)

    def window(
        self, size: int, shift: int | None = None, drop_remainder: bool = False
    ) -> Dataset:
        """Data sets of `size` neighbours, each begun `shift` elements after the last."""
        step = size if shift is None else shift

        def start() -> Iterator[Any]:
            held: list[Any] = []
            for element in self._start():
                held.append(element)
                if len(held) == max(size, step):
                    yield _Window(held[:size])
                    held = held[step:]
            while held and not drop_remainder:
                yield _Window(held[:size])
                held = held[step:]

        return Dataset(start)

    def repeat(self, count: int | None = None, name: str | None = None) -> Dataset:
        """The elements again, `count` times in all; without end for None or -1."""
        endless = count is None or count < 0

        def start() -> Iterator[Any]:
            passes: Iterable[int] = itertools.count() if endless else range(count or 0)
            for _ in passes:
                empty = True
                for element in self._start():
                    empty = False
                    yield element
                if empty:
                    return

        if endless:
            return Dataset(start, INFINITE if self._size else 0)
        return Dataset(
            start, self._size * (count or 0) if self._size >= 0 else self._size
        )

    def take(self, count: int, name: str | None = None) -> Dataset:
        """The first `count` elements; all for -1."""
        if count < 0:
            return self
        size = min(count, self._size) if self._size >= 0 else self._size
        if self._rows is not None:
            arrays, order = self._rows
            return self._of_rows(arrays, lambda: itertools.islice(order(), count), size)
        size = count if self._size == INFINITE else size
        return Dataset(lambda: itertools.islice(self._start(), count), size)

    def skip(self, count: int, name: str | None = None) -> Dataset:
        """All but the first `count` elements."""
        size = max(self._size - count, 0) if self._size >= 0 else self._size
        if self._rows is not None:
            arrays, order = self._rows
            return self._of_rows(
                arrays, lambda: itertools.islice(order(), count, None), size
            )
        return Dataset(lambda: itertools.islice(self._start(), count, None), size)

    def shard(self, num_shards: int, index: int, name: str | None = None) -> Dataset:
        """Every `num_shards`th element, from `index` on."""
        if not 0 <= index < num_shards:
            raise ValueError(
                f"Dataset.shard: index={index}; expected 0 to {num_shards - 1}."
            )
        size = self._size
        if size >= 0:
            size = len(range(index, size, num_shards))
        return Dataset(
            lambda: itertools.islice(self._start(), index, None, num_shards), size
        )

    def concatenate(self, dataset: Dataset, name: str | None = None) -> Dataset:
        """The elements of this one, then of another."""
        sizes = (self._size, dataset._size)
        size = min(sizes) if min(sizes) < 0 else sum(sizes)
        return Dataset(lambda: itertools.chain(self._start(), dataset._start()), size)

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """Pairs of a number and an element."""
        return Dataset(
            lambda: (
                (np.int64(n), e) for n, e in zip(itertools.count(start), self._start())
            ),
            self._size,
        )

    def cache(self, filename: str = "", name: str | None = None) -> Dataset:
        """Keeps the elements of the first whole pass in memory, and gives them again."""
        kept: list[Any] = []
        full = False

        def start() -> Iterator[Any]:
            nonlocal full
            if full:
                yield from kept
                return
            seen = []
            for element in self._start():
                seen.append(element)
                yield element
            kept[:], full = seen, True

        return Dataset(start, self._size)

    def prefetch(self, buffer_size: Any = None, name: str | None = None) -> Dataset:
        """The same elements: what trains asks for the next batch in time by itself."""
        return self

    def with_options(self, options: Any, name: str | None = None) -> Dataset:
        """The same elements: there are no options."""
        return self

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """What a function makes of the whole data set."""
        return transformation_func(self)

    def reduce(
        self,
        initial_state: Any,
        reduce_func: Callable[[Any, Any], Any],
        name: Any = None,
    ) -> Any:
        """`reduce_func(reduce_func(initial_state, first), second)` and so on."""
        state = initial_state
        for element in self:
            state = reduce_func(state, element)
        return state

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements of one pass, as arrays."""
        return self._start()

    def cardinality(self) -> Tensor:
        """The number of elements; -1 where there is no end, -2 where nobody knows."""
        return from_numpy(np.asarray(self._size, np.int64))

    @property
    def element_spec(self) -> Any:
        """Shapes and dtypes of the first element."""
        first = next(iter(self))
        return tree.map_structure(
            lambda leaf: leaf.aval if isinstance(leaf, Tensor) else leaf, first
        )

    def __iter__(self) -> Iterator[Any]:
        return map(_tensors, self._start())

    def __len__(self) -> int:
        if self._size < 0:
            what = (
                "has no end"
                if self._size == INFINITE
                else "is not known to have a length"
            )
            raise TypeError(f"Dataset: it {what}; cardinality() tells without raising.")
        return self._size

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<Dataset of {self._size if self._size >= 0 else '?'} elements>"


class _Window(Dataset):
    """A few elements as a data set."""

    def __init__(self, elements: list[Any]) -> None:
        super().__init__(lambda: iter(elements), len(elements))


class _Draws:
    """A generator of random numbers for each pass."""

    def __init__(self, seed: Any, anew: bool) -> None:
        self._anew = anew
        self._words = None if seed is None else [int(seed)]
        self._passes = 0

    def start(self) -> np.random.Generator:
        """The generator of this pass."""
        if self._words is None:
            # Of the global seed, so that set_random_seed fixes it.
            self._words = [int(n) for n in permutation(64)]
        self._passes += self._anew
        return np.random.default_rng([*self._words, self._passes])


def _tensors(element: Any) -> Any:
    return tree.map_structure(_tensor, element)


def _tensor(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind not in "OUSMm":
        return from_numpy(np.asarray(leaf))
    return leaf


def _apply(function: Callable[..., Any], element: Any) -> Any:
    given = _tensors(element)
    return function(*given) if isinstance(given, tuple) else function(given)


def _in_place_of(parts: Any, elements: Iterator[Any]) -> Any:
    """The structure `parts` with the next elements in place of its data sets."""
    if isinstance(parts, Dataset):
        return next(elements)
    if isinstance(parts, dict):
        return {key: _in_place_of(part, elements) for key, part in parts.items()}
    return tuple(_in_place_of(part, elements) for part in parts)


__all__ = ["Dataset"]
