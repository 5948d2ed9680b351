"""Dtype policies: the dtype a layer keeps its weights in, and the one it computes in."""

from __future__ import annotations

import warnings
from typing import Any

from minikeras.engine import backend as registry
from minikeras.engine import dtypes

_HALF = ("float16", "bfloat16")
_warned: set[str] = set()
_global_policy: DTypePolicy | None = None


class DTypePolicy:
    """The dtypes of a layer: of its variables, and of its computation.

    Args:
        name: A dtype (`"float32"`), or `"mixed_float16"` / `"mixed_bfloat16"`:
            variables in float32, computation in half precision. Backends without fast
            half-precision arithmetic compute such layers in float32, and say so once.
        source_name: Kept for Keras's signature.

    Raises:
        ValueError: If the name is unknown.

    >>> policy = DTypePolicy("mixed_bfloat16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, name: Any = None, source_name: str | None = None) -> None:
        if name is None:
            name = dtypes.floatx()
        if not isinstance(name, str):
            name = dtypes.standardize(name)
        self._name = name
        if name in ("mixed_float16", "mixed_bfloat16"):
            self._compute_dtype = name.removeprefix("mixed_")
            self._variable_dtype = "float32"
        else:
            try:
                self._compute_dtype = self._variable_dtype = dtypes.standardize(name)
            except ValueError:
                raise ValueError(
                    f"DTypePolicy: name={name!r}; expected 'mixed_float16', "
                    f"'mixed_bfloat16' or one of {', '.join(dtypes.ALLOWED)}."
                ) from None

    @property
    def name(self) -> str:
        """The name it was made with."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype that layers compute in."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype that variables are kept in."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> None:
        """None: layers are not quantized."""
        return None

    @property
    def run_dtype(self) -> str:
        """The dtype computed in here: float32 for mixed policies on a CPU backend."""
        if (
            self._compute_dtype == self._variable_dtype
            or registry.current_name() == "cupy"
        ):
            return self._compute_dtype
        if self._name not in _warned:
            _warned.add(self._name)
            warnings.warn(
                f"Policy {self._name!r} on the {registry.current_name()!r} backend computes "
                "in float32: CPUs have no fast half-precision arithmetic. The policy is kept, "
                "so a model saved here computes in half precision on a GPU.",
                stacklevel=2,
            )
        return "float32"

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """The policy that `get_config` described."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


FloatDTypePolicy = DTypePolicy


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are made without `dtype`.

    >>> dtype_policy().name
    'float32'
    """
    return DTypePolicy() if _global_policy is None else _global_policy


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers that are made without `dtype`.

    Args:
        policy: A `DTypePolicy` or its name.
    """
    global _global_policy
    _global_policy = None if policy is None else get(policy)


def get(identifier: Any) -> DTypePolicy:
    """A policy from a policy, a dtype, a name or a config; None is the global one.

    Raises:
        ValueError: If it stands for no policy.

    >>> get("float64").compute_dtype
    'float64'
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    try:
        return DTypePolicy(dtypes.standardize(identifier))
    except ValueError:
        raise ValueError(
            f"dtype={identifier!r} stands for no dtype policy; expected a DTypePolicy, a "
            "dtype, a name such as 'mixed_float16', or a config dict."
        ) from None


def serialize(policy: DTypePolicy) -> dict[str, Any]:
    """The policy as a config dict."""
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": policy.get_config(),
        "registered_name": None,
    }


def deserialize(config: dict[str, Any], custom_objects: Any = None) -> DTypePolicy:
    """The policy of a config dict."""
    inner = config.get("config", config)
    return DTypePolicy(inner["name"])
