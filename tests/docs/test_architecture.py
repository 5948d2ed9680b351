"""What docs/architecture.md names is there, and what is there is named."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FOLDERS = ("minikeras", "backends", "tests", "docs", "explorer/src", "benchmarks")
FILES = [
    path.relative_to(ROOT).as_posix()
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if path.is_file()
]
# Its floors and rooms; above them names of files are names of layers, losses and so on.
ROOMS = ("minikeras/engine/", "backends/")


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`([\w./]+\.(?:py|h|ts|html|js|md|svelte))`", TEXT)))
)
def test_named_file_is_there(name):
    assert (ROOT / name).exists() or any(f.endswith(f"/{name}") for f in FILES)


def test_every_part_of_engine_and_backends_is_named():
    globs = {name.replace("*", "") for name in re.findall(r"`([\w*]+\*\.py)`", TEXT)}
    stems = tuple(glob.removesuffix(".py") for glob in globs)
    missing = [
        path
        for path in FILES
        if path.startswith(ROOMS) and path.endswith(".py") and "/__" not in path
        if not re.search(rf"\b{Path(path).stem}\b", TEXT)
        and not Path(path).stem.startswith(stems)
        and f"{Path(path).parent.name}/`" not in TEXT
    ]
    assert not missing, "say in docs/architecture.md what they do"


@pytest.mark.parametrize(
    ("name", "lines"), re.findall(r"`([\w./]+\.py)` \((\d+)\)", TEXT)
)
def test_lengths_of_what_is_to_be_read_are_about_right(name, lines):
    found = [
        len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for path in FILES
        if path.endswith(f"/{name}")
    ]
    # For a reader who plans an evening: a third more or less is no news to him.
    assert any(abs(n - int(lines)) <= n / 3 for n in found)
