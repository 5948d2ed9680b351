"""One engine on functions of `keras.ops`, in a process of its own.

`python -m benchmarks.ops_worker MODULE`. Once its engine is imported it reads a function and
a size a line, and answers with one JSON object a line: milliseconds by kind of call, or the
error of each. At the end of its input it ends.
"""

from __future__ import annotations

import gc
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import ops_rows  # noqa: F401 - fills the table
from benchmarks.ops_table import ROWS, SIZES, Call, Size
from benchmarks.worker import Line, imported

SECONDS = 0.03  # for a figure, about
Timed = Callable[[], Any]


def function_of(keras: Any, name: str) -> Any:
    """The function of a row: `random.NAME`, `image.NAME`, or one of `ops` or its parts."""
    namespace, _, short = name.rpartition(".")
    if namespace == "random":
        return getattr(keras.random, short)
    if namespace == "image":
        return getattr(keras.ops.image, short)
    found = getattr(keras.ops, short, None)
    return getattr(keras.ops.linalg, short) if found is None else found


def is_array(value: Any) -> bool:
    """Whether an argument is data."""
    return isinstance(value, np.ndarray)


class Prepared:
    """A call on an engine: its arrays, and the function of them."""

    def __init__(self, keras: Any, name: str, call: Call) -> None:
        self.keras = keras
        args = call.drawn(name)
        places = []  # of arrays: argument, or argument and number in its list
        for i, arg in enumerate(args):
            if is_array(arg):
                places.append((i, None))
            elif isinstance(arg, list) and arg and is_array(arg[0]):
                places += [(i, j) for j in range(len(arg))]
        self.places = places
        values = [args[i] if j is None else args[i][j] for i, j in places]
        self.host = values
        self.arrays = [keras.ops.convert_to_tensor(v) for v in values]
        function = function_of(keras, name)
        body = call.body

        def run(*arrays: Any) -> Any:
            given = [list(a) if isinstance(a, list) else a for a in args]
            for (i, j), array in zip(places, arrays):
                if j is None:
                    given[i] = array
                else:
                    given[i][j] = array
            pairs = name in ("fft", "fft2", "ifft2", "irfft", "istft")
            given = [tuple(g) if pairs and isinstance(g, list) else g for g in given]
            if body is not None:
                return body(keras, function, *given)
            return function(*given, **call.static)

        self.run = run

    @property
    def floats(self) -> list[int]:
        """Which arrays a gradient is by."""
        return [i for i, v in enumerate(self.host) if v.dtype.kind == "f"]


def total(keras: Any, made: Any) -> Any:
    """The sum of all floats of a result."""
    leaves = made if isinstance(made, (list, tuple)) else [made]
    parts = [keras.ops.sum(v) for v in leaves if "float" in str(v.dtype)]
    return sum(parts[1:], parts[0])


class Ours:
    """minikeras."""

    kinds = ("eager", "compiled", "gradient")

    def __init__(self, keras: Any) -> None:
        self.keras = keras

    def calls(self, p: Prepared, call: Call) -> dict[str, Timed]:
        keras = self.keras
        found: dict[str, Timed] = {"eager": lambda: p.run(*p.arrays)}
        if call.compiled:
            whole = keras.function(p.run)
            found["compiled"] = lambda: whole(*p.arrays)
        if call.compiled and call.grad and p.floats:

            def gradient(*arrays: Any) -> Any:
                sources = [arrays[i] for i in p.floats]
                with keras.GradientTape() as tape:
                    tape.watch(sources)
                    result = total(keras, p.run(*arrays))
                return tape.gradient(result, sources)

            compiled = keras.function(gradient)
            found["gradient"] = lambda: compiled(*p.arrays)
        return found


class Jax:
    """Keras on JAX: everything by `jax.jit`, and waited for."""

    def __init__(self, keras: Any) -> None:
        import jax

        self.keras, self.jax = keras, jax

    def calls(self, p: Prepared, call: Call) -> dict[str, Timed]:
        jax, ready = self.jax, self.jax.block_until_ready
        if not call.compiled:
            return {"eager": lambda: ready(p.run(*p.arrays))}
        whole = jax.jit(p.run)
        found: dict[str, Timed] = {"compiled": lambda: ready(whole(*p.arrays))}
        if call.grad and p.floats:
            by = tuple(p.floats)

            def result(*arrays: Any) -> Any:
                return total(self.keras, p.run(*arrays))

            gradient = jax.jit(jax.grad(result, by))
            found["gradient"] = lambda: ready(gradient(*p.arrays))
        return found


