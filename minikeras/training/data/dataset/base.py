"""What a Dataset is: a function that makes a stream anew, and how many elements it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikeras.training.data.dataset import Dataset

# In place of a number of elements.
INFINITE, UNKNOWN = -1, -2


def positive(method: str, name: str, value: int) -> None:
    """Raise unless it is an integer of at least 1."""
    if value < 1:
        raise ValueError(
            f"Dataset.{method}: {name}={value}; expected an integer of at least 1."
        )


class Base:
    """What the transformations are made of.

    Items are elements, or (with `finish`) what elements are made of, such as row
    numbers: orders are then changed, and batches gathered, with nothing copied.
    """

    class_names: list[str] | None
    file_paths: list[str]
    _new: Callable[
        ..., Dataset
    ]  # what transformations give: never a subclass of a user's

    def __init__(
        self,
        items: Callable[[], Iterator[Any]],
        count: int = UNKNOWN,
        finish: Callable[[Any], Any] | None = None,
        gather: Callable[[list[Any]], Any] | None = None,
        batched: bool = False,
    ) -> None:
        self._items = items
        self._count = count
        self._finish = finish
        self._gather = gather
        self._batched = batched

    def _elements(self) -> Iterator[Any]:
        items = self._items()
        # `_items` may be row numbers, which shuffle, take and skip move about at no
        # cost; `_finish` makes the element, and `_gather` a whole batch at once.
        return items if self._finish is None else map(self._finish, items)

    def _reordered(self, items: Callable[[], Iterator[Any]], count: int) -> Dataset:
        """The same elements in another order or number."""
        made = self._new(items, count, self._finish, self._gather, self._batched)
        return self._named(made)

    def _changed(
        self, items: Callable[[], Iterator[Any]], count: int, batched: bool = False
    ) -> Dataset:
        """Other elements."""
        return self._named(self._new(items, count, batched=batched))

    def _named(self, made: Dataset) -> Dataset:
        for name in ("class_names", "file_paths"):
            if name in self.__dict__:
                setattr(made, name, getattr(self, name))
        return made
