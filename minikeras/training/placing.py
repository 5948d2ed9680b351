"""Which loss is of which part of the outputs, and with what weight.

A list of losses is read in one of two ways. If it lines up with its part of the outputs,
each entry is of the part in the same place. If it does not, as `[whole, (one, other)]` for
the outputs `(a, b)`, each entry is of the whole part: `whole` sees both outputs, `one` and
`other` see theirs, and all are added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikeras.losses import Loss
from minikeras.training.outputs import (
    CONTAINERS,
    Outputs,
    Path,
    Place,
    UnknownOutput,
    keys_of,
    single,
)

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


_LOSS, _WEIGHTS = "compile: loss", "compile: loss_weights"
Found = list[tuple[Place, Loss, Any]]


def line_up(outputs: Outputs, losses: Loss, weights: Any) -> Found:
    """The places that have losses, with loss and weight, in the order of the outputs.

    Raises:
        ValueError: If a structure does not fit.
    """
    found: Found
    if isinstance(losses, CONTAINERS) or losses is None:
        found = _walk(outputs, (), losses, weights, _LOSS)
    else:  # one loss for all outputs is one for each
        outputs.check(weights, (), _WEIGHTS)
        found = []
        for leaf in outputs.leaves:
            weight = outputs.part(weights, (), leaf.path, _WEIGHTS, spread=True)
            found.append((leaf, losses, _one_weight(weight, leaf, losses)))
    # Logs and totals come in the order of the outputs, however losses were given: a sum
    # in another order has other bits.
    order = [leaf.path for leaf in outputs.leaves]

    def first(entry: tuple[Place, Loss, Any]) -> int:
        here = entry[0].path
        return next(i for i, path in enumerate(order) if path[: len(here)] == here)

    return sorted(found, key=first)


def _walk(
    outputs: Outputs, path: Path, losses: Any, weights: Sequence[ArrayLike], name: str
) -> Found:
    """The losses of the part at `path`; `weights` are of that part as well."""
    if losses is None:
        outputs.check(weights, path, _WEIGHTS)
        return []
    place = outputs.place(path)
    if not isinstance(losses, CONTAINERS):
        return [(place, losses, _one_weight(weights, place, losses))]
    if _are_several(outputs, path, losses):
        return _several(outputs, path, losses, weights, name)
    if place.leaf:  # [loss] or {name: loss}
        if isinstance(losses, dict) and place.label not in (None, *losses):
            raise UnknownOutput(
                f"{name} has keys {sorted(map(str, losses))}; expected the output's name "
                f"{place.label!r}."
            )
        one = single(losses, name, place.label)
        return _walk(outputs, path, one, weights, name)
    found: Found = []
    seen: list[Path] = []
    for below, item in outputs.entries(losses, path, name):
        weight = outputs.part(weights, path, below, _WEIGHTS, spread=True)
        found += _walk(outputs, below, item, weight, f"{name}[{below[-1]!r}]")
        seen.append(below)
    if isinstance(weights, CONTAINERS):
        for below, item in outputs.entries(weights, path, _WEIGHTS):
            if not any(below[: len(other)] == other for other in seen):
                outputs.check(item, below, _WEIGHTS)
    return found


def _are_several(outputs: Outputs, path: Path, losses: Any) -> bool:
    """Whether a list has losses of the whole part, and not one for each output in it."""
    if isinstance(losses, dict):
        return False
    part = outputs.at(path)
    if not isinstance(part, CONTAINERS):
        return len(losses) > 1
    if len(losses) != len(part):
        return any(isinstance(item, CONTAINERS) for item in losses)
    # A list as long as the part may mean either; where it fits the structure it is one
    # each.
    return type(losses) is not type(part) and not _fits(losses, part)


def _fits(losses: object, part: object) -> bool:
    """Whether losses are nested as the outputs are, or less deep."""
    if not isinstance(losses, CONTAINERS):
        return True
    if not isinstance(part, CONTAINERS):
        return len(losses) == 1 and not isinstance(losses, dict)
    if isinstance(losses, dict):
        return not isinstance(part, dict) or all(
            key in part and _fits(item, part[key]) for key, item in losses.items()
        )
    below = [part[key] for key in keys_of(part)]
    return len(losses) == len(below) and all(map(_fits, losses, below))


def _several(
    outputs: Outputs, path: Path, losses: Any, weights: Sequence[ArrayLike], name: str
) -> Found:
    if not isinstance(weights, (list, tuple)):
        weights = [weights] * len(losses)
    if len(weights) != len(losses):
        raise ValueError(
            f"{_WEIGHTS} has {len(weights)} entries for {len(losses)} losses of one part "
            "of the outputs; expected as many."
        )
    found: Found = []
    for i, (loss, weight) in enumerate(zip(losses, weights)):
        found += _walk(outputs, path, loss, weight, f"{name}[{i}]")
    return found


def _one_weight(weight: object, place: Place, loss: Loss) -> Any:
    if place.leaf:
        return single(weight, _WEIGHTS, place.label)
    if isinstance(weight, CONTAINERS):
        raise ValueError(
            f"{_WEIGHTS} has several entries for {place.label or 'all outputs'}, which has "
            f"the one loss {loss.name!r}; expected one number."
        )
    return weight
