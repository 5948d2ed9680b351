"""The order in which earlier versions of Keras 3 stored what an optimizer keeps.

Today: step and learning rate, averages of weights, sums of gradients (where several steps
are taken together), slots, and Nadam's product of decays. Until 3.5 the sums came last;
until 3.10 the product came right after the learning rate.
"""

from __future__ import annotations

from minikeras.saving.dialects.version import Version

_COUNTERS = 2


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
    if len(own) != len(shapes) or len(own) <= _COUNTERS:
        return None
    today = list(range(len(own)))
    ids = {id(v) for v in getattr(optimizer, "_accumulated_gradients", ())}
    sums = [i for i in today if id(variables[i]) in ids]
    product = [i for i in today if variables[i] is getattr(optimizer, "_u_product", 0)]
    if not sums and not product:
        return None
    for since, order in (
        ((3, 11), today),
        ((3, 6), _moved(today, product, first=True)),
        ((3, 0), _moved(_moved(today, sums, first=False), product, first=True)),
    ):
        fits = [own[i] for i in order] == shapes
        if fits and (version is None or version >= since):
            return None if order == today else [order.index(i) for i in today]
    return None


def _moved(order: list[int], some: list[int], first: bool) -> list[int]:
    """The order with some elsewhere: after the counters, or at the end."""
    rest = [i for i in order if i not in some]
    if first:
        return rest[:_COUNTERS] + some + rest[_COUNTERS:]
    return rest + some
