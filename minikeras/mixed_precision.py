"""`keras.mixed_precision`: dtype policies under the names that older code uses."""

from minikeras.dtype_policies import DTypePolicy, dtype_policy, set_dtype_policy
from minikeras.optimizers import LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
