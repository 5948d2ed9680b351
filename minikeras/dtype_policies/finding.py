"""Policies by name, dtype or config; the policy of layers that are given none."""

from __future__ import annotations

from typing import Any

from minikeras.dtype_policies.policy import DTypePolicy
from minikeras.dtype_policies.quantized import MODES, quantized_by_name
from minikeras.engine import dtypes
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)

# Names of the class in configs of Keras 2.
_OLD_NAMES = {"Policy": DTypePolicy, "PolicyV1": DTypePolicy}
_global_policy: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """The dtype policy of layers that are made without `dtype`.

    Example:
        >>> dtype_policy().name
        'float32'
    """
    return DTypePolicy(dtypes.floatx()) if _global_policy is None else _global_policy


def set_dtype_policy(policy: DTypePolicy | str | None) -> None:
    """Sets the dtype policy of layers that are made without `dtype`.

    Args:
        policy: A `DTypePolicy`, or its name, such as `"mixed_bfloat16"`.

    Raises:
        ValueError: If it stands for no policy.

    Example:
        >>> set_dtype_policy("mixed_bfloat16")
        >>> dtype_policy().compute_dtype
        'bfloat16'
        >>> set_dtype_policy("float32")
    """
    global _global_policy
    if policy is None:
        raise ValueError(
            "set_dtype_policy: policy=None; expected a DTypePolicy or its name, e.g. "
            f"{dtypes.floatx()!r}."
        )
    _global_policy = get(policy)


def get(identifier: object) -> Any:
    """A policy from a policy, a dtype, a name or a config; None is the global one.

    A `DTypePolicyMap`, or its config, is taken as well.

    Raises:
        ValueError: If it stands for no policy.

    >>> get("float64").compute_dtype
    'float64'
    >>> get("int8_from_float32").quantization_mode
    'int8'
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        quantized = "_from_" in identifier and identifier.startswith(MODES)
        return (quantized_by_name if quantized else DTypePolicy)(identifier)
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
    config: dict[str, Any] = serialize_keras_object(dtype_policy)
    return config


def deserialize(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> DTypePolicy:
    """The policy, or map of policies, of a config dict.

    Args:
        config: What `serialize` gave.
        custom_objects: Names of classes that are not registered.

    Raises:
        ValueError: If it describes no policy.

    >>> deserialize(serialize(DTypePolicy("float16")))
    <DTypePolicy "float16">
    """
    policy = None
    if isinstance(config, dict) and "class_name" in config:
        policy = deserialize_keras_object(
            config, module_objects=_OLD_NAMES, custom_objects=custom_objects
        )
    if isinstance(policy, DTypePolicy):
        return policy
    raise ValueError(
        f"dtype_policies.deserialize: config={config!r} describes no dtype policy; "
        "expected what `serialize` gives."
    )
