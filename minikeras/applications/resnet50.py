"""ResNet50 by its older path: `keras.applications.resnet50`."""

from minikeras.applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
