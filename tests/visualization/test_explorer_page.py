"""The explorer's page is what its sources build, and refers to nothing outside it."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "explorer"

# What a fetch, a socket or a beacon would need: the engine and the page have none of it.
WAYS_OUT = re.compile(
    r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts"
)


@pytest.fixture(scope="module")
def page() -> str:
    file = resources.files("minikeras.visualization") / "explorer" / "page.html"
    return file.read_text(encoding="utf-8")


def needs_sources() -> None:
    if not (SOURCES / "src").is_dir():
        pytest.skip("the page's sources are only in the repository")


def needs_npm() -> str:
    needs_sources()
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("npm is not installed")
    if not (SOURCES / "node_modules").is_dir():
        pytest.skip("the page's tools are not installed: npm ci, in explorer/")
    return npx


def run(*command: str) -> None:
    done = subprocess.run(
        command, cwd=SOURCES, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_is_one_small_file_with_one_slot(page: str) -> None:
    assert page.count("__PAYLOAD__") == 1
    assert '<script type="application/json" id="payload">__PAYLOAD__</script>' in page
    assert len(page.encode()) < 400_000
    outside = re.findall(r"<(?:script|link|img)[^>]*?(?:src|href)=\"([^\"]*)", page)
    assert [address for address in outside if not address.startswith("data:")] == []
    assert WAYS_OUT.findall(page) == []


def test_the_policy_lets_nothing_out_and_no_other_script_in(page: str) -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "connect-src" not in rules  # so nothing, by the default
    (script,) = re.findall(
        r'<script type="module"[^>]*>(.*?)</script>', page, re.DOTALL
    )
    digest = hashlib.sha256(script.encode()).digest()
    assert rules["script-src"] == f"'sha256-{base64.b64encode(digest).decode()}' blob:"


def test_the_page_was_built_from_these_sources(page: str) -> None:
    """Without npm: the page holds the digest of what it was built from."""
    needs_sources()
    names = [
        path.relative_to(SOURCES).as_posix()
        for path in (SOURCES / "src").rglob("*")
        if path.is_file()
    ]
    names += ["index.html", "package-lock.json", "scripts/ship.mjs", "svelte.config.js"]
    names += ["tsconfig.json", "vite.config.ts"]
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(f"{name}\0".encode())
        digest.update((SOURCES / name).read_bytes() + b"\0")
    (built,) = re.findall(r'<meta name="sources" content="([0-9a-f]*)"', page)
    assert built == digest.hexdigest(), "the page is old: npm run build, in explorer/"


def test_a_build_gives_the_page(tmp_path: Path) -> None:
    npx = needs_npm()
    run(npx, "vite", "build", "--outDir", str(tmp_path), "--logLevel", "error")
    run("node", "scripts/ship.mjs", "--check", str(tmp_path / "index.html"))


@pytest.mark.slow
def test_types_and_units_of_the_page() -> None:
    npx = needs_npm()
    run(npx, "svelte-check", "--tsconfig", "./tsconfig.json", "--fail-on-warnings")
    run(npx, "vitest", "run")
