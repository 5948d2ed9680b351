"""Reduction over ranks: what all processes have, added up or averaged.

`all_reduce(*arrays; means)` gives for each array its sum over the ranks, or its mean. It
cannot be composed: no other row leaves the process. Every rank runs the same graph, so
the reductions meet. As a map on the values of all ranks it is symmetric, so its gradient
is itself. The active communicator does the work (`engine/ranks.py`); alone it copies.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.dtypes import is_float
from minikeras.engine.primitive import Context, Facets, primitive


def _infer(*avals: Aval, means: tuple[bool, ...]) -> tuple[Aval, ...]:
    if len(means) != len(avals):
        raise ShapeError(
            f"all_reduce: {len(means)} entries of `means` for {len(avals)} arrays; expected "
            "one for each."
        )
    for aval, mean in zip(avals, means, strict=True):
        if aval.dtype == "bool" or (mean and not is_float(aval.dtype)):
            what = "means are of floats" if mean else "sums are of numbers"
            raise ShapeError(f"all_reduce: got {aval}; {what}. Cast it first.")
    return tuple(avals)


def _vjp(context: Context, *gs: Any) -> list[Any]:
    """The same reduction of what came back; nothing where nothing came, on every rank."""
    came = [i for i, g in enumerate(gs) if g is not None]
    means = tuple(context.static["means"][i] for i in came)
    back = dict(zip(came, all_reduce(*[gs[i] for i in came], means=means), strict=True))
    return [back.get(i) for i in range(len(gs))]


all_reduce = primitive(
    "all_reduce",
    kind="control",
    infer=_infer,
    vjp=_vjp,
    multi=True,
    facets=Facets(collective=True, may_raise=True),
)
