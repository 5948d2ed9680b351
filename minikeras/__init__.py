"""minikeras: the Keras 3 API with engines of its own.

`import minikeras as keras` in a Keras script works. Names are looked up when they are
first used, so that importing the package costs next to nothing.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from minikeras import narrow as _narrow
from minikeras.version import __version__, version

if TYPE_CHECKING:
    from minikeras import (
        activations,
        applications,
        backend,
        callbacks,
        config,
        constraints,
        datasets,
        distillation,
        distribution,
        dtype_policies,
        export,
        initializers,
        layers,
        losses,
        metrics,
        mixed_precision,
        models,
        ops,
        optimizers,
        preprocessing,
        quantizers,
        random,
        regularizers,
        saving,
        tree,
        utils,
        visualization,
        wrappers,
    )
    from minikeras.dtype_policies import DTypePolicy, FloatDTypePolicy
    from minikeras.engine.autodiff import GradientTape
    from minikeras.engine.custom_gradients import custom_gradient
    from minikeras.engine.tensor import Tensor
    from minikeras.initializers import Initializer
    from minikeras.layers import Input, InputSpec, Layer
    from minikeras.layers.base.node import KerasTensor, Operation
    from minikeras.layers.base.stateless import StatelessScope, SymbolicScope
    from minikeras.losses import Loss
    from minikeras.metrics import Metric
    from minikeras.models import Function, Model, Sequential
    from minikeras.naming import name_scope
    from minikeras.optimizers import Optimizer
    from minikeras.quantizers import Quantizer
    from minikeras.regularizers import Regularizer
    from minikeras.scopes import RematScope, device, remat
    from minikeras.training.function import function
    from minikeras.variable import Variable

_narrow.register()

# Public name -> the module that has it; a module's own name for a module.
_HOMES = {
    "DTypePolicy": "dtype_policies",
    "FloatDTypePolicy": "dtype_policies",
    "Function": "models",
    "GradientTape": "engine.autodiff",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "layers.base.node",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Operation": "layers.base.node",
    "Optimizer": "optimizers",
    "Quantizer": "quantizers",
    "Regularizer": "regularizers",
    "RematScope": "scopes",
    "Sequential": "models",
    "StatelessScope": "layers.base.stateless",
    "SymbolicScope": "layers.base.stateless",
    "Tensor": "engine.tensor",
    "Variable": "variable",
    "custom_gradient": "engine.custom_gradients",
    "device": "scopes",
    "function": "training.function",
    "name_scope": "naming",
    "remat": "scopes",
}
_MODULES = (
    "activations", "alias", "applications", "backend", "callbacks", "config", "constraints",
    "datasets", "distillation", "distribution", "dtype_policies", "export", "initializers",
    "layers", "losses", "metrics",
    "mixed_precision", "models", "ops", "optimizers", "preprocessing", "quantizers", "random",
    "regularizers",
    "saving", "testing", "training", "tree", "utils", "visualization",
    "wrappers",
)  # fmt: skip


class _Package(ModuleType):
    """This package; a namespace that is imported shows what is public, and no more."""

    def __setattr__(self, name: str, value: object) -> None:  # how Python says so
        if name in _MODULES and hasattr(value, "__all__"):
            vars(value).setdefault("__dir__", lambda: list(value.__all__))
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def _found(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(f"minikeras.{name}")
    elif name in _HOMES:
        # Tensors call ops; symbolic ones need what records their calls.
        importlib.import_module("minikeras.layers.base.node")
        value = getattr(importlib.import_module(f"minikeras.{_HOMES[name]}"), name)
    else:
        raise AttributeError(
            f"module 'minikeras' has no attribute {name!r}.",
            name=name,
            obj=sys.modules[__name__],
        )
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # to a type checker a name that is not there is an error
    __getattr__ = _found


def install_as_keras(tensorflow: bool = True, children: bool = False) -> None:
    """Let `import keras` and `import tensorflow.keras` mean minikeras, from now on.

    Args:
        tensorflow: Whether `tensorflow` is answered too.
        children: Whether processes that this one starts do the same.

    Raises:
        RuntimeError: If one of these packages was imported already.

    Example:

    >>> keras.install_as_keras()  # doctest: +SKIP
    >>> import keras as theirs  # doctest: +SKIP
    >>> theirs.layers.Dense is keras.layers.Dense  # doctest: +SKIP
    True
    """
    importlib.import_module("minikeras.alias").install(tensorflow, children)


def load_ipython_extension(ipython: object) -> None:
    """What `%load_ext minikeras` runs: `install_as_keras`, for the notebook."""
    install_as_keras()


def unload_ipython_extension(ipython: object) -> None:
    """What `%unload_ext minikeras` runs."""
    importlib.import_module("minikeras.alias").uninstall()


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "Function",
    "GradientTape",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Quantizer",
    "Regularizer",
    "RematScope",
    "Sequential",
    "StatelessScope",
    "SymbolicScope",
    "Tensor",
    "Variable",
    "__version__",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "custom_gradient",
    "datasets",
    "device",
    "distillation",
    "distribution",
    "dtype_policies",
    "export",
    "function",
    "initializers",
    "install_as_keras",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "ops",
    "optimizers",
    "preprocessing",
    "quantizers",
    "random",
    "regularizers",
    "remat",
    "saving",
    "tree",
    "utils",
    "version",
    "visualization",
    "wrappers",
]
