"""Models described as JSON: the config alone, from which a model with fresh weights is made."""

from __future__ import annotations

from typing import Any

from minikeras.saving import (
    dialects,
    limits,
    model_files,
    serialization,
    sharing,
    sniff,
)
from minikeras.types import Config
from minikeras.variable import values_later


def config_of(text: str | bytes, owner: str) -> Config | None:
    """The config that a text holds; None if it describes no model.

    Args:
        text: What `Model.to_json` gave, in any version of Keras.
        owner: Begins an error.

    Raises:
        FileError: If it is no JSON, or nested too deeply.
    """
    config = limits.parse_json(text, owner)
    if isinstance(config, str):  # some versions of Keras 1 encoded it twice
        config = limits.parse_json(config, owner)
    described = isinstance(config, dict) and "class_name" in config
    return config if described else None


def config_of_file(path: str) -> Config | None:
    """The config that a file of JSON holds; None where the file holds another thing."""
    if sniff.kind_of(path) != "json":
        return None
    with open(path, "rb") as file:  # one byte more than is read of any JSON
        return config_of(file.read(limits.MAX_JSON_BYTES + 1), repr(path))


def model_of(
    config: Config,
    owner: str,
    custom_objects: dict[str, Any] | None = None,
    safe_mode: bool = True,
) -> Any:
    """What a config describes, of any version, with fresh weights.

    Those of a large model are made when they are first asked for: a short text takes no
    memory by itself, and weights that are loaded next replace what was never made.

    Args:
        config: What `config_of` gave.
        owner: Begins an error.
        custom_objects: Names of classes and functions that are not part of the package.
        safe_mode: Whether to refuse code in the config.

    Raises:
        ValueError: If it holds unknown objects, or asks for variables of more than 2 GiB
            while code in files is not trusted.
    """
    with (
        model_files.clear_build_errors(owner),
        sharing.shared_objects(reading=True),
        values_later(limits.MAX_TEXT_MADE),
        model_files.limit_of_text(owner),
    ):
        modern = dialects.modern_config(config)
        sharing.number_firsts(modern)
        return serialization.deserialize_keras_object(
            modern,
            custom_objects=custom_objects,
            safe_mode=safe_mode,
        )
