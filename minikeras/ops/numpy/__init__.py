"""Functions that NumPy has too: `keras.ops.numpy`."""

from minikeras.ops.numpy.arithmetic import *
from minikeras.ops.numpy.arrays import *
from minikeras.ops.numpy.bits import *
from minikeras.ops.numpy.bounds import *
from minikeras.ops.numpy.choosing import *
from minikeras.ops.numpy.comparison import *
from minikeras.ops.numpy.complex import *
from minikeras.ops.numpy.correlation import *
from minikeras.ops.numpy.creation import *
from minikeras.ops.numpy.determinants import *
from minikeras.ops.numpy.diagonals import *
from minikeras.ops.numpy.differences import *
from minikeras.ops.numpy.distinct import *
from minikeras.ops.numpy.einstein import *
from minikeras.ops.numpy.exponential import *
from minikeras.ops.numpy.indexing import *
from minikeras.ops.numpy.joining import *
from minikeras.ops.numpy.moving import *
from minikeras.ops.numpy.nan_reductions import *
from minikeras.ops.numpy.padding import *
from minikeras.ops.numpy.products import *
from minikeras.ops.numpy.quantiles import *
from minikeras.ops.numpy.reductions import *
from minikeras.ops.numpy.rounding import *
from minikeras.ops.numpy.scans import *
from minikeras.ops.numpy.sequences import *
from minikeras.ops.numpy.shaping import *
from minikeras.ops.numpy.sorting import *
from minikeras.ops.numpy.trigonometric import *
from minikeras.ops.numpy.vectorizing import *
from minikeras.ops.numpy.window_functions import *

# Not by its name: type checkers and the documentation follow the stars.
globals()["__all__"] = [n for n, f in globals().items() if callable(f) and n[0] != "_"]


def __dir__() -> list[str]:
    return list(globals()["__all__"])
