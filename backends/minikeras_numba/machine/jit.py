"""LLVM IR in, address of machine code out, with an object cache on disk.

Numba's LLVM (llvmlite) compiles a kernel in some 15 ms; Numba's own front end
would take 300 ms, and importing it 400 ms. So kernels are written as IR here and
`numba` itself is never imported.

Every kernel has one signature:

    void name(i64* regs, i64* meta, i64 start, i64 stop, i64 thread, i64 threads)

`regs` holds the addresses of the arrays in a Program's registers, `meta` the
integers (register numbers, sizes, strides, scratch addresses) of one closure.

A kernel is known by its *key*, a string that says everything its IR depends on.
Object code is found by the hash of that key, of LLVM's version, of the processor
and of this package's sources; a process that finds it builds no IR.

Machine code takes some 40 KB for each kernel, and every new form of a group has one: so
the code goes again, some time after the last `Address` of it. The parts of products,
whose forms are few, stay.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import platform
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import llvmlite.binding as llvm
import minikeras_kernels
from minikeras_kernels import objects

from minikeras.extend import finish_before_fork
from minikeras_numba.machine import compiler

_T = TypeVar("_T")
_DIGEST = 16
# Whatever can change a kernel's text: all folders below these.
_SOURCES = (Path(__file__).parents[1], Path(minikeras_kernels.__file__).parent)


@dataclass(slots=True)
class Stats:
    """How many kernels this process compiled, and how many it found in the cache.

    Attributes:
        compiled: Kernels that LLVM compiled.
        loaded: Kernels found on disk.
        read: Characters of IR that LLVM read.
        written: Bytes of the objects that it made.
    """

    compiled: int = 0
    loaded: int = 0
    read: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class Host:
    """What the generators need to know of the processor."""

    triple: str
    cpu: str
    features: str
    vector_bytes: int

    @property
    def attributes(self) -> str:
        """Function attributes that let the vectoriser use the full register width."""
        return f'nounwind "prefer-vector-width"="{self.vector_bytes * 8}"'

    @property
    def has_half(self) -> bool:
        """Whether float16 is converted by an instruction, not by a library we lack."""
        x86 = self.triple.startswith(("x86_64", "i686", "i386"))
        return not x86 or "+f16c" in self.features.split(",")

    def lanes(self, itemsize: int = 4) -> int:
        """Elements of `itemsize` bytes in one vector register."""
        return max(1, self.vector_bytes // itemsize)


class Library:
    """Machine code that is loaded, for `Address`es to hold."""

    __slots__ = ("__weakref__", "tracker")

    def __init__(self, tracker: Any) -> None:
        self.tracker = tracker


class Address(int):
    """Where a function begins; its code stays while this is held."""

    library: Library


class _Linked:
    """A kernel in the memory of LLVM, which unloads it with its tracker."""

    __slots__ = ("at", "held", "stays", "tracker")

    def __init__(self, at: int, tracker: Any) -> None:
        self.at, self.tracker = at, tracker
        self.stays = False
        self.held: Callable[[], Library | None] = _nothing

    def address(self) -> Address:
        """For the one that asks, who holds the code by it."""
        library = self.held()
        if library is None:
            library = Library(self.tracker)
            self.held = weakref.ref(library)
        found = Address(self.at)
        found.library = library
        return found


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class WantedKernel:
    """A kernel that is wanted: see `compile_ir`."""

    name: str
    build: Callable[[], str] | str
    key: str
    stays: bool
    loops: bool

    @property
    def id(self) -> tuple[str, str]:
        return self.name, self.key

    @property
    def digest(self) -> str:
        text = f"{self.name}\0{self.key}"
        return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()

    @property
    def path(self) -> Path | None:
        """Where its object is kept."""
        folder = cache_dir()
        return folder / f"{self.digest}.o" if folder else None

    def text(self) -> str:
        return self.build if isinstance(self.build, str) else self.build()


SPARE = 128  # kernels that nobody uses and that stay, for the next model of that form

stats = Stats()
_linked: dict[tuple[str, str], _Linked] = {}
_pinned: list[_Linked] = []
_sweep_at = SPARE
_links = itertools.count()  # a name that a failed link used is never free again
_lock = threading.RLock()
_NOWHERE = Address(0)
# By context, so that an interrupt ends them whenever it comes.
_wanted: ContextVar[dict[tuple[str, str], WantedKernel] | None] = ContextVar(
    "wanted", default=None
)
_at_miss: ContextVar[list[Callable[[], object]] | None] = ContextVar(
    "at_miss", default=None
)

finish_before_fork(_lock)  # LLVM's own locks cannot be made anew


@functools.cache
def host() -> Host:
    """The processor this process runs on."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f") and features.get("avx512vl"):
        width = 64
    elif features.get("avx2"):
        width = 32
    else:
        width = 16
    triple = llvm.get_process_triple()
    return Host(triple, llvm.get_host_cpu_name(), features.flatten(), width)


def _target_machine() -> Any:
    found = host()
    return compiler.machine(found.triple, found.cpu, found.features)


@functools.cache
def _engine() -> Any:
    _target_machine()
    target = llvm.Target.from_triple(host().triple)
    machine = target.create_target_machine(
        cpu=host().cpu,
        features=host().features,
        opt=3,
        reloc="pic",
        codemodel="jitdefault",
    )
    return llvm.create_lljit_compiler(machine)


