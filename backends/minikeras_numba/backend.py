"""The Numba backend: NumPy's kernels, and generated machine code where that wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from llvmlite import binding as llvm
from minikeras_kernels.moves import MOVES
from minikeras_kernels.rowwise import ROWWISE
from minikeras_numpy import NumpyBackend

from minikeras.extend import (
    Aval,
    FunctionStep,
    Loop,
    Node,
    Step,
    UserRow,
    Value,
    prims,
)
from minikeras_numba.eager import Large, LoweredKernel, lowered_kernels
from minikeras_numba.fusion.fused import fusible, lower_fused
from minikeras_numba.machine import jit, team
from minikeras_numba.machine.addresses import address_of
from minikeras_numba.machine.ahead import begin, together
from minikeras_numba.machine.team import Registers, get_threads
from minikeras_numba.pools import lowering as pooling
from minikeras_numba.products import conv, conv_grad, matmul
from minikeras_numba.products.epilogue import lower_epilogue, serves_epilogue
from minikeras_numba.rows.along import ALONG, lower_along
from minikeras_numba.rows.argreduce import ARGREDUCE, lower_argreduce
from minikeras_numba.rows.banded import lower_banded
from minikeras_numba.rows.fourier import lower_fourier
from minikeras_numba.rows.gather import lower_gather
from minikeras_numba.rows.moving import copying, lower_moving
from minikeras_numba.rows.ranking import (
    lower_searchsorted,
    lower_top_k,
    numpys_searchsorted,
    sorted_top_k,
)
from minikeras_numba.rows.resample import lower_resample
from minikeras_numba.rows.rowwise import lower_rowwise, serves_rowwise
from minikeras_numba.rows.scans import SCANS, lower_scan
from minikeras_numba.rows.scatter import (
    lower_scatter,
    lower_segments,
    numpys_segments,
)
from minikeras_numba.rows.stacked_eigh import lower_eigh
from minikeras_numba.rows.stacked_qr import lower_qr
from minikeras_numba.rows.stacked_svd import lower_svd
from minikeras_numba.rows.stacked_systems import (
    lower_cholesky,
    lower_lu,
    lower_system,
)
from minikeras_numba.sequences import recurrent
from minikeras_numba.sequences.chain import is_native, kernel_calls, lower_chain
from minikeras_numba.sequences.loops import lower_loop
from minikeras_numba.tiles.scratch import preparing
from minikeras_numba.user.eager import EagerCalls
from minikeras_numba.user.lowering import lower_user, usable

Lower = Callable[[Node, Mapping[Value, int]], Step | None]

LOWERINGS: dict[str, Lower] = {
    "fused": lower_fused,
    "epilogue": lower_epilogue,
    "matmul": matmul.lower_matmul,
    "conv": conv.lower_conv,
    "conv_input_grad": conv_grad.lower_conv_input_grad,
    "conv_filter_grad": conv_grad.lower_conv_filter_grad,
    **dict.fromkeys(ROWWISE, lower_rowwise),
    **dict.fromkeys(pooling.KINDS, pooling.lower_pool),
    "take": lower_gather,
    "scatter_add_axis": lower_scatter,
    "segment_combine": lower_segments,
    "lu": lower_lu,
    "cholesky": lower_cholesky,
    "qr": lower_qr,
    "eigh": lower_eigh,
    "svd": lower_svd,
    "solve": lower_system,
    "triangular_solve": lower_system,
    "fft": lower_fourier,
    **dict.fromkeys(ARGREDUCE, lower_argreduce),
    **dict.fromkeys(SCANS, lower_scan),
    "top_k": lower_top_k,
    "searchsorted": lower_searchsorted,
    **dict.fromkeys(ALONG, lower_along),
    **dict.fromkeys(recurrent.NAMES, recurrent.lower_recurrent),
    **dict.fromkeys(MOVES, lower_moving),
    "resample": lower_resample,
    "banded": lower_banded,
}
# Whether there are kernels for a node, of the rows that may be links of a chain.
SERVED: dict[str, Callable[[Node], bool]] = {
    "fused": lambda node: True,
    "epilogue": serves_epilogue,
    "matmul": matmul.serves_matmul,
    "conv": conv.serves_conv,
    **dict.fromkeys(ROWWISE, serves_rowwise),
    **dict.fromkeys(pooling.KINDS, pooling.serves_pool),
}
# Bytes of a cache line, and of an array whose place is worth a copy.
_LINE, _LARGE = 64, 1 << 16
_SINGLE_KINDS = ("elementwise", "reduce", "create", "random")


class NumbaBackend(NumpyBackend):
    """Lowers nodes to kernels; what has none runs as on NumPy."""

    name = "numba"

    def __init__(self) -> None:
        super().__init__()
        more: dict[str, Callable[..., Any]] = {
            "top_k": sorted_top_k,
            "searchsorted": numpys_searchsorted,
            "segment_combine": numpys_segments,
        }
        plain = {**self.kernels, **more}
        self.kernels = {**plain, **lowered_kernels(plain, LOWERINGS)}
        self._user = EagerCalls()
        begin()

    def describe(self) -> dict[str, str]:
        found = jit.host()
        vectors = f"vectors of {found.vector_bytes * 8} bits"
        return {
            "processor": f"{found.cpu} ({found.triple.split('-')[0]}), {vectors}",
            "threads": str(get_threads()),
            "LLVM": ".".join(map(str, llvm.llvm_version_info)),
        }

    def cache_folder(self) -> Path | None:
        folder = jit.cache_dir()
        return None if folder is None else folder.parent

    def suits(self, array: Any) -> bool:
        """Large weights begin at a cache line: a third faster, where one row meets them."""
        if array.nbytes < _LARGE:
            return self.is_contiguous(array)
        return address_of(array) % _LINE == 0 and self.is_contiguous(array)

    def registers(self, count: int) -> Registers:
        return Registers(count)

    def fusible(self, node: Node) -> bool:
        return fusible(node)

    def has_epilogues(self, node: Node) -> bool:
        floats = node.inputs[0].aval.dtype in ("float32", "float64")
        return floats and super().has_epilogues(node)

    def chained(self, node: Node) -> bool:
        if node.prim.kind == "movement":
            return False  # nothing to compute while it is in the cache
        if node.for_numpy or any(v.aval.size == 0 for v in node.outputs):
            return False  # NumPy's, or nothing to run
        asked = SERVED.get(node.prim.name)
        if asked is not None:
            return asked(node)
        return node.prim.kind in _SINGLE_KINDS and fusible(node)

    def lowering(
        self, work: Callable[[], None], nodes: Sequence[Node], regs: Mapping[Value, int]
    ) -> None:
        bare = dict(regs)  # nothing is asked of the routine the first time

        def rehearsal() -> None:
            team.entry()
            for node in nodes:
                self.lower(node, bare)

        together(work, rehearsal)

    def lower(self, node: Node, regs: Mapping[Value, int]) -> Step:
        if node.for_numpy:
            return super().lower(node, regs)
        with preparing(regs):
            step = self._native(node, regs)
        return super().lower(node, regs) if step is None else step

    def _native(self, node: Node, regs: Mapping[Value, int]) -> Step | None:
        lowering = LOWERINGS.get(node.prim.name)
        if node.prim is prims.chain:
            return lower_chain(node, regs, self.lower)
        if lowering is not None:
            return lowering(node, regs)
        if node.prim.kind in _SINGLE_KINDS and fusible(node):
            return lower_fused(node, regs)
        return None

    def kernel_for(self, name: str, avals: Sequence[Aval]) -> Callable[..., Any] | None:
        kernel = super().kernel_for(name, avals)
        return kernel.for_shapes(avals) if type(kernel) is Large else kernel

    def prepared(
        self, name: str, static: Mapping[str, Any], avals: Sequence[Aval], out: Aval
    ) -> Callable[..., Any]:
        kernel = self.kernels.get(name)
        bound = kernel.bound(avals, static) if type(kernel) is LoweredKernel else None
        return super().prepared(name, static, avals, out) if bound is None else bound

    def run_user(
        self, row: UserRow, arrays: Sequence[Any], static: Mapping[str, Any]
    ) -> Any:
        if usable(row, [Aval(a.shape, a.dtype.name) for a in arrays]):
            return self._user(row, arrays, static)
        return super().run_user(row, arrays, static)

    def lower_user(self, node: Node, regs: Mapping[Value, int]) -> Step:
        step = lower_user(node, regs)
        return super().lower_user(node, regs) if step is None else step

    def capture(
        self, steps: Sequence[Step], outside: Sequence[int] = ()
    ) -> Step | None:
        """Neighbouring native steps become one native call; so does one that is alone."""
        joined: list[Step] = []
        for native, group in groupby(steps, is_native):
            members = list(group)
            if native and (len(members) > 1 or len(steps) == 1):
                calls = [call for step in members for call in kernel_calls(step)]
                may_fail = any(getattr(m, "may_fail", False) for m in members)
                joined.append(team.Sequence(calls, members, may_fail))
            else:
                joined += members
        if not any(isinstance(step, team.Sequence) for step in joined):
            return None

        def run(registers: list[Any]) -> None:
            for step in joined:
                step(registers)

        return joined[0] if len(joined) == 1 else FunctionStep(run)

    def copying(self, source: int, target: int, aval: Aval) -> Step | None:
        return copying(source, target, aval)

    def loop(self, loop: Loop) -> Step | None:
        return lower_loop(loop)
