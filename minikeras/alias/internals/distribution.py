"""`keras.distribution` of one process on one device, where nothing else is there."""

from __future__ import annotations

from typing import Any

from minikeras.engine import backend as registry
from minikeras.types import ArrayLike


def list_devices(device_type: str | None = None) -> list[str]:
    """The device that computes, `"cpu:0"` or `"gpu:0"`; none of another kind."""
    found = registry.active().processor
    return [f"{found}:0"] if device_type in (None, found) else []


def get_device_count(device_type: str | None = None) -> int:
    """How many devices of a kind compute here: one or none."""
    return len(list_devices(device_type))


def distribution() -> None:
    """The distribution that is set: none."""
    return None


def set_distribution(value: object) -> None:
    """Takes None, which changes nothing.

    Raises:
        NotImplementedError: For anything else.
    """
    if value is not None:
        raise NotImplementedError(
            f"set_distribution: got {value!r}; expected None: there is one process on one "
            "device."
        )


def initialize(
    job_addresses: Any = None, num_processes: int | None = None, process_id: Any = None
) -> None:
    """Takes one process, which needs nothing.

    Raises:
        NotImplementedError: For more.
    """
    if job_addresses or (num_processes or 1) > 1:
        raise NotImplementedError(
            f"initialize: num_processes={num_processes}; expected 1: processes do not train "
            "together here."
        )


def distribute_tensor(tensor: ArrayLike, layout: Any) -> Any:
    """The tensor: there is one device."""
    return tensor


__all__ = [
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]
