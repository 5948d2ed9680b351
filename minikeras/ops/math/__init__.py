"""Mathematics that NumPy has not: spectra, segments, special functions.

Their public names are in `keras.ops`.
"""

from minikeras.ops.math.distances import *
from minikeras.ops.math.framing import *
from minikeras.ops.math.logarithms import *
from minikeras.ops.math.pairs import *
from minikeras.ops.math.ranking import *
from minikeras.ops.math.segments import *
from minikeras.ops.math.special import *
from minikeras.ops.math.spectral import *

# Not by its name: type checkers and the documentation follow the stars.
globals()["__all__"] = [n for n, f in globals().items() if callable(f) and n[0] != "_"]