class Torch:
    """Keras on torch, eager, which is how Keras runs it. Views are copied, as ours are."""

    def __init__(self, keras: Any) -> None:
        import torch

        self.keras, self.torch = keras, torch

    def calls(self, p: Prepared, call: Call) -> dict[str, Timed]:
        torch = self.torch

        def whole(made: Any) -> Any:
            """Results in memory of their own: a view has not been computed yet."""
            leaves = made if isinstance(made, (list, tuple)) else [made]
            return [
                v.clone(memory_format=torch.contiguous_format) if v._is_view() else v
                for v in leaves
                if isinstance(v, torch.Tensor)
            ]

        def plain() -> Any:
            with torch.no_grad():
                return whole(p.run(*p.arrays))

        found: dict[str, Timed] = {"compiled" if call.compiled else "eager": plain}
        if call.compiled and call.grad and p.floats:
            sources = [p.arrays[i].detach().requires_grad_() for i in p.floats]
            arrays = list(p.arrays)
            for i, source in zip(p.floats, sources):
                arrays[i] = source

            def gradient() -> Any:
                result = total(self.keras, p.run(*arrays))
                found = torch.autograd.grad(result, sources, allow_unused=True)
                return [None if g is None else g.contiguous() for g in found]

            found["gradient"] = gradient
        return found


def milliseconds(call: Timed) -> float:
    """The best of repeated calls; a short call is repeated within a measurement."""
    call()
    start = time.perf_counter()
    call()
    once = time.perf_counter() - start
    inner = max(1, min(1000, int(0.002 / max(once, 1e-7))))
    best, spent = once, 0.0
    while spent < SECONDS:
        start = time.perf_counter()
        for _ in range(inner):
            call()
        took = time.perf_counter() - start
        best, spent = min(best, took / inner), spent + took
    return 1e3 * best


def work(keras: Any, p: Prepared, call: Call) -> dict[str, float]:
    """Bytes that go in and out, and additions and multiplications, by our graph."""
    from minikeras.engine import tree
    from minikeras.engine.compile import jit
    from minikeras.engine.profile import flops

    made = p.run(*p.arrays)
    given = sum(v.nbytes for v in p.host)
    out = [v for v in tree.flatten(made) if hasattr(v, "aval")]
    found: dict[str, float] = {"bytes": given + sum(v.aval.nbytes for v in out)}
    if call.compiled:
        whole = jit(p.run)
        whole(*p.arrays)
        if whole.programs:
            found["flops"] = sum(flops(n) for n in whole.programs[0].nodes)
    return found


def figures(
    keras: Any, engine: Any, name: str, size: str, counted: bool
) -> dict[str, Any]:
    """Milliseconds by kind of call; under `errors` why one is missing."""
    call = ROWS[name](Size(SIZES[size]))
    said: dict[str, Any] = {}
    errors: dict[str, str] = {}
    try:
        p = Prepared(keras, name, call)
        calls = engine.calls(p, call)
    except Exception as error:  # whatever an engine may raise is its answer
        return {"errors": {"call": _short(error)}}
    for kind, timed in calls.items():
        try:
            said[kind] = milliseconds(timed)
        except Exception as error:
            errors[kind] = _short(error)
    if counted:
        try:
            said |= work(keras, p, call)
        except Exception as error:
            errors["work"] = _short(error)
    return {**said, "errors": errors} if errors else said


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


def main(module: str) -> None:
    """Says how long the import took, then answers function by function."""
    warnings.simplefilter("ignore")
    line = Line()
    keras, seconds = imported(module)
    backend = keras.config.backend()
    ours = module == "minikeras"
    engine: Any = Ours(keras)
    if not ours:
        engine = Jax(keras) if backend == "jax" else Torch(keras)
    line.say(import_s=seconds)
    while True:
        name, size = line.wait().split()
        said = figures(keras, engine, name, size, ours and backend == "numba")
        keras.utils.clear_session()
        gc.collect()
        line.say(**said)


if __name__ == "__main__":
    main(sys.argv[1])
