"""The Numba backend: NumPy's kernels, and generated machine code where that wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minikeras_numpy import NumpyBackend

from minikeras.extend import Node, Step, Value
from minikeras_numba import conv, conv_grad, matmul, pooling
from minikeras_numba.eager import lowered_kernels
from minikeras_numba.epilogue import CORES, lower_epilogue
from minikeras_numba.fused import fusible, lower_fused
from minikeras_numba.pool import Registers
from minikeras_numba.rowwise import ROWWISE, lower_rowwise

Lower = Callable[[Node, Mapping[Value, int]], Callable[[Any], None] | None]

LOWERINGS: dict[str, Lower] = {
    "fused": lower_fused,
    "epilogue": lower_epilogue,
    "matmul": matmul.lower_matmul,
    "conv": conv.lower_conv,
    "conv_input_grad": conv_grad.lower_conv_input_grad,
    "conv_filter_grad": conv_grad.lower_conv_filter_grad,
    **dict.fromkeys(ROWWISE, lower_rowwise),
    **dict.fromkeys(
        ("max_pool", "max_pool_grad", "max_pool_gather", "sum_pool", "sum_pool_grad"),
        pooling.lower_pool,
    ),
}
_SINGLE_KINDS = ("elementwise", "reduce", "create", "random")


class NumbaBackend(NumpyBackend):
    """Lowers nodes to kernels; what has none runs as on NumPy."""

    name = "numba"

    def __init__(self) -> None:
        super().__init__()
        self.kernels = {**self.kernels, **lowered_kernels(self.kernels, LOWERINGS)}

    def registers(self, count: int) -> Registers:
        return Registers(count)

    def fusible(self, node: Node) -> bool:
        return fusible(node)

    def has_epilogues(self, node: Node) -> bool:
        return node.prim.name in CORES and node.inputs[0].aval.dtype in (
            "float32",
            "float64",
        )

    def lower(self, node: Node, regs: Mapping[Value, int]) -> Step:
        lowering = LOWERINGS.get(node.prim.name)
        step = None
        if lowering is not None:
            step = lowering(node, regs)
        elif node.prim.kind in _SINGLE_KINDS and fusible(node):
            step = lower_fused(node, regs)
        return super().lower(node, regs) if step is None else step
