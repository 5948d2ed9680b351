"""Rows: how each primitive is written in ONNX. A primitive without one is not exported."""

from minikeras.export.rows.contract import ROWS as _CONTRACT
from minikeras.export.rows.control import ROWS as _CONTROL
from minikeras.export.rows.elementwise import ROWS as _ELEMENTWISE
from minikeras.export.rows.index import ROWS as _INDEX
from minikeras.export.rows.movement import ROWS as _MOVEMENT
from minikeras.export.rows.recurrent import ROWS as _RECURRENT
from minikeras.export.rows.reduce import ROWS as _REDUCE
from minikeras.export.rows.spectral import ROWS as _SPECTRAL
from minikeras.export.writer import Row

ROWS: dict[str, Row] = {
    **_ELEMENTWISE,
    **_MOVEMENT,
    **_CONTRACT,
    **_REDUCE,
    **_INDEX,
    **_RECURRENT,
    **_CONTROL,
    **_SPECTRAL,
}

__all__ = ["ROWS"]
