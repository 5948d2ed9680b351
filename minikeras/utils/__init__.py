"""Utilities: seeds, one-hot labels, normalisation."""

from minikeras.utils.numerical import normalize, to_categorical
from minikeras.utils.seeds import set_random_seed

__all__ = ["normalize", "set_random_seed", "to_categorical"]
