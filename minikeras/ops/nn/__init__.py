"""Functions of neural networks: `keras.ops.nn`."""

from typing import TYPE_CHECKING

from minikeras.ops.nn.activation import *
from minikeras.ops.nn.attention import *
from minikeras.ops.nn.blocks import *
from minikeras.ops.nn.convolution import *
from minikeras.ops.nn.crossentropy import *
from minikeras.ops.nn.ctc import *
from minikeras.ops.nn.ctc_decode import *
from minikeras.ops.nn.normalization import *
from minikeras.ops.nn.patches import *
from minikeras.ops.nn.pooling import *
from minikeras.ops.nn.rectifiers import *
from minikeras.ops.nn.signals import *
from minikeras.ops.nn.softmax import *

if not TYPE_CHECKING:  # type checkers follow the stars
    __all__ = [n for n, f in globals().items() if callable(f) and n[0] != "_"]

    def __dir__() -> list[str]:
        return __all__
