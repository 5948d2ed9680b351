"""The public API of a package as a table of text, for comparing and keeping.

One entry for each public function, class, method and property:

    "ops.add"                 "(x1, x2)"
    "layers.Dense"            "(units, activation=None, ...)", the constructor
    "layers.Layer.add_loss"   "(loss)"
    "layers.Layer.variables"  "property" or "property, settable"
    "layers.Dense <"          "Layer, Operation", the public classes it derives from

A member that a class has from a public base, unchanged, is not listed again. What
instances alone have is not listed at all.
"""

from __future__ import annotations

import dis
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

NAMESPACES = (
    "", "activations", "applications",
    "applications.convnext", "applications.densenet", "applications.efficientnet",
    "applications.efficientnet_v2", "applications.imagenet_utils",
    "applications.inception_resnet_v2", "applications.inception_v3", "applications.mobilenet",
    "applications.mobilenet_v2", "applications.mobilenet_v3", "applications.nasnet",
    "applications.resnet", "applications.resnet50", "applications.resnet_v2",
    "applications.vgg16", "applications.vgg19", "applications.xception",
    "backend", "callbacks", "config", "constraints", "datasets",
    "distribution", "dtype_policies", "export", "initializers", "layers", "losses", "metrics",
    "mixed_precision", "models", "ops", "ops.image", "ops.linalg", "ops.nn", "ops.numpy",
    "optimizers", "optimizers.schedules", "preprocessing.image", "preprocessing.sequence",
    "quantizers", "random", "regularizers", "saving", "tree", "utils", "visualization", "wrappers",
)  # fmt: skip
ATTRIBUTE = "attribute"  # what a class or its instances have that is none of these
BASES = " <"  # the end of the key that says what a class derives from

Table = dict[str, str]


def namespace(root: Any, path: str) -> Any:
    """The module, class or object at a dotted path of a package; None if missing."""
    found = root
    for part in filter(None, path.split(".")):
        found = getattr(found, part, None)
        if found is None:
            try:
                return importlib.import_module(f"{root.__name__}.{path}")
            except ImportError:
                return None
    return found


def _default(value: object) -> str:
    """A default as text that is the same for both libraries and in every process."""
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(map(_default, value)) + ")"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    return str(getattr(value, "__name__", type(value).__name__))


def signature(thing: Callable[..., Any], bound: bool = False) -> str:
    """Parameters in order, with kinds and defaults; "" for what is no function.

    Args:
        thing: Function, or class: then it is about the constructor.
        bound: Whether to leave out the first parameter, `self`.
    """
    function = thing.__init__ if inspect.isclass(thing) else thing
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ""
    if inspect.isclass(thing) or bound:
        parameters = parameters[1:]
    shown: list[str] = []
    named = False
    for i, p in enumerate(parameters):
        if p.kind is p.KEYWORD_ONLY and not named:
            shown.append("*")
        named = named or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        stars = "*" * ((p.kind is p.VAR_POSITIONAL) + 2 * (p.kind is p.VAR_KEYWORD))
        tail = "" if p.default is p.empty else f"={_default(p.default)}"
        shown.append(f"{stars}{p.name}{tail}")
        after = parameters[i + 1].kind if i + 1 < len(parameters) else None
        if p.kind is p.POSITIONAL_ONLY is not after:
            shown.append("/")
    return f"({', '.join(shown)})"


def member(thing: object) -> str:
    """What stands for a member of a class, as it lies in the class's dict."""
    if isinstance(thing, property):
        return "property" if thing.fset is None else "property, settable"
    if isinstance(thing, classmethod):
        return signature(thing.__func__, bound=True)
    if isinstance(thing, staticmethod):
        return signature(thing.__func__)
    if inspect.isfunction(thing):
        return signature(thing, bound=True)
    return signature(thing) if callable(thing) else ATTRIBUTE


@functools.cache
def _own(cls: type) -> Table:
    """What a class itself has, and the attributes that its methods set."""
    found = dict.fromkeys(inspect.get_annotations(cls), ATTRIBUTE)
    for thing in filter(inspect.isfunction, cls.__dict__.values()):
        for step in dis.get_instructions(inspect.unwrap(thing)):
            if step.opname == "STORE_ATTR":
                found[step.argval] = ATTRIBUTE
    found.update((name, member(thing)) for name, thing in cls.__dict__.items())
    return {name: what for name, what in found.items() if not name.startswith("_")}


@functools.cache
def members(cls: type) -> Table:
    """The public members of a class, inherited ones too."""
    found: Table = {}
    for base in cls.__mro__[:-1]:
        for name, what in _own(base).items():
            found.setdefault(name, what)
    return dict(sorted(found.items()))


def _public(root: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The functions and classes in a namespace that are of the package itself."""
    owner = namespace(root, path)
    for name in sorted(getattr(owner, "__all__", dir(owner))):
        thing = getattr(owner, name, None)
        home = str(getattr(thing, "__module__", ""))
        if callable(thing) and not name.startswith("_"):
            if home.partition(".")[0] == root.__name__:
                yield name, thing


def classes(root: object) -> dict[type, str]:
    """The public classes of a package and their names; of two names the first."""
    found: dict[type, str] = {}
    for path in NAMESPACES:
        for name, thing in _public(root, path):
            if inspect.isclass(thing):
                found.setdefault(thing, f"{path}.{name}".lstrip("."))
    return found


def bases(cls: type, known: dict[type, str]) -> list[type]:
    """The public classes that a class derives from."""
    return [base for base in cls.__mro__[1:] if base in known]


def of_class(cls: type, known: dict[type, str], whole: bool = False) -> Table:
    """The entries of one public class: its members, and the public classes above it.

    Args:
        cls: The class.
        known: All public classes and their names.
        whole: Whether to list also what it has unchanged from those.
    """
    name, above = known[cls], bases(cls, known)
    inherited = [members(base) for base in above] if not whole else []
    made = {
        f"{name}.{key}": what
        for key, what in members(cls).items()
        if what != ATTRIBUTE and all(table.get(key) != what for table in inherited)
    }
    if above:
        made[name + BASES] = ", ".join(sorted(known[base] for base in above))
    return made


def functions(root: object, namespaces: Sequence[str] = NAMESPACES) -> dict[str, Any]:
    """Every public function and class of a package by its full name."""
    found: dict[str, Any] = {}
    for path in namespaces:
        for name, thing in _public(root, path):
            found[f"{path}.{name}".lstrip(".")] = thing
    return found


def public(
    root: object, namespaces: Sequence[str] = NAMESPACES, whole: bool = False
) -> Table:
    """The table of a package; `whole` also lists what classes inherit unchanged."""
    found: Table = {}
    known = classes(root)
    for name, thing in functions(root, namespaces).items():
        found[name] = signature(thing)
        if inspect.isclass(thing) and known[thing] == name:
            found.update(of_class(thing, known, whole))
    return found
