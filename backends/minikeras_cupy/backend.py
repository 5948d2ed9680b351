"""The CuPy backend: generic kernels over CuPy, generated CUDA where that wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from minikeras_kernels.rowwise import ROWWISE
from minikeras_numpy import build_table
from minikeras_numpy.collective import lower_all_reduce

from minikeras.extend import (
    Aval,
    Backend,
    BackendError,
    Communicator,
    FunctionStep,
    Node,
    Shape,
    Step,
    UserRow,
    Value,
    numpy_dtype,
    prims,
)
from minikeras_cupy import groups, memory, user
from minikeras_cupy.driver import Driver
from minikeras_cupy.graphs import Graphs
from minikeras_cupy.kernels import Maker, generated
from minikeras_cupy.launch import Launcher
from minikeras_cupy.namespace import Namespace
from minikeras_cupy.nccl import nccl_over
from minikeras_cupy.transfer import Uploads

_INSTALL = "pip install 'minikeras[cuda12]' or 'minikeras[cuda13]'"


def _cupy() -> Any:
    """The module cupy, on a machine where it works.

    Raises:
        BackendError: If it is not installed, does not load, or finds no GPU.
    """
    try:
        import cupy
    except ImportError as error:
        raise BackendError(
            f"backend 'cupy' needs the package 'cupy', which cannot be imported "
            f"({error}): {_INSTALL}, by the CUDA version of your driver."
        ) from error
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except RuntimeError as error:
        raise BackendError(
            f"backend 'cupy' finds no usable NVIDIA GPU: {error}. Check that "
            f"`nvidia-smi` lists one and that its driver fits the installed CuPy "
            f"({_INSTALL}), or choose the backend 'numba' or 'numpy'."
        ) from error
    if not count:
        raise BackendError(
            "backend 'cupy' finds no NVIDIA GPU on this machine (CUDA_VISIBLE_DEVICES "
            "may hide it); choose the backend 'numba' or 'numpy'."
        )
    return cupy


class CupyBackend(Backend):
    """Arrays and kernels on the current NVIDIA GPU."""

    name = "cupy"
    processor = "gpu"

    def __init__(self) -> None:
        self.cp = _cupy()
        self.array_type = self.cp.ndarray
        self._settle()

    def _settle(self) -> None:
        """Make what belongs to the GPU in use: handles, streams, kernels, a limit of memory."""
        cp = self.cp
        self._device = int(cp.cuda.Device().id)
        memory.set_limit(cp)
        launch = self._launch = Launcher(cp, Driver(cp))
        self._maker = Maker(cp, launch)
        self._uploads = Uploads(cp)
        self._graphs = Graphs(cp, self._maker.workspace.arrays)
        table = build_table(Namespace(cp, launch))
        table.update({n: self._maker.wide_eager(table[n]) for n in ROWWISE})
        own = {n: self._maker.eager(n, table.get(n)) for n in generated()}
        self.kernels = {**table, **own}

    def describe(self) -> dict[str, str]:
        runtime = self.cp.cuda.runtime
        number = self.cp.cuda.Device().id
        found = runtime.getDeviceProperties(number)
        name = found["name"].decode()
        return {
            "GPU": f"{name}, {found['totalGlobalMem'] / 2**30:.1f} GiB, compute capability "
            f"{found['major']}.{found['minor']}",
            "CuPy": f"{self.cp.__version__}, CUDA {runtime.runtimeGetVersion()}",
        }

    def from_host(self, array: np.ndarray[Any, Any]) -> Any:
        return self._uploads(array)

    def to_host(self, array: Any) -> np.ndarray[Any, Any]:
        return array.get()  # type: ignore[no-any-return]  # CuPy is not typed

    def copy(self, array: Any) -> Any:
        return self.cp.array(array, order="C")

    def alloc(self, nbytes: int) -> Any:
        try:
            return self.cp.empty(nbytes, dtype="uint8")  # CuPy aligns to 512 bytes
        except self.cp.cuda.memory.OutOfMemoryError as error:
            what = "what a program keeps during a run"
            raise memory.failure(self.cp, what, nbytes) from error

    def release(self) -> None:
        self._maker.workspace.clear()
        self._uploads.release()
        memory.release(self.cp)

    def view(self, buffer: Any, offset: int, shape: Shape, dtype: str) -> Any:
        return self.cp.ndarray(shape, numpy_dtype(dtype), memptr=buffer.data + offset)

    def fusible(self, node: Node) -> bool:
        return groups.serves(node)

    lines = True

    # No epilogues: cuBLAS takes no generated code, and a tail of its own joins the
    # elementwise nodes around it in one kernel.

    def lower(self, node: Node, regs: Mapping[Value, int]) -> Step:
        if node.prim is prims.all_reduce:
            return lower_all_reduce(self.kernels, node, regs)
        made = self._maker.make(node)
        if made is None:
            return self._by_kernel(node, regs)
        run, allocates, waits = made
        places = [regs[v] for v in (*node.inputs, *node.outputs)]

        full, cp, lock = self.cp.cuda.memory.OutOfMemoryError, self.cp, self._maker.lock

        def step(registers: list[Any]) -> None:
            try:
                with lock:
                    run(*[registers[i] for i in places])
            except full as error:
                raise memory.failure(cp, named(node), 0) from error

        return FunctionStep(step, allocates, waits)

    def _by_kernel(self, node: Node, regs: Mapping[Value, int]) -> Step:
        """The eager kernel, then a copy into the result's place."""
        kernel, static, multi = (
            self.kernels[node.prim.name],
            node.static,
            node.prim.multi,
        )
        inputs = [regs[v] for v in node.inputs]
        outputs = [regs[v] for v in node.outputs]

        full, cp = self.cp.cuda.memory.OutOfMemoryError, self.cp

        def step(registers: list[Any]) -> None:
            try:
                made = kernel(*[registers[i] for i in inputs], **static)
            except full as error:
                nbytes = sum(v.aval.nbytes for v in node.outputs)
                raise memory.failure(cp, named(node), nbytes) from error
            for o, array in zip(outputs, made if multi else (made,), strict=True):
                registers[o][...] = array

        return FunctionStep(step, not node.prim.facets.view)

    def run_user(
        self, row: UserRow, arrays: Sequence[Any], static: Mapping[str, Any]
    ) -> Any:
        inputs = [Aval(a.shape, a.dtype.name) for a in arrays]
        outs = row.avals(inputs, static)
        if not user.usable(row, [*inputs, *outs]):
            return super().run_user(row, arrays, static)
        given = [self.cp.ascontiguousarray(a) for a in arrays]
        made = [self.cp.empty(a.shape, dtype=numpy_dtype(a.dtype)) for a in outs]
        run = user.prepared(self._launch, row, [*inputs, *outs], static)
        run(*given, *made)
        return tuple(made) if row.multi else made[0]

    def lower_user(self, node: Node, regs: Mapping[Value, int]) -> Step:
        row: Any = node.prim
        values = (*node.inputs, *node.outputs)
        if not user.usable(row, [v.aval for v in values]):
            return super().lower_user(node, regs)
        run = user.prepared(self._launch, row, [v.aval for v in values], node.static)
        places, lock = [regs[v] for v in values], self._maker.lock

        def step(registers: list[Any]) -> None:
            with lock:
                run(*[registers[i] for i in places])

        # A function may look at values, or allocate; a text does neither.
        free = not isinstance(row.kernels["cupy"].function, str)
        return FunctionStep(step, free, free)

    def communicator(self, host: Communicator, local_rank: int) -> Communicator:
        made = nccl_over(host, self.cp, local_rank)
        if self.cp.cuda.Device().id != self._device:
            self._settle()
        return made

    def capture(
        self, steps: Sequence[Step], outside: Sequence[int] = ()
    ) -> Step | None:
        """Steps that allocate nothing become CUDA graphs, when they have run once."""
        return self._graphs.joined(steps, outside)

    def synchronize(self) -> None:
        self.cp.cuda.get_current_stream().synchronize()


def named(node: Node) -> str:
    """A node in an error: its row, the shapes it works on, and its layer."""
    shapes = ", ".join(f"{v.aval.dtype}{list(v.aval.shape)}" for v in node.inputs)
    layer = f" of layer {node.source!r}" if node.source else ""
    return f"{node.prim.name}({shapes}){layer}"
