"""InputSpec: what a layer asks of the shapes and dtypes of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minikeras.engine import tree
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.errors import see

if TYPE_CHECKING:
    from minikeras.types import ArrayLike, Nested


class InputSpec:
    """Rank, shape and dtype that a layer expects of an input.

    Args:
        dtype: Expected dtype.
        shape: Expected shape; None stands for any size.
        ndim: Expected rank.
        max_ndim: Greatest rank.
        min_ndim: Least rank.
        axes: Axis to expected size.
        allow_last_axis_squeeze: Whether a last axis of size 1 may be missing or added.
        name: Key of the input, if inputs come as a dict.
        optional: Whether the input may be None.

    >>> InputSpec(min_ndim=2, axes={-1: 8})
    InputSpec(min_ndim=2, axes={-1: 8})
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional
        limit = self.ndim if self.ndim is not None else max_ndim
        if limit is not None and self.axes and max(self.axes) >= limit:
            raise ValueError(
                f"InputSpec: axis {max(self.axes)} is not below the rank {limit}."
            )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        keys = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {key: getattr(self, key) for key in keys}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """The spec that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        keys = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        given = [f"{k}={getattr(self, k)!r}" for k in keys if getattr(self, k)]
        return f"InputSpec({', '.join(given)})"


def check(spec: object, inputs: Nested[ArrayLike], owner: Callable[[], str]) -> None:
    """Hold `inputs` against a spec, or a structure of them.

    Raises:
        ShapeError: Naming the layer, the input, what came and what was expected.
    """
    if type(spec) is InputSpec:
        # The commonest first: this stands in the way of every call of a layer.
        if not isinstance(inputs, (list, tuple, dict)):
            problem = _problem(spec, inputs)
            if problem:
                _refuse(owner, problem, inputs, 0)
            return
    specs = tree.flatten(spec)
    if isinstance(inputs, dict) and all(s.name for s in specs):
        missing = [s.name for s in specs if s.name not in inputs and not s.optional]
        if missing:
            raise ValueError(
                f"{owner()}: input {missing[0]!r} is missing; got keys {sorted(inputs)}."
            )
        values = [inputs.get(s.name) for s in specs]
    else:
        values = tree.flatten(inputs)
    if len(values) != len(specs):
        raise ValueError(
            f"{owner()}: expected {len(specs)} input(s), got {len(values)}. Pass a list with one "
            "tensor for each."
        )
    for i, (s, value) in enumerate(zip(specs, values)):
        if s is None or (value is None and s.optional):
            continue
        problem = _problem(s, value)
        if problem:
            _refuse(owner, problem, value, i)


def _refuse(owner: Callable[[], str], problem: str, value: object, index: int) -> None:
    shape = tuple(getattr(value, "shape", ()))
    raise ShapeError(
        f"Input {index} of {owner()} is incompatible with the layer: expected {problem}; got "
        f"shape {shape}.{_hint(problem)}"
        + see("faq.md#expected-ndim3-found-ndim2-or-shapes-that-do-not-fit")
    )


def _hint(problem: str) -> str:
    """What the likely cause of a missing axis is."""
    if problem == "ndim=3, found ndim=2":
        return (
            " It takes `(batch, steps, features)`; a recurrent layer before it gives all "
            "steps with return_sequences=True."
        )
    if problem.endswith("ndim=4, found ndim=3"):
        return (
            " It takes `(batch, height, width, channels)`; pictures without a channel axis "
            "get one by x[..., None], a single picture its batch axis by x[None]."
        )
    return ""


def _problem(spec: InputSpec, value: Any) -> str:
    """What is wrong with `value`, or an empty string."""
    shape = getattr(value, "shape", None)
    if shape is None:
        return f"a tensor, not {type(value).__name__}"
    rank = len(shape)
    if spec.ndim is not None and rank != spec.ndim:
        if not (spec.allow_last_axis_squeeze and abs(rank - spec.ndim) == 1):
            return f"ndim={spec.ndim}, found ndim={rank}"
    if spec.max_ndim is not None and rank > spec.max_ndim:
        return f"max_ndim={spec.max_ndim}, found ndim={rank}"
    if spec.min_ndim is not None and rank < spec.min_ndim:
        return f"min_ndim={spec.min_ndim}, found ndim={rank}"
    if spec.dtype is not None and value.dtype != spec.dtype:
        return f"dtype={spec.dtype}, found dtype={value.dtype}"
    for axis, wanted in spec.axes.items():
        if wanted is None or not -rank <= axis < rank:  # the rank is another rule's
            continue
        if _differs(shape[axis], wanted):
            return f"axis {axis} of input shape to have value {wanted}"
    if spec.shape is not None:
        wanted_shape, own = spec.shape, tuple(shape)
        if spec.allow_last_axis_squeeze:
            own = own[:-1] if own and own[-1] == 1 else own
            wanted_shape = (
                wanted_shape[:-1] if wanted_shape[-1:] == (1,) else wanted_shape
            )
        if len(own) != len(wanted_shape) or any(map(_differs, own, wanted_shape)):
            return f"shape={spec.shape}, found shape={tuple(shape)}"
    return ""


def _differs(size: object, wanted: object) -> bool:
    if wanted is None or size is None or isinstance(size, Unknown):
        return False
    return bool(size != wanted)
