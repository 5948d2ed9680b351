"""What errors say about the documentation is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
if not (ROOT / "docs").is_dir() or not (ROOT / "minikeras").is_dir():
    pytest.skip("not in a source tree", allow_module_level=True)

SOURCES = [*(ROOT / "minikeras").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]
NAMED = sorted(
    {
        page
        for path in SOURCES
        for page in re.findall(r'see\("(.+?)"\)', path.read_text("utf-8"))
    }
)


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", NAMED)
def test_page_and_anchor_exist(page):
    name, _, wanted = page.partition("#")
    text = (ROOT / "docs" / name).read_text("utf-8")
    headings = {anchor(h) for h in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert not wanted or wanted in headings


def test_some_are_named():
    assert len(NAMED) > 12
