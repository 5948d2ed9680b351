"""The backend registry, the engine's only door downward.

A backend is a `Backend` object made by a factory that is registered under the
entry-point group `minikeras.backends`. The three built-in ones are known by name
too, so a bare source tree works. Nothing is imported before it is chosen.

Choice, first that applies: `use(name)`; the environment variable
`MINIKERAS_BACKEND`; `KERAS_BACKEND` where it names a registered backend; the
config file; numba if it is installed; numpy.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minikeras.engine import config_file
from minikeras.engine.aval import Aval, Shape
from minikeras.engine.errors import see
from minikeras.engine.step import FunctionStep, Step

if TYPE_CHECKING:
    from minikeras.engine.graph import Node, Value
    from minikeras.engine.ranks import Communicator
    from minikeras.engine.user_rows import UserRow


class BackendError(RuntimeError):
    """A backend that is unknown, not installed, or not usable on this machine."""


class OutOfMemory(MemoryError):
    """A device without room.

    Attributes:
        asked: Bytes that were asked for; 0 where that is not known.
        room: Bytes that are there.
    """

    def __init__(self, text: str, asked: int = 0, room: int = 0) -> None:
        super().__init__(text)
        self.asked, self.room = asked, room


class Loop(NamedTuple):
    """A loop over slices, ready to run: which registers mean what, outside and inside.

    A step of it: slices go into their registers inside, `steps` run, made rows go out,
    and `carried` results replace what they came from. Pairs are (outside, inside),
    `views` and `carried` (from, to), both inside.
    """

    length: int
    reverse: bool
    registers: list[Any]  # inside, with buffers for what is carried
    steps: Sequence[Step]
    fixed: Sequence[tuple[int, int]]
    first: Sequence[tuple[int, int]]
    slices: Sequence[tuple[int, int]]
    rows: Sequence[tuple[int, int]]
    last: Sequence[tuple[int, int]]
    views: Sequence[tuple[int, int]]
    carried: Sequence[tuple[int, int]]
    nbytes: Mapping[int, int]  # of arrays outside


class Backend:
    """Kernels, memory and compilation over one array library.

    Subclasses set `name` and `array_type`, fill `kernels`, and implement what is
    below. A backend knows arrays and graph nodes; it has never heard of a layer.
    """

    name: str
    array_type: type
    kernels: Mapping[str, Callable[..., Any]]
    # Eager kernels of rows that graphs take apart, so that their parts can be fused.
    shortcuts: Mapping[str, Callable[..., Any]] = {}
    # What computes: "cpu" or "gpu".
    processor = "cpu"
    # Whether random numbers of each distribution have the bits of the reference kernels,
    # so that initial weights may be drawn here. Where false they are drawn there.
    exact_draws = False
    # Whether `fresh` makes arrays for results to be written in.
    fresh_results = False

    def eager_kernel(self, name: str) -> Callable[..., Any] | None:
        """What an eager call of a row runs; None where it has no kernel."""
        return self.kernels.get(name) or self.shortcuts.get(name)

    def prepared(
        self, name: str, static: Mapping[str, Any], avals: Sequence[Aval], out: Aval
    ) -> Callable[..., Any]:
        """A function of arrays of these shapes, with the bits of the row's eager kernel.

        It is called where floating point warnings are off.
        """
        kernel = self.eager_kernel(name)
        if kernel is None:
            raise KeyError(name)
        return partial(kernel, **static) if static else kernel

    def from_host(self, array: np.ndarray[Any, Any]) -> Any:
        """The backend's array with the values of a NumPy array (may share memory)."""
        raise NotImplementedError

    def to_host(self, array: object) -> np.ndarray[Any, Any]:
        """The values as a NumPy array (may share memory)."""
        raise NotImplementedError

    def copy(self, array: Any) -> Any:
        """A C-contiguous copy."""
        raise NotImplementedError

    def is_contiguous(self, array: Any) -> bool:
        """Whether the array is C-contiguous, as programs need their inputs to be."""
        return bool(array.flags.c_contiguous)

    def suits(self, array: object) -> bool:
        """Whether a state's array may stay where it is, or a copy is read faster."""
        return self.is_contiguous(array)

    def alloc(self, nbytes: int) -> Any:
        """A buffer of `nbytes`, aligned to 64 bytes."""
        raise NotImplementedError

    def view(self, buffer: object, offset: int, shape: Shape, dtype: str) -> Any:
        """A C-contiguous array on `buffer` from byte `offset` (a multiple of 64)."""
        raise NotImplementedError

    def fresh(self, shape: Shape, dtype: str) -> Any:
        """A C-contiguous array of one's own, for a result; see `fresh_results`."""
        raise NotImplementedError

    def assign_into(self, target: Any, source: Any) -> None:
        """`target[...] = source`; shapes and dtypes are equal."""
        target[...] = source

    def registers(self, count: int) -> list[Any]:
        """The table of arrays that a program's steps read and write."""
        return [None] * count

    def fusible(self, node: Node) -> bool:
        """Whether `node` may become part of a fused group here."""
        return False

    # Whether `matmul` may be given `perm_a`, `perm_b` and `perm_out`.
    strided_products = False

    def has_epilogues(self, node: Node) -> bool:
        """Whether an elementwise tail should be folded into this contraction."""
        return False

    # Whether a run of groups along the same lines is one kernel: the row `lines`.
    lines = False

    def chained(self, node: Node) -> bool:
        """Whether `node`, made for one slice of a batch, may be a link of a chain here."""
        return False

    def lower(self, node: Node, regs: Mapping[Value, int]) -> Step:
        """A prepared closure for `node`: reads R[i], writes into the preallocated R[o]."""
        raise NotImplementedError

    def lowering(
        self, work: Callable[[], None], nodes: Sequence[Node], regs: Mapping[Value, int]
    ) -> None:
        """Call `work`, which will `lower` these nodes one by one, and what they hold."""
        work()

    def run_user(
        self, row: UserRow, arrays: Sequence[Any], static: Mapping[str, Any]
    ) -> Any:
        """A user's row eagerly: an array, or a tuple of them. Here by its reference."""
        made = row.on_host([self.to_host(a) for a in arrays], static)
        found = tuple(self.from_host(a) for a in made)
        return found if row.multi else found[0]

    def lower_user(self, node: Node, regs: Mapping[Value, int]) -> Step:
        """As `lower`, for a user's row. Here `run_user`, then copies."""
        row: Any = node.prim
        inputs = [regs[v] for v in node.inputs]
        outputs = [regs[v] for v in node.outputs]

        def step(registers: list[Any]) -> None:
            made = self.run_user(row, [registers[i] for i in inputs], node.static)
            for o, array in zip(outputs, made if row.multi else (made,), strict=True):
                self.assign_into(registers[o], array)

        return FunctionStep(step, allocates=True, waits=True)

    def capture(
        self, steps: Sequence[Step], outside: Sequence[int] = ()
    ) -> Step | None:
        """One callable that runs all `steps`, or None where that brings nothing.

        Args:
            steps: What `lower` made, in order; see `Step`.
            outside: The registers that may hold another array in each run; what the
                others hold changes with the first of these.
        """
        return None

    def copying(self, source: int, target: int, aval: Aval) -> Step | None:
        """A step that copies an array from register to register, which `capture` joins."""
        return None

    def loop(self, loop: Loop) -> Step | None:
        """A step that runs the loop, or None: then Python goes through it."""
        return None

    def communicator(self, host: Communicator, local_rank: int) -> Communicator:
        """What exchanges this backend's arrays between ranks.

        Args:
            host: Exchanges Python objects, and arrays that lie in the host's memory.
            local_rank: The number of this process among those of its machine.
        """
        return host

    def synchronize(self) -> None:
        """Wait until everything that was launched has finished."""

    def release(self) -> None:
        """Give back to the machine what it keeps for later and nobody uses."""

    def describe(self) -> dict[str, str]:
        """What it found on this machine, for `minikeras info`: names and values."""
        return {}

    def cache_folder(self) -> Path | None:
        """The folder of what it keeps on disk, or None; nobody else keeps things there."""
        return None


