"""`tf.config` and `tf.test`: what scripts ask about devices before they begin."""

from __future__ import annotations

from typing import NamedTuple

from minikeras.alias.tensorflow import core
from minikeras.alias.tensorflow.core import run_eagerly
from minikeras.config import set_matmul_precision
from minikeras.engine import backend as registry


class PhysicalDevice(NamedTuple):
    """A processor."""

    name: str
    device_type: str


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The processor in use: a GPU where the backend in use computes on one."""
    found = [PhysicalDevice("/physical_device:CPU:0", "CPU")]
    if registry.active().processor == "gpu":
        found.append(PhysicalDevice("/physical_device:GPU:0", "GPU"))
    return [d for d in found if device_type in (None, d.device_type)]


list_logical_devices = list_physical_devices
get_visible_devices = list_physical_devices


def set_memory_growth(device: object, enable: bool) -> None:
    """Accepted and ignored: memory is taken when it is needed."""


def set_visible_devices(devices: object, device_type: str | None = None) -> None:
    """Accepted and ignored: the backend in use says what computes."""


def run_functions_eagerly(run_eagerly_: bool) -> None:
    """Whether `tf.function` leaves functions as they are."""
    run_eagerly(run_eagerly_)


def enable_tensor_float_32_execution(enabled: bool) -> None:
    """Whether float32 products may round their operands, on a GPU."""
    set_matmul_precision("high" if enabled else "highest")


def functions_run_eagerly() -> bool:
    """Whether `tf.function` leaves functions as they are."""
    return core._eager


def _ignored(*args: object, **kwargs: object) -> None:
    """Accepted and ignored: it changes nothing of what is computed here."""


enable_op_determinism = _ignored  # results are the same each time anyway
set_soft_device_placement = _ignored
experimental_run_functions_eagerly = run_functions_eagerly


class threading:
    """Threads: `MINIKERAS_NUM_THREADS` says how many there are."""

    set_inter_op_parallelism_threads = staticmethod(_ignored)
    set_intra_op_parallelism_threads = staticmethod(_ignored)


class optimizer:
    """Functions are compiled either way."""

    set_jit = staticmethod(_ignored)


def is_gpu_available(*args: object, **kwargs: object) -> bool:
    """Whether the backend in use computes on a GPU."""
    return bool(list_physical_devices("GPU"))


def is_built_with_cuda() -> bool:
    """Whether the backend in use computes on a GPU."""
    return is_gpu_available()


def gpu_device_name() -> str:
    """`"/device:GPU:0"`, or nothing."""
    return "/device:GPU:0" if is_gpu_available() else ""


__all__ = [
    "PhysicalDevice", "enable_op_determinism", "enable_tensor_float_32_execution",
    "experimental_run_functions_eagerly", "functions_run_eagerly", "get_visible_devices",
    "gpu_device_name", "is_built_with_cuda", "is_gpu_available", "list_logical_devices",
    "list_physical_devices", "optimizer", "run_functions_eagerly", "set_memory_growth",
    "set_soft_device_placement", "set_visible_devices", "threading",
]  # fmt: skip
