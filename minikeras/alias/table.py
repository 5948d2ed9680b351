"""From a module path of Keras or TensorFlow to what stands for it here.

`canonical` brings the many roots under which Keras can be reached to one; `entry` says
which modules of ours answer. A line here is all that a new path needs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from minikeras.alias.faces import Entry
from minikeras.alias.internals.all_objects import NAMESPACES
from minikeras.alias.keras2_paths import MOVED, NAMES, OTHER_ROOTS
from minikeras.alias.keras3_paths import INNER, PUBLIC
from minikeras.alias.tensorflow.names import MODULES as TENSORFLOW

_IDENTITY = "minikeras.alias.identity"

# Public paths that are answered by more, or by others, than minikeras's module of the name.
_PUBLIC_SOURCES = {
    "": ("minikeras",),
    "backend": ("minikeras.backend", "minikeras.alias.keras2_backend"),
    "legacy.saving": ("minikeras.saving",),
    "optimizers.legacy": ("minikeras.optimizers",),
    "preprocessing.image": ("minikeras.preprocessing.image", "minikeras.utils"),
    "preprocessing.sequence": ("minikeras.preprocessing.sequence", "minikeras.utils"),
    "utils.legacy": ("minikeras.utils.legacy",),
    "wrappers": ("minikeras.wrappers",),
}
_PUBLIC_NAMES = {
    "": {
        "__version__": f"{_IDENTITY}:__version__",
        "version": f"{_IDENTITY}:version",
    },
    "version": {"__version__": f"{_IDENTITY}:__version__"},
    "backend": {"backend": f"{_IDENTITY}:backend"},
    "config": {"backend": f"{_IDENTITY}:backend"},
}

_INSIDE = "minikeras.alias.internals"
# The same below `keras.src`; the longest path that fits is taken.
_INNER_SOURCES = {
    "": ("minikeras.models", "minikeras.layers"),
    "activations.activations": ("minikeras.activations", f"{_INSIDE}.op_classes"),
    "api_export": (f"{_INSIDE}.utils",),
    "applications.imagenet_utils": (
        "minikeras.applications.imagenet_utils",
        f"{_INSIDE}.networks",
    ),
    "backend": (
        f"{_INSIDE}.backend",
        "minikeras.backend",
        "minikeras",
        "minikeras.ops",
        "minikeras.random",
        "minikeras.config",
    ),
    "backend.common.backend_utils": (f"{_INSIDE}.small", f"{_INSIDE}.backend"),
    "backend.common.tensor_attributes": (f"{_INSIDE}.small",),
    "backend.image": ("minikeras.ops.image",),
    "backend.linalg": ("minikeras.ops.linalg", "minikeras.ops"),
    "backend.math": ("minikeras.ops",),
    "backend.nn": ("minikeras.ops.nn", "minikeras.ops"),
    "backend.numpy": ("minikeras.ops.numpy", "minikeras.ops"),
    "backend.numpy.image": ("minikeras.ops.image",),
    "backend.random": ("minikeras.random",),
    "backend.numpy.random": ("minikeras.random",),
    "datasets.cifar": (),
    "distribution": ("minikeras.distribution",),
    "layers": ("minikeras.layers", f"{_INSIDE}.layers"),
    "layers.preprocessing.image_preprocessing": (
        "minikeras.layers",
        f"{_INSIDE}.pictures",
    ),
    "layers.preprocessing.data_layer": ("minikeras.layers.preprocessing.data_layer",),
    "layers.preprocessing.feature_space": (
        "minikeras.utils",
        "minikeras.layers.preprocessing.features",
    ),
    "layers.preprocessing.image_preprocessing.bounding_boxes": (
        "minikeras.utils.bounding_boxes",
        f"{_INSIDE}.pictures",
    ),
    "layers.preprocessing.index_lookup": ("minikeras.layers.preprocessing.lookup",),
    "layers.rnn.conv_lstm": (
        "minikeras.layers.recurrent.conv_lstm",
        "minikeras.layers.recurrent.conv_lstm_cell",
    ),
    "legacy": (),
    "legacy.backend": ("minikeras.alias.keras2_backend", "minikeras.backend"),
    "legacy.layers": ("minikeras.alias.keras2_names", "minikeras.layers"),
    "legacy.losses": ("minikeras.alias.keras2_names",),
    "legacy.preprocessing": ("minikeras.preprocessing",),
    "legacy.preprocessing.image": ("minikeras.preprocessing.image",),
    "legacy.preprocessing.sequence": ("minikeras.preprocessing.sequence",),
    "legacy.preprocessing.text": ("minikeras.preprocessing.text",),
    "legacy.saving": ("minikeras.saving", f"{_INSIDE}.saving"),
    "legacy.saving.legacy_h5_format": (f"{_INSIDE}.hdf5_files",),
    "legacy.saving.serialization": ("minikeras.utils.legacy",),
    "losses": ("minikeras.losses", f"{_INSIDE}.losses"),
    "metrics": ("minikeras.metrics", f"{_INSIDE}.losses", f"{_INSIDE}.confusion"),
    "models": ("minikeras.models", "minikeras.layers"),
    "ops": ("minikeras.ops", "minikeras", f"{_INSIDE}.ops", f"{_INSIDE}.op_classes"),
    "ops.image": ("minikeras.ops.image", f"{_INSIDE}.op_classes"),
    "ops.linalg": ("minikeras.ops.linalg", "minikeras.ops", f"{_INSIDE}.op_classes"),
    "optimizers": ("minikeras.optimizers", f"{_INSIDE}.optimizers"),
    "optimizers.schedules": ("minikeras.optimizers.schedules",),
    "saving": ("minikeras.saving", f"{_INSIDE}.saving", f"{_INSIDE}.hdf5_files"),
    "trainers": (f"{_INSIDE}.trainers", f"{_INSIDE}.epochs", "minikeras.utils"),
    "utils": (
        f"{_INSIDE}.utils",
        f"{_INSIDE}.small",
        "minikeras.utils",
        "minikeras.backend",
    ),
    "utils.file_utils": (f"{_INSIDE}.files", f"{_INSIDE}.small", "minikeras.utils"),
    "utils.traceback_utils": (f"{_INSIDE}.utils", "minikeras.config"),
    "version": (_IDENTITY,),
    "wrappers": ("minikeras.wrappers",),
}
# Names in `keras.src` that no public module has.
_INNER_NAMES = {
    **{
        namespace: {
            "ALL_OBJECTS": f"{_INSIDE}.all_objects:{namespace}_set",
            "ALL_OBJECTS_DICT": f"{_INSIDE}.all_objects:{namespace}_dict",
        }
        for namespace in NAMESPACES
    },
    "applications.convnext": {
        "LayerScale": "minikeras.applications.convnext:LayerScale",
        "StochasticDepth": f"{_INSIDE}.networks:StochasticDepth",
    },
    "backend.numpy.random": {
        name: f"minikeras.random:{name}"
        for name in (
            "beta",
            "binomial",
            "categorical",
            "dropout",
            "gamma",
            "normal",
            "randint",
            "shuffle",
            "truncated_normal",
            "uniform",
        )
    },
    "dtype_policies.dtype_policy": {
        "dtype_policy": "minikeras.config:dtype_policy",
        "set_dtype_policy": "minikeras.config:set_dtype_policy",
    },
    "initializers.random_initializers": {
        "RandomInitializer": "minikeras.initializers.base:RandomInitializer",
        "compute_fans": "minikeras.initializers.scaled:compute_fans",
    },
    "metrics.accuracy_metrics": {
        "accuracy": "minikeras.metrics.accuracy_functions:accuracy",
    },
    "layers.attention.grouped_query_attention": {
        "GroupedQueryAttention": "minikeras.layers:GroupQueryAttention",
    },
    "wrappers.sklearn_wrapper": {
        "SKLBase": "minikeras.wrappers.estimators:KerasEstimator",
    },
    "utils.image_utils": {
        "smart_resize": "minikeras.preprocessing.image:smart_resize",
    },
    "applications.inception_resnet_v2": {
        "CustomScaleLayer": "minikeras.applications.inception_resnet_v2:CustomScaleLayer",
    },
}
# What Keras's own modules import, and others then take from there.
_EVERYWHERE = (
    f"{_INSIDE}.backend",
    f"{_INSIDE}.utils",
    f"{_INSIDE}.ops",
    f"{_INSIDE}.saving",
    "minikeras",
    "minikeras.random",
    "minikeras.config",
    "minikeras.models",
    "minikeras.utils.bounding_boxes",
    f"{_INSIDE}.small",
)
# Which of the backends' parts can be reached through `keras.src.backend` itself.
_BACKEND_PARTS = ("core", "image", "linalg", "math", "nn", "numpy", "random")


def canonical(fullname: str) -> str | None:
    """The one path that a module's many paths stand for; None if there is no such module.

    >>> canonical("tensorflow.keras.layers"), canonical("keras.api.models")
    ('keras.layers', 'keras.models')
    >>> canonical("keras.layers.none") is None
    True
    """
    for root in sorted(OTHER_ROOTS, key=len, reverse=True):
        if fullname == root or fullname.startswith(root + "."):
            fullname = "keras" + fullname[len(root) :]
            break
    name = _TWINS.get(fullname, fullname)
    return name if name in _entries() else None


# Parents of other roots that are no module of their own here.
_TWINS = {"keras.api._v2": "keras", "tensorflow.compat.v2": "tensorflow"}


def entry(name: str) -> Entry:
    """What a canonical path stands for."""
    return _entries()[name]


@cache
def _entries() -> dict[str, Entry]:
    """Every canonical path, and what answers there."""
    found = dict(TENSORFLOW)
    for path in _paths(PUBLIC):
        below = frozenset(PUBLIC.get(path, "").split())
        found[_join("keras", path)] = Entry(
            _PUBLIC_SOURCES.get(path, (f"minikeras.{path}", *_above(path))),
            _PUBLIC_NAMES.get(path, NAMES.get(path, {})),
            below | {"src"} if not path else below,
        )
    for path in _paths(INNER):
        below = frozenset(INNER.get(path, "").split())
        if path == "backend":
            below |= frozenset(_BACKEND_PARTS)
        names = _INNER_NAMES.get(path) or _PUBLIC_NAMES.get(path.split(".")[0], {})
        found[_join("keras.src", path)] = Entry(_inner_sources(path), names, below)
    for part in _BACKEND_PARTS:
        path = f"backend.{part}"
        found.setdefault(f"keras.src.{path}", Entry(_inner_sources(path)))
    for path, now in MOVED.items():
        found.setdefault(f"keras.{path}", _moved(path, now))
    for path in MOVED:
        _add_parents(found, f"keras.{path}")
    found["keras._tf_keras"] = Entry(names={"keras": "keras"})
    return found


def _paths(tree: dict[str, str]) -> list[str]:
    return ["", *(_join(above, word) for above in tree for word in tree[above].split())]


def _join(above: str, below: str) -> str:
    return f"{above}.{below}" if above and below else above or below


def _above(path: str) -> tuple[str, ...]:
    """The module above, whose names a module of one topic may also offer."""
    above = path.rpartition(".")[0]
    return (f"minikeras.{above}",) if above else ()


def _inner_sources(path: str) -> tuple[str, ...]:
    prefix = path
    while prefix and prefix not in _INNER_SOURCES:
        prefix = prefix.rpartition(".")[0]
    if prefix or not path:
        own = _INNER_SOURCES[prefix]
    else:
        top = f"minikeras.{path.split('.')[0]}"
        own = tuple(dict.fromkeys((f"minikeras.{path}", top)))
    return (*own, *(source for source in _EVERYWHERE if source not in own))


def _moved(path: str, now: str) -> Entry:
    sources = _PUBLIC_SOURCES.get(now, (f"minikeras.{now}",))
    if now == path:
        note = f"keras.{path} is of Keras 2, and is here for old scripts."
    else:
        new = _join("keras", now)
        note = f"keras.{path} is Keras 2's name for what {new} has now."
    return Entry(sources, NAMES.get(path, NAMES.get(now, {})), note=note)


def _add_parents(found: dict[str, Entry], name: str) -> None:
    """Modules of Keras 2 can be reached as attributes of the module above them."""
    above, _, last = name.rpartition(".")
    parent = found[above]
    if last not in parent.children:
        found[above] = replace(parent, hidden=parent.hidden | {last})
