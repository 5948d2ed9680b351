"""`keras.src.saving`: scopes of reading, and what all that can be saved derives from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from minikeras.layers.base.node import Operation as KerasSaveable
from minikeras.saving.functions import (
    enable_unsafe_deserialization,
    in_safe_mode,
    safe_mode_scope,
)

if TYPE_CHECKING:
    from minikeras.models.model import Model


class SafeModeScope:
    """A block in which stored code may run, or not."""

    def __init__(self, safe_mode: bool = True) -> None:
        self._scope = safe_mode_scope(safe_mode)

    def __enter__(self) -> None:
        self._scope.__enter__()

    def __exit__(self, *exception: Any) -> None:
        self._scope.__exit__(*exception)


class ObjectSharingScope:
    """A block in which objects that occur twice are read once."""

    def __enter__(self) -> ObjectSharingScope:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


def save_weights_only(
    model: Model, filepath: str | os.PathLike[str], **options: object
) -> None:
    """Writes the weights of a model."""
    model.save_weights(filepath)


def load_weights_only(
    model: Model,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
    **options: object,
) -> None:
    """Reads the weights of a model."""
    model.load_weights(filepath, skip_mismatch=skip_mismatch)


__all__ = [
    "KerasSaveable", "ObjectSharingScope", "SafeModeScope", "enable_unsafe_deserialization",
    "in_safe_mode", "load_weights_only", "save_weights_only",
]  # fmt: skip
