"""Models: `keras.models`."""

from minikeras.models.cloning import clone_model
from minikeras.models.function import Function
from minikeras.models.functional import Functional
from minikeras.models.model import Model, model_from_json
from minikeras.models.onnx_import import OnnxGraph, load_onnx
from minikeras.models.sequential import Sequential
from minikeras.saving.model_files import load_model, save_model


def __dir__() -> list[str]:
    return __all__


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
