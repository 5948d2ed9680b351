"""What is installed is what the tree says."""

import importlib.util
from importlib import metadata
from pathlib import Path

import pytest

import minikeras
from minikeras.engine import backend as registry

try:
    INSTALLED = metadata.distribution("minikeras")
except metadata.PackageNotFoundError:
    INSTALLED = None

installed = pytest.mark.skipif(INSTALLED is None, reason="minikeras is not installed")


@installed
def test_version_is_the_installed_one():
    assert minikeras.__version__ == INSTALLED.version


@installed
def test_entry_points_are_the_built_in_backends():
    points = {
        point.name: point.value
        for point in INSTALLED.entry_points
        if point.group == "minikeras.backends"
    }
    assert points == registry.BUILT_IN


@installed
def test_the_command_is_installed():
    scripts = [p for p in INSTALLED.entry_points if p.group == "console_scripts"]
    (command,) = (point.load() for point in scripts if point.name == "minikeras")
    assert callable(command)


@installed
def test_the_base_install_is_four_packages():
    base = [line for line in INSTALLED.requires if "extra ==" not in line]
    names = {line.split(">")[0].strip().replace("-", "_") for line in base}
    assert names == {"h5py", "ml_dtypes", "numpy", "rich"}


@pytest.mark.parametrize("package", ["minikeras", *registry.BUILT_IN.values()])
def test_packages_say_that_they_are_typed(package):
    found = importlib.util.find_spec(package.partition(":")[0])
    (folder,) = found.submodule_search_locations
    assert (Path(folder) / "py.typed").is_file()
