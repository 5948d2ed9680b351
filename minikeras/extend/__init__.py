"""What the author of an op or of a backend may import: nothing else is needed."""

from minikeras.engine import prims  # also fills the table of rows
from minikeras.engine.aval import Aval, Shape, ShapeError, broadcast_shapes
from minikeras.engine.backend import (
    Backend,
    BackendError,
    Loop,
    OutOfMemory,
)
from minikeras.engine.casting import clips, convert, fits, limits, saturated
from minikeras.engine.dtypes import is_float, is_integer, itemsize, numpy_dtype
from minikeras.engine.forking import finish_before_fork, pause, settle_at_fork
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.living import Living
from minikeras.engine.passes.plan import Numbers, plan
from minikeras.engine.precision import matmul_precision
from minikeras.engine.primitive import PRIMITIVES, Primitive, lookup, primitive
from minikeras.engine.prims.banded import Band
from minikeras.engine.quiet import is_quiet, quietly
from minikeras.engine.ranks import Communicator, communicator
from minikeras.engine.step import Fill, FunctionStep, Step, as_fill
from minikeras.engine.user_rows import UserKernel, UserRow
from minikeras.extend.op import KernelError, Op, op

__all__ = [
    "Living",
    "PRIMITIVES",
    "Aval",
    "Backend",
    "Band",
    "BackendError",
    "Communicator",
    "Fill",
    "FunctionStep",
    "Graph",
    "KernelError",
    "Loop",
    "Node",
    "Numbers",
    "Op",
    "OutOfMemory",
    "Primitive",
    "Shape",
    "ShapeError",
    "Step",
    "UserKernel",
    "UserRow",
    "Value",
    "as_fill",
    "broadcast_shapes",
    "clips",
    "communicator",
    "convert",
    "finish_before_fork",
    "fits",
    "is_float",
    "is_integer",
    "is_quiet",
    "itemsize",
    "limits",
    "lookup",
    "matmul_precision",
    "numpy_dtype",
    "op",
    "plan",
    "primitive",
    "quietly",
    "saturated",
    "pause",
    "prims",
    "settle_at_fork",
]
