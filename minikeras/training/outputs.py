"""Lining up what belongs to a model's outputs: losses, metrics, targets, weights.

A model gives one tensor, or lists, tuples and dicts of them. What the user passes
for them may be one thing for all, a list in the same order, or a dict by output
name. `align` turns it into one entry for each tensor.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine import tree


def output_names(y_pred: Any, names: list[str] | None) -> list[str | None]:
    """A name for each output tensor: a dict's keys, the model's own names, or None."""
    leaves = tree.flatten(y_pred)
    if isinstance(y_pred, dict):
        return [
            name
            for key in sorted(y_pred)
            for name in _names_under(y_pred[key], str(key))
        ]
    if names is not None and len(names) == len(leaves):
        return list(names)
    return [None] * len(leaves)


def _names_under(part: Any, prefix: str) -> list[str]:
    count = len(tree.flatten(part))
    return [prefix] if count == 1 else [f"{prefix}_{i}" for i in range(count)]


def align(
    value: Any,
    y_pred: Any,
    names: list[str | None],
    argument: str,
    spread: bool = False,
    partial: bool = False,
) -> list[Any]:
    """One entry of `value` for each tensor of `y_pred`.

    Args:
        value: A leaf, or lists, tuples and dicts of leaves.
        y_pred: The model's outputs (or anything in their structure).
        names: Their names, from `output_names`.
        argument: What `value` is, for messages.
        spread: Whether a leaf stands for every output.
        partial: Whether a dict may leave out outputs, which then get None.

    Raises:
        ValueError: If the structures do not fit.
    """
    if value is None:
        return [None] * len(names)
    if not isinstance(y_pred, (list, tuple, dict)):
        return [_single(value, names[0], argument)]
    if isinstance(value, dict):
        return _by_name(value, y_pred, names, argument, spread, partial)
    if isinstance(value, (list, tuple)):
        return _by_order(value, y_pred, names, argument, spread, partial)
    if spread or len(names) == 1:
        return [value] * len(names)
    raise ValueError(
        f"{argument} is one {type(value).__name__} for a model with {len(names)} outputs; "
        f"expected a list or dict with an entry for each{_named(names)}."
    )


def _single(value: Any, name: str | None, argument: str) -> Any:
    """The entry of a model with one output; `[entry]` and `{name: entry}` are fine too."""
    while isinstance(value, (list, tuple, dict)):
        parts = list(value.values()) if isinstance(value, dict) else list(value)
        if len(parts) != 1:
            shown = f" (keys {sorted(value)})" if isinstance(value, dict) else ""
            raise ValueError(
                f"{argument} has {len(parts)} entries{shown} for a model with one output"
                f"{_named([name])}; expected one."
            )
        value = parts[0]
    return value


def _by_name(
    value: dict[Any, Any],
    y_pred: Any,
    names: list[str | None],
    argument: str,
    spread: bool,
    partial: bool,
) -> list[Any]:
    keys = sorted(y_pred) if isinstance(y_pred, dict) else names
    unknown = [k for k in value if k not in keys]
    missing = [] if partial else [k for k in keys if k not in value]
    if unknown or missing:
        raise ValueError(
            f"{argument} has keys {sorted(map(str, value))}; expected the outputs' names "
            f"{[str(k) for k in keys]}."
        )
    if not isinstance(y_pred, dict):
        return [value.get(str(name)) for name in names]
    entries: list[Any] = []
    for key in keys:
        part = y_pred[key]
        count = len(tree.flatten(part))
        under = names[len(entries) : len(entries) + count]
        entries += align(
            value.get(key), part, under, f"{argument}[{key!r}]", spread, partial
        )
    return entries


def _by_order(
    value: Any,
    y_pred: Any,
    names: list[str | None],
    argument: str,
    spread: bool,
    partial: bool,
) -> list[Any]:
    parts = (
        [y_pred[k] for k in sorted(y_pred)]
        if isinstance(y_pred, dict)
        else list(y_pred)
    )
    if len(value) != len(parts):
        raise ValueError(
            f"{argument} has {len(value)} entries for a model with {len(parts)} outputs"
            f"{_named(names)}; expected one for each."
        )
    entries: list[Any] = []
    for i, (item, part) in enumerate(zip(value, parts)):
        count = len(tree.flatten(part))
        under = names[len(entries) : len(entries) + count]
        entries += align(item, part, under, f"{argument}[{i}]", spread, partial)
    return entries


def _named(names: list[str | None]) -> str:
    known = [n for n in names if n is not None]
    return f" ({', '.join(known)})" if known else ""
