"""The order in which earlier versions of Keras 3 stored what an optimizer keeps.

Today: step and learning rate (unless that is a schedule), averages of weights, sums of
gradients (where several steps are taken together), slots, and Nadam's product of decays.
Until 3.10 the averages and sums stood in pairs, one of each for every weight, and the
product came right after them. (Measured with 3.0.5, 3.1.1, 3.3.3, 3.5, 3.6, 3.7, 3.9.2,
3.11.3, 3.13.2 and 3.15.1.)
"""

from __future__ import annotations

from typing import Any

from minikeras.saving.dialects.version import Version

_TODAY_SINCE = (3, 11)


def todays_order(
    optimizer: object, shapes: list[tuple[int, ...]], version: Version | None
) -> list[int] | None:
    """Where each of the optimizer's variables stands among stored arrays.

    Args:
        optimizer: A built optimizer.
        shapes: The shapes of the arrays, in the file's order.
        version: Who wrote them; None if the file does not say.

    Returns:
        Places of arrays, in today's order; None where the file has that already, or where
        no version has written such an order.
    """
    variables = list(getattr(optimizer, "variables", ()))
    own = [tuple(v.shape) for v in variables]
    if len(own) != len(shapes):
        return None
    today = list(range(len(own)))
    counters, averages, sums, product = (
        _places(variables, [getattr(optimizer, name, None) for name in names])
        for names in (("_iterations", "_learning_rate"), ("_model_variables_moving_average",),
                      ("_accumulated_gradients",), ("_u_product",))
    )  # fmt: skip
    if averages and sums and len(averages) != len(sums):
        return None
    pairs = [i for pair in zip(averages, sums) for i in pair]
    early = counters + (pairs or averages + sums) + product
    order = early + [i for i in today if i not in set(early)]
    for since, found in ((_TODAY_SINCE, today), ((3, 0), order)):
        fits = [own[i] for i in found] == shapes
        if fits and (version is None or version >= since):
            return None if found == today else [found.index(i) for i in today]
    return None


def _places(variables: list[Any], some: list[Any]) -> list[int]:
    """Where these variables stand, in their own order."""
    place = {id(v): i for i, v in enumerate(variables)}
    flat = [v for part in some for v in (part if isinstance(part, list) else [part])]
    return [place[id(v)] for v in flat if id(v) in place]
