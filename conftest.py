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
# Examples that read or write pictures.
_OF_PILLOW = ("images.load_img", "image_dataset.image_dataset_from_directory")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips examples of which an optional package is missing."""
    if importlib.util.find_spec("PIL"):
        return
    for item in items:
        if isinstance(item, pytest.DoctestItem) and item.name.endswith(_OF_PILLOW):
            item.add_marker(pytest.mark.skip(reason="needs Pillow"))


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(keras=minikeras, np=np)
