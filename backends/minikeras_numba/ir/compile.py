"""From a kernel's description to its address on this machine."""

from __future__ import annotations

import functools
from collections.abc import Callable

from minikeras_kernels.code import Code
from minikeras_kernels.target import Target

from minikeras_numba.ir.render import Renderer
from minikeras_numba.machine.jit import Address, compile_ir, host


@functools.cache
def target() -> Target:
    """This processor, as descriptions ask for it."""
    machine = host()
    avx512 = machine.vector_bytes == 64 and machine.triple.startswith("x86_64")
    return Target(
        vector_bytes=machine.vector_bytes, scales=avx512, halves=machine.has_half
    )


def render(
    code: Code, attributes: str, ahead: bool = False, unrolls: bool = True
) -> str:
    """The LLVM IR of a description."""
    machine = host()
    pin = ""
    if machine.triple.startswith(("x86_64", "i686")):
        pin = "v" if machine.vector_bytes == 64 else "x"
    return Renderer(code, attributes, pin, ahead, unrolls).text()


def compile_kernel(
    name: str, build: Callable[[], Code], key: str, loops: bool = True
) -> Address:
    """The address of a kernel over units, whose vectors may be as wide as can be.

    Args:
        name: The function to export.
        build: Writes the description, the same one each time it is called.
        key: All that it depends on, apart from the processor.
        loops: Whether LLVM works on its loops.
    """

    def text() -> str:
        return render(build(), host().attributes, unrolls=loops)

    return compile_ir(name, text, key, loops=loops)


def compile_contract(
    name: str, build: Callable[[], Code], key: str, loops: bool = False
) -> Address:
    """The address of a kernel over integers: what tables of jobs call, and drivers.

    Args:
        name: The function to export.
        build: Writes the description, the same one each time it is called.
        key: All that it depends on, apart from the processor.
        loops: Whether LLVM works on its loops. Those of products are unrolled as they
            are written, and it finds nothing in them for twice the time.
    """

    def text() -> str:
        return render(build(), "nounwind", ahead=True, unrolls=loops)

    return compile_ir(name, text, key, True, loops)
