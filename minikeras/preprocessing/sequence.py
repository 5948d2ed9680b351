"""`keras.preprocessing.sequence`."""

from minikeras.utils.arrays import pad_sequences

__all__ = ["pad_sequences"]
