"""Policies for the layers of a model, by their paths."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from minikeras.budget import count_calls
from minikeras.dtype_policies.finding import get, serialize
from minikeras.dtype_policies.policy import DTypePolicy

_PLAIN = re.compile(r"[\w/ :-]*")
_REPEATS = re.compile(r"[*+{]")
_NESTED = re.compile(r"\)[*+{]")


class DTypePolicyMap(DTypePolicy, MutableMapping[str, Any]):
    """Policies for the layers of a model, by their paths.

    Given as `dtype` to a layer, the layer and those made with the same map take the
    policy of the key that is their path, or else of the one regular expression that
    matches all of it, or else the default. Paths are known when layers are built.

    Args:
        default_policy: For paths that no key matches; None is the global policy of
            when the map is made.
        policy_map: Keys to policies, to start with.

    Raises:
        TypeError: If `policy_map` is no dict.

    >>> policies = DTypePolicyMap("float32", {"model/head": "float16"})
    >>> policies["model/head"].name, policies["model/body"].name
    ('float16', 'float32')
    """

    _is_value = False  # it changes

    def __init__(
        self,
        default_policy: object = None,
        policy_map: Mapping[str, Any] | None = None,
    ) -> None:
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                f"DTypePolicyMap: policy_map={policy_map!r}; expected a dict of paths and "
                "policies."
            )
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("DTypePolicyMap: default_policy cannot be a map itself.")
        self._given = None if default_policy is None else get(default_policy)
        self._default: DTypePolicy = get(self._given)
        self._policies: dict[str, DTypePolicy] = {}
        for key, value in (policy_map or {}).items():
            self[key] = value

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of paths that no key matches."""
        return self._default

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
    def quantization_mode(self) -> str | None:
        """The default policy's."""
        return self.default_policy.quantization_mode

    @property
    def run_dtype(self) -> str:
        """The default policy's."""
        return self.default_policy.run_dtype

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        found = [k for k in self._policies if _matches(k, key)]
        if len(found) > 1:
            raise ValueError(
                f"DTypePolicyMap: path {key!r} matches {found}; expected at most one key."
            )
        return self._policies[found[0]] if found else self.default_policy

    def __setitem__(self, key: str, policy: object) -> None:
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
            and other._given == self._given
            and other._policies == self._policies
        )

    __hash__ = None  # type: ignore[assignment]  # mutable: no hash

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        default = self._given
        return {
            "default_policy": None if default is None else _named(default),
            "policy_map": {k: serialize(p) for k, p in self._policies.items()},
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: object = None
    ) -> DTypePolicyMap:
        """The map that `get_config` described.

        Args:
            config: What `get_config` returned.
            custom_objects: Kept for Keras's signature: policies are of built-in classes.
        """
        return cls(**config)

    def __repr__(self) -> str:
        shown = [(key, policy.name) for key, policy in self._policies.items()]
        return (
            f"<DTypePolicyMap at 0x{id(self):x} default_policy={self.default_policy.name}, "
            f"mapping={shown}>"
        )


def _matches(pattern: str, path: str) -> bool:
    if _PLAIN.fullmatch(pattern):
        return False  # such a key means itself alone
    repeats = len(_REPEATS.findall(pattern))
    # A file's pattern may take very long: the letters to the power of its repeats, and
    # far more where what is repeated has repeats in it.
    steps = math.inf if _NESTED.search(pattern) else len(path) ** repeats
    count_calls(1 + len(pattern) // 50 + steps / 10_000, "tries patterns for dtypes")
    try:
        return re.fullmatch(pattern, path) is not None
    except re.error as error:
        raise ValueError(
            f"DTypePolicyMap: key {pattern[:100]!r} is neither a path nor a regular "
            f"expression: {error}."
        ) from None


def _named(policy: DTypePolicy) -> str | dict[str, Any]:
    """The policy's name where `get` finds it by that, else its config."""
    return policy.name if type(policy) is DTypePolicy else serialize(policy)
