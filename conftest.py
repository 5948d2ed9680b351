"""The names that every example in a docstring may use without an import."""

import importlib.util
from typing import Any

import numpy as np
import pytest

import minikeras

# Modules that cannot be imported for their examples without an optional package.
collect_ignore = []
if not importlib.util.find_spec("sklearn"):
    collect_ignore += [
        "minikeras/alias/keras2_scikit_learn.py",
        "minikeras/wrappers/estimators.py",
    ]


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(keras=minikeras, np=np)
