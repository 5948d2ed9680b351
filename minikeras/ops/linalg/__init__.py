"""Linear algebra: `keras.ops.linalg`, the same functions as in `keras.ops`."""

from minikeras.ops.linalg.decompositions import *
from minikeras.ops.linalg.directional import *
from minikeras.ops.linalg.norms import *
from minikeras.ops.linalg.systems import *

# Not by its name: type checkers and the documentation follow the stars.
globals()["__all__"] = [n for n, f in globals().items() if callable(f) and n[0] != "_"]


def __dir__() -> list[str]:
    return list(globals()["__all__"])
