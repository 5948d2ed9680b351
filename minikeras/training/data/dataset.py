"""Dataset: a lazy, re-iterable stream of elements, transformed step by step."""

from __future__ import annotations

import builtins
import itertools
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.tensor import Tensor, from_numpy
from minikeras.training.data import streams
from minikeras.training.data.batching import INFINITE, UNKNOWN, Batching, positive
from minikeras.training.data.elements import (
    Elements,
    row,
    spec_of,
    to_host,
    to_public,
)
from minikeras.training.data.file_cache import FileCache
from minikeras.training.data.joining import Joining, called
from minikeras.training.data.rows import Rows, rows_of

if TYPE_CHECKING:
    from minikeras.types import Nested


class Dataset(Joining, Batching):
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

    class_names: list[str] | None
    file_paths: list[str]

    def __init__(
        self,
        items: Callable[[], Iterator[Any]],
        count: int = UNKNOWN,
        finish: Callable[[Any], Any] | None = None,
        gather: Callable[[list[Any]], Any] | None = None,
        batched: bool = False,
    ) -> None:
        # Items are elements, or (with `finish`) what elements are made of, such as row
        # numbers: orders are then changed, and batches gathered, with nothing copied.
        self._items = items
        self._count = count
        self._finish = finish
        self._gather = gather
        self._batched = batched

    def _elements(self) -> Iterator[Any]:
        items = self._items()
        return items if self._finish is None else map(self._finish, items)

    def _reordered(self, items: Callable[[], Iterator[Any]], count: int) -> Dataset:
        """The same elements in another order or number."""
        made = Dataset(items, count, self._finish, self._gather, self._batched)
        return self._named(made)

    def _changed(
        self, items: Callable[[], Iterator[Any]], count: int, batched: bool = False
    ) -> Dataset:
        """Other elements."""
        return self._named(Dataset(items, count, batched=batched))

    def _named(self, made: Dataset) -> Dataset:
        for name in ("class_names", "file_paths"):
            if name in self.__dict__:
                setattr(made, name, getattr(self, name))
        return made

    @staticmethod
    def _of_list(elements: list[Any]) -> Dataset:
        return Dataset(lambda: iter(elements), len(elements))

    # --- where elements come from

    @staticmethod
    def from_tensor_slices(tensors: object, name: str | None = None) -> Dataset:
        """One element for each row of arrays.

        Args:
            tensors: An array, or tuples and dicts of arrays of equal length. Memory maps
                and HDF5 datasets are read as their rows are asked for.
            name: Not used.

        Returns:
            A `Dataset`.

        Raises:
            ValueError: If the lengths differ, or there is no first axis.
        """
        source = to_host(_by_rows(tensors))
        leaves, spec = tree.flatten_spec(source)
        sizes = {leaf.shape[:1] for leaf in leaves if leaf is not None}
        if len(sizes) != 1 or () in sizes:
            raise ValueError(
                f"Dataset.from_tensor_slices: arrays with first axes {sorted(sizes)}; "
                "expected at least one array, and as many rows in each."
            )
        ((size,),) = sizes

        def element(number: int) -> Any:
            return tree.unflatten(spec, [_row(leaf, number) for leaf in leaves])

        def gather(numbers: list[int]) -> Any:
            where = np.array(numbers)
            taken = [None if a is None else _rows(a, where) for a in leaves]
            return tree.unflatten(spec, taken)

        return Dataset(lambda: iter(builtins.range(size)), size, element, gather)

    @staticmethod
    def from_tensors(tensors: object, name: str | None = None) -> Dataset:
        """A single element."""
        element = to_host(tensors)
        return Dataset(lambda: iter([element]), 1)

    @staticmethod
    def from_generator(
        generator: Callable[..., Any],
        output_types: object = None,
        output_shapes: object = None,
        args: tuple[Any, ...] | None = None,
        output_signature: object = None,
        name: str | None = None,
    ) -> Dataset:
        """The elements that a generator function yields, called anew for each pass.

        Args:
            generator: A function that gives an iterable.
            output_types: Dtypes of the parts, to convert to; or None.
            output_shapes: Not used.
            args: Arguments of the function.
            output_signature: The same as `output_types`, as specs with a `dtype`.
            name: Not used.

        Returns:
            A `Dataset`.

        Raises:
            TypeError: If it is no function.
        """
        if not callable(generator):
            raise TypeError(
                f"Dataset.from_generator: got a {type(generator).__name__}; expected a function "
                "that gives an iterable each time it is called."
            )
        types = output_types if output_signature is None else output_signature
        convert = _converter(types)
        return Dataset(lambda: map(convert, generator(*(args or ()))))

    @staticmethod
    def range(
        *args: int, output_type: str = "int64", name: str | None = None
    ) -> Dataset:
        """The integers of Python's `range(*args)`."""
        numbers = builtins.range(*args)
        return Dataset(
            lambda: iter(numbers), len(numbers), np.dtype(output_type).type, np.array
        )

    @staticmethod
    def zip(*datasets: object, name: str | None = None) -> Dataset:
        """Elements of several Datasets side by side, up to the end of the shortest.

        Args:
            *datasets: Datasets, or one tuple or dict of them.
            name: Not used.
        """
        parts = datasets[0] if len(datasets) == 1 else tuple(datasets)
        leaves, spec = tree.flatten_spec(parts)
        known = [d._count for d in leaves if d._count != INFINITE]
        count = INFINITE if not known else UNKNOWN if UNKNOWN in known else min(known)

        def items() -> Iterator[Any]:
            for found in builtins.zip(*[d._elements() for d in leaves], strict=False):
                yield tree.unflatten(spec, found)

        return Dataset(items, count)

    # --- order and number

    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool = True,
        name: str | None = None,
    ) -> Dataset:
        """Random order, drawn from a buffer of so many elements.

        A buffer of at least all elements shuffles evenly.

        Args:
            buffer_size: Elements in the buffer.
            seed: An integer, or None for the global seed.
            reshuffle_each_iteration: Whether each pass has a new order.
            name: Not used.
        """
        positive("shuffle", "buffer_size", buffer_size)
        passes = itertools.count()
        fixed: list[tuple[int, ...]] = []

        def items() -> Iterator[Any]:
            if reshuffle_each_iteration or not fixed:
                new = streams.new_seed() if seed is None else (int(seed), next(passes))
                fixed[:] = [new]
            return streams.shuffled(self._items(), buffer_size, fixed[0])

        return self._reordered(items, self._count)

    def repeat(self, count: int | None = None, name: str | None = None) -> Dataset:
        """All elements `count` times over; None or -1: without end."""
        times = None if count is None or count < 0 else count
        if self._count in (INFINITE, 0) or times == 0:
            total = 0 if times == 0 else self._count
        elif times is None:
            total = INFINITE
        else:
            total = UNKNOWN if self._count == UNKNOWN else self._count * times
        return self._reordered(lambda: streams.repeated(self._items, times), total)

    def take(self, count: int, name: str | None = None) -> Dataset:
        """The first `count` elements; -1: all."""
        if count < 0:
            return self._reordered(self._items, self._count)
        total = self._count
        if total != UNKNOWN:
            total = count if total == INFINITE else min(count, total)
        return self._reordered(lambda: itertools.islice(self._items(), count), total)

    def skip(self, count: int, name: str | None = None) -> Dataset:
        """All but the first `count` elements; -1: none."""
        total = max(self._count - count, 0) if self._count >= 0 else self._count
        if count < 0:
            return self._reordered(lambda: iter(()), 0)
        return self._reordered(
            lambda: itertools.islice(self._items(), count, None), total
        )

    def shard(self, num_shards: int, index: int, name: str | None = None) -> Dataset:
        """Every `num_shards`-th element, beginning with number `index`."""
        if not 0 <= index < num_shards:
            raise ValueError(
                f"Dataset.shard: index={index}; expected 0 to {num_shards - 1}."
            )
        total = self._count
        if total >= 0:
            total = len(builtins.range(index, total, num_shards))
        return self._reordered(
            lambda: itertools.islice(self._items(), index, None, num_shards), total
        )

    def concatenate(self, dataset: Dataset, name: str | None = None) -> Dataset:
        """These elements, then those of another Dataset."""
        counts = (self._count, dataset._count)
        total = INFINITE if INFINITE in counts else sum(counts)
        if UNKNOWN in counts and total != INFINITE:
            total = UNKNOWN
        return self._changed(
            lambda: itertools.chain(self._elements(), dataset._elements()),
            total,
            self._batched and dataset._batched,
        )

    # --- other elements

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """`map_func` of each element.

        Args:
            map_func: Gets tensors; a tuple's parts are its arguments. It may give
                tensors, arrays and numbers in tuples and dicts.
            num_parallel_calls: How many threads call it at the same time (the order
                stays); -1 (`AUTOTUNE`): as many as there are cores.
            deterministic: Not used; the order always stays.
            name: Not used.
        """

        def call(element: Any) -> Any:
            return to_host(called(map_func, element))

        return self._map_host(call, num_parallel_calls)

    def _map_host(
        self, function: Callable[[Any], Any], threads: int | None = None
    ) -> Dataset:
        """`function` of each element, NumPy to NumPy."""
        return self._changed(
            lambda: streams.mapped(function, self._elements(), threads), self._count
        )

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements for which a function gives true."""

        def items() -> Iterator[Any]:
            return (e for e in self._elements() if bool(called(predicate, e)))

        return self._changed(items, UNKNOWN, self._batched)

    def flat_map(
        self, map_func: Callable[..., Dataset], name: str | None = None
    ) -> Dataset:
        """The elements of the Datasets that a function gives, one after the other."""

        def items() -> Iterator[Any]:
            for element in self._elements():
                yield from called(map_func, element)._elements()

        return self._changed(items, UNKNOWN)

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """Pairs of a number and an element."""

        def items() -> Iterator[Any]:
            for i, element in builtins.enumerate(self._elements(), start):
                yield np.int64(i), element

        return self._changed(items, self._count)

    # --- how they are made

    def prefetch(self, buffer_size: int, name: str | None = None) -> Dataset:
        """Up to `buffer_size` elements are made ahead by another thread; -1: two."""
        return self._changed(
            lambda: streams.ahead(self._elements(), int(buffer_size)),
            self._count,
            self._batched,
        )

    def cache(self, filename: str = "", name: str | None = None) -> Dataset:
        """Keep the elements after the first whole pass.

        Args:
            filename: A file to keep them in, also for later processes, which take what is
                there without asking how it came about; `.elements` is put behind the name.
                Without one they are kept in memory.
            name: Not used.

        Raises:
            ValueError: While iterating, if the file is damaged.
        """
        kept: Any = streams.Cache(self._elements)
        if filename:
            kept = FileCache(self._elements, os.fspath(filename))
        return self._changed(kept, self._count, self._batched)

    def with_options(self, options: object, name: str | None = None) -> Dataset:
        """Itself: TensorFlow's options mean nothing here."""
        return self

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """`transformation_func(self)`."""
        return transformation_func(self)

    # --- what is in it

    def __iter__(self) -> Iterator[Any]:
        return Elements(map(to_public, self._elements()))

    def as_numpy_iterator(self) -> Elements:
        """The elements as NumPy arrays."""
        return Elements(self._elements())

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


def _by_rows(tensors: object) -> Any:
    """The structure with what lies in files made `Rows`."""
    if isinstance(tensors, tuple):
        return tuple(_by_rows(t) for t in tensors)
    if isinstance(tensors, dict):
        return {k: _by_rows(t) for k, t in tensors.items()}
    found = rows_of(tensors)
    return tensors if found is None else found


def _row(leaf: object, number: int) -> Any:
    if isinstance(leaf, Rows):
        return leaf.read(number, number + 1)[0]
    return row(leaf, number)


def _rows(leaf: Any, where: Any) -> Any:
    if isinstance(leaf, Rows):
        return leaf.take(where)
    return leaf.take(where, axis=0)


def _converter(types: object) -> Callable[[Any], Any]:
    if types is None:
        return to_host
    wanted = [np.dtype(getattr(t, "dtype", t)) for t in tree.flatten(types)]

    def convert(element: object) -> Any:
        leaves, spec = tree.flatten_spec(to_host(element))
        pairs = builtins.zip(leaves, wanted, strict=True)
        return tree.unflatten(spec, [np.asarray(a).astype(t) for a, t in pairs])

    return convert