@functools.cache
def _fingerprint() -> str:
    """What all kernels depend on: LLVM, the processor, the sources that write kernels."""
    digest = hashlib.blake2b(digest_size=_DIGEST)
    version = (llvmlite.__version__, llvm.llvm_version_info, platform.machine())
    digest.update(repr((version, host())).encode())
    for root in _SOURCES:
        for source in sorted(root.rglob("*.py")):
            digest.update(f"{source.relative_to(root).as_posix()}\0".encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _stamps() -> list[tuple[str, int, int]]:
    """Files of the sources, when each was written, and its size."""
    found = []
    for root in _SOURCES:
        for source in root.rglob("*.py"):
            status = source.stat()
            found.append((str(source), status.st_mtime_ns, status.st_size))
    return found


_IMPORTED = _stamps()


@functools.cache
def _as_imported() -> bool:
    """Whether what runs is what lies on disk.

    An upgrade under a process that has not compiled yet would have it keep the old
    sources' kernels as those of the new.
    """
    return _stamps() == _IMPORTED


def cache_dir() -> Path | None:
    """Where object code is kept, or None where there is no place for it."""
    root = objects.root()
    return root / "numba" / _fingerprint() if root and _as_imported() else None


def optimise(text: str, loops: bool = True) -> Any:
    """Parse, verify and optimise IR; the module, for `compile_ir` and for reading.

    Args:
        text: The IR.
        loops: Whether LLVM takes what does not change out of loops, and unrolls those
            that do not forbid it. Vectors are ours in any case.
    """
    return compiler.optimise(text, loops, _target_machine())


def _link(name: str, body: bytes, key: str) -> _Linked:
    library = llvm.JITLibraryBuilder()
    library.add_object_img(body).add_current_process().export_symbol(name)
    # A name that LLVM has taken stays taken, also where an interrupt came right after;
    # so each try has one of its own.
    tracker = library.link(_engine(), f"{name}.{next(_links)}.{key}")
    return _Linked(int(tracker[name]), tracker)


def compile_ir(
    name: str,
    build: Callable[[], str] | str,
    key: str,
    stays: bool = False,
    loops: bool = True,
    now: bool = False,
) -> Address:
    """The address of the function `name` of a module of IR.

    Args:
        name: The function to export. Other kernels may use the same name.
        build: IR text, or a function that writes it, which is called only if neither
            this process nor the disk cache knows the kernel. It may be called again, where
            a helper was lost with what it was given, and writes the same then.
        key: All that the IR depends on, apart from the processor.
        stays: Whether the code is never unloaded, so that its address may be anywhere,
            not only where the `Address` itself is.
        loops: As in `optimise`; part of what the key says.
        now: Whether the kernel is called at once, also while kernels are `gathered`.
    """
    kernel = WantedKernel(name, build, key, stays, loops)
    wanted = _wanted.get()
    if wanted is None or now:
        return compiled(kernel)
    if kernel.id not in _linked:
        wanted.setdefault(kernel.id, kernel)
    return _NOWHERE


def gathered(function: Callable[[], object]) -> list[WantedKernel]:
    """The kernels that `function` asks for and nobody has linked; it gets none of them.

    The addresses that it gets meanwhile are not to be called.
    """
    wanted: dict[tuple[str, str], WantedKernel] = {}

    def gather() -> None:
        _wanted.set(wanted)
        function()

    copy_context().run(gather)
    return list(wanted.values())


def foreseen(function: Callable[[], _T], at_miss: Callable[[], object]) -> _T:
    """Call `function`; where a kernel that it asks for is nowhere, first `at_miss`, once."""

    def run() -> _T:
        _at_miss.set([at_miss])
        return function()

    return copy_context().run(run)


def compiled(kernel: WantedKernel, made: tuple[str, bytes] | None = None) -> Address:
    """The kernel's address; its text and object may have been made elsewhere."""
    with _lock:
        found = _linked.get(kernel.id)
        if found is None:
            found = _linked[kernel.id] = _made(kernel, made)
            address = found.address()
            _unload()
        else:
            address = found.address()
        if kernel.stays and not found.stays:
            found.stays = True
            _pinned.append(found)
    return address


def _made(kernel: WantedKernel, made: tuple[str, bytes] | None) -> _Linked:
    found = _load(kernel) if made is None else None
    if found is not None:
        return found
    if made is None:
        waiting = _at_miss.get()
        if waiting:
            waiting.pop()()
            if kernel.id in _linked:
                return _linked[kernel.id]
        text = kernel.text()
        module = optimise(text, kernel.loops)
        made = text, compiler.emitted(module, _target_machine())
    text, body = made
    stats.compiled += 1
    stats.read += len(text)
    stats.written += len(body)
    if kernel.path:
        objects.write(kernel.path, body)
    return _link(kernel.name, body, kernel.digest)


def _unload() -> None:
    """Let go what nobody holds, but for the youngest. Under the lock, as all of LLVM."""
    global _sweep_at
    if len(_linked) < _sweep_at:
        return
    unused = [
        key
        for key, linked in _linked.items()
        if linked.held() is None and not linked.stays
    ]
    for key in unused[: max(0, len(unused) - SPARE)]:
        del _linked[key]
    _sweep_at = len(_linked) + SPARE


def loaded() -> int:
    """How many kernels are in memory."""
    return len(_linked)


def _load(kernel: WantedKernel) -> _Linked | None:
    """The kernel kept on disk; None where none is, or it cannot be linked."""
    body = objects.read(kernel.path) if kernel.path else None
    if body is None:
        return None
    try:
        made = _link(kernel.name, body, kernel.digest)
    except RuntimeError:  # of another format, or something else altogether
        return None
    stats.loaded += 1
    return made
