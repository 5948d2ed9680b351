"""Training on several processes, machines and GPUs: `keras.distribution`.

Processes are started by MPI (`minikeras launch`, mpiexec, Slurm, Kubernetes), each runs
the same script, and one line makes them train one model. See the guide "Distribution".
"""

from minikeras.distribution.devices import get_device_count, list_devices
from minikeras.distribution.mesh import DeviceMesh, LayoutMap, TensorLayout
from minikeras.distribution.strategy import (
    DataParallel,
    ModelParallel,
    distribute_tensor,
    distribution,
    initialize,
    set_distribution,
)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "DataParallel",
    "DeviceMesh",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]
