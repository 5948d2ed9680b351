"""Layers that turn sound into spectrograms."""

from minikeras.layers.preprocessing.audio.mel import MelSpectrogram
from minikeras.layers.preprocessing.audio.stft import STFTSpectrogram

__all__ = ["MelSpectrogram", "STFTSpectrogram"]
