"""Functions on tensors: `keras.ops`.

Each works on tensors, variables, NumPy arrays, lists and numbers; on symbolic
tensors, where it is recorded as one node of a model; inside a gradient tape; and in
a compiled function. Results are promoted by Keras's rules.
"""

import sys as _sys

from minikeras.engine import operators as _operators
from minikeras.ops import image, linalg, nn, numpy
from minikeras.ops.core import *
from minikeras.ops.linalg import *
from minikeras.ops.math import *
from minikeras.ops.nn import *
from minikeras.ops.numpy import *

_operators.install(_sys.modules[__name__])

_NAMESPACES = (image, linalg, nn, numpy)
# Not by its name: type checkers and the documentation follow the stars.
globals()["__all__"] = [
    name
    for name, value in globals().items()
    if name[0] != "_" and (callable(value) or value in _NAMESPACES)
]


def __dir__() -> list[str]:
    return list(globals()["__all__"])
