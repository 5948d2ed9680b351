"""The writer: types hold, literals are what their kind holds, loops do what they say."""

import math

import numpy as np
import pytest
from minikeras_kernels.code import Op, Rel
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target
from minikeras_kernels.values import Kind, Val, const, rounded
from minikeras_kernels.writer import Writer

llvm = pytest.importorskip("llvmlite", reason="numba's LLVM runs what is written")

from minikeras_numba.ir import render  # noqa: E402
from minikeras_numba.ir.compile import compile_kernel, target  # noqa: E402
from minikeras_numba.machine import team  # noqa: E402

NARROW = Target(vector_bytes=16)


def run(build, array, units=1):
    """Run a kernel written by `build(f, address of the array)` over one array of int64."""
    f = KernelWriter("written", target())
    build(f, f.array(const(Kind.I64, 0), Kind.I64))
    text = render.Renderer(f.code, "nounwind").text()
    fn = compile_kernel("written", lambda: f.code, text)
    registers = team.Registers(1)
    registers[0] = array
    team.run(fn, registers.address, 0, units, units)
    return array


def test_a_literal_is_what_its_kind_holds():
    assert rounded(Kind.F32, 0.1) == float(np.float32(0.1))
    assert rounded(Kind.F32, 1e300) == math.inf
    assert rounded(Kind.F32, -1e300) == -math.inf
    assert rounded(Kind.F64, 0.1) == 0.1
    assert rounded(Kind.I8, True) == 1
    assert rounded(Kind.I1, -1) is True
    assert const(Kind.F32, 2).literal == 2.0
    assert const(Kind.I32, 0).is_literal
    assert not Val(3, Kind.I32).is_literal


def test_values_of_two_types_do_not_meet():
    f = Writer("typed", (Kind.I64, Kind.I32, Kind.F32), NARROW)
    wide, narrow, real = f.parameters
    with pytest.raises(AssertionError):
        f.add(wide, narrow)
    with pytest.raises(AssertionError):
        f.fadd(f.splat(real, 4), real)
    with pytest.raises(AssertionError):
        f.store(real, f.slot(Kind.F64))
    assert f.splat(f.splat(real, 4), 4).lanes == 4


def test_every_operation_is_rendered():
    assert set(render._EMIT) == set(Op)


@pytest.mark.parametrize(
    ("first", "stop", "step"), [(0, 7, 1), (3, 20, 4), (5, 5, 1), (9, 2, 1)]
)
def test_loops_are_ranges(first, stop, step):
    def build(f, place):
        with f.loop(*(const(Kind.I64, n) for n in (first, stop, step))) as i:
            where = f.at(place, i)
            f.store(f.add(f.load(where), i, 100), where)

    wanted = np.zeros(32, np.int64)
    wanted[first:stop:step] = 100 + np.arange(first, stop, step)
    np.testing.assert_array_equal(run(build, np.zeros(32, np.int64)), wanted)


@pytest.mark.parametrize("count", [0, 1, 6])
def test_repeated_turns_move_their_variables(count):
    def build(f, place):
        at = f.variable(const(Kind.I64, 2))
        with f.repeat(const(Kind.I64, count), [(at, const(Kind.I64, 3))]) as turn:
            f.store(f.get(turn), f.at(place, f.get(at)))

    wanted = np.full(32, -1, np.int64)
    wanted[2 : 2 + 3 * count : 3] = np.arange(count)
    np.testing.assert_array_equal(run(build, np.full(32, -1, np.int64)), wanted)


@pytest.mark.parametrize("length", [0, 1, 8, 13, 32])
def test_sweeps_leave_what_lies_behind_alone(length):
    def build(f, place):
        def step(at, mask):
            where = f.at(place, at)
            f.store(f.add(f.load(where, 8, mask), 5), where, mask)

        f.sweep(const(Kind.I64, 0), const(Kind.I64, length), 8, step)

    wanted = np.arange(40, dtype=np.int64)
    wanted[:length] += 5
    np.testing.assert_array_equal(run(build, np.arange(40, dtype=np.int64)), wanted)


def test_rare_lanes_alone_take_the_slow_way():
    def build(f, place):
        x = f.load(place, 8)
        odd = f.icmp(Rel.NE, f.bin(Op.AND, x, 1), 0)
        mended = f.rare(odd, f.mul(x, 10), lambda: f.mul(x, -1))
        with f.when(f.any_lane(odd)):
            f.store(const(Kind.I64, 77), f.at(place, const(Kind.I64, 8)))
        f.store(mended, place)

    some = run(build, np.array([2, 3, 4, 5, 0, 1, 8, 6, 0], np.int64))
    np.testing.assert_array_equal(some, [20, -3, 40, -5, 0, -1, 80, 60, 77])
    none = run(build, np.array([2, 4, 6, 8, 0, 2, 4, 6, 0], np.int64))
    np.testing.assert_array_equal(none, [20, 40, 60, 80, 0, 20, 40, 60, 0])
