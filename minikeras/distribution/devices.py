"""The devices of all processes: one for each rank."""

from __future__ import annotations

from minikeras.distribution import world
from minikeras.engine import backend as registry

_KINDS = ("cpu", "gpu", "tpu")


def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of all processes, one for each.

    Args:
        device_type: `"cpu"`, `"gpu"` or `"tpu"`. Default: what the backend computes on.

    Returns:
        Names such as `"cpu:0"`; the number is the rank. Empty for another kind than that
        which computes.

    Raises:
        ValueError: If there is no such kind.

    Example:
        >>> len(keras.distribution.list_devices())
        1
    """
    if device_type is not None and device_type.lower() not in _KINDS:
        raise ValueError(
            f"list_devices: device_type={device_type!r}; expected one of {_KINDS}, or None."
        )
    found = registry.active().processor
    if device_type is not None and device_type.lower() != found:
        return []
    return [f"{found}:{rank}" for rank in range(world.size())]


def get_device_count(device_type: str | None = None) -> int:
    """How many devices of a kind there are.

    Args:
        device_type: As for `list_devices`.

    Example:
        >>> keras.distribution.get_device_count("tpu")
        0
    """
    return len(list_devices(device_type))
