"""LLVM: IR in, an object out. A module by itself, which is also what helpers run.

Started as a script, with the folder that llvmlite lies in and a processor, it answers
requests on its input until that ends: see `helpers`.
"""

from __future__ import annotations

import functools
import signal
import struct
import sys
from typing import IO, Any

# What LLVM does: its own sequences take three times as long, and made nothing faster.
_PASSES = (
    "sroa",
    "simplify_cfg",
    "loop_rotate",
    "instruction_combine",
    "simplify_cfg",
)
# Versions of LLVM that are known to have the option by which address arithmetic in loops
# stays as it is written: to work it out anew is a third of code generation.
_KNOWN = range(15, 23)
REQUEST = struct.Struct("<?I")  # whether LLVM works on loops, bytes of IR that follow
ANSWER = struct.Struct("<I")  # bytes of the object that follows; 0: LLVM refused
PATIENCE = 20  # seconds without a request after which a helper goes


@functools.cache
def machine(triple: str, cpu: str, features: str) -> Any:
    """LLVM's code generator for a processor."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="pic", codemodel="jitdefault"
    )


def _passes(builder: Any, loops: bool) -> Any:
    """LLVM's passes over a function."""
    import llvmlite.binding as llvm

    passes = llvm.create_new_function_pass_manager()
    adders = [f"add_{name}_pass" for name in _PASSES]
    if all(hasattr(passes, add) for add in adders):
        for add in adders:
            getattr(passes, add)()
    else:  # llvmlite 0.44 has few
        passes = builder.getFunctionPassManager()
    if loops:
        passes.add_loop_unroll_pass()
    return passes


def emitted(module: Any, target: Any) -> bytes:
    """The object of an optimised module; loops keep the addresses that are written in them."""
    import llvmlite.binding as llvm

    known = llvm.llvm_version_info[0] in _KNOWN
    if known:
        llvm.set_option("minikeras", "-disable-lsr=true")
    try:
        return bytes(target.emit_object(module))
    finally:
        if known:  # Numba may be in this process
            llvm.set_option("minikeras", "-disable-lsr=false")


def optimise(text: str, loops: bool, target: Any) -> Any:
    """The module of some IR, verified and optimised."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(text)
    module.triple = target.triple
    module.data_layout = str(target.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    options.loop_vectorization = options.slp_vectorization = False
    options.loop_interleaving = options.loop_unrolling = False
    builder = llvm.create_pass_builder(target, options)
    passes = _passes(builder, loops)
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)
    return module


def emit(text: str, loops: bool, target: Any) -> bytes:
    """The object of some IR."""
    return emitted(optimise(text, loops, target), target)


def _serve(requests: IO[bytes], answers: IO[bytes], target: Any) -> None:
    """Answer until the input ends, or nothing comes for a while."""
    while True:
        if hasattr(signal, "alarm"):
            signal.alarm(PATIENCE)
        head = requests.read(REQUEST.size)
        if len(head) < REQUEST.size:
            return
        loops, size = REQUEST.unpack(head)
        text = requests.read(size).decode()
        try:
            body = emit(text, loops, target)
        except RuntimeError:  # whoever asked finds the reason by trying itself
            body = b""
        answers.write(ANSWER.pack(len(body)) + body)
        answers.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks decides
    sys.path.append(sys.argv[1])
    _serve(sys.stdin.buffer, sys.stdout.buffer, machine(*sys.argv[2:5]))
