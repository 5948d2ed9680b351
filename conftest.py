"""The names that every example in a docstring may use without an import."""

from typing import Any

import numpy as np
import pytest

import minikeras


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(keras=minikeras, np=np)
