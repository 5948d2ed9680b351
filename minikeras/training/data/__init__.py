"""Sources of batches: arrays, generators, PyDatasets, loaders of other libraries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikeras.training.data.adapter import Batch, DataAdapter
from minikeras.training.data.arrays import ArrayAdapter, validation_split
from minikeras.training.data.class_weight import (
    ClassWeight,
    in_order,
    sample_weight_of,
)
from minikeras.training.data.feed import Feed
from minikeras.training.data.hugging_face import HuggingFaceAdapter, is_hugging_face
from minikeras.training.data.iterables import (
    GeneratorAdapter,
    IterableAdapter,
    length,
)
from minikeras.training.data.leaves import (
    host_structure,
    is_array_structure,
    named_leaves,
)
from minikeras.training.data.packing import (
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from minikeras.training.data.part import Part
from minikeras.training.data.py_dataset import NumberedAdapter, PyDataset
from minikeras.types import ArrayLike, Nested

__all__ = [
    "ArrayAdapter",
    "Batch",
    "ClassWeight",
    "DataAdapter",
    "Feed",
    "GeneratorAdapter",
    "IterableAdapter",
    "NumberedAdapter",
    "Part",
    "PyDataset",
    "array_parts",
    "host_structure",
    "in_order",
    "is_arrays",
    "make_adapter",
    "named_leaves",
    "pack_x_y_sample_weight",
    "sample_weight_of",
    "unpack_x_y_sample_weight",
    "validation_split",
]


def is_arrays(x: object) -> bool:
    """Whether `x` is array data, as opposed to a source of ready batches."""
    return is_array_structure(x) and not isinstance(x, PyDataset)


def array_parts(
    x: object,
    y: object,
    sample_weight: Nested[ArrayLike],
    class_weight: ClassWeight,
    owner: str,
    by_batch: bool = False,
) -> Batch:
    """The three parts as host arrays, class weights made sample weights.

    With `by_batch` they may be `Rows`, and class weights are left to the adapter.

    Raises:
        ValueError: If a part is no array, or both kinds of weights are given.
    """
    x, y = host_structure(x, "x", by_batch), host_structure(y, "y", by_batch)
    weight = host_structure(sample_weight, "sample_weight", by_batch)
    if class_weight is not None:
        if weight is not None:
            raise ValueError(
                f"{owner}: got both class_weight and sample_weight; expected one of them. "
                "Multiply them into sample_weight."
            )
        if y is None:
            raise ValueError(
                f"{owner}: got class_weight but y is None; expected labels."
            )
        if not by_batch:
            weight = sample_weight_of(y, class_weight)
    return x, y, weight


def make_adapter(
    x: object,
    y: object = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    shuffle: bool | str = False,
    class_weight: ClassWeight = None,
    owner: str = "fit",
) -> DataAdapter:
    """The adapter for whatever was passed as `x`.

    Args:
        x: Arrays, a PyDataset, a generator, an iterable of batches, or anything that
            gives batches by number.
        y: Targets; only with arrays.
        sample_weight: Weights; only with arrays.
        batch_size: Only with arrays (and Hugging Face datasets). Default: 32.
        shuffle: For arrays (or the batches of a PyDataset).
        class_weight: Weights by class number.
        owner: The method to name in messages.

    Returns:
        A `DataAdapter`.

    Raises:
        ValueError: If `x` is no data, or an argument does not go with it.
    """
    if is_arrays(x):
        parts = array_parts(x, y, sample_weight, class_weight, owner, by_batch=True)
        size = batch_size or 32
        return ArrayAdapter(*parts, size, shuffle, owner, class_weight)
    kind = type(x).__name__
    if hasattr(x, "collect_schema"):  # polars
        raise ValueError(
            f"{owner}: x is a {kind}, a query that was not run yet; expected its result: "
            "x.collect()."
        )
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"{owner}: {name} was passed although x is a {kind}, which gives whole "
                f"batches; expected {name}=None and batches (x, y, sample_weight)."
            )
    if is_hugging_face(x):
        return HuggingFaceAdapter(x, class_weight, batch_size or 32, shuffle)
    if isinstance(x, PyDataset):
        return NumberedAdapter(x, class_weight, bool(shuffle))
    # Before iterables: an iterator has `__iter__` too, but only one pass.
    if isinstance(x, Iterator):
        return GeneratorAdapter(x, class_weight)
    if not isinstance(x, (list, tuple, dict, str, bytes, type)):
        if hasattr(x, "__iter__"):
            return IterableAdapter(x, class_weight)
        if hasattr(x, "__getitem__") and type(x).__module__.startswith("torch.utils."):
            raise ValueError(
                f"{owner}: x is a {kind}, whose items are samples; expected batches. Wrap it "
                "in torch.utils.data.DataLoader(x, batch_size=32)."
            )
        if hasattr(x, "__getitem__") and length(x) is not None:
            return NumberedAdapter(x, class_weight, bool(shuffle))
        if hasattr(x, "__getitem__"):  # numbers from 0 until IndexError
            return IterableAdapter(x, class_weight)
    raise ValueError(
        f"{owner}: x is a {kind}; expected arrays (NumPy, tensors, data frames, or lists and "
        "dicts of them), a generator, a PyDataset, or what gives batches by iteration or by "
        "number."
    )
