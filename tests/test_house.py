"""What keeps the code easy to live in: types that say something, files of a size to read."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    [*(ROOT / "minikeras").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]
)
LONGEST_FILE = 600
LONGEST_FUNCTION = 60
# Shares of arguments and of results of which nothing is said but `Any`: reached, not to be
# lost.
MOST_ANY = {"minikeras": 0.047, "backends": 0.06}
MOST_ANY_RESULTS = {"minikeras": 0.1, "backends": 0.04}


@functools.cache
def text_of(path):
    return path.read_text(encoding="utf-8")


@functools.cache
def functions_of(path):
    """All functions of a file, the inner ones too."""
    return functions(ast.parse(text_of(path)))


def functions(tree):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def of_folder(folder):
    """All functions of a folder's files."""
    paths = [path for path in SOURCES if path.is_relative_to(ROOT / folder)]
    return [function for path in paths for function in functions_of(path)]


def is_any(annotation):
    """Whether it is `Any`, alone or in a union, which then says no more."""
    if isinstance(annotation, ast.BinOp):
        return is_any(annotation.left) or is_any(annotation.right)
    return isinstance(annotation, ast.Name) and annotation.id == "Any"


def annotations(function):
    a = function.args
    every = [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg]
    return [x.annotation for x in every if x is not None and x.annotation]


def test_what_counts_as_any():
    text = "def f(a, b: Any, *c: int | Any, d: list[Any], **e: object): ..."
    (function,) = functions(ast.parse(text))
    assert list(map(is_any, annotations(function))) == [True, False, True, False]


@pytest.mark.parametrize("folder", MOST_ANY)
def test_types_of_arguments_say_something(folder):
    found = [is_any(a) for f in of_folder(folder) for a in annotations(f)]
    share = sum(found) / len(found)
    assert share <= MOST_ANY[folder], (
        f"{share:.1%} of the arguments in {folder}/ are Any; say what they are "
        "(minikeras/types.py), or `object` where nothing is asked of them."
    )


@pytest.mark.parametrize("folder", MOST_ANY_RESULTS)
def test_types_of_results_say_something(folder):
    found = [is_any(f.returns) for f in of_folder(folder) if f.returns]
    share = sum(found) / len(found)
    assert share <= MOST_ANY_RESULTS[folder], f"{share:.1%} of the results are Any"


def test_files_can_be_read_in_one_go():
    lengths = {p: len(text_of(p).splitlines()) for p in SOURCES}
    assert not {p.name: n for p, n in lengths.items() if n > LONGEST_FILE}


def body_length(function):
    """Its lines without signature, which Keras often fixes, and docstring."""
    first, last = function.body[0], function.body[-1]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    if documented and isinstance(first.value.value, str):
        return last.end_lineno - first.end_lineno
    return last.end_lineno - first.lineno + 1


def test_functions_can_be_read_in_one_go():
    lengths = {
        f"{path.relative_to(ROOT)}:{node.lineno}": body_length(node)
        for path in SOURCES
        for node in functions_of(path)
    }
    assert not {at: n for at, n in lengths.items() if n > LONGEST_FUNCTION}


def test_ignored_types_give_the_reason():
    bare = re.compile(r"# type: ignore(?!\[[\w, -]+\]  # \S)")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if bare.search(line)
    ]
    assert not found, f"after the code in brackets, say why: {', '.join(found)}"


def broad(handler):
    """Whether a handler takes any exception."""
    kinds = getattr(handler.type, "elts", [handler.type])
    names = {getattr(kind, "id", None) for kind in kinds}
    return bool(names & {"Exception", "BaseException"}) or handler.type is None


def test_what_catches_everything_raises_it_or_says_why_not():
    found = []
    for path in SOURCES:
        text = text_of(path)
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ExceptHandler) and broad(node):
                last = node.body[-1]
                raises = isinstance(last, ast.Raise) and last.exc is None
                if not raises and "  # " not in lines[node.lineno - 1]:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found, f"name the errors, or say why it is any: {', '.join(found)}"


def is_row_name(node, known):
    """Whether it is the name of a primitive row, by its own name or one in `known`."""
    if isinstance(node, ast.Attribute) and node.attr == "name":
        owner = getattr(node.value, "attr", getattr(node.value, "id", None))
        return owner in ("prim", "row", "core")
    return isinstance(node, ast.Name) and node.id in known


def named(function):
    """The variables of a function that hold a row's name."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            whole = isinstance(node.targets[0], ast.Tuple)
            targets = node.targets[0].elts if whole else node.targets
            values = getattr(node.value, "elts", ()) if whole else [node.value]
            pairs = zip(targets, values)
            found |= {ast.unparse(a) for a, b in pairs if is_row_name(b, ())}
    return found


def is_text(node):
    """Whether it is a string that is written there, or some."""
    parts = getattr(node, "elts", [node])
    return any(isinstance(getattr(part, "value", None), str) for part in parts)


def compared_names(functions):
    """The lines where a row's name is compared with one that is written there."""
    for function in functions:
        known = named(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                if any(is_row_name(side, known) for side in sides):
                    if any(is_text(side) for side in sides):
                        yield node.lineno


def test_what_counts_as_a_compared_name():
    text = """
def f(node, made):
    a, name = node.inputs, node.prim.name
    if name == "exp" or node.prim.name in ("log", "sin"):
        return made.prim.name != "sum"
    return node.prim.name in TABLE or node.prim is exp or name == other
"""
    assert sorted(compared_names(functions(ast.parse(text)))) == [4, 4, 5]


def test_rows_are_asked_and_not_called_by_name():
    folders = ("minikeras/engine", "minikeras/export", "backends")
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in compared_names(functions_of(path))
    ]
    assert not found, (
        "ask for a facet or a kind of the row (`Facets` in engine/primitive.py), or "
        f"whether it is the row itself (`node.prim is prims.exp`): {', '.join(found)}"
    )
