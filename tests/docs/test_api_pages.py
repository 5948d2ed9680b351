"""Each public name is on a page of the API, once in full; mkdocstrings finds them."""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

import minikeras

HOOK = Path(__file__).parents[2] / "docs/hooks/api_pages.py"
if not HOOK.exists():
    pytest.skip("not in a source tree", allow_module_level=True)


@pytest.fixture(scope="module")
def hook():
    pytest.importorskip("sklearn", reason="the estimators' names are looked up")
    spec = importlib.util.spec_from_file_location("api_pages", HOOK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_is_told(hook):
    pages = dict(hook.pages())
    for namespace in hook.namespaces():
        page = pages[namespace or "keras"]
        headings = re.findall(r"(?:heading:|^##) (\w+)(?:\n| \{)", page, re.MULTILINE)
        headings += re.findall(r"^- `(\w+)` is ", page, re.MULTILINE)
        module = minikeras
        for part in filter(None, namespace.split(".")):
            module = getattr(module, part)
        wanted = [
            name
            for name, value in hook.names(module)
            if inspect.isclass(value) or inspect.isfunction(value)
        ]
        assert sorted(headings) == sorted(wanted), namespace


def test_nothing_is_told_twice(hook):
    told = re.findall(r"^::: (.+)$", "\n".join(p for _, p in hook.pages()), re.M)
    assert len(told) == len(set(told)) > 700


def test_signatures_are_found_without_running_the_code(hook):
    griffe = pytest.importorskip("griffe")
    loader = griffe.GriffeLoader(search_paths=[str(HOOK.parents[2])])
    tree = loader.load("minikeras")
    loader.resolve_aliases()
    for _, page in hook.pages():
        for path in re.findall(r"^::: (.+)$", page, re.MULTILINE):
            found = tree[path.removeprefix("minikeras.")]
            assert found.is_class or found.is_function, path
            value = importlib.import_module(found.canonical_path.rpartition(".")[0])
            value = getattr(value, found.name)
            try:
                wanted = list(inspect.signature(value).parameters)
            except (TypeError, ValueError):
                continue
            names = [p.name for p in found.parameters]
            assert [n for n in names if n != "self"] == [
                n for n in wanted if n != "self"
            ], path


def test_paths_in_tables_may_be_broken_behind_slashes():
    spec = importlib.util.spec_from_file_location("tables", HOOK.parent / "tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    found = tables.on_page_content(
        "<td><code>tests/a_b.py</code> <code>a / b</code></td><p><code>x/y</code></p>"
    )
    assert found == (
        "<td><code>tests/<wbr>a_<wbr>b.py</code> <code>a / b</code></td>"
        "<p><code>x/y</code></p>"
    )


# A constant, and names whose module is another's under an older path.
WITHOUT = {"MAP_TO_NONE", "standardize", "decode_predictions"}


def test_every_name_has_an_example(hook):
    lacking = set()
    for _, page in hook.pages():
        for path in re.findall(r"^::: (.+)$", page, re.MULTILINE):
            module, _, name = path.rpartition(".")
            value = getattr(importlib.import_module(module), name)
            if ">>>" not in (inspect.getdoc(value) or ""):
                lacking.add(name)
    assert lacking <= WITHOUT
