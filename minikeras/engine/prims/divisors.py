"""Greatest common divisors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikeras.engine.primitive import Facets, primitive
from minikeras.engine.prims.create import const
from minikeras.engine.prims.elementwise import abs_, eq, maximum, minimum, mod, select
from minikeras.engine.prims.helpers import binary

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def _by_euclid(a: Tensor, b: Tensor) -> Tensor:
    """Euclid's steps, of which 1.44 times as many as there are bits do (Lame)."""
    a, b = abs_(a), abs_(b)
    zero = const(a, 0)
    a, b = maximum(a, b), minimum(a, b)
    for _ in range(int(1.45 * int(a.dtype.lstrip("uint"))) + 1):
        done = eq(b, zero)
        rest = mod(a, select(done, const(b, 1), b))
        a, b = select(done, a, b), select(done, zero, rest)
    return a


gcd = primitive(
    "gcd",
    kind="elementwise",
    infer=binary("gcd", "integer", None),
    vjp=None,
    facets=Facets(),
    composition=_by_euclid,
)
