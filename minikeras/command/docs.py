"""`minikeras docs`."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import minikeras
from minikeras.command.errors import refuse

_PACKAGE = Path(minikeras.__file__).parent
_SHIPPED = _PACKAGE / "documentation"  # in a wheel; a checkout has the pages themselves


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the argument: a page."""
    parser.description = (
        "Shows a page of the documentation in the terminal, or one section of it. Errors "
        "name pages this way. Without PAGE: what pages there are."
    )
    parser.add_argument(
        "page",
        nargs="?",
        metavar="PAGE[#SECTION]",
        help="as in guides/saving#safe-loading; `saving` alone will do",
    )


def run(options: argparse.Namespace) -> int:
    """Shows it."""
    try:
        text = read(options.page) if options.page else _contents()
    except ValueError as error:
        return refuse("docs", error)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        console = Console()
        console.print(Markdown(text), width=min(console.width, 100))
    else:
        print(text)
    return 0


def folder() -> Path:
    """Where the pages lie."""
    return _SHIPPED if _SHIPPED.is_dir() else _PACKAGE.parent / "docs"


def pages() -> dict[str, Path]:
    """The pages by their names: `"guides/saving"`."""
    root = folder()
    found = sorted(root.rglob("*.md"), key=lambda path: (path.parent != root, path))
    return {path.relative_to(root).with_suffix("").as_posix(): path for path in found}


def read(wanted: str) -> str:
    """A page, or a section with the smaller ones below it.

    Args:
        wanted: The page's name, or its last part; then `#` and the section's heading, in
            small letters, with hyphens for spaces.

    Raises:
        ValueError: If there is no such page or section.

    >>> read("saving").splitlines()[0]
    '# Saving and loading'
    """
    name, _, section = wanted.partition("#")
    found = pages()
    name = name.removeprefix("docs/").removesuffix(".md")
    ends = [known for known in found if known.endswith(f"/{name}")]
    if name not in found and len(ends) == 1:
        (name,) = ends
    if name not in found:
        raise ValueError(f"no page {name!r}.{_near(name, list(found))}")
    text = found[name].read_text("utf-8")
    if not section:
        return text
    lines = text.splitlines()
    there = list(headings(text))
    for place, (line, level, anchor) in enumerate(there):
        if anchor == section:
            later = (start for start, deep, _ in there[place + 1 :] if deep <= level)
            return "\n".join(lines[line : next(later, len(lines))]).rstrip()
    names = [anchor for _, _, anchor in there]
    raise ValueError(f"{name} has no section {section!r}.{_near(section, names)}")


def headings(text: str) -> Iterator[tuple[int, int, str]]:
    """The headings of a page: line, level, and the name that links give them."""
    fenced = False
    for number, line in enumerate(text.splitlines()):
        fenced ^= line.lstrip().startswith("```")
        found = None if fenced else re.match(r"(#+) (.+)", line)
        if found:
            words = re.sub(r"[^\w\s-]", "", found[2]).strip().lower()
            yield number, len(found[1]), re.sub(r"[-\s]+", "-", words)


def _contents() -> str:
    lines = [f"# minikeras {minikeras.__version__}", ""]
    for name, path in pages().items():
        title = path.read_text("utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"- `{name}`: {title}")
    return "\n".join([*lines, "", "`minikeras docs PAGE` shows one of them."])


def _near(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return (
        f" Did you mean {near[0]!r}?" if near else " `minikeras docs` lists the pages."
    )
