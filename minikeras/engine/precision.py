"""How exact products of float32 are, where a machine has a faster way.

Tensor cores of NVIDIA's GPUs multiply float32 with operands rounded to TF32, 10 bits of
fraction in place of 23, and sum in float32. Backends on processors always multiply
exactly rounded float32.
"""

from __future__ import annotations

import os

PRECISIONS = ("highest", "high")

_chosen: str | None = None


def matmul_precision() -> str:
    """`"highest"`, or `"high"` where rounded operands are allowed."""
    global _chosen
    if _chosen is None:
        _chosen = "high" if os.environ.get("MINIKERAS_TF32") == "1" else "highest"
    return _chosen


def set_matmul_precision(precision: str) -> None:
    """Choose; programs are compiled anew for another choice."""
    global _chosen
    if precision not in PRECISIONS:
        raise ValueError(
            f"set_matmul_precision: got {precision!r}; expected 'highest' (float32 products "
            "are exact) or 'high' (their operands may be rounded to TF32)."
        )
    _chosen = precision
