"""Models: `keras.models`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from minikeras.models.cloning import clone_model
from minikeras.models.function import Function
from minikeras.models.functional import Functional
from minikeras.models.model import Model, model_from_json
from minikeras.models.sequential import Sequential
from minikeras.saving.model_files import load_model, save_model

if TYPE_CHECKING:
    from minikeras.models.onnx_import import OnnxGraph, load_onnx

_FOR_ONNX = ("OnnxGraph", "load_onnx")


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    """What reads ONNX files is imported by who asks for it."""
    if name in _FOR_ONNX:
        return getattr(importlib.import_module("minikeras.models.onnx_import"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Function",
    "Functional",
    "Model",
    "OnnxGraph",
    "Sequential",
    "clone_model",
    "load_model",
    "load_onnx",
    "model_from_json",
    "save_model",
]
