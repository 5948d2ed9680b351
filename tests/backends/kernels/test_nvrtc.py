"""Every description's CUDA text compiles for real GPUs, by the flags that really run."""

import functools

import numpy as np
import pytest
from minikeras_cupy import nvrtc, render
from minikeras_cupy.render import WARP
from minikeras_kernels.argreduce import argreduce
from minikeras_kernels.gather import gather
from minikeras_kernels.rowwise import ROWWISE, RowKernel

from tests.backends.kernels import test_elements as elements
from tests.backends.kernels import test_lockstep as cases
from tests.backends.kernels.test_lines import line_kernels

needs_nvrtc = pytest.mark.skipif(
    nvrtc.library() is None, reason="needs nvidia-cuda-nvrtc (extra dev)"
)


def every_source():
    """The sources of rows, of groups and of what goes row by row."""
    for case, dtype in cases.chosen():
        arrays = case.draw(dtype)
        if dtype not in DTYPES:
            continue
        if not any(a.dtype.kind == "c" for a in arrays):
            for call in cases.single(case.name, arrays, case.static).calls:
                yield call.source
    for _, function, shapes in cases.group_cases():
        graph = cases.stage(function, *shapes)
        arrays = [cases.RNG.standard_normal(s).astype("float32") for s in shapes]
        yield from (call.source for call in cases.Calls(graph, shapes[0], arrays).calls)
    for dtype in ("float32", *elements.OTHERS):
        for *_, kernel in elements.pools(elements.GEOMETRIES[1], dtype, WARP):
            yield kernel.source()
    for *_, kernel in line_kernels(WARP):
        yield kernel.source()
    for name, arrays, static in elements.moves():
        laid_out = [np.array(a, order="C") for a in arrays]
        for kernel in elements.move(name, laid_out, static, WARP)[0]:
            yield kernel.source()
    for dtype in ("float32", "float64"):
        for name in ROWWISE:
            yield render.source(RowKernel(name, dtype, WARP).write(), 4)
        for name in ("argmax", "argmin"):
            yield render.source(argreduce(name, dtype, WARP), 3)
        for index in ("int32", "int64"):
            yield render.source(gather(dtype, index, WARP), 5)


@functools.cache
def all_sources():
    return sorted({(s.name, s.text) for s in every_source()})


# What the others need of the compiler, these need too.
DTYPES = ("bool", "uint8", "int32", "float16", "bfloat16", "float32", "float64")
ARCHITECTURES = ("sm_75", "sm_80", "sm_90", "sm_100")


@needs_nvrtc
@pytest.mark.parametrize("share", range(4))
def test_sources_compile(share):
    """Each source for one of the architectures: they differ in none of what we use."""
    sources = all_sources()
    assert len(sources) > 150
    mine = sources[share::4]
    text = render.headers() + "".join(text for _, text in mine)
    code = nvrtc.compile_text(text, ARCHITECTURES[share])
    assert all(name.encode() in code for name, _ in mine)