BUILT_IN = {
    "numpy": "minikeras_numpy:backend",
    "numba": "minikeras_numba:backend",
    "cupy": "minikeras_cupy:backend",
}
_NEEDS = {  # what must be importable, and the pip line that brings it
    "numba": ("llvmlite", "pip install 'minikeras[numba]'"),
    "cupy": ("cupy", "pip install 'minikeras[cuda12]' or 'minikeras[cuda13]'"),
}
_loaded: dict[str, Backend] = {}
_active: Backend | None = None


def registered() -> dict[str, str]:
    """Every registered backend's name and `module:factory`."""
    from importlib.metadata import entry_points  # 25 ms, for who asks

    found = dict(BUILT_IN)
    for point in entry_points(group="minikeras.backends"):
        found.setdefault(point.name, point.value)
    return found


def installed(name: str) -> bool:
    """Whether the packages that a backend needs are installed (nothing is imported)."""
    needs = _NEEDS.get(name)
    if needs is None:
        return name in BUILT_IN or name in registered()
    return importlib.util.find_spec(needs[0]) is not None


def available() -> list[str]:
    """The registered backends whose packages are installed."""
    return [name for name in registered() if installed(name)]


def load(name: str) -> Backend:
    """The backend called `name`, imported on first use.

    Raises:
        BackendError: If it is unknown, its package is missing, or it cannot run here.
    """
    if name in _loaded:
        return _loaded[name]
    # Whoever takes a built-in one need not wait for the search through packages.
    known = BUILT_IN if name in BUILT_IN else registered()
    if name not in known:
        raise BackendError(
            f"backend {name!r} is not registered; expected one of "
            f"{', '.join(sorted(known))}. Set MINIKERAS_BACKEND or call "
            "minikeras.config.set_backend() with one of these."
            + see("index.md#choosing-a-backend")
        )
    if not installed(name):
        package, line = _NEEDS[name]
        raise BackendError(
            f"backend {name!r} needs the package {package!r}, which is not installed: "
            f"{line}. Installed backends: {', '.join(available())}."
            + see("index.md#choosing-a-backend")
        )
    module, _, factory = known[name].partition(":")
    if name in BUILT_IN:
        _reach_source_tree(module)
    try:
        made = getattr(importlib.import_module(module), factory or "backend")()
    except BackendError:
        raise
    except Exception as error:  # of any package: it is named, and stays as the cause
        raise BackendError(
            f"backend {name!r} could not be started: {type(error).__name__}: {error}. "
            f"Installed backends: {', '.join(available())}."
        ) from error
    _loaded[name] = made
    return made  # type: ignore[no-any-return]  # whatever the package made


