"""Philox in generated code: the published vectors, and the same bits as NumPy's."""

import numpy as np
import pytest
from minikeras_kernels.philox import rounds
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.values import Kind, const
from minikeras_numba.fusion.fused import lower_fused
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine import team
from minikeras_numpy import build_table

import minikeras.engine.prims  # noqa: F401
from minikeras.extend import Aval, Graph, Node, Value, lookup

NUMPY = build_table(np)

# Random123's known answers for philox4x32-10: counter, key, output
VECTORS = [
    ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    (
        [0xFFFFFFFF] * 4,
        [0xFFFFFFFF] * 2,
        [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD],
    ),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "wanted"), VECTORS)
def test_known_answers(counter, key, wanted):
    f = KernelWriter("known", target())
    words = [const(Kind.I32, w) for w in (*counter, *key)]
    out = f.array(const(Kind.I64, 0), Kind.I32)
    for i, word in enumerate(rounds(f, words[:4], words[4:])):
        f.store(word, f.at(out, const(Kind.I64, i)))
    registers = team.Registers(1)
    registers[0] = np.zeros(4, np.uint32)
    fn = compile_kernel("known", lambda: f.code, f"known {counter} {key}")
    team.run(fn, registers.address, 0, 1, 1)
    assert registers[0].tolist() == wanted


def draw(key, shape):
    """random_bits alone, as a lowered node."""
    k, out = Value(Aval((2,), "uint32")), Value(Aval(shape, "uint32"))
    registers = team.Registers(2)
    registers[0], registers[1] = np.array(key, np.uint32), np.zeros(shape, np.uint32)
    node = Node(lookup("random_bits"), [k], [out], {"shape": shape})
    lower_fused(node, {k: 0, out: 1})(registers)
    return registers[1]


def test_first_block():
    assert draw((0, 0), (4,)).tolist() == VECTORS[0][2]


@pytest.mark.parametrize(
    "shape", [(), (1,), (7,), (1023,), (5000,), (3, 7), (2, 3, 1025)]
)
def test_same_bits_as_numpy(shape):
    key = np.array([123456789, 4294967295], np.uint32)
    wanted = NUMPY["random_bits"](key, shape=shape)
    np.testing.assert_array_equal(draw(key, shape), wanted)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_bits_do_not_depend_on_threads(threads):
    before = team.get_threads()
    team.set_threads(threads)
    try:
        got = draw((5, 6), (300_001,))
    finally:
        team.set_threads(before)
    key = np.array([5, 6], np.uint32)
    np.testing.assert_array_equal(got, NUMPY["random_bits"](key, shape=(300_001,)))


def test_dropout_in_one_kernel():
    """The draw, the comparison and the product are one loop, whatever broadcasts."""
    shape = (37, 11)
    key = Value(Aval((2,), "uint32"))
    x, column = Value(Aval(shape, "float32")), Value(Aval((11,), "float32"))
    limit, zero = Value(Aval((), "uint32")), Value(Aval((), "float32"))
    bits, keep = Value(Aval(shape, "uint32")), Value(Aval(shape, "bool"))
    scaled, out = Value(Aval(shape, "float32")), Value(Aval(shape, "float32"))
    nodes = [
        Node(lookup("random_bits"), [key], [bits], {"shape": shape}),
        Node(lookup("lt"), [bits, limit], [keep], {}),
        Node(lookup("mul"), [x, column], [scaled], {}),
        Node(lookup("select"), [keep, scaled, zero], [out], {}),
    ]
    half = np.array(1 << 31, np.uint32)
    constants = {limit: half, zero: np.array(0, np.float32)}
    body = Graph([key, x, column], constants, nodes, [out])
    outer = [Value(v.aval) for v in (key, x, column)]
    result = Value(out.aval)
    registers = team.Registers(4)
    values = np.random.default_rng(0).random(shape, np.float32) + 1
    arrays = [np.array([1, 2], np.uint32), values, np.arange(1, 12, dtype=np.float32)]
    for i, array in enumerate([*arrays, np.empty(shape, np.float32)]):
        registers[i] = array
    static = {"body": body, "space": shape}
    regs = {v: i for i, v in enumerate([*outer, result])}
    lower_fused(Node(lookup("fused"), outer, [result], static), regs)(registers)
    drawn = NUMPY["random_bits"](arrays[0], shape=shape)
    wanted = np.where(drawn < half, arrays[1] * arrays[2], 0)
    np.testing.assert_array_equal(registers[3], wanted)
