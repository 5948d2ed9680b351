"""Dtype policies: the dtype a layer keeps its weights in, and the one it computes in."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, MutableMapping
from typing import Any

from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine import dtypes
from minikeras.engine.symbolic import KerasTensor

_HALF = ("float16", "bfloat16")
_warned: set[str] = set()
_global_policy: DTypePolicy | None = None


class DTypePolicy:
    """The dtypes of a layer: of its variables, and of its computation.

    Args:
        name: A dtype (`"float32"`), or `"mixed_float16"` / `"mixed_bfloat16"`:
            variables in float32, computation in half precision. Backends without fast
            half-precision arithmetic compute such layers in float32, and say so once.
    Raises:
        ValueError: If the name is unknown.

    >>> policy = DTypePolicy("mixed_bfloat16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, name: Any = None) -> None:
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
                if "_from_" in str(name):
                    raise ValueError(
                        f"DTypePolicy: name={name!r} is a quantized policy; minikeras does "
                        "not quantize. Expected 'mixed_float16', 'float32' or the like."
                    ) from None
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

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """An argument of a layer's call as the layer gets it.

        Args:
            x: Array, tensor, KerasTensor or anything else.
            autocast: Whether floats are cast.
            dtype: The float dtype to cast to.

        Returns:
            Arrays as tensors, floats among them in `dtype`; anything else as it is.

        >>> import numpy as np
        >>> DTypePolicy().convert_input(np.ones(2), True, "float16").dtype
        'float16'
        """
        dtype = dtypes.standardize(dtype)
        array = hasattr(x, "__array__") and hasattr(x, "dtype")
        if not array or isinstance(x, (bool, int, float)):
            return x
        if autocast and dtypes.is_float(dtypes.standardize(x.dtype)):
            return ops.cast(x, dtype)
        return x if isinstance(x, KerasTensor) else ops.convert_to_tensor(x)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """The policy that `get_config` described."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


class FloatDTypePolicy(DTypePolicy):
    """The same, under the name that code for older Keras imports.

    Args:
        name: As in `DTypePolicy`.

    >>> FloatDTypePolicy("float16") == DTypePolicy("float16")
    True
    """


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


def get(identifier: Any) -> Any:
    """A policy from a policy, a dtype, a name or a config; None is the global one.

    A `DTypePolicyMap`, or its config, is taken as well.

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


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The policy as a config dict.

    >>> serialize(DTypePolicy("float16"))["config"]
    {'name': 'float16'}
    """
    several = isinstance(dtype_policy, DTypePolicyMap)
    return {
        "module": "keras.dtype_policies" if several else "keras",
        "class_name": "DTypePolicyMap" if several else "DTypePolicy",
        "config": dtype_policy.get_config(),
        "registered_name": None,
    }


def deserialize(config: dict[str, Any], custom_objects: Any = None) -> DTypePolicy:
    """The policy, or map of policies, of a config dict.

    >>> deserialize(serialize(DTypePolicy("float16")))
    <DTypePolicy "float16">
    """
    inner = config.get("config", config)
    if config.get("class_name") == "DTypePolicyMap" or "policy_map" in inner:
        return DTypePolicyMap.from_config(inner)
    if "name" not in inner or config.get("class_name", "DTypePolicy") not in _KNOWN:
        raise ValueError(
            f"the dtype policy {config!r} is not supported; expected a DTypePolicy or a "
            "DTypePolicyMap. Layers are not quantized here."
        )
    return DTypePolicy(inner["name"])


# Names of the class in configs, also of Keras 2.
_KNOWN = ("DTypePolicy", "FloatDTypePolicy", "Policy", "PolicyV1")


class DTypePolicyMap(DTypePolicy, MutableMapping[str, Any]):
    """Policies for the layers of a model, by their paths.

    Given as `dtype` to a layer, the layer and those made with the same map take the
    policy of the key that is their path, or else of the one regular expression that
    matches all of it, or else the default. Paths are known when layers are built.

    Args:
        default_policy: For paths that no key matches; None is the global policy.
        policy_map: Keys to policies, to start with.

    Raises:
        TypeError: If `policy_map` is no dict.

    >>> policies = DTypePolicyMap("float32", {"model/head": "float16"})
    >>> policies["model/head"].name, policies["model/body"].name
    ('float16', 'float32')
    """

    def __init__(
        self, default_policy: Any = None, policy_map: dict[str, Any] | None = None
    ) -> None:
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                f"DTypePolicyMap: policy_map={policy_map!r}; expected a dict of paths and "
                "policies."
            )
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("DTypePolicyMap: default_policy cannot be a map itself.")
        self._default = None if default_policy is None else get(default_policy)
        self._policies: dict[str, DTypePolicy] = {}
        for key, value in (policy_map or {}).items():
            self[key] = value

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of paths that no key matches."""
        return dtype_policy() if self._default is None else self._default

    @property
    def name(self) -> str:
        """`map_` and the name of the default policy."""
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        """The default policy's."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The default policy's."""
        return self.default_policy.variable_dtype

    @property
    def run_dtype(self) -> str:
        """The default policy's."""
        return self.default_policy.run_dtype

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        found = [k for k in self._policies if re.fullmatch(k, key)]
        if len(found) > 1:
            raise ValueError(
                f"DTypePolicyMap: path {key!r} matches {found}; expected at most one key."
            )
        return self._policies[found[0]] if found else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policies:
            raise ValueError(
                f"DTypePolicyMap: {key!r} is there already; delete it first to replace it."
            )
        self._policies[key] = get(policy)

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DTypePolicyMap)
            and other._default == self._default
            and other._policies == self._policies
        )

    __hash__ = None  # type: ignore[assignment]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "default_policy": None if self._default is None else self._default.name,
            "policy_map": {k: serialize(p) for k, p in self._policies.items()},
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> DTypePolicyMap:
        """The map that `get_config` described.

        Args:
            config: What `get_config` returned.
            custom_objects: Kept for Keras's signature: policies are of built-in classes.
        """
        return cls(**config)

    def __repr__(self) -> str:
        shown = {k: p.name for k, p in self._policies.items()}
        return f"<DTypePolicyMap default_policy={self.default_policy.name} {shown}>"


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "deserialize",
    "get",
    "serialize",
]
