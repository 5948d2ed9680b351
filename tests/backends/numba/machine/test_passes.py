"""What LLVM does with our IR: enough for the speed, and no more, since a first step waits."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite import binding as llvm
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.values import Kind, const, counting
from minikeras_numba.ir.compile import render, target
from minikeras_numba.ir.render import name, type_of
from minikeras_numba.machine import compiler, jit, team

ROOT = Path(__file__).parents[4]
DISABLED = "llvm.loop.unroll.disable"
FIRST_STEP = """
import numpy as np
import minikeras as keras
from minikeras_numba.machine import jit
keras.config.set_backend("numba")
keras.utils.set_random_seed(0)
layers = keras.layers
model = keras.Sequential([
    keras.Input((28, 28, 1)),
    layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Flatten(), layers.Dropout(0.5), layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
x = np.linspace(0, 1, 64 * 784, dtype="float32").reshape(64, 28, 28, 1)
model.fit(x, np.arange(64) % 10, batch_size=64, verbose=0)
sums = [w.astype("float64").sum().hex() for w in model.get_weights()]
s = jit.stats
print([s.compiled, s.loaded, s.read, s.written, sums])
"""


def first_step(folder):
    paths = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
    settings = {"MINIKERAS_CACHE_DIR": str(folder), "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_STEP],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout)


def test_a_cold_first_step_compiles_little_and_gives_the_bits_of_a_warm_one(tmp_path):
    compiled, loaded, read, written, cold = first_step(tmp_path)
    assert loaded == 0
    assert compiled > 0
    if jit.host().vector_bytes == 64:  # narrow vectors have other kernels
        assert compiled <= 53
        assert read <= 1_300_000
        assert written <= 124_000
    assert first_step(tmp_path) == [0, compiled, 0, 0, cold]


def summing(long):
    """A kernel that adds one array to another; with much more to add where it is `long`."""
    f = KernelWriter("summing", target())
    x, y = (f.array(const(Kind.I64, i), Kind.I64) for i in range(2))
    with f.loop(f.start, f.stop) as i:
        value = f.load(f.at(x, i))
        for _ in range(20 if long else 0):
            value = f.add(value, i)
        f.store(f.add(f.load(f.at(y, i)), value), f.at(y, i))
    return f.code


@pytest.mark.parametrize("long", [False, True])
def test_short_loops_unroll_and_long_ones_do_not(long):
    text = render(summing(long), "nounwind")
    assert (DISABLED in text) is long
    stores = str(jit.optimise(text)).count("store i64")
    assert stores == 1 if long else stores > 2


def test_loops_that_are_written_as_they_run_stay_so():
    text = render(summing(False), "nounwind", unrolls=False)
    assert DISABLED not in text
    assert str(jit.optimise(text, loops=False)).count("store i64") == 1


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1000])
@pytest.mark.parametrize("loops", [False, True])
def test_every_way_gives_the_same(long, count, loops):
    key = f"test passes {long} {loops}"
    text = render(summing(long), "nounwind", unrolls=loops)
    fn = jit.compile_ir("summing", text, key, loops=loops)
    registers = team.Registers(2)
    x, y = np.arange(count + 1) * 3, np.arange(count + 1) * 5
    registers[0], registers[1] = x, y.copy()
    team.run(fn, registers.address, 0, count, max(1, count))
    right = y + x + (20 * np.arange(count + 1) if long else 0)
    right[count:] = y[count:]  # nothing behind the end is touched
    np.testing.assert_array_equal(registers[1], right)


def test_an_llvmlite_with_few_passes_serves_too(monkeypatch):
    """0.44 has no `add_sroa_pass`: LLVM's own sequence is taken."""
    monkeypatch.setattr(compiler, "_PASSES", ("sroa", "not_there"))
    text = render(summing(False), "nounwind", unrolls=False)
    assert str(jit.optimise(text, loops=False)).count("store i64") == 1


def test_an_option_of_llvm_is_set_for_one_object(monkeypatch):
    """Numba, which may be in this process, has LLVM as it was; an unknown LLVM is left alone."""
    said = []
    monkeypatch.setattr(llvm, "set_option", lambda _, option: said.append(option))
    module, target = (
        jit.optimise(render(summing(True), "nounwind")),
        jit._target_machine(),
    )
    assert compiler.emitted(module, target)
    assert said == ["-disable-lsr=true", "-disable-lsr=false"]
    with pytest.raises(AttributeError):
        compiler.emitted(module, None)
    assert said[2:] == said[:2]
    monkeypatch.setattr(compiler, "_KNOWN", range(0))
    assert compiler.emitted(module, target) and len(said) == 4


def test_a_vector_literal_has_every_lane():
    assert name(const(Kind.I32, 7, 4)) == "<i32 7, i32 7, i32 7, i32 7>"
    assert name(counting(Kind.I64, 3)) == "<i64 0, i64 1, i64 2>"
    assert name(const(Kind.F32, 0.5)) == "0x3FE0000000000000"
    assert type_of(Kind.F32, 16) == "<16 x float>"
