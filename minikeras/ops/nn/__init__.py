"""Functions of neural networks: `keras.ops.nn`."""

from minikeras.ops.nn.activation import *
from minikeras.ops.nn.attention import *
from minikeras.ops.nn.blocks import *
from minikeras.ops.nn.convolution import *
from minikeras.ops.nn.crossentropy import *
from minikeras.ops.nn.ctc import *
from minikeras.ops.nn.ctc_decoding import *
from minikeras.ops.nn.normalization import *
from minikeras.ops.nn.patches import *
from minikeras.ops.nn.pooling import *
from minikeras.ops.nn.probabilities import *
from minikeras.ops.nn.rectifiers import *
from minikeras.ops.nn.signals import *

# Not by its name: type checkers and the documentation follow the stars.
globals()["__all__"] = [n for n, f in globals().items() if callable(f) and n[0] != "_"]


def __dir__() -> list[str]:
    return list(globals()["__all__"])
