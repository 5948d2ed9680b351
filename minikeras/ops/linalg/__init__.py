"""Linear algebra: `keras.ops.linalg`, the same functions as in `keras.ops`."""

from typing import TYPE_CHECKING

from minikeras.ops.linalg.decompositions import *
from minikeras.ops.linalg.directional import *
from minikeras.ops.linalg.norms import *
from minikeras.ops.linalg.systems import *

if not TYPE_CHECKING:  # type checkers follow the stars
    __all__ = [n for n, f in globals().items() if callable(f) and n[0] != "_"]

    def __dir__() -> list[str]:
        return __all__
