"""`minikeras docs`."""

import pytest

from minikeras import __main__ as command
from minikeras.command import docs


def test_pages_are_listed(capsys):
    assert command.main(["docs"]) == 0
    out = capsys.readouterr().out
    assert "- `guides/saving`: Saving and loading" in out
    assert "- `index`: " in out and "hooks" not in out


def test_a_section_ends_where_the_next_one_of_its_level_begins(capsys):
    assert command.main(["docs", "guides/drop-in#what-answers"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("## What answers\n") and "What packages are told" not in out
    assert "import tensorflow as tf" in out


@pytest.mark.parametrize("name", ["saving", "docs/guides/saving.md", "guides/saving"])
def test_ways_to_name_a_page(name):
    assert docs.read(name) == docs.pages()["guides/saving"].read_text("utf-8")


def test_one_of_two_pages_of_a_name_is_the_upper_one():
    assert docs.read("performance").startswith(
        docs.pages()["performance"].read_text("utf-8")[:40]
    )


def test_comments_of_code_are_no_headings():
    text = "# Page\n\n```python\n# no heading\n```\n\n## `fit` - and `a.b`!\n"
    assert list(docs.headings(text)) == [(0, 1, "page"), (6, 2, "fit-and-ab")]


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("guides/savin", "no page 'guides/savin'. Did you mean 'guides/saving'?"),
        ("zzz", "no page 'zzz'. `minikeras docs` lists the pages."),
        ("faq#nothing-like-it", "faq has no section 'nothing-like-it'."),
    ],
)
def test_what_is_not_there(page, says, capsys):
    assert command.main(["docs", page]) == 2
    assert f"minikeras docs: error: {says}" in capsys.readouterr().err


def test_a_terminal_gets_it_set(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert command.main(["docs", "faq"]) == 0
    assert "##" not in capsys.readouterr().out
