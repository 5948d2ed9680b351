"""The contract of a backend, as checks that a test suite runs case by case.

A third party's suite is a few lines::

    @pytest.mark.parametrize(("case", "dtype"), backend_contract.cases(), ids=str)
    def test_contract(case, dtype):
        backend_contract.check_case("mine", case, dtype)

    def test_the_table_is_whole():
        backend_contract.check_table(mine.backend().kernels)

    def test_memory():
        backend_contract.check_memory("mine")

Every check raises
AssertionError with the row, its arguments and what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import is_float, numpy_dtype
from minikeras.engine.graph import Node, Value
from minikeras.engine.primitive import PRIMITIVES
from minikeras.testing.cases import CASES, COMPILED, TOLERANCE, Case

Array = np.ndarray[Any, Any]
Kernels = Mapping[str, Callable[..., Any]]


def cases(names: Iterable[str] | None = None) -> list[tuple[Case, str]]:
    """All (case, dtype) pairs, or those of the rows in `names`."""
    wanted = None if names is None else set(names)
    return [
        (case, dtype)
        for case in CASES
        if wanted is None or case.name in wanted
        for dtype in case.dtypes
    ]


def strided(array: Array) -> Array:
    """An equal array that is not C-contiguous, where its shape allows that."""
    wide = np.empty(tuple(2 * d + 1 for d in array.shape), dtype=array.dtype)
    if array.ndim == 0:
        return array.copy()
    wide.fill(0)
    part = wide[tuple(slice(1, None, 2) for _ in array.shape)]
    part[...] = array
    return part


def _avals(case: Case, arrays: Sequence[Array]) -> list[Aval]:
    result = case.row.infer(
        *[Aval(a.shape, a.dtype.name) for a in arrays], **case.static
    )
    return [result] if isinstance(result, Aval) else list(result)


def _expected(case: Case, arrays: Sequence[Array]) -> list[Array] | None:
    """The reference's results; floats are computed in float64."""
    if case.reference is None:
        return None
    wide = [a.astype(np.float64) if is_float(a.dtype.name) else a for a in arrays]
    result = case.reference(*wide)
    return list(result) if isinstance(result, tuple) else [result]


def assert_close(got: Array, expected: Array, tolerance: float, what: str) -> None:
    """`got` equals `expected` up to `tolerance` times the largest value."""
    if not is_float(got.dtype.name):
        ok = np.array_equal(got, np.asarray(expected).astype(got.dtype))
        assert ok, f"{what}:\n{got}\nexpected\n{expected}"
        return
    got = got.astype(np.float64)
    expected = np.asarray(expected).astype(np.float64)
    finite = np.isfinite(expected)
    scale = max(1.0, float(np.max(np.abs(expected[finite]), initial=0.0)))
    same = np.array_equal(got[~finite], expected[~finite], equal_nan=True)
    error = float(np.max(np.abs(got[finite] - expected[finite]), initial=0.0))
    assert same and error <= tolerance * scale, (
        f"{what}: largest error {error}, allowed {tolerance * scale}:\n{got}\n"
        f"expected\n{expected}"
    )


def _assert_fits(array: Array, aval: Aval, what: str) -> None:
    got = f"{array.dtype.name}{list(array.shape)}"
    fits = array.shape == tuple(aval.shape) and array.dtype.name == aval.dtype
    assert fits, f"{what}: the kernel gives {got}, infer says {aval}."


def check_kernel(
    kernels: Kernels,
    case: Case,
    dtype: str,
    to_device: Callable[[Array], Any] = lambda a: a,
    to_host: Callable[[Any], Array] = np.asarray,
    array_type: type = np.ndarray,
) -> list[Array]:
    """One call of a kernel: type, dtype, shape, values, strided and untouched inputs.

    Returns:
        The results, on the host.
    """
    arrays = case.draw(dtype)
    what = f"{case} in {dtype}"
    kernel = kernels[case.name]
    avals = _avals(case, arrays)
    expected = _expected(case, arrays)
    results: list[Array] = []
    for variant in ([a.copy() for a in arrays], [strided(a) for a in arrays]):
        given = [to_device(a) for a in variant]
        made = kernel(*given, **case.static)
        parts = list(made) if case.row.multi else [made]
        for part, aval in zip(parts, avals, strict=True):
            kind = type(part).__name__
            assert isinstance(part, array_type), f"{what}: the kernel gives a {kind}."
            _assert_fits(to_host(part), aval, what)
        for before, now in zip(arrays, given, strict=True):
            same = before.tobytes() == to_host(now).tobytes()
            assert same, f"{what}: the kernel wrote to its input."
        hosts = [np.array(to_host(p)) for p in parts]
        tolerance = case.tolerance * TOLERANCE.get(avals[0].dtype, 0.0)
        if is_float(dtype) and not is_float(avals[0].dtype):
            tolerance = 0.0
        for host, wanted in zip(hosts, expected or results or hosts, strict=True):
            assert_close(host, wanted, tolerance, what)
        results = results or hosts
    return results


