"""What all layers are made of; `Layer` is the class to subclass."""

from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.layer import Layer

__all__ = ["InputSpec", "Layer"]
