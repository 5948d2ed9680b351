"""The dtypes of a layer: of what it keeps, and of what it computes."""

from __future__ import annotations

from typing import Any

from minikeras import naming, ops
from minikeras.engine import backend as registry
from minikeras.engine import dtypes
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.warn import warn_user

_warned: set[str] = set()


class DTypePolicy:
    """The dtypes of a layer: of its variables, and of its computation.

    Args:
        name: A dtype (`"float32"`), or `"mixed_float16"` / `"mixed_bfloat16"`:
            variables in float32, computation in half precision. Backends without fast
            half-precision arithmetic compute such layers in float32, and say so once.
            None is the name of the global policy.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If it is neither a string nor a dtype.

    >>> policy = DTypePolicy("mixed_bfloat16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('bfloat16', 'float32')
    """

    _is_value = True  # for `saving.sharing`

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            # Looked up late: the global policy is one of these.
            from minikeras.dtype_policies.finding import dtype_policy

            name = dtype_policy().name
        if not isinstance(name, str):
            name = _dtype_name(name)
        self._name = name
        if name in ("mixed_float16", "mixed_bfloat16"):
            self._compute_dtype = name.removeprefix("mixed_")
            self._variable_dtype = "float32"
        else:
            try:
                self._name = dtypes.standardize(name)
                self._compute_dtype = self._variable_dtype = self._name
            except ValueError:
                if "_from_" in str(name):
                    raise ValueError(
                        f"DTypePolicy: name={name!r}; expected a policy without "
                        "quantization, or dtype_policies.get for one with."
                    ) from None
                mixed = ("mixed_float16", "mixed_bfloat16")
                raise ValueError(
                    f"DTypePolicy: name={naming.shown(name)}; expected a dtype such as "
                    f"'float32', or one of {', '.join(map(repr, mixed))}. "
                    f"{naming.did_you_mean(name, (*mixed, *dtypes.ALLOWED))}"
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
    def quantization_mode(self) -> str | None:
        """How weights are quantized; None: they are not."""
        return None

    @property
    def run_dtype(self) -> str:
        """The dtype computed in here: float32 for mixed policies where a CPU computes."""
        same = self._compute_dtype == self._variable_dtype
        if same or registry.active().processor == "gpu":
            return self._compute_dtype
        if self._name not in _warned:
            _warned.add(self._name)
            warn_user(
                f"Policy {self._name!r} on the {registry.current_name()!r} backend computes "
                "in float32: CPUs have no fast half-precision arithmetic. The policy is kept, "
                "so a model saved here computes in half precision on a GPU."
            )
        return "float32"

    def convert_input(self, x: Any, autocast: bool, dtype: str) -> Any:
        """An argument of a layer's call as the layer gets it.

        Args:
            x: Array, tensor, KerasTensor or anything else.
            autocast: Whether floats are cast.
            dtype: The float dtype to cast to.

        Returns:
            Arrays as tensors, floats among them in `dtype`; anything else as it is.

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
        if not isinstance(other, DTypePolicy) or self._kind() is not other._kind():
            return False
        return self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(self.name)

    def _kind(self) -> type:
        """The class that it counts as in comparisons."""
        return DTypePolicy if type(self) is FloatDTypePolicy else type(self)

    def __repr__(self) -> str:
        return f'<{self._kind().__name__} "{self.name}">'


def _dtype_name(dtype: object) -> str:
    try:
        return dtypes.standardize(dtype)
    except ValueError:
        raise TypeError(
            f"DTypePolicy: name={dtype!r} of type {type(dtype).__name__}; expected a name "
            "such as 'mixed_float16', or a dtype."
        ) from None


class FloatDTypePolicy(DTypePolicy):
    """The same, under the name that code for older Keras imports.

    Args:
        name: As in `DTypePolicy`.

    >>> FloatDTypePolicy("float16") == DTypePolicy("float16")
    True
    """
