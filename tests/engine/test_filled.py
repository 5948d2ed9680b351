"""Values that are one number in all places stay one number while they are moved about."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine.compile import jit

MOVES = {
    "transpose": lambda x: ops.transpose(x),
    "flip": lambda x: ops.flip(x, 0),
    "cut and joined": lambda x: ops.concatenate([x[:, 3:], x[:, :3]], axis=1),
    "repeated": lambda x: ops.tile(x, (2, 1)),
    "scaled": lambda x: -3.0 * x + 1.0,
    "wider": lambda x: ops.cast(x, "float64") / 3,
    "function": lambda x: ops.tanh(ops.reshape(x, (-1,)) / 7),
    "split": lambda x: ops.split(x, 2, axis=1),
    "roll": lambda x: ops.roll(x, 2, axis=1),
}


def gradient_of(function, x):
    with keras.GradientTape() as tape:
        tape.watch(x)
        made = function(x)
        parts = made if isinstance(made, list) else [made]
        total = sum(ops.sum(p) for p in parts)
    return tape.gradient(total, x)


@pytest.mark.parametrize("name", sorted(set(MOVES) - {"function", "repeated"}))
def test_a_gradient_of_moves_is_one_full(backend, name):
    x = ops.convert_to_tensor(np.linspace(-1, 1, 7200, dtype="float32").reshape(80, 90))
    f = jit(lambda x: gradient_of(MOVES[name], x))
    made = np.asarray(f(x))
    names = [n.prim.name for n in f.program_for(x).graph.nodes]
    assert names == ["full"]
    np.testing.assert_array_equal(made, np.asarray(gradient_of(MOVES[name], x)))


KINDS = [("float32", n) for n in (-0.0, float("nan"), 1 / 3)]
KINDS += [("float16", 2.1), ("bfloat16", 2.1), ("int32", 3), ("bool", 1)]


@pytest.mark.parametrize(("dtype", "number"), KINDS)
@pytest.mark.parametrize("name", ["function", "scaled", "wider", "cut and joined"])
def test_the_bits_are_those_of_eager_calls(backend, name, dtype, number):
    start = keras.ops.full((6, 8), number, dtype=dtype)

    def made(x):
        found = MOVES[name](x * ops.cast(start, x.dtype))
        return found if isinstance(found, list) else [found]

    one = ops.ones((1,), dtype=dtype)
    eager = made(one)
    constant = jit(lambda: made(ops.ones((1,), dtype=dtype)))()
    for a, b in zip(eager, constant, strict=True):
        assert a.dtype == b.dtype
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_zeros_between_and_around(backend):
    """A border of another number, and minus zero between zeros, are not one number."""

    def made(value, border):
        x = ops.full((60, 70), value)
        return ops.pad(x, ((1, 1), (0, 0)), constant_values=border)

    for value, border in ((1.0, 0.0), (-0.0, 0.0), (2.0, 2.0)):
        f = jit(lambda value=value, border=border: made(value, border))
        assert np.asarray(f()).tobytes() == np.asarray(made(value, border)).tobytes()
        names = [n.prim.name for n in f.program_for().graph.nodes]
        assert (names == ["full"]) == (value == border == 2.0)


@pytest.mark.parametrize("number", [1.0, 0.0, -0.0, float("nan")])
def test_a_border_of_zeros_is_no_part_of_one_number(backend, number):
    pads = {
        "around": lambda x: ops.pad(x, ((1, 2), (0, 1))),
        "gradient of a part": lambda x: gradient_of(
            lambda t: t[1:4, 2:] * x[1:4, 2:], x
        ),
    }
    for name, pad in pads.items():
        filled = lambda: ops.full((5, 6), number, dtype="float32")  # noqa: E731
        eager = pad(filled())
        compiled = jit(lambda pad=pad, filled=filled: pad(filled()))()
        assert np.asarray(eager).tobytes() == np.asarray(compiled).tobytes(), name
