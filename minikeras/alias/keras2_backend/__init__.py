"""The functions of Keras 2's backend, `K.sum(x)` and so on, over `minikeras.ops`.

They take what they took there, names and order of arguments included; results are ours.
"""

from minikeras.alias.keras2_backend import (
    layers,
    loop,
    losses,
    maths,
    random,
    shapes,
    symbolic,
    values,
)
from minikeras.alias.keras2_backend.layers import *  # noqa: F403
from minikeras.alias.keras2_backend.loop import *  # noqa: F403
from minikeras.alias.keras2_backend.losses import *  # noqa: F403
from minikeras.alias.keras2_backend.maths import *  # noqa: F403
from minikeras.alias.keras2_backend.random import *  # noqa: F403
from minikeras.alias.keras2_backend.shapes import *  # noqa: F403
from minikeras.alias.keras2_backend.symbolic import *  # noqa: F403
from minikeras.alias.keras2_backend.values import *  # noqa: F403

__all__ = [
    *layers.__all__,
    *loop.__all__,
    *losses.__all__,
    *maths.__all__,
    *random.__all__,
    *shapes.__all__,
    *symbolic.__all__,
    *values.__all__,
]
