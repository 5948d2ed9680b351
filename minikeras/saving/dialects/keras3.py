"""Keras 3.0 to 3.14: the few things that today's version says in another way."""

from __future__ import annotations

from typing import Any

from minikeras.saving.dialects import nodes
from minikeras.saving.dialects.version import Version

Config = dict[str, Any]

_UNWRAPPED_SINCE = (3, 11)


def graph(config: Config, version: Version) -> Config:
    """A functional model's config: one tensor was written as a list of one until 3.10."""
    return nodes.unwrapped_ends(config) if version < _UNWRAPPED_SINCE else config
