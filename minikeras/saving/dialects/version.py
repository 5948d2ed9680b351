"""Which Keras wrote a config: by what it says, else by how it looks."""

from __future__ import annotations

import re

from minikeras.types import Config

Version = tuple[int, int]

TODAY: Version = (3, 15)
# Arguments that only Keras 1 wrote.
_OF_KERAS_1 = frozenset(
    ("nb_filter", "border_mode", "dim_ordering", "output_dim", "W_regularizer",
     "inner_activation", "input_dtype", "pool_length")
)  # fmt: skip
_DEPTH = 8  # how deep signs are looked for


def parse(text: object) -> Version | None:
    """`(major, minor)` of "2.2.4-tf" and the like; None for what is no version."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    found = (
        re.match(r"\s*(\d{1,4})\.(\d{1,4})", text) if isinstance(text, str) else None
    )
    return (int(found[1]), int(found[2])) if found else None


def guess(config: Config) -> Version:
    """The dialect of a config that does not say its version.

    A layer with arguments of Keras 1 is of 1.2; nodes that are lists, or layers with
    `batch_input_shape`, are of 2.x; everything else is taken as today's.
    """
    signs = set(_signs(config, _DEPTH))
    return (1, 2) if 1 in signs else (2, 15) if 2 in signs else TODAY


def _signs(value: object, depth: int) -> list[int]:
    if depth == 0:
        return []
    if isinstance(value, list):
        return [sign for v in value for sign in _signs(v, depth - 1)]
    if not isinstance(value, dict):
        return []
    found = [sign for v in value.values() for sign in _signs(v, depth - 1)]
    keys = value.keys()
    if keys & _OF_KERAS_1 and "embeddings_initializer" not in keys:
        found.append(1)
    if "batch_input_shape" in keys or "time_major" in keys:
        found.append(2)
    nodes = value.get("inbound_nodes")
    if isinstance(nodes, list) and nodes and isinstance(nodes[0], list):
        found.append(2)
    return found
