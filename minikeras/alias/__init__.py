"""minikeras under Keras's name: `import keras` and `import tensorflow.keras` get it.

Three ways lead here: `python -m minikeras run script.py`, a call of
`minikeras.install_as_keras()` before the first `import keras`, and `%load_ext minikeras` in
a notebook. Packages that are installed stay as they are; this only answers first.
"""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
import types
from pathlib import Path

from minikeras.alias.faces import Face
from minikeras.alias.finder import GIVEN, Finder
from minikeras.engine.errors import see

_CHILDREN = Path(__file__).resolve().parent / "children"
# What stands in front of a child's module path: for keras, and for tensorflow.
FOLDERS = (_CHILDREN / "keras_path", _CHILDREN / "tensorflow_path")
ROOTS = ("keras", "tf_keras", "tensorflow")


def install(tensorflow: bool = True, children: bool = False) -> None:
    """Let `import keras` mean minikeras, in this process from now on.

    Calling it again changes nothing, but for what the arguments ask in addition.

    Args:
        tensorflow: Whether `tensorflow` is answered too: its `keras`, and the handful of
            names that Keras scripts use beside it.
        children: Whether processes that this one starts do the same. It puts a folder
            in front of the environment variable `PYTHONPATH` and of `sys.path`.

    Raises:
        RuntimeError: If one of these packages was imported already.

    Example, at the top of a program::

        import minikeras

        minikeras.install_as_keras()
        import keras  # minikeras
    """
    wanted: tuple[str, ...] = ROOTS if tensorflow else ROOTS[:2]
    present = _finder()
    if present is not None:
        wanted = tuple(root for root in ROOTS if root in {*present.roots, *wanted})
    for root in wanted:
        _refuse_loaded(root)
    if present is None:
        sys.meta_path.insert(0, Finder(wanted))
    else:
        present.roots = wanted
    if children:
        _share("tensorflow" in wanted)


def uninstall() -> None:
    """Undo `install`: later imports find what is installed.

    Names that were imported meanwhile go on working: they are minikeras's own.
    """
    present = _finder()
    if present is None:
        return
    sys.meta_path.remove(present)
    for name in GIVEN.values():
        if name in sys.modules:
            sys.modules[name].take()
    for name, loaded in list(sys.modules.items()):
        if isinstance(loaded, Face):
            del sys.modules[name]


def installed() -> bool:
    """Whether `import keras` means minikeras now.

    >>> installed()
    False
    """
    return _finder() is not None


def module(name: str) -> types.ModuleType:
    """The module that `import name` gives while this is installed."""
    if isinstance(sys.modules.get(name), Face):
        return sys.modules[name]
    sys.modules.pop(name, None)
    return importlib.import_module(name)


def python_path(before: str | None, tensorflow: bool = True) -> str:
    """A `PYTHONPATH` under which a new Python process has the alias.

    Args:
        before: What the variable holds now.
        tensorflow: Whether `tensorflow` is to be answered too.
    """
    words = [word for word in (before or "").split(os.pathsep) if word]
    words = [word for word in words if word not in map(str, FOLDERS)]
    package = FOLDERS[0].parents[3]
    if not _is_installed(package) and str(package) not in words:
        # A source tree: children must find this minikeras, and no other before it.
        others = [
            i for i, word in enumerate(words) if (Path(word) / "minikeras").is_dir()
        ]
        words.insert(others[0] if others else len(words), str(package))
    return os.pathsep.join([*map(str, FOLDERS[: 2 if tensorflow else 1]), *words])


def install_in_child() -> None:
    """`install`, as the folders on the module path ask for it."""
    install(tensorflow=str(FOLDERS[1]) in sys.path)


def _is_installed(folder: Path) -> bool:
    """Whether every Python of this environment looks into a folder by itself."""
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return any(folder == Path(place).resolve() for place in places)


def _share(tensorflow: bool) -> None:
    os.environ["PYTHONPATH"] = python_path(os.environ.get("PYTHONPATH"), tensorflow)
    wanted = [str(folder) for folder in FOLDERS[: 2 if tensorflow else 1]]
    # What `multiprocessing` hands on; a script's own folder stays first.
    sys.path[1:1] = [folder for folder in wanted if folder not in sys.path]


def _finder() -> Finder | None:
    return next((f for f in sys.meta_path if isinstance(f, Finder)), None)


def _refuse_loaded(root: str) -> None:
    loaded = sys.modules.get(root)
    if loaded is None or isinstance(loaded, Face):
        return
    if str(getattr(loaded, "__file__", "")).startswith(str(_CHILDREN)):
        return  # the child's stand-in, about to be replaced
    raise RuntimeError(
        f"install_as_keras: {root} is imported already, from {loaded.__file__}. Call it "
        f"before the first import of {root}, or start the script with "
        "`python -m minikeras run`." + see("guides/drop-in.md")
    )
