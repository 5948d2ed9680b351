"""Hold the list of Keras's tests in docs/differences.md against what a run of them gave.

    PYTHONPATH=. python tests/docs/keras_tests.py RESULTS [ONLY ...]

RESULTS is what a runner of Keras's unit tests wrote: JUnit XML, JSON that has ids as keys and
outcomes as values (or lists that begin with one), or a text of failing ids, one a line.
ONLY are beginnings of ids (`layers/core ops/numpy_test.py`). What fails and is not listed is
printed, and what is listed and passes; the exit status is 1 if there is any.

An id is `layers/core/dense_test.py::DenseTest::test_dense_basics`, from `keras/src` on. In the
document `*` stands for anything: `test_*int8*`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree

DOCUMENT = Path(__file__).parents[2] / "docs/differences.md"
HEADING = "## Keras's own unit tests"
# Only these are misses; others (skips, what tests private names) are not asked for.
MISSES = ("failed", "failure", "error", "not run")
_ID = re.compile(r"`([^`\s]+_test\.py::[^`]+)`")


def rows(text: str) -> list[list[str]]:
    """The cells of each row of all tables, without headings."""
    cells = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("|") and not line.startswith("|---")
    ]
    return [row for row in cells if row[-2:] != ["why", "test"]]


def listed(text: str) -> dict[str, list[list[str]]]:
    """The ids in the section about Keras's tests, each with the rows that it stands in."""
    section = text.partition(f"\n{HEADING}\n")[2].partition("\n## ")[0]
    found: dict[str, list[list[str]]] = {}
    for row in rows(section):
        for test in _ID.findall(row[0]):
            found.setdefault(test, []).append(row)
    return found


def covering(test: str, ids: list[str]) -> list[str]:
    """Those of the listed ids that stand for a test; parameters are part of its name."""
    escaped = [(i, i.replace("[", "[[]")) for i in ids]
    return [i for i, pattern in escaped if fnmatchcase(test, pattern)]


def outcomes(path: Path) -> dict[str, str]:
    """Ids from `keras/src` on, with their outcomes, out of a file of results."""
    text = path.read_text(encoding="utf-8")
    if text.lstrip().startswith("<"):
        found = _of_junit(ElementTree.fromstring(text))
    elif text.lstrip().startswith("{"):
        found = _of_json(json.loads(text))
    else:
        found = ((line.strip(), "failed") for line in text.splitlines() if line.strip())
    return {test.rpartition("keras/src/")[2]: outcome for test, outcome in found}


def _of_junit(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    for case in root.iter("testcase"):
        module, _, cls = case.get("classname", "").rpartition("_test.")
        name = f"{module.replace('.', '/')}_test.py::{cls}::{case.get('name')}"
        worst = [
            part.tag for part in case if part.tag in ("failure", "error", "skipped")
        ]
        yield name, worst[0] if worst else "passed"


def _of_json(value: object) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        return
    for key, inside in value.items():
        if "_test.py::" not in key:
            yield from _of_json(inside)
        else:
            yield key, inside[0] if isinstance(inside, list) else str(inside)


def compare(found: dict[str, str], ids: list[str]) -> tuple[list[str], list[str]]:
    """Tests that fail and are not listed; listed ids of which all that ran passed."""
    stated: dict[str, list[str]] = {}
    unlisted = []
    for test, outcome in found.items():
        cover = covering(test, ids)
        for known in cover:
            stated.setdefault(known, []).append(outcome)
        if outcome in MISSES and not cover:
            unlisted.append(test)
    passing = [known for known, all_of in stated.items() if set(all_of) == {"passed"}]
    return sorted(unlisted), sorted(passing)


def main(arguments: list[str]) -> int:
    """Print what differs."""
    if not arguments:
        print(__doc__)
        return 2
    found = outcomes(Path(arguments[0]))
    only = tuple(arguments[1:])
    if only:
        found = {test: o for test, o in found.items() if test.startswith(only)}
    ids = list(listed(DOCUMENT.read_text(encoding="utf-8")))
    unlisted, passing = compare(found, ids)
    for test in unlisted:
        print(f"fails, not listed: {test}")
    for test in passing:
        print(f"listed, passes: {test}")
    print(
        f"{len(found)} tests, {len(unlisted)} unlisted, {len(passing)} listed in vain"
    )
    return bool(unlisted or passing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
