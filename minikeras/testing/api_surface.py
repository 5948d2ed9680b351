"""The public surface of a package: every public name with its signature, as text.

A surface is a dict from a dotted name to a line that describes it:

    "ops.add"            "(x1, x2)"
    "layers.Dense"       "Layer(units, activation=None, ...)"
    "layers.Dense.call"  "(inputs, training=None)"

Annotations are left out. Of a class, members that a base with a public name of its own
has in the same form are not repeated: the base is named in front of the signature.
"""

from __future__ import annotations

import importlib
import inspect
import re
import types
from collections.abc import Iterator
from typing import Any

Surface = dict[str, str]

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def surface(package: str) -> Surface:
    """Every public name of an installed package.

    Args:
        package: Name of the package; its public names are those of `__all__` where a
            module has one.

    Returns:
        Dotted names without the package's, with what stands for their signatures.

    Example:

    >>> found = surface("minikeras")
    >>> found["ops.add"], found["regularizers.L1"]
    ('(x1, x2)', 'Regularizer(l1=0.01)')
    """
    root = importlib.import_module(package)
    names: dict[str, Any] = {}
    for module, prefix in _modules(root, package, ""):
        for name, value in _public(module, package):
            names[prefix + name] = value
    bases = _public_classes(names)
    found: Surface = {}
    for name, value in names.items():
        if inspect.isclass(value):
            found |= _of_class(name, value, bases, package)
        else:
            found[name] = signature(value) if callable(value) else "data"
    return found


def namespace_of(name: str, namespaces: set[str]) -> str:
    """The longest namespace that a dotted name begins with; `""` is the top."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        if ".".join(parts[:end]) in namespaces:
            return ".".join(parts[:end])
    return ""


def namespaces(package: str) -> set[str]:
    """The public modules of a package, without its own name.

    Args:
        package: Name of the package.

    Returns:
        Dotted names; `""` is the package itself.

    Example:

    >>> {"ops", "optimizers.schedules"} <= namespaces("minikeras")
    True
    """
    root = importlib.import_module(package)
    return {prefix[:-1] for _, prefix in _modules(root, package, "")}


def _modules(
    module: types.ModuleType, package: str, prefix: str
) -> Iterator[tuple[types.ModuleType, str]]:
    """The module and its public submodules, each with the prefix of its names."""
    yield module, prefix
    for name in _names(module):
        value = getattr(module, name)
        path = f"{package}.{prefix}{name}"
        if isinstance(value, types.ModuleType) and value.__name__ == path:
            yield from _modules(value, package, f"{prefix}{name}.")


def _names(module: types.ModuleType) -> list[str]:
    declared = getattr(module, "__all__", None)
    names = dir(module) if declared is None else declared
    return sorted(n for n in set(names) if not n.startswith("_") and n != "src")


def _public(module: types.ModuleType, package: str) -> Iterator[tuple[str, Any]]:
    """The names of a module that are no modules; without `__all__`, its package's own."""
    for name in _names(module):
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            continue
        home = getattr(value, "__module__", None)
        own = isinstance(home, str) and home.partition(".")[0] == package
        if package == "minikeras" and not hasattr(module, "__all__"):
            own = home == module.__name__
        if own or hasattr(module, "__all__"):
            yield name, value


def _public_classes(names: dict[str, Any]) -> dict[type, str]:
    """The shortest name of each public class."""
    found: dict[type, str] = {}
    for name in sorted(names, key=lambda n: (n.count("."), n)):
        if inspect.isclass(names[name]):
            found.setdefault(names[name], name)
    return found


def _of_class(name: str, cls: type, bases: dict[type, str], package: str) -> Surface:
    public = [b for b in cls.__mro__[1:] if b in bases]
    base = bases[public[0]].rpartition(".")[2] if public else ""
    found = {name: base + signature(cls)}
    if bases[cls] != name:  # another name for the same class
        return found
    for member in sorted(dir(cls)):
        if member.startswith("_") and member != "__call__":
            continue
        value = inspect.getattr_static(cls, member)
        owner = next(c for c in cls.__mro__ if member in vars(c))
        if owner.__module__.partition(".")[0] != package:
            continue
        text = _of_member(value)
        known = [b for b in public if member in dir(b)]
        if any(_of_member(inspect.getattr_static(b, member)) == text for b in known):
            continue
        found[f"{name}.{member}"] = text
    return found


def _of_member(value: Any) -> str:
    if isinstance(value, (classmethod, staticmethod)):
        skip = isinstance(value, classmethod)
        return signature(value.__func__, skip_first=skip)
    if inspect.isfunction(value):
        return signature(value, skip_first=True)
    if isinstance(value, type):
        return "class"
    return "property" if not callable(value) else signature(value)


def signature(value: Any, *, skip_first: bool = False) -> str:
    """The parameters of a callable: names, kinds and defaults, without annotations.

    Args:
        value: Function, method or class.
        skip_first: Whether to leave out the first one, `self` or `cls`.

    Returns:
        Text in parentheses; `"(?)"` where Python knows none.

    Example:

    >>> def scale(x, *, by: float = 2.0) -> float: ...
    >>> signature(scale)
    '(x, *, by=2)'
    """
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return "(?)"
    parameters = parameters[1:] if skip_first else parameters
    plain = [
        p.replace(annotation=inspect.Parameter.empty, default=_default(p.default))
        for p in parameters
    ]
    return str(inspect.Signature(plain))


class _Shown:
    """A default that prints as a given text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _default(value: Any) -> Any:
    if value is inspect.Parameter.empty:
        return value
    if inspect.isclass(value) or inspect.isfunction(value):
        return _Shown(value.__name__)
    # Whole floats and integers are one default to a caller, as are lists and tuples.
    if type(value) is float and value.is_integer():
        value = int(value)
    if isinstance(value, list):
        value = tuple(value)
    return _Shown(_ADDRESS.sub("", repr(value)))
