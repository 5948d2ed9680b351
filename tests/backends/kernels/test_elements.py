"""Pooling and moves: descriptions by LLVM and as CUDA in lockstep, against NumPy's kernels."""

import itertools

import numpy as np
import pytest
from minikeras_cupy.render import WARP, source
from minikeras_kernels import elements
from minikeras_kernels.elements import units
from minikeras_kernels.moves import (
    MOVES,
    form,
    layout,
    moving,
    numbers,
    parts,
)
from minikeras_kernels.pooling import DTYPES, POOLS, Sizes, pooling
from minikeras_numpy import build_table
from minikeras_numpy.windows import Geometry

from minikeras.extend import Aval, lookup, numpy_dtype
from minikeras.testing import backend_contract
from tests.backends.kernels import lockstep

NUMPY = build_table(np)
RNG = np.random.default_rng(11)
GEOMETRIES = [
    Geometry(2, (6, 6), 3, (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    Geometry(2, (7, 5), 4, (3, 2), (2, 1), ((1, 1), (0, 1)), (1, 1)),
    Geometry(1, (9,), 2, (3,), (2,), ((2, 0),), (1,)),
    Geometry(
        2, (4, 3, 5), 2, (2, 2, 2), (1, 1, 2), ((0, 1), (1, 0), (0, 0)), (1, 1, 1)
    ),
    Geometry(
        1, (5, 6), 3, (1, 2), (2, 3), ((0, 0), (2, 3)), (1, 1)
    ),  # windows of border
]


class Kernel:
    """A kernel for a target, on arrays: `words` are numbers, or places among the arrays."""

    def __init__(self, code, words, count, arrays):
        self.code, self.words, self.count, self.arrays = code, words, count, arrays

    def source(self):
        return source(self.code, len(self.words))


class At(int):
    """An array's number in a table."""


def in_lockstep(kernels, arrays):
    for k in kernels:
        words = [arrays[w] if isinstance(w, At) else w for w in k.words]
        lockstep.Call(k.code, words, k.count)()


def by_llvm(kernels, arrays):
    from minikeras_numba.ir.compile import compile_kernel
    from minikeras_numba.ir.render import Renderer
    from minikeras_numba.machine import team

    registers = team.Registers(len(arrays))
    for i, array in enumerate(arrays):
        registers[i] = array
    for k in kernels:
        text = Renderer(k.code, "nounwind").text()
        fn = compile_kernel(k.code.name, lambda k=k: k.code, text)
        meta = np.array(list(map(int, k.words)), np.int64)
        team.run(fn, registers.address, meta.ctypes.data, k.count, 1)


def native():
    pytest.importorskip("llvmlite", reason="the target is numba's")
    from minikeras_numba.ir.compile import target

    return target()


OTHERS = ("float64", "float16", "bfloat16", "int64", "uint8")
assert set(OTHERS) < set(DTYPES)
WAYS = {
    "llvm": (by_llvm, native),
    "lockstep": (in_lockstep, lambda: WARP),
}


def pools(geometry, dtype, target):
    """Each row: its name, operands, static, and its kernel on them and a result."""
    g = geometry
    static = {"window": g.window, "strides": g.strides, "padding": g.padding}
    shape, small = (g.batch, *g.spatial, g.channels), (g.batch, *g.out, g.channels)

    def draw(shape):  # few distinct values, so that windows have ties
        # none is the lowest of its kind, which NumPy's kernels take for a border
        low = 1 if dtype.startswith("u") else -2
        return RNG.integers(low, 4, shape).astype(numpy_dtype(dtype))

    x, v, dy = draw(shape), draw(shape), draw(small)
    if x.dtype.kind == "f":
        x.flat[5], x.flat[9], x.flat[10] = np.nan, -np.inf, np.inf
    before = [lo for lo, _ in g.padding]
    sizes = Sizes(g.batch, g.spatial, g.channels, g.out, g.window, g.strides, before)
    rows = {
        "max_pool": ([x], small, {}),
        "max_pool_grad": ([x, dy], shape, {}),
        "max_pool_gather": ([x, v], small, {}),
        "sum_pool": ([v], small, {}),
        "sum_pool_grad": ([dy], shape, {"input_shape": shape}),
    }
    assert set(rows) == set(POOLS)
    for name, (operands, out_shape, more) in rows.items():
        out = np.full(out_shape, 99).astype(x.dtype)
        code = pooling(name, dtype, sizes, target)
        places = [At(i) for i in range(len(operands) + 1)]
        words = [out.size, *sizes.words(), *places]
        count = units(out.size, target)
        kernel = Kernel(code, words, count, [*operands, out])
        yield name, operands, {**static, **more}, kernel


@pytest.mark.parametrize("way", WAYS)
def test_pooling_equals_the_reference(way):
    run, target = WAYS[way]
    if way == "lockstep" and lockstep.compiler() is None:
        pytest.skip("needs a C++ compiler")
    every = [(g, "float32") for g in GEOMETRIES]
    every += [(GEOMETRIES[1], d) for d in OTHERS]
    made = [case for g, d in every for case in pools(g, d, target())]
    if way == "lockstep":
        lockstep.build(kernel.source() for *_, kernel in made)
    for name, operands, static, kernel in made:
        run([kernel], kernel.arrays)
        with np.errstate(all="ignore"):
            wanted = NUMPY[name](*operands, **static)
        assert wanted.dtype == kernel.arrays[-1].dtype
        np.testing.assert_array_equal(
            kernel.arrays[-1], wanted, f"{name} {wanted.dtype} {static}"
        )


@pytest.mark.parametrize("way", WAYS)
def test_indices_of_64_bits(way, monkeypatch):
    run, target = WAYS[way]
    if way == "lockstep" and lockstep.compiler() is None:
        pytest.skip("needs a C++ compiler")
    monkeypatch.setattr(elements, "_NARROW", 0)
    for name, operands, static, kernel in pools(GEOMETRIES[3], "float32", target()):
        run([kernel], kernel.arrays)
        np.testing.assert_array_equal(
            kernel.arrays[-1], NUMPY[name](*operands, **static)
        )


def test_one_text_serves_all_sizes():
    for g, other in itertools.pairwise(GEOMETRIES):
        one, two = (list(pools(geometry, "float32", WARP)) for geometry in (g, other))
        for (*_, first), (*_, second) in zip(one, two, strict=True):
            assert first.source() == second.source()
            assert first.words != second.words


def move(name, arrays, static, target):
    """The kernels of a movement row on its operands and a result."""
    avals = [Aval(a.shape, a.dtype.name) for a in arrays]
    out = np.full(lookup(name).infer(*avals, **static).shape, 77).astype(
        arrays[0].dtype
    )
    given = layout(name, static, [a.shape for a in arrays], out.shape)
    kernels = []
    for part in parts(given) if out.size else []:
        how = form(out.itemsize, part, max(a.size for a in arrays))
        sizes, rows = numbers(part, how.steps)
        words = [out.size, *sizes]
        for piece, row in zip(part.pieces, rows, strict=True):
            words += [At(piece.source)] if piece.source >= 0 else []
            words += row
        words.append(At(len(arrays)))
        kernels.append(
            Kernel(moving(how, target), words, units(out.size, target), [*arrays, out])
        )
    return kernels, [*arrays, out]


def values(shape, dtype="float32"):
    return RNG.integers(0, 100, shape).astype(numpy_dtype(dtype))


def moves():
    """The contract's cases, and more: ends, steps, empty parts, many parts."""
    for case, dtype in backend_contract.cases(list(MOVES)):
        if not dtype.startswith("complex"):
            yield case.name, case.draw(dtype), case.static
    x = values((5, 6, 7))
    for starts, stops, steps in (
        ((4, 0, 1), (-1, 6, 7), (-2, 1, 3)),
        ((0, 5, 6), (5, -1, 0), (1, -1, -2)),
        ((2, 2, 2), (2, 4, 5), (1, 1, 1)),
        ((3, 0, 6), (4, 6, 7), (5, 6, 7)),
    ):
        static = {"starts": starts, "stops": stops, "steps": steps}
        shape = tuple(len(range(*row)) for row in zip(*static.values(), strict=True))
        yield "slice", [x], static
        yield "pad_strided", [values(shape)], {"shape": (5, 6, 7), **static}
    for dtype in ("bool", "int8", "bfloat16", "float64", "int64"):
        yield "transpose", [values((3, 4, 5), dtype)], {"perm": (2, 0, 1)}
        yield "concat", [values((3, n), dtype) for n in (2, 0, 5)], {"axis": 1}
    yield "concat", [values((2, 1 + i % 3, 2)) for i in range(70)], {"axis": 1}
    yield "concat", [values((1, 3)), values((4, 3))], {"axis": 0}
    yield "pad", [x, values(())], {"widths": ((0, 0), (2, 1), (0, 3))}
    yield "pad", [values((0, 3)), values(())], {"widths": ((2, 0), (0, 1))}
    yield "broadcast_to", [values((1, 6, 1))], {"shape": (4, 5, 6, 3)}
    yield "broadcast_to", [values(())], {"shape": (40,)}
    yield "broadcast_to", [values((3, 1))], {"shape": (3, 0)}
    yield "flip", [values((9,), "uint8")], {"axes": (0,)}
    yield "transpose", [values((1, 1))], {"perm": (1, 0)}


@pytest.mark.parametrize("way", WAYS)
def test_moves_equal_the_reference(way):
    run, target = WAYS[way]
    if way == "lockstep" and lockstep.compiler() is None:
        pytest.skip("needs a C++ compiler")
    made = []
    for name, arrays, static in moves():
        arrays = [np.array(a, order="C") for a in arrays]
        made.append((name, arrays, static, *move(name, arrays, static, target())))
    assert len(made) > 60
    if way == "lockstep":
        lockstep.build(k.source() for *_, kernels, _ in made for k in kernels)
    for name, arrays, static, kernels, everything in made:
        run(kernels, everything)
        wanted = NUMPY[name](*arrays, **static)
        what = f"{name} {[a.shape for a in arrays]} {arrays[0].dtype} {static}"
        np.testing.assert_array_equal(everything[-1], wanted, what)


def test_neighbouring_axes_are_one():
    """A copy of all is one axis; a join along the middle two; few forms serve all moves."""
    whole = layout("slice", {"starts": (0,) * 3, "stops": (4, 5, 6), "steps": (1,) * 3},
                   [(4, 5, 6)], (4, 5, 6))  # fmt: skip
    assert whole.sizes == (120,)
    joined = layout("concat", {"axis": 1}, [(4, 5, 6), (4, 2, 6)], (4, 7, 6))
    assert joined.sizes == (4, 42)
    forms = set()
    for name, arrays, static in moves():
        for kernel in move(
            name, [np.array(a, order="C") for a in arrays], static, WARP
        )[0]:
            forms.add(kernel.source().name)
    assert len(forms) < 60
