"""What errors say about the documentation is there, in a checkout and in a wheel."""

import importlib.util
import re
from pathlib import Path

import pytest

from minikeras.command import docs

PACKAGES = [
    *("minikeras", "minikeras_numpy", "minikeras_kernels", "minikeras_numba"),
    "minikeras_cupy",
]
SOURCES = [
    path
    for name in PACKAGES
    for path in Path(importlib.util.find_spec(name).origin).parent.rglob("*.py")
]
NAMED = sorted(
    {
        page
        for path in SOURCES
        for page in re.findall(r'\bsee\(\s*"(.+?)"\s*\)', path.read_text("utf-8"))
    }
)


@pytest.mark.parametrize("page", NAMED)
def test_page_and_section_exist(page):
    assert docs.read(page)


def test_some_are_named():
    assert len(NAMED) > 12


@pytest.mark.parametrize("page", [name for name in NAMED if "#" in name])
def test_the_site_has_the_anchor(page):
    markdown = pytest.importorskip("markdown")  # what builds the site
    name, _, anchor = page.partition("#")
    made = markdown.markdown(
        docs.read(name), extensions=["tables", "fenced_code", "toc"]
    )
    assert f'id="{anchor}"' in made
