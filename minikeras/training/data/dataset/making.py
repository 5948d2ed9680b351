"""Where the elements of a Dataset come from: arrays, functions, numbers, names of files."""

from __future__ import annotations

import builtins
import glob
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.strings import as_strings
from minikeras.training.data.dataset.base import Base
from minikeras.training.data.dataset.elements import row, to_host
from minikeras.training.data.rows import Rows, gathered, rows_of

if TYPE_CHECKING:
    from minikeras.training.data.dataset import Dataset


class Making(Base):
    """Methods of `Dataset`; see there."""

    @classmethod
    def from_tensor_slices(cls, tensors: object, name: str | None = None) -> Dataset:
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
            taken = [None if a is None else gathered(a, where) for a in leaves]
            return tree.unflatten(spec, taken)

        return cls._new(lambda: iter(builtins.range(size)), size, element, gather)

    @classmethod
    def from_tensors(cls, tensors: object, name: str | None = None) -> Dataset:
        """A single element."""
        element = to_host(tensors)
        return cls._new(lambda: iter([element]), 1)

    @classmethod
    def from_generator(
        cls,
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
        return cls._new(lambda: map(convert, generator(*(args or ()))))

    @classmethod
    def range(
        cls, *args: int, output_type: str = "int64", name: str | None = None
    ) -> Dataset:
        """The integers of Python's `range(*args)`."""
        numbers = builtins.range(*args)
        return cls._new(
            lambda: iter(numbers), len(numbers), np.dtype(output_type).type, np.array
        )

    @classmethod
    def list_files(
        cls,
        file_pattern: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        shuffle: bool | None = None,
        seed: int | None = None,
        name: str | None = None,
    ) -> Dataset:
        """The paths that fit a pattern, or several, as strings.

        Args:
            file_pattern: As `"data/*.csv"`, or a list of such.
            shuffle: Whether each pass has a new order (default); else they are sorted.
            seed: For the order.
            name: Not used.

        Raises:
            ValueError: If nothing fits.
        """
        if isinstance(file_pattern, (str, os.PathLike)):
            file_pattern = [file_pattern]
        found = sorted({p for part in file_pattern for p in glob.glob(os.fspath(part))})
        if not found:
            raise ValueError(f"Dataset.list_files: nothing fits {file_pattern!r}.")
        elements = [as_strings(path) for path in found]
        made = cls._new(lambda: iter(elements), len(found))
        return made.shuffle(len(found), seed) if shuffle in (None, True) else made


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


def _converter(types: object) -> Callable[[Any], Any]:
    if types is None:
        return to_host
    wanted = [np.dtype(getattr(t, "dtype", t)) for t in tree.flatten(types)]

    def convert(element: object) -> Any:
        leaves, spec = tree.flatten_spec(to_host(element))
        pairs = builtins.zip(leaves, wanted, strict=True)
        return tree.unflatten(spec, [np.asarray(a).astype(t) for a, t in pairs])

    return convert
