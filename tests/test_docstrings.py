"""Every public function of the functional namespaces says what it takes, and shows it."""

import functools
import inspect
import re

import pytest

import minikeras

NAMESPACES = (
    "ops",
    "ops.image",
    "ops.linalg",
    "ops.nn",
    "ops.numpy",
    "activations",
    "random",
    "tree",
)
# Arguments that Keras has everywhere: named after what they do, told in one place.
EVERYWHERE = {"self", "args", "kwargs", "name"}


def functions():
    for namespace in NAMESPACES:
        module = functools.reduce(getattr, namespace.split("."), minikeras)
        for name in getattr(module, "__all__", dir(module)):
            function = getattr(module, name)
            if not name.startswith("_") and inspect.isfunction(function):
                yield pytest.param(function, id=f"{namespace}.{name}")


@pytest.mark.parametrize("function", list(functions()))
def test_documented(function):
    text = inspect.getdoc(function) or ""
    assert text.splitlines()[0].endswith("."), "a summary in one sentence"
    missing = [
        name
        for name in inspect.signature(function).parameters
        if name not in EVERYWHERE
        and not re.search(rf"(^|[\s,`*]){re.escape(name)}\b", text)
    ]
    assert not missing, f"arguments without a word: {missing}"
    assert ">>>" in text, "an example that runs as a doctest"
