"""What ops are about: conversion, control flow, writing at positions.

Their public names are in `keras.ops`.
"""

from typing import TYPE_CHECKING

from minikeras.ops.core.control import *
from minikeras.ops.core.conversion import *
from minikeras.ops.core.rearranging import *
from minikeras.ops.core.scattering import *
from minikeras.ops.core.slicing import *
from minikeras.ops.core.sweeps import *

if not TYPE_CHECKING:  # type checkers follow the stars
    __all__ = [n for n, f in globals().items() if callable(f) and n[0] != "_"]
