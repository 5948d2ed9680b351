"""What ops are about: conversion, control flow, writing at positions.

Their public names are in `keras.ops`.
"""

from minikeras.ops.core.control import *
from minikeras.ops.core.conversion import *
from minikeras.ops.core.rearranging import *
from minikeras.ops.core.scattering import *
from minikeras.ops.core.slicing import *
from minikeras.ops.core.sweeps import *

# Not by its name: type checkers and the documentation follow the stars.
globals()["__all__"] = [n for n, f in globals().items() if callable(f) and n[0] != "_"]
