"""The kernel table of a namespace: every row's reference kernel.

`build_table(numpy)` is the NumPy backend's own; a backend whose array library has
NumPy's interface builds its table with its namespace and replaces what it can do
better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras_numpy import (
    banded,
    collective,
    composed,
    contract,
    conv,
    elementwise,
    index,
    linalg,
    movement,
    pooling,
    random,
    recurrent,
    reduce,
)
from minikeras_numpy.common import Kernel


def build_table(
    xp: Any, product: Callable[[Kernel], Kernel] | None = None
) -> dict[str, Kernel]:
    """Kernels by row name: `kernel(*arrays, **static) -> array`.

    Args:
        xp: The namespace of arrays.
        product: What makes of a kernel that multiplies matrices the one to be called.
    """
    products = {
        **contract.table(xp),
        **conv.table(xp),
        **linalg.table(xp),
        **recurrent.table(xp),
    }
    if product is not None:
        products = {name: product(kernel) for name, kernel in products.items()}
    return {
        **elementwise.table(xp),
        **reduce.table(xp),
        **movement.table(xp),
        **pooling.table(xp),
        **index.table(xp),
        **banded.table(xp),
        **random.table(xp),
        **composed.table(xp),
        **products,
        **collective.table(xp),
    }