def lowered(
    backend: registry.Backend, case: Case, arrays: Sequence[Array]
) -> Callable[..., Any]:
    """The case as a prepared step: `run()` gives its results on the host."""
    avals = _avals(case, arrays)
    inputs = [Value(Aval(a.shape, a.dtype.name)) for a in arrays]
    outputs = [Value(aval) for aval in avals]
    node = Node(case.row, inputs, outputs, case.static)
    regs = {v: i for i, v in enumerate((*inputs, *outputs))}
    registers = backend.registers(len(regs))
    for i, array in enumerate(arrays):
        registers[i] = backend.copy(backend.from_host(array))
    for v in outputs:
        buffer = backend.alloc(max(v.aval.nbytes, 1))
        # Garbage first, so that a place the step forgets is seen.
        view = backend.view(buffer, 0, v.aval.shape, v.aval.dtype)
        ones = np.ones(v.aval.shape, dtype=numpy_dtype(v.aval.dtype))
        backend.assign_into(view, backend.from_host(ones))
        registers[regs[v]] = view
    step = backend.lower(node, regs)

    def run() -> list[Array]:
        step(registers)
        backend.synchronize()
        for i, array in enumerate(arrays):
            same = array.tobytes() == backend.to_host(registers[i]).tobytes()
            assert same, f"{case}: the lowered step wrote to its input."
        return [np.array(backend.to_host(registers[regs[v]])) for v in outputs]

    return run


def check_lowered(name: str, case: Case, dtype: str) -> None:
    """The prepared step equals the NumPy kernel, in its second run too."""
    backend = registry.load(name)
    arrays = case.draw(dtype)
    kernels = {**backend.kernels, **registry.load("numpy").kernels}
    made = kernels[case.name](*arrays, **case.static)
    wanted = list(made) if case.row.multi else [made]
    run = lowered(backend, case, arrays)
    for _ in range(2):
        results = run()
        for got, aval, expected in zip(
            results, _avals(case, arrays), wanted, strict=True
        ):
            what = f"{case} in {dtype}, lowered by {name}"
            _assert_fits(got, aval, what)
            tolerance = 2 * case.tolerance * TOLERANCE.get(aval.dtype, 0.0)
            assert_close(got, expected, tolerance, what)


def check_case(name: str, case: Case, dtype: str) -> None:
    """The kernel and the prepared step of the backend `name` on one case."""
    backend = registry.load(name)
    if case.name in backend.kernels:
        check_kernel(
            backend.kernels,
            case,
            dtype,
            backend.from_host,
            backend.to_host,
            backend.array_type,
        )
        check_lowered(name, case, dtype)


def check_table(kernels: Kernels) -> None:
    """Every row that has no composition has a kernel, and no kernel lacks its row."""
    needed = {
        row.name
        for row in PRIMITIVES.values()
        if row.composition is None and row.name not in COMPILED
    }
    missing = sorted(needed - set(kernels))
    assert not missing, f"no kernels for {missing}."
    unknown = sorted(set(kernels) - set(PRIMITIVES))
    assert not unknown, f"kernels without a row: {unknown}."


def check_memory(name: str) -> None:
    """Round trips to the host, copies, aligned views and assignment."""
    backend = registry.load(name)
    for dtype in ("float32", "bfloat16", "int32", "bool", "uint8"):
        host = np.arange(12).reshape(3, 4).astype(numpy_dtype(dtype))
        device = backend.from_host(host)
        right_type = isinstance(device, backend.array_type)
        assert right_type, f"from_host gives a {type(device).__name__}."
        assert np.array_equal(backend.to_host(device), host)
        copy = backend.copy(device[:, ::2])
        assert backend.is_contiguous(copy)
        assert np.array_equal(backend.to_host(copy), host[:, ::2])
        buffer = backend.alloc(1024)
        first = backend.view(buffer, 0, (3, 4), dtype)
        second = backend.view(buffer, 128, (3, 4), dtype)
        backend.assign_into(first, device)
        backend.assign_into(second, backend.from_host(host[::-1].copy()))
        assert np.array_equal(backend.to_host(first), host)
        assert np.array_equal(backend.to_host(second), host[::-1])
        assert backend.is_contiguous(second)
    backend.synchronize()
    assert len(backend.registers(3)) == 3
