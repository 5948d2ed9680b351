"""Operators: what each ONNX operator is in our functions.

`OPERATORS` maps a name to a function of the call and its inputs. `CLAIMED` are the names
for which all of ONNX's own node tests pass, but for what no graph of inference over arrays
has: training modes, sequences, texts, and numbers of 8 and fewer bits with a point.
"""

from minikeras.models.onnx_import.operators.control import OPERATORS as _CONTROL
from minikeras.models.onnx_import.operators.elementwise import OPERATORS as _ELEMENTWISE
from minikeras.models.onnx_import.operators.indexing import OPERATORS as _INDEXING
from minikeras.models.onnx_import.operators.normalizing import OPERATORS as _NORMALIZING
from minikeras.models.onnx_import.operators.recurrent import OPERATORS as _RECURRENT
from minikeras.models.onnx_import.operators.reducing import OPERATORS as _REDUCING
from minikeras.models.onnx_import.operators.resizing import OPERATORS as _RESIZING
from minikeras.models.onnx_import.operators.shaping import OPERATORS as _SHAPING
from minikeras.models.onnx_import.operators.windows import OPERATORS as _WINDOWS
from minikeras.models.onnx_import.values import Operator

OPERATORS: dict[str, Operator] = {
    **_ELEMENTWISE,
    **_SHAPING,
    **_INDEXING,
    **_REDUCING,
    **_WINDOWS,
    **_NORMALIZING,
    **_RESIZING,
    **_RECURRENT,
    **_CONTROL,
}
CLAIMED = tuple(sorted(OPERATORS))

__all__ = ["CLAIMED", "OPERATORS"]
