"""Convolution by cuDNN's graph API, where `nvidia-cudnn-frontend` is installed.

A plan is built once for its shapes, and takes device addresses as integers. Arrays stay
channels-last: cuDNN is told their strides. Kernels are kept here as (*kernel, cin, cout)
and by cuDNN as (cout, *kernel, cin), so they are copied once a run. Whatever cuDNN
declines, other kernels do: `plan` then gives None, and the log says why, once.
MINIKERAS_CUDNN=require makes that an error, =off leaves cuDNN alone.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable
from typing import Any

from minikeras_numpy.windows import Geometry, Ints

from minikeras.extend import BackendError, matmul_precision
from minikeras_cupy.conv import Workspace

Array = Any
Run = Callable[[Array, Array, Array], None]

WORKSPACE = 256 << 20
_INSTALL = "pip install 'minikeras[cudnn12]' or 'minikeras[cudnn13]'"
_log = logging.getLogger("minikeras")
_TYPES = {
    "float32": "FLOAT",
    "float16": "HALF",
    "bfloat16": "BFLOAT16",
    "float64": "DOUBLE",
}


def wanted() -> str:
    """MINIKERAS_CUDNN: "require", "off", or nothing, which tries it.

    Raises:
        BackendError: If it is anything else.
    """
    chosen = os.environ.get("MINIKERAS_CUDNN", "")
    if chosen not in ("", "off", "require"):
        raise BackendError(
            f"MINIKERAS_CUDNN is {chosen!r}; expected 'require', 'off', or no value."
        )
    return chosen


class Library:
    """The module cudnn and its handle.

    Args:
        cp: The module cupy.
        workspace: Memory that convolutions share.
    """

    def __init__(self, cp: Any, workspace: Workspace) -> None:
        self.cp, self.workspace = cp, workspace
        self.module: Any = None
        self.handle: Any = None
        self.required = wanted() == "require"
        self._noted: set[str] = set()
        if wanted() == "off":
            return
        try:
            import cudnn

            self.handle = cudnn.create_handle()
            self.module = cudnn
        except ImportError as error:
            self._declined("is not installed", error)
        except Exception as error:  # without the library that it wraps, or the device
            self._declined("does not start", error)

    def _declined(self, what: str, error: Exception) -> None:
        """Say once why other kernels do the work; where cuDNN is required, raise."""
        said = f"cuDNN {what}: {type(error).__name__}: {error}"
        if self.required:
            raise BackendError(
                f"{said}. It is required by MINIKERAS_CUDNN=require: {_INSTALL}, or unset "
                "that variable and convolutions are made by im2col and cuBLAS."
            ) from error
        if what not in self._noted:
            self._noted.add(what)
            _log.info("%s. Convolutions are made by im2col and cuBLAS.", said)

    def plan(self, name: str, geometry: Geometry, dtype: str) -> Run | None:
        """A prepared convolution of the row `name`, or None where cuDNN has none."""
        empty = not (geometry.batch and geometry.filters and math.prod(geometry.out))
        if self.module is None or dtype not in _TYPES or empty:
            return None
        try:
            return _Convolution(self, name, geometry, dtype)
        except Exception as error:  # it declines by several exceptions, all its own
            self._declined(f"declines {name} of {dtype}", error)
            return None


def _channels_last(
    batch: int, spatial: Ints, channels: int
) -> tuple[list[int], list[int]]:
    """(batch, channels, *spatial) and the strides of memory that ends in channels.

    cuDNN wants two spatial axes at least.
    """
    if len(spatial) == 1:
        spatial = (1, *spatial)
    steps = [channels * math.prod(spatial[k + 1 :]) for k in range(len(spatial))]
    whole = channels * math.prod(spatial)
    return [batch, channels, *spatial], [whole, 1, *steps]


class _Convolution:
    """One built plan; call it with the row's two operands and its result."""

    def __init__(
        self, library: Library, name: str, geometry: Geometry, dtype: str
    ) -> None:
        self.library, self.name = library, name
        cudnn = library.module
        kind = getattr(cudnn.data_type, _TYPES[dtype])
        compute = (
            cudnn.data_type.DOUBLE if dtype == "float64" else cudnn.data_type.FLOAT
        )
        graph = cudnn.pygraph(
            io_data_type=kind,
            intermediate_data_type=compute,
            compute_data_type=compute,
            handle=library.handle,
        )
        cout, depth = geometry.filters, geometry.depth
        x = _channels_last(geometry.batch, geometry.spatial, geometry.channels)
        w = _channels_last(cout, geometry.window, depth)
        y = _channels_last(geometry.batch, geometry.out, cout)
        lead, pad = ([1], [0]) if len(geometry.window) == 1 else ([], [])
        how = {
            "pre_padding": [*pad, *(lo for lo, _ in geometry.padding)],
            "post_padding": [*pad, *(hi for _, hi in geometry.padding)],
            "stride": [*lead, *geometry.strides],
            "dilation": [*lead, *geometry.dilation],
        }

        def tensor(label: str, layout: tuple[list[int], list[int]]) -> Any:
            dim, stride = layout
            return graph.tensor(name=label, dim=dim, stride=stride, data_type=kind)

        if name == "conv":
            self.operands = tensor("x", x), tensor("w", w)
            image, weight = self.operands
            made, layout = graph.conv_fprop(image=image, weight=weight, **how), y
        elif name == "conv_input_grad":
            self.operands = tensor("dy", y), tensor("w", w)
            loss, weight = self.operands
            made, layout = graph.conv_dgrad(loss=loss, filter=weight, **how), x
        else:
            self.operands = tensor("x", x), tensor("dy", y)
            image, loss = self.operands
            made, layout = graph.conv_wgrad(image=image, loss=loss, **how), w
        made.set_output(True).set_data_type(kind)
        made.set_dim(layout[0]).set_stride(layout[1])
        self.result, self.graph = made, graph
        self._build(dtype)
        self.size = max(int(graph.get_workspace_size()), 1)
        self.shape, self.dtype = (cout, *geometry.window, depth), dtype
        # (*kernel, cin, cout) <-> (cout, *kernel, cin)
        rank = len(self.shape)
        self.inward = (rank - 1, *range(rank - 1))
        self.outward = (*range(1, rank), 0)

    def _build(self, dtype: str) -> None:
        cudnn, graph = self.library.module, self.graph
        notes = cudnn.numerical_note
        unwanted = [notes.NONDETERMINISTIC]
        if dtype == "float32":
            unwanted.append(notes.DOWN_CONVERT_INPUTS)
            if matmul_precision() == "highest":
                unwanted.append(notes.TENSOR_CORE)
        graph.validate()
        graph.build_operation_graph()
        graph.create_execution_plans([cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK])
        graph.deselect_numeric_notes(unwanted)
        graph.deselect_workspace_greater_than(WORKSPACE)
        graph.check_support()
        graph.build_plans()

    def __call__(self, a: Array, b: Array, out: Array) -> None:
        library, target = self.library, out
        kernel = library.workspace.array("filters", self.shape, self.dtype)
        room = library.workspace.array("cudnn", (self.size,), "uint8")
        if self.name == "conv_filter_grad":
            target = kernel
        else:
            kernel[...] = b.transpose(self.inward)
            b = kernel
        left, right = self.operands
        pack = {left: a.data.ptr, right: b.data.ptr, self.result: target.data.ptr}
        stream = library.cp.cuda.get_current_stream().ptr
        library.module.set_stream(handle=library.handle, stream=stream)
        self.graph.execute(pack, room.data.ptr, handle=library.handle)
        if target is not out:
            out[...] = target.transpose(self.outward)
