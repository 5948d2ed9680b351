"""Compiled code on disk: found again, never trusted when damaged, never required."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from minikeras_numba.machine import jit

ROOT = Path(__file__).parents[4]
IGNORED = shutil.ignore_patterns("__pycache__")
SCRIPT = """
import numpy as np
import minikeras.engine.prims
from minikeras.extend import Aval, Node, Value, lookup
from minikeras_numba.machine import jit
from minikeras_numba.machine import team
from minikeras_numba.fusion.fused import lower_fused
import sys
x, y = Value(Aval((1000,), "float32")), Value(Aval((1000,), "float32"))
registers = team.Registers(2)
registers[0], registers[1] = np.ones(1000, "f4"), np.empty(1000, "f4")
lower_fused(Node(lookup("exp"), [x], [y], {}), {x: 0, y: 1})(registers)
assert abs(registers[1] - np.e).max() < 1e-6
assert "numba" not in sys.modules
print(jit.stats.compiled, jit.stats.loaded)
"""
TEXT = """
define void @{name}(ptr %regs, ptr %meta, i64 %a, i64 %b, i64 %t, i64 %n) {{
  store i64 {value}, ptr %meta
  ret void
}}
"""


def process(folder):
    """Compiled and loaded kernels of a fresh process with its cache in `folder`."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
    environment = {
        **os.environ,
        "MINIKERAS_CACHE_DIR": str(folder),
        "PYTHONPATH": paths,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return tuple(map(int, done.stdout.split()))


def test_second_process_compiles_nothing(tmp_path):
    compiled, loaded = process(tmp_path)
    assert compiled > 0
    assert loaded == 0
    assert process(tmp_path) == (0, compiled)


def test_damaged_objects_are_compiled_again(tmp_path):
    compiled, _ = process(tmp_path)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(files) == compiled
    for i, path in enumerate(files):
        data = path.read_bytes()
        path.write_bytes(data[:100] if i % 2 else data[:-1] + bytes([data[-1] ^ 1]))
    assert process(tmp_path) == (compiled, 0)
    assert process(tmp_path) == (0, compiled)


def test_unwritable_cache_is_no_error(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    compiled, loaded = process(blocked)
    assert compiled > 0
    assert loaded == 0


def test_compile_once(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIKERAS_CACHE_DIR", str(tmp_path))
    built = []

    def build():
        built.append(1)
        return TEXT.format(name="once", value=41)

    first = jit.compile_ir("once", build, "key of once")
    assert jit.compile_ir("once", build, "key of once") == first
    assert len(built) == 1
    other = jit.compile_ir("once", TEXT.format(name="once", value=42), "another key")
    assert other != first


def test_ir_is_verified(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIKERAS_CACHE_DIR", str(tmp_path))
    with pytest.raises(RuntimeError, match="parsing"):
        jit.compile_ir("wrong", "define void @wrong() { ret i32 0 }", "wrong")


def test_cache_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("MINIKERAS_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jit.cache_dir().is_relative_to(tmp_path / "minikeras" / "numba")


def test_host():
    host = jit.host()
    assert host.lanes(4) * 4 == host.vector_bytes
    assert host.lanes(8) * 8 == host.vector_bytes


def test_kernels_of_sources_that_were_replaced_meanwhile_are_not_kept(tmp_path):
    """As when a package is upgraded under a notebook: the old code runs, the new lies there."""
    for name in ("minikeras", "backends"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=IGNORED)
    script = """
import pathlib, sys
from minikeras_numba.machine import jit
changed = pathlib.Path(jit.__file__).parents[1] / "fusion" / "fused.py"
if sys.argv[1] == "upgraded":
    changed.write_text(changed.read_text() + "# another line\\n")
print(jit.cache_dir() is None)
"""
    paths = os.pathsep.join([str(tmp_path), str(tmp_path / "backends")])
    told = []
    for way in ("upgraded", "upgraded since"):
        done = subprocess.run(
            [sys.executable, "-c", script, way],
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        told.append(done.stdout.strip())
    assert told == ["True", "False"]


def test_every_source_of_ours_counts(monkeypatch, tmp_path):
    """A kernel of changed sources, in whatever room they lie, is never the old one's."""

    def fingerprint():
        jit._fingerprint.cache_clear()
        return jit._fingerprint()

    before = fingerprint()
    known = {p for root in jit._SOURCES for p in root.rglob("*.py")}
    ours = {
        Path(module.__file__)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "minikeras_numba"
    }
    assert len(ours) > 20
    assert ours <= known
    copy = tmp_path / "sources"
    for path in sorted(ours):
        place = copy / path.relative_to(jit._SOURCES[0])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    monkeypatch.setattr(jit, "_SOURCES", (copy,))
    seen = {before}
    for room in ("machine", "fusion", "rows", "products/winograd"):
        file = next((copy / room).glob("*.py"))
        file.write_text(file.read_text() + "# another line\n")
        assert fingerprint() not in seen
        seen.add(fingerprint())
        file.rename(file.with_name("renamed.py"))
        assert fingerprint() not in seen
        seen.add(fingerprint())
    jit._fingerprint.cache_clear()