def release() -> None:
    """Let every backend in use give back memory that nobody uses."""
    for backend in list(_loaded.values()):
        backend.release()


def _reach_source_tree(module: str) -> None:
    """In a source tree that is not installed, the built-in backends lie beside us."""
    folder = Path(__file__).resolve().parents[2] / "backends"
    if importlib.util.find_spec(module) is None and (folder / module).is_dir():
        sys.path.append(str(folder))


def chosen_name() -> str:
    """The name that environment, config file and installed packages select."""
    name = os.environ.get("MINIKERAS_BACKEND")
    if name:
        return name
    name = os.environ.get("KERAS_BACKEND")
    if name and (name in BUILT_IN or name in registered()):
        return name
    name = config_file.file_value("backend")
    if name:
        return str(name)
    return "numba" if installed("numba") else "numpy"


def active() -> Backend:
    """The backend in use; the first call chooses it."""
    global _active
    if _active is None:
        _active = load(chosen_name())
    return _active


def current_name() -> str:
    """The name of the backend in use (nothing is loaded for the answer)."""
    return _active.name if _active is not None else chosen_name()


def use(name: str) -> Backend:
    """Switch to the backend called `name`; live variables move on their next use."""
    global _active
    _active = load(name)
    return _active


@contextmanager
def using(name: str) -> Iterator[Backend]:
    """Run a block on another backend, e.g. to draw initial weights on the reference."""
    global _active
    before = active()
    _active = load(name)
    try:
        yield _active
    finally:
        _active = before
