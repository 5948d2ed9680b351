"""What every test gets: fixed generated cases, fixed seeds, checked graphs."""

import importlib.util
import os
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# The engine re-infers every graph after each pass. Read when graphs are first made.
os.environ["MINIKERAS_CHECK"] = "1"

settings.register_profile("minikeras", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("minikeras")

SEED = 1234
# What `pytest -m fast tests` runs: under a minute, something of every floor.
FAST = """
    test_tiny.py test_tree.py test_config.py test_variable.py test_imports.py test_house.py
    engine/test_registry.py engine/test_bits.py engine/test_copy_on_write.py engine/test_passes.py
    backends/numpy/test_groups.py backends/kernels/test_writer.py
    backends/numba/test_backend.py backends/numba/tiles/test_tile.py
    drawing/test_svg.py ops/test_composed.py random/test_seeds.py
    saving/test_serialization.py saving/test_bytecode.py
    initializers/test_initializers.py
    regularizers/test_regularizers.py constraints/test_constraints.py
    layers/test_state.py losses/test_edges.py metrics/test_weights_and_parts.py
    models/test_sequential.py training/test_steps.py distribution/test_exchange.py
    callbacks/test_hooks.py utils/test_small.py visualization/test_html.py
    preprocessing/test_keras_2.py alias/test_keras2_names.py
    command/test_docs.py applications/test_options.py distillation/test_distillation.py
    datasets/test_mnist5k.py extend/test_op.py docs/test_architecture.py
""".split()  # noqa: SIM905 - readable


FAST_FILES = frozenset(Path(__file__).parent / name for name in FAST)


def pytest_ignore_collect(collection_path, config):
    """For the inner loop nothing else is even imported."""
    if config.option.markexpr == "fast" and collection_path.suffix == ".py":
        return True if collection_path not in FAST_FILES else None
    return None


def pytest_collection_modifyitems(items):
    for item in items:
        # Keras alone takes seconds to import.
        if item.path in FAST_FILES and not item.get_closest_marker("oracle"):
            item.add_marker("fast")


def backends():
    """`MINIKERAS_TEST_BACKENDS` (comma-separated); else numpy, and numba if installed."""
    named = os.environ.get("MINIKERAS_TEST_BACKENDS", "")
    names = [name.strip() for name in named.split(",") if name.strip()]
    if names:
        return names
    return ["numpy"] + ["numba"] * (importlib.util.find_spec("llvmlite") is not None)


BACKENDS = backends()
# Tests that do not ask for a backend run on the first one that is tested.
os.environ["MINIKERAS_BACKEND"] = BACKENDS[0]


@pytest.fixture(params=BACKENDS)
def backend(request):
    """The name of the backend in use, each tested one in turn."""
    from minikeras import config

    before = config.backend()
    config.set_backend(request.param)
    yield request.param
    config.set_backend(before)


@pytest.fixture(autouse=True)
def _seeds():
    """Global generators start each test from the same place."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002
    # A test of the lower floors may not have loaded the generators of the face.
    if "minikeras.utils" in sys.modules:
        sys.modules["minikeras.utils"].set_random_seed(SEED)


@pytest.fixture(params=["minikeras", pytest.param("keras", marks=pytest.mark.oracle)])
def lib(request):
    """The same test on our package and on the real keras, where it is installed."""
    if request.param == "minikeras":
        import minikeras

        yield minikeras
        return
    from tests.goldens import oracle

    keras = oracle.keras()
    keras.utils.set_random_seed(SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # keras's own
        yield keras


@pytest.fixture
def followed(monkeypatch):
    """How often a recipe was followed."""
    # Here: what imports an engine is not wanted before the suite's settings are made.
    from minikeras.engine import recipes

    count = []
    for name in ("made", "tensors"):
        plain = getattr(recipes.Recipe, name)

        def counted(self, *args, plain=plain):
            count.append(self)
            return plain(self, *args)

        monkeypatch.setattr(recipes.Recipe, name, counted)
    return count
