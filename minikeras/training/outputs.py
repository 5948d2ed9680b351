"""Lining up what belongs to a model's outputs: losses, metrics, targets, weights.

A model gives one tensor, or lists, tuples and dicts of them, nested at will. What the
user passes for them may be one thing for all, a list in the same order, or a dict by
output name, as deep as the outputs or less. A `Place` is a part of the outputs that
something belongs to: one tensor, or everything under a key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from minikeras.engine import tree
from minikeras.types import ArrayLike, Nested

Path = tuple[Any, ...]
CONTAINERS = (list, tuple, dict)


class UnknownOutput(ValueError, KeyError):
    """A name that no output has: a KeyError to Keras, or a ValueError, by the outputs."""

    __str__ = Exception.__str__  # KeyError's shows its message in quotes


class Place(NamedTuple):
    """A part of the outputs.

    Attributes:
        path: The keys and indices that lead to it.
        label: What it is called in results, `"b/c"`, or None where nothing names it.
        leaf: Whether it is one tensor.
        leaf_is_named: Whether the label names that tensor, and not only a list it is in.
    """

    path: Path
    label: str | None
    leaf: bool
    leaf_is_named: bool

    def of(self, structure: Any) -> Any:
        """This part of something in the structure of the outputs."""
        for key in self.path:
            structure = structure[key]
        return structure


class Outputs:
    """The structure of a model's outputs, with the names of its parts.

    Args:
        y_pred: The outputs, or anything in their structure.
        names: The model's own names of its output tensors, or None.

    Attributes:
        leaves: The places of the tensors, in order.
    """

    def __init__(self, y_pred: Nested[ArrayLike], names: list[str] | None) -> None:
        # Structure alone: to keep the predictions would keep their memory.
        self._shape = tree.map_structure(lambda leaf: None, y_pred)
        paths = list(_leaf_paths(self._shape))
        self.names = list(names) if names and len(names) == len(paths) else None
        self._flat_names: dict[Path, str] = dict(zip(paths, self.names or ()))
        self.leaves = [self.place(path) for path in paths]

    def are_like(self, y_pred: Nested[ArrayLike]) -> bool:
        """Whether `y_pred` has the structure of these outputs."""
        return tree.map_structure(lambda leaf: None, y_pred) == self._shape

    def place(self, path: Path) -> Place:
        """The place at a path. A list's index gives way to the name of its tensor."""
        leaf = not isinstance(self.at(path), CONTAINERS)
        parts = [str(key) for key in path]
        named = leaf
        # A dict's key is a name; a list's index is none, and the tensor's own name
        # stands for it.
        if leaf and not (path and isinstance(self.at(path[:-1]), dict)):
            name = self._flat_names.get(path)
            named = name is not None
            parts = parts[:-1] + ([] if name is None else [name])
        return Place(path, "/".join(parts) or None, leaf, named)

    @property
    def own_names(self) -> list[str | None]:
        """A name for each tensor without a path: a flat dict's keys, or the model's names."""
        shape = self._shape
        if isinstance(shape, dict) and all(
            p.path and len(p.path) == 1 for p in self.leaves
        ):
            return [str(place.path[0]) for place in self.leaves]
        return list(self.names) if self.names else [None] * len(self.leaves)

    def top_names(self) -> list[str]:
        """A dict's keys, else the names of all tensors, as far as they are known."""
        if isinstance(self._shape, dict):
            return [str(key) for key in keys_of(self._shape)]
        return list(self.names or ())

    def described(self) -> str:
        """The names for a message, in brackets; empty where there are none."""
        known = [place.label for place in self.leaves if place.label is not None]
        return f" ({', '.join(known)})" if known else ""

    # --- from what was given to the places

    def assigned(self, given: object, argument: str) -> list[tuple[Place, Any]]:
        """The places that `given` has something for, with it; None and gaps give nothing.

        One thing for all outputs comes back with the place of everything.

        Raises:
            ValueError: If the structures do not fit.
        """
        return [(self.place(p), item) for p, item in self._walk(given, (), argument)]

    def _walk(
        self, given: object, path: Path, argument: str
    ) -> Iterator[tuple[Path, Any]]:
        if given is None:
            return
        if not isinstance(self.at(path), CONTAINERS) or not isinstance(
            given, CONTAINERS
        ):
            yield path, given
            return
        for key, item in self.entries(given, path, argument):
            yield from self._walk(item, key, f"{argument}[{key[-1]!r}]")

    def check(self, given: object, path: Path, argument: str) -> None:
        """Refuses what has names or lengths that do not fit the part at `path`.

        Raises:
            ValueError: If the structures do not fit.
        """
        for _ in self._walk(given, path, argument):
            pass

    def entries(self, given: Any, path: Path, argument: str) -> list[tuple[Path, Any]]:
        """What a dict or list for the part at `path` holds for the parts below.

        Raises:
            ValueError: If its keys or its length do not fit.
        """
        part = self.at(path)
        if isinstance(given, dict):
            keys = self._keys_for_dict(part, path)
            unknown = [k for k in given if k not in keys]
            if unknown:
                raise UnknownOutput(
                    f"{argument} has keys {sorted(map(str, given))}; expected the outputs' "
                    f"names {[str(k) for k in keys]}."
                )
            return [(keys[k], item) for k, item in given.items()]
        below = keys_of(part)
        if len(given) != len(below):
            raise ValueError(
                f"{argument} has {len(given)} entries for a model with {len(below)} "
                f"outputs{self.described()}; expected one for each."
                if not path
                else f"{argument} has {len(given)} entries for {len(below)} outputs; "
                "expected one for each."
            )
        return [((*path, key), item) for key, item in zip(below, given)]

    def _keys_for_dict(self, part: object, path: Path) -> dict[Any, Path]:
        if isinstance(part, dict):
            return {key: (*path, key) for key in keys_of(part)}
        # By the names of the tensors, wherever they are in the lists below.
        return {
            name: p for p, name in self._flat_names.items() if p[: len(path)] == path
        }

    # --- from a place to what was given for it

    def pick(
        self, value: object, place: Place, argument: str, spread: bool = False
    ) -> Any:
        """What `value` holds for a place; None where it holds nothing.

        Args:
            value: A leaf, or lists, tuples and dicts of leaves.
            place: The part of the outputs.
            argument: What `value` is, for messages.
            spread: Whether one leaf stands for all tensors below it.

        Raises:
            ValueError: If the structures do not fit.
        """
        value = self.part(value, (), place.path, argument, spread)
        return single(value, argument, place.label) if place.leaf else value

    def part(
        self, value: object, start: Path, path: Path, argument: str, spread: bool
    ) -> Any:
        """What `value`, which is of the part at `start`, holds for the one at `path`."""
        for depth in range(len(start), len(path)):
            above = path[:depth]
            if not isinstance(value, CONTAINERS):
                return self._whole(value, above, argument, spread)
            entries = dict(self.entries(value, above, argument))
            # A dict of tensor names for outputs that are lists: names reach over all
            # levels below.
            if isinstance(value, dict) and not isinstance(self.at(above), dict):
                below = {p: v for p, v in entries.items() if p[: len(path)] == path}
                named = {self._flat_names[p]: v for p, v in below.items()}
                return entries.get(path, named or None)
            value = entries.get(path[: depth + 1])
            argument = f"{argument}[{path[depth]!r}]"
        return value

    def _whole(self, value: object, path: Path, argument: str, spread: bool) -> Any:
        count = sum(1 for place in self.leaves if place.path[: len(path)] == path)
        # One sample weight serves all outputs (`spread`); one target cannot.
        if value is None or spread or count == 1:
            return value
        raise ValueError(
            f"{argument} is one {type(value).__name__} for a model with {count} outputs; "
            f"expected a list or dict with an entry for each{self.described()}."
        )

    def at(self, path: Path) -> Any:
        """The structure of a part; None for one tensor."""
        part = self._shape
        for key in path:
            part = part[key]
        return part


def single(value: object, argument: str, name: str | None) -> Any:
    """The entry of one output; `[entry]` and `{name: entry}` are fine too."""
    while isinstance(value, CONTAINERS):
        parts = list(value.values()) if isinstance(value, dict) else list(value)
        if len(parts) != 1:
            shown = (
                f" (keys {sorted(map(str, value))})" if isinstance(value, dict) else ""
            )
            named = "" if name is None else f" ({name})"
            raise ValueError(
                f"{argument} has {len(parts)} entries{shown} for a model with one output"
                f"{named}; expected one."
            )
        value = parts[0]
    return value


def keys_of(part: Any) -> list[Any]:
    """The keys of a part in the order of its leaves."""
    if not isinstance(part, dict):
        return list(range(len(part)))
    try:
        # As `tree` flattens dicts: by sorted key.
        return sorted(part)
    except TypeError:
        return list(part)


def _leaf_paths(part: object, path: Path = ()) -> Iterator[Path]:
    if not isinstance(part, CONTAINERS):
        yield path
        return
    for key in keys_of(part):
        yield from _leaf_paths(part[key], (*path, key))
